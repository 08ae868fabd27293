"""The command line as users meet it: what it prints, writes and refuses."""

from __future__ import annotations

import gzip
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from outcomes import Outcome
from rich.console import Console

import devices.device
import runtime.version
from runtime.dependencies import Dependencies
from tilesim.comparison import compare
from tilesim.report import print_comparison, print_run
from tilesim.setup import Setup
from workloads.catalogue import WORKLOADS
from workloads.workload import Group

BASELINE, RESTRUCTURED = "qwen3-scope3-baseline", "qwen3-scope3-restructured"
SMALL = ("--set", "hidden=1024,intermediate=2048")
"""151 tasks: quick to simulate."""
COLOURS = ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE", "GITHUB_ACTIONS")
"""What decides on colours besides the terminal."""
MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.fixture
def piped(tmp_path):
    """The command in a process of its own, its output not on a terminal, in an empty folder."""
    environment = {name: value for name, value in os.environ.items() if name not in COLOURS}

    def run(*words):
        done = subprocess.run(
            [sys.executable, "-m", "tilesim", *words],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Outcome(done.returncode, done.stdout, done.stderr)

    return run


def words_of(text):
    """Text without the layout of tables and lines."""
    return " ".join(text.split())


# In a process of its own


def test_a_piped_replay_writes_what_it_is_asked_for_and_says_nothing_else(piped, tmp_path):
    outcome = piped(
        *("replay", RESTRUCTURED, *SMALL, "--window", "0:100"),
        *("--gantt", "run.png", "--trace", "run.json"),
    )
    assert (outcome.code, outcome.err) == (0, "")
    assert "\x1b" not in outcome.out  # no colours
    assert "Total Test Time" in outcome.out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "run.png"]
    assert (tmp_path / "run.png").read_bytes().startswith(MAGIC["png"])
    assert json.loads((tmp_path / "run.json").read_text())["traceEvents"]


def test_bad_input_ends_the_process_with_code_2_and_one_line(piped, tmp_path):
    outcome = piped("replay", "qwen3-scope3-restructed")
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: unknown workload 'qwen3-scope3-restructed'; did you mean")
    assert outcome.err.count("\n") == 1
    assert "\x1b" not in outcome.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("frobnicate",), "No such command 'frobnicate'"),
        (("replay", RESTRUCTURED, "--frob"), "No such option: --frob"),
        (("replay",), "Missing argument 'WORKLOAD'"),
    ],
)
def test_a_command_line_that_makes_no_sense_is_refused_with_where_to_read_on(piped, words, named):
    outcome = piped(*words)
    assert (outcome.code, outcome.out) == (2, "")
    assert named in outcome.err
    assert "help" in outcome.err
    assert "Traceback" not in outcome.err
    assert "\x1b" not in outcome.err


# Lists


def test_list_shows_every_workload_with_its_parameters(tilesim):
    outcome = tilesim("list")
    assert (outcome.code, outcome.err) == (0, "")
    for workload in WORKLOADS.values():
        assert workload.name in outcome.out
        assert workload.summary in outcome.out
        for name, value in workload.defaults.items():
            assert f"{name}={workload.follows.get(name, value)}" in outcome.out


def test_list_has_a_table_for_each_group_in_one_order(tilesim):
    lines = tilesim("list").out.splitlines()
    titles = [line.strip() for line in lines if line.strip().lower() in list(Group)]
    used = [group for group in Group if any(w.group is group for w in WORKLOADS.values())]
    assert titles == [group.capitalize() for group in used]
    # One column below the other.
    assert len({line.index("Parameters") for line in lines if "Parameters" in line}) == 1


def test_list_of_a_group_has_nothing_else(tilesim):
    for group in Group:
        names = [name for name, w in WORKLOADS.items() if w.group is group]
        listed = tilesim("list", "--group", group, "--json").json
        assert [entry["name"] for entry in listed] == names
        assert {entry["group"] for entry in listed} <= {group.value}
    outcome = tilesim("list", "--group", "attention")
    assert "paged-attention" in outcome.out
    assert BASELINE not in outcome.out


def test_an_unknown_group_is_refused_with_the_known_ones(tilesim):
    assert_refused(
        tilesim("list", "--group", "model"), f"--group takes {', '.join(Group)}, not 'model'"
    )


