"""Messages of protocol buffers, many at once: a block of bytes with a row for each message.

https://protobuf.dev/programming-guides/encoding describes the encoding. All rows of a block are
as wide as each other, because numbers that need fewer bytes than the largest of them are filled
up with bytes that add nothing, which the encoding allows. A block of one row stands for as many
as are needed.
"""

from __future__ import annotations

from dataclasses import dataclass

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
    """Numbers from 0 on, seven bits in a byte; the first bit tells that another byte follows."""
    width = max(1, -(-int(values.max(initial=0)).bit_length() // 7))
    parts = (values[:, None] >> (7 * np.arange(width))) & 0x7F
    parts[:, :-1] |= 0x80
    return parts.astype(np.uint8)


def _tag(field: int, kind: int) -> Block:
    return _varints(np.array([field << 3 | kind]))


def joined(*blocks: Block) -> Block:
    """Blocks side by side."""
    rows = next((len(block) for block in blocks if len(block) != 1), 1)
    return np.concatenate(
        [np.broadcast_to(block, (rows, block.shape[1])) for block in blocks], axis=1
    )


def number(field: int, values: Integers | int) -> Block:
    """A field with a number from 0 on."""
    return joined(_tag(field, _VARINT), _varints(np.atleast_1d(values)))


def text(field: int, value: str) -> Block:
    """A field with a text."""
    return message(field, np.frombuffer(value.encode(), dtype=np.uint8).reshape(1, -1))


def message(field: int, body: Block, tail_length: Integers | None = None) -> Block:
    """A field with a message, of which the last bytes may be in a tail of each row."""
    length = np.array([body.shape[1]]) if tail_length is None else body.shape[1] + tail_length
    return joined(_tag(field, _LENGTH), _varints(length), body)


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
