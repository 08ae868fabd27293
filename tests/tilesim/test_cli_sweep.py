"""The verb sweep as users meet it: what it prints, writes and refuses, and what it survives."""

from __future__ import annotations

import csv
import json
import resource
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from outcomes import assert_refused

import tilesim as ts
from tilesim.points import run_point
from tilesim.progress import Counter

RESTRUCTURED = "qwen3-scope3-restructured"
SMALL = ("--set", "hidden=1024", "intermediate=2048")
TINY = ("layered-random", "layers=2", "degree=2")
DATA = Path(__file__).parent.parent / "data"
EXAMPLES = Path(__file__).parent.parent.parent / "docs" / "examples"


def swept(tilesim, *words):
    return tilesim("sweep", *words, "--jobs", "0", "--json").json


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


# What it prints and writes


def test_the_table_has_the_points_and_names_the_fastest(tilesim):
    words = (RESTRUCTURED, *SMALL, "--vary", "policy=runtime,heft", "-v", "lookup-cap=16,none")
    found = swept(tilesim, *words)
    text = tilesim("sweep", *words, "--jobs", "0").text
    assert [row["policy"] for row in found["rows"]] == ["runtime", "runtime", "heft", "heft"]
    for row in found["rows"]:
        assert f"{row['policy']} {row['lookup_cap']} 151 {row['wall_clock_us']:.2f}" in text
    best = min(found["rows"], key=lambda row: row["wall_clock_us"])
    assert f"Fastest: policy={best['policy']} lookup_cap={best['lookup_cap']}" in text


def test_options_hold_for_all_points(tilesim):
    found = swept(
        tilesim, RESTRUCTURED, *SMALL, "--policy", "heft", "--runtime-set", "scheduler_threads=2",
        "--no-profiling", "--lookup-cap", "none", "--estimate-error", "0.3",
        "--priority", "scope3_incore_8=1", "--vary", "setup.seed=0,1",
    )  # fmt: skip
    assert found["setup"] == {
        "policy": "heft",
        "runtime.scheduler_threads": 2.0,
        "profiling": False,
        "lookup_cap": "none",
        "estimate_error": 0.3,
        "priority.scope3_incore_8": 1,
    }
    again = tilesim(
        "replay", RESTRUCTURED, *SMALL, "-p", "heft", "--runtime-set", "scheduler_threads=2",
        "--no-profiling", "--lookup-cap", "none", "--json",
    ).json  # fmt: skip
    assert {row["tasks"] for row in found["rows"]} == {again["tasks"]}
    assert found["rows"][0]["edges"] == again["edges"]


def test_a_repeat_is_that_of_replay(tilesim):
    found = swept(tilesim, *TINY, "--seed", "7", "--vary", "repeat=0:3")
    again = tilesim("replay", *TINY, "--seed", "7", "--repeat", "4", "--json").json
    (spread,) = again["repeats"]["spreads"]
    walls = sorted(row["wall_clock_us"] for row in found["rows"])
    assert len(set(walls)) == 4
    assert (walls[1] + walls[2]) / 2 == pytest.approx(spread["wall_clock_us"]["median_us"])
    seeds = swept(tilesim, *TINY, "--vary", "setup.seed=7,8")
    assert seeds["rows"][0]["wall_clock_us"] == found["rows"][0]["wall_clock_us"]


def test_a_point_that_fails_is_a_row(tilesim):
    outcome = tilesim(
        "sweep", RESTRUCTURED, *SMALL[:1], "intermediate=2048", "-v", "hidden=1000,1024",
        "--jobs", "0", "--out", "r.csv",
    )  # fmt: skip
    assert outcome.code == 0
    assert "1 of 2 points have failed" in outcome.out
    failed, good = rows_of(Path("r.csv"))
    assert "not a multiple" in failed["error"]
    assert (failed["wall_clock_us"], failed["tasks"]) == ("", "")
    assert (good["error"], good["tasks"]) == ("", "151")


def test_the_exit_code_tells_when_every_point_fails(tilesim):
    outcome = tilesim("sweep", RESTRUCTURED, "-v", "hidden=1000,1001", "--jobs", "0")
    assert outcome.code == 1
    assert outcome.err == "every point has failed\n"


def test_a_long_table_has_the_fastest_points(tilesim):
    text = tilesim("sweep", *TINY, "-v", "setup.seed=1:60", "--jobs", "0").text
    assert "The 40 fastest of 60 points" in text


