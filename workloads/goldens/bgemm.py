"""Products added up in groups: what they compute, in float32."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workloads.numbers import Array, Numbers, uniform

__all__ = ["BGEMM_NUMBERS"]


def _inputs(rng: np.random.Generator, *, groups: int, steps: int, tile: int) -> dict[str, Array]:
    rows = {"a": groups * steps * tile, "b": groups * steps * tile, "c": groups * tile}
    float32 = np.dtype(np.float32)
    return {name: uniform(rng, (count, tile), dtype=float32) for name, count in rows.items()}


def _golden(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    tile = inputs["a"].shape[1]
    products = np.matmul(
        inputs["a"].reshape(-1, tile, tile), inputs["b"].reshape(-1, tile, tile)
    ).reshape(len(inputs["c"]) // tile, -1, tile, tile)
    return {"c": inputs["c"] + products.sum(axis=1).reshape(-1, tile)}


BGEMM_NUMBERS = Numbers(
    inputs=_inputs,
    golden=_golden,
    rtol=1e-4,
    atol=1e-4,
    source="golden function of tilesim's own; tolerances as usual for float32",
)
