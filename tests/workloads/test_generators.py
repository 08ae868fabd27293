"""Generated graphs: counts, edges and levels by formula, seeds, numbers, and makespans of toys."""

from __future__ import annotations

from collections import Counter
from math import comb
from zlib import crc32

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import make_device, make_runtime

import tilesim as ts
from devices.errors import InputError
from devices.kernel import CoreType
from runtime.dependencies import find_graph
from runtime.graph import ALLOC
from runtime.handwritten import submits_of
from runtime.hazards import find_hazards
from runtime.simulation import simulate
from runtime.times import durations_us
from runtime.version import load_runtime
from workloads.catalogue import WORKLOADS, find_workload
from workloads.programs.layered_random import draw_layers
from workloads.programs.ragged_attention import draw_blocks
from workloads.workload import Group

RUNTIME = load_runtime("tmr-2026-04")
NAMES = [name for name, w in WORKLOADS.items() if w.group is Group.GENERATORS]
SMALL = {
    "layered-random": {"layers": 5, "width": 6, "degree": 2, "tile": 16},
    "chains": {"chains": 3, "length": 5, "tile": 16},
    "fork-join": {"stages": 3, "width": 20, "tile": 16},
    "stencil": {"tiles": 3, "steps": 3, "tile": 16},
    "cholesky": {"tiles": 4, "tile": 16},
    "ragged-attention": {
        "requests": 3, "heads": 2, "rows": 16, "head_dim": 16, "block": 16, "most": 9
    },
}  # fmt: skip
LAYERED = {
    "layers": 7, "width": 9, "degree": 4, "cube_percent": 40, "passes": 6, "spread_percent": 50,
    "seed": 5,
}  # fmt: skip


def graph_of(name, **parameters):
    submits = submits_of(find_workload(name).program(parameters))
    return find_graph(submits, RUNTIME)


def tasks_of(graph):
    """Tasks by the name of their kernel."""
    return Counter(graph.kernels[k].name for k in graph.kernel.tolist() if k != ALLOC)


def columns(graph):
    """Everything of a graph that a seed may change, as bytes."""
    scalars = [value for each in graph.scalars for value in each]
    arrays = (graph.kernel, graph.fanin_start, graph.fanin, graph.ring, np.array(scalars))
    return b"".join(array.tobytes() for array in arrays)


# Shapes


@given(
    layers=st.integers(1, 6),
    width=st.integers(1, 9),
    degree=st.integers(1, 5),
    cube_percent=st.integers(0, 100),
    seed=st.integers(0, 2**40),
)
@settings(max_examples=30, deadline=None)
def test_a_random_graph_in_layers_has_the_edges_that_were_drawn(
    layers, width, degree, cube_percent, seed
):
    parameters = {
        "layers": layers, "width": width, "degree": min(degree, width), "seed": seed,
        "cube_percent": cube_percent, "passes": 3, "spread_percent": 100,
    }  # fmt: skip
    graph, drawn = graph_of("layered-random", tile=16, **parameters), draw_layers(**parameters)
    assert (graph.task_count, graph.alloc_count) == (layers * width, 0)
    assert graph.edge_count == (layers - 1) * width * min(degree, width)
    assert graph.depth == layers
    for task in range(len(graph)):
        layer, place = divmod(task, width)
        read = drawn.producers[layer, place]
        assert len(set(read.tolist())) == min(degree, width)
        expected = (read + (layer - 1) * width).tolist() if layer else []
        assert sorted(graph.producers(task).tolist()) == expected
        assert graph.scalars[task] == (drawn.passes[layer, place],)
    assert (graph.is_aic == drawn.is_cube.reshape(-1)).all()
    # Half rounds up, in every layer.
    assert set(drawn.is_cube.sum(axis=1).tolist()) == {int(width * cube_percent / 100 + 0.5)}


