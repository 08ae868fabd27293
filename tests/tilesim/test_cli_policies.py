"""Policies and lower bounds on the command line: what is listed, compared, printed and refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from outcomes import assert_refused

import devices.device
from scheduler.registry import POLICIES

BASELINE, RESTRUCTURED = "qwen3-scope3-baseline", "qwen3-scope3-restructured"
SMALL = ("--set", "hidden=1024", "intermediate=2048")
"""151 tasks in 250 us; 651 in 1068 us for the baseline."""


def list_rows(outcome):
    """Rows of tables as lists of words."""
    return [line.split() for line in outcome.out.splitlines()]


def row_of(outcome, first):
    (row,) = [row for row in list_rows(outcome) if row[:1] == [first]]
    return row


def compared(tilesim, *words):
    return tilesim("compare", RESTRUCTURED, *SMALL, *words, "--json").json["runs"]


# The list of policies


def test_policies_shows_every_policy_with_its_rule_and_parameters(tilesim):
    outcome = tilesim("policies")
    assert "Policy Parameters Rule" in outcome.text
    for name, kind in POLICIES.items():
        assert row_of(outcome, name)[1] == "decision_us=0.0"
        rule = " ".join(kind.__doc__.split("\n\n")[0].split())
        assert rule.split()[-1] in outcome.text
    assert "seed=0" in outcome.text
    assert "\N{HORIZONTAL ELLIPSIS}" not in outcome.out


def test_policies_as_json_have_name_rule_and_parameters(tilesim):
    listed = {entry["name"]: entry for entry in tilesim("policies", "--json").json}
    assert listed.keys() == POLICIES.keys()
    assert all(entry["rule"] and "\n\n" not in entry["rule"] for entry in listed.values())
    assert listed["fifo"]["parameters"] == {"decision_us": 0.0}
    assert listed["random"]["parameters"] == {"decision_us": 0.0, "seed": 0}


@pytest.mark.parametrize("verb", ["policies", "replay", "compare", "explain", "whatif"])
def test_help_has_an_example_and_tells_of_every_option(tilesim, verb):
    outcome = tilesim(verb, "--help")
    assert f"tilesim {verb} [OPTIONS]" in outcome.text
    assert re.search(f"Examples?: tilesim {verb}", outcome.text)
    options = ["--json"]
    if verb != "policies":
        options += ["--set", "--policy", "--estimate-error", "--seed", "--priority"]
    for option in options:
        assert f" {option} " in outcome.text


# Comparisons of policies


def test_compare_prints_a_table_with_one_row_for_each_policy(tilesim):
    words = ("--policy", "runtime,critical-path,random[seed=3]")
    outcome = tilesim("compare", RESTRUCTURED, *SMALL, *words)
    runs = compared(tilesim, *words)
    for run, name in zip(runs, ("runtime", "critical-path", "random[seed=3]"), strict=True):
        row = row_of(outcome, name)
        assert row[1] == f"{run['wall_clock_us']:.2f}"
        assert row[2] == f"{run['wall_clock_us'] / runs[0]['wall_clock_us'] - 1:+.1%}"
        assert row[3] == f"{run['wall_clock_to_best_bound']:.3f}x"
        assert row[4] == f"{100 * run['core_busy']['aic']:.1f}"
    for heading in ("Policy", "clock us", "against", "bound", "AIC", "AIV", "wait", "decide"):
        assert heading in outcome.text
    best = runs[0]
    assert f"{best['best_bound']}, {best['best_bound_us']:.2f} us" in outcome.text


def test_policies_can_be_compared_on_a_terminal_of_80_columns(tilesim, monkeypatch):
    words = ("compare", BASELINE, *SMALL, "--policy", "runtime,critical-path,random[seed=3]")
    runs = tilesim(*words, "--json").json["runs"]
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    outcome = tilesim(*words)
    assert outcome.code == 0
    plain = re.sub(r"\x1b\[[0-9;]*m", "", outcome.out)
    assert max(map(len, plain.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in plain
    rows = [line.split() for line in plain.splitlines()]
    for run, begin in zip(runs, ("runtime", "critical", "random["), strict=True):
        (row,) = [row for row in rows if row and row[0].startswith(begin)]
        assert row[1] == f"{run['wall_clock_us']:.2f}"


def test_compare_as_json_tells_what_each_policy_did(tilesim):
    runs = compared(tilesim, "--policy", "runtime,heft,random[seed=3]")
    assert [run["policy"] for run in runs] == ["runtime", "heft", "random[seed=3]"]
    for run in runs:
        bounds = {bound["name"]: bound for bound in run["bounds"]}
        binding = bounds[run["binding"]]
        assert binding["us"] == max(bound["us"] for bound in bounds.values())
        assert (run["best_bound"], run["best_bound_us"]) == (run["binding"], binding["us"])
        assert run["wall_clock_to_best_bound"] == pytest.approx(
            run["wall_clock_us"] / binding["us"]
        )
        assert run["wall_clock_to_best_bound"] >= 1.0
        for bound in bounds.values():
            assert bound["ratio"] == pytest.approx(bound["us"] / run["wall_clock_us"])
            assert bound["kernel_us"] is None or bound["kernel_us"] <= bound["us"]
        waits = run["queue_wait_us"]
        assert waits.keys() == {"aic", "aiv", "p95", "max"}
        assert 0.0 <= max(waits["aic"], waits["aiv"], waits["p95"]) <= waits["max"]
        assert (run["decision_us"], run["decisions_us"], run["estimate_error"]) == (0.0, 0.0, 0.0)


def test_every_policy_runs_all_tasks_and_keeps_the_bounds(tilesim):
    runs = compared(tilesim, "--policy", ",".join(POLICIES))
    assert [run["policy"] for run in runs] == list(POLICIES)
    assert {run["tasks"] for run in runs} == {151}
    assert all(run["wall_clock_us"] >= run["best_bound_us"] for run in runs)


def test_several_policies_run_with_each_kind_of_dependences(tilesim):
    words = ("--policy", "fifo,lifo", "--dependencies", "tensor,tile")
    runs = compared(tilesim, *words)
    assert [(run["dependencies"], run["policy"]) for run in runs] == [
        ("tensor", "fifo"),
        ("tensor", "lifo"),
        ("tile", "fifo"),
        ("tile", "lifo"),
    ]
    text = tilesim("compare", RESTRUCTURED, *SMALL, *words).text
    assert "lifo (tile dependencies)" in text


def test_several_workloads_have_a_table_of_policies_each(tilesim):
    outcome = tilesim("compare", BASELINE, RESTRUCTURED, *SMALL, "--policy", "fifo,lifo")
    rows = list_rows(outcome)
    assert [row[0] for row in rows if row[:1] in (["fifo"], ["lifo"])] == ["fifo", "lifo"] * 2
    assert outcome.text.count("best bound of the first") == 2


def test_random_policies_differ_by_their_seeds_and_repeat_with_the_same(tilesim):
    first, second, other = (
        compared(tilesim, "--policy", f"random[seed={seed}]")[0]["queue_wait_us"]
        for seed in (3, 3, 4)
    )
    assert first == second != other


def test_wrong_estimates_change_runs_and_the_seed_decides_how(tilesim):
    def waits(*words):
        (run,) = compared(tilesim, "--policy", "critical-path", *words)
        return run["estimate_error"], run["queue_wait_us"]

    error, exact = waits()
    assert error == 0.0
    assert waits("--seed", "5") == (0.0, exact)  # with no error a seed does nothing
    error, first = waits("--estimate-error", "2", "--seed", "1")
    assert error == 2.0
    assert waits("--estimate-error", "2", "--seed", "1") == (2.0, first)
    assert waits("--estimate-error", "2", "--seed", "2")[1] != first
    assert first != exact


def test_the_estimate_error_is_shown(tilesim):
    words = ("--policy", "critical-path,heft", "--estimate-error", "0.5")
    assert "estimate error 0.5" in tilesim("compare", RESTRUCTURED, *SMALL, *words).text


def test_a_policy_that_knows_no_estimates_is_the_same_with_wrong_ones(tilesim):
    exact, wrong = (
        compared(tilesim, "--policy", "fifo", "--estimate-error", error)[0]["wall_clock_us"]
        for error in ("0", "2")
    )
    assert exact == wrong


def test_decisions_that_take_time_make_the_run_slower(tilesim):
    free, slow = compared(tilesim, "--policy", "fifo,fifo[decision_us=5.5]")
    assert slow["policy"] == "fifo[decision_us=5.5]"
    assert (slow["decision_us"], slow["decisions_us"]) == (5.5, 5.5 * 151)
    assert slow["wall_clock_us"] > free["wall_clock_us"] + 5.0
    text = tilesim("compare", RESTRUCTURED, *SMALL, "--policy", "fifo,fifo[decision_us=5.5]").text
    assert "fifo[decision_us=5.5]" in text
    assert "830.5" in text


def test_tasks_of_the_kernel_with_the_higher_priority_run_first(tilesim, tmp_path):
    text = (Path(devices.device.__file__).parent / "a2a3.toml").read_text()
    (tmp_path / "one.toml").write_text(text.replace("\nclusters = 24", "\nclusters = 1"))
    gate, up = "scope3_incore_5", "scope3_incore_6"

    def starts_us(priorities):
        words = ("--device", "one.toml", "--policy", "fifo", "--priority", priorities)
        outcome = tilesim("replay", RESTRUCTURED, *SMALL, *words, "--trace", "run.json", "--json")
        assert outcome.code == 0
        events = json.loads((tmp_path / "run.json").read_text())["traceEvents"]
        return [
            max(event["ts"] for event in events if event.get("name", "").startswith(f"{kernel}("))
            for kernel in (gate, up)
        ]

    for priorities in (f"{gate}=5", f"{up}=-1", f"{gate}=5,{up}=1"):
        last_gate_us, last_up_us = starts_us(priorities)
        assert last_gate_us < last_up_us - 100.0
    last_gate_us, last_up_us = starts_us(f"{up}=5")
    assert last_up_us < last_gate_us - 100.0


def test_the_runtime_policy_obeys_no_priorities(tilesim):
    plain, preferred = (
        compared(tilesim, *words)[0]["wall_clock_us"]
        for words in ((), ("--priority", "scope3_incore_8=5"))
    )
    assert plain == preferred


def test_compare_of_policies_draws_them(tilesim, tmp_path):
    words = ("--policy", "fifo,random[seed=3]", "--gantt", "both.svg")
    assert tilesim("compare", RESTRUCTURED, *SMALL, *words).code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["both.svg"]
    assert "random[seed=3]" in (tmp_path / "both.svg").read_text(encoding="utf-8")


# Lower bounds


def test_replay_prints_the_lower_bounds_and_names_the_one_that_binds(tilesim):
    run = tilesim("replay", RESTRUCTURED, *SMALL, "--json").json
    text = tilesim("replay", RESTRUCTURED, *SMALL).text
    assert f"Lower bounds of the wall-clock, {run['wall_clock_us']:.2f} us" in text
    assert run["binding"] == "orchestrator"
    assert text.count("(binds)") == 1
    for bound in run["bounds"]:
        binds = " (binds)" if bound["name"] == run["binding"] else ""
        row = f"{bound['name']}{binds} {bound['us']:.2f} {bound['ratio']:.1%}"
        assert row in text
        if bound["kernel_us"] is not None:
            assert f"{row} {bound['kernel_us']:.2f}" in text


def test_a_gantt_chart_has_the_path_and_area_bounds_with_labels(tilesim, tmp_path):
    words = (RESTRUCTURED, *SMALL, "--gantt", "run.svg", "--json")
    run = tilesim("replay", *words).json
    drawn = (tmp_path / "run.svg").read_text(encoding="utf-8")
    assert "lower bound of the wall-clock" in drawn
    for bound in run["bounds"]:
        label = f"<!-- {bound['name']} {bound['us']:,.2f} us"
        assert (label in drawn) == (bound["name"] in {"critical path", "AIC area", "AIV area"})


# Bad input


BAD_INPUT = [  # options, and what the message has
    ("--policy crtical-path", "policy 'crtical-path'", "did you mean critical-path?"),
    ("--policy fifo,lfo", "policy 'lfo'", "lifo"),
    ("--policy random[sed=3]", "'sed'", "did you mean seed?"),
    ("--policy fifo[seed=3]", "'seed'", "decision_us"),
    ("--policy random[seed=x]", "seed", "int", "'x'"),
    ("--policy random[seed=1.5]", "seed", "int", "'1.5'"),
    ("--policy random[seed]", "name=value", "'seed'"),
    ("--policy random[seed=3", "random[seed=3]"),
    ("--policy fifo[decision_us=-1]", "decision_us", "-1"),
    ("--policy fifo[decision_us=nan]", "decision_us", "nan"),
    ("--policy fifo[decision_us=inf]", "decision_us", "inf"),
    ("--policy fifo,fifo", "twice"),
    ("--policy fifo,", "policy"),
    ("--estimate-error -1", "estimate error", "-1"),
    ("--estimate-error nan", "estimate error", "nan"),
    ("--priority scope3_incore_8", "--priority takes name=value", "scope3_incore_8"),
    ("--priority scope3_incore_8=high", "--priority scope3_incore_8", "'high'"),
    ("--priority scope3_incore_8=1,scope3_incore_8=2", "scope3_incore_8 twice"),
]


@pytest.mark.parametrize(("options", "named"), [(options, named) for options, *named in BAD_INPUT])
def test_a_bad_policy_is_refused_with_one_message_and_nothing_written(
    tilesim, tmp_path, options, named
):
    outcome = tilesim("compare", RESTRUCTURED, *SMALL, "--gantt", "run.png", *options.split())
    assert_refused(outcome, *named)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("verb", ["replay", "explain", "whatif"])
@pytest.mark.parametrize("policy", ["crtical-path", "random[sed=3]", "fifo,fifo"])
def test_a_bad_policy_is_refused_by_every_verb(tilesim, verb, policy):
    change = ("--change", "free-submits") if verb == "whatif" else ()
    assert_refused(tilesim(verb, RESTRUCTURED, *SMALL, *change, "--policy", policy), "policy")


def test_a_priority_of_an_unknown_kernel_is_refused_with_the_nearest(tilesim, tmp_path):
    outcome = tilesim("replay", RESTRUCTURED, *SMALL, "--priority", "scope3_incore_88=1")
    assert_refused(outcome, "'scope3_incore_88'", "did you mean scope3_incore_8")
    assert list(tmp_path.iterdir()) == []


def test_a_replay_takes_one_policy(tilesim):
    outcome = tilesim("replay", RESTRUCTURED, *SMALL, "--policy", "fifo,lifo")
    assert_refused(outcome, "one policy", "compare")
