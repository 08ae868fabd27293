"""What the simulated machine does and when, in cases that can be followed by hand.

All costs are quarters of a microsecond, so that every expected number is exact. With `COSTS` and
one thread, a task is dispatched `dispatch_us` after it is seen, starts `reach + prepare` later,
and its end is visible `core_to_aicpu_us` after it is there. A thread that has no running core
looks at the queues every 0.5 us; with n running cores, every 0.5 + n * 0.25 us.
"""

from __future__ import annotations

import gc
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import make_device, make_graph, make_runtime

from devices.description import with_values
from devices.errors import InputError
from runtime.simulation import SimulationError, simulate
from runtime.times import durations_us, submit_costs_us

COSTS = {
    "submit_us": 1.0,
    "cond_read_us": 0.25,
    "idle_loop_us": 0.5,
    "completion_us": 0.5,
    "per_consumer_us": 0.25,
    "dispatch_us": 1.0,
    "aicpu_to_core_us": 0.25,
    "core_to_aicpu_us": 0.5,
    "core_prepare_us": 0.75,
}
STAMPS = ("submit", "ready", "dispatch", "start", "end", "observe", "finish")


def run(cores, durations, producers=None, *, clusters=1, threads=1, local_capacity=64, **costs):
    """Run a toy graph; `durations` of its submits in us, one number for all or one for each."""
    each = durations if isinstance(durations, list) else [durations] * len(cores)
    return simulate(
        make_graph(cores, producers),
        make_device(clusters),
        make_runtime(threads, local_capacity, **{**COSTS, **costs}),
        profiling=False,
        durations=each,
    )


def stamps(trace, row):
    return {name: getattr(trace, f"{name}_us")[row] for name in STAMPS}


def order_of_dispatch(trace):
    """Submits in the order in which they were dispatched."""
    return trace.task[np.argsort(trace.dispatch_us, kind="stable")].tolist()


# One task


def test_a_lone_task_passes_every_stamp():
    trace = run("c", 4.0)
    assert stamps(trace, 0) == {
        "submit": 1.0,  # the orchestrator needs 1 us
        "ready": 1.0,  # it waits for nothing
        "dispatch": 2.0,  # the thread looks at 0, 0.5, 1.0, and needs 1 us to dispatch
        "start": 3.0,  # 0.25 to reach the core, 0.75 to prepare
        "end": 7.0,
        # Visible at 7.5. The first sweep begins at 2.5 and the others 0.75 apart, so 7.0 comes
        # too early, and the read that begins at 7.75 sees it and takes 0.25.
        "observe": 8.0,
        "finish": 8.5,  # completion, and no consumers to walk
    }
    assert (trace.core[0], trace.thread[0]) == (0, 0)
    assert trace.wall_clock_us == 6.5  # from the dispatch to the finish


@pytest.mark.parametrize(
    ("duration_us", "observe_us"),
    [
        (3.5, 7.25),  # visible at 7.0, just as a read begins
        (3.75, 8.0),  # visible at 7.25, when that read ends: too late for it
        (4.25, 8.0),  # visible at 7.75, just as the next read begins
        (4.5, 8.75),
        (5.0, 8.75),
    ],
)
def test_an_end_is_seen_only_by_a_read_that_begins_after_it_is_visible(duration_us, observe_us):
    assert run("c", duration_us).observe_us.tolist() == [observe_us]


@pytest.mark.parametrize(("alloc_us", "dispatch_us"), [(0.0, 2.0), (0.25, 2.5), (0.5, 2.5)])
def test_a_ready_task_is_seen_only_when_the_thread_looks(alloc_us, dispatch_us):
    # The alloc delays the submit to 1.0, 1.25 and 1.5; looks are at 1.0 and 1.5.
    assert run("ac", 1.0, alloc_us=alloc_us).dispatch_us.tolist() == [dispatch_us]


