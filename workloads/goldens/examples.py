"""The example programs: what they compute, in float32 throughout."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from workloads.numbers import Array, Numbers, uniform

__all__ = ["EXAMPLE_NUMBERS"]

FLOAT32 = np.dtype(np.float32)


def _drawn(
    **shapes: Callable[..., tuple[int, ...]],
) -> Callable[..., dict[str, Array]]:
    """Inputs drawn evenly from [-0.5, 0.5), whose shapes depend on the parameters."""

    def inputs(rng: np.random.Generator, **sizes: int) -> dict[str, Array]:
        return {n: uniform(rng, shape(**sizes), dtype=FLOAT32) for n, shape in shapes.items()}

    return inputs


def _add_one(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    return {"y": inputs["x"] + np.float32(1.0)}


def _product(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    return {"c": inputs["a"] @ inputs["b"]}


def _layer_norm(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    x = inputs["x"]
    centred = x - x.mean(axis=1, keepdims=True)
    variance = (centred * centred).mean(axis=1, keepdims=True)
    normed = centred / np.sqrt(variance + np.float32(1e-5))
    return {"y": normed * inputs["gamma"] + inputs["beta"]}


def _rms_norm(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    x = inputs["x"]
    mean_square = (x * x).mean(axis=1, keepdims=True)
    return {"y": x / np.sqrt(mean_square + np.float32(1e-6)) * inputs["gamma"]}


def _rope(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    cos_low, cos_high = np.split(inputs["cos"], 2, axis=1)
    sin_low, sin_high = np.split(inputs["sin"], 2, axis=1)
    x_low, x_high = np.split(inputs["x"], 2, axis=1)
    rotated = (x_low * cos_low - x_high * sin_low, x_high * cos_high + x_low * sin_high)
    return {"y": np.concatenate(rotated, axis=1)}


def _softmax(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    powers = np.exp(inputs["x"] - inputs["x"].max(axis=1, keepdims=True))
    return {"y": powers / powers.sum(axis=1, keepdims=True)}


def _numbers(
    golden: Callable[..., dict[str, Array]],
    **shapes: Callable[..., tuple[int, ...]],
) -> Numbers:
    source = "golden functions of tilesim's own; tolerances as usual for float32"
    return Numbers(_drawn(**shapes), golden, rtol=1e-4, atol=1e-5, source=source)


_MATRICES: dict[str, Callable[..., tuple[int, ...]]] = {
    "a": lambda m, k, **_: (m, k),
    "b": lambda n, k, **_: (k, n),
}

EXAMPLE_NUMBERS: dict[str, Numbers] = {
    "hello-world": _numbers(_add_one, x=lambda rows, cols, **_: (rows, cols)),
    "matmul": _numbers(_product, **_MATRICES),
    "gemm": _numbers(_product, **_MATRICES),
    "layer-norm": _numbers(
        _layer_norm,
        x=lambda rows, hidden, **_: (rows, hidden),
        gamma=lambda hidden, **_: (1, hidden),
        beta=lambda hidden, **_: (1, hidden),
    ),
    "rms-norm": _numbers(
        _rms_norm,
        x=lambda rows, hidden, **_: (rows, hidden),
        gamma=lambda hidden, **_: (1, hidden),
    ),
    "rope": _numbers(
        _rope,
        x=lambda batch, num_heads, head_dim, **_: (batch * num_heads, head_dim),
        cos=lambda head_dim, **_: (1, head_dim),
        sin=lambda head_dim, **_: (1, head_dim),
    ),
    "softmax": _numbers(_softmax, x=lambda rows, cols, **_: (rows, cols)),
}
