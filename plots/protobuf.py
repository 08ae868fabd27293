"""Messages of protocol buffers, many at once: a block of bytes with a row for each message.

https://protobuf.dev/programming-guides/encoding describes the encoding. All rows of a block are
as wide as each other, because numbers that need fewer bytes than the largest of them are filled
up with bytes that add nothing, which the encoding allows. A block of one row stands for as many
as are needed.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["Block", "Tails", "fixed64_tails", "joined", "message", "number", "placed", "text"]

Block = NDArray[np.uint8]
"""Bytes, shape (m, width) or (1, width)."""

Integers = NDArray[np.int64]

_VARINT, _FIXED64, _LENGTH = 0, 1, 2
_ROWS_AT_ONCE = 1 << 16


@dataclass(frozen=True, slots=True)
class Tails:
    """Bytes of any length that follow the rows of a block.

    Attributes
    ----------
    data : uint8 array
        Those of all rows, one behind the other.
    length : int64 array, shape (m,)
        How many each row has.
    """

    data: NDArray[np.uint8]
    length: Integers


def _varints(values: Integers) -> Block:
    """Numbers, seven bits in a byte; the first bit tells that another byte follows.

    Those below 0 are written as 64 bits, as the type int64 has them.
    """
    unsigned = values.astype(np.uint64)
    width = max(1, -(-int(unsigned.max(initial=0)).bit_length() // 7))
    shift = np.arange(width, dtype=np.uint64) * np.uint64(7)
    parts = ((unsigned[:, None] >> shift) & np.uint64(0x7F)).astype(np.uint8)
    parts[:, :-1] |= 0x80
    return parts


@lru_cache(maxsize=1 << 10)
def _varint(value: int) -> Block:
    return _varints(np.array([value]))


def _tag(field: int, kind: int) -> Block:
    return _varint(field << 3 | kind)


def joined(*blocks: Block) -> Block:
    """Blocks side by side."""
    rows = next((len(block) for block in blocks if len(block) != 1), 1)
    if rows == 1:
        return np.concatenate(blocks, axis=1)
    return np.concatenate(
        [np.broadcast_to(block, (rows, block.shape[1])) for block in blocks], axis=1
    )


def number(field: int, values: Integers | int) -> Block:
    """A field with a whole number."""
    varints = _varint(values) if isinstance(values, int) else _varints(values)
    return joined(_tag(field, _VARINT), varints)


def text(field: int, value: str) -> Block:
    """A field with a text."""
    return message(field, np.frombuffer(value.encode(), dtype=np.uint8).reshape(1, -1))


def message(field: int, body: Block, tail_length: Integers | None = None) -> Block:
    """A field with a message, of which the last bytes may be in a tail of each row."""
    width = body.shape[1]
    length = _varint(width) if tail_length is None else _varints(width + tail_length)
    return joined(_tag(field, _LENGTH), length, body)


def fixed64_tails(field: Integers, values: Integers, row: Integers, rows: int) -> Tails:
    """Fields with a 64-bit number each; `row`, in ascending order, tells which row has it."""
    coded = joined(
        _varints(field << 3 | _FIXED64), values.astype("<u8").view(np.uint8).reshape(-1, 8)
    )
    return Tails(coded.reshape(-1), np.bincount(row, minlength=rows) * coded.shape[1])


def placed(out: NDArray[np.uint8], begin: Integers, block: Block, tails: Tails | None) -> None:
    """Copy the rows of a block, with their tails behind them, to where each begins in `out`."""
    width = np.arange(block.shape[1])
    for first in range(0, len(block), _ROWS_AT_ONCE):  # the places take eight times the bytes
        rows = slice(first, first + _ROWS_AT_ONCE)
        out[begin[rows, None] + width] = block[rows]
    if tails is not None:
        behind = np.cumsum(tails.length) - tails.length
        shift = begin + block.shape[1] - behind
        out[np.arange(len(tails.data)) + np.repeat(shift, tails.length)] = tails.data