def test_passes_spread_evenly_around_their_mean_and_set_the_kernel_times():
    drawn = draw_layers(**{**LAYERED, "layers": 40, "width": 50, "passes": 10}).passes
    assert (drawn.min(), drawn.max()) == (5, 15)
    assert drawn.mean() == pytest.approx(10, abs=0.3)
    assert set(draw_layers(**{**LAYERED, "spread_percent": 0}).passes.flat) == {6}
    assert draw_layers(**{**LAYERED, "passes": 1, "spread_percent": 100}).passes.min() == 1
    graph = graph_of("layered-random", **{**LAYERED, "cube_percent": 0, "spread_percent": 80})
    times = np.array(durations_us(graph, make_device()))
    passes = np.array(graph.scalars)[:, 0]
    slope, fixed = np.polyfit(passes, times, 1)
    assert slope > 0.5
    assert times == pytest.approx(fixed + slope * passes)


@pytest.mark.parametrize(("chains", "length"), [(1, 1), (1, 9), (5, 1), (4, 7)])
def test_chains_share_nothing(chains, length):
    graph = graph_of("chains", chains=chains, length=length, tile=16)
    assert tasks_of(graph) == {"step": chains * length}
    assert graph.edge_count == chains * (length - 1)
    assert graph.depth == length
    for task in range(len(graph)):
        assert graph.producers(task).tolist() == ([task - chains] if task >= chains else [])


@pytest.mark.parametrize("width", [1, 5, 16, 17, 40])
@pytest.mark.parametrize("stages", [1, 4])
def test_a_stage_forks_into_its_width_and_joins_all(stages, width):
    graph = graph_of("fork-join", stages=stages, width=width, tile=16)
    assert tasks_of(graph) == {"product_1": stages * width, f"sum_{width}": stages}
    assert (graph.edge_count, graph.dropped) == ((2 * stages - 1) * width, 0)
    assert graph.depth == 2 * stages
    for stage in range(stages):
        first = stage * (width + 1)
        forks = list(range(first, first + width))
        assert sorted(graph.producers(first + width).tolist()) == forks
        for fork in forks:
            assert graph.producers(fork).tolist() == ([first - 1] if stage else [])