def test_threads_begin_their_loops_evenly_spread():
    # Submits at 1.0, 2.0, 3.0, 4.0. Four threads look at phases 0, 1/4, 1/2, 3/4 of 1 us. The
    # thread of phase 0 is there when the first comes, and busy dispatching at 2.0, ...
    trace = run("cccc", 50.0, clusters=4, threads=4, idle_loop_us=1.0)
    assert trace.dispatch_us.tolist() == [2.0, 3.25, 4.5, 5.75]
    assert trace.thread.tolist() == [0, 1, 2, 3]


# Profiling


def test_profiling_delays_what_is_seen_of_an_end_and_every_submit():
    runtime = with_values(
        make_runtime(**COSTS),
        {
            "profiling.record_write_us": 0.75,
            "profiling.phase_record_us": 0.125,
            "profiling.records_per_submit": 4,
        },
    )
    graph, device = make_graph("c"), make_device()
    without = simulate(graph, device, runtime, profiling=False, durations=[4.0])
    assert stamps(without, 0) == stamps(run("c", 4.0), 0)
    profiled = simulate(graph, device, runtime, durations=[4.0])  # the default
    assert stamps(profiled, 0) == {
        "submit": 1.5,  # 4 records of 0.125
        "ready": 1.5,
        "dispatch": 2.5,
        "start": 3.5,
        "end": 7.5,  # the record is written after the end, and delays only what is seen of it
        "observe": 9.25,  # visible at 8.75; reads begin at 8.25 and 9.0
        "finish": 9.75,
    }


def test_an_alloc_writes_fewer_records_than_a_task():
    runtime = with_values(
        make_runtime(submit_us=1.0, alloc_us=0.5),
        {
            "profiling.phase_record_us": 0.125,
            "profiling.records_per_submit": 6,
            "profiling.records_per_alloc": 4,
        },
    )
    graph = make_graph("ac")
    assert submit_costs_us(graph, runtime, profiling=False).tolist() == [0.5, 1.0]
    assert submit_costs_us(graph, runtime, profiling=True).tolist() == [1.0, 1.75]


# Orchestrator


def test_a_submit_costs_its_base_and_every_map_entry_that_its_lookups_walk():
    graph = replace(make_graph("cav"), chain_entries=np.array([0, 0, 8], dtype=np.int32))
    runtime = make_runtime(**COSTS, alloc_us=0.5, chain_entry_us=0.125)
    assert submit_costs_us(graph, runtime, profiling=False).tolist() == [1.0, 0.5, 2.0]
    trace = simulate(graph, make_device(), runtime, profiling=False, durations=[1.0] * 3)
    assert trace.orchestrator_begin_us.tolist() == [0.0, 1.0, 1.5]
    assert trace.orchestrator_end_us.tolist() == [1.0, 1.5, 3.5]
    assert trace.submit_us.tolist() == [1.0, 3.5]


def test_a_task_that_is_ready_when_submitted_has_to_be_handed_over():
    # The second waits for the first and is not ready; the last has nobody behind it.
    trace = run("cccc", 100.0, [[], [0], [], []], push_us=0.5)
    assert trace.submit_us.tolist() == [1.0, 2.5, 3.5, 5.0]
    assert trace.ready_us[[0, 2, 3]].tolist() == [1.0, 3.5, 5.0]
    assert trace.orchestrator_begin_us.tolist() == [0.0, 1.0, 2.5, 3.5]


def test_allocs_take_the_orchestrators_time_and_are_complete_at_once():
    trace = run("aca", 4.0, [[], [0], [1]], alloc_us=0.5)
    assert trace.task.tolist() == [1]  # allocs have no row
    assert trace.ready_us.tolist() == trace.submit_us.tolist() == [1.5]
    assert trace.orchestrator_end_us.tolist() == [0.5, 1.5, 2.0]  # the last waits for nobody


def test_the_orchestrator_goes_on_while_cores_run():
    trace = run("ccc", 100.0)
    assert trace.submit_us.tolist() == [1.0, 2.0, 3.0]
    assert trace.end_us[0] == 103.0


# Consumers


