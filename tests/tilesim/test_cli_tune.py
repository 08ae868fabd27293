"""The verb tune as users meet it: what it prints, writes and refuses."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from outcomes import assert_refused
from toy_programs import SCALED, TWICE

from tilesim.tuner import Tuner

RESTRUCTURED = "qwen3-scope3-restructured"
SMALL = ("--set", "hidden=1024", "intermediate=2048")
TUNE = ("tune", RESTRUCTURED, *SMALL, "--jobs", "0")


@pytest.fixture
def toy(tilesim):
    """Tune a program file in the folder of the test."""
    Path("scaled.py").write_text(SCALED)
    Path("twice.py").write_text(TWICE)

    def run(*words):
        return tilesim("tune", *words, "--jobs", "0")

    return run


def test_it_prints_what_was_searched_the_front_and_why_the_best_wins(tilesim):
    outcome = tilesim(*TUNE, "--over", "k_chunk=128,512", "--over", "mlp_chunk=64,96,128")
    text = outcome.text
    record = tilesim(
        *TUNE, "--over", "k_chunk=128,512", "--over", "mlp_chunk=64,96,128", "--json"
    ).json
    assert "intermediate 2048 is not a multiple of mlp_chunk 96" in text
    before, best = record["baseline"], record["best"]
    chosen = best["values"]
    assert best["wall_clock_us"] == min(row["wall_clock_us"] for row in record["front"])
    assert f"wall-clock {before['wall_clock_us']:.2f} us {best['wall_clock_us']:.2f} us" in text
    assert f"tasks {before['tasks']} {best['tasks']}" in text
    for run in (before, best):
        (bound,) = [each for each in run["bounds"] if each["name"] == run["binding"]]
        assert f"*{bound['us']:.2f} us, {bound['ratio']:.1%}" in text
    gain = 100 * (1 - best["wall_clock_us"] / before["wall_clock_us"])
    assert record["gain_percent"] == pytest.approx(gain)
    assert f"{gain:.1f} % better than the baseline" in text
    assert "out: 16384/16384 matched" in text
    assert "Expect kernel times within" in text
    assert text.endswith(
        f"tilesim replay {RESTRUCTURED} --set hidden=1024 intermediate=2048 "
        f"k_chunk={chosen['k_chunk']} mlp_chunk={chosen['mlp_chunk']}"
    )
    parts = sum(part["us"] for part in best["gap"]["parts"])
    assert parts == pytest.approx(best["gap"]["second_us"] - best["gap"]["first_us"])


def test_the_command_that_it_prints_runs_the_best(tilesim):
    words = ("--over", "mlp_chunk=64,128", "--over", "runtime.scheduler_threads=2,3", "--no-check")
    outcome = tilesim(*TUNE, *words)
    (line,) = [line for line in outcome.out.splitlines() if line.startswith("  tilesim replay")]
    best = tilesim(*TUNE, *words, "--json").json["best"]
    replayed = tilesim(*line.split()[1:], "--json").json
    assert replayed["wall_clock_us"] == best["wall_clock_us"]
    assert "Numbers: not checked, it was not asked for" in outcome.text


def test_json_has_everything(toy):
    record = toy("scaled.py", "--over", "chunk=8,16,48,100", "--json").json
    assert (record["points"], record["simulated"], record["exhaustive"]) == (4, 3, True)
    reasons = {each["reason"]: each["count"] for each in record["pruned"]}
    assert reasons == {"a kernel does not fit on chip": 1, "its numbers are wrong": 1}
    (rejected,) = record["rejected"]
    assert rejected["chunk"] == 48
    assert record["best"]["check"]["against"] == "the baseline's outputs"
    assert [row["chunk"] for row in record["front"]] == [16, 8]
    assert [row["on_chip"]["largest"] for row in record["front"]] == sorted(
        (row["on_chip"]["largest"] for row in record["front"]), reverse=True
    )


def test_what_is_not_chosen_is_said(toy):
    assert "not chosen: chunk=48: " in toy("scaled.py", "--over", "chunk=16,48").text
    text = toy("twice.py", "--over", "safe=0,1").text
    assert "but tasks that nothing orders overlap in its run 1" in text
    assert "Best: safe=1" in text
    text = toy("twice.py", "--over", "safe=0,1", "--allow-races").text
    assert "Hazards: 1 of 1 pairs of tasks that nothing orders overlap or are reversed" in text


def test_exit_code_1_if_nothing_may_be_chosen(toy):
    outcome = toy("twice.py", "--over", "safe=0")
    assert outcome.code == 1
    assert "No point may be chosen; --allow-races" in outcome.out
    outcome = toy("scaled.py", "--over", "chunk=100,200")
    assert outcome.code == 1
    assert "a kernel does not fit on chip" in outcome.out


def test_rows_are_written_and_drawn(toy):
    toy("scaled.py", "--over", "chunk=8,16,32", "--out", "rows.csv", "--plot", "front.svg")
    with Path("rows.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["chunk"] for row in rows] == ["8", "16", "32"]
    assert not Path("rows.csv.journal").exists()
    picture = Path("front.svg").read_text()
    assert "chunk=32" in picture
    assert "us with 34.8 %, the best" in picture


def test_numbers_can_be_checked_at_a_smaller_size(tilesim):
    text = tilesim(*TUNE, "--over", "mlp_chunk=64,128", "--check-set", "hidden=512").text
    assert "Numbers, at a smaller size, against golden results" in text
    assert "out: 8192/8192 matched" in text
    text = tilesim(*TUNE, "--over", "mlp_chunk=64,128", "--check-set", "hidden=500").text
    assert "Numbers: not checked, qwen3-scope3-restructured: hidden 500 is not a multiple" in text


REFUSED = [  # words after the workload, and what the message names
    ((), "--over"),
    (("--over", "k_chunk"), "NAME=VALUES"),
    (("--over", "k_chunk="), "a value is missing"),
    (("--over", "k_chunks=64,128"), "did you mean k_chunk or"),
    (("--over", "k_chunk=64", "--over", "k_chunk=128"), "given twice"),
    (("--over", "k_chunk=64,64"), "twice"),
    (("--over", "k_chunk=96,100"), "no value fits"),
    (("--over", "k_chunk=1:0"), "has no value"),
    (("--over", "hidden=1024,2048"), "also set to one value"),
    (("--over", "seed=1,2"), "chance is nothing to choose"),
    (("--over", "k_chunk=64,128", "--budget", "0"), "budget"),
    (("--over", "k_chunk=64,128", "--jobs", "-1"), "--jobs"),
    (("--over", "k_chunk=64,128", "--fit", "tight"), "--fit"),
    (("--over", "k_chunk=64,128", "--objective", "speed"), "unknown figure"),
    (("--over", "k_chunk=64,128", "--check-set", "hidden"), "hidden"),
    (("--over", "k_chunk=64,128", "--plot", "front.txt"), ".png"),
    (("--over", "k_chunk=64,128", "--out", "rows.txt"), ".parquet"),
    (("--over", "k_chunk=64,128", "--out", "missing/rows.csv"), "missing"),
    (("--over", "k_chunk=64,128", "--runtime", "tmr-2026-04,tmr-2026-08"), "one runtime"),
]


@pytest.mark.parametrize(("words", "named"), REFUSED)
def test_bad_input_is_refused_before_anything_runs(tilesim, words, named):
    assert_refused(tilesim("tune", RESTRUCTURED, *SMALL, *words), named)
    assert list(Path().iterdir()) == []


def test_a_recording_cannot_be_tuned(tilesim):
    recorded = Path(__file__).parent.parent / "data" / "traces" / "head_benchmark_bgemm-Case1"
    outcome = tilesim("tune", recorded, "--over", "policy=runtime,lifo")
    assert_refused(outcome, "no operations", "sweep")


def test_two_workloads_are_refused(tilesim):
    assert_refused(tilesim("tune", "bgemm", "empty", "--over", "tasks=1,2"), "one workload")


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(toy, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    words = ("scaled.py", "--over", "chunk=8,16,32", "--out", "rows.csv")
    with monkeypatch.context() as changed:
        changed.setattr(Tuner, "choose", interrupted)
        outcome = toy(*words)
    assert outcome.code == 130
    assert "the same command goes on" in outcome.err
    assert len(Path("rows.csv.journal").read_text().splitlines()) == 1 + 3
    assert "Best: chunk=32" in toy(*words).text
    assert not Path("rows.csv.journal").exists()