def test_list_as_json(tilesim):
    listed = {entry["name"]: entry for entry in tilesim("list", "--json").json}
    assert listed.keys() == WORKLOADS.keys()
    assert listed[BASELINE]["parameters"] == {
        "hidden": 5120,
        "batch": 16,
        "intermediate": 25600,
        "k_chunk": 128,
        "out_chunk": 64,
        "mlp_chunk": 64,
    }
    assert listed[RESTRUCTURED]["parameters"]["hidden"] == 8192


def test_devices_shows_every_figure_with_its_source(tilesim):
    outcome = tilesim("devices")
    assert (outcome.code, outcome.err) == (0, "")
    text = words_of(outcome.out)
    assert "24 clusters of 1 AIC and 2 AIV" in text
    assert "cores.clusters 24" in text
    assert "cores.clock_mhz 1850 1800 to 1850 CANN platform configurations" in text
    assert "buffers.l1_bytes 524288" in text


def test_devices_as_json(tilesim):
    (device,) = tilesim("devices", "--json").json
    assert device["name"] == "a2a3"
    assert device["cores"]["clusters"] == 24
    assert device["cube"]["miss_gbps"].keys() == {"value", "range", "source"}


# Replay


def test_replay_prints_the_functions_the_totals_and_measured_against_simulated(tilesim):
    outcome = tilesim("replay", RESTRUCTURED)
    assert (outcome.code, outcome.err) == (0, "")
    text = words_of(outcome.out)
    assert "Avg Exec Avg Latency Head OH Tail OH Function Core Count us us Exec % us us" in text
    assert "scope3_incore_5 aic 400" in text
    assert "Total Test Time (Wall-clock)" in text
    assert "1651, 593" in text  # tasks and hidden allocs
    assert "Measured against simulated" in text
    assert "Wall-clock us 3284.44" in text
    assert "Avg latency us 44.58" in text
    assert "pypto-lib pull request 90" in text


def test_nothing_is_measured_at_other_sizes(tilesim):
    outcome = tilesim("replay", RESTRUCTURED, *SMALL)
    assert outcome.code == 0
    assert "Measured" not in outcome.out


REPLAY_KEYS = {
    "workload": str,
    "parameters": dict,
    "device": str,
    "runtime": str,
    "dependencies": str,
    "tasks": int,
    "allocs": int,
    "edges": int,
    "depth": int,
    "wall_clock_us": float,
    "avg_exec_us": float,
    "avg_head_us": float,
    "avg_tail_us": float,
    "avg_latency_us": float,
    "tasks_in_flight": float,
    "core_busy": dict,
    "orchestrator_busy_us": float,
    "functions": list,
    "trace_s": float,
    "simulate_s": float,
}
FUNCTION_KEYS = {
    "name": str,
    "core": str,
    "count": int,
    "avg_exec_us": float,
    "avg_latency_us": float,
}


def has_keys(record, keys):
    """Whether the record has at least these keys, with values of these types."""
    found = {name: type(record.get(name)) for name in keys}
    assert found == keys
    return True


def test_replay_as_json_has_the_promised_keys(tilesim):
    run = tilesim("replay", RESTRUCTURED, *SMALL, "--json").json
    assert has_keys(run, REPLAY_KEYS)
    assert has_keys(run["core_busy"], {"aic": float, "aiv": float})
    assert all(has_keys(function, FUNCTION_KEYS) for function in run["functions"])
    assert (run["workload"], run["device"], run["runtime"]) == (RESTRUCTURED, "a2a3", "tmr-2026-04")
    assert run["dependencies"] == "tensor"
    assert (run["tasks"], run["allocs"], run["edges"], run["depth"]) == (151, 57, 703, 7)
    assert sum(function["count"] for function in run["functions"]) == 151
    parts = run["avg_exec_us"] + run["avg_head_us"] + run["avg_tail_us"]
    assert run["avg_latency_us"] == pytest.approx(parts)


