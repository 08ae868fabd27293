from __future__ import annotations

import numpy as np
import pytest
from matplotlib.image import imread

from devices.errors import InputError
from plots import PathSteps, draw_gantt


def steps(*rows):
    return PathSteps(np.array(rows, dtype=np.int64))


def said(path):
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def big(make_run):
    return make_run(33_411, exec_us=3.0, chain=True)


@pytest.fixture(scope="module")
def in_time(big):
    return PathSteps(np.argsort(big.start_us, kind="stable"))


def test_the_path_is_outlined_and_explained_in_the_legend(small, tmp_path):
    draw_gantt(small, tmp_path / "none.png")
    draw_gantt(small, tmp_path / "path.png", steps=steps(1, 2))
    draw_gantt(small, tmp_path / "path.svg", steps=steps(1, 2))
    none, path = imread(tmp_path / "none.png"), imread(tmp_path / "path.png")
    assert not np.array_equal(none[100:200, 168:1260], path[100:200, 168:1260])
    assert "path of the wall-clock, 2 tasks" in said(tmp_path / "path.svg")


@pytest.mark.parametrize("nothing", [None, PathSteps(np.array([], dtype=np.int64))])
def test_a_path_without_steps_changes_nothing(small, tmp_path, nothing):
    draw_gantt(small, tmp_path / "none.svg")
    draw_gantt(small, tmp_path / "path.svg", steps=nothing)
    assert said(tmp_path / "none.svg") == said(tmp_path / "path.svg")


@pytest.mark.parametrize(("ending", "most_bytes"), [("svg", 5e4), ("pdf", 3e4), ("png", 3e5)])
def test_thousands_of_steps_add_little_to_the_file(big, in_time, tmp_path, ending, most_bytes):
    draw_gantt(big, tmp_path / f"none.{ending}")
    draw_gantt(big, tmp_path / f"path.{ending}", steps=in_time)
    sizes = [(tmp_path / f"{name}.{ending}").stat().st_size for name in ("none", "path")]
    assert 0 < sizes[1] - sizes[0] < most_bytes


def test_too_many_steps_are_a_coarse_line_and_a_window_shows_each(big, in_time, tmp_path):
    draw_gantt(big, tmp_path / "all.svg", steps=in_time)
    draw_gantt(big, tmp_path / "window.svg", steps=in_time, window=(500, 600))
    assert "path of the wall-clock, 33,411 tasks" in said(tmp_path / "all.svg")
    assert "a narrow window shows each" in said(tmp_path / "all.svg")
    assert "a narrow window shows each" not in said(tmp_path / "window.svg")


def test_a_window_holds_only_the_steps_near_it(make_run, tmp_path):
    trace = make_run(2000)
    every = np.argsort(trace.start_us, kind="stable")
    draw_gantt(trace, tmp_path / "few.svg", window=(100, 110), steps=PathSteps(every[::50]))
    draw_gantt(trace, tmp_path / "none.svg", window=(100, 110))
    added = len(said(tmp_path / "few.svg")) - len(said(tmp_path / "none.svg"))
    assert added < 1e4


def test_a_window_between_two_steps_shows_the_line_that_joins_them(small, tmp_path):
    # Row 0 ends at 10.5 us from the first dispatch and row 2 starts at 21.5.
    draw_gantt(small, tmp_path / "none.png", window=(12, 20))
    draw_gantt(small, tmp_path / "path.png", window=(12, 20), steps=steps(0, 2))
    none, path = imread(tmp_path / "none.png"), imread(tmp_path / "path.png")
    assert not np.array_equal(none[72:200, 168:1260], path[72:200, 168:1260])


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.array([0, 3]), r"step 3 of a path is no row of the trace; give rows 0\.\.2"),
        (np.array([-1, 0]), "step -1"),
        (np.array([0.0, 1.0]), "float64"),
        (np.array([[0, 1]]), r"shape \(1, 2\)"),
        (np.array([2, 1, 0]), "runs backwards"),
    ],
)
def test_what_is_no_path_is_refused_and_no_file_made(small, tmp_path, rows, message):
    with pytest.raises(InputError, match=message):
        draw_gantt(small, tmp_path / "run.png", steps=PathSteps(rows))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_path_gives_the_same_bytes(make_run, tmp_path, ending):
    trace = make_run(300)
    path = PathSteps(np.argsort(trace.start_us, kind="stable")[::7].astype(np.int32))
    for name in ("a", "b"):
        draw_gantt(trace, tmp_path / f"{name}.{ending}", steps=path)
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
