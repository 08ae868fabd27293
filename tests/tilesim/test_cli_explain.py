"""The verb explain as users meet it: what it prints, writes and refuses."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import pytest
from outcomes import assert_refused

import devices.device

BASELINE, RESTRUCTURED = "qwen3-scope3-baseline", "qwen3-scope3-restructured"
SMALL = ("--set", "hidden=1024", "intermediate=2048")
"""151 tasks in 250 us; 651 in 1068 us for the baseline."""


def sum_of(numbers):
    return pytest.approx(sum(numbers), abs=0.01)


# One run


@pytest.mark.parametrize(
    "words",
    [
        (BASELINE,),
        (RESTRUCTURED,),
        (BASELINE, "--dependencies", "tile"),
        (RESTRUCTURED, "--policy", "heft", "--no-profiling"),
        (RESTRUCTURED, "--device", "one.toml"),
    ],
)
def test_the_parts_sum_to_the_wall_clock(tilesim, tmp_path, words):
    text = (Path(devices.device.__file__).parent / "a2a3.toml").read_text()
    (tmp_path / "one.toml").write_text(text.replace("\nclusters = 24", "\nclusters = 1"))
    why = tilesim("explain", *words, *SMALL, "--json").json
    wall_us = why["wall_clock_us"]
    assert why["run"]["wall_clock_us"] == pytest.approx(wall_us)
    assert wall_us == sum_of(why["by_reason_us"].values())
    assert wall_us == sum_of(share["us"] for share in why["shares"])
    for reason, us in why["by_reason_us"].items():
        assert us >= 0.0
        assert us == sum_of(share["us"] for share in why["shares"] if share["reason"] == reason)
        parts = (step["parts_us"].get(reason, 0.0) for step in why["path"])
        assert us == sum_of(parts)
    assert all(share["us"] > 0.0 and share["tasks"] > 0 for share in why["shares"])


def test_the_path_leads_to_the_last_finish(tilesim):
    why = tilesim("explain", BASELINE, *SMALL, "--json").json
    path = why["path"]
    assert len(path) > 256  # the chain of accumulations
    for before, after in pairwise(path):
        assert before["end_us"] < after["start_us"]
    for step in path:
        assert step["parts_us"]["kernel time"] == pytest.approx(step["end_us"] - step["start_us"])
    last = path[-1]
    assert last["end_us"] + last["parts_us"]["tail"] == pytest.approx(why["wall_clock_us"])
    assert last["kernel"] == "scope3_incore_9"
    kernels = {function["name"] for function in why["run"]["functions"]}
    assert {step["kernel"] for step in path} <= kernels
    assert len({step["task"] for step in path}) == len(path)


def test_explain_as_json_has_overhead_false_dependences_and_bounds(tilesim):
    why = tilesim("explain", BASELINE, *SMALL, "--json").json
    replayed = tilesim("replay", BASELINE, *SMALL, "--json").json
    assert (why["binding"], why["bounds"]) == (replayed["binding"], replayed["bounds"])
    for overhead in (why["overhead"], why["overhead_once_submitted"]):
        assert overhead.keys() == {"window_us", "aic_us", "aiv_us", "all_us", "any_us"}
        assert 0.0 < overhead["window_us"] <= why["wall_clock_us"]
        least, most = sorted((overhead["aic_us"], overhead["aiv_us"]))
        assert 0.0 <= overhead["all_us"] <= least
        assert most <= overhead["any_us"] <= overhead["window_us"]
    false = why["false_dependences"]
    pairs = [edges for edges in false if edges["producer"]]
    (together,) = [edges for edges in false if not edges["producer"]]
    assert together["count"] == sum(edges["count"] for edges in pairs)
    (chain,) = [e for e in pairs if e["producer"] == e["consumer"] == "scope3_incore_8"]
    assert chain["count"] == 255
    assert chain["wall_clock_us"] < why["wall_clock_us"]


def test_there_are_no_false_dependences_where_bytes_are_tracked(tilesim):
    words = ("explain", BASELINE, *SMALL, "--dependencies", "tile")
    assert tilesim(*words, "--json").json["false_dependences"] == []
    assert "No false dependences" in tilesim(*words).text


def test_explain_prints_the_parts_the_overhead_and_the_false_dependences(tilesim):
    why = tilesim("explain", BASELINE, *SMALL, "--json").json
    text = tilesim("explain", BASELINE, *SMALL).text
    wall_us = why["wall_clock_us"]
    assert f"wall-clock {wall_us:.2f} 100.0" in text
    for reason, us in why["by_reason_us"].items():
        assert f"{reason} {us:.2f} {100 * us / wall_us:.1f}" in text
    share = why["shares"][0]
    assert f"{share['reason']} {share['kernel']} {share['tasks']} {share['us']:.2f}" in text
    smaller = [s["us"] for s in why["shares"] if s["us"] < 0.001 * wall_us]
    assert f"{len(smaller)} smaller {sum(smaller):.2f}" in text
    for edges in why["false_dependences"]:
        names = f"{edges['producer'] or 'all'} {edges['consumer'] or 'all'}"
        assert f"{names} {edges['count']} {edges['wall_clock_us']:.2f}" in text
    for overhead in (why["overhead"], why["overhead_once_submitted"]):
        parts = (overhead[f"{name}_us"] for name in ("aic", "aiv", "all", "any"))
        assert " ".join(f"{100 * us / overhead['window_us']:.1f}" for us in parts) in text
    assert "(binds)" in text


def test_the_ends_of_the_path_are_listed_and_the_middle_is_counted(tilesim):
    why = tilesim("explain", BASELINE, *SMALL, "--json").json
    path = why["path"]

    def listed(text):
        return [
            step
            for step in path
            if re.search(
                rf" {step['task']} {step['kernel']} AI[CV] \d+ {step['start_us']:.2f}", text
            )
        ]

    text = tilesim("explain", BASELINE, *SMALL).text
    assert f"Path: {len(path)} tasks" in text
    assert listed(text) == [*path[:5], *path[-5:]]
    assert f"{len(path) - 10} more" in text
    text = tilesim("explain", BASELINE, *SMALL, "--path", "2").text
    assert listed(text) == [*path[:2], *path[-2:]]
    assert f"{len(path) - 4} more" in text
    text = tilesim("explain", BASELINE, *SMALL, "--path", "0").text
    assert listed(text) == []
    assert "Path" not in text


def test_a_short_path_is_listed_as_a_whole(tilesim):
    path = tilesim("explain", RESTRUCTURED, *SMALL, "--json").json["path"]
    text = tilesim("explain", RESTRUCTURED, *SMALL, "--path", "1000").text
    assert f"Path: {len(path)} tasks" in text
    assert " more " not in text
    for step in path:
        assert f" {step['task']} {step['kernel']} " in text


def test_a_path_is_whole_on_a_terminal_of_80_columns(tilesim, monkeypatch):
    path = tilesim("explain", BASELINE, *SMALL, "--json").json["path"]
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")  # as on a terminal
    outcome = tilesim("explain", BASELINE, *SMALL)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", outcome.out)
    assert max(map(len, plain.splitlines())) <= 80
    assert "\N{HORIZONTAL ELLIPSIS}" not in plain
    text = " ".join(plain.split())
    for step in (*path[:5], *path[-5:]):
        # Long names may be folded, figures not.
        assert re.search(rf" {step['task']} scope3\S* AI[CV] \d+ {step['start_us']:.2f}", text)


def test_a_gantt_chart_shows_the_path_and_the_bounds(tilesim, tmp_path):
    words = ("explain", RESTRUCTURED, *SMALL, "--gantt", "why.svg")
    why = tilesim(*words, "--json").json
    assert [path.name for path in tmp_path.iterdir()] == ["why.svg"]
    drawn = (tmp_path / "why.svg").read_text(encoding="utf-8")
    assert f"path of the wall-clock, {len(why['path'])} tasks" in drawn
    for name in ("critical path", "AIC area", "AIV area"):
        (bound,) = [bound for bound in why["bounds"] if bound["name"] == name]
        assert f"<!-- {name} {bound['us']:,.2f} us" in drawn
    assert tilesim(*words, "--window", "0:50").code == 0
    assert (tmp_path / "why.svg").read_text(encoding="utf-8") != drawn


# Two workloads


def test_the_parts_of_a_difference_sum_to_it(tilesim):
    gap = tilesim("explain", BASELINE, *SMALL, "--against", RESTRUCTURED, "--json").json
    for workload, us in ((BASELINE, gap["first_us"]), (RESTRUCTURED, gap["second_us"])):
        run = tilesim("replay", workload, *SMALL, "--json").json
        assert us == pytest.approx(run["wall_clock_us"], abs=0.01)
    assert gap["second_us"] - gap["first_us"] == sum_of(part["us"] for part in gap["parts"])
    assert all(part["low_us"] <= part["us"] <= part["high_us"] for part in gap["parts"])
    assert gap["first"].startswith(BASELINE)
    assert gap["second"].startswith(RESTRUCTURED)
    assert len({part["factor"] for part in gap["parts"]}) == len(gap["parts"]) == 4
    back = tilesim("explain", RESTRUCTURED, *SMALL, "--against", BASELINE, "--json").json
    for part, reverse in zip(gap["parts"], back["parts"], strict=True):
        assert part["factor"] == reverse["factor"]
        assert part["us"] == pytest.approx(-reverse["us"], abs=0.01)


def test_a_difference_is_printed_as_a_waterfall(tilesim):
    words = ("explain", BASELINE, *SMALL, "--against", RESTRUCTURED)
    gap = tilesim(*words, "--json").json
    text = tilesim(*words).text
    assert f"From {gap['first']} to {gap['second']}" in text
    assert f"{gap['first']} {gap['first_us']:.2f} 100.0" in text
    assert f"{gap['second']} {gap['second_us']:.2f}" in text
    left_us = gap["first_us"]
    for part in gap["parts"]:
        left_us += part["us"]
        figures = (
            f"{part['us']:+.2f} {100 * part['us'] / gap['first_us']:+.1f} "
            f"{part['low_us']:+.2f} {part['high_us']:+.2f} {left_us:.2f}"
        )
        assert f"{part['factor']} {figures}" in text
    assert f"{gap['first_us'] / gap['second_us']:.2f}x in all" in text


def test_a_workload_has_no_difference_to_itself(tilesim):
    gap = tilesim("explain", RESTRUCTURED, *SMALL, "--against", RESTRUCTURED, "--json").json
    assert gap["first_us"] == gap["second_us"]
    assert {part["us"] for part in gap["parts"]} == {0.0}


def test_the_other_workload_may_have_other_parameters(tilesim):
    words = ("--against", RESTRUCTURED, "--against-set", "hidden=512")
    gap = tilesim("explain", RESTRUCTURED, *SMALL, *words, "--json").json
    small = ("--set", "hidden=512", "intermediate=2048")
    run = tilesim("replay", RESTRUCTURED, *small, "--json").json
    assert gap["second_us"] == pytest.approx(run["wall_clock_us"], abs=0.01)
    assert "hidden=1024" in gap["first"]
    assert "hidden=512" in gap["second"]
    (size,) = [part["us"] for part in gap["parts"] if part["factor"] == "problem size"]
    assert size == pytest.approx(gap["second_us"] - gap["first_us"], abs=0.01)
    assert size < 0.0


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_a_waterfall_is_drawn(tilesim, tmp_path, ending):
    file = f"gap.{ending}"
    words = ("explain", BASELINE, *SMALL, "--against", RESTRUCTURED, "--waterfall", file)
    gap = tilesim(*words, "--json").json
    assert [path.name for path in tmp_path.iterdir()] == [file]
    if ending == "svg":
        drawn = (tmp_path / file).read_text(encoding="utf-8")
        assert f"From {BASELINE}" in drawn
        assert "restructured" in drawn  # long names lose their middle
        for part in gap["parts"]:
            assert part["factor"] in drawn
    else:
        assert (tmp_path / file).read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


# Bad input


EXPLAIN = f"explain {RESTRUCTURED} {' '.join(SMALL)}"
AGAINST = f"{EXPLAIN} --against {BASELINE}"
BAD_INPUT = [  # a command, and what its message has
    ("explain qwen3-scope3-basline", "'qwen3-scope3-basline'", f"did you mean {BASELINE}"),
    (f"{EXPLAIN} --against qwen3-scope3-basline", "'qwen3-scope3-basline'", "did you mean"),
    ("explain hidden=1024", "one workload, not 0"),
    (f"explain {BASELINE} {RESTRUCTURED}", "one workload, not 2"),
    (f"{EXPLAIN} --window 0:50", "--window", "--gantt"),
    (f"{EXPLAIN} --gantt a.png --window 50", "--window takes begin:end", "'50'"),
    (f"{EXPLAIN} --gantt a.png --window 8e6:9e6", "window"),
    (f"{EXPLAIN} --waterfall a.png", "--waterfall", "--against"),
    (f"{EXPLAIN} --against-set hidden=512", "--against-set", "--against"),
    (f"{EXPLAIN} --policy fifo,lifo", "one policy", "compare"),
    (f"{EXPLAIN} --dependencies tensor,tile", "one kind of dependences", "compare"),
    (f"{EXPLAIN} --gantt a.bmp", "'a.bmp'", ".png, .svg, .pdf"),
    (f"{EXPLAIN} --gantt absent/a.png", "'absent' does not exist"),
    (f"{AGAINST} --gantt a.png", "--gantt", "--waterfall"),
    (f"{AGAINST} --waterfall a.bmp", "'a.bmp'", ".png, .svg, .pdf"),
    (f"{AGAINST} --waterfall absent/a.png", "'absent' does not exist"),
    (f"{AGAINST} --against-set hiden=512", "'hiden'", "did you mean hidden"),
    (f"{AGAINST} --against-set hidden=many", "'many' is not an integer"),
    (f"{AGAINST} --against-set hidden=1000", "hidden 1000", "k_chunk"),
    (f"{AGAINST} --policy fifo,lifo --waterfall a.png", "one policy", "compare"),
]


@pytest.mark.parametrize(("command", "named"), [(command, named) for command, *named in BAD_INPUT])
def test_bad_input_is_refused_with_one_message_and_nothing_written(
    tilesim, tmp_path, command, named
):
    assert_refused(tilesim(*command.split()), *named)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("count", ["-1", "many"])
def test_a_path_of_no_length_is_refused_with_where_to_read_on(tilesim, count):
    outcome = tilesim("explain", RESTRUCTURED, *SMALL, "--path", count)
    assert (outcome.code, outcome.out) == (2, "")
    assert "--path" in outcome.err
    assert "Traceback" not in outcome.err