@pytest.mark.parametrize(
    "settings",
    [
        ("--set", "hidden=1024", "intermediate=2048"),
        ("--set", "hidden=1024,intermediate=2048"),
        ("--set", "hidden=1024", "--set", "intermediate=2048"),
        ("-s", "hidden=1_024", "-s", " intermediate = 2048"),
    ],
)
def test_settings_can_be_given_in_several_ways(tilesim, settings):
    for words in ((RESTRUCTURED, *settings), (*settings, RESTRUCTURED)):
        run = tilesim("replay", *words, "--json").json
        assert (run["parameters"]["hidden"], run["parameters"]["intermediate"]) == (1024, 2048)
        assert run["parameters"]["batch"] == 16  # as it was
        assert run["tasks"] == 151


def test_the_lookup_cap_can_be_lifted_or_set(tilesim):
    default = tilesim("replay", RESTRUCTURED, *SMALL, "--json").json
    assert (default["lookup_cap"], default["edges"]) == (16, 703)
    lifted = tilesim("replay", RESTRUCTURED, *SMALL, "--lookup-cap", "none", "--json").json
    assert (lifted["lookup_cap"], lifted["dropped_edges"]) == (None, 0)
    assert lifted["edges"] == 703 + default["dropped_edges"]
    lowered = tilesim("replay", RESTRUCTURED, *SMALL, "--lookup-cap", "1", "--json").json
    assert lowered["lookup_cap"] == 1
    assert lowered["edges"] < 703


def test_a_run_without_profiling_is_shorter_and_is_not_what_was_measured(tilesim):
    profiled = tilesim("replay", RESTRUCTURED, "--json").json
    plain = tilesim("replay", RESTRUCTURED, "--no-profiling", "--json").json
    assert (profiled["profiling"], plain["profiling"]) == (True, False)
    assert plain["wall_clock_us"] < profiled["wall_clock_us"]
    assert [row["published_us"] for row in profiled["published"]] == [3284.44, 44.58]
    assert profiled["published"][0]["simulated_us"] == profiled["wall_clock_us"]
    assert plain["published"] == []


def test_tile_dependencies_take_the_false_chain_out_of_the_baseline(tilesim):
    named = tilesim("replay", BASELINE, *SMALL, "--json").json
    true = tilesim("replay", BASELINE, *SMALL, "--dependencies", "tile", "--json").json
    assert (named["dependencies"], true["dependencies"]) == ("tensor", "tile")
    assert true["tasks"] == named["tasks"]
    # In the graph of the runtime all 256 accumulates make one chain; in truth 8 chains of 32.
    assert named["depth"] - true["depth"] >= 256 - 32
    assert true["wall_clock_us"] < named["wall_clock_us"]


def test_a_device_and_a_runtime_may_be_files(tilesim, tmp_path):
    device, version = described(tmp_path)
    device.write_text(device.read_text().replace("clusters = 24", "clusters = 3"))
    words = (RESTRUCTURED, *SMALL, "--device", device.name, "--runtime", version.name, "--json")
    fewer = tilesim("replay", *words).json
    assert (
        fewer["core_busy"]["aic"] > tilesim("replay", *words[:3], "--json").json["core_busy"]["aic"]
    )
    assert fewer["published"] == []


def described(folder):
    """Copies of the device and the runtime that come with tilesim."""
    copies = []
    for module, name in (
        (devices.device, "a2a3.toml"),
        (runtime.version, "versions/tmr-2026-04.toml"),
    ):
        copy = folder / Path(name).name
        copy.write_text((Path(module.__file__).parent / name).read_text())
        copies.append(copy)
    return copies


# Pictures and traces


@pytest.mark.parametrize("ending", MAGIC)
def test_a_gantt_chart_is_drawn_in_the_format_of_its_ending(tilesim, tmp_path, ending):
    outcome = tilesim("replay", RESTRUCTURED, *SMALL, "--gantt", f"run.{ending}")
    assert (outcome.code, outcome.err) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == [f"run.{ending}"]
    assert (tmp_path / f"run.{ending}").read_bytes().startswith(MAGIC[ending])


def test_a_window_draws_another_picture(tilesim, tmp_path):
    for name, window in (
        ("all", ()),
        ("part", ("--window", "0:50")),
        ("open", ("--window", ":50")),
    ):
        words = ("replay", RESTRUCTURED, *SMALL, "--gantt", f"{name}.png", *window)
        assert tilesim(*words).code == 0
    pictures = {path.stem: path.read_bytes() for path in tmp_path.iterdir()}
    assert pictures["part"] != pictures["all"]
    assert pictures["open"] == pictures["part"]


