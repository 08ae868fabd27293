"""Runs with noise and ideal machines, from the command line and from Python."""

from __future__ import annotations

import numpy as np
import pytest
from outcomes import assert_refused

from devices.errors import InputError
from tilesim.repeats import Repeats, faster_probability, repeat
from tilesim.replay import replay

RESTRUCTURED = "qwen3-scope3-restructured"
SMALL = ("--set", "hidden=1024,intermediate=2048")
SIZES = {"hidden": 1024, "intermediate": 2048}


@pytest.fixture(scope="module")
def run():
    return replay(RESTRUCTURED, SIZES)


def test_repeats_of_one_seed_are_the_same_and_differ_among_each_other(run):
    (first,), (second,) = repeat([run], 5, seed=1), repeat([run], 5, seed=1)
    assert first.wall_clock_us.tolist() == second.wall_clock_us.tolist()
    assert len(set(first.wall_clock_us.tolist())) == 5
    (other,) = repeat([run], 5, seed=2)
    assert set(other.wall_clock_us.tolist()).isdisjoint(first.wall_clock_us.tolist())


def test_the_spread_has_the_run_without_noise_in_it(run):
    (repeated,) = repeat([run], 30, seed=0)
    spread = repeated.spreads["wall_clock_us"]
    assert spread.low_us < spread.median_us < spread.high_us
    assert spread.median_us == pytest.approx(run.statistics.wall_clock_us, rel=0.08)


def test_the_probability_to_be_faster_counts_pairs_of_runs(run):
    def repeats(*wall_clock_us):
        walls = np.array(wall_clock_us)
        return Repeats(run, 0, walls, walls, walls)

    a, b = repeats(1.0, 3.0), repeats(2.0, 4.0)
    assert (faster_probability(a, b), faster_probability(b, a)) == (0.75, 0.25)
    assert faster_probability(a, a) == 0.5
    assert faster_probability(repeats(1.0, 2.0), repeats(5.0, 6.0)) == 1.0


@pytest.mark.parametrize("count", [1, 10_001])
def test_too_few_or_too_many_repeats_are_refused(run, count):
    with pytest.raises(InputError, match="2 to 10,000 times"):
        repeat([run], count, seed=0)


def test_replay_prints_the_spread(tilesim):
    text = tilesim("replay", RESTRUCTURED, *SMALL, "--repeat", "4", "--seed", "3").text
    assert "4 runs with noise, seed 3" in text
    assert "95th" in text


def test_replay_without_repeats_has_none(tilesim):
    assert "repeats" not in tilesim("replay", RESTRUCTURED, *SMALL, "--json").json


def test_compare_says_how_often_each_beats_the_other(tilesim):
    words = ("compare", RESTRUCTURED, *SMALL, "--policy", "runtime,fifo", "--repeat", "4")
    found = tilesim(*words, "--json").json["repeats"]
    assert (found["count"], found["seed"]) == (4, 0)
    (own, wins), (losses, other) = found["faster_probability"]
    assert own == other == 0.5
    assert wins + losses == pytest.approx(1.0)
    assert "beats" in tilesim(*words).text


def test_negative_counts_are_refused(tilesim):
    assert tilesim("replay", RESTRUCTURED, *SMALL, "--repeat", "-1").code == 2
    assert_refused(tilesim("replay", RESTRUCTURED, *SMALL, "--repeat", "1"), "2 to 10,000 times")


# Ideal machines


@pytest.mark.parametrize("ideal", ["memory", "compute", "cores", "dispatch", "completion"])
def test_an_ideal_machine_is_no_slower(tilesim, run, ideal):
    found = tilesim("replay", RESTRUCTURED, *SMALL, "--ideal", ideal, "--json").json
    assert found["wall_clock_us"] <= run.statistics.wall_clock_us * 1.01


def test_an_ideal_memory_takes_no_time_at_all(tilesim):
    found = tilesim("replay", "hello-world", "--ideal", "memory,compute", "--json").json
    assert found["avg_exec_us"] == pytest.approx(
        found_fixed_us(tilesim), abs=1e-3
    )  # what is left is start and commit
    assert found["published"] == []


def found_fixed_us(tilesim):
    return tilesim("replay", "empty", "--set", "tasks=1", "--json").json["avg_exec_us"]


def test_ideals_are_named_in_the_heading_and_together(tilesim):
    text = tilesim("compare", RESTRUCTURED, *SMALL, "--ideal", "memory, orchestrator").text
    assert "(ideal memory) (ideal orchestrator)" in text
    assert "cube.miss_gbps" not in text


def test_an_unknown_ideal_is_refused(tilesim):
    assert_refused(
        tilesim("replay", RESTRUCTURED, "--ideal", "memroy"), "unknown ideal 'memroy'", "memory"
    )
