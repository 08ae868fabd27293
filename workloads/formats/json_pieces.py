r"""JSON files that are larger than memory should hold: cut into pieces that are decoded one by one.

The outermost value is an object. Arrays in it that are long are handed out in runs of whole
elements, as many as a block of the file holds; everything else whole. Cutting looks at brackets
and strings only, with regular expressions that never go back, so it is as fast as the machine
copies; what a piece says is left to the decoder.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from devices.errors import InputError
from workloads.formats.blocks import DEFAULT_LIMITS, FileLimits, read_blocks

__all__ = ["Nesting", "Piece", "elements_of", "json_pieces"]

_SPACE = rb"[ \t\r\n]*+"
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_WORD = rb"[-+.0-9A-Za-z]++"


def _nested(levels: int) -> bytes:
    """A bracket and all inside it, with further brackets up to so many levels."""
    inner = rb'[^"\[\]{}]++|' + _STRING
    if levels > 1:
        inner += rb"|" + _nested(levels - 1)
    return rb"[\[{](?:" + inner + rb")*+[\]}]"


_VALUE = rb"(?:" + _nested(5) + rb"|" + _STRING + rb"|" + _WORD + rb"(?=[ \t\r\n,\]}]))"
_ONE = re.compile(_VALUE, re.DOTALL)
_RUN = re.compile(_VALUE + rb"(?:" + _SPACE + rb"," + _SPACE + _VALUE + rb")*+", re.DOTALL)
_SKIP = re.compile(_SPACE)
_STRUCTURE = re.compile(rb'["\[\]{}]')
_UNENDED = re.compile(rb"[-+.0-9A-Za-z]*+", re.DOTALL)
_QUOTED = re.compile(_STRING, re.DOTALL)


class Nesting(Enum):
    """How an array of the outermost object is handed out."""

    ARRAY = "array"
    """In runs of its elements."""
    ARRAYS = "arrays"
    """It holds arrays, which are handed out in runs of their elements."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the outermost object.

    Attributes
    ----------
    key : str
        Of which key.
    array : int or None
        Which of its arrays the elements are in; None where it has no arrays in it.
    content : bytes
        JSON: an array of elements, or the whole value. An array that is empty gives one piece
        without elements.
    """

    key: str
    array: int | None
    content: bytes


def json_pieces(
    path: Path, nesting: Mapping[str, Nesting], limits: FileLimits = DEFAULT_LIMITS
) -> Iterator[Piece]:
    """Cut a JSON file, plain or packed.

    Parameters
    ----------
    path : Path
        The file.
    nesting : mapping of str to Nesting
        Keys whose arrays are handed out in runs.
    limits : FileLimits
        Where to stop.

    Raises
    ------
    InputError
        As `read_blocks`; or it is no object, is cut short, has a key twice, or has a value that is
        too long or nested too deeply.
    """
    cutter = _Cutter(path, limits)
    cutter.take(b"{", "the object that all records are in")
    seen: set[str] = set()
    closed = cutter.at_close(b"}")
    while not closed:
        key = cutter.key(seen)
        seen.add(key)
        if key in nesting:
            yield from _array(cutter, key, nesting[key])
        else:
            yield Piece(key, None, cutter.value(key))
        closed = cutter.at_close(b"}")
        if not closed:
            cutter.take(b",", f"a comma after {key}")
    cutter.end()


def elements_of(content: bytes) -> Iterator[bytes]:
    """The elements of a run, one by one, each as JSON."""
    for found in _ONE.finditer(content, 1, len(content) - 1):
        yield found.group()


def _array(cutter: _Cutter, key: str, nesting: Nesting) -> Iterator[Piece]:
    cutter.take(b"[", f"an array behind {key}")
    if nesting is Nesting.ARRAY:
        for content in _runs(cutter, key):
            yield Piece(key, None, content)
        return
    number = 0
    closed = cutter.at_close(b"]")
    while not closed:
        where = f"{key}[{number}]"
        cutter.take(b"[", f"an array as {where}")
        for content in _runs(cutter, where):
            yield Piece(key, number, content)
        number += 1
        closed = cutter.at_close(b"]")
        if not closed:
            cutter.take(b",", f"a comma after {where}")


def _runs(cutter: _Cutter, where: str) -> Iterator[bytes]:
    """Elements up to the end of an array, in runs."""
    if cutter.at_close(b"]"):
        yield b"[]"
        return
    while True:
        yield b"[" + cutter.run(where) + b"]"
        if cutter.at_close(b"]"):
            return
        cutter.take(b",", f"a comma between elements of {where}")


class _Cutter:
    """Where in a file we are, with as much of it in memory as is looked at."""

    def __init__(self, path: Path, limits: FileLimits) -> None:
        self._path, self._limits = path, limits
        self._blocks = read_blocks(path, limits)
        self._data = b""
        self._at = 0

    def take(self, wanted: bytes, what: str) -> None:
        """Go past a character that has to stand here."""
        found = self._next()
        if found != wanted:
            there = repr(found.decode("latin-1")) if found else "the end of the file"
            raise self._error(f"has {there} where {what} has to begin", is_cut=not found)
        self._at += 1

    def at_close(self, bracket: bytes) -> bool:
        """Whether a bracket closes here; goes past it."""
        closes = self._next() == bracket
        self._at += closes
        return closes

    def key(self, seen: Collection[str]) -> str:
        """A key of the outermost object, and the colon behind it."""
        raw = self._cut(_QUOTED, "the name of a field")
        key = raw[1:-1].decode("utf-8", errors="replace")
        if key in seen:
            raise InputError(f"{self._path}: has the field {key!r} twice; remove one")
        self.take(b":", f"a colon after {key}")
        return key

    def value(self, where: str) -> bytes:
        """A whole value."""
        return self._cut(_ONE, where)

    def run(self, where: str) -> bytes:
        """As many elements of an array as there are at once, at least one."""
        return self._cut(_RUN, where)

    def end(self) -> None:
        """Refuse what stands behind the outermost object."""
        if self._next():
            raise InputError(
                f"{self._path}: goes on after the object that all records are in; it holds more "
                "than one trace, or something else"
            )

    def _next(self) -> bytes:
        """The next character that is no space; none at the end."""
        while True:
            skipped = _SKIP.match(self._data, self._at)
            self._at = skipped.end() if skipped else self._at
            if self._at < len(self._data):
                return self._data[self._at : self._at + 1]
            if not self._more():
                return b""

    def _more(self) -> bool:
        """Read on, so much that what is looked at doubles; false at the end."""
        kept = [self._data[self._at :]] if self._at < len(self._data) else []
        wanted, got = sum(map(len, kept)), 0
        while got <= wanted:
            block = next(self._blocks, b"")
            if not block:
                break
            kept.append(block)
            got += len(block)
        self._data, self._at = b"".join(kept), 0
        return got > 0

    def _cut(self, pattern: re.Pattern[bytes], where: str) -> bytes:
        self._next()
        while True:
            found = pattern.match(self._data, self._at)
            if found:
                content = found.group()
                self._at = found.end()
                return content
            if len(self._data) - self._at > self._limits.value_bytes or not self._more():
                raise self._unfinished(where)

    def _unfinished(self, where: str) -> InputError:
        """Say why no whole value stands here."""
        depth, at, data = 0, self._at, self._data
        is_open = False
        while found := _STRUCTURE.search(data, at):
            at = found.end()
            if found.group() == b'"':
                quoted = _QUOTED.match(data, found.start())
                if quoted is None:
                    is_open = True
                    break
                at = quoted.end()
                continue
            depth += 1 if found.group() in b"[{" else -1
            if depth > self._limits.depth:
                return InputError(
                    f"{self._path}: {where}: is nested more than {self._limits.depth} deep; no "
                    "trace is"
                )
            if depth <= 0:
                break
        if len(data) - self._at > self._limits.value_bytes:
            return InputError(
                f"{self._path}: {where}: has a value of more than "
                f"{self._limits.value_bytes:,} bytes; no trace has"
            )
        is_cut = is_open or depth > 0 or _UNENDED.fullmatch(data, self._at) is not None
        return self._error(f"has no whole value in {where}", is_cut=is_cut)

    def _error(self, what: str, *, is_cut: bool) -> InputError:
        hint = "it is cut short; copy it again" if is_cut else "it is no JSON"
        return InputError(f"{self._path}: {what}: {hint}")
