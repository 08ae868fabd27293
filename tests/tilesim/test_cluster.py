"""Sweeps on a Dask cluster: a scheduler and two workers on this machine, one of which is killed."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from outcomes import assert_refused

from devices.errors import InputError
from tilesim.cluster import check_versions
from tilesim.cluster_worker import Task, find_versions, run_points
from tilesim.digests import named_files
from tilesim.points import Origin
from tilesim.sweep import sweep
from tilesim.sweep_plan import make_plan

EXAMPLE = Path(__file__).parent.parent.parent / "docs" / "examples" / "decode_rows.py"
SIZES = {"layers": 2, "width": 8}


@pytest.fixture(scope="module")
def scheduler():
    """A scheduler's address."""
    pytest.importorskip("distributed")
    words = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    process = dask(*words)
    yield said(process, r"Scheduler at:\s+(\S+)")[1]
    process.kill()
    process.communicate()


def dask(*words):
    command = [sys.executable, "-P", "-m", "dask", *words]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def said(process, pattern):
    """Wait until a process has written something."""
    return next(found for line in process.stderr if (found := re.search(pattern, line)))


def worker(address):
    process = dask("worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")
    said(process, "Registered to")
    return process


def test_a_worker_that_is_killed_loses_no_point_and_doubles_none(tilesim, scheduler, monkeypatch):
    workers = [worker(scheduler) for _ in range(2)]
    seen = []

    def killed_in_the_middle(_, row):
        seen.append(row.number)
        if len(seen) == 9:
            workers[0].kill()

    monkeypatch.setattr("tilesim.journal.Journal.add", killed_in_the_middle)
    axes = {"setup.seed": "1:15", "policy": "runtime,lifo"}
    vary = [word for name, text in axes.items() for word in ("--vary", f"{name}={text}")]
    words = ("layered-random", *(f"{name}={value}" for name, value in SIZES.items()), *vary)
    found = tilesim("sweep", *words, "--cluster", scheduler, "--out", "r.jsonl", "--json").json
    for process in workers:
        process.kill()
        process.communicate()
    assert sorted(seen) == list(range(30))
    here = sweep("layered-random", axes, SIZES, jobs=0)
    walls = [row["wall_clock_us"] for row in found["rows"]]
    assert walls == here.columns["wall_clock_us"].tolist()


@pytest.mark.parametrize(
    ("found", "told"),
    [("0.0.0", "has tilesim 0.0.0"), (ModuleNotFoundError("x"), "no tilesim"), (OSError(), None)],
)
def test_the_versions_of_workers_are_compared(found, told):
    client = SimpleNamespace(run=lambda *_, **__: {"tcp://w:1": found})
    if told is None:
        check_versions(client)
        return
    with pytest.raises(InputError, match=f"worker tcp://w:1 has .*{told.split()[-1]}"):
        check_versions(client)


def test_a_scheduler_that_does_not_answer_is_told(tilesim, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr("tilesim.cluster._CONNECT_S", 0.5)
    words = ("sweep", "bgemm", "-v", "policy=runtime,lifo", "--cluster")
    assert_refused(tilesim(*words, "tcp://127.0.0.1:9"), "no Dask scheduler answers")
    assert_refused(tilesim(*words, "nonsense://x"), "no Dask scheduler answers")


def test_without_dask_the_command_says_what_to_install(tilesim, monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    words = ("sweep", "bgemm", "-v", "policy=runtime,lifo", "--cluster", "tcp://127.0.0.1:9")
    assert_refused(tilesim(*words), "pip install 'tilesim[cluster]'")


def test_a_worker_refuses_another_version_and_other_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "mine.py"
    program.write_text(EXAMPLE.read_text())
    plan = make_plan(Origin("mine.py"), {"policy": "runtime,lifo"})
    (points,) = plan.groups()
    task = Task(points, find_versions(), str(tmp_path), named_files(plan), "first")
    monkeypatch.chdir("/")
    assert [row.error for row in run_points(task)] == [None, None]
    with pytest.raises(InputError, match="install the same"):
        run_points(replace(task, version="0.0.0", sweep="second"))
    with pytest.raises(InputError, match="there is no folder"):
        run_points(replace(task, folder=str(tmp_path / "nowhere"), sweep="third"))
    program.write_text(EXAMPLE.read_text() + "\n")
    with pytest.raises(InputError, match="or is another"):
        run_points(replace(task, sweep="fourth"))
