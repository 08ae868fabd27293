"""What several programs paste into their regions: a product that accumulates step by step."""

from __future__ import annotations

from devices.expression import Scalar
from runtime import language as pl
from runtime.language.values import TensorValue

__all__ = ["accumulated_product"]


@pl.inline
def accumulated_product(
    x: TensorValue,
    w: TensorValue,
    row: Scalar,
    column: Scalar,
    rows: int,
    step: int,
    columns: int,
    steps: int,
) -> TensorValue:
    """``x[row : row + rows] @ w[:, column : column + columns]`` in FP32, `step` of `steps` at once.

    Parameters
    ----------
    x, w : tensor
        In global memory, of at least ``step * steps`` columns and rows.
    row, column : int
        Where the product begins, in elements.
    rows, step, columns, steps : int
        Elements of a tile, and how many products are added up.
    """
    first_x = pl.slice(x, [rows, step], [row, 0])
    first_w = pl.slice(w, [step, columns], [0, column])
    total = pl.matmul(first_x, first_w, out_dtype=pl.FP32)
    for k in pl.range(1, steps):
        next_x = pl.slice(x, [rows, step], [row, k * step])
        next_w = pl.slice(w, [step, columns], [k * step, column])
        total = pl.matmul_acc(total, next_x, next_w)
    return total
