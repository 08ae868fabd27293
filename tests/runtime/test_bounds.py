import pytest
from hypothesis import given, settings
from msgspec.structs import replace
from random_cases import random_cases
from toys import make_device, make_graph, make_runtime

from devices.device import load_device
from runtime.bounds import find_bounds, inout_edges
from runtime.dependencies import find_graph
from runtime.language import record
from runtime.simulation import simulate
from runtime.times import least_overheads
from runtime.version import load_runtime
from workloads.catalogue import find_workload

SMALL = {"hidden": 1024, "intermediate": 2048}


def bounds_of(cores, durations, producers=None, clusters=1, **costs):
    runtime, device = make_runtime(1, **{"idle_loop_us": 0.0, **costs}), make_device(clusters)
    trace = simulate(
        make_graph(cores, producers), device, runtime, profiling=False, durations=durations
    )
    return find_bounds(trace, device, least_overheads(runtime, 0.0, profiling=False))


def by_name(bounds):
    return {bound.name: bound.us for bound in bounds.all}


@settings(max_examples=200, deadline=None)
@given(random_cases())
def test_no_run_beats_a_bound(case):
    trace = case.simulate()
    bounds = find_bounds(trace, case.device, case.least)
    for bound in bounds.all:
        assert bound.us <= trace.wall_clock_us + 1e-6, bound
        assert (bound.kernel_us or 0.0) <= bound.us + 1e-6, bound


def test_a_chain_is_bound_by_its_path_and_independent_tasks_by_their_area():
    chain = bounds_of("ccc", [2.0, 3.0, 4.0], [[], [0], [1]], clusters=3)
    assert by_name(chain)["critical path"] == 9.0
    assert chain.binding.name == "critical path"
    assert chain.ratio(chain.binding) == 1.0
    area = bounds_of("cccc", [3.0, 3.0, 3.0, 3.0], clusters=2)
    assert by_name(area)["AIC area"] == 6.0
    assert by_name(area)["critical path"] == 3.0
    assert area.binding.name == "AIC area"
    assert "AIV area" not in by_name(area)


def test_overheads_count_on_the_path_and_on_the_area():
    # head 0.5, visible 0.25, read 0.125, completion 0.25, walk 0.125, dispatch 1
    costs = {
        "aicpu_to_core_us": 0.5,
        "core_to_aicpu_us": 0.25,
        "cond_read_us": 0.125,
        "completion_us": 0.25,
        "per_consumer_us": 0.125,
        "dispatch_us": 1.0,
    }
    bounds = bounds_of("cc", [2.0, 3.0], [[], [0]], **costs)
    held = 0.5 + 0.25 + 0.125 + 0.25
    assert by_name(bounds)["critical path"] == 5.0 + 2 * held + 0.125 + 1.0
    assert by_name(bounds)["AIC area"] == 5.0 + 2 * held + 1.0


def test_the_orchestrator_binds_where_submits_are_slow():
    bounds = bounds_of("vvvv", [1.0] * 4, submit_us=10.0)
    assert bounds.binding.name == "orchestrator"
    assert bounds.binding.us == bounds.wall_clock_us == 31.0


def test_a_batch_is_prepared_before_the_stamp_of_its_first_task():
    runtime = make_runtime(dispatch_us=10.0)
    rules = replace(runtime.rules, publishes_batches=True, finish_stamp="seen")
    runtime, device = replace(runtime, rules=rules), make_device(4)
    graph = make_graph("vvvv", scope_ends=[4] * 4)
    trace = simulate(graph, device, runtime, profiling=False, durations=[1.0] * 4)
    # One batch of four: all 40 us pass before the first dispatch stamp.
    assert trace.wall_clock_us < 10.0
    bounds = find_bounds(trace, device, least_overheads(runtime, 0.0, profiling=False))
    assert "scheduler threads" not in by_name(bounds)


def test_scheduler_threads_bind_where_dispatching_is_slow():
    bounds = bounds_of("v" * 32, [1.0] * 32, clusters=16, dispatch_us=10.0)
    assert bounds.binding.name == "scheduler threads"
    assert bounds.binding.us == 310.0
    assert bounds.wall_clock_us == 311.0


def test_memory_counts_what_hbm_moved():
    # Each weight comes from HBM once, however many tasks read it; the rest stays in L2.
    device, runtime = load_device("a2a3"), load_runtime("tmr-2026-04")
    submits = record(find_workload("qwen3-scope3-restructured").program(SMALL))
    trace = simulate(find_graph(submits, runtime), device, runtime)
    hidden, intermediate, batch = 1024, 2048, 16
    weights = 2 * (hidden * hidden + 3 * hidden * intermediate)
    inputs = 2 * (2 * batch * hidden) + 4 * hidden
    bounds = find_bounds(trace, device, least_overheads(runtime, 0.0, profiling=True))
    assert by_name(bounds)["memory"] == pytest.approx((weights + inputs) / 1400e3)


def test_inout_edges_are_those_into_tasks_that_update_what_the_producer_wrote():
    graph = find_graph(
        record(find_workload("qwen3-scope3-baseline").program(SMALL)), load_runtime("tmr-2026-04")
    )
    chained = inout_edges(graph)
    pairs = {
        (graph.kernels[graph.kernel[p]].name, graph.kernels[graph.kernel[c]].name)
        for c in range(len(graph))
        for e, p in enumerate(graph.producers(c).tolist(), graph.fanin_start[c])
        if chained[e]
    }
    assert ("scope3_incore_8", "scope3_incore_8") in pairs
    assert ("scope3_incore_2", "scope3_incore_2") in pairs
    assert all(consumer in ("scope3_incore_2", "scope3_incore_8") for _, consumer in pairs)