@pytest.mark.parametrize("name", ["r.csv", "r.csv.gz", "r.jsonl", "r.parquet"])
def test_rows_are_written_in_the_format_of_the_ending(tilesim, name):
    found = swept(tilesim, *TINY, "-v", "policy=runtime,lifo", "-v", "width=1,4:5", "--out", name)
    assert [entry.name for entry in Path().iterdir()] == [name]  # and no journal
    if name.endswith(".jsonl"):
        rows = [json.loads(line) for line in Path(name).read_text().splitlines()]
        assert rows == found["rows"]
    elif name.endswith(".parquet"):
        parquet = pytest.importorskip("pyarrow.parquet")
        assert parquet.read_table(name).to_pylist() == found["rows"]
    elif name.endswith(".csv"):
        assert [float(row["width"]) for row in rows_of(Path(name))] == [1, 4, 5] * 2


@pytest.mark.parametrize(
    "axes",
    [
        ("tile=16,32,64",),
        ("policy=runtime,lifo,heft",),
        ("tile=16,32,64", "policy=runtime,lifo", "profiling=yes,no"),
        ("tile=16,32", "width=1,4,5"),
        ("policy=runtime,lifo", "dependencies=tensor,tile"),
        ("tile=16,32", "width=1,4,5", "policy=runtime,lifo"),
    ],
)
def test_a_picture_is_drawn(tilesim, axes):
    words = [word for axis in axes for word in ("--vary", axis)]
    outcome = tilesim("sweep", *TINY, *words, "--jobs", "0", "--plot", "p.svg", "--figure", "edges")
    assert outcome.code == 0
    assert "edges" in Path("p.svg").read_text()


def test_of_several_axes_of_numbers_lines_go_along_the_longest(tilesim):
    axes = ("--vary", "tile=16,32", "--vary", "width=1,4,5", "--vary", "policy=runtime,lifo")
    assert tilesim("sweep", *TINY, *axes, "--jobs", "0", "--plot", "p.svg").code == 0
    picture = Path("p.svg").read_text()
    assert "a line for each tile and policy" in picture
    assert "tile=32 lifo" in picture


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("policy=runtime,lifo", "dependencies=tensor,tile", "profiling=yes,no"), "fix some"),
        (("tile=16,32", "setup.seed=1:20", "width=1:7"), "at most 12 lines"),
        (("tile=16,32", "policy=runtime,lifo", "dependencies=tensor,tile",
          "profiling=yes,no", "lowering=2026-04,2026-08"), "at most 12 lines"),
    ],
)  # fmt: skip
def test_what_no_picture_shows_is_refused_before_it_runs(tilesim, words, told):
    axes = [word for axis in words for word in ("--vary", axis)]
    assert_refused(tilesim("sweep", "layered-random", *axes, "--plot", "p.png"), told)


def test_files_can_be_swept(tilesim):
    shutil.copy(EXAMPLES / "decode_rows.py", "decode_rows.py")
    shutil.copytree(DATA / "traces" / "head_benchmark_bgemm-Case1", "bgemm-run")
    shutil.copy(EXAMPLES.parent.parent / "devices" / "a2a3.toml", "mine.toml")
    program = swept(
        tilesim, "decode_rows.py", "-v", "policy=runtime,lifo", "-v", "device=a2a3,mine.toml"
    )
    assert program["failed"] == 0
    recording = swept(tilesim, "bgemm-run", "-v", "runtime.scheduler_threads=1:3")
    assert len({row["wall_clock_us"] for row in recording["rows"]}) > 1
    unfit = swept_codes(tilesim, "bgemm-run", "-v", "dependencies=tensor,tile")
    assert "edges and kernel times of a recording" in unfit["rows"][1]["error"]
    assert_refused(tilesim("sweep", "bgemm-run", "-v", "hidden=1,2"), "unknown --vary", "hidden")


def swept_codes(tilesim, *words):
    return json.loads(tilesim("sweep", *words, "--jobs", "0", "--json").out)


