"""Sweeps on a Dask cluster: the client, which hands points out and takes rows in."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import Collection, Generator, Iterator, Sequence
from concurrent.futures import CancelledError
from importlib import import_module
from importlib.metadata import version
from itertools import chain
from typing import Any
from uuid import uuid4

from devices.errors import InputError
from tilesim.cluster_worker import Task, find_versions, run_points
from tilesim.digests import named_files
from tilesim.points import Point, Row
from tilesim.sweep_plan import Plan

__all__ = ["check_versions", "run_on_cluster"]

_CONNECT_S = 10
_GONE = (OSError, TimeoutError, RuntimeError, asyncio.CancelledError, CancelledError)
"""What a scheduler that has gone looks like."""
_MOST_POINTS = 16
"""Points of a task: they share a program, and their rows come together."""
_TASKS_A_THREAD, _LEAST_TASKS = 4, 64
"""Tasks that the scheduler knows at a time: enough for workers that join."""


def run_on_cluster(plan: Plan, address: str, done: Collection[int] = ()) -> Generator[Row]:
    """Run the points of a plan that are not done, on the workers of a Dask scheduler.

    A task whose worker dies runs again on another: Dask sees to that. One that has killed several
    is taken apart, and a point that still does is reported as failed.

    Parameters
    ----------
    plan : Plan
        What to run.
    address : str
        Of the scheduler, such as ``tcp://10.0.0.1:8786``.
    done : collection of int
        Numbers of points that have run already.

    Raises
    ------
    InputError
        dask.distributed is not installed, no scheduler answers, or a worker has another version of
        tilesim or other files.
    """
    library = _library()
    client = _connected(library, address)
    try:
        check_versions(client)
        yield from _run(library, client, plan, done)
    finally:
        client.close(timeout=_CONNECT_S)


def _library() -> Any:
    try:
        library = import_module("distributed")
    except ModuleNotFoundError as error:
        raise InputError(
            "--cluster needs dask.distributed, which is not installed; run: "
            "pip install 'tilesim[cluster]'"
        ) from error
    for name in ("distributed", "distributed.client", "distributed.utils"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what matters becomes an `InputError`
    return library


def _connected(library: Any, address: str) -> Any:
    try:
        client = library.Client(address, timeout=_CONNECT_S, set_as_default=False)
    except (OSError, TimeoutError, ValueError) as error:
        raise InputError(
            f"--cluster: no Dask scheduler answers at {address!r} within {_CONNECT_S} s; start one "
            "with: dask scheduler"
        ) from error
    if not client.scheduler_info()["workers"]:
        sys.stderr.write("the cluster has no worker yet; waiting for the first one\n")
        client.wait_for_workers(1)
    return client


def check_versions(client: Any) -> None:
    """Refuse workers that would simulate something else.

    Raises
    ------
    InputError
        A worker has another version of tilesim, or none.
    """
    own = version("tilesim")
    for worker, found in client.run(find_versions, on_error="return").items():
        if isinstance(found, ImportError):
            has = "no tilesim that can be imported"
        elif isinstance(found, str) and found != own:
            has = f"tilesim {found}"
        else:
            continue  # the same; or it is about to end, and so will do no harm
        raise InputError(
            f"--cluster: worker {worker} has {has}, and here is {own}; install the same there"
        )


def _run(library: Any, client: Any, plan: Plan, done: Collection[int]) -> Iterator[Row]:
    files = named_files(plan)
    shared = Task((), version("tilesim"), os.getcwd() if files else None, files, uuid4().hex)  # noqa: PTH109 - a text
    waiting = _tasks(plan, done, _threads(client))
    again: list[list[Point]] = []
    running: dict[Any, list[Point]] = {}
    finished = library.as_completed(loop=client.loop)

    def fill() -> None:
        while len(running) < max(_LEAST_TASKS, _TASKS_A_THREAD * _threads(client)):
            points = again.pop() if again else next(waiting, None)
            if points is None:
                return
            future = client.submit(run_points, shared.of(points), pure=False)
            running[future] = points
            finished.add(future)

    fill()
    while running:
        future = next(finished)
        points = running.pop(future)
        rows = _rows(library, future, points)
        if rows is None:
            again += [[point] for point in points]
        fill()
        yield from rows or ()


def _rows(library: Any, future: Any, points: Sequence[Point]) -> list[Row] | None:
    """The rows of a task; None if its points have to run one by one.

    Raises
    ------
    InputError
        A worker refuses the sweep, or the scheduler has gone.
    """
    try:
        rows: list[Row] = future.result()
    except library.KilledWorker:
        if len(points) > 1:
            return None
        (point,) = points
        told = "its worker died each time; give smaller sizes, or workers with more memory"
        return [Row(point.number, dict(point.values), error=told)]
    except InputError:
        raise
    except ImportError as error:
        raise InputError(
            f"--cluster: a worker has no tilesim that can be imported: {error}"
        ) from error
    except (*_GONE, library.core.CommClosedError) as error:
        raise InputError(f"--cluster: the scheduler has gone: {error}") from error
    return rows


def _threads(client: Any) -> int:
    return max(1, sum(int(threads) for threads in client.nthreads().values()))


def _tasks(plan: Plan, done: Collection[int], threads: int) -> Iterator[list[Point]]:
    """Points of one program each, few enough that all workers have some."""
    size = max(1, min(_MOST_POINTS, (plan.count - len(done)) // (_TASKS_A_THREAD * threads)))
    return chain.from_iterable(
        (group[first : first + size] for first in range(0, len(group), size))
        for group in plan.groups(done)
    )