def test_a_consumer_is_ready_after_the_walk_and_dispatched_in_the_same_iteration():
    trace = run("cv", [4.0, 2.0], [[], [0]])
    assert trace.observe_us[0] == 8.0
    assert trace.finish_us[0] == 8.75  # completion 0.5, one consumer 0.25
    assert trace.ready_us[1] == 8.75
    assert trace.dispatch_us[1] == 9.75


def test_consumers_are_walked_newest_first():
    trace = run("cvv", 4.0, [[], [0], [0]])
    assert trace.ready_us.tolist() == [1.0, 9.0, 8.75]
    assert trace.finish_us[0] == 9.0


@pytest.mark.parametrize(
    ("alloc_us", "ready_us", "finish_us"),
    [
        (6.25, 8.75, 8.75),  # submitted at 8.25, before task 0 is complete at 8.5: it is walked
        (6.75, 8.75, 8.5),  # submitted at 8.75, after: nobody needs to tell it
        (9.0, 11.0, 8.5),
    ],
)
def test_a_late_consumer_waits_only_for_producers_that_are_not_complete(
    alloc_us, ready_us, finish_us
):
    trace = run("cav", 4.0, [[], [], [0]], alloc_us=alloc_us)
    assert trace.ready_us[1] == ready_us
    assert trace.finish_us[0] == finish_us


@pytest.mark.parametrize(("durations", "last"), [([9.0, 4.0, 1.0], 0), ([4.0, 9.0, 1.0], 1)])
def test_a_consumer_runs_on_the_thread_that_completed_its_last_producer(durations, last):
    # Two threads with a cluster each run one producer each; both have an idle cube core when the
    # consumer becomes ready.
    trace = run("ccc", durations, [[], [], [0, 1]], clusters=2, threads=2)
    assert trace.thread.tolist() == [0, 1, last]
    assert trace.ready_us[2] == trace.finish_us[last]
    assert trace.dispatch_us[2] == trace.finish_us[last] + 1.0


def test_what_a_thread_cannot_place_is_there_for_the_others_after_its_iteration():
    # Thread 0 completes task 0, places the older of two consumers (ready at 9.0) until 10.0, has
    # no other cube core, and hands the newer one on. Thread 1 looks at 10.25.
    trace = run("ccc", 4.0, [[], [0], [0]], clusters=2, threads=2)
    assert trace.ready_us.tolist() == [1.0, 9.0, 8.75]
    assert trace.dispatch_us.tolist() == [2.0, 10.0, 11.25]
    assert trace.core.tolist() == [0, 0, 1]


# Ready queues


def test_the_global_queue_is_first_in_first_out():
    trace = run("cccc", 4.0)
    assert order_of_dispatch(trace) == [0, 1, 2, 3]


def test_the_local_buffer_is_last_in_first_out_and_spills_what_it_cannot_hold():
    # Tasks 1 to 5 become ready in the order 5, 4, 3, 2, 1. The buffer takes 5, 4, 3; the others
    # go to the global queue at once. The idle core takes the newest of the buffer, 3; the rest
    # of the buffer goes behind what is in the global queue: 2, 1, 5, 4.
    trace = run("cccccc", 4.0, [[], *[[0]] * 5], local_capacity=3)
    assert order_of_dispatch(trace) == [0, 3, 2, 1, 5, 4]


def test_with_800_consumers_and_one_idle_core_number_736_runs_first():
    # The documented example: 64 places hold 799 to 736, everything before is in the global queue.
    trace = run("c" * 801, 1.0, [[], *[[0]] * 800], submit_us=0.001, per_consumer_us=0.001)
    consumers = [task - 1 for task in order_of_dispatch(trace)[1:]]
    assert consumers == [*range(736, -1, -1), *range(799, 736, -1)]


# Cores


def test_a_core_holds_one_task_at_a_time():
    trace = run("cc", 4.0)
    assert trace.core.tolist() == [0, 0]
    assert trace.ready_us[1] == 2.0  # and there it waits for the core
    assert trace.dispatch_us[1] == trace.finish_us[0] + 1.0 == 9.5


