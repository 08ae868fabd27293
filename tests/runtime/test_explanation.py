from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from random_cases import random_cases
from toys import make_device, make_graph, make_runtime

from runtime.explanation import Reason, explain
from runtime.simulation import simulate
from scheduler.registry import make_policy

COSTS = {
    "submit_us": 1.0,
    "cond_read_us": 0.125,
    "idle_loop_us": 0.125,
    "completion_us": 0.25,
    "per_consumer_us": 0.0625,
    "dispatch_us": 0.5,
    "aicpu_to_core_us": 0.125,
    "core_to_aicpu_us": 0.25,
    "core_prepare_us": 0.375,
}


def run(cores, durations, producers=None, clusters=1, threads=1, **costs):
    return simulate(
        make_graph(cores, producers),
        make_device(clusters),
        make_runtime(threads, **costs),
        profiling=False,
        durations=durations,
    )


def reasons(explanation):
    return {reason.name: us for reason, us in explanation.by_reason_us.items() if us}


@settings(max_examples=150, deadline=None)
@given(random_cases())
def test_parts_sum_to_the_wall_clock_on_any_graph_and_machine(case):
    trace = case.simulate()
    explanation = explain(trace)
    assert sum(explanation.by_reason_us.values()) == pytest.approx(trace.wall_clock_us, abs=1e-6)
    assert sum(s.us for s in explanation.shares) == pytest.approx(trace.wall_clock_us, abs=1e-6)
    assert explanation.part_us.min() >= -1e-9


@settings(max_examples=50, deadline=None)
@given(random_cases())
def test_the_path_follows_edges_to_the_last_finish(case):
    trace = case.simulate()
    rows = explain(trace).row
    tasks = trace.task[rows].tolist()
    for producer, consumer in pairwise(tasks):
        assert producer in trace.graph.producers(consumer).tolist()
    assert trace.finish_us[rows[-1]] == trace.finish_us.max()


def test_a_single_task_is_head_kernel_and_tail():
    # end seen by the sweep: 0.25 until visible, read within a loop of 0.25, completed in 0.25
    explanation = explain(run("c", [8.0], **COSTS))
    parts = reasons(explanation)
    assert parts.keys() == {"KERNEL", "HEAD", "TAIL"}
    assert parts["KERNEL"] == 8.0
    assert parts["HEAD"] == 0.5
    assert parts["TAIL"] == explanation.trace.tail_us[0]


def test_a_chain_waits_for_completions_to_be_seen_and_for_the_thread():
    trace = run("cv", [8.0, 4.0], [[], [0]], **COSTS)
    parts = reasons(explain(trace))
    assert parts["KERNEL"] == 12.0
    assert parts["HEAD"] == 1.0
    assert parts["COMPLETION"] == trace.ready_us[1] - trace.end_us[0]
    assert parts["THREAD"] == trace.dispatch_us[1] - trace.ready_us[1] == 0.5
    assert parts["TAIL"] == trace.tail_us[1]
    assert "CORE" not in parts
    assert "ORCHESTRATOR" not in parts


def test_tasks_for_one_core_wait_for_it_and_the_kernel_that_holds_it_is_named():
    trace = run("ccc", [8.0, 8.0, 8.0], idle_loop_us=0.0)
    explanation = explain(trace)
    assert reasons(explanation) == {"KERNEL": 8.0, "CORE": 16.0}
    (held,) = [share for share in explanation.shares if share.reason is Reason.CORE]
    assert (held.kernel, held.us, held.tasks) == ("cube", 16.0, 1)


def test_late_submits_are_the_orchestrators_and_name_what_it_submitted():
    trace = run("vvvac", [1.0, 1.0, 1.0, 0.0, 2.0], submit_us=10.0, alloc_us=4.0, idle_loop_us=0.0)
    explanation = explain(trace)
    assert reasons(explanation) == {"ORCHESTRATOR": 34.0, "KERNEL": 2.0}
    shares = {s.kernel: s.us for s in explanation.shares if s.reason is Reason.ORCHESTRATOR}
    assert shares == {"vector": 20.0, "(allocs)": 4.0, "cube": 10.0}


def test_a_task_that_must_run_on_a_busy_core_waits_for_a_core_though_others_are_idle():
    class Pinned(type(make_policy("fifo"))):
        def core(self, task):
            return 0 * task

    trace = simulate(
        make_graph("cc"),
        make_device(2),
        make_runtime(2, idle_loop_us=0.0),
        policy=Pinned(),
        profiling=False,
        durations=[5.0, 5.0],
    )
    assert trace.core.tolist() == [0, 0]
    assert reasons(explain(trace)) == {"KERNEL": 5.0, "CORE": 5.0}


def test_what_lies_before_the_first_dispatch_does_not_count():
    trace = run("c", [1.0], submit_us=100.0, idle_loop_us=0.0)
    assert reasons(explain(trace)) == {"KERNEL": 1.0}


def test_parts_are_told_per_task_of_the_path():
    explanation = explain(run("cvc", [1.0, 2.0, 4.0], [[], [0], [1]], idle_loop_us=0.0))
    assert explanation.row.tolist() == [0, 1, 2]
    assert explanation.part_us[:, Reason.KERNEL].tolist() == [1.0, 2.0, 4.0]
    assert np.count_nonzero(explanation.part_us) == 3
