"""Models whose orchestration reads data: tasks by formula, numbers, hazards, what is refused."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from math import ceil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tilesim as ts
from devices.errors import InputError
from runtime.tensormap import build_graph
from runtime.unordered import Cause, Kind
from workloads.catalogue import find_workload
from workloads.programs.moe import TOKEN_TILE, draw_routes, slot_count
from workloads.programs.qwen3_scope2 import query_groups

SCOPE2, LAYER, DECODE = "qwen3-scope2", "qwen3-decode-layer", "qwen3-decode"
MOE = "moe-layer"
HEADS = {"batch": 16, "max_seq": 256, "num_heads": 8, "num_kv_heads": 1}
LENGTHS = np.array([1, 63, 64, 65, 128, 129, 191, 192, 193, 255, 256, 2, 100, 30, 200, 66])
ORDERS = pytest.mark.parametrize("order", [ts.Order.PROGRAM, ts.Order.SIMULATED, ts.Order.RANDOM])


def with_lengths(name, lengths=LENGTHS):
    return replace(find_workload(name), given={"seq_lens": lengths})


def counted(name, **parameters):
    workload = find_workload(name)
    counts = Counter(workload.submits(workload.parameters(parameters)).kernel)
    return [counts[kernel] for kernel in sorted(counts) if kernel >= 0]


def hazards(found):
    kernels = found.run.graph.kernels
    return {
        (h.kind, h.cause, kernels[h.earlier].name, kernels[h.later].name): h.count
        for h in found.hazards.found
    }


# Attention


@ORDERS
@pytest.mark.parametrize(
    ("sizes", "lengths"),
    [
        ({}, LENGTHS),
        ({"batch": 3, "num_heads": 32, "num_kv_heads": 2, "head_dim": 64}, LENGTHS[:3]),
        ({"batch": 2, "max_seq": 4224}, np.array([4224, 4097])),  # two tasks a stage
    ],
)
def test_scope_2_attends_over_valid_tokens(sizes, lengths, order):
    found = ts.check(with_lengths(SCOPE2, lengths), {**HEADS, **sizes}, order=order)
    assert found.passes
    assert {one.name for one in found.matches} == {"attn_out", "k_cache", "v_cache"}


def test_every_valid_block_counts_more_than_the_tolerance_and_no_other():
    lengths = [140, 200]
    workload = with_lengths(SCOPE2, np.array(lengths))
    parameters = workload.parameters({**HEADS, "batch": 2})
    numbers, inputs = workload.numbers, workload.drawn(0, parameters)
    golden = numbers.golden(inputs, **parameters)["attn_out"].astype(np.float32)
    allowed = numbers.atol + numbers.rtol * np.abs(golden)
    for first in range(0, 512, 64):
        values = inputs["v_cache"].copy()
        values[first : first + 64] = 0
        other = numbers.golden({**inputs, "v_cache": values}, **parameters)["attn_out"]
        request, token = divmod(first, 256)
        shows = (np.abs(other.astype(np.float32) - golden) > allowed).any(axis=1)
        assert shows.tolist() == [r == request and token < lengths[r] for r in range(2)]


def test_hazards_of_scope_2_are_of_the_lookup_cap():
    found = ts.check(SCOPE2, {**HEADS, "max_seq": 64, "num_heads": 64, "num_kv_heads": 8})
    padding, products = "qwen3_scope2_incore_0", "qwen3_scope2_incore_2"
    assert hazards(found) == {(Kind.RAW, Cause.LOOKUP_CAP, padding, products): 8}
    assert hazards(ts.check(SCOPE2, {**HEADS, "batch": 15, "max_seq": 64})) == {}


@pytest.mark.parametrize(
    ("heads", "kv_heads", "nearest"), [(60, 8, "64"), (100, 8, "64 or 128"), (12, 1, "8 or 16")]
)
def test_heads_fill_their_tiles(heads, kv_heads, nearest):
    with pytest.raises(InputError, match=f"num_heads {heads} .* fit: {nearest}$"):
        query_groups(heads, kv_heads)
    with pytest.raises(InputError, match="num_heads"):
        counted(SCOPE2, num_heads=heads, num_kv_heads=kv_heads)


def test_lengths_have_the_shape_of_the_batch():
    with pytest.raises(InputError, match=r"'seq_lens' has shape \[2\].*\[3\]"):
        with_lengths(SCOPE2, LENGTHS[:2]).drawn(0, {**find_workload(SCOPE2).defaults, "batch": 3})


# The whole layer


def test_the_layer_has_the_published_tasks():
    found = counted(LAYER)
    scope2 = [1, 16, *[128] * 5]  # padding; rotary embedding; fill, QK, softmax, SV, sum
    assert found == [1, 128, 16, 16, *scope2, 128, 128, 1, 100, 100, 100, 64, 64]
    assert sum(found) == 1503


def test_the_layer_is_its_scopes_one_after_another():
    workload = find_workload(LAYER)
    submits = workload.submits(workload.parameters({}))
    graphs = [build_graph(submits, lookup_cap=cap, rings=4) for cap in (16, None)]
    # Scope 1 has 2 levels, scope 2 has 5, scope 3 has 7.
    assert [graph.depth for graph in graphs] == [14, 14]
    assert {graph.task_count for graph in graphs} == {1503}


@ORDERS
def test_the_layer_computes_its_golden_results(order):
    found = ts.check(with_lengths(LAYER), {**HEADS, "intermediate": 2048}, order=order)
    assert found.passes
    zeroes, products = "qwen3_decode_incore_6", "qwen3_decode_incore_7"
    assert hazards(found) == {
        (Kind.RAW, Cause.LOOKUP_CAP, "qwen3_decode_incore_4", products): 1,
        (Kind.WAW, Cause.WRITE_ONLY, zeroes, products): 16,
    }


# Layers one after the other


def graph_of(name, **parameters):
    workload = find_workload(name)
    return build_graph(workload.submits(workload.parameters(parameters)), lookup_cap=16, rings=4)


def test_one_layer_of_a_model_is_the_layer():
    model, layer = graph_of(DECODE, layers=1, **HEADS), graph_of(LAYER, **HEADS)
    for column in ("kernel", "ring", "fanin_start", "fanin", "chain_entries"):
        assert (getattr(model, column) == getattr(layer, column)).all()
    for column in ("of", "end", "line"):
        assert (getattr(model.scopes, column) == getattr(layer.scopes, column)).all()
    assert model.scalars == layer.scalars
    rectangles = [
        [[(v.buffer.shape, v.buffer.owner, v.shape, v.offset) for v in views] for views in g.views]
        for g in (model, layer)
    ]
    assert rectangles[0] == rectangles[1]
    assert [kernel.name for kernel in model.kernels] == [kernel.name for kernel in layer.kernels]


def test_forty_layers_in_fine_chunks_are_about_a_million_tasks():
    fine = {"batch": 48, "k_chunk": 16, "out_chunk": 16, "mlp_chunk": 16}
    assert sum(counted(DECODE, layers=1, **fine)) == 24_439


def test_every_layer_waits_for_the_one_before_and_has_weights_of_its_own():
    layers = 3
    model, layer = graph_of(DECODE, layers=layers, **HEADS), graph_of(LAYER, **HEADS)
    count = len(layer)
    assert len(model) == layers * count
    assert model.depth == layers * layer.depth
    assert len(model.kernels) == len(layer.kernels)
    # Inside a layer all is the same; what comes from outside comes from the layer before.
    within, across = [[] for _ in range(layers)], set()
    for submit in range(len(model)):
        number, place = divmod(submit, count)
        for producer in model.producers(submit).tolist():
            if producer // count == number:
                within[number].append((place, producer % count))
            else:
                across.add(number - producer // count)
    assert within == [within[0]] * layers
    assert across == {1}
    users = {}
    for submit, views in enumerate(model.views):
        for view in views:
            if view.buffer.owner < 0:
                users.setdefault(view.buffer.name, set()).add(submit // count)
    assert users["wq_0"] == {0}
    assert users["k_cache_2"] == {2}
    assert users["rope_cos"] == {0, 1, 2}
    assert users["out_0"] == {0, 1}
    assert users["out"] == {2}


def test_layers_compute_their_golden_results():
    sizes = {**HEADS, "max_seq": 64, "intermediate": 512, "layers": 2}
    found = ts.check(DECODE, sizes)
    assert found.passes
    outputs = {one.name for one in found.matches}
    assert outputs == {"out_0", "out", "k_cache_0", "v_cache_0", "k_cache_1", "v_cache_1"}


# A mixture of experts


SMALL = {"tokens": 32, "hidden": 512, "intermediate": 256, "out_chunk": 128}


@pytest.mark.parametrize(
    "parameters",
    [{}, SMALL, {**SMALL, "active": 1, "skew_percent": 900}, {**SMALL, "experts": 32, "seed": 7}],
)
def test_tasks_of_experts_follow_from_their_tokens(parameters):
    workload = find_workload(MOE)
    p = workload.parameters(parameters)
    counts = draw_routes(**p)["expert_tokens"].tolist()
    tiles, routed = p["tokens"] // TOKEN_TILE, p["tokens"] * p["active"]
    by_expert = sum(ceil(count / TOKEN_TILE) for count in counts)
    mlps, outs = p["intermediate"] // p["mlp_chunk"], p["hidden"] // p["out_chunk"]
    feed_forward = [mlps, mlps, mlps, outs]
    assert counted(MOE, **parameters) == [
        *[tiles] * 3,  # activations as BF16, router, softmax
        *[tiles * tasks for tasks in feed_forward],
        routed,  # a row sent
        *[by_expert * tasks for tasks in feed_forward],
        routed,  # a row weighed and added
    ]


@ORDERS
@pytest.mark.parametrize("parameters", [SMALL, {**SMALL, "active": 16, "tokens": 16}])
def test_experts_compute_their_golden_results_without_hazards(parameters, order):
    found = ts.check(MOE, parameters, order=order, seed=2)
    assert found.passes
    assert hazards(found) == {}
    assert [one.total for one in found.matches] == [parameters["tokens"] * 512]


def test_every_expert_counts_more_than_the_tolerance():
    workload = find_workload(MOE)
    p = workload.parameters({**SMALL, "hidden": 256})
    inputs = workload.drawn(0, p)
    out = workload.numbers.golden(inputs, **p)["out"]
    allowed = workload.numbers.atol + workload.numbers.rtol * np.abs(out)
    for expert in range(16):
        w_down = inputs["w_down"].copy()
        w_down[expert * 256 : (expert + 1) * 256] = 0
        other = workload.numbers.golden({**inputs, "w_down": w_down}, **p)["out"]
        missed = (np.abs(other - out) > allowed).any()
        assert missed == (inputs["expert_tokens"][expert] > 0)


@settings(max_examples=50, deadline=None)
@given(
    tokens=st.integers(1, 8).map(lambda tiles: tiles * TOKEN_TILE),
    experts=st.integers(1, 40),
    data=st.data(),
    skew_percent=st.integers(0, 1000),
    seed=st.integers(0, 2**40),
)
def test_routes_give_each_token_a_slot_at_each_of_its_experts(
    tokens, experts, data, skew_percent, seed
):
    active = data.draw(st.integers(1, experts))
    sizes = {"tokens": tokens, "experts": experts, "active": active}
    routes = draw_routes(**sizes, skew_percent=skew_percent, seed=seed)
    first, counts = routes["expert_slots"], routes["expert_tokens"]
    assert counts.sum() == tokens * active
    assert not (first % TOKEN_TILE).any()
    taken = np.concatenate([np.arange(n) + s for s, n in zip(first, counts, strict=True)])
    tiles = {int(slot) // TOKEN_TILE for slot in taken}
    assert len(tiles) == sum(ceil(count / TOKEN_TILE) for count in counts)  # none is shared
    assert len(routes["slot_tokens"]) == slot_count(tokens, experts, active)
    assert np.flatnonzero(routes["slot_tokens"] >= 0).tolist() == sorted(taken.tolist())
    for token in range(tokens):
        chosen, slots = routes["token_experts"][token], routes["token_slots"][token]
        assert len(set(chosen.tolist())) == active
        assert (routes["slot_tokens"][slots] == token).all()
        assert ((first[chosen] <= slots) & (slots < (first + counts)[chosen])).all()


def test_skew_loads_the_first_experts():
    sizes = {"tokens": 1024, "experts": 16, "active": 2, "seed": 0}
    even, skewed = (draw_routes(**sizes, skew_percent=s)["expert_tokens"] for s in (0, 200))
    assert even.max() < 1.5 * even.min()
    assert skewed[0] > 5 * skewed[8:].max()


def test_a_token_goes_to_no_more_experts_than_there_are():
    with pytest.raises(InputError, match=r"17 \(active\) of 16 experts"):
        counted(MOE, active=17)