def test_a_task_goes_to_the_lowest_idle_cluster():
    # Tasks 0, 1, 2 take clusters 0, 1, 2; when task 3 comes, after 20 us, 1 and 2 are idle again.
    trace = run("cccac", [90.0, 4.0, 2.0, 0.0, 1.0], clusters=3, alloc_us=20.0)
    assert trace.core.tolist() == [0, 1, 2, 1]


def test_a_batch_fills_every_cluster_before_it_uses_a_second_vector_core():
    # Two clusters: AIC 0 and 1, AIV 2 and 3 of cluster 0, 4 and 5 of cluster 1.
    trace = run("cvvvv", 4.0, [[], *[[0]] * 4], clusters=2)
    assert order_of_dispatch(trace)[1:] == [1, 2, 3, 4]
    assert trace.core.tolist() == [0, 2, 4, 3, 5]


def test_tasks_that_come_singly_fill_the_vector_cores_of_the_lowest_cluster_first():
    trace = run("vvvv", 90.0, clusters=2)
    assert trace.core.tolist() == [2, 3, 4, 5]


def test_even_threads_serve_cube_tasks_first_and_odd_ones_vector_tasks():
    # Each of two threads completes a producer that has a cube and a vector consumer.
    producers = [[], [], [0], [0], [1], [1]]
    trace = run("cccvcv", [20.0, 30.0, 1.0, 1.0, 1.0, 1.0], producers, clusters=2, threads=2)
    assert trace.thread.tolist() == [0, 1, 0, 0, 1, 1]
    cube_of_0, vector_of_0, cube_of_1, vector_of_1 = trace.dispatch_us[2:]
    assert vector_of_0 == cube_of_0 + 1.0
    assert cube_of_1 == vector_of_1 + 1.0


def test_a_batch_of_one_shape_is_dispatched_one_after_the_other():
    trace = run("ccc", 4.0, submit_us=0.25, clusters=3)
    # Submits at 0.25, 0.5, 0.75. The look at 0.5 finds two; the one after them finds the third.
    assert trace.dispatch_us.tolist() == [1.5, 2.5, 3.5]


def test_a_shape_that_was_served_is_not_looked_at_again_in_the_same_iteration():
    # Task 0 is dispatched until 2.0, when task 1 comes: past the cube tasks, the thread still
    # sees a vector task; past the vector tasks, it sees a cube task only after the next sweep,
    # which begins at 2.5 and reads one core.
    assert run("cv", 90.0).dispatch_us.tolist() == [2.0, 3.0]
    assert run("vc", 90.0).dispatch_us.tolist() == [2.0, 3.75]


def test_cubes_are_read_before_vectors_and_a_completion_delays_the_reads_after_it():
    # The vector task is dispatched first, at 2.0, and the cube task at 3.75. Sweeps of both begin
    # at 4.25, 5.25, ...: the cube core is read first, the vector core 0.25 later.
    trace = run("vc", [9.75, 8.0])
    assert trace.end_us.tolist() == [12.75, 12.75]  # visible at 13.25
    assert trace.observe_us[1] == 13.5
    assert trace.finish_us[1] == 14.0
    assert trace.observe_us[0] == 14.25  # 13.75 without the completion between


def test_clusters_are_dealt_to_the_threads_in_turn():
    # The four tasks are there from 0.625 on. Thread 1 looks at 0.75 and takes one for each of its
    # clusters, 1 and 3; thread 0 looks at 1.0 and has clusters 0 and 2 for the others.
    trace = run("acccc", 90.0, clusters=4, threads=2, alloc_us=0.5, submit_us=0.03125)
    assert trace.core.tolist() == [1, 3, 0, 2]
    assert trace.thread.tolist() == [1, 1, 0, 0]
    assert trace.dispatch_us.tolist() == [1.75, 2.75, 2.0, 3.0]


