"""The generated graphs: what they compute, tensor by tensor instead of tile by tile."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from workloads.goldens.attention import ATTENTION_SOURCE, SHARPNESS, attended
from workloads.numbers import Array, Numbers, uniform
from workloads.programs.generator_kernels import EPSILON
from workloads.programs.layered_random import draw_layers
from workloads.programs.ragged_attention import draw_blocks

__all__ = [
    "CHAINS_NUMBERS",
    "CHOLESKY_NUMBERS",
    "FORK_JOIN_NUMBERS",
    "LAYERED_RANDOM_NUMBERS",
    "RAGGED_NUMBERS",
    "STENCIL_NUMBERS",
]

FLOAT32 = np.dtype(np.float32)
_Float32 = NDArray[np.float32]


def _normed(total: _Float32) -> _Float32:
    """Rows over their root mean square."""
    mean_square = (total * total).mean(axis=-1, keepdims=True)
    normed: _Float32 = total / np.sqrt(mean_square + np.float32(EPSILON))
    return normed


def _layered_inputs(
    rng: np.random.Generator, *, width: int, degree: int, tile: int, **_: int
) -> dict[str, Array]:
    # A rotation of the mean of what is read: tasks deep in the graph read much the same, which
    # then neither grows nor fades.
    rotation, _r = np.linalg.qr(uniform(rng, (tile, tile), dtype=FLOAT32))
    return {
        "x0": uniform(rng, (width * tile, tile), dtype=FLOAT32),
        "w": rotation / np.float32(degree),
    }


def _layered(inputs: Mapping[str, Array], **parameters: int) -> dict[str, Array]:
    drawn, tile = draw_layers(**parameters), parameters["tile"]
    x = inputs["x0"].reshape(-1, tile, tile)
    for producers, is_cube in zip(drawn.producers, drawn.is_cube, strict=True):
        total = np.zeros_like(x)
        for place in range(producers.shape[1]):
            total += x[producers[:, place]]
        x = np.where(is_cube[:, None, None], total @ inputs["w"], _normed(total))
    return {f"x{len(drawn.producers)}": x.reshape(-1, tile)}


def _chains_inputs(
    rng: np.random.Generator, *, chains: int, tile: int, **_: int
) -> dict[str, Array]:
    return {name: uniform(rng, (chains * tile, tile), dtype=FLOAT32) for name in ("x", "y")}


def _chains(inputs: Mapping[str, Array], *, length: int, **_: int) -> dict[str, Array]:
    return {"x": inputs["x"] + np.float32(length) * inputs["y"]}


def _fork_join_inputs(
    rng: np.random.Generator, *, width: int, tile: int, **_: int
) -> dict[str, Array]:
    return {
        "x0": uniform(rng, (tile, tile), dtype=FLOAT32),
        "w": uniform(rng, (width * tile, tile), dtype=FLOAT32),
    }


def _fork_join(inputs: Mapping[str, Array], *, stages: int, **_: int) -> dict[str, Array]:
    x = inputs["x0"]
    weight = inputs["w"].reshape(-1, *x.shape).sum(axis=0)
    for _stage in range(stages):
        x = _normed(x @ weight)
    return {f"x{stages}": x}


def _stencil_inputs(
    rng: np.random.Generator,
    *,
    dimensions: int,
    tiles: int,
    steps: int,
    halo: int,
    tile: int,
    **_: int,
) -> dict[str, Array]:
    size = tiles * tile + 2 * halo
    cells = uniform(rng, (size, size if dimensions == 2 else tile), dtype=FLOAT32)
    # Every step has its own tensor, in which only what lies beyond the edge is given.
    edge = cells.copy()
    edge[_inner(dimensions, halo)] = np.nan
    return {"u0": cells, **{f"u{step + 1}": edge for step in range(steps)}}


def _stencil(
    inputs: Mapping[str, Array], *, dimensions: int, steps: int, halo: int, **_: int
) -> dict[str, Array]:
    u, inner = inputs["u0"].copy(), _inner(dimensions, halo)
    window = (2 * halo + 1, 2 * halo + 1 if dimensions == 2 else 1)
    for _step in range(steps):
        u[inner] = np.lib.stride_tricks.sliding_window_view(u, window).mean(axis=(2, 3))
    return {f"u{steps}": u}


def _inner(dimensions: int, halo: int) -> tuple[slice, slice]:
    """The cells that a step computes."""
    inside = slice(halo, -halo)
    return inside, inside if dimensions == 2 else slice(None)


def _cholesky_inputs(
    rng: np.random.Generator, *, tiles: int, tile: int, **_: int
) -> dict[str, Array]:
    size = tiles * tile
    m = uniform(rng, (size, size), (12.0 / size) ** 0.5, FLOAT32)
    eye = np.eye(size, dtype=np.float32)
    zeros = np.zeros_like(eye)
    # The product has values from 0 to 4; with 1 more on the diagonal no root is of nothing.
    return {"a": m @ m.T + eye, "s": zeros, "l": zeros, "eye": eye[:tile, :tile].copy()}


def _cholesky(inputs: Mapping[str, Array], *, tile: int, **_: int) -> dict[str, Array]:
    factor = np.linalg.cholesky(inputs["a"].astype(np.float64)).astype(np.float32)
    diagonal = [factor[n : n + tile, n : n + tile].T for n in range(0, len(factor), tile)]
    return {"l": factor, "u": np.concatenate(diagonal)}


def _ragged_inputs(
    rng: np.random.Generator,
    *,
    requests: int,
    heads: int,
    rows: int,
    head_dim: int,
    block: int,
    fewest: int,
    most: int,
    seed: int,
) -> dict[str, Array]:
    blocks = draw_blocks(requests=requests, fewest=fewest, most=most, seed=seed)
    tokens = int(blocks.sum()) * heads * block
    return {
        "q": uniform(rng, (requests * heads * rows, head_dim), SHARPNESS),
        "k": uniform(rng, (tokens, head_dim), SHARPNESS),
        "v": uniform(rng, (tokens, head_dim)),
    }


def _ragged(inputs: Mapping[str, Array], **parameters: int) -> dict[str, Array]:
    rows = parameters["rows"]
    tokens = np.repeat(draw_blocks(**parameters), parameters["heads"]) * parameters["block"]
    k, v = (np.split(inputs[name], np.cumsum(tokens)[:-1]) for name in ("k", "v"))
    q = np.split(inputs["q"], len(inputs["q"]) // rows)
    return {"out": np.concatenate([attended(*one) for one in zip(q, k, v, strict=True)])}


_SOURCE = "golden function of tilesim's own; tolerances as usual for sums in float32"

CHAINS_NUMBERS = Numbers(_chains_inputs, _chains, rtol=1e-4, atol=1e-4, source=_SOURCE)
STENCIL_NUMBERS = Numbers(_stencil_inputs, _stencil, rtol=1e-4, atol=1e-5, source=_SOURCE)
CHOLESKY_NUMBERS = Numbers(_cholesky_inputs, _cholesky, rtol=1e-4, atol=1e-4, source=_SOURCE)
LAYERED_RANDOM_NUMBERS = Numbers(
    _layered_inputs,
    _layered,
    rtol=1e-3,
    atol=1e-4,
    source="golden function of tilesim's own; each layer rounds anew what the one before has",
)
FORK_JOIN_NUMBERS = Numbers(
    _fork_join_inputs,
    _fork_join,
    rtol=1e-3,
    atol=1e-3,
    source="golden function of tilesim's own; each stage rounds anew what the one before has",
)
RAGGED_NUMBERS = Numbers(_ragged_inputs, _ragged, rtol=1e-4, atol=1e-3, source=ATTENTION_SOURCE)
