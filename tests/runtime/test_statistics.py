"""The printed figures of a run, by the definitions of the device tools."""

from __future__ import annotations

import numpy as np
import pytest
from toys import make_device, make_graph

from runtime.demand import Limits
from runtime.dependencies import find_graph
from runtime.language import record
from runtime.simulation import simulate
from runtime.statistics import summarize
from runtime.trace import WAIT, Trace
from runtime.version import load_runtime
from workloads.catalogue import find_workload


def make_trace(cores, rows, *, orchestrator, dispatch_cost_us=0.5):
    """Trace on 2 AIC, 4 AIV and 3 threads; a row is dispatch, start, end, observe, finish,
    core and thread of a task."""
    graph = make_graph(cores)
    columns = np.array(rows, dtype=np.float64).T
    begin_us, end_us = np.array(orchestrator, dtype=np.float64).T
    task = np.flatnonzero(graph.kernel >= 0)
    return Trace(
        graph=graph,
        task=task.astype(np.int32),
        submit_us=end_us[task],
        ready_us=end_us[task],
        dispatch_us=columns[0],
        start_us=columns[1],
        end_us=columns[2],
        observe_us=columns[3],
        finish_us=columns[4],
        done_us=columns[4],
        core=columns[5].astype(np.int16),
        thread=columns[6].astype(np.int16),
        orchestrator_begin_us=begin_us,
        orchestrator_end_us=end_us,
        dispatch_cost_us=dispatch_cost_us,
        aic_count=2,
        aiv_count=4,
        thread_count=3,
        released_by=np.full(len(task), -1, dtype=np.int32),
        named_core=np.full(len(task), -1, dtype=np.int16),
        decision_us=0.0,
        policy="runtime",
        waits=np.array([], dtype=WAIT),
        release_us=end_us + 1.0,
        linked=np.zeros(len(graph), dtype=np.int32),
        limits=Limits.of(load_runtime("tmr-2026-04")),
        alone_us=columns[2] - columns[1],
        hbm_bytes=np.zeros(len(task)),
        gm_bytes=np.zeros(len(task)),
    )


@pytest.fixture(scope="module")
def by_hand():
    """Two cube and two vector tasks, after an alloc; from 2 us to 22 us."""
    return make_trace(
        "accvv",
        # dispatch, start, end, observe, finish, core, thread
        [
            (2, 3, 7, 8, 9, 0, 0),  # exec 4, head 1, tail 2, latency 7
            (4, 5, 15, 16, 18, 1, 1),  # exec 10, head 1, tail 3, latency 14
            (10, 12, 18, 20, 22, 4, 1),  # exec 6, head 2, tail 4, latency 12
            (5, 6, 10, 11, 12, 2, 0),  # exec 4, head 1, tail 2, latency 7
        ],
        orchestrator=[(0, 0.25), (0.25, 1.25), (1.25, 2.25), (2.25, 3.25), (3.25, 4.25)],
    )


def test_means_are_over_tasks_and_allocs_are_none(by_hand):
    figures = summarize(by_hand)
    assert figures.tasks == 4
    assert figures.avg_exec_us == 6.0  # 24 / 4
    assert figures.avg_head_us == 1.25
    assert figures.avg_tail_us == 2.75
    assert figures.avg_latency_us == 10.0  # 40 / 4


def test_exec_percent_is_a_ratio_of_sums_and_not_a_mean_of_ratios(by_hand):
    assert summarize(by_hand).exec_percent == pytest.approx(60.0)  # 24 / 40


def test_wall_clock_goes_from_the_first_dispatch_to_the_last_finish(by_hand):
    assert summarize(by_hand).wall_clock_us == 20.0


def test_tasks_in_flight_is_the_sum_of_latencies_over_the_wall_clock(by_hand):
    assert summarize(by_hand).tasks_in_flight == 2.0  # 40 / 20


def test_a_core_is_busy_while_it_executes_and_idle_cores_count(by_hand):
    figures = summarize(by_hand)
    assert figures.aic_busy == pytest.approx(0.35)  # (4 + 10) / (2 cores * 20)
    assert figures.aiv_busy == pytest.approx(0.125)  # (6 + 4) / (4 cores * 20)


def test_the_orchestrator_is_busy_with_allocs_and_before_the_first_dispatch_too(by_hand):
    assert summarize(by_hand).orchestrator_busy_us == 4.25


