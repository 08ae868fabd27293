"""What-ifs of the machine: a second slot, early dispatch, a dummy task before a kernel."""

from __future__ import annotations

import numpy as np
import pytest

from devices.device import load_device
from devices.errors import InputError
from runtime.case import Case
from runtime.changes import FreeSubmits
from runtime.dependencies import find_graph
from runtime.graph import DUMMY
from runtime.handwritten import submits_of
from runtime.machine_changes import DummyBefore, EarlyDispatch, SecondSlot
from runtime.version import load_runtime
from workloads.catalogue import find_workload

SMALL = {"hidden": 1024, "intermediate": 2048}
DOWN = "scope3_incore_8"


def case_of(name, settings, runtime="tmr-2026-04"):
    version = load_runtime(runtime)
    submits = submits_of(find_workload(name).program(settings))
    return Case.of(submits, find_graph(submits, version), load_device("a2a3"), version)


@pytest.fixture(scope="module")
def restructured():
    return case_of("qwen3-scope3-restructured", SMALL)


@pytest.fixture(scope="module")
def baseline():
    return case_of("qwen3-scope3-baseline", SMALL)


def test_a_second_slot_shortens_a_run_with_more_tasks_than_cores():
    case, _ = FreeSubmits().apply(case_of("bgemm", {"groups": 60}))
    changed, words = SecondSlot().apply(case)
    assert words == "a second slot per core"
    assert changed.simulate().wall_clock_us < case.simulate().wall_clock_us


def test_a_version_that_has_a_second_slot_gets_no_other():
    with pytest.raises(InputError, match="tmr-2026-08 has a second slot per core already"):
        SecondSlot().apply(case_of("zero-init", {}, "tmr-2026-08"))


def test_early_dispatch_shortens_the_chain_of_the_baseline(baseline):
    changed, words = EarlyDispatch(DOWN).apply(baseline)
    assert words == f"early dispatch of the consumers of {DOWN}"
    before, after = baseline.simulate(), changed.simulate()
    assert after.wall_clock_us < 0.95 * before.wall_clock_us
    bounds = changed.bounds(after)
    assert all(bound.us <= after.wall_clock_us for bound in bounds.all if bound.name != "memory")


def test_a_dummy_task_takes_the_edges_of_a_kernel(restructured):
    changed, words = DummyBefore(DOWN).apply(restructured)
    graph, old = changed.graph, restructured.graph
    dummy = int(np.flatnonzero(graph.kernel == DUMMY)[0])
    number = [k.name for k in graph.kernels].index(DOWN)
    first = int(np.flatnonzero(old.kernel == number)[0])
    assert dummy == first
    assert len(graph) == len(old) + 1
    assert graph.task_count == old.task_count
    gathered = set()
    for new in np.flatnonzero(graph.kernel == number).tolist():
        before = old.producers(new - 1).tolist()
        gathered |= {p for p in before if p < first}
        later = [p + 1 for p in before if p >= first]
        assert graph.producers(new).tolist() == [dummy, *later]
    assert set(graph.producers(dummy).tolist()) == gathered
    led = sum(
        sum(p < first for p in old.producers(task).tolist())
        for task in np.flatnonzero(old.kernel == number).tolist()
    )
    assert words == f"a dummy task before {DOWN}: {led:,} edges through one task"


def test_the_other_edges_and_all_else_stay(restructured):
    changed, _ = DummyBefore(DOWN).apply(restructured)
    graph, old = changed.graph, restructured.graph
    dummy = int(np.flatnonzero(graph.kernel == DUMMY)[0])
    number = [k.name for k in graph.kernels].index(DOWN)
    for task in range(len(old)):
        if old.kernel[task] == number:
            continue
        new = task + (task >= dummy)
        moved = [p + (p >= dummy) for p in old.producers(task).tolist()]
        assert graph.producers(new).tolist() == moved
    kept = np.delete(np.arange(len(graph)), dummy)
    assert graph.kernel[kept].tolist() == old.kernel.tolist()
    assert graph.ring[kept].tolist() == old.ring.tolist()
    assert graph.chain_entries[kept].tolist() == old.chain_entries.tolist()
    assert changed.durations_us[kept].tolist() == restructured.durations_us.tolist()
    assert len(graph.map_entries) == len(old.map_entries)
    # Everything still runs, and the kernel's tasks after all that the dummy waits for.
    trace = changed.simulate()
    assert len(trace) == old.task_count
    ends = trace.end_us[np.isin(trace.task, graph.producers(dummy))]
    starts = trace.start_us[graph.kernel[trace.task] == number]
    assert starts.min() >= ends.max()


@pytest.mark.parametrize("change", [EarlyDispatch("nothing"), DummyBefore("nothing")])
def test_an_unknown_kernel_is_refused(restructured, change):
    with pytest.raises(InputError, match="unknown kernel of scope3 'nothing'"):
        change.apply(restructured)