def test_vector_cores_belong_to_the_thread_of_their_cluster():
    # 5 clusters, 2 threads: 0, 2 and 4 belong to thread 0. AIV of cluster c are 5 + 2c, 6 + 2c.
    trace = run("v" * 10, 90.0, clusters=5, threads=2)
    owner = dict(zip(trace.core.tolist(), trace.thread.tolist(), strict=True))
    assert [owner[core] for core in range(5, 15)] == [0, 0, 1, 1, 0, 0, 1, 1, 0, 0]


def test_threads_without_a_cluster_do_no_harm():
    trace = run("ccv", 4.0, [[], [0], [1]], threads=4)
    assert trace.thread.tolist() == [0, 0, 0]


# Kernel times


def test_without_durations_a_kernel_takes_what_the_device_says():
    graph, device = make_graph("acv"), make_device()
    times = durations_us(graph, device)
    assert times[0] == 0.0
    # The toy kernels are empty: they start and commit, on either type of core.
    assert times[1] == times[2] == device.kernel.start_us.value + device.kernel.commit_us.value
    trace = simulate(graph, device, make_runtime(**COSTS))
    assert trace.exec_us.tolist() == pytest.approx(times[1:])


# List scheduling: next to no overhead leaves the graph, the cores and the order


NO_OVERHEAD = dict.fromkeys(COSTS, 0.0) | {"idle_loop_us": 2.0**-10}


def wall_clock(cores, durations, producers=None, **machine):
    return run(cores, durations, producers, **machine, **NO_OVERHEAD).wall_clock_us


def test_a_chain_takes_the_sum_of_its_tasks():
    assert wall_clock("cvcv", [1.0, 2.0, 3.0, 4.0], [[], [0], [1], [2]], clusters=4) == 10.0


def test_independent_tasks_take_as_many_waves_as_the_cores_make_of_them():
    assert wall_clock("c" * 7, 5.0, clusters=3) == 15.0
    assert wall_clock("v" * 7, 5.0, clusters=3) == 10.0  # a cluster has two vector cores


def test_cube_and_vector_tasks_do_not_get_in_each_others_way():
    assert wall_clock("ccvv", [3.0, 3.0, 2.0, 2.0]) == 6.0


def test_a_fork_and_join_takes_its_ends_and_the_waves_between():
    fork_and_join = [[], *[[0]] * 4, [1, 2, 3, 4]]
    assert wall_clock("vccccv", [1.0, 4.0, 4.0, 4.0, 4.0, 1.0], fork_and_join, clusters=2) == 10.0
    assert wall_clock("vccccv", [1.0, 4.0, 4.0, 4.0, 4.0, 1.0], fork_and_join, clusters=4) == 6.0


def test_a_diamond_takes_its_longer_side():
    assert wall_clock("cccc", [1.0, 2.0, 7.0, 1.0], [[], [0], [0], [1, 2]], clusters=2) == 9.0


def test_two_chains_share_one_core_without_a_gap():
    assert wall_clock("cccc", [1.0, 2.0, 3.0, 4.0], [[], [], [0], [1]]) == 10.0
    # The consumer that a thread has just made ready overtakes the one in the global queue.
    trace = run("cccc", [1.0, 2.0, 3.0, 4.0], [[], [], [0], [1]], **NO_OVERHEAD)
    assert order_of_dispatch(trace) == [0, 2, 1, 3]


def test_greedy_order_may_be_worse_than_the_best_one():
    # First in, first out over two cores: 2 and 2, then 4 behind them. The best order needs 4.
    assert wall_clock("ccc", [2.0, 2.0, 4.0], clusters=2) == 6.0


# Graphs that cannot finish


