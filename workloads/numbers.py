"""What a workload computes: inputs as the published programs draw them, and golden results.

Nothing here knows how programs are run: golden functions compute the mathematics in float32, with
roundings where the program stores a narrower type.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

__all__ = ["BF16", "Array", "Numbers", "as_float32", "product", "through_bf16", "uniform"]

Array = NDArray[Any]

BF16 = np.dtype(ml_dtypes.bfloat16)

_BLOCK = 1 << 20
"""Elements that are drawn or widened at once, so that no second whole tensor is in memory."""


@dataclass(frozen=True, slots=True)
class Numbers:
    """How to check what a workload computes.

    Attributes
    ----------
    inputs : callable
        ``inputs(rng, **parameters)`` draws the tensors that the program reads, by name.
    golden : callable
        ``golden(inputs, **parameters)`` computes the outputs from them, by name.
    rtol, atol : float
        Relative and absolute tolerance with which the published program was checked.
    source : str
        Where inputs and tolerances are published.
    """

    inputs: Callable[..., dict[str, Array]]
    golden: Callable[..., dict[str, Array]]
    rtol: float
    atol: float
    source: str


def uniform(
    rng: np.random.Generator,
    shape: tuple[int, ...],
    scale: float = 1.0,
    dtype: np.dtype[Any] = BF16,
) -> Array:
    """Numbers drawn evenly from [-0.5, 0.5), times `scale`, rounded to `dtype`."""
    values = np.empty(shape, dtype=dtype)
    flat = values.reshape(-1)
    for first in range(0, flat.size, _BLOCK):
        block = flat[first : first + _BLOCK]
        drawn = rng.random(block.size, dtype=np.float32)
        drawn -= np.float32(0.5)
        drawn *= np.float32(scale)
        block[:] = drawn
    return values


def as_float32(values: Array) -> NDArray[np.float32]:
    """The same numbers in float32."""
    return values.astype(np.float32)


def through_bf16(values: Array) -> NDArray[np.float32]:
    """Numbers as they come back from a BF16 tensor."""
    return values.astype(BF16).astype(np.float32)


def product(left: NDArray[np.floating[Any]], right: Array) -> NDArray[np.floating[Any]]:
    """``left @ right`` in the dtype of `left`, [m, k] x [k, n].

    `right` is widened some columns at a time.
    """
    result = np.empty((left.shape[0], right.shape[1]), dtype=left.dtype)
    columns = max(1, _BLOCK // right.shape[0])
    for first in range(0, right.shape[1], columns):
        block = slice(first, first + columns)
        np.matmul(left, right[:, block].astype(left.dtype), out=result[:, block])
    return result
