"""Recorded runs and graphs of files on the command line, in and out."""

import gzip
import json
from pathlib import Path

import pytest

DATA = Path(__file__).parent.parent / "data"
TRACES = DATA / "traces"
EXPECTED = json.loads((TRACES / "expected.json").read_text())
BGEMM = TRACES / "bgemm-Default.json.gz"
FOLDER = TRACES / "head_benchmark_bgemm-Case1"
BAD = sorted(
    path
    for path in (DATA / "bad").glob("*/*")
    if not path.name.startswith("valid")  # what the others are made from
)

FORMATS = {
    "graph": "run.json",
    "wfformat": "run.wfformat.json",
    "dot": "run.gv",
    "graphml": "run.graphml",
    "swimlane": "perf_swimlane_run.json",
    "swimlane-folder": "folder",
    "chrome": "run.json.gz",
    "perfetto": "run.pftrace",
    "table": "run.csv",
}


OWN = ("workload", "run", "trace_s", "simulate_s")
"""What two runs of the same graph differ in: its name, and what the machine took for it."""


def of(outcome):
    assert outcome.code == 0, outcome.err
    return json.loads(outcome.out)


@pytest.mark.parametrize("name", ["bgemm-Default", "head_benchmark_bgemm-Case1"])
def test_a_recorded_run_shows_what_the_device_tools_print(tilesim, name):
    path = next(TRACES.glob(f"{name}*"))
    record = of(tilesim("replay", path, "--recorded", "--json"))
    expected = EXPECTED[name]
    assert round(record["wall_clock_us"], 2) == expected["total_test_time_us"]
    for ours, theirs in zip(record["functions"], expected["functions"], strict=True):
        assert ours["count"] == theirs["count"]
        assert round(ours["avg_latency_us"], 2) == theirs["avg_latency_us"]
    assert record["is_recorded"]


def test_a_recorded_run_runs_again_on_another_machine(tilesim):
    few, many = (
        of(tilesim("replay", FOLDER, "--device-set", f"cores.clusters={n}", "--json"))
        for n in (4, 24)
    )
    assert few["wall_clock_us"] > many["wall_clock_us"]
    assert few["recorded_wall_clock_us"] == many["recorded_wall_clock_us"] > 0
    assert "Total Test Time as recorded" in tilesim("replay", FOLDER).out


def test_what_a_recording_does_not_say_is_told(tilesim):
    said = tilesim("replay", BGEMM).out
    assert "Kernel times are those of the file." in said
    assert "holds only consumers that were registered before" in said
    assert of(tilesim("replay", BGEMM, "--json"))["notes"]


def test_recorded_runs_are_explained_as_they_are_or_run_again(tilesim):
    recorded = of(tilesim("explain", FOLDER, "--json"))
    again = of(tilesim("explain", FOLDER, "--simulated", "--json"))
    assert recorded["run"]["is_recorded"]
    assert not again["run"]["is_recorded"]
    for record in (recorded, again):
        parts = sum(record["by_reason_us"].values())
        assert parts == pytest.approx(record["run"]["wall_clock_us"], rel=1e-9)


def test_what_if_takes_a_recording(tilesim):
    record = of(tilesim("whatif", FOLDER, "-c", "scale=0.5", "--json"))
    assert record["after"]["wall_clock_us"] < record["before"]["wall_clock_us"]


def test_false_dependences_of_a_recording_are_not_known(tilesim):
    said = tilesim("explain", FOLDER).out
    assert "False dependences are not known" in said
    assert tilesim("explain", FOLDER, "--simulated", "--against", "bgemm").code == 0
    assert "may touch all of the tensors" in tilesim("check", FOLDER, "--hazards").out


