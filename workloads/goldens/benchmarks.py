"""The programs that measure the runtime: what they compute, in float32."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workloads.numbers import Array, Numbers, uniform

__all__ = ["ALTERNATING_NUMBERS"]


def _inputs(
    rng: np.random.Generator, *, batch: int, matmuls: int, adds: int, tile: int, **_: int
) -> dict[str, Array]:
    rows = {"a": matmuls, "b": matmuls, "x": adds, "y": adds}
    float32 = np.dtype(np.float32)
    return {
        name: uniform(rng, (batch * count * tile, tile), dtype=float32)
        for name, count in rows.items()
    }


def _golden(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    tile = inputs["a"].shape[1]
    tiles = (-1, tile, tile)
    products = np.matmul(inputs["a"].reshape(tiles), inputs["b"].reshape(tiles))
    return {"c": products.reshape(-1, tile), "z": inputs["x"] + inputs["y"]}


ALTERNATING_NUMBERS = Numbers(
    inputs=_inputs,
    golden=_golden,
    rtol=1e-4,
    atol=1e-5,
    source="golden function of tilesim's own; tolerances as usual for float32",
)
