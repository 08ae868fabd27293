"""Engines of the benchmark on a small graph of its shape: all find the same schedule."""

from __future__ import annotations

import pytest

from benchmarks import list_scheduling, peers, tilesim_engine
from benchmarks.peer_graph import peer_graph

SHAPES = [(40, 3, 100, 0), (3, 5, 7, 1), (30, 4, 60, 2), (1, 1, 1, 3)]


@pytest.fixture(params=SHAPES, ids=str, scope="module")
def graph(request):
    chains, pairs, fan_out, seed = request.param
    return peer_graph(chains, pairs, fan_out, seed)


def test_the_graph_has_the_tasks_and_edges_that_are_told():
    graph = peer_graph()
    assert (len(graph), graph.edge_count) == (33_003, 34_040)
    assert sum(graph.is_cube) == 16_000
    assert all(p < task for task, each in enumerate(graph.producers) for p in each)


def test_engines_of_one_model_find_the_same_makespan(graph):
    found = {name: run() for name, run in peers.engines(graph).items()}
    assert len(set(found.values())) == 1, found


def test_tilesim_starts_and_ends_every_task_as_the_list_schedule_does(graph):
    _, rows = list_scheduling.schedule_with_trace(graph)
    trace = tilesim_engine.free_run(tilesim_engine.task_graph(graph), graph.durations_us)
    starts, ends = trace.start_us.tolist(), trace.end_us.tolist()
    mine = [(task, starts[row], ends[row]) for row, task in enumerate(trace.task.tolist())]
    assert sorted(mine) == sorted(rows)


def test_simgrid_agrees_where_it_is_installed(graph):
    row = peers.simgrid_row(graph)
    if row.seconds is None:
        assert row.note == peers.NO_SIMGRID
        pytest.skip("SimGrid is not installed")
    assert row.makespan_us == list_scheduling.schedule(graph)


def test_full_fidelity_takes_longer_than_a_runtime_without_costs(graph):
    tasks = tilesim_engine.task_graph(graph)
    runs = [
        run(tasks, graph.durations_us) for run in (tilesim_engine.free_run, tilesim_engine.full_run)
    ]
    free_us, full_us = map(tilesim_engine.makespan_us, runs)
    assert free_us < full_us


def test_a_benchmark_whose_engines_disagree_fails():
    agreeing = [peers.Measured("a", 1.0, 5.0), peers.Measured("b", 1.0, 5.0)]
    missing = peers.Measured("c", None, None, note=peers.NO_SIMGRID)
    other = peers.Measured("d", 1.0, 7.0, is_same_model=False)
    peers.check_agreement([*agreeing, missing, other])
    with pytest.raises(RuntimeError, match=r"do not agree: a: 5\.0 us; b: 5\.0 us; e: 5\.001 us"):
        peers.check_agreement([*agreeing, peers.Measured("e", 1.0, 5.001)])