def test_hazards_are_found_where_tensors_are_known(tilesim):
    assert of(tilesim("check", FOLDER, "--hazards", "--json"))["against"] == "nothing"
    refused = tilesim("check", BGEMM, "--hazards")
    assert refused.code == 2
    assert "names no tensors" in refused.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("check", FOLDER), "--hazards looks for hazards alone"),
        (("capacity", FOLDER), "no operations of its kernels"),
        (("replay", FOLDER, "--set", "hidden=1"), "has no parameters; leave out hidden"),
        (("replay", FOLDER, "--dependencies", "tile"), "--dependencies changes nothing"),
        (("replay", FOLDER, "--lookup-cap", "4"), "--lookup-cap changes nothing"),
        (("replay", FOLDER, "--lowering", "2026-08"), "--lowering changes nothing"),
        (("replay", FOLDER, "--ideal", "memory"), "--ideal memory or compute changes nothing"),
        (("replay", FOLDER, "--recorded", "-p", "heft"), "shown as it was recorded"),
        (("explain", FOLDER, "--device-set", "cores.clusters=1"), "shown as it was recorded"),
        (("export", FOLDER, "-p", "heft", "-o", "x.dot"), "shown as it was recorded"),
        (("explain", FOLDER, "--against", "bgemm"), "a recording runs again; say --simulated"),
        (("explain", "bgemm", "--simulated"), "--simulated is for recorded runs"),
        (("replay", FOLDER, "--call", "main"), "--call names a program"),
        (("replay", FOLDER, "--input", "n=1"), "--input is for programs"),
        (("replay", "bgemm", "--recorded"), "is no recorded run"),
        (("replay", FOLDER, "--recorded", "--repeat", "2"), "--repeat adds noise"),
        (("replay", "missing.json"), "there is no file 'missing.json'"),
        (("replay", FOLDER, "--assume", "core"), "--assume takes key=value"),
        (("replay", FOLDER, "--assume", "cores=aic"), "unknown --assume 'cores'"),
        (("replay", FOLDER, "--assume", "core=cube"), "is one of aic, aiv, mix"),
        (("replay", FOLDER, "--assume", "unit_us=x"), "unit_us is a number"),
        (("replay", FOLDER, "--assume", "core=aic", "--assume", "core=aiv"), "gives core twice"),
        (("export", "bgemm", "-o", "run.foo"), "cannot tell the format"),
        (("export", "bgemm", "-o", "run.json", "-f", "paper"), "unknown format 'paper'"),
        (("export", "bgemm", "-o", "run.dot", "-f", "chrome"), "names no supported format"),
        (("export", "bgemm", "-o", "nowhere/run.json"), "nowhere"),
        (("export", "bgemm", "--simulated", "-o", "run.json"), "--simulated is for recorded"),
        (("export", "bgemm", "-o", "full"), "it is there already"),
    ],
)
def test_what_does_not_fit_a_recording_is_refused(tilesim, tmp_path, words, message):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("")
    ended = tilesim(*words)
    assert ended.code == 2
    assert message in ended.err


@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_written_by_its_ending(tilesim, tmp_path, form):
    out = FORMATS[form]
    words = ("-f", "chrome") if form == "chrome" else ()
    record = of(tilesim("export", "bgemm", "--set", "groups=4", "-o", out, *words, "--json"))
    assert (record["format"], record["tasks"], record["edges"]) == (form, 16, 12)
    assert (tmp_path / out).exists()


@pytest.mark.parametrize("form", ["graph", "wfformat", "dot", "graphml", "swimlane-folder"])
def test_graphs_come_back(tilesim, form):
    out = FORMATS[form]
    words = ("bgemm", "--set", "groups=4")
    before = of(tilesim("replay", *words, "--json"))
    of(tilesim("export", *words, "-o", out, "--json"))
    after = of(tilesim("replay", out, "--json"))
    assert (after["tasks"], after["edges"], after["depth"]) == (16, 12, before["depth"])
    if form == "graph":
        assert after["wall_clock_us"] == pytest.approx(before["wall_clock_us"], rel=1e-12)
        assert after["allocs"] == before["allocs"]


