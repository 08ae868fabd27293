"""The programs that measure the runtime, against what was published of them."""

import pytest

import tilesim as ts

# simpler pull request 496, before its change: 1000 independent tasks of three arguments, runtime
# of April 2026, three scheduler threads, 100 rounds without profiling.
ELAPSED_US, ORCHESTRATOR_US = 916.0, 915.8


def test_independent_tasks_are_bound_by_their_submits():
    setup = ts.Setup(profiling=False)
    run = ts.replay("alternating-matmul-add", setup=setup)
    assert (run.graph.task_count, run.graph.alloc_count, run.graph.edge_count) == (1000, 0, 0)
    assert run.bounds.binding.name == "orchestrator"
    figures = run.statistics
    assert figures.wall_clock_us == pytest.approx(ELAPSED_US, rel=0.15)
    assert figures.orchestrator_busy_us == pytest.approx(ORCHESTRATOR_US, rel=0.15)
    assert {f.count for f in figures.functions} == {500}