@pytest.mark.parametrize(("ending", "opened"), [("json", open), ("json.gz", gzip.open)])
def test_a_trace_is_written_plain_or_compressed(tilesim, tmp_path, ending, opened):
    outcome = tilesim("replay", RESTRUCTURED, *SMALL, "--trace", f"run.{ending}")
    assert (outcome.code, outcome.err) == (0, "")
    assert [path.name for path in tmp_path.iterdir()] == [f"run.{ending}"]
    with opened(tmp_path / f"run.{ending}", "rt", encoding="utf-8") as file:
        events = json.load(file)["traceEvents"]
    assert {"X", "M"} <= {event["ph"] for event in events}


# Compare and demo


def test_compare_as_json_has_the_runs_and_what_was_measured(tilesim):
    compared = tilesim("compare", RESTRUCTURED, BASELINE, *SMALL, "--json").json
    assert [run["workload"] for run in compared["runs"]] == [RESTRUCTURED, BASELINE]
    assert all(has_keys(run, REPLAY_KEYS) for run in compared["runs"])
    assert [run["published"] for run in compared["runs"]] == [[], []]  # nothing for this size
    assert compared["like_for_like"] == []  # they have the same size already
    (run,) = tilesim("compare", RESTRUCTURED, "--json").json["runs"]
    assert [row["figure"] for row in run["published"]] == ["wall_clock_us", "avg_latency_us"]
    assert [row["published_us"] for row in run["published"]] == [3284.44, 44.58]


@pytest.fixture
def small_workloads(monkeypatch):
    """The two workloads with small sizes, of which one is larger, as their defaults."""
    for name, hidden in ((BASELINE, 512), (RESTRUCTURED, 1024)):
        defaults = {**WORKLOADS[name].defaults, "hidden": hidden, "intermediate": 1024}
        monkeypatch.setitem(WORKLOADS, name, replace(WORKLOADS[name], defaults=defaults))


@pytest.mark.usefixtures("small_workloads")
def test_compare_runs_workloads_at_each_others_sizes(tilesim):
    compared = tilesim("compare", BASELINE, RESTRUCTURED, "--json").json
    sizes = [
        [(run["workload"], run["parameters"]["hidden"]) for run in group]
        for group in (compared["runs"], *compared["like_for_like"])
    ]
    assert sizes == [
        [(BASELINE, 512), (RESTRUCTURED, 1024)],
        [(BASELINE, 512), (RESTRUCTURED, 512)],
        [(BASELINE, 1024), (RESTRUCTURED, 1024)],
    ]
    alone = tilesim("compare", BASELINE, RESTRUCTURED, "--no-like-for-like", "--json").json
    assert alone["like_for_like"] == []


def test_compare_runs_every_workload_with_every_kind_of_dependences(tilesim):
    words = (BASELINE, RESTRUCTURED, *SMALL, "--dependencies", "tensor,tile", "--json")
    kinds = [
        (run["workload"], run["dependencies"]) for run in tilesim("compare", *words).json["runs"]
    ]
    assert kinds == [
        (BASELINE, "tensor"),
        (BASELINE, "tile"),
        (RESTRUCTURED, "tensor"),
        (RESTRUCTURED, "tile"),
    ]


def test_compare_prints_the_runs_side_by_side_and_draws_them(tilesim, tmp_path):
    words = ("compare", BASELINE, RESTRUCTURED, *SMALL, "--gantt", "both.svg")
    outcome = tilesim(*words)
    assert (outcome.code, outcome.err) == (0, "")
    rows = [words_of(line) for line in outcome.out.splitlines()]
    assert any(row.startswith(f"{BASELINE} hidden=1024 intermediate=2048 651 ") for row in rows)
    assert any(
        row.startswith(f"{RESTRUCTURED} hidden=1024 intermediate=2048 151 7 ") for row in rows
    )
    assert [path.name for path in tmp_path.iterdir()] == ["both.svg"]
    assert (tmp_path / "both.svg").read_bytes().startswith(MAGIC["svg"])


