"""Random graphs in layers: every task reads tiles of the layer before, at random."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.dtypes import BY_NAME
from devices.errors import InputError
from runtime.graph import View
from runtime.handwritten import Orchestration
from workloads.programs.generator_kernels import product_kernel, sum_kernel

__all__ = ["Layers", "build_layered_random", "draw_layers"]

MOST_READS = 10_000_000
"""Tiles that all tasks may read: a graph of more takes hours to run, and its drawing gigabytes."""


@dataclass(frozen=True, slots=True)
class Layers:
    """What is drawn of a random graph in layers.

    Attributes
    ----------
    producers : int64 array, shape (layers, width, degree)
        Tasks of the layer before (of the first layer: tiles of the input) that each task reads, in
        ascending order and without repetition.
    is_cube : bool array, shape (layers, width)
        Which tasks run on cube cores.
    passes : int64 array, shape (layers, width)
        How many times over each task does its work.
    """

    producers: NDArray[np.int64]
    is_cube: NDArray[np.bool_]
    passes: NDArray[np.int64]


def draw_layers(
    *,
    layers: int,
    width: int,
    degree: int,
    cube_percent: int,
    passes: int,
    spread_percent: int,
    seed: int,
    **_: int,
) -> Layers:
    """Draw a graph; the same for the same parameters. For these see `build_layered_random`.

    Raises
    ------
    InputError
        A task cannot read more tiles than a layer has, or the graph is too large.
    """
    if degree > width:
        raise InputError(
            f"layered-random: a task reads {degree} tiles (degree) of the layer before, which has "
            f"{width} (width); give a smaller degree or a larger width"
        )
    if layers * width * degree > MOST_READS:
        raise InputError(
            f"layered-random: {layers} layers of {width} tasks (width) that read {degree} tiles "
            f"(degree) are more than {MOST_READS:,} reads; give smaller numbers"
        )
    rng = np.random.default_rng(seed)
    producers = _draw_subsets(rng, layers * width, width, degree).reshape(layers, width, degree)
    cubes = (width * cube_percent + 50) // 100
    is_cube = np.zeros((layers, width), dtype=np.bool_)
    for layer in range(layers):
        is_cube[layer, rng.choice(width, cubes, replace=False, shuffle=False)] = True
    reach = passes * spread_percent // 100
    drawn = rng.integers(max(1, passes - reach), passes + reach, (layers, width), endpoint=True)
    return Layers(producers, is_cube, drawn)


def build_layered_random(
    layers: int,
    width: int,
    degree: int,
    cube_percent: int,
    passes: int,
    spread_percent: int,
    tile: int,
    seed: int,
) -> Orchestration:
    """Layers of tasks, each of which reads tiles that tasks of the layer before have written.

    Tasks on vector cores sum tiles and norm the rows; those on cube cores sum products with a
    weight. There are ``layers * width`` tasks and ``(layers - 1) * width * degree`` edges.

    Parameters
    ----------
    layers, width : int
        Layers, and tasks of each.
    degree : int
        Tiles that a task reads.
    cube_percent : int
        Tasks of each layer that run on cube cores.
    passes, spread_percent : int
        How many times over a task does its work, and how far that is drawn from, either way.
    tile : int
        Rows and columns of a tile, in elements.
    seed : int
        Of what is drawn: who reads what, which tasks run on cube cores, and passes.
    """
    drawn = draw_layers(
        layers=layers,
        width=width,
        degree=degree,
        cube_percent=cube_percent,
        passes=passes,
        spread_percent=spread_percent,
        seed=seed,
    )
    o = Orchestration("layered_random")
    fp32, shape = BY_NAME["FP32"], (width * tile, tile)
    weight = o.tensor("w", (tile, tile), fp32)
    on_vector, on_cube = sum_kernel([1] * degree, tile), product_kernel([1] * degree, tile)

    def parts(tensor: View) -> list[View]:
        rows = range(0, width * tile, tile)
        return [View(tensor.buffer, one_tile, (row, 0)) for row in rows]

    one_tile = (tile, tile)
    before = parts(o.tensor("x0", shape, fp32))
    for layer in range(layers):
        # A tensor of its own: nothing is written twice, so reads are all there is to order.
        after = parts(o.tensor(f"x{layer + 1}", shape, fp32))
        columns = drawn.producers[layer], drawn.is_cube[layer], drawn.passes[layer]
        tasks = zip(after, *(column.tolist() for column in columns), strict=True)
        with o.scope():
            for written, producers, is_cube, passes_of_task in tasks:
                read = [before[n] for n in producers]
                if is_cube:
                    o.submit(on_cube, *read, weight, written, scalars=(passes_of_task,))
                else:
                    o.submit(on_vector, *read, written, scalars=(passes_of_task,))
        before = after
    return o


def _draw_subsets(
    rng: np.random.Generator, count: int, size: int, degree: int
) -> NDArray[np.int64]:
    """Draw `degree` different numbers below `size`, `count` times over; shape (count, degree).

    Floyd's algorithm for all at once: the j-th number is drawn from the first ``size - degree + j
    + 1``, and if it is there already, it is the last of these instead. Each row is ascending.
    """
    last = np.arange(size - degree, size)
    drawn = rng.integers(0, last, (count, degree), endpoint=True)
    for j in range(1, degree):
        is_there = (drawn[:, :j] == drawn[:, j, None]).any(axis=1)
        drawn[is_there, j] = last[j]
    drawn.sort(axis=1)
    return drawn
