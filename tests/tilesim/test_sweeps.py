"""Sweeps from Python: rows, what they share, and processes that die."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

import tilesim as ts
from devices.description import with_values
from devices.errors import InputError
from tilesim.local_pool import LocalPool, run_here
from tilesim.point_queue import PointQueue
from tilesim.points import Origin, PointRunner
from tilesim.sweep import sweep
from tilesim.sweep_plan import make_plan

RESTRUCTURED = "qwen3-scope3-restructured"
SMALL = {"hidden": 1024, "intermediate": 2048}


def test_each_row_is_what_replay_says():
    table = sweep(
        RESTRUCTURED,
        {"policy": ["runtime", "heft"], "runtime.scheduler_threads": "1:2"},
        SMALL,
        jobs=0,
    )
    assert table.columns["policy"].tolist() == ["runtime", "runtime", "heft", "heft"]
    assert table.columns["runtime.scheduler_threads"].tolist() == [1, 2, 1, 2]
    for row in table.rows:
        threads = row.values["runtime.scheduler_threads"]
        setup = ts.Setup(
            policy=ts.make_policy(str(row.values["policy"])),
            runtime=with_values(ts.load_runtime("tmr-2026-04"), {"scheduler_threads": threads}),
        )
        run = ts.replay(RESTRUCTURED, SMALL, setup)
        assert row.figures["wall_clock_us"] == run.statistics.wall_clock_us
        assert row.figures["binding"] == run.bounds.binding.name
        assert row.figures["edges"] == run.graph.edge_count


def test_a_point_that_fails_says_why_in_its_row():
    table = sweep(RESTRUCTURED, {"hidden": [1000, 1024]}, {"intermediate": 2048}, jobs=0)
    (failed,) = table.failed
    assert failed.values == {"hidden": 1000}
    assert "not a multiple" in str(failed.error)
    assert np.isnan(table.columns["wall_clock_us"]).tolist() == [True, False]


def test_programs_and_graphs_are_built_once():
    plan = make_plan(
        Origin("bgemm"),
        {
            "policy": "runtime,lifo,heft",
            "lowering": "2026-04,2026-08",
            "dependencies": "tensor,tile",
        },
        {"groups": 20},
    )
    runner = PointRunner()
    points = [point for group in plan.groups() for point in group]
    assert sorted(point.number for point in points) == list(range(plan.count))
    assert all(runner.run(point).error is None for point in points)
    assert (runner.builder.programs, runner.builder.graphs) == (2, 4)


def test_workers_share_a_program_only_where_nothing_else_is_left():
    plan = make_plan(
        Origin("bgemm"), {"policy": "runtime,lifo,heft", "lowering": "2026-04,2026-08"}
    )
    queue = PointQueue(plan.groups())
    first, other = queue.take(None), queue.take(None)
    assert first[1].program != other[1].program
    for _ in range(2):
        assert queue.take(first[0])[0] == first[0]
    assert queue.take(first[0])[0] == other[0]
    queue.put_back(*other)
    assert queue.take(other[0])[0] == other[0]


def test_a_pool_gives_the_rows_that_one_process_gives():
    plan = make_plan(Origin(RESTRUCTURED), {"policy": "runtime,lifo", "hidden": "1024,1000,2048"},
                     {"intermediate": 2048})  # fmt: skip
    with LocalPool(2) as pool:
        apart = sorted(pool.run(PointQueue(plan.groups())), key=lambda row: row.number)
        again = sorted(pool.run(plan.point(number) for number in range(3)), key=lambda r: r.number)
    here = sorted(run_here(PointQueue(plan.groups())), key=lambda row: row.number)
    assert [(r.number, r.figures, r.error) for r in apart] == [
        (r.number, r.figures, r.error) for r in here
    ]
    assert [row.number for row in again] == [0, 1, 2]


KILLER = """
import os, pathlib, signal
import tilesim

class Killer(tilesim.ListPolicy):
    def prepare(self, *given):
        mark = pathlib.Path({mark!r})
        if {always} or not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().prepare(*given)
"""


@pytest.mark.parametrize("always", [False, True])
def test_a_point_whose_process_is_killed_runs_again_once(tmp_path, always):
    policy = tmp_path / "killer.py"
    policy.write_text(KILLER.format(mark=str(tmp_path / "mark"), always=always))
    plan = make_plan(Origin(RESTRUCTURED), {"policy": f"runtime,{policy}:Killer,lifo"}, SMALL)
    with LocalPool(2) as pool:
        rows = sorted(pool.run(PointQueue(plan.groups())), key=lambda row: row.number)
    assert [row.number for row in rows] == [0, 1, 2]
    assert [row.error is None for row in rows] == [True, not always, True]
    if always:
        assert "killed (SIGKILL), 2 times" in rows[1].error


def test_processes_end_with_the_pool():
    plan = make_plan(Origin("bgemm"), {"policy": "runtime,lifo,fifo"})
    with LocalPool(1) as pool:
        rows = pool.run(PointQueue(plan.groups()))
        next(rows)
        (worker,) = pool._workers
    assert worker.process.returncode == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(worker.process.pid, 0)


@pytest.mark.parametrize(
    ("axes", "settings", "setup", "told"),
    [
        ({}, {}, {}, "varies something"),
        ({"hidden": [1024]}, {"hidden": 2048}, {}, "also set"),
        ({"policy": "lifo"}, {}, {"policy": "heft"}, "also set"),
        ({"policy": "lifo"}, {"hiden": 1}, {}, "did you mean hidden"),
        ({"hidden": "1:300", "intermediate": "1:400"}, {}, {}, "120,000 points"),
        ({"hidden": []}, {}, {}, "has no value"),
    ],
)
def test_what_cannot_be_swept_is_refused(axes, settings, setup, told):
    with pytest.raises(InputError) as refused:
        sweep(RESTRUCTURED, axes, settings, setup, jobs=0)
    assert told in str(refused.value)


def test_the_best_point_fits_on_chip():
    sizes = {"hidden": 2048, "intermediate": 2048}
    table = sweep("qwen3-scope3-resident", {"norm_chunk": [100, 2048, 256]}, sizes, jobs=0)
    assert table.best().values == {"norm_chunk": 256}
    none = sweep("qwen3-scope3-resident", {"norm_chunk": [100, 2048]}, sizes, jobs=0)
    with pytest.raises(InputError, match="fits on chip"):
        none.best()


def test_files_are_read_anew_for_each_sweep(tmp_path):
    device = tmp_path / "mine.toml"
    walls = []
    for clusters in (24, 1):
        device.write_text(f'base = "a2a3"\n[cores]\nclusters = {clusters}\n')
        table = sweep(RESTRUCTURED, {"device": [str(device)]}, SMALL, jobs=0)
        walls += table.columns["wall_clock_us"].tolist()
    assert walls[0] < walls[1]
