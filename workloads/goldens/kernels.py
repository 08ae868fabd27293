"""The kernels of which times were published: what they compute, in float32 or exactly."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from workloads.numbers import BF16, Array, Numbers, product, uniform

__all__ = [
    "PROJECTION_NUMBERS",
    "PROJECTION_TRANSPOSED_NUMBERS",
    "RESCALE_NUMBERS",
    "SCORES_NUMBERS",
    "WEIGHTED_VALUES_NUMBERS",
]

FLOAT32 = np.dtype(np.float32)
_INT8 = np.dtype(np.int8)
_DTYPES = {1: _INT8, 2: BF16, 4: FLOAT32}


def _drawn(
    rng: np.random.Generator, shape: tuple[int, ...], scale: float, element_bytes: int
) -> Array:
    """Operands of a product: all of INT8, or floats of a size that keeps sums near 1."""
    dtype = _DTYPES[element_bytes]
    return uniform(rng, shape, 256.0 if dtype == _INT8 else scale, dtype)


def _exact(values: Array) -> Array:
    """Operands in a float that holds products: float64 holds all sums of products of INT8."""
    return values.astype(np.float64 if values.dtype == _INT8 else np.float32)


def _stored(sums: Array, operand: Array) -> Array:
    """Sums of products as programs store them."""
    return sums.astype(np.int32 if operand.dtype == _INT8 else np.float32)


def _projection_inputs(
    rng: np.random.Generator, *, m: int, k: int, n: int, element_bytes: int, **_: int
) -> dict[str, Array]:
    return {
        "x": _drawn(rng, (m, k), 1.0, element_bytes),
        "w": _drawn(rng, (k, n), k**-0.5, element_bytes),
    }


def _transposed_inputs(
    rng: np.random.Generator, *, m: int, k: int, n: int, element_bytes: int, **_: int
) -> dict[str, Array]:
    return {
        "x": _drawn(rng, (m, k), 1.0, element_bytes),
        "w": _drawn(rng, (n, k), k**-0.5, element_bytes),
    }


def _projection(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    x = inputs["x"]
    return {"y": _stored(product(_exact(x), inputs["w"]), x)}


def _projection_transposed(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    x = inputs["x"]
    return {"y": _stored(product(_exact(x), inputs["w"].T), x)}


def _scores_inputs(
    rng: np.random.Generator,
    *,
    tasks: int,
    rows: int,
    keys: int,
    head_dim: int,
    element_bytes: int,
    **_: int,
) -> dict[str, Array]:
    return {
        "q": _drawn(rng, (tasks * rows, head_dim), 1.0, element_bytes),
        "k": _drawn(rng, (tasks * keys, head_dim), 1.0, element_bytes),
    }


def _scores(inputs: Mapping[str, Array], *, tasks: int, **_: int) -> dict[str, Array]:
    q, k = inputs["q"], inputs["k"]
    width = q.shape[1]
    queries, keys = (_exact(x).reshape(tasks, -1, width) for x in (q, k))
    scores = np.matmul(queries, keys.swapaxes(1, 2))
    return {"s": _stored(scores.reshape(len(q), -1), q)}


def _weighted_values_inputs(
    rng: np.random.Generator, *, tasks: int, rows: int, keys: int, head_dim: int, **_: int
) -> dict[str, Array]:
    return {"p": uniform(rng, (tasks * rows, keys)), "v": uniform(rng, (tasks * keys, head_dim))}


def _weighted_values(
    inputs: Mapping[str, Array], *, tasks: int, rows: int, block: int, **_: int
) -> dict[str, Array]:
    width = inputs["v"].shape[1]
    weights = _exact(inputs["p"]).reshape(tasks, rows, -1, block).swapaxes(1, 2)
    values = _exact(inputs["v"]).reshape(tasks, -1, block, width)
    return {"o": np.matmul(weights, values).reshape(-1, width)}


def _rescale_inputs(
    rng: np.random.Generator, *, tasks: int, rows: int, columns: int, blocks: int, **_: int
) -> dict[str, Array]:
    many, one = tasks * blocks * rows, np.float32(1.0)
    return {
        "o": uniform(rng, (many, columns), dtype=FLOAT32),
        # Near 1, so that the first block still counts after the last.
        "alpha": uniform(rng, (many, 1), dtype=FLOAT32) + one,
        "beta": uniform(rng, (many, 1), dtype=FLOAT32) + one,
    }


def _rescale(
    inputs: Mapping[str, Array], *, tasks: int, rows: int, blocks: int, **_: int
) -> dict[str, Array]:
    o, alpha, beta = (
        inputs[name].reshape(tasks, blocks, rows, -1) for name in ("o", "alpha", "beta")
    )
    total = o[:, 0]
    for block in range(1, blocks):
        total = total * alpha[:, block] + o[:, block] * beta[:, block]
    return {"out": total.reshape(tasks * rows, -1)}


def _numbers(
    inputs: Callable[..., dict[str, Array]], golden: Callable[..., dict[str, Any]]
) -> Numbers:
    source = "golden function of tilesim's own; tolerances as usual for sums in float32"
    return Numbers(inputs, golden, rtol=1e-4, atol=1e-5, source=source)


PROJECTION_NUMBERS = _numbers(_projection_inputs, _projection)
PROJECTION_TRANSPOSED_NUMBERS = _numbers(_transposed_inputs, _projection_transposed)
SCORES_NUMBERS = _numbers(_scores_inputs, _scores)
WEIGHTED_VALUES_NUMBERS = _numbers(_weighted_values_inputs, _weighted_values)
RESCALE_NUMBERS = _numbers(_rescale_inputs, _rescale)