def test_a_graph_in_columns_runs_and_explains_as_the_same_in_json(tilesim):
    for out in ("run.json", "run.npz"):
        assert of(tilesim("export", "qwen3-scope1", "-o", out, "--json"))["format"] == "graph"
    for verb in ("replay", "explain"):
        shown = [of(tilesim(verb, out, "--json")) for out in ("run.json", "run.npz")]
        one, other = (
            {key: value for key, value in each.items() if key not in OWN} for each in shown
        )
        assert one == other
    hazards = [tilesim("check", out, "--hazards") for out in ("run.json", "run.npz")]
    assert [h.code for h in hazards] == [0, 0]
    of(tilesim("export", "run.npz", "-o", "again.npz", "--json"))
    assert tilesim("compare", "run.npz", "again.npz", "qwen3-scope1").code == 0


@pytest.mark.parametrize("form", ["swimlane", "swimlane-folder"])
def test_runs_come_back_with_their_statistics(tilesim, form):
    words = ("qwen3-scope1", "--set", "hidden=1024")
    before = of(tilesim("replay", *words, "--json"))
    of(tilesim("export", *words, "-o", FORMATS[form], "--json"))
    after = of(tilesim("replay", FORMATS[form], "--recorded", "--json"))
    step_us = 0.002 if form == "swimlane" else 0.04  # written to 1 ns, or to cycles of 50 MHz
    assert after["wall_clock_us"] == pytest.approx(before["wall_clock_us"], abs=step_us)
    assert [f["name"] for f in after["functions"]] == [f["name"] for f in before["functions"]]
    assert [f["count"] for f in after["functions"]] == [f["count"] for f in before["functions"]]


def test_a_recorded_run_is_exported_as_it_is(tilesim, tmp_path):
    of(tilesim("export", FOLDER, "-o", "perf_swimlane_1.json", "--json"))
    again = of(tilesim("replay", "perf_swimlane_1.json", "--recorded", "--json"))
    expected = EXPECTED[FOLDER.name]["total_test_time_us"]
    assert again["wall_clock_us"] == pytest.approx(expected, abs=0.01)
    of(tilesim("export", FOLDER, "--simulated", "-o", "run.csv", "--json"))
    assert len((tmp_path / "run.csv").read_text().splitlines()) == 129


def test_recordings_are_compared_with_programs(tilesim):
    of(tilesim("export", "bgemm", "-o", "run.json", "--json"))
    runs = of(tilesim("compare", "run.json", "bgemm", "--json"))["runs"]
    first, second = (run["wall_clock_us"] for run in runs)
    assert first == pytest.approx(second, rel=1e-12)


def test_cores_and_times_are_assumed_where_a_graph_says_neither(tilesim, tmp_path):
    text = "digraph g { a [kernel=GEMM_1 weight=2]; b [kernel=ADD_1 weight=1]; a -> b }"
    (tmp_path / "g.dot").write_text(text)
    assume = ("--assume", "time=weight", "--assume", "unit_us=10", "--assume", "core.GEMM=aic")
    functions = of(tilesim("replay", "g.dot", *assume, "--json"))["functions"]
    found = {f["name"]: (f["core"], round(f["avg_exec_us"], 6)) for f in functions}
    assert found == {"GEMM_1": ("aic", 20.0), "ADD_1": ("aiv", 10.0)}


@pytest.mark.parametrize("path", BAD, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_bad_file_ends_with_one_message(tilesim, path):
    ended = tilesim("replay", path)
    assert ended.code == 2, ended.out
    assert ended.err.startswith("error: ")
    assert "Traceback" not in ended.err
    assert ended.out == ""


def test_a_deeply_nested_file_is_refused(tilesim, tmp_path):
    deep = b"[" * 1_000_000
    (tmp_path / "deep.json").write_bytes(b'{"version": 2, "tasks": ' + deep)
    (tmp_path / "deep.json.gz").write_bytes(gzip.compress(b'{"workflow": ' + deep))
    for name in ("deep.json", "deep.json.gz"):
        ended = tilesim("replay", name)
        assert ended.code == 2
        assert name in ended.err
