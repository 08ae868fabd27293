"""The published restructuring in simulated time: what the model must show.

The figures are those of pypto-lib pull request 90; the model computes kernel times from tile
operations, with one set of constants for both programs.
"""

from __future__ import annotations

import pytest

from runtime.dependencies import Dependencies
from tilesim.comparison import compare
from tilesim.replay import replay
from tilesim.setup import Setup

BASELINE, RESTRUCTURED = "qwen3-scope3-baseline", "qwen3-scope3-restructured"


@pytest.fixture(scope="module")
def comparison():
    return compare([BASELINE, RESTRUCTURED])


@pytest.fixture(scope="module")
def baseline(comparison):
    """As measured: hidden 5120."""
    return comparison.runs[0]


@pytest.fixture(scope="module")
def restructured(comparison):
    """As measured: hidden 8192."""
    return comparison.runs[1]


def with_tile_dependences(run):
    return replay(run.workload.name, run.parameters, Setup(dependencies=Dependencies.TILE))


# The published figures, with rings, scope ends, cold cores and retirement


def test_baseline_wall_clock(baseline):
    assert baseline.statistics.wall_clock_us == pytest.approx(63_044.26, rel=0.10)


def test_restructured_wall_clock(restructured):
    assert restructured.statistics.wall_clock_us == pytest.approx(3_284.44, rel=0.10)


def test_baseline_average_latency(baseline):
    assert baseline.statistics.avg_latency_us == pytest.approx(3.93, rel=0.15)


def test_restructured_average_latency(restructured):
    assert restructured.statistics.avg_latency_us == pytest.approx(44.58, rel=0.10)


def test_the_runs_are_the_published_ones(baseline, restructured):
    assert (baseline.parameters["hidden"], restructured.parameters["hidden"]) == (5120, 8192)
    assert (baseline.statistics.tasks, restructured.statistics.tasks) == (33_411, 1_651)
    assert [case.published["wall_clock_us"] for case in baseline.published] == [63_044.26]
    assert [case.published["wall_clock_us"] for case in restructured.published] == [3_284.44]


# What binds them


def test_the_baseline_waits_on_its_chain(baseline):
    # 16 086 dependent steps of about 3.9 us; cores and orchestrator have time to spare.
    figures = baseline.statistics
    assert baseline.graph.depth == 16_086
    assert figures.wall_clock_us / 16_086 == pytest.approx(3.92, rel=0.10)
    assert figures.aic_busy < 0.1
    assert figures.orchestrator_busy_us < 0.9 * figures.wall_clock_us


def test_the_restructured_program_keeps_the_cube_cores_busy(restructured):
    assert restructured.graph.depth == 7
    assert restructured.statistics.aic_busy > 0.75
    assert restructured.statistics.tasks_in_flight == pytest.approx(22.4, rel=0.10)  # 24 cores


# What nobody has published


def test_like_for_like_the_restructuring_gains_more_than_was_published(comparison):
    # The published 19.2 compares hidden 5120 before with 8192 after.
    gains = {}
    for before, after in comparison.like_for_like:
        assert (before.workload.name, after.workload.name) == (BASELINE, RESTRUCTURED)
        assert before.parameters.items() <= after.parameters.items()
        gain = before.statistics.wall_clock_us / after.statistics.wall_clock_us
        gains[before.parameters["hidden"]] = gain
    assert gains.keys() == {5120, 8192}
    assert 19.2 < gains[5120] < gains[8192]


def test_without_false_dependences_the_orchestrator_binds_the_baseline(baseline):
    # The accumulates need 40 chains of 400, not one of 16 000. Before the 400 come project, add,
    # norm, gate, product and down, and after them the last add: 407. Yet the run is far from 40
    # times shorter, because every task still has to be submitted.
    tiled = with_tile_dependences(baseline)
    assert (baseline.graph.depth, tiled.graph.depth) == (16_086, 407)
    assert tiled.graph.task_count == 33_411
    named_us, true_us = baseline.statistics.wall_clock_us, tiled.statistics.wall_clock_us
    submits_us = tiled.statistics.orchestrator_busy_us
    # Only the edges differ, and how much of the TensorMap has retired when it is walked.
    assert submits_us == pytest.approx(baseline.statistics.orchestrator_busy_us, rel=0.002)
    assert true_us == pytest.approx(submits_us, rel=0.001)
    assert true_us > 0.6 * named_us


def test_the_restructured_program_has_no_false_dependences_that_cost_time(restructured):
    tiled = with_tile_dependences(restructured)
    assert tiled.graph.depth == restructured.graph.depth == 7
    named_us, true_us = restructured.statistics.wall_clock_us, tiled.statistics.wall_clock_us
    assert true_us == pytest.approx(named_us, rel=0.01)
