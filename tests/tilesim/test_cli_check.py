"""The verbs check and capacity as users meet them: what they print, find and refuse."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from outcomes import assert_refused

import devices.device
import tilesim as ts

BASELINE, RESTRUCTURED = "qwen3-scope3-baseline", "qwen3-scope3-restructured"
SMALL = ("--set", "hidden=1024", "intermediate=2048")
SIZES = {"hidden": 1024, "intermediate": 2048}
ELEMENTS = 16 * 1024
RACY = {
    # The lookup of the down projection returns 16 of 36 writers, that of the RMSNorm 16 of 18.
    ("raw", "lookup cap", "scope3_incore_7", "scope3_incore_8", 128),
    ("raw", "lookup cap", "scope3_incore_4", "scope3_incore_8", 32),
    ("raw", "lookup cap", "scope3_incore_0", "scope3_incore_9", 8),
    ("raw", "lookup cap", "scope3_incore_0", "scope3_incore_3", 2),
}
ZEROES = {
    ("waw", "write-only argument", "scope3_incore_4", "scope3_incore_7", 32),
    ("waw", "write-only argument", "scope3_incore_0", "scope3_incore_2", 16),
}


def found(outcome):
    """The JSON of a check, whatever its verdict."""
    assert outcome.code in (0, 1)
    assert outcome.err == ""
    record = json.loads(outcome.out)
    assert record["passes"] is (outcome.code == 0)
    return record


def hazards(record):
    return {
        (h["kind"], h["cause"], h["earlier"], h["later"], h["count"]) for h in record["hazards"]
    }


def verdict(outcome):
    return outcome.out.splitlines()[-1]


# Numbers


@pytest.mark.parametrize(
    "name", sorted(name for name, w in ts.WORKLOADS.items() if w.numbers and name != "rms-norm")
)
@pytest.mark.parametrize("order", ["program", "simulated"])
def test_every_workload_computes_its_golden_results(name, order):
    smaller = {"hidden": 1024, "intermediate": 2048, "norm_chunk": 1024, "batch": 16}
    smaller |= {"context": 1000, "k": 1024, "n": 1024}
    smaller |= {"max_seq": 256, "num_heads": 8, "num_kv_heads": 1, "tokens": 32}
    defaults = ts.WORKLOADS[name].defaults
    sizes = {n: value for n, value in smaller.items() if value < defaults.get(n, 0)}
    result = ts.check(name, sizes, order=ts.Order(order))
    assert result.is_match
    assert all(one.matched == one.total > 0 for one in result.matches)
    assert result.deviation is result.not_finite is None


def test_inputs_are_drawn_with_what_the_orchestration_is_given(tilesim):
    words = ("check", "qwen3-scope2", "--set", "batch=2", "max_seq=256", "num_heads=8")
    words = (*words, "num_kv_heads=1", "--json", "--input")
    full, short = (found(tilesim(*words, f"seq_lens={length}")) for length in (256, 100))
    assert full["passes"]
    assert short["passes"]
    assert full["max_abs"] != short["max_abs"]
    refused = tilesim(*words, "seq_lens=257")
    assert_refused(refused, "a view [1, 128] at offset [256, 0] of 'rope_cos'")


def test_both_ways_of_cutting_scope_3_agree_with_the_same_golden_results(tilesim):
    before, after = (found(tilesim("check", w, *SMALL, "--json")) for w in (BASELINE, RESTRUCTURED))
    for record in (before, after):
        assert (record["matched"], record["total"]) == (ELEMENTS, ELEMENTS)
        assert (record["rtol"], record["atol"], record["order"]) == (3e-3, 3e-3, "program")
        assert 0 < record["max_abs"] < 3e-3
    assert before["seed"] == after["seed"] == 0


def test_a_batch_of_two_tiles_computes_both(tilesim):
    record = found(tilesim("check", RESTRUCTURED, *SMALL, "--set", "batch=32", "--json"))
    assert record["matched"] == record["total"] == 2 * ELEMENTS


def test_the_record_has_everything_that_was_asked_for(tilesim):
    record = found(tilesim("check", "zero-init", "--seed", 4, "--rtol", 1e-3, "--json"))
    assert {
        "matched",
        "total",
        "max_abs",
        "max_rel",
        "rtol",
        "atol",
        "order",
        "seed",
        "seconds",
        "peak_bytes",
    } <= record.keys()
    assert (record["seed"], record["rtol"], record["atol"]) == (4, 1e-3, 1e-5)
    assert record["seconds"] > 0
    assert record["peak_bytes"] > 10_000_000
    assert record["problems"] == []


def test_the_first_lines_say_how_many_elements_matched(tilesim):
    outcome = tilesim("check", "zero-init")
    assert "out: 1024/1024 matched" in outcome.text
    assert "largest difference" in outcome.text
    assert verdict(outcome) == "check passed"


def test_inputs_depend_on_the_seed_only(tilesim):
    words = ("check", RESTRUCTURED, *SMALL, "--json", "--seed")
    first, again, other = (found(tilesim(*words, seed))["max_abs"] for seed in (1, 1, 2))
    assert first == again != other


def test_a_tolerance_of_zero_shows_the_roundings(tilesim):
    outcome = tilesim("check", RESTRUCTURED, *SMALL, "--rtol", 0, "--atol", 0)
    assert outcome.code == 1
    assert "the program itself computes something else" in " ".join(outcome.out.split())
    assert verdict(outcome).startswith("check failed: ")
    assert verdict(outcome).endswith(f"of {ELEMENTS} elements of out do not match")


def test_what_nothing_has_written_is_a_failure_with_its_place(tilesim):
    outcome = tilesim("check", "rms-norm")
    assert outcome.code == 1
    assert "262144 NaN or infinite, first at [0, 0]" in outcome.out
    assert "task 0 (rms_norm_incore_0) writes y[0:64, 0:64]" in outcome.out
    record = found(tilesim("check", "rms-norm", "--json"))
    assert record["outputs"][0]["not_finite"] == 512 * 512
    assert record["first_not_finite"]["kernel"] == "rms_norm_incore_0"
    assert record["matched"] == 0


# Orders and hazards


@pytest.mark.parametrize("order", ["adversarial", "random"])
def test_a_race_becomes_a_wrong_number_and_the_first_one_is_named(tilesim, order):
    record = found(tilesim("check", RESTRUCTURED, *SMALL, "--order", order, "--json"))
    assert record["matched"] < ELEMENTS
    assert record["program_order_matched"] == ELEMENTS
    first = record["first_difference"]
    # Only tasks that read what is not in order can be the first to write something else.
    assert first["kernel"] in {"scope3_incore_3", "scope3_incore_8", "scope3_incore_9"}
    assert first["tensor"] in {"post_norm_tile", "down_acc", "out"}


def test_the_hazards_of_the_restructured_program_are_those_of_its_runtime(tilesim):
    capped = found(tilesim("check", RESTRUCTURED, *SMALL, "--json"))
    assert hazards(capped) == RACY | ZEROES
    free = found(tilesim("check", RESTRUCTURED, *SMALL, "--lookup-cap", "none", "--json"))
    assert hazards(free) == ZEROES
    for hazard in capped["hazards"]:
        assert hazard["in_order"] + hazard["overlapping"] + hazard["reversed"] == hazard["count"]
        assert len(hazard["pairs"]) == hazard["count"]
    (reads,) = (h for h in capped["hazards"] if h["count"] == 128)
    # Each of 8 tasks reads what the 16 oldest of 32 wrote.
    assert len({earlier for earlier, _ in reads["pairs"]}) == 16
    assert len({later for _, later in reads["pairs"]}) == 8
    assert reads["example"] == {"tensor": "mlp_tile", "offset": [0, 0], "shape": [16, 64]}


@pytest.mark.parametrize("cap", ["16", "none"])
def test_in_simulated_time_the_race_does_not_bite_and_its_margin_is_told(tilesim, cap):
    words = ("check", RESTRUCTURED, *SMALL, "--order", "simulated", "--lookup-cap", cap)
    record = found(tilesim(*words, "--json"))
    assert record["matched"] == ELEMENTS
    assert all(h["nearest_us"] > 0 == h["reversed"] == h["overlapping"] for h in record["hazards"])
    nearest = min(h["nearest_us"] for h in record["hazards"])
    assert f"all pairs came out in the program's order, the nearest by {nearest:.2f} us" in (
        tilesim(*words).text
    )


@pytest.mark.parametrize("order", ["program", "simulated", "adversarial", "random"])
def test_a_full_repair_makes_every_order_match(tilesim, order):
    words = ("--repair", "raw,waw,war", "--order", order, "--seed", 3, "--json")
    record = found(tilesim("check", RESTRUCTURED, *SMALL, *words))
    assert record["matched"] == ELEMENTS
    assert record["hazards"] == []
    repair = record["repair"]
    assert repair["kinds"] == ["raw", "waw", "war"]
    assert repair["edges"] == 176
    # An edge more may shorten a run a little, where tasks keep fewer entries from retiring.
    assert record["wall_clock_us"] >= 0.98 * repair["wall_clock_us_before"] > 0


def test_a_repair_of_reads_leaves_the_writes_unordered(tilesim):
    words = ("check", RESTRUCTURED, *SMALL, "--repair", "raw", "--order", "adversarial")
    record = found(tilesim(*words, "--json"))
    assert hazards(record) == ZEROES
    assert record["matched"] < ELEMENTS
    assert record["repair"]["edges"] == 162


def test_the_example_of_three_tasks(tilesim):
    outcome = tilesim("check", "zero-init", "--order", "adversarial")
    assert outcome.code == 1
    assert "out: 0/1024 matched" in outcome.out
    assert "task 3 (zero_init_incore_2) writes out[0:16, 0:64]" in outcome.out
    assert "in program order: 1024/1024 matched" in outcome.out
    mended = tilesim("check", "zero-init", "--order", "adversarial", "--repair", "waw")
    assert "repaired waw: 1 edges added" in mended.text
    assert "No hazards" in mended.text


def test_pairs_are_listed_on_demand(tilesim):
    text = tilesim("check", RESTRUCTURED, *SMALL, "--pairs", 20).text
    assert "RAW scope3_incore_7, scope3_incore_8 task 185 after" in text
    assert "and 108 pairs more" in text


def test_strict_fails_on_hazards_alone(tilesim):
    assert tilesim("check", "zero-init").code == 0
    outcome = tilesim("check", "zero-init", "--strict")
    assert (outcome.code, verdict(outcome)) == (1, "check failed: there are hazards")
    assert tilesim("check", "matmul", "--strict").code == 0


def test_pairs_that_overlapped_are_said_to_be_in_doubt(tilesim):
    # To fill eight times as many columns takes longer than the next submit.
    words = ("check", "zero-init", "--set", "columns=512", "inner=16")
    (hazard,) = found(tilesim(*words, "--json"))["hazards"]
    assert (hazard["in_order"], hazard["overlapping"], hazard["reversed"]) == (0, 1, 0)
    assert hazard["nearest_us"] is None
    assert "1 of 1 unordered pairs did not come out in the program's order" in tilesim(*words).text


# On chip


def test_the_reviewed_tensors_are_in_global_memory_and_kernels_hold_slices(tilesim):
    outcome = tilesim("capacity", RESTRUCTURED)
    assert outcome.code == 0
    assert (
        "resid1_tile (524,288 B) is in global memory; the largest piece that a kernel loads or "
        "stores at once is 8,192 B" in outcome.text
    )
    assert "mlp_tile (819,200 B) is in global memory" in outcome.text
    rows = tilesim("capacity", RESTRUCTURED, "--json").json
    assert {row["memory"] for row in rows} == {"L1", "L0A", "L0B", "L0C", "UB"}
    assert all(row["fits"] and row["alive_bytes"] <= row["allocated_bytes"] for row in rows)
    assert max(row["alive_bytes"] for row in rows) == 20_480


def test_the_variant_that_holds_the_residual_tile_overflows(tilesim):
    outcome = tilesim("capacity", "qwen3-scope3-resident")
    assert outcome.code == 1
    (message,) = (line for line in outcome.out.splitlines() if "does not fit on chip" in line)
    assert message.startswith("scope3_incore_3 (line ")
    assert "UB holds 188,416 B, alive are 1,048,704 B: mul of resid1_tile FP32[16, 8192]" in message
    (row,) = (
        row
        for row in json.loads(tilesim("capacity", "qwen3-scope3-resident", "--json").out)
        if not row["fits"]
    )
    assert (row["kernel"], row["memory"], row["limit_bytes"]) == ("scope3_incore_3", "UB", 188_416)
    assert row["occupants"][0]["bytes"] == 524_288


def test_check_fails_and_replay_warns_where_a_kernel_does_not_fit(tilesim):
    sizes = ("--set", "hidden=2048", "intermediate=2048", "norm_chunk=2048")
    outcome = tilesim("check", "qwen3-scope3-resident", *sizes)
    assert outcome.code == 1
    assert "out: 32768/32768 matched" in outcome.out  # right, but it could not run
    assert verdict(outcome).startswith("check failed: scope3_incore_3 (line ")
    replayed = tilesim("replay", "qwen3-scope3-resident", *sizes)
    assert "warning: scope3_incore_3 (line " in replayed.text
    record = tilesim("replay", "qwen3-scope3-resident", *sizes, "--json").json
    assert len(record["overflows"]) == 1
    assert tilesim("replay", RESTRUCTURED, *SMALL, "--json").json["overflows"] == []


def test_check_prints_the_table_on_demand(tilesim):
    assert "On-chip memory of zero-init" not in tilesim("check", "zero-init").text
    text = tilesim("check", "zero-init", "--capacity").text
    assert "On-chip memory of zero-init" in text
    assert "zero_init_incore_1 aic L1 20480 20480 524288 3.9 yes" in text


def test_capacity_follows_the_device(tilesim, tmp_path):
    text = (Path(devices.device.__file__).parent / "a2a3.toml").read_text()
    (tmp_path / "tiny.toml").write_text(
        text.replace("ub_usable_bytes = 188_416", "ub_usable_bytes = 18_000")
    )
    rows = tilesim("capacity", RESTRUCTURED, *SMALL, "--device", "tiny.toml", "--json").json
    tight = {row["kernel"] for row in rows if row["fits"] and not row["fits_as_allocated"]}
    assert tight == {"scope3_incore_3", "scope3_incore_7", "scope3_incore_9"}


# Bad input


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("check",), ()),
        (("check", "zero-init", "matmul"), ("check takes one workload",)),
        (("check", "zero-int"), ("did you mean zero-init",)),
        (("check", "zero-init", "--order", "adversial"), ("did you mean adversarial",)),
        (("check", "zero-init", "--repair", "raw,wax"), ("--repair takes raw, waw, war", "'wax'")),
        (("check", "zero-init", "--repair", ""), ("--repair takes raw, waw, war",)),
        (("check", "zero-init", "--rtol", "-1"), ("rtol is a number from 0 on, not -1",)),
        (("check", "zero-init", "--atol", "nan"), ("atol is a number from 0 on, not nan",)),
        (("check", "zero-init", "--policy", "fifo,heft"), ("check takes one runtime, one policy",)),
        (("capacity", "zero-init", "--set", "rows=0"), ("rows is a positive integer",)),
        (("capacity", "zero-init", "--device", "a3"), ("unknown device 'a3'",)),
        (("capacity", "zero-init", "rope"), ("capacity takes one workload",)),
    ],
)
def test_bad_words_are_refused(tilesim, words, named):
    outcome = tilesim(*words)
    if words == ("check",):
        assert outcome.code == 2
        return
    assert_refused(outcome, *named)


def test_too_little_memory_is_told_before_anything_runs(tilesim, monkeypatch):
    memory = SimpleNamespace(available=1_000_000_000)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    outcome = tilesim("check", RESTRUCTURED)
    assert_refused(outcome, "needs about 1.9 GB of memory, and 1.0 GB are available", "--set")
    assert tilesim("check", "zero-init").code == 0


def test_without_golden_results_orders_are_compared(monkeypatch):
    bare = replace(ts.WORKLOADS["zero-init"], numbers=None)
    monkeypatch.setitem(ts.WORKLOADS, "zero-init", bare)
    found = ts.check("zero-init")
    assert (found.against, found.order) == ("program order", ts.Order.ADVERSARIAL)
    assert not found.is_match  # its two writers of one tile are in no certain order
    assert found.deviation is not None
    same = ts.check("zero-init", order=ts.Order.PROGRAM)
    assert same.is_match
    assert [one.total for one in same.matches] == [16 * 64]


def test_hazards_alone_need_no_numbers(tilesim, monkeypatch):
    def compute(*_, **__):
        raise AssertionError("nothing is computed")

    monkeypatch.setattr("tilesim.numeric_check.compute_numbers", compute)
    outcome = tilesim("check", RESTRUCTURED, *SMALL, "--hazards", "--json")
    record = json.loads(outcome.out)
    assert (record["against"], record["outputs"]) == ("nothing", [])
    assert sum(hazard["count"] for hazard in record["hazards"]) > 100
    assert tilesim("check", RESTRUCTURED, *SMALL, "--hazards").code == 0
    assert tilesim("check", RESTRUCTURED, *SMALL, "--hazards", "--strict").code == 1


def test_progress_is_shown_step_by_step():
    steps = []
    ts.check(RESTRUCTURED, SIZES, order=ts.Order.RANDOM, report=steps.append)
    assert any("drawing inputs" in step for step in steps)
    assert any("computing in program order, task 0 of 151" in step for step in steps)
    assert any("computing in random order, task 0 of 151" in step for step in steps)