@pytest.mark.parametrize("dimensions", [1, 2])
@pytest.mark.parametrize("tiles", [1, 2, 5])
@pytest.mark.parametrize("halo", [1, 16])
def test_a_stencil_waits_for_the_tiles_around(dimensions, tiles, halo):
    steps, each = 3, tiles**dimensions
    graph = graph_of("stencil", dimensions=dimensions, tiles=tiles, steps=steps, halo=halo, tile=16)
    assert tasks_of(graph) == {"mean": steps * each}
    assert graph.edge_count == (steps - 1) * (3 * tiles - 2) ** dimensions
    assert (graph.depth, graph.dropped) == (steps, 0)
    for task in range(each, len(graph)):
        own = np.unravel_index(task % each, (tiles,) * dimensions)
        around = [
            other
            for other in range(each)
            if all(
                abs(a - b) <= 1
                for a, b in zip(own, np.unravel_index(other, (tiles,) * dimensions), strict=True)
            )
        ]
        found = sorted(graph.producers(task).tolist())
        assert found == [other + (task // each - 1) * each for other in around]


@pytest.mark.parametrize("n", [1, 2, 3, 8])
def test_cholesky_has_the_textbook_graph(n):
    graph = graph_of("cholesky", tiles=n, tile=16)
    counts = {"potrf": n, "trsm": comb(n, 2), "syrk": comb(n, 2), "gemm": comb(n, 3)}
    assert tasks_of(graph) == {name: count for name, count in counts.items() if count}
    assert graph.task_count == n * (n + 1) * (n + 2) // 6
    assert graph.depth == 3 * n - 2
    on_cube = {k.name for k in graph.kernels if k.core is CoreType.AIC}
    assert on_cube == {"syrk", "gemm"} & set(tasks_of(graph))
    # Task by task, in an order of its own.
    names, edges = {}, set()
    for k in range(n):
        names["potrf", k] = {("syrk", k, k - 1)}
        for i in range(k + 1, n):
            names["trsm", i, k] = {("potrf", k), ("gemm", i, k, k - 1)}
        for i in range(k + 1, n):
            for j in range(k + 1, i):
                names["gemm", i, j, k] = {
                    ("trsm", i, k), ("trsm", j, k), ("gemm", i, j, k - 1)
                }  # fmt: skip
            names["syrk", i, k] = {("trsm", i, k), ("syrk", i, k - 1)}
    number = {name: place for place, name in enumerate(names)}
    for name, waits in names.items():
        edges |= {(number[p], number[name]) for p in waits if p in number}
    found = {(p, task) for task in range(len(graph)) for p in graph.producers(task).tolist()}
    assert found == edges
    assert (
        graph.edge_count
        == len(edges)
        == (n - 1 + 2 * (n - 1) ** 2 + 2 * comb(n, 3) + comb(n - 1, 3))
    )


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_attention_of_uneven_contexts_has_chains_as_long_as_they_are(seed):
    sizes = {"requests": 5, "fewest": 2, "most": 6, "seed": seed}
    lengths = draw_blocks(**sizes)
    assert lengths.min() >= 2
    assert lengths.max() <= 6
    graph = graph_of("ragged-attention", **sizes, heads=3, head_dim=16, block=16)
    blocks = 3 * int(lengths.sum())
    assert tasks_of(graph) == dict.fromkeys(("qk", "sf", "pv", "up"), blocks)
    assert graph.alloc_count == 15
    # A block: QK to SF, SF to PV and UP, PV to UP, the alloc to UP; and from UP to the next UP.
    assert graph.edge_count == 6 * blocks - 15
    assert graph.depth == lengths.max() + 3


# Seeds


@pytest.mark.parametrize("name", NAMES)
def test_the_same_parameters_give_the_same_graph_byte_for_byte(name):
    first, again = (columns(graph_of(name, **SMALL[name])) for _ in range(2))
    assert first == again


@pytest.mark.parametrize("name", ["layered-random", "ragged-attention"])
def test_another_seed_gives_another_graph(name):
    graphs = {columns(graph_of(name, **SMALL[name], seed=seed)) for seed in range(8)}
    assert len(graphs) == 8


def test_what_a_seed_gives_stays_what_it_was():
    """Results that others have published with a seed have to come out again."""
    drawn = draw_layers(**LAYERED)
    assert drawn.producers[1, :3].tolist() == [[0, 3, 4, 5], [2, 3, 5, 7], [0, 1, 2, 6]]
    assert crc32(drawn.producers.tobytes() + drawn.is_cube.tobytes()) == 2197681494
    assert drawn.passes[0].tolist() == [8, 5, 4, 7, 3, 8, 5, 9, 4]
    sizes = {"requests": 8, "fewest": 1, "most": 16}
    assert draw_blocks(**sizes, seed=0).tolist() == [14, 11, 9, 5, 5, 1, 2, 1]


# Numbers


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("order", [ts.Order.PROGRAM, ts.Order.ADVERSARIAL, ts.Order.RANDOM])
def test_a_generated_graph_computes_its_golden_results_in_any_order(name, order):
    found = ts.check(name, SMALL[name], order=order, seed=2)
    assert found.is_match
    assert found.passes
    assert all(one.total > 0 for one in found.matches)
    assert found.hazards.found == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_generated_graph_has_no_hazard_and_fits_on_chip_as_it_is_offered(name):
    run = ts.replay(name)
    assert find_hazards(run.case.submits, run.graph).found == ()
    assert run.overflows == ()
    assert run.graph.dropped == 0


@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("stencil", {"dimensions": 1, "halo": 16}),
        ("stencil", {"dimensions": 2, "halo": 3}),
        ("fork-join", {"width": 1, "stages": 1}),
        ("cholesky", {"tiles": 1}),
        ("layered-random", {"cube_percent": 100, "layers": 30}),
        ("layered-random", {"cube_percent": 0, "degree": 6}),
        ("ragged-attention", {"fewest": 4, "most": 4}),
    ],
)
def test_numbers_are_right_at_the_ends_of_the_ranges(name, sizes):
    assert ts.check(name, {**SMALL[name], **sizes}).is_match


