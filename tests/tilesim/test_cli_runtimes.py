"""Versions of the runtime, rings and lowerings on the command line."""

from __future__ import annotations

import json
import re

import pytest

from runtime.version import load_runtime

SMALL = ("qwen3-scope3-restructured", "--set", "hidden=1024", "intermediate=2048")
VERSIONS = [
    "aicpu-build-graph",
    "host-build-graph",
    "tmr-2026-02",
    "tmr-2026-04",
    "tmr-2026-08",
]


def test_the_versions_are_listed_with_what_differs(tilesim):
    outcome = tilesim("runtimes")
    lines = [line.split() for line in outcome.out.splitlines()]
    (slots,) = [line for line in lines if line[:1] == ["rules.slots_per_core"]]
    assert slots[1:] == ["1*", "2", "1*", "1", "2"]  # a star where it was taken over from April
    (submit,) = [line for line in lines if line[:1] == ["costs.submit_us"]]
    april = f"{load_runtime('tmr-2026-04').costs.submit_us.value:g}"
    assert submit[1:] == ["0.38", f"{april}*", "1", april, f"{april}*"]
    assert not any(line[:1] == ["costs.cond_read_us"] for line in lines)  # the same in all


def test_one_version_is_shown_with_its_sources(tilesim):
    outcome = tilesim("runtimes", "tmr-2026-08")
    assert "rules.early_dispatch" in outcome.out
    assert "costs.dispatch_us" in outcome.out
    assert "simpler pull request 1269" in " ".join(outcome.out.split())


def test_the_versions_as_json(tilesim):
    records = json.loads(tilesim("runtimes", "--json").out)
    assert [record["name"] for record in records] == VERSIONS
    assert records[4]["rules"]["slots_per_core"] == 2


def test_several_versions_are_compared(tilesim):
    names = "tmr-2026-04,tmr-2026-08,host-build-graph"
    outcome = tilesim("compare", *SMALL, "--runtime", names, "--json")
    runs = json.loads(outcome.out)["runs"]
    assert [run["runtime"] for run in runs] == names.split(",")
    april, august, host = (run["wall_clock_us"] for run in runs)
    assert len({april, august, host}) == 3
    assert runs[2]["orchestrator_busy_us"] == 0.0


def test_three_schedulers_or_four_is_one_command(tilesim):
    outcome = tilesim("whatif", *SMALL, "-c", "threads=4", "-c", "second-slot")
    assert "4 scheduler threads" in outcome.out


def test_ring_sizes_are_set_and_reported(tilesim):
    outcome = tilesim("replay", *SMALL, "--runtime-set", "task_window=64", "--json")
    rings = {(r["resource"], r["ring"]): r for r in json.loads(outcome.out)["rings"]}
    window = rings["task_window", 3]
    assert window["size"] == 64
    assert window["high_water"] <= 63
    table = tilesim("replay", *SMALL, "--runtime-set", "task_window=64").out
    assert any(line.split()[:4] == ["task", "window,", "ring", "3"] for line in table.splitlines())


def test_ring_sizes_of_a_file(tilesim, tmp_path):
    path = tmp_path / "small.toml"
    path.write_text('base = "tmr-2026-04"\ntask_window = 64\nheap_bytes = 1048576\n')
    outcome = tilesim("replay", *SMALL, "--runtime", str(path), "--json")
    sizes = {r["resource"]: r["size"] for r in json.loads(outcome.out)["rings"]}
    assert (sizes["task_window"], sizes["heap_bytes"]) == (64, 1 << 20)


def test_a_deadlock_ends_with_one_message_that_says_what_works(tilesim):
    outcome = tilesim("replay", *SMALL, "--runtime-set", "task_window=3")
    assert outcome.code == 2
    assert "Traceback" not in outcome.err
    assert "waits for space in the task window of ring 3 (task_window=3)" in outcome.err
    assert "the scope that begins at line" in outcome.err
    size = outcome.err.rsplit("task_window=", 1)[1].strip()
    assert tilesim("replay", *SMALL, "--runtime-set", f"task_window={size}").code == 0
    smaller = tilesim("replay", *SMALL, "--runtime-set", f"task_window={int(size) - 1}")
    assert smaller.code == 2


def test_the_gantt_chart_has_the_rings(tilesim, tmp_path):
    picture = tmp_path / "run.svg"
    assert tilesim("replay", *SMALL, "--gantt", str(picture)).code == 0
    text = picture.read_text()
    assert "<svg" in text
    bare = tmp_path / "bare.svg"
    unlimited = "task_window=0,heap_bytes=0,dep_pool_entries=0,tensormap_entries=0"
    assert tilesim("replay", *SMALL, "--runtime-set", unlimited, "--gantt", str(bare)).code == 0
    height = re.compile(r'height="([0-9.]+)pt"')
    assert float(height.search(text)[1]) > float(height.search(bare.read_text())[1])


def test_a_lowering_changes_the_graph(tilesim):
    depths = {
        date: json.loads(tilesim("replay", *SMALL, "--lowering", date, "--json").out)["depth"]
        for date in ("2026-04", "2026-08")
    }
    assert depths["2026-04"] == 7
    assert depths["2026-08"] > 20


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("runtimes", "tmr-2026-09"), "unknown runtime 'tmr-2026-09'"),
        (("replay", *SMALL, "--lowering", "2026-05"), "--lowering takes 2026-04, 2026-08"),
        (("replay", *SMALL, "--runtime", "tmr-2026-04,tmr-2026-08"), "takes one runtime"),
        (("compare", *SMALL, "--runtime", "tmr-2026-04,tmr-2026-04"), "each once"),
        (("replay", *SMALL, "--runtime-set", "window=3"), "unknown setting 'window'"),
        (("whatif", *SMALL, "-c", "second-slot=3"), "write second-slot"),
        (("whatif", *SMALL, "-c", "early-dispatch"), "write early-dispatch=KERNEL"),
    ],
)
def test_bad_words_are_refused(tilesim, words, named):
    outcome = tilesim(*words)
    assert outcome.code == 2
    assert outcome.out == ""
    assert named in outcome.err
