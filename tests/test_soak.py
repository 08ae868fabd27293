"""The soak as its command runs it, on few cases; `make soak` runs a thousand."""

import numpy as np
import pytest
import soak
from soak_cases import axes, soak_case

from devices.errors import InputError
from runtime.version import available_runtimes
from scheduler.registry import POLICIES


def test_some_cases_keep_every_rule(capsys):
    assert soak.main(["--count", "12", "--jobs", "1"]) == 0
    assert "12 cases:" in capsys.readouterr().out


def test_a_case_that_breaks_a_rule_is_told_with_its_number(monkeypatch, capsys):
    def broken(trace, graph):
        assert len(trace) > len(graph) + 10**6, "made up"

    monkeypatch.setattr(soak, "check_trace", broken)
    assert soak.main(["--count", "2", "--first", "0", "--jobs", "1"]) == 1
    out = capsys.readouterr().out
    assert "case 0 failed; alone: make soak SEED=0" in out
    assert "AssertionError: made up" in out
    assert soak.main(["--seed", "0"]) == 1
    assert "case 0: failed" in capsys.readouterr().out


def test_a_case_that_hangs_is_told(monkeypatch):
    def endless(_):
        while True:
            pass

    monkeypatch.setattr(soak, "MOST_S", 1)
    monkeypatch.setattr(soak, "run", endless)
    seed, how, wrong = soak.outcome(3)
    assert (seed, how) == (3, "failed")
    assert "HangError: still running after 1 s" in wrong


def test_a_thousand_cases_have_every_runtime_and_every_kind_with_every_policy():
    found = {axes(seed) for seed in range(soak.COUNT)}
    assert len(found) == 3 * len(available_runtimes()) * len(POLICIES)


@pytest.mark.parametrize("seed", [0, 5, 10])
def test_a_number_always_gives_the_same_case(seed):
    try:
        one, other = soak_case(seed), soak_case(seed)
    except InputError:
        pytest.skip("this one cannot run")
    assert one.words == other.words
    assert np.array_equal(one.case.graph.fanin, other.case.graph.fanin)
    assert one.case.durations_us.tolist() == other.case.durations_us.tolist()
