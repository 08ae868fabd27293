"""The programs that measure the runtime, against what was published of them."""

from collections import Counter
from math import ceil

import ml_dtypes
import numpy as np
import pytest

import tilesim as ts
from devices.errors import InputError
from runtime.dependencies import find_graph
from runtime.graph import ALLOC
from runtime.handwritten import submits_of
from runtime.numerics.orders import program_order
from runtime.numerics.run import compute_numbers
from runtime.version import load_runtime
from workloads.catalogue import find_workload

ATTENTION = ("paged-attention", "paged-attention-unroll", "batch-paged-attention")
SMALL = {"batch": 1, "head_dim": 16, "block": 16}


def replay(name, settings=None):
    return ts.replay(name, settings or {}, ts.Setup(profiling=False))


def graph_of(name, settings):
    submits = submits_of(find_workload(name).program(settings))
    return find_graph(submits, load_runtime("tmr-2026-04"))


# What the runtime of April 2026 took without profiling: within 10 %.


@pytest.mark.parametrize("name", ["alternating-matmul-add", "bgemm"])
def test_a_benchmark_of_submits_takes_what_was_published(name):
    run = replay(name)
    (case,) = run.published
    assert run.statistics.elapsed_us == pytest.approx(case.published["elapsed_us"], rel=0.10)
    submitted_us = run.trace.orchestrator_end_us[-1]
    assert submitted_us == pytest.approx(case.published["orchestrator_us"], rel=0.10)
    assert run.bounds.binding.name == "orchestrator"


@pytest.mark.parametrize(("name", "edges"), [("alternating-matmul-add", 0), ("bgemm", 750)])
def test_a_benchmark_of_submits_has_the_published_graph(name, edges):
    graph = graph_of(name, {})
    assert (graph.task_count, graph.alloc_count, graph.edge_count) == (1000, 0, edges)


@pytest.mark.parametrize(("context", "submits"), [(33, 13), (128, 33)])
def test_small_attention_is_fixed_and_cold_costs(context, submits):
    run = replay("paged-attention", {**SMALL, "context": context})
    assert len(run.graph) == submits
    (case,) = run.published
    assert run.statistics.elapsed_us == pytest.approx(case.published["elapsed_us"], rel=0.10)
    # Much of it passes before the first task runs, and then each core is cold.
    assert run.trace.begin_us > 0.4 * run.statistics.elapsed_us
    order = np.argsort(run.trace.dispatch_us)
    first_of_core = order[np.unique(run.trace.core[order], return_index=True)[1]]
    cold_us = load_runtime("tmr-2026-04").costs.core_cold_us.value
    heads = run.trace.head_us
    assert heads[first_of_core] == pytest.approx(heads.min() + cold_us)


@pytest.mark.parametrize("batch", [1, 2, 4, 8, 16, 32, 64, 128, 256])
def test_batches_take_what_was_published_of_the_runtime_of_february(batch):
    run = ts.replay(
        "batch-paged-attention",
        {**SMALL, "batch": batch, "chunk": batch, "context": 33},
        ts.Setup(runtime=load_runtime("tmr-2026-02"), profiling=False),
    )
    assert len(run.graph) == 13
    (case,) = run.published
    assert run.statistics.elapsed_us == pytest.approx(case.published["elapsed_us"], rel=0.25)


# Attention


def test_attention_has_the_published_number_of_submits():
    assert len(graph_of("paged-attention", {})) == 16_704


@pytest.mark.parametrize("name", ATTENTION)
def test_a_tile_is_an_alloc_and_four_tasks_for_each_group_of_blocks(name):
    parameters = {"batch": 4, "heads": 32, "context": 1000, "head_dim": 16, "block": 16}
    settings = {key: parameters[key] for key in parameters}
    group = {"paged-attention-unroll": 8}.get(name, 1)
    requests = 4 if name == "batch-paged-attention" else 1
    graph = graph_of(name, settings)
    tiles = 2 * parameters["batch"] // requests
    groups = ceil(ceil(1000 / 16) / group)
    assert graph.alloc_count == tiles
    names = Counter(graph.kernels[k].name for k in graph.kernel.tolist() if k != ALLOC)
    assert names == dict.fromkeys(("qk", "sf", "pv", "up"), tiles * groups)
    # QK is free; SF waits for it, PV for SF, UP for both and for the UP before.
    assert graph.depth == groups + 3


@pytest.mark.parametrize("name", ATTENTION)
def test_attention_computes_attention(name):
    batch, heads, width, block, context = 2, 16, 16, 16, 80
    settings = {
        "batch": batch, "heads": heads, "head_dim": width, "block": block, "context": context
    }  # fmt: skip
    extra = {"paged-attention-unroll": {"unroll": 2}, "batch-paged-attention": {"chunk": 2}}
    submits = submits_of(find_workload(name).program({**settings, **extra.get(name, {})}))
    graph = find_graph(submits, load_runtime("tmr-2026-04"))
    random = np.random.default_rng(0)
    bf16 = ml_dtypes.bfloat16
    keys = (batch, context // block, block, width)
    q = random.standard_normal((batch, heads, width)).astype(bf16)
    k, v = (random.standard_normal(keys).astype(bf16) for _ in range(2))
    chunked = name == "batch-paged-attention"  # blocks of one number lie next to each other
    cached = [x.swapaxes(0, 1) if chunked else x for x in (k, v)]
    inputs = {
        "q": q.reshape(-1, width),
        "k": np.ascontiguousarray(cached[0]).reshape(-1, width),
        "v": np.ascontiguousarray(cached[1]).reshape(-1, width),
        "out": np.zeros((batch * heads, width), dtype=np.float32),
    }
    found = compute_numbers(submits, inputs, program_order(graph))["out"]
    for request in range(batch):
        one, other = (x[request].reshape(-1, width).astype(np.float32) for x in (k, v))
        score = q[request].astype(np.float32) @ one.T / np.sqrt(width)
        weight = np.exp(score - score.max(axis=1, keepdims=True))
        expected = weight @ other / weight.sum(axis=1, keepdims=True)
        rows = found[request * heads : (request + 1) * heads]
        np.testing.assert_allclose(rows, expected, rtol=0.03, atol=0.03)


def test_heads_that_do_not_fill_tiles_are_refused():
    with pytest.raises(InputError, match="heads 24 is more than 16 and no multiple"):
        find_workload("paged-attention").program({"heads": 24})


@pytest.mark.parametrize(
    ("name", "context", "blocks"),
    [("paged-attention", 128, 8), ("batch-paged-attention", 33, 3)],
)
def test_attention_has_the_edges_of_the_real_runtime(name, context, blocks):
    # As in its traces paged_attention-Case2 and batch_paged_attention-Case1.
    graph = graph_of(name, {**SMALL, "context": context})
    assert set(graph.ring.tolist()) == {1}
    kernel = [graph.kernels[k].name if k != ALLOC else "" for k in graph.kernel.tolist()]
    edges = Counter(
        (kernel[producer], kernel[task])
        for task in range(len(graph))
        for producer in graph.producers(task).tolist()
        if kernel[producer]
    )
    assert edges == {
        ("qk", "sf"): blocks,
        ("sf", "pv"): blocks,
        ("sf", "up"): blocks,
        ("pv", "up"): blocks,
        ("up", "up"): blocks - 1,
    }
