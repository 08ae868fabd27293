"""Records of a trace file, decoded run by run and kept as columns."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Generic, TypeVar

import msgspec
import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from devices.errors import InputError
from workloads.formats.blocks import FileLimits
from workloads.formats.json_pieces import elements_of

__all__ = [
    "MOST_CORES",
    "MOST_RINGS",
    "CoreId",
    "Microseconds",
    "RecordTable",
    "TaskId",
    "decode_value",
]

MOST_RINGS = 128
"""Rings have 8 bits in a task id (`PTO2TaskId`), of which a graph keeps the positive ones."""

TaskId = Annotated[int, Meta(ge=0, lt=MOST_RINGS << 32)]
"""Ring above 32 bits, number within the ring below."""

MOST_CORES = 32_767
"""Cores are numbered with 16 bits in a trace."""

CoreId = Annotated[int, Meta(ge=0, lt=MOST_CORES)]

Microseconds = Annotated[float, Meta(ge=0.0, le=1e12)]
"""A time; more than 11 days are no trace, and keep no nanoseconds in a float64."""

_Record = TypeVar("_Record")
_Value = TypeVar("_Value")

_PLACE = re.compile(r" - at `\$\[(\d+)\](.*)`$", re.DOTALL)
_FIELD = re.compile(r"^\[(\d+)\]")


class RecordTable(Generic[_Record]):
    """Records of one kind, as columns.

    Parameters
    ----------
    path : Path
        The file, for messages.
    where : str
        What the records are called in the file, such as ``"tasks"``.
    record : type
        What one is: a struct, or a tuple.
    columns : callable
        Turns some records into columns of the same length.
    limits : FileLimits
        How many there may be.
    fields : sequence of str
        Names of the columns of records that are arrays.
    """

    def __init__(
        self,
        path: Path,
        where: str,
        record: type[_Record],
        columns: Callable[[list[_Record]], Sequence[NDArray[Any]]],
        limits: FileLimits,
        fields: Sequence[str] = (),
    ) -> None:
        self.path, self.where, self.fields = path, where, fields
        self._decoder = msgspec.json.Decoder(list[record])  # type: ignore[valid-type]  # a runtime type
        self._single = msgspec.json.Decoder(record)
        self._columns = columns
        self._runs: list[Sequence[NDArray[Any]]] = [columns([])]
        self._most = limits.records
        self.count = 0

    def add(self, content: bytes, array: int | None = None, first: int = 0) -> int:
        """Take a run of records in; returns how many.

        Parameters
        ----------
        content : bytes
            The run, as JSON.
        array : int or None
            Which array of the file they are in, where there are several.
        first : int
            Number of the first one in its array.

        Raises
        ------
        InputError
            One is not as it has to be, or there are too many. The message names it.
        """
        where = self.where if array is None else f"{self.where}[{array}]"
        try:
            records = self._decoder.decode(content)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._refusal(content, str(error), where, first) from error
        self.count += len(records)
        if self.count > self._most:
            raise InputError(
                f"{self.path}: {self.where}: has more than {self._most:,} records, which is the "
                "most that is read; record a shorter run"
            )
        if records:
            self._runs.append(self._columns(records))
        return len(records)

    def columns(self) -> list[NDArray[Any]]:
        """All columns; what they were made of is let go."""
        columns = [np.concatenate(parts) for parts in zip(*self._runs, strict=True)]
        self._runs = [self._columns([])]
        return columns

    def place(self, number: int) -> str:
        """What a record is called in messages."""
        return f"{self.path}: {self.where}[{number}]"

    def _refusal(self, content: bytes, message: str, where: str, first: int) -> InputError:
        """Say which record of a run is wrong, and how."""
        found = _PLACE.search(message)
        if found:
            field = _FIELD.sub(self._named, found[2])
            place = f"{where}[{first + int(found[1])}]{field}"
            return InputError(f"{self.path}: {place}: {message[: found.start()]}")
        for number, element in enumerate(elements_of(content)):
            try:
                self._single.decode(element)
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                return InputError(f"{self.path}: {where}[{first + number}]: {error}")
        return InputError(f"{self.path}: {where}: {message}")

    def _named(self, found: re.Match[str]) -> str:
        number = int(found[1])
        return f".{self.fields[number]}" if number < len(self.fields) else found[0]


def decode_value(path: Path, where: str, content: bytes, kind: type[_Value]) -> _Value:
    """Decode a value of the outermost object.

    Raises
    ------
    InputError
        It is not of its kind; the message names it.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = str(error)
        what, _, place = message.partition(" - at `$")
        raise InputError(f"{path}: {where}{place.removesuffix('`')}: {what}") from error