# What it refuses


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-v", "polic=runtime"), "did you mean policy"),
        ((), "varies something"),
        (("-v", "hidden="), "a value is missing"),
        (("-v", "hidden=1024,1024"), "1024 twice"),
        (("-v", "hidden=1:10000000"), "at most 100,000"),
        (("-v", "hidden=1:1000", "-v", "batch=1:1000"), "1,000,000 points (1000 x 1000)"),
        (("-v", "hidden=1024", "--set", "hidden=1024"), "also set"),
        (("-v", "policy=lifo", "--policy", "heft"), "also set"),
        (("-v", "batch=16", "--policy", "heft,lifo"), "one policy"),
        (("-v", "batch=16", "--jobs", "-1"), "--jobs"),
        (("-v", "batch=16", "--jobs", "2", "--cluster", "tcp://x:1"), "--jobs is for this machine"),
        (("-v", "batch=16", "--out", "nowhere/r.csv"), "does not exist"),
        (("-v", "batch=16", "--out", "r.xlsx"), ".parquet"),
        (("-v", "batch=16", "--plot", "p.txt"), ".png"),
        (("-v", "batch=16", "--figure", "wall_clock"), "did you mean wall_clock_us"),
        (("-v", "batch=16", "--set", "hiden=1"), "did you mean hidden"),
        (("bgemm", "-v", "batch=16"), "one workload"),
    ],
)
def test_what_cannot_be_swept_is_refused_and_nothing_is_written(tilesim, words, told):
    assert_refused(tilesim("sweep", RESTRUCTURED, *words), told)
    assert list(Path().iterdir()) == []


# What it survives

MANY = ("layered-random", "layers=3", "width=12", "-v", "setup.seed=1:100", "--out", "r.csv")


def started(*words, **how):
    command = [sys.executable, "-m", "tilesim", "sweep", *words]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes, **how)


def wait_for(condition):
    for _ in range(6000):
        if condition():
            return
        time.sleep(0.005)
    raise TimeoutError


def lines(path):
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_sweep_goes_on_after_a_kill_and_after_an_interrupt(tilesim):
    journal = Path("r.csv.journal")
    killed = started(*MANY, "--jobs", "2")
    wait_for(lambda: lines(journal) > 5)
    killed.send_signal(signal.SIGSTOP)  # so that it does not get ready meanwhile
    workers = psutil.Process(killed.pid).children()
    assert_refused(tilesim("sweep", *MANY), "another sweep is writing r.csv")
    killed.kill()
    killed.communicate()
    psutil.wait_procs(workers, timeout=20)
    assert not any(worker.is_running() for worker in workers)
    assert not Path("r.csv").exists()
    with journal.open("ab") as file:
        file.write(b'{"n": 7, "f"')  # torn

    kept = lines(journal)
    interrupted = started(*MANY, "--jobs", "1")
    wait_for(lambda: lines(journal) > kept + 3)
    interrupted.send_signal(signal.SIGINT)
    _, told = interrupted.communicate()
    assert interrupted.returncode == 130
    done = len(rows_of(Path("r.csv")))
    assert done == lines(journal) - 1
    assert told == (
        f"interrupted: {done} of 100 points are done; they are in r.csv; "
        "the same command goes on with the others\n"
    )
    assert_refused(
        tilesim("sweep", *MANY[:3], "--vary", "setup.seed=1:10", "--out", "r.csv"),
        "journal of another sweep", "axes",
    )  # fmt: skip

    before = rows_of(Path("r.csv"))
    assert tilesim("sweep", *MANY, "--jobs", "0").code == 0
    rows = rows_of(Path("r.csv"))
    assert [float(row["setup.seed"]) for row in rows] == list(range(1, 101))
    assert all(row in rows for row in before)  # with the seconds that they took then
    assert not journal.exists()


def test_from_python_rows_are_kept_and_gone_on_with(tmp_path):
    out = tmp_path / "r.csv"
    axes = {"setup.seed": range(4)}

    def interrupt(row):
        if row.number == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ts.sweep("bgemm", axes, {"groups": 5}, jobs=0, out=out, on_row=interrupt)
    assert len(rows_of(out)) == 3
    told = []
    table = ts.sweep("bgemm", axes, {"groups": 5}, jobs=0, out=out, on_row=told.append)
    assert [row.number for row in table.rows] == [row.number for row in told] == [0, 1, 2, 3]
    assert len(rows_of(out)) == 4


def test_rows_of_before_are_shown_as_done_before(tilesim, tmp_path, monkeypatch):
    told = []

    @contextmanager
    def shown(total):
        told.append(total)
        yield Counter(lambda count, said: told.append((count, said)), told.append)

    def interrupt(row):
        if row.number == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["tilesim.verbs.sweep"], "counted_progress", shown)
    out = tmp_path / "r.csv"
    axes = {"tile": [16, 0, 32, 64]}  # the second one fails
    with pytest.raises(KeyboardInterrupt):
        ts.sweep("layered-random", axes, {"layers": 2}, jobs=0, out=out, on_row=interrupt)
    words = ("-s", "layers=2", "-v", "tile=16,0,32,64", "--jobs", "0", "--out", str(out))
    tilesim("sweep", "layered-random", *words)
    assert told == [4, (2, "1 failed"), "1 failed", "1 failed"]


