import numpy as np
import pytest

from devices.device import load_device
from devices.errors import InputError
from devices.kernel import CoreType
from runtime.case import Case
from runtime.changes import (
    Clusters,
    DropFalseEdges,
    FreeSubmits,
    Fuse,
    Merge,
    ScaleKernel,
    SchedulerThreads,
    SetConstant,
    Split,
    apply_changes,
)
from runtime.dependencies import find_graph
from runtime.language import record
from runtime.version import load_runtime
from workloads.catalogue import find_workload

SMALL = {"hidden": 1024, "intermediate": 2048}
ADD, MATMUL = "scope3_incore_8", "scope3_incore_7"


@pytest.fixture(scope="module")
def baseline():
    submits = record(find_workload("qwen3-scope3-baseline").program(SMALL))
    runtime = load_runtime("tmr-2026-04")
    return Case.of(submits, find_graph(submits, runtime), load_device("a2a3"), runtime)


def tasks_of(case, name):
    numbers = [n for n, kernel in enumerate(case.graph.kernels) if kernel.name == name]
    return np.flatnonzero(np.isin(case.graph.kernel, numbers))


def test_changes_are_made_in_stages_and_told_in_that_order(baseline):
    changes = [Clusters(12), ScaleKernel(None, 0.5), Split(MATMUL, 2), DropFalseEdges()]
    case, words = apply_changes(baseline, changes)
    assert [text.split()[0] for text in words] == ["dropped", "time", "split", "12"]
    assert case.device.cores.clusters == 12
    assert baseline.device.cores.clusters == 24  # the case itself stays


def test_false_edges_go_all_or_between_two_kernels(baseline):
    everything, words = DropFalseEdges().apply(baseline)
    assert everything.graph.depth < baseline.graph.depth / 2
    count = sum(pair.count for pair in baseline.false_dependences.pairs)
    assert words == f"dropped {count:,} false edges"
    chain, words = DropFalseEdges(ADD, ADD).apply(baseline)
    assert chain.graph.depth < baseline.graph.depth
    assert words.endswith(f"false edges from {ADD} to {ADD}")


def test_a_pair_without_false_edges_is_refused(baseline):
    with pytest.raises(InputError, match=f"no false dependences from {MATMUL} to {ADD}"):
        DropFalseEdges(MATMUL, ADD).apply(baseline)


def test_splitting_keeps_the_work_but_for_start_and_commit(baseline):
    case, words = Split(MATMUL, 4).apply(baseline)
    before, after = tasks_of(baseline, MATMUL), tasks_of(case, f"{MATMUL} /4")
    assert len(after) == 4 * len(before)
    assert words == f"split {len(before):,} tasks of {MATMUL} into 4 each"
    extra_us = 3 * len(before) * baseline.fixed_us
    total_us = baseline.durations_us[before].sum() + extra_us
    assert case.durations_us[after].sum() == pytest.approx(total_us)
    assert case.simulate().wall_clock_us > baseline.simulate().wall_clock_us  # more to submit


def test_merging_iterations_of_a_chain_shortens_a_run_of_small_tasks(baseline):
    case, words = Merge(ADD, 8).apply(baseline)
    assert len(tasks_of(case, f"{ADD} x8")) == len(tasks_of(baseline, ADD)) // 8
    assert words.startswith(f"merged tasks of {ADD}, 8 into one: ")
    assert case.simulate().wall_clock_us < baseline.simulate().wall_clock_us


def test_fusing_kernels_of_two_core_types_asks_where(baseline):
    with pytest.raises(InputError, match="say on which"):
        Fuse(MATMUL, ADD).apply(baseline)
    case, words = Fuse(MATMUL, ADD, CoreType.AIC).apply(baseline)
    fused = tasks_of(case, f"{MATMUL}+{ADD}")
    assert len(fused) == len(tasks_of(baseline, ADD))
    assert case.graph.is_aic[fused].all()
    assert words == f"fused {len(fused):,} pairs of {MATMUL} and {ADD}"
    pair_us = baseline.durations_us[[tasks_of(baseline, MATMUL)[0], tasks_of(baseline, ADD)[0]]]
    expected_us = pair_us.sum() - baseline.fixed_us
    assert case.durations_us[fused[0]] == pytest.approx(expected_us)
    # The false chain of additions would have the matrix products in it as well.
    assert case.simulate().wall_clock_us > baseline.simulate().wall_clock_us
    both, _ = apply_changes(baseline, [Fuse(MATMUL, ADD, CoreType.AIC), DropFalseEdges()])
    without, _ = DropFalseEdges().apply(baseline)
    assert both.simulate().wall_clock_us < without.simulate().wall_clock_us


def test_scaling_one_kernel_or_all(baseline):
    one, _ = ScaleKernel(ADD, 0.5).apply(baseline)
    scaled = tasks_of(baseline, ADD)
    expected = baseline.durations_us.copy()
    expected[scaled] *= 0.5
    assert np.array_equal(one.durations_us, expected)
    every, words = ScaleKernel(None, 2.0).apply(baseline)
    assert np.array_equal(every.durations_us, 2.0 * baseline.durations_us)
    assert words == "time of all kernels times 2"


@pytest.mark.parametrize("factor", [-1.0, float("nan"), float("inf")])
def test_a_factor_that_is_none_is_refused(baseline, factor):
    with pytest.raises(InputError, match="number from 0 to"):
        ScaleKernel(None, factor).apply(baseline)


def test_the_machine_changes(baseline):
    threads, _ = SchedulerThreads(2).apply(baseline)
    assert threads.simulate().thread_count == 2
    free, _ = FreeSubmits().apply(baseline)
    trace = free.simulate()
    assert np.ptp(trace.orchestrator_end_us) == 0.0
    runtime, words = SetConstant("costs.dispatch_us", 0.25).apply(baseline)
    assert runtime.runtime.costs.dispatch_us.value == 0.25
    assert words == "costs.dispatch_us = 0.25"


def test_a_constant_of_the_device_changes_kernel_times(baseline):
    case, _ = SetConstant("kernel.start_us", 0.0).apply(baseline)
    lost = baseline.device.kernel.start_us.value
    is_task = baseline.graph.kernel >= 0
    assert case.durations_us[is_task] == pytest.approx(baseline.durations_us[is_task] - lost)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (ScaleKernel("scope3_incore_88", 0.5), "did you mean scope3_incore_8"),
        (Split("scope3_incore_88", 2), "did you mean scope3_incore_8"),
        (DropFalseEdges("nothing", ADD), "unknown kernel"),
        (SetConstant("costs.dispatch", 0.5), "did you mean costs.dispatch_us"),
        (Split(ADD, 1), "parts"),
        (Merge(ADD, 1), "tasks"),
        (SchedulerThreads(0), "scheduler_threads"),
        (Clusters(0), "clusters"),
    ],
)
def test_what_does_not_fit_is_refused(baseline, change, message):
    with pytest.raises(InputError, match=message):
        change.apply(baseline)


def test_edges_cannot_be_dropped_from_a_graph_of_other_tasks(baseline):
    merged, _ = Merge(ADD, 8).apply(baseline)
    with pytest.raises(InputError, match="not that of the recorded program"):
        DropFalseEdges().apply(merged)
