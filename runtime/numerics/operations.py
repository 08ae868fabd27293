"""What each tile operation computes, in numpy.

An operation gets its operands as a core computes on them (narrow floats as float32) and gives a
result that is then stored in the dtype of its tile; so sums of products are float32 whatever the
operands are, and values are rounded where the program has a narrower tile and nowhere else.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from devices.expression import Symbol, evaluate
from devices.kernel import TileOp
from runtime.numerics.elements import Array, rounded, stored, unwritten, wide

__all__ = ["compute", "is_computable"]

_Values = Mapping[Symbol, int]
_Operation = Callable[..., Any]

_WITHOUT_NUMBERS = frozenset(
    f"tile.{name}"
    for name in ["load", "store", "move", "create", "reshape", "fillpad", "slice", "assemble"]
)
"""Operations that compute nothing from their operands' numbers."""


def is_computable(op: TileOp) -> bool:
    """Whether the operation has a meaning in numbers."""
    return op.name in _OPERATIONS or op.name in _WITHOUT_NUMBERS


def compute(op: TileOp, operands: Sequence[Array], values: _Values) -> Array:
    """Result of `op`, in the storage dtype of its tile.

    Parameters
    ----------
    op : TileOp
        Any operation on tiles but loads and stores.
    operands : sequence of array
        Its operands as they are stored.
    values : mapping
        Integer value of each symbol, for scalars that vary.
    """
    tile = op.result
    assert tile is not None, "only stores have no result, and those compute nothing"  # noqa: S101 - narrows the type
    if op.name == "tile.create":
        return unwritten(tile.shape, tile.dtype)
    if op.name == "tile.move":
        return operands[0]
    if op.name == "tile.reshape":
        return operands[0].reshape(tile.shape)
    if op.name == "tile.cast":
        return rounded(operands[0], tile.dtype, op.attributes["mode"])
    inputs = [wide(operand) for operand in operands]
    if "scalar" in op.attributes:
        scalar = evaluate(op.attributes["scalar"], values)
        inputs.append(np.asarray(scalar, dtype=np.float32 if tile.dtype.is_float else np.int64))
    if op.name in ("tile.slice", "tile.assemble"):
        return _rectangle(op, operands, values)
    if op.name == "tile.fillpad":
        return _padded(op, operands[0], values)
    if op.name == "tile.full":
        inputs = [op.attributes["value"]]
    result = _OPERATIONS[op.name](*inputs)
    return stored(np.broadcast_to(result, tile.shape), tile.dtype)


def _padded(op: TileOp, source: Array, values: _Values) -> Array:
    """`source` with the pad value outside its valid part; with ``null``, whatever is there."""
    pad, valid = op.attributes["pad"], op.attributes["valid"]
    if pad == "null" or valid is None:
        return source
    padded = np.full(source.shape, _pad_number(pad, source.dtype), dtype=source.dtype)
    inside = tuple(slice(max(0, int(evaluate(extent, values)))) for extent in valid)
    padded[inside] = source[inside]
    return padded


def _rectangle(op: TileOp, operands: Sequence[Array], values: _Values) -> Array:
    """A rectangle of a tile, or a tile with a rectangle of it replaced."""
    start = [int(evaluate(offset, values)) for offset in op.attributes["offset"]]
    tile, extent = operands[0], operands[-1].shape
    if op.name == "tile.slice":
        assert op.result is not None, "a slice makes a tile"  # noqa: S101 - narrows the type
        extent = op.result.shape
    inside = tuple(slice(a, a + size) for a, size in zip(start, extent, strict=True))
    if op.name == "tile.slice":
        return tile[inside]
    replaced = tile.copy()
    replaced[inside] = operands[1]
    return replaced


def _pad_number(pad: str, dtype: np.dtype[Any]) -> Any:
    """The number of a pad value: infinities stand for the ends of the range of a float."""
    if pad == "zero":
        return 0
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        return limits.max if pad == "max" else limits.min
    return np.inf if pad == "max" else -np.inf


def _quotient(left: Array, right: Array) -> Any:
    if left.dtype.kind == "f" or right.dtype.kind == "f":
        return np.true_divide(left, right)
    # Integer division of the core rounds toward zero; numpy's rounds down.
    return np.sign(left) * np.sign(right) * (np.abs(left) // np.abs(right))


def _product(left: Array, right: Array) -> Any:
    exact = np.float32 if left.dtype.kind == "f" else np.int32
    return np.matmul(left.astype(exact, copy=False), right.astype(exact, copy=False))


def _one_over(values: Array) -> Any:
    return np.float32(1.0) / values


# Reductions have a scratch tile as second operand.
_OPERATIONS: dict[str, _Operation] = {
    "tile.matmul": _product,
    "tile.matmul_acc": lambda total, left, right: total + _product(left, right),
    "tile.full": np.asarray,
    "tile.expands": lambda _, scalar: scalar,
    "tile.cast": rounded,
    "tile.concat": lambda left, right: np.concatenate((left, right), axis=-1),
    "tile.add": np.add,
    "tile.adds": np.add,
    "tile.sub": np.subtract,
    "tile.subs": np.subtract,
    "tile.mul": np.multiply,
    "tile.muls": np.multiply,
    "tile.div": _quotient,
    "tile.divs": _quotient,
    "tile.maximum": np.maximum,
    "tile.neg": np.negative,
    "tile.exp": lambda x: np.exp(x.astype(np.float32, copy=False)),
    "tile.recip": lambda x: _one_over(x.astype(np.float32, copy=False)),
    "tile.sqrt": lambda x: np.sqrt(x.astype(np.float32, copy=False)),
    "tile.rsqrt": lambda x: _one_over(np.sqrt(x.astype(np.float32, copy=False))),
    "tile.row_sum": lambda x, _: x.sum(axis=-1, keepdims=True, dtype=x.dtype),
    "tile.row_max": lambda x, _: x.max(axis=-1, keepdims=True),
    "tile.row_min": lambda x, _: x.min(axis=-1, keepdims=True),
    "tile.row_expand": lambda x: x[..., :1],
    "tile.row_expand_add": np.add,
    "tile.row_expand_sub": np.subtract,
    "tile.row_expand_mul": np.multiply,
    "tile.row_expand_div": _quotient,
    "tile.col_expand": lambda _, row: row,
    "tile.col_expand_sub": np.subtract,
    "tile.col_expand_mul": np.multiply,
    "tile.col_expand_div": _quotient,
}
