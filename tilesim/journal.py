"""The journal of a sweep: a line for each finished point, from which a killed sweep goes on."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any

from devices.errors import InputError
from tilesim.digests import named_files
from tilesim.points import Row
from tilesim.sweep_plan import Plan

__all__ = ["Journal", "journal_path"]

_SYNC_S = 1.0
"""Seconds of rows that a machine which loses power may forget; a killed process forgets none."""


def journal_path(out: Path) -> Path:
    """Where the journal of a file of results is: beside it."""
    return out.with_name(f"{out.name}.journal")


class Journal:
    """An open journal, which no other sweep can open meanwhile.

    Parameters
    ----------
    out : path
        The file of results that it belongs to.
    plan : Plan
        What is swept.

    Attributes
    ----------
    path : Path
        Its file.
    rows : dict of int to Row
        Rows by number: those that it had, and those that were added.

    Raises
    ------
    InputError
        It cannot be written, another sweep has it open, it is of another sweep, or is damaged.
    """

    def __init__(self, out: Path, plan: Plan) -> None:
        self.path = journal_path(out)
        self.rows: dict[int, Row] = {}
        self._synced = monotonic()
        try:
            self._file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
        except OSError as error:
            raise self._failed("open", error) from error
        try:
            self._lock(out)
            self._read(plan)
        except BaseException:
            os.close(self._file)
            raise

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._file)

    def add(self, row: Row) -> None:
        """Note a finished point.

        Raises
        ------
        InputError
            It cannot be written; what was written before is kept.
        """
        self.rows[row.number] = row
        self._write({"n": row.number, "f": row.figures, "e": row.error, "s": row.seconds})
        if monotonic() - self._synced >= _SYNC_S:
            os.fsync(self._file)
            self._synced = monotonic()

    def remove(self) -> None:
        """Delete it, as everything is in the file of results."""
        self.path.unlink(missing_ok=True)

    def _lock(self, out: Path) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(
                f"another sweep is writing {out} at this moment; name another --out, or wait"
            ) from error

    def _read(self, plan: Plan) -> None:
        with open(self._file, "rb", closefd=False) as file:
            content = file.read()
        whole = content.rfind(b"\n") + 1  # a line that a kill has torn is no line
        os.ftruncate(self._file, whole)
        os.lseek(self._file, whole, os.SEEK_SET)
        described = _description(plan)
        if not whole:
            self._write(described)
            return
        head, *lines = content[:whole].splitlines()
        self._check(self._parsed(head, 1), described)
        for number, line in enumerate(lines, start=2):
            row = self._row(self._parsed(line, number), plan, number)
            self.rows[row.number] = row

    def _parsed(self, line: bytes, number: int) -> dict[str, Any]:
        try:
            value = json.loads(line)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise self._damaged(number)
        return value

    def _row(self, value: Mapping[str, Any], plan: Plan, line: int) -> Row:
        number, figures = value.get("n"), value.get("f")
        is_number = isinstance(number, int) and 0 <= number < plan.count
        if not is_number or not isinstance(figures, dict):
            raise self._damaged(line)
        values = plan.point(int(number or 0)).values
        return Row(int(number or 0), values, figures, value.get("e"), float(value.get("s", 0.0)))

    def _check(self, found: Mapping[str, Any], described: Mapping[str, Any]) -> None:
        """Refuse a journal of another sweep."""
        differing = [key for key in described if found.get(key) != described[key]]
        if differing:
            raise InputError(
                f"{self.path} is the journal of another sweep: it differs in "
                f"{', '.join(differing)}; delete it to begin anew, or name another --out"
            )

    def _write(self, value: Mapping[str, Any]) -> None:
        data = json.dumps(value, allow_nan=False).encode() + b"\n"
        try:
            while data:
                data = data[os.write(self._file, data) :]
        except OSError as error:
            raise self._failed("write", error) from error

    def _damaged(self, line: int) -> InputError:
        return InputError(
            f"{self.path}: line {line} is no row of a sweep; delete the file to begin anew"
        )

    def _failed(self, what: str, error: OSError) -> InputError:
        why = (error.strerror or str(error)).lower()
        return InputError(f"cannot {what} {str(self.path)!r}: {why}")


def _description(plan: Plan) -> dict[str, Any]:
    """What tells a sweep from all others, the content of its files included."""
    origin = plan.origin
    described = {
        "tilesim": version("tilesim"),
        "workload": [origin.source, origin.call, list(origin.arguments)],
        "inputs": [*origin.inputs, *origin.assume],
        "settings": dict(plan.settings),
        "setup": dict(plan.setup),
        "axes": [[axis.name, list(axis.values)] for axis in plan.axes],
        "files": named_files(plan),
    }
    plain: dict[str, Any] = json.loads(json.dumps(described))
    return plain
