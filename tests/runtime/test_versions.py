"""What differs between versions of the runtime: each rule on a toy, and properties of all."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from toys import make_device, make_graph, make_runtime

from devices.description import with_values
from devices.errors import InputError
from runtime.deadlock import DeadlockError
from runtime.launch import Launch
from runtime.map_entries import NEVER_REMOVED, MapEntries
from runtime.simulation import simulate
from runtime.version import available_runtimes, load_runtime, own_keys

# As in the toys: a submit 1 us, a dispatch 0.5 us, an empty loop 0.25 us, a write takes 0.25 us to
# reach its core, and a core prepares for 0.5 us.
COSTS = {
    "submit_us": 1.0,
    "dispatch_us": 0.5,
    "idle_loop_us": 0.25,
    "aicpu_to_core_us": 0.25,
    "core_prepare_us": 0.5,
}


def version(threads=1, costs=COSTS, **rules):
    runtime = make_runtime(threads, **costs)
    return replace(runtime, rules=replace(runtime.rules, **rules))


def run(graph, durations, runtime, clusters=1, *, profiling=False):
    return simulate(graph, make_device(clusters), runtime, profiling=profiling, durations=durations)


def test_a_second_slot_hides_dispatch_and_completion():
    graph = make_graph("cc")
    one = run(graph, [10.0, 10.0], version(slots_per_core=1))
    # 0 starts at 1.5 + 0.75; 1 is dispatched when its end is seen at 12.25.
    assert one.start_us.tolist() == [2.25, 13.5]
    two = run(graph, [10.0, 10.0], version(slots_per_core=2))
    # 1 lies on the core when 0 ends at 12.25, which prepares at once.
    assert two.dispatch_us.tolist() == [1.5, 2.5]
    assert two.start_us.tolist() == [2.25, 12.75]


def test_an_end_shows_when_the_task_behind_it_is_accepted():
    two = run(make_graph("cc"), [10.0, 10.0], version(slots_per_core=2))
    # The core accepts 1 at 12.25, when 0 has ended; the end of 1 shows by itself at 22.75.
    assert two.observe_us.tolist() == [12.25, 22.75]


def test_an_idle_core_comes_before_a_second_slot():
    trace = run(make_graph("ccc"), [10.0] * 3, version(slots_per_core=2), clusters=2)
    assert trace.core.tolist() == [0, 1, 0]


def test_a_second_slot_stays_empty_while_another_thread_has_an_idle_core():
    trace = run(make_graph("cccc"), [50.0] * 4, version(2, slots_per_core=2), clusters=2)
    assert sorted(trace.core.tolist()[:2]) == [0, 1]
    assert sorted(trace.core.tolist()[2:]) == [0, 1]


def test_a_slot_is_open_only_when_its_core_has_accepted_the_task_before():
    slow = {**COSTS, "core_to_aicpu_us": 4.0}
    trace = run(make_graph("cc"), [30.0, 1.0], version(1, slow, slots_per_core=2))
    # 0 is written at 1.5 and accepted at 1.75, which a read can see at 5.75.
    assert trace.dispatch_us.tolist()[1] >= 5.75 + 0.5


def test_a_batch_is_published_together():
    graph = make_graph("vccc", [[], [0], [0], [0]])
    apart = run(graph, [9.0, 1.0, 1.0, 1.0], version(publishes_batches=False), clusters=3)
    assert np.ptp(apart.dispatch_us[1:]) == 1.0
    together = run(graph, [9.0, 1.0, 1.0, 1.0], version(publishes_batches=True), clusters=3)
    assert np.ptp(together.dispatch_us[1:]) == 0.0
    assert together.dispatch_us[1] == apart.dispatch_us[1:].max()


def test_cube_and_vector_tasks_wait_while_a_mix_task_does():
    # The vector task keeps the mix task from the only cluster; the cube core stays idle, too.
    graph = make_graph("vmc")
    begun = {
        first: run(graph, [20.0, 1.0, 1.0], version(mix_first=first)).dispatch_us[-1]
        for first in (False, True)
    }
    assert begun[False] == 3.5
    assert begun[True] > 21.0


def test_the_finish_stamp_is_the_observation_or_the_end_of_the_walk():
    graph = make_graph("vvv", [[], [0], [0]])
    costs = {**COSTS, "completion_us": 0.5, "per_consumer_us": 2.0}
    for stamp, late_us in (("walked", 4.5), ("seen", 0.0)):
        trace = run(graph, [9.0, 1.0, 1.0], version(1, costs, finish_stamp=stamp))
        assert trace.finish_us[0] - trace.observe_us[0] == late_us
        assert trace.done_us[0] - trace.observe_us[0] == 4.5


def test_an_end_shows_before_the_record_or_after():
    graph = make_graph("vv", [[], [0]])
    seen = {
        first: run(graph, [9.0, 1.0], version(shows_end_first=first), profiling=True).observe_us[0]
        for first in (False, True)
    }
    assert seen[False] - seen[True] == pytest.approx(0.45, abs=0.26)
    assert seen[False] > seen[True]


def test_a_host_submits_everything_before_time_zero():
    trace = run(make_graph("ccc"), [5.0] * 3, version(orchestration="host"), clusters=3)
    assert trace.submit_us.tolist() == [0.0] * 3


def test_a_host_that_waits_for_space_pays_for_no_lookup_and_saves_none():
    # Two rectangles of one buffer are in the TensorMap when 2 looks; 0 and 1 have retired by then.
    entries = MapEntries(
        writer=np.array([0, 1], dtype=np.int32),
        removed_by=np.full(2, NEVER_REMOVED, dtype=np.int32),
        buffer=np.zeros(2, dtype=np.int32),
        walks=np.array([[2, 0, 2]], dtype=np.int32),
    )
    graph = dataclasses.replace(make_graph("ccc", scope_ends=[1, 2, 3]), map_entries=entries)
    host = version(costs={**COSTS, "chain_entry_us": 0.5}, orchestration="host")
    trace = run(graph, [5.0] * 3, with_values(host, {"task_window": 2}))
    assert trace.orchestrator_begin_us.tolist() == trace.orchestrator_end_us.tolist()
    assert trace.submit_us.tolist() == [0.0, *trace.release_us[:2].tolist()]


def test_tasks_become_visible_when_their_scope_ends():
    graph = make_graph("cccc", scope_ends=[2, 2, 4, 4])
    trace = run(graph, [0.5] * 4, version(orchestration="scope"), clusters=4)
    assert trace.submit_us.tolist() == [1.0, 2.0, 3.0, 4.0]
    assert trace.ready_us.tolist() == [2.0, 2.0, 4.0, 4.0]


def test_tasks_of_an_open_scope_hold_up_a_ring_that_only_they_can_free():
    # 1 to 3 end their scopes, but wait for 0, whose scope ends behind them all.
    graph = make_graph("cccc", [[], [0], [0], [0]], scope_ends=[4, 2, 3, 4])
    scoped = version(orchestration="scope")
    with pytest.raises(DeadlockError, match="task_window=5") as caught:
        run(graph, [1.0] * 4, with_values(scoped, {"task_window": 3}))
    assert caught.value.smallest == 5
    run(graph, [1.0] * 4, with_values(scoped, {"task_window": 5}))


def test_a_thread_fills_its_own_queue_only_when_that_is_empty():
    # Two threads with one cube core each: tasks are dealt out in turn, one in each own queue.
    runtime = version(2, orchestration="host", ready_queues="own")
    trace = run(make_graph("cccccc"), [5.0] * 6, runtime, clusters=2)
    assert np.bincount(trace.core, minlength=2).tolist()[:2] == [3, 3]
    assert trace.thread.tolist()[:2] == [1, 0]


@pytest.mark.parametrize(
    "graph", [make_graph("m"), make_graph("c", launches={0: Launch(blocks=2)})]
)
def test_a_runtime_without_such_tasks_refuses_them(graph):
    with pytest.raises(InputError, match="does not know"):
        run(graph, [1.0], version(mix_and_blocks=False))


def test_what_a_version_does_not_say_is_that_of_its_base():
    april, august = load_runtime("tmr-2026-04"), load_runtime("tmr-2026-08")
    assert august.costs == april.costs
    assert "rules.slots_per_core" in own_keys("tmr-2026-08")
    assert not any(key.startswith("costs") for key in own_keys("tmr-2026-08"))


def test_a_file_says_only_what_differs(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text('base = "tmr-2026-04"\ntask_window = 64\n[costs]\nsubmit_us = 2.5\n')
    mine = load_runtime(path)
    assert (mine.name, mine.task_window) == ("tmr-2026-04", 64)
    assert mine.costs.submit_us.value == 2.5
    assert mine.costs.submit_us.source == "set in mine.toml"
    assert mine.costs.dispatch_us == load_runtime("tmr-2026-04").costs.dispatch_us


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('base = "tmr-2026"', "unknown base 'tmr-2026'.*did you mean tmr-2026-08"),
        ("base = 3", "base: is 3; expected the name"),
        ('base = "mine.toml"', "mine.toml is the base of"),
        ('base = "tmr-2026-04"\nwindow = 3', "unknown key 'window'"),
    ],
)
def test_a_wrong_base_is_refused(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        load_runtime(path)


@st.composite
def cases(draw):
    count = draw(st.integers(1, 16))
    letters = "".join(draw(st.sampled_from("ccvva")) for _ in range(count - 1)) + "c"
    producers, ends = [], []
    for number, letter in enumerate(letters):
        earlier = st.sets(st.integers(0, number - 1), max_size=3) if number else st.just(set())
        producers.append([] if letter == "a" else sorted(draw(earlier)))
    while len(ends) < count:
        ends += [len(ends) + draw(st.integers(1, 3))] * draw(st.integers(1, 3))
    ends = [min(max(end, number + 1), count) for number, end in enumerate(ends[:count])]
    durations = [0.0 if k == "a" else float(draw(st.integers(0, 9))) for k in letters]
    return make_graph(letters, producers, ends), durations


@settings(max_examples=60, deadline=None)
@pytest.mark.parametrize("name", available_runtimes())
@given(
    case=cases(),
    window=st.integers(3, 20),
    threads=st.integers(1, 4),
    clusters=st.integers(1, 4),
    profiling=st.booleans(),
)
def test_every_version_runs_every_task_once_in_order(
    name, case, window, threads, clusters, profiling
):
    graph, durations = case
    runtime = load_runtime(name)
    if runtime.task_window:
        runtime = with_values(runtime, {"task_window": window})
    runtime = with_values(runtime, {"scheduler_threads": threads})
    try:
        trace = run(graph, durations, runtime, clusters, profiling=profiling)
    except DeadlockError as error:
        larger = with_values(runtime, {"task_window": error.smallest})
        trace = run(graph, durations, larger, clusters, profiling=profiling)
    assert trace.task.tolist() == np.flatnonzero(graph.kernel >= 0).tolist()
    end_us = np.full(len(graph), -np.inf)
    end_us[trace.task] = trace.end_us
    for row, task in enumerate(trace.task.tolist()):
        assert all(trace.start_us[row] >= end_us[p] for p in graph.producers(task).tolist())
    for core in set(trace.core.tolist()):
        mine = np.flatnonzero(trace.core == core)
        order = mine[np.argsort(trace.start_us[mine], kind="stable")]
        # A core runs one at a time, and holds no more than its slots.
        assert (trace.start_us[order][1:] >= trace.end_us[order][:-1]).all()
        slots = runtime.rules.slots_per_core
        held = trace.dispatch_us[order][slots:] >= trace.end_us[order][:-slots]
        assert held.all()
    assert (trace.finish_us >= trace.end_us).all()
    assert trace.latency_us == pytest.approx(trace.exec_us + trace.head_us + trace.tail_us)