@pytest.mark.usefixtures("small_workloads")
def test_demo_writes_the_figures_into_the_folder_that_it_names(tilesim, tmp_path):
    outcome = tilesim("demo", "--out", "new/figures")
    assert (outcome.code, outcome.err) == (0, "")
    assert "Like for like" in outcome.out
    assert "(tile dependencies)" in outcome.out
    names = ["comparison.png"]
    names += [
        f"{name}.{ending}" for name in (BASELINE, RESTRUCTURED) for ending in ("png", "json.gz")
    ]
    folder = tmp_path / "new" / "figures"
    assert sorted(path.name for path in folder.iterdir()) == sorted(names)
    for name in names:
        assert f"new/figures/{name}" in outcome.out
        magic = MAGIC["png"] if name.endswith("png") else b"\x1f\x8b"
        assert (folder / name).read_bytes().startswith(magic)


@pytest.mark.usefixtures("small_workloads")
def test_demo_as_json_has_the_runs_and_the_figures(tilesim, monkeypatch):
    for name in ("draw_gantt", "draw_comparison", "write_chrome_trace"):
        monkeypatch.setattr(f"plots.{name}", lambda *_arguments, **_options: None)
    demo = tilesim("demo", "--json").json
    assert {(run["workload"], run["dependencies"]) for run in demo["runs"]} == {
        (name, kind) for name in (BASELINE, RESTRUCTURED) for kind in ("tensor", "tile")
    }
    assert len(demo["figures"]) == 5
    assert all(figure.startswith("tilesim-demo/") for figure in demo["figures"])


# Help


@pytest.mark.parametrize("verb", ["list", "devices", "replay", "compare", "demo"])
def test_every_verb_has_help_with_an_example(tilesim, verb):
    outcome = tilesim(verb, "--help")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"tilesim {verb} [OPTIONS]" in words_of(outcome.out)
    assert re.search(f"Examples?: tilesim {verb}", words_of(outcome.out))
    assert tilesim(verb, "-h") == outcome


def test_help_lists_the_verbs(tilesim):
    outcome = tilesim("--help")
    assert (outcome.code, outcome.err) == (0, "")
    for verb in ("list", "devices", "replay", "compare", "demo"):
        assert verb in outcome.out
    assert "Examples:" in outcome.out


# Bad input


