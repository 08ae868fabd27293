"""Early dispatch: a consumer lies on its core before its producer ends, and starts at a signal."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from toys import make_device, make_graph, make_runtime

from runtime.launch import Launch
from runtime.simulation import simulate

COSTS = {
    "submit_us": 1.0,
    "dispatch_us": 0.5,
    "idle_loop_us": 0.25,
    "aicpu_to_core_us": 0.25,
    "core_prepare_us": 0.5,
}
ALLOWED = Launch(allows_early=True)


def run(graph, durations, clusters=1, threads=1, *, early=True, slots=1):
    runtime = make_runtime(threads, **COSTS)
    rules = replace(runtime.rules, early_dispatch=early, slots_per_core=slots)
    return simulate(
        graph,
        make_device(clusters),
        replace(runtime, rules=rules),
        profiling=False,
        durations=durations,
    )


def test_a_consumer_of_a_running_producer_starts_at_the_signal():
    graph = make_graph("cv", [[], [0]], launches={0: ALLOWED})
    late, early = (run(graph, [10.0, 1.0], early=is_early) for is_early in (False, True))
    # The producer starts at 2.25 and ends at 12.25, when a sweep sees it. Then the consumer has to
    # be dispatched (0.5), to reach its core (0.25) and to be prepared there (0.5) ...
    assert late.start_us.tolist() == [2.25, 13.5]
    # ... or is there and prepared, and only the signal has to reach it.
    assert early.start_us.tolist() == [2.25, 12.5]


def test_a_producer_that_does_not_allow_it_gets_no_early_consumer():
    graph = make_graph("cv", [[], [0]])
    assert run(graph, [10.0, 1.0]).start_us.tolist() == [2.25, 13.5]


def test_all_that_a_task_waits_for_has_to_run_and_allow_it():
    graph = make_graph("ccv", [[], [], [0, 1]], launches={0: ALLOWED})
    trace = run(graph, [10.0, 30.0, 1.0], clusters=2)
    # 1 does not allow it, and ends last: 2 is dispatched when it has been seen.
    assert trace.dispatch_us[2] > trace.end_us[1]
    assert trace.start_us[2] - trace.end_us[1] >= 1.25
    both = make_graph("ccv", [[], [], [0, 1]], launches={0: ALLOWED, 1: ALLOWED})
    trace = run(both, [10.0, 30.0, 1.0], clusters=2)
    assert trace.start_us[2] - trace.end_us[1] < 0.75


def test_ready_tasks_come_first():
    graph = make_graph("cvv", [[], [0], []], launches={0: ALLOWED})
    trace = run(graph, [10.0, 1.0, 30.0])
    assert trace.core.tolist()[1:] == [1, 2]  # 1 was staged at once, 2 came when both were free


@st.composite
def cases(draw):
    count = draw(st.integers(1, 16))
    letters = "".join(draw(st.sampled_from("ccvvm")) for _ in range(count))
    together = draw(st.sets(st.integers(0, count - 1), max_size=3))
    producers = [
        sorted(draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else [] for n in range(count)
    ]
    allowing = draw(st.sets(st.integers(0, count - 1)))
    launches = {n: ALLOWED for n in allowing if letters[n] != "m"}
    launches |= {n: Launch(2, sync_start=True, allows_early=n in allowing) for n in together}
    return make_graph(letters, producers, launches=launches), [
        float(draw(st.integers(0, 9))) for _ in letters
    ]


@settings(max_examples=300, deadline=None)
@given(cases(), st.integers(2, 3), st.integers(1, 3), st.integers(1, 2))
def test_early_tasks_run_once_after_their_producers(case, clusters, threads, slots):
    graph, durations = case
    trace = run(graph, durations, clusters, threads, slots=slots)
    assert set(trace.task.tolist()) == set(range(len(graph)))
    ended = np.full(len(graph), -np.inf)
    np.maximum.at(ended, trace.task, trace.end_us)
    for row, task in enumerate(trace.task.tolist()):
        assert all(trace.start_us[row] >= ended[p] for p in graph.producers(task).tolist())
    for core in set(trace.core.tolist()):
        mine = np.flatnonzero(trace.core == core)
        order = mine[np.argsort(trace.start_us[mine], kind="stable")]
        assert (trace.start_us[order][1:] >= trace.end_us[order][:-1]).all()
