"""What others have measured and published, and which run of which workload stands for it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from msgspec import Meta, Struct

from devices.description import Text
from devices.errors import InputError, unknown_name

__all__ = [
    "FIGURES",
    "Pair",
    "Published",
    "PublishedCase",
    "default_published",
    "load_published",
]

_FILE = Path(__file__).with_name("published.toml")

FIGURES = {
    "wall_clock_us": "wall-clock",
    "avg_latency_us": "avg latency",
    "elapsed_us": "elapsed",
    "orchestrator_us": "orchestrator",
    "avg_exec_us": "avg exec",
    "exec_us": "kernel exec",
}
"""What may be published of a run, and what tables call it."""

_Row = TypeVar("_Row", bound=Struct)
_Positive = Annotated[float, Meta(gt=0)]
_Settings = dict[str, Annotated[int, Meta(gt=0)]]


class PublishedCase(Struct, frozen=True, forbid_unknown_fields=True):
    """One run of which figures were published.

    Attributes
    ----------
    name, source : str
        What to call it, and where it was published.
    workload : str
        The workload that stands for it.
    published : dict of str to float
        Figures in us, by their names in `FIGURES`.
    settings : dict of str to int
        Parameters that differ from the workload's defaults.
    runtime : str
        The runtime that it ran on.
    profiling : bool
        Whether records were written.
    kernel : str
        The kernel that ``exec_us`` is of.
    tasks : int or None
        Published number of tasks.
    weight : float
        How much the errors of its figures count in a fit.
    spread_percent : float or None
        Published spread of the first figure from run to run, either way.
    fit : bool
        Whether calibration may use it.
    """

    name: Text
    source: Text
    workload: Text
    published: Annotated[dict[str, _Positive], Meta(min_length=1)]
    settings: _Settings = {}
    runtime: Text = "tmr-2026-04"
    profiling: bool = False
    kernel: str = ""
    tasks: int | None = None
    weight: _Positive = 1.0
    spread_percent: _Positive | None = None
    fit: bool = True


class Pair(Struct, frozen=True, forbid_unknown_fields=True):
    """Two cases that differ in one lever that kernel engineers pull, by their names."""

    name: Text
    before: Text
    after: Text


class Published(Struct, frozen=True):
    """All cases, in the order of the file, pairs of them, and the file for messages."""

    cases: tuple[PublishedCase, ...]
    pairs: tuple[Pair, ...]
    file: str = "published figures"

    def of(self, workload: str) -> tuple[PublishedCase, ...]:
        """Cases that a workload stands for."""
        return tuple(case for case in self.cases if case.workload == workload)


@cache
def default_published() -> Published:
    """The published figures that come with tilesim."""
    return load_published()


def load_published(path: Path | None = None) -> Published:
    """Read published figures from a TOML file, by default those that come with tilesim.

    Raises
    ------
    InputError
        The file cannot be read or is not TOML, or a row has a missing, unknown, negative or
        mistyped field, or names no figure or case. The message names file and row.
    """
    path = path or _FILE
    table = _table(path)
    cases = tuple(_case(row, _where(path, "case", n, row)) for n, row in _rows(table, "case", path))
    if not cases:
        raise InputError(f"{path}: has no [[case]]")
    names = [case.name for case in cases]
    for number, name in enumerate(names):
        if name in names[:number]:
            raise InputError(f"{path}: case {number + 1}: there is a case {name!r} already")
    pairs = []
    for number, row in _rows(table, "pair", path):
        where = _where(path, "pair", number, row)
        pair = _converted(row, Pair, where)
        for name in (pair.before, pair.after):
            if name not in names:
                raise InputError(f"{where}: {unknown_name('case', name, names)}")
        pairs.append(pair)
    return Published(cases, tuple(pairs), str(path))


def _table(path: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise InputError(f"{path}: is not TOML: {error}") from error
    for key in table:
        if key not in ("case", "pair"):
            raise InputError(f"{path}: {unknown_name('table', key, ['case', 'pair'])}")
    return table


def _rows(table: Mapping[str, Any], key: str, path: Path) -> list[tuple[int, Any]]:
    rows = table.get(key, [])
    if not isinstance(rows, list):
        raise InputError(f"{path}: {key}: is a table; write [[{key}]] before each row")
    return list(enumerate(rows, start=1))


def _where(path: Path, kind: str, number: int, row: Mapping[str, Any]) -> str:
    name = row.get("name")
    return f"{path}: {kind} {number}" + (f" ({name!r})" if isinstance(name, str) else "")


def _case(row: Mapping[str, Any], where: str) -> PublishedCase:
    case = _converted(row, PublishedCase, where)
    for figure in case.published:
        if figure not in FIGURES:
            raise InputError(f"{where}: published: {unknown_name('figure', figure, FIGURES)}")
    if ("exec_us" in case.published) != bool(case.kernel):
        raise InputError(f"{where}: exec_us and kernel belong together; one of them is missing")
    return case


def _converted(row: Mapping[str, Any], kind: type[_Row], where: str) -> _Row:
    try:
        return msgspec.convert(row, kind)
    except msgspec.ValidationError as error:
        raise InputError(f"{where}: {error}") from error
