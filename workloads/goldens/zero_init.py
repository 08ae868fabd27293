"""The example of an unordered zero-initialisation: ``out = x + a @ b``."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workloads.numbers import Array, Numbers, as_float32, product, uniform

__all__ = ["ZERO_INIT_NUMBERS"]


def _inputs(rng: np.random.Generator, *, rows: int, inner: int, columns: int) -> dict[str, Array]:
    return {
        "a": uniform(rng, (rows, inner)),
        "b": uniform(rng, (inner, columns), inner**-0.5),
        "x": uniform(rng, (rows, columns), dtype=np.dtype(np.float32)),
    }


def _golden(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    return {"out": product(as_float32(inputs["a"]), inputs["b"]) + inputs["x"]}


ZERO_INIT_NUMBERS = Numbers(
    inputs=_inputs, golden=_golden, rtol=1e-5, atol=1e-5, source="an example of tilesim's own"
)