@pytest.mark.parametrize(
    ("cores", "producers", "cycle"),
    [
        ("ccc", [[], [1], []], "task 1 (cube) waits for task 1 (cube)"),
        ("ccc", [[], [0, 2], [1]], "task 1 (cube) waits for task 2 (cube) waits for task 1 (cube)"),
        ("acv", [[], [0, 2], [0, 1]], "task 1 (cube) waits for task 2 (vector) waits for task 1"),
        ("cvcc", [[], [2], [3], [2]], "task 2 (cube) waits for task 3 (cube) waits for task 2"),
    ],
    ids=["itself", "a pair", "a pair behind an alloc", "a pair that another task waits for"],
)
def test_a_cycle_is_reported_with_its_tasks_and_what_would_free_them(cores, producers, cycle):
    with pytest.raises(SimulationError) as caught:
        run(cores, 1.0, producers)
    assert f"cannot finish: {cycle}" in str(caught.value)
    assert "drop one of these edges" in str(caught.value)


def test_a_graph_without_a_task_is_refused():
    with pytest.raises(InputError, match="no task"):
        run("aa", 1.0)


@pytest.mark.parametrize("duration_us", [-1.0, float("nan"), float("inf")])
def test_a_duration_is_a_time(duration_us):
    with pytest.raises(InputError, match="duration of submit 1 is"):
        run("cc", [1.0, duration_us])


def test_durations_are_one_per_submit():
    with pytest.raises(InputError, match="1 durations for a graph of 2 submits"):
        simulate(make_graph("cc"), make_device(), make_runtime(), durations=[1.0])


def test_the_garbage_collector_is_left_as_it_was():
    assert gc.isenabled()
    run("c", 1.0)
    assert gc.isenabled()
    with pytest.raises(SimulationError):
        run("c", 1.0, [[0]])
    assert gc.isenabled()


# What holds for every graph on every machine


@dataclass(frozen=True)
class Case:
    """A graph and a machine; plain values, so that a failing case can be read."""

    cores: str
    producers: list[list[int]]
    durations: list[float]
    clusters: int
    threads: int
    local_capacity: int
    costs: dict[str, float]

    @cached_property
    def graph(self):
        return make_graph(self.cores, self.producers)

    @cached_property
    def runtime(self):
        return make_runtime(self.threads, self.local_capacity, **self.costs)

    @cached_property
    def device(self):
        return make_device(self.clusters)

    @cached_property
    def trace(self):
        return self.simulate(self.runtime)

    def simulate(self, runtime, *, profiling=False):
        return simulate(
            self.graph, self.device, runtime, profiling=profiling, durations=self.durations
        )


@st.composite
def cases(draw):
    count = draw(st.integers(1, 25))
    cores = "".join(draw(st.lists(st.sampled_from("ccvva"), min_size=count, max_size=count)))
    cores += draw(st.sampled_from("cv"))  # at least one task
    producers = [
        sorted(draw(st.sets(st.integers(0, number - 1), max_size=4))) if number else []
        for number in range(len(cores))
    ]
    time_us = st.floats(0.01, 30.0)
    # No cost is 0, so that no two steps of a thread have the same time.
    costs = st.fixed_dictionaries(
        dict.fromkeys((*COSTS, "alloc_us", "chain_entry_us"), st.floats(0.01, 1.0))
    )
    return Case(
        cores,
        producers,
        draw(st.lists(time_us, min_size=len(cores), max_size=len(cores))),
        clusters=draw(st.integers(1, 6)),
        threads=draw(st.integers(1, 4)),
        local_capacity=draw(st.sampled_from([1, 2, 64])),
        costs=draw(costs),
    )


any_case = settings(max_examples=40, deadline=None)
CLOSE = 1e-9
"""Stamps are sums of floats, which may be taken in different orders."""