REPLAY, REPLAY_SMALL = f"replay {RESTRUCTURED}", f"replay {RESTRUCTURED} {' '.join(SMALL)}"
BOTH = f"compare {BASELINE} {RESTRUCTURED}"
BAD_INPUT = [  # a command, and what its message has
    # names
    ("replay qwen3-scope3-basline", "workload 'qwen3-scope3-basline'", f"did you mean {BASELINE}"),
    (f"compare {BASELINE} nothing", "workload 'nothing'", BASELINE, RESTRUCTURED),
    (f"{REPLAY} --device a2a4", "device 'a2a4'", "did you mean a2a3?"),
    (f"{BOTH} --device a2a4", "device 'a2a4'", "did you mean a2a3?"),
    (f"{REPLAY} --runtime tmr-2026-05", "runtime 'tmr-2026-05'", "did you mean tmr-2026-08"),
    (f"{REPLAY} --device absent.toml", "absent.toml", "cannot be read"),
    (f"{REPLAY} --runtime absent.toml", "absent.toml", "cannot be read"),
    # settings
    (f"{REPLAY} --set hiden=1024", "'hiden'", "did you mean hidden?"),
    (f"{BOTH} --set hiden=1024", "'hiden'", "did you mean hidden?"),
    (f"{REPLAY} --set hidden=0", "hidden is a positive integer, not 0"),
    (f"{REPLAY} --set hidden=-128", "hidden is a positive integer, not -128"),
    (f"{REPLAY} --set hidden=many", "--set hidden", "'many' is not an integer"),
    (f"{REPLAY} --set hidden=1.5", "--set hidden", "'1.5' is not an integer"),
    (f"{REPLAY} --set hidden=", "--set hidden", "'' is not an integer"),
    (f"{REPLAY} --set hidden", "--set takes name=value", "'hidden'"),
    (f"{REPLAY} --set =1024", "--set takes name=value", "'=1024'"),
    (f"{REPLAY} --set hidden=1024,hidden=2048", "hidden twice"),
    (f"{REPLAY} --set hidden=5000", "hidden 5000", "k_chunk 128", "4992 or 5120"),
    (f"{BOTH} --set hidden=5000", "hidden 5000", "k_chunk 128", "4992 or 5120"),
    # how many workloads
    (f"{REPLAY} {BASELINE}", "one workload, not 2", "compare"),
    ("replay hidden=1024", "one workload, not 0"),
    ("compare hidden=1024", "names of workloads", "tilesim list"),
    # options
    (f"{REPLAY} --dependencies data", "--dependencies takes tensor, tile", "'data'"),
    (f"{REPLAY} --dependencies tensor,tile", "one kind of dependences", "compare"),
    (f"{REPLAY} --lookup-cap 0", "--lookup-cap", "from 1 on or none", "'0'"),
    (f"{REPLAY} --lookup-cap -1", "--lookup-cap", "from 1 on or none", "'-1'"),
    (f"{REPLAY} --lookup-cap all", "--lookup-cap", "from 1 on or none", "'all'"),
    (f"{REPLAY} --window 0:50", "--window", "--gantt FILE.png"),
    (f"{REPLAY} --gantt a.png --window 50", "--window takes begin:end", "0:500", "'50'"),
    (f"{REPLAY} --gantt a.png --window 0:x", "--window takes begin:end", "0:500", "'0:x'"),
    (f"{REPLAY} --gantt a.png --window 50:10", "--window takes begin:end", "'50:10'"),
    (f"{REPLAY} --gantt a.png --window 0:inf", "--window takes begin:end", "'0:inf'"),
    (f"{REPLAY_SMALL} --gantt a.png --window 8e6:9e6", "window", "nothing of the run"),
    # outputs
    (f"{REPLAY} --gantt run.bmp", "'run.bmp'", ".png, .svg, .pdf"),
    (f"{BOTH} --gantt run", "'run'", ".png, .svg, .pdf"),
    (f"{REPLAY} --trace run.txt", "'run.txt'", ".json, .json.gz"),
    (f"{REPLAY} --gantt absent/a.png", "'absent' does not exist", "make it"),
    (f"{REPLAY} --trace absent/a.json", "'absent' does not exist", "make it"),
    (f"{BOTH} --gantt absent/a.png", "'absent' does not exist", "make it"),
    # the picture could be drawn, but then the trace could not
    (f"{REPLAY} --gantt a.png --trace absent/a.json", "'absent' does not exist", "make it"),
]


@pytest.mark.parametrize(("command", "named"), [(command, named) for command, *named in BAD_INPUT])
def test_bad_input_is_refused_with_one_message_and_nothing_written(
    tilesim, tmp_path, command, named
):
    assert_refused(tilesim(*command.split()), named)
    assert list(tmp_path.iterdir()) == []  # no temporary file either


def test_an_output_below_a_file_is_refused(tilesim, tmp_path):
    (tmp_path / "file").write_text("older")
    for words in (("replay", RESTRUCTURED, "--gantt", "file/a.png"), ("demo", "--out", "file/a")):
        assert_refused(tilesim(*words), ["file/a"])
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_text() == "older"


def assert_refused(outcome, named):
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1  # one line, however long, and no traceback
    for part in named:
        assert part in outcome.err


@pytest.mark.parametrize(
    ("line", "changed", "named"),
    [
        ("clusters = 24", 'clusters = "many"', ["cores.clusters", "int"]),
        ("clusters = 24", "clusters = 0", ["cores.clusters", ">= 1"]),
        ("clusters = 24", "clusers = 24", ["'clusers'", "did you mean clusters"]),
        ("clusters = 24", "", ["cores.clusters", "is missing"]),
        ("clusters = 24", "clusters = = 24", ["is not TOML"]),
    ],
)
def test_a_bad_device_file_is_refused_with_file_and_field(tilesim, tmp_path, line, changed, named):
    device, _ = described(tmp_path)
    text = device.read_text()
    assert text.count(f"\n{line}") == 1
    device.write_text(text.replace(f"\n{line}", f"\n{changed}"))
    assert_refused(tilesim("replay", RESTRUCTURED, "--device", device.name), [device.name, *named])