def test_a_scheduler_thread_is_busy_from_observe_to_finish_and_before_each_dispatch(by_hand):
    # Thread 0: 9 - 8 and 12 - 11, thread 1: 18 - 16 and 22 - 20; two dispatches of 0.5 each.
    assert summarize(by_hand).scheduler_busy_us == (3.0, 5.0, 0.0)


def test_each_kernel_has_its_own_means(by_hand):
    cube, vector = summarize(by_hand).functions
    assert (cube.name, cube.core, cube.count) == ("cube", "aic", 2)
    assert (cube.avg_exec_us, cube.avg_latency_us) == (7.0, 10.5)
    assert (cube.avg_head_us, cube.avg_tail_us) == (1.0, 2.5)
    assert cube.exec_percent == pytest.approx(100 * 14 / 21)
    assert (vector.name, vector.core, vector.count) == ("vector", "aiv", 2)
    assert (vector.avg_exec_us, vector.avg_latency_us) == (5.0, 9.5)
    assert (vector.avg_head_us, vector.avg_tail_us) == (1.5, 3.0)
    assert vector.exec_percent == pytest.approx(100 * 10 / 19)


def test_a_kernel_that_never_ran_has_no_row_and_its_cores_are_idle():
    figures = summarize(make_trace("v", [(0, 1, 3, 4, 4, 2, 0)], orchestrator=[(0, 1)]))
    assert [function.name for function in figures.functions] == ["vector"]
    assert figures.aic_busy == 0.0
    assert figures.aiv_busy == 0.125  # 2 us of 4, on one of four cores


# A real run


@pytest.fixture(scope="module")
def small_run():
    sizes = {"hidden": 1024, "intermediate": 2048}
    runtime = load_runtime("tmr-2026-04")
    program = find_workload("qwen3-scope3-restructured").program(sizes)
    return simulate(find_graph(record(program), runtime), make_device(24), runtime)


def test_means_of_all_tasks_are_the_means_of_the_kernels_by_their_counts(small_run):
    figures = summarize(small_run)
    assert sum(function.count for function in figures.functions) == figures.tasks == 151
    for name in ("avg_exec_us", "avg_head_us", "avg_tail_us", "avg_latency_us"):
        total = sum(function.count * getattr(function, name) for function in figures.functions)
        assert total == pytest.approx(figures.tasks * getattr(figures, name)), name


def test_exec_head_and_tail_make_the_latency(small_run):
    figures = summarize(small_run)
    for row in (figures, *figures.functions):
        parts_us = row.avg_exec_us + row.avg_head_us + row.avg_tail_us
        assert parts_us == pytest.approx(row.avg_latency_us)
        assert row.exec_percent == pytest.approx(100 * row.avg_exec_us / row.avg_latency_us)


def test_kernels_keep_the_order_of_the_graph(small_run):
    names = [function.name for function in summarize(small_run).functions]
    assert names == [kernel.name for kernel in small_run.graph.kernels]


def test_tasks_in_flight_obey_littles_law(small_run):
    figures = summarize(small_run)
    tasks_per_us = figures.tasks / figures.wall_clock_us
    assert figures.tasks_in_flight == pytest.approx(tasks_per_us * figures.avg_latency_us)
    # The same by counting: between any two events the number in flight is constant.
    change_us = np.sort(np.concatenate((small_run.dispatch_us, small_run.finish_us)))
    middle_us = (change_us[1:] + change_us[:-1]) / 2
    dispatched = np.searchsorted(np.sort(small_run.dispatch_us), middle_us)
    finished = np.searchsorted(np.sort(small_run.finish_us), middle_us)
    area = float(((dispatched - finished) * np.diff(change_us)).sum())
    assert figures.tasks_in_flight == pytest.approx(area / figures.wall_clock_us)


def test_nothing_is_busier_than_the_run_is_long(small_run):
    figures = summarize(small_run)
    executed_us = figures.avg_exec_us * figures.tasks
    busy_us = (figures.aic_busy * 24 + figures.aiv_busy * 48) * figures.wall_clock_us
    assert busy_us == pytest.approx(executed_us)
    assert 0 < figures.aic_busy < 1
    assert 0 < figures.aiv_busy < 1
    last_us = small_run.finish_us.max()
    assert len(figures.scheduler_busy_us) == 3
    assert all(0 < busy_us < last_us for busy_us in figures.scheduler_busy_us)
    # Nothing holds the orchestrator up: it is busy from its first submit to its last.
    submitting_us = small_run.orchestrator_end_us[-1] - small_run.orchestrator_begin_us[0]
    assert figures.orchestrator_busy_us == pytest.approx(submitting_us)