def test_a_journal_is_of_the_content_of_files(tilesim, monkeypatch):
    source = (EXAMPLES / "decode_rows.py").read_text()
    Path("mine.py").write_text(source)
    words = ("sweep", "mine.py", "-v", "policy=runtime,lifo", "--jobs", "0", "--out", "r.csv")
    monkeypatch.setattr("tilesim.journal.Journal.remove", lambda _: None)
    assert tilesim(*words).code == 0
    assert tilesim(*words).code == 0
    Path("mine.py").write_text(source + "\n# changed\n")
    assert_refused(tilesim(*words), "differs in files")
    Path("r.csv.journal").write_text("{}\nnonsense\n")
    assert_refused(tilesim(*words), "journal of another sweep")


def test_a_damaged_journal_is_told(tilesim, monkeypatch):
    words = ("sweep", *TINY, "-v", "policy=runtime,lifo", "--jobs", "0", "--out", "r.csv")
    monkeypatch.setattr("tilesim.journal.Journal.remove", lambda _: None)
    assert tilesim(*words).code == 0
    journal = Path("r.csv.journal")
    head, first, _ = journal.read_text().splitlines()
    for wrong in ("nonsense", "[]", '{"n": 99, "f": {}}', '{"n": "0", "f": {}}', '{"n": 0}'):
        journal.write_text(f"{head}\n{wrong}\n{first}\n")
        assert_refused(tilesim(*words), "line 2 is no row")


def test_a_full_disk_is_told_and_keeps_what_is_done(tilesim):
    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    full = started(*MANY, "--jobs", "0", preexec_fn=limited)
    out, told = full.communicate()
    assert (full.returncode, out) == (2, "")
    assert told.startswith("error: cannot write 'r.csv.journal': file too large")
    assert "Traceback" not in told
    kept = lines(Path("r.csv.journal")) - 1
    assert kept > 2
    assert tilesim("sweep", *MANY, "--jobs", "0").code == 0
    assert len(rows_of(Path("r.csv"))) == 100


def test_an_interrupt_without_a_file_says_how_to_keep_rows(tilesim, monkeypatch):
    def interrupted(plan, *_):
        yield run_point(plan.point(0))
        raise KeyboardInterrupt

    monkeypatch.setattr(sys.modules["tilesim.sweep"], "run_plan", interrupted)
    handler = signal.getsignal(signal.SIGINT)
    outcome = tilesim("sweep", *TINY, "-v", "policy=runtime,lifo", "--json")
    assert outcome.code == 130
    assert len(json.loads(outcome.out)["rows"]) == 1
    assert outcome.err == (
        "interrupted: 1 of 2 points are done; give --out FILE to keep them and go on from there\n"
    )
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_run_that_cannot_fit_is_refused_with_figures(tilesim, monkeypatch):
    monkeypatch.setattr("tilesim.memory.available_bytes", lambda: 30_000)
    assert_refused(tilesim("replay", RESTRUCTURED, *SMALL), "208 submits need", "are free")
    found = json.loads(tilesim("sweep", *TINY, "-v", "width=4,40", "--jobs", "0", "--json").out)
    assert [row["error"] is None for row in found["rows"]] == [True, False]


def test_points_that_do_not_fit_on_chip_are_marked(tilesim):
    words = ("qwen3-scope3-resident", "hidden=2048", "intermediate=2048")
    outcome = tilesim("sweep", *words, "-v", "norm_chunk=256,2048", "--jobs", "0")
    small, large = swept(tilesim, *words, "-v", "norm_chunk=256,2048")["rows"]
    assert (small["overflows"], large["overflows"]) == (0, 1)
    assert f"{large['wall_clock_us']:.2f}*" in outcome.out
    assert f"Fastest: norm_chunk=256, {small['wall_clock_us']:.2f} us" in outcome.out
    assert "* 1 points have kernels that do not fit on chip" in outcome.out


def test_points_that_take_the_same_are_told_so(tilesim):
    text = tilesim("sweep", *TINY, "-v", "priority.node=0,1", "--jobs", "0").out
    assert "points have failed" in text  # there is no such kernel
    same = tilesim("sweep", *TINY, "-v", "setup.ideal=none", "-v", "estimate_error=0,0.5")
    assert "All points take" in same.out
