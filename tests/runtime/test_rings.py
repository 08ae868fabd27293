"""Rings on toys with exact stamps, and what must hold of every run."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st
from toys import make_device, make_graph, make_runtime

from runtime.deadlock import DeadlockError, smallest
from runtime.demand import Limits, Resource
from runtime.explanation import Reason, explain
from runtime.ring_usage import retire_us, ring_usage
from runtime.simulation import simulate
from scheduler.registry import make_policy

# One cluster (a cube core and two vector cores) and one thread, whose empty loop takes 0.25 us and
# a read nothing; a submit takes 1 us and so does every kernel unless another time is given.
COSTS = {"submit_us": 1.0, "alloc_us": 1.0, "idle_loop_us": 0.25}


def run(graph, durations=None, **limits):
    times = durations or [1.0] * len(graph)
    runtime = make_runtime(**COSTS, **limits)
    return simulate(graph, make_device(), runtime, profiling=False, durations=times)


def waits(trace):
    return [
        (int(w["submit"]), Resource(w["resource"]), float(w["begin_us"]), float(w["end_us"]))
        for w in trace.waits
    ]


def own_scopes(count):
    """Every submit in a scope of its own, as in a loop of one region."""
    return list(range(1, count + 1))


def use(trace, resource):
    return [u for u in ring_usage(trace) if u.resource is resource]


def test_a_ring_of_three_places_holds_two_tasks():
    trace = run(make_graph("vvvv", scope_ends=own_scopes(4)), [10.0] * 4, task_window=3)
    # 0 and 1 are submitted at 1 and 2 and end at 11 and 12. The thread sees the end of 0 at 11
    # and completes it; the loop after that one finds nothing, and at its end it lets 0 go.
    assert trace.finish_us[0] == 11.0
    assert trace.release_us[0] == 11.25
    assert waits(trace)[0] == (2, Resource.TASK_WINDOW, 2.0, 11.25)
    # 1 ends at 12. The loop that begins then dispatches 2, so the one after that lets 1 go.
    assert trace.finish_us[1] == 12.0
    assert trace.release_us[1] == 12.5
    assert trace.submit_us.tolist() == [1.0, 2.0, 12.25, 13.5]


def test_the_oldest_task_keeps_the_places_of_all_behind_it():
    trace = run(make_graph("vvvv", scope_ends=own_scopes(4)), [50.0, 1.0, 1.0, 1.0], task_window=4)
    assert waits(trace) == [(3, Resource.TASK_WINDOW, 3.0, 51.25)]
    assert retire_us(trace)[:3].tolist() == [51.25] * 3


def test_a_consumer_keeps_its_producer():
    graph = make_graph("vvv", [[], [0], []], scope_ends=own_scopes(3))
    trace = run(graph, [1.0, 20.0, 1.0], task_window=3)
    assert trace.finish_us.tolist()[:2] == [2.0, 22.0]
    assert waits(trace) == [(2, Resource.TASK_WINDOW, 2.0, 22.25)]


def test_a_scope_keeps_what_it_holds_until_it_ends():
    graph = make_graph("vvvv", scope_ends=[3, 3, 3, 4])
    trace = run(graph, task_window=5)
    released, ended = trace.release_us[:3], trace.orchestrator_end_us[2]
    assert retire_us(trace)[0] == max(released[0], ended) == ended == 3.0


def test_a_busy_thread_releases_late_unless_its_list_is_full():
    graph = make_graph("v" * 40, scope_ends=own_scopes(40))
    runtime = make_runtime(submit_us=0.25, idle_loop_us=0.25, completion_us=0.5, dispatch_us=0.5)
    patient = simulate(graph, make_device(), runtime, profiling=False, durations=[0.25] * 40)
    assert patient.release_us.min() > patient.finish_us[20]  # it never comes to an idle loop
    runtime = make_runtime(
        submit_us=0.25, idle_loop_us=0.25, completion_us=0.5, dispatch_us=0.5, deferred_releases=2
    )
    hasty = simulate(graph, make_device(), runtime, profiling=False, durations=[0.25] * 40)
    order = np.argsort(hasty.finish_us)
    assert hasty.release_us[order[:2]].tolist() == [hasty.finish_us[order[1]]] * 2


def test_the_heap_is_taken_in_one_stretch():
    # 700 and 900 bytes become 1024 each.
    graph = make_graph("avav", [[], [0], [], [2]], [2, 2, 4, 4], nbytes=[700, 0, 900, 0])
    trace = run(graph, [0.0, 9.0, 0.0, 9.0], heap_bytes=2048)
    assert not len(trace.waits)
    assert [u.high_water for u in use(trace, Resource.HEAP)] == [2048]
    trace = run(graph, [0.0, 9.0, 0.0, 9.0], heap_bytes=1024)
    # Task 1 ends at 11 and is let go a loop later; then the alloc that it used goes as well.
    assert waits(trace) == [(2, Resource.HEAP, 2.0, 11.25)]


def test_what_would_straddle_the_end_of_the_heap_begins_at_its_start():
    # 1024 and 2048 of 4096 are taken; 2048 more do not fit behind them, though 1024 would be free.
    ends = [2, 2, 4, 4, 6, 6]
    graph = make_graph("avavav", [[], [0], [], [2], [], [4]], ends, [1024, 0, 2048, 0, 2048, 0])
    trace = run(graph, [0.0, 5.0, 0.0, 30.0, 0.0, 1.0], heap_bytes=4096)
    assert waits(trace) == [(4, Resource.HEAP, 4.0, 34.25)]


def test_the_dependency_pool_holds_consumers_that_wait():
    graph = make_graph("vvvv", [[], [0], [0], []], scope_ends=own_scopes(4))
    trace = run(graph, [10.0, 1.0, 1.0, 1.0], dep_pool_entries=1)
    assert trace.linked.tolist() == [0, 1, 0, 0]  # 2 comes when 0 is complete
    # 1 has taken the only entry until it retires: it ends at 12.
    assert waits(trace) == [(2, Resource.DEP_POOL, 2.0, 12.25)]


def test_nothing_waits_where_there_is_no_limit():
    graph = make_graph("v" * 30, [[]] + [[0]] * 29, scope_ends=own_scopes(30))
    limits = dict.fromkeys(("task_window", "heap_bytes", "dep_pool_entries"), 0)
    assert not len(run(graph, **limits, tensormap_entries=0).waits)


def test_the_explanation_says_ring_space_and_still_sums_up():
    trace = run(make_graph("vvvv", scope_ends=own_scopes(4)), [10.0] * 4, task_window=3)
    explanation = explain(trace)
    assert explanation.part_us.sum() == pytest.approx(trace.wall_clock_us)
    assert explanation.by_reason_us[Reason.SPACE] > 0.0
    assert {s.kernel for s in explanation.shares if s.reason is Reason.SPACE} == {"vector"}


@pytest.mark.parametrize(
    ("graph", "setting", "resource", "least"),
    [
        (make_graph("v" * 9), {"task_window": 6}, Resource.TASK_WINDOW, 10),
        (make_graph("aav", nbytes=[900, 1000, 0]), {"heap_bytes": 1024}, Resource.HEAP, 2048),
        (make_graph("av", nbytes=[5000, 0]), {"heap_bytes": 1024}, Resource.HEAP, 5120),
        (
            make_graph("vvvv", [[], [0], [0], [0]]),
            {"dep_pool_entries": 2},
            Resource.DEP_POOL,
            3,
        ),
    ],
)
def test_a_deadlock_names_scope_holder_and_the_smallest_size(graph, setting, resource, least):
    with pytest.raises(DeadlockError) as caught:
        run(graph, [9.0] * len(graph), **setting)
    error, message = caught.value, str(caught.value)
    assert (error.resource, error.smallest) == (resource, least)
    assert f"{resource.key}={least}" in message
    assert "scope that begins at line 1" in message or "alone needs" in message
    run(graph, [9.0] * len(graph), **{resource.key: least})
    if resource is not Resource.DEP_POOL:
        with pytest.raises(DeadlockError):
            run(graph, [9.0] * len(graph), **{resource.key: least - 1})


def test_a_ring_that_a_plan_keeps_full_is_told_as_such():
    # HEFT plans the longer task first, for which the ring has no place while the other waits.
    graph = make_graph("cc", scope_ends=[1, 2])
    runtime = make_runtime(**COSTS, task_window=2)
    planned = {"policy": make_policy("heft"), "profiling": False, "durations": [2.0, 9.0]}
    message = "the policy has planned behind tasks that are not submitted yet. Choose another pol"
    with pytest.raises(DeadlockError, match=message):
        simulate(graph, make_device(), runtime, **planned)
    simulate(graph, make_device(), make_runtime(**COSTS, task_window=3), **planned)


def test_a_place_is_not_counted_twice_where_a_begin_rounds_down():
    # Times of many digits: an end less what it took is often a digit before the wait's end.
    graph = make_graph("v" * 40, scope_ends=own_scopes(40))
    runtime = make_runtime(submit_us=0.7, idle_loop_us=0.03, task_window=4)
    times_us = [1.1 + 0.37 * n for n in range(40)]
    trace = simulate(graph, make_device(), runtime, profiling=False, durations=times_us)
    waited = trace.waits["submit"]
    assert (trace.orchestrator_begin_us[waited] < trace.waits["end_us"]).any()
    assert [u.high_water for u in use(trace, Resource.TASK_WINDOW)] == [3]


@st.composite
def ring_cases(draw):
    count = draw(st.integers(1, 24))
    kinds = "".join(draw(st.sampled_from("ccvva")) for _ in range(count))
    producers, ends, nbytes = [], [], []
    while len(ends) < count:
        ends += [len(ends) + draw(st.integers(1, 4))] * draw(st.integers(1, 4))
    ends = [min(max(end, number + 1), count) for number, end in enumerate(ends[:count])]
    for number, kind in enumerate(kinds):
        earlier = st.sets(st.integers(0, number - 1), max_size=3) if number else st.just(set())
        producers.append([] if kind == "a" else sorted(draw(earlier)))
        nbytes.append(draw(st.integers(0, 3000)) if kind == "a" else 0)
    assume(set(kinds) != {"a"})
    durations = [0.0 if k == "a" else float(draw(st.integers(0, 40))) for k in kinds]
    return make_graph(kinds, producers, ends, nbytes), durations


def outcome(graph, durations, limits):
    try:
        return run(graph, durations, **limits), None
    except DeadlockError as error:
        return None, error


sizes = st.fixed_dictionaries(
    {
        "task_window": st.integers(2, 12),
        "heap_bytes": st.integers(1, 12).map(lambda n: n * 1024),
        "dep_pool_entries": st.integers(1, 8),
    }
)


@settings(max_examples=300, deadline=None)
@given(ring_cases(), sizes)
def test_no_ring_exceeds_its_size_and_a_run_ends_or_says_why(case, limits):
    graph, durations = case
    trace, deadlock = outcome(graph, durations, limits)
    if deadlock is not None:
        event("a deadlock")
        # Not so of the heap: what straddles its end depends on where that is.
        if deadlock.resource is not Resource.HEAP:
            assert deadlock.smallest > limits[deadlock.resource.key]
        return
    event("waits" if len(trace.waits) else "no waits")
    for usage in ring_usage(trace):
        most = usage.size - 1 if usage.resource is Resource.TASK_WINDOW else usage.size
        assert 0 <= usage.high_water <= most
        assert not usage.used[-1:].any()
    for row, task in enumerate(trace.task.tolist()):
        for producer in graph.producers(task).tolist():
            if producer in trace.task:
                at = trace.task.tolist().index(producer)
                assert trace.start_us[row] >= trace.end_us[at]


@settings(max_examples=150, deadline=None)
@given(ring_cases())
def test_the_smallest_sizes_work_together_and_more_never_breaks_what_fits(case):
    graph, durations = case
    limits = Limits.of(make_runtime())
    least = {r.key: smallest(graph, limits, r) for r in Resource}
    trace = run(graph, durations, **least)
    assert len(trace) == graph.task_count
    # A larger heap may do worse: what straddles its end depends on where that is.
    more = {key: size + 3 * (key != "heap_bytes") for key, size in least.items()}
    assert len(run(graph, durations, **more)) == graph.task_count
    assert least["task_window"] >= max(u.high_water for u in use(trace, Resource.TASK_WINDOW)) + 1
