"""Golden functions: against programs of several shapes, and against wrong numbers."""

from __future__ import annotations

import numpy as np
import pytest

import tilesim as ts
from workloads.catalogue import find_workload
from workloads.numbers import BF16

ATTENTION = {"batch": 5, "heads": 16, "head_dim": 32, "block": 16, "context": 100}
SCORES = {"tasks": 3, "rows": 16, "keys": 128, "head_dim": 64, "block": 32}
PROJECTION = {"k": 512, "n": 512}


def inputs_and_golden(name, settings, seed=0):
    workload = find_workload(name)
    parameters = workload.parameters(settings)
    inputs = workload.numbers.inputs(np.random.default_rng(seed), **parameters)
    return inputs, workload.numbers.golden(inputs, **parameters)


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("paged-attention", ATTENTION),
        ("paged-attention", {**ATTENTION, "heads": 32}),  # two tiles of queries a request
        ("paged-attention", {**ATTENTION, "heads": 4}),
        ("paged-attention-unroll", {**ATTENTION, "unroll": 3}),  # 7 blocks = 3 + 3 + 1
        ("batch-paged-attention", {**ATTENTION, "chunk": 2}),  # 5 requests = 2 + 2 + 1
        ("batch-paged-attention", {**ATTENTION, "chunk": 9}),
        ("projection", {**PROJECTION, "tiles": 2}),
        ("projection", {**PROJECTION, "tiles": 2, "tile_stride": 2}),
        ("projection", {**PROJECTION, "element_bytes": 1}),
        ("projection-transposed", {**PROJECTION, "element_bytes": 1}),
        ("projection-transposed", {**PROJECTION, "element_bytes": 4}),
        ("scores", SCORES),
        ("scores", {**SCORES, "element_bytes": 1}),
        ("weighted-values", SCORES),
        ("rescale", {"tasks": 3, "blocks": 5, "rows": 16}),
        ("rescale", {"tasks": 2, "blocks": 1}),
    ],
)
@pytest.mark.parametrize("order", [ts.Order.PROGRAM, ts.Order.ADVERSARIAL])
def test_a_program_by_hand_computes_its_golden_results(name, settings, order):
    found = ts.check(name, settings, order=order, seed=3)
    assert found.is_match
    assert all(one.total > 0 for one in found.matches)
    assert found.hazards.found == ()


def test_products_of_integers_are_exact():
    for name in ("projection", "projection-transposed", "scores"):
        sizes = SCORES if name == "scores" else PROJECTION
        found = ts.check(name, {**sizes, "element_bytes": 1}, rtol=0.0, atol=0.0)
        assert found.is_match
        _, golden = inputs_and_golden(name, {**sizes, "element_bytes": 1})
        (values,) = golden.values()
        assert values.dtype == np.int32
        assert np.abs(values).max() > 2**15


@pytest.mark.parametrize("name", ["paged-attention", "batch-paged-attention"])
def test_every_token_of_the_cache_counts_more_than_the_tolerance(name):
    """What a task leaves out shows: no block may be lost within the tolerance."""
    workload = find_workload(name)
    parameters = workload.parameters(ATTENTION)
    inputs, golden = inputs_and_golden(name, ATTENTION)
    for block in range(5 * 7):
        changed = {key: array.copy() for key, array in inputs.items()}
        tokens = slice(block * 16, (block + 1) * 16)
        changed["v"][tokens] = np.zeros((16, 32), dtype=BF16)
        other = workload.numbers.golden(changed, **parameters)["out"]
        off = np.abs(other - golden["out"])
        allowed = workload.numbers.atol + workload.numbers.rtol * np.abs(golden["out"])
        assert (off > allowed).any()


def test_columns_that_no_task_computes_are_found():
    # 8 tiles in tasks of 3: the program leaves the last two out.
    found = ts.check("projection", {**PROJECTION, "tiles": 3})
    (one,) = found.matches
    assert (one.matched, one.not_finite) == (16 * 6 * 64, 16 * 2 * 64)


def test_what_computes_nothing_is_compared_with_its_own_order():
    found = ts.check("empty")
    assert found.against == "program order"
    assert found.matches == ()
