"""Runs that are written and read again: statistics, edges, names and cores stay."""

import random
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_cases import random_cases
from toys import make_device, make_graph

from devices.errors import InputError
from runtime.case import Case
from runtime.dependencies import find_graph
from runtime.handwritten import submits_of
from runtime.launch import Launch
from runtime.simulation import simulate
from runtime.statistics import summarize
from runtime.version import load_runtime
from workloads.catalogue import find_workload
from workloads.formats.swimlane import read_swimlane
from workloads.formats.swimlane_folder import write_swimlane_folder
from workloads.formats.swimlane_writing import write_swimlane

FORMS = {"version 2": 0.00051, "raw": 0.01001}
"""How far a written time may be from the true one, in us."""

STAMPS = ("dispatch_us", "start_us", "end_us", "finish_us", "submit_us")
MEANS = ("avg_exec_us", "avg_latency_us", "avg_head_us", "avg_tail_us")


def reread(trace, form):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.json.gz"
        if form == "raw":
            path = Path(folder) / "run"
            write_swimlane_folder(trace, path)
        else:
            write_swimlane(trace, path)
        return read_swimlane(path)


def task_edges(graph):
    consumer = np.repeat(np.arange(len(graph)), np.diff(graph.fanin_start))
    kept = (graph.kernel[graph.fanin] >= 0) & (graph.kernel[consumer] >= 0)
    return set(zip(graph.fanin[kept].tolist(), consumer[kept].tolist(), strict=True))


def all_edges(graph):
    consumer = np.repeat(np.arange(len(graph)), np.diff(graph.fanin_start))
    return set(zip(graph.fanin.tolist(), consumer.tolist(), strict=True))


def check_same(trace, imported, form):
    """Whether a run has come back as it was, to the precision of the form."""
    again, near_us = imported.trace, FORMS[form]
    orders = [np.lexsort((run.start_us, run.core, run.task)) for run in (again, trace)]

    def rows(column):
        return [
            getattr(run, column)[order] for run, order in zip((again, trace), orders, strict=True)
        ]

    for column in ("task", "core", "thread"):
        assert np.array_equal(*rows(column)), column
    for column in STAMPS:
        found, wanted = rows(column)
        assert found == pytest.approx(wanted, abs=near_us), column
    for column in ("orchestrator_begin_us", "orchestrator_end_us"):
        assert getattr(again, column) == pytest.approx(getattr(trace, column), abs=near_us), column
    assert (again.aic_count, again.aiv_count) == (trace.aic_count, trace.aiv_count)
    before, after = summarize(trace), summarize(again)
    assert after.wall_clock_us == pytest.approx(before.wall_clock_us, abs=2 * near_us)
    for found, wanted in zip(after.functions, before.functions, strict=True):
        assert (found.name, found.core, found.count) == (wanted.name, wanted.core, wanted.count)
        for figure in MEANS:
            assert getattr(found, figure) == pytest.approx(getattr(wanted, figure), abs=2 * near_us)
    for busy, wanted in zip(after.scheduler_busy_us, before.scheduler_busy_us, strict=False):
        assert busy == pytest.approx(wanted, abs=4 * near_us * len(trace))
    assert np.array_equal(again.graph.ring, trace.graph.ring)
    if form == "raw":
        assert all_edges(again.graph) == all_edges(trace.graph)
        assert np.array_equal(again.graph.kernel < 0, trace.graph.kernel < 0)
    else:
        assert task_edges(again.graph) >= task_edges(trace.graph)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("runtime", ["tmr-2026-04", "tmr-2026-08"])
@pytest.mark.parametrize(
    ("name", "sizes"),
    [
        ("qwen3-scope3-restructured", {"hidden": 1024, "intermediate": 2048}),
        ("qwen3-scope3-baseline", {"hidden": 512, "intermediate": 1024}),
        ("bgemm", {}),
        ("batch-paged-attention", {}),
        ("zero-init", {}),
        ("rope", {}),
    ],
)
def test_workloads_come_back(name, sizes, runtime, form):
    version = load_runtime(runtime)
    workload = find_workload(name)
    submits = submits_of(workload.program(sizes))
    graph = find_graph(submits, version)
    trace = Case.of(submits, graph, make_device(24), version).simulate()
    imported = reread(trace, form)
    check_same(trace, imported, form)
    assert imported.has_tensors == (form == "raw")
    # What has come back can be run: same kernels, same edges.
    again = Case(
        imported.submits, imported.graph, imported.durations_us, make_device(24), version
    ).simulate()
    assert len(again) == len(trace)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(case=random_cases())
def test_any_run_comes_back(form, case):
    trace = case.simulate()
    if len(trace):
        check_same(trace, reread(trace, form), form)


@st.composite
def wide_runs(draw):
    """Runs with MIX and block tasks, dummy tasks and allocs."""
    choose = random.Random(draw(st.integers(0, 2**32)))
    cores = "c" + "".join(choose.choice("ccvvmhad") for _ in range(choose.randint(0, 40)))
    edges = []
    for task, core in enumerate(cores):
        wanted = 0 if core == "a" else min(task, choose.choice([0, 1, 2, 4]))
        edges.append(sorted(choose.sample(range(task), wanted)))
    launches = {
        task: Launch(blocks=choose.randint(2, 9))
        for task, core in enumerate(cores)
        if core in "cvmh" and choose.random() < 0.3
    }
    graph = make_graph(cores, edges, launches=launches)
    times_us = [0.0 if core in "ad" else choose.uniform(0.5, 20.0) for core in cores]
    runtime = load_runtime(choose.choice(["tmr-2026-04", "tmr-2026-08"]))
    return simulate(graph, make_device(choose.randint(1, 5)), runtime, durations=times_us)


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(trace=wide_runs())
def test_mix_block_and_dummy_tasks_come_back(form, trace):
    imported = reread(trace, form)
    check_same(trace, imported, form)
    blocks = {task: launch.blocks for task, launch in trace.graph.launches.items()}
    assert {t: launch.blocks for t, launch in imported.graph.launches.items()} == blocks
    mix = [[s and s.name for s in k.sides] for k in imported.graph.kernels if k.sides]
    assert all(sides in (["cube", "vector", "vector"], ["cube", "vector", None]) for sides in mix)


@pytest.mark.parametrize("form", FORMS)
def test_numbers_of_cores_that_are_not_in_order_come_back(form):
    graph = make_graph("cvvc")
    runtime = load_runtime("tmr-2026-04")
    trace = simulate(graph, make_device(2), runtime, durations=[3.0] * 4)
    object.__setattr__(trace, "core_id", np.array([2, 5, 0, 1, 3, 4], dtype=np.int32))
    again = reread(trace, form).trace
    if form == "raw":
        assert again.core_id.tolist() == [2, 5, 0, 1, 3, 4]
    assert again.core_id[again.core].tolist() == trace.core_id[trace.core].tolist()


def test_a_file_that_was_read_is_written_as_it_was(tmp_path):
    trace = simulate(
        make_graph("ccvm", [[], [0], [1], [2]]),
        make_device(3),
        load_runtime("tmr-2026-04"),
        durations=[2.0, 3.5, 1.25, 4.0],
    )
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    write_swimlane(trace, first)
    write_swimlane(read_swimlane(first).trace, second)
    assert second.read_bytes() == first.read_bytes()


def test_what_cannot_be_read_is_never_written():
    with pytest.raises(InputError):
        read_swimlane("no such file.json")