def test_a_bad_runtime_file_is_refused_with_file_and_field(tilesim, tmp_path):
    _, version = described(tmp_path)
    version.write_text(
        version.read_text().replace("scheduler_threads = 3", "scheduler_threads = -3")
    )
    outcome = tilesim("replay", RESTRUCTURED, "--runtime", version.name)
    assert_refused(outcome, [version.name, "scheduler_threads", ">= 1"])


def test_an_older_picture_survives_a_run_that_fails(tilesim, tmp_path):
    (tmp_path / "run.png").write_text("older")
    outcome = tilesim(
        *("replay", RESTRUCTURED, *SMALL, "--gantt", "run.png", "--window", "8e6:9e6")
    )
    assert outcome.code == 2
    assert (tmp_path / "run.png").read_text() == "older"
    assert [path.name for path in tmp_path.iterdir()] == ["run.png"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_behind_the_output_is_one_message(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "tilesim", "list", "--json"],
            cwd=tmp_path,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith("error: cannot write the output")
    assert "Traceback" not in done.stderr


def test_matplotlib_is_loaded_only_to_draw(tmp_path):
    script = (
        "import sys; from tilesim.cli import app; "
        "app(['replay', *sys.argv[1:]], standalone_mode=False); "
        "sys.exit('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, RESTRUCTURED, *SMALL],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_figures_are_whole_on_a_terminal_of_80_columns():
    setup = Setup(dependencies=Dependencies.TILE, profiling=False)
    sizes = {"hidden": 1024, "intermediate": 2048}
    comparison = compare([BASELINE, RESTRUCTURED], sizes, [Setup(), setup])
    console = Console(width=80, file=io.StringIO())
    print_comparison(console, comparison)
    print_run(console, comparison.runs[0])
    printed = console.file.getvalue()
    assert "\N{HORIZONTAL ELLIPSIS}" not in printed
    for run in comparison.runs:
        figures = run.statistics
        assert f"{figures.wall_clock_us:.2f}" in printed
        assert f"{100 * figures.orchestrator_busy_us / figures.wall_clock_us:.1f}" in printed


# Figures of the machine


def test_figures_of_device_and_runtime_can_be_set(tilesim):
    words = ("replay", RESTRUCTURED, *SMALL)
    settings = ("--runtime-set", "scheduler_threads=1,costs.submit_us=2", "--device-set")
    outcome = tilesim(*words, *settings, "cores.clusters=2")
    assert "(cores.clusters=2) (scheduler_threads=1) (costs.submit_us=2)" in outcome.text
    changed = tilesim(*words, *settings, "cores.clusters=2", "--json").json
    plain = tilesim(*words, "--json").json
    assert (len(changed["scheduler_busy_us"]), len(plain["scheduler_busy_us"])) == (1, 3)
    assert changed["wall_clock_us"] > plain["wall_clock_us"]
    assert changed["orchestrator_busy_us"] > 151 * 2.0
    assert tilesim(*words, "--runtime-set", "scheduler_threads=3", "--json").json["tasks"] == 151


def test_a_run_with_another_figure_is_not_compared_with_measurements(tilesim):
    assert tilesim("replay", RESTRUCTURED, "--json").json["published"]
    words = ("--runtime-set", "costs.submit_us=0.81", "--json")
    assert tilesim("replay", RESTRUCTURED, *words).json["published"] == []


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--runtime-set", "scheduler_thread=4"), ("did you mean scheduler_threads",)),
        (("--runtime-set", "scheduler_threads"), ("--runtime-set takes name=value",)),
        (("--runtime-set", "scheduler_threads=four"), ("'four' is not a number",)),
        (("--runtime-set", "scheduler_threads=2.5"), ("expected a whole number",)),
        (("--runtime-set", "rings=1,rings=2"), ("--runtime-set gives rings twice",)),
        (("--device-set", "cores.clusters=0"), ("cores.clusters",)),
        (("--device-set", "clusters=20"), ("did you mean cores.clusters",)),
        (("--device-set", "kernel.start_us=-1"), ("kernel.start_us", "0 or more")),
    ],
)
def test_figures_that_are_not_there_or_do_not_fit_are_refused(tilesim, words, named):
    assert_refused(tilesim("replay", RESTRUCTURED, *SMALL, *words), named)