@any_case
@given(cases())
def test_every_task_runs_once_on_a_core_of_its_type_that_its_thread_owns(case):
    trace, device = case.trace, case.device
    assert trace.task.tolist() == [n for n, letter in enumerate(case.cores) if letter != "a"]
    assert np.all(trace.core >= 0)
    assert np.all(trace.core < device.aic_count + device.aiv_count)
    is_aic = trace.core < device.aic_count
    assert is_aic.tolist() == [case.cores[task] == "c" for task in trace.task]
    cluster = np.where(is_aic, trace.core, (trace.core - device.aic_count) // 2)
    assert np.array_equal(trace.thread, cluster % case.threads)


@any_case
@given(cases())
def test_stamps_follow_one_another_and_latency_is_the_sum_of_its_parts(case):
    trace, costs = case.trace, case.costs
    assert np.all(trace.ready_us >= trace.submit_us - CLOSE)
    assert np.all(trace.dispatch_us >= trace.ready_us + costs["dispatch_us"] - CLOSE)
    head_us = costs["aicpu_to_core_us"] + costs["core_prepare_us"]
    assert trace.head_us == pytest.approx(np.full(len(trace), head_us), abs=CLOSE)
    assert trace.exec_us == pytest.approx(np.array(case.durations)[trace.task], abs=CLOSE)
    seen_us = costs["core_to_aicpu_us"] + costs["cond_read_us"]
    assert np.all(trace.observe_us >= trace.end_us + seen_us - CLOSE)
    assert np.all(trace.finish_us >= trace.observe_us + costs["completion_us"] - CLOSE)
    parts_us = trace.head_us + trace.exec_us + trace.tail_us
    assert parts_us == pytest.approx(trace.latency_us, abs=CLOSE)


@any_case
@given(cases())
def test_no_core_runs_two_tasks_at_once(case):
    trace = case.trace
    for core in set(trace.core.tolist()):
        rows = np.flatnonzero(trace.core == core)
        rows = rows[np.argsort(trace.dispatch_us[rows])]
        assert np.all(trace.dispatch_us[rows][1:] >= trace.finish_us[rows][:-1] - CLOSE)


@any_case
@given(cases())
def test_no_thread_does_two_things_at_once(case):
    trace = case.trace
    for thread in set(trace.thread.tolist()):
        rows = np.flatnonzero(trace.thread == thread)
        dispatch_us = trace.dispatch_us[rows]
        before_us = dispatch_us - case.costs["dispatch_us"]
        begin_us = np.concatenate((before_us, trace.observe_us[rows]))
        end_us = np.concatenate((dispatch_us, trace.finish_us[rows]))
        in_order = np.argsort(begin_us)
        assert np.all(begin_us[in_order][1:] >= end_us[in_order][:-1] - CLOSE)


@any_case
@given(cases())
def test_no_task_starts_before_its_producers_have_ended(case):
    trace = case.trace
    row_of = {task: row for row, task in enumerate(trace.task.tolist())}
    for task, row in row_of.items():
        for producer in case.producers[task]:
            if producer in row_of:  # allocs have no row
                assert trace.start_us[row] >= trace.end_us[row_of[producer]]
                assert trace.ready_us[row] >= trace.observe_us[row_of[producer]] - CLOSE


@any_case
@given(cases())
def test_a_run_is_a_function_of_its_inputs(case):
    assert case.trace.equals(case.simulate(case.runtime))
    slower_us = case.costs["core_prepare_us"] + 0.5
    slower = with_values(case.runtime, {"costs.core_prepare_us": slower_us})
    assert not case.trace.equals(case.simulate(slower))


@any_case
@given(cases())
def test_no_run_is_shorter_than_its_critical_path_or_its_work(case):
    longest_us: list[float] = []
    for letter, producers, duration_us in zip(
        case.cores, case.producers, case.durations, strict=True
    ):
        before_us = max((longest_us[p] for p in producers), default=0.0)
        # Nobody waits for an alloc, whatever it names as its producers.
        longest_us.append(0.0 if letter == "a" else before_us + duration_us)
    wall_clock_us = case.trace.wall_clock_us
    assert wall_clock_us >= max(longest_us) - CLOSE
    for letter, cores in (("c", case.device.aic_count), ("v", case.device.aiv_count)):
        work_us = sum(d for c, d in zip(case.cores, case.durations, strict=True) if c == letter)
        assert wall_clock_us >= work_us / cores - CLOSE


@any_case
@given(cases())
def test_profiling_delays_every_submit(case):
    profiled = case.simulate(case.runtime, profiling=True)
    assert np.all(profiled.submit_us > case.trace.submit_us)