def test_a_lost_edge_of_a_stencil_is_a_wrong_number():
    """With a lookup that returns two of three neighbours, some order reads what is not there."""
    sizes = {**SMALL["stencil"], "dimensions": 1, "tiles": 6}
    setup = ts.Setup(lookup_cap=2)
    found = ts.check("stencil", sizes, setup, order=ts.Order.ADVERSARIAL)
    assert found.hazards.found != ()
    assert not found.is_match


# Makespans, on a runtime whose steps take no time and cores enough


def makespan_us(name, clusters=24, **sizes):
    graph = graph_of(name, **{**SMALL[name], **sizes})
    device = make_device(clusters)
    times = durations_us(graph, device)
    trace = simulate(graph, device, make_runtime(threads=3), profiling=False, durations=times)
    by_name = {}
    for kernel, time in zip(graph.kernel.tolist(), times, strict=True):
        if kernel != ALLOC:
            by_name.setdefault(graph.kernels[kernel].name, set()).add(time)
    return trace.wall_clock_us, {key: value.pop() for key, value in by_name.items()}


@pytest.mark.parametrize(
    ("name", "clusters", "sizes", "expected"),
    [
        ("chains", 24, {"chains": 40, "length": 4}, {"step": 4}),
        ("chains", 1, {"chains": 6, "length": 4}, {"step": 12}),  # two cores
        ("fork-join", 24, {"stages": 3, "width": 20}, {"product_1": 3, "sum_20": 3}),
        ("fork-join", 4, {"stages": 3, "width": 20}, {"product_1": 15, "sum_20": 3}),
        ("stencil", 24, {"tiles": 4, "steps": 5}, {"mean": 5}),
        ("cholesky", 24, {"tiles": 1}, {"potrf": 1}),
        ("cholesky", 24, {"tiles": 2}, {"potrf": 2, "trsm": 1, "syrk": 1}),
        ("cholesky", 24, {"tiles": 5}, {"potrf": 5, "trsm": 4, "syrk": 4}),
    ],
)
def test_a_toy_takes_its_critical_path_or_its_area(name, clusters, sizes, expected):
    wall_clock_us, times_us = makespan_us(name, clusters, **sizes)
    path_us = sum(count * times_us[kernel] for kernel, count in expected.items())
    # A loop of a scheduler thread takes 1/1024 us, and there are at most three to a level.
    assert path_us <= wall_clock_us + 1e-9
    assert wall_clock_us == pytest.approx(path_us, abs=0.2)


# What cannot be


@pytest.mark.parametrize(
    ("name", "sizes", "said"),
    [
        ("layered-random", {"degree": 50}, "reads 50 tiles .* which has 48 .*smaller degree"),
        ("layered-random", {"cube_percent": 101}, "cube_percent is an integer from 0 to 100"),
        ("layered-random", {"seed": -1}, "seed is an integer from 0 on, not -1"),
        ("layered-random", {"passes": 0}, "passes is an integer from 1 to 1000000, not 0"),
        ("layered-random", {"passes": 10**20}, "passes is an integer from 1 to 1000000"),
        ("layered-random", {"width": 10**9}, "more than 10,000,000 reads; give smaller numbers"),
        ("ragged-attention", {"most": 10**20}, "most is an integer from 1 to 1000000"),
        ("stencil", {"dimensions": 3}, "dimensions is an integer from 1 to 2, not 3"),
        ("stencil", {"halo": 65}, "halo 65 reaches beyond .* 64 cells .*smaller halo"),
        ("ragged-attention", {"fewest": 17}, "at least 17 blocks .* at most 16"),
    ],
)
def test_a_graph_that_cannot_be_is_refused_with_what_to_change(name, sizes, said):
    with pytest.raises(InputError, match=said):
        find_workload(name).program(sizes)
