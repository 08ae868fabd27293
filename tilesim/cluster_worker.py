"""Sweeps on a Dask cluster: what the workers do."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, chdir
from dataclasses import dataclass, replace
from importlib.metadata import version
from platform import node

from devices.errors import InputError
from tilesim.digests import digest
from tilesim.points import Point, PointRunner, Row
from tilesim.setup_words import forget_files

__all__ = ["Task", "find_versions", "run_points"]

_own = threading.local()
"""The `PointRunner` of each thread, and the sweep that it has checked."""


@dataclass(frozen=True)
class Task:
    """Some points of a sweep, and what their worker has to have.

    Attributes
    ----------
    points : sequence of Point
        What to run.
    version : str
        Of tilesim.
    folder : str or None
        Where the files lie that the sweep names, if it names any.
    files : mapping of str to str
        Digests of these files.
    sweep : str
        The same for all tasks of a sweep.
    """

    points: Sequence[Point]
    version: str
    folder: str | None
    files: Mapping[str, str]
    sweep: str

    def of(self, points: Sequence[Point]) -> Task:
        """The task of other points."""
        return replace(self, points=points)


def find_versions() -> str:
    """The version of tilesim."""
    return version("tilesim")


def run_points(task: Task) -> list[Row]:
    """Run the points of a task.

    Raises
    ------
    InputError
        This worker has another version of tilesim, or other files.
    """
    with ExitStack() as stack:
        if task.folder is not None:
            try:
                stack.enter_context(chdir(task.folder))
            except OSError as error:
                raise InputError(
                    f"worker on {node()}: there is no folder {task.folder}, where the files of the "
                    "sweep lie; it has to be there on all workers, shared or copied"
                ) from error
        if getattr(_own, "sweep", None) != task.sweep:
            _check(task)
            forget_files()
            _own.runner = PointRunner()
            _own.sweep = task.sweep
        return [_own.runner.run(point) for point in task.points]


def _check(task: Task) -> None:
    if find_versions() != task.version:
        raise InputError(
            f"worker on {node()} has tilesim {find_versions()}, and the sweep is of "
            f"{task.version}; install the same there"
        )
    for name, known in task.files.items():
        if digest(name) != known:
            raise InputError(
                f"worker on {node()}: the file {name} is missing in {task.folder}, or is another"
            )
