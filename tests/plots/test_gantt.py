from __future__ import annotations

from dataclasses import replace

import matplotlib
import numpy as np
import pytest
from matplotlib.image import imread

from devices.errors import InputError
from plots import draw_gantt

MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "svg": b"<?xml", "pdf": b"%PDF-"}


@pytest.mark.parametrize("ending", MAGIC)
def test_the_ending_chooses_the_format(small, tmp_path, ending):
    draw_gantt(small, tmp_path / f"run.{ending}")
    assert (tmp_path / f"run.{ending}").read_bytes().startswith(MAGIC[ending])


@pytest.mark.parametrize("ending", MAGIC)
def test_the_same_run_gives_the_same_bytes(make_run, tmp_path, ending):
    for name in ("a", "b"):
        draw_gantt(make_run(300), f"{tmp_path}/{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def test_the_users_matplotlib_settings_neither_matter_nor_change(small, tmp_path):
    draw_gantt(small, tmp_path / "plain.png")
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "black"}):
        before = dict(matplotlib.rcParams)
        draw_gantt(small, tmp_path / "settings.png")
        assert dict(matplotlib.rcParams) == before
    assert (tmp_path / "plain.png").read_bytes() == (tmp_path / "settings.png").read_bytes()


def test_a_window_zooms(make_run, tmp_path):
    trace = make_run(500)
    draw_gantt(trace, tmp_path / "all.png")
    draw_gantt(trace, tmp_path / "zoom.png", window=(0, 50))
    everything, zoom = imread(tmp_path / "all.png"), imread(tmp_path / "zoom.png")
    assert everything.shape[1] == zoom.shape[1] == 1600
    assert not np.array_equal(everything[80:800, 200:1200], zoom[80:800, 200:1200])


def test_the_whole_run_as_a_window_draws_the_same_lanes(small, tmp_path):
    draw_gantt(small, tmp_path / "default.png")
    draw_gantt(small, tmp_path / "window.png", window=(0, small.wall_clock_us))
    default, window = imread(tmp_path / "default.png"), imread(tmp_path / "window.png")
    np.testing.assert_array_equal(default[70:], window[70:])


@pytest.mark.parametrize("window", [(10, 10), (10, 5), (1e6, 2e6)])
def test_a_window_that_shows_nothing_is_refused_and_no_file_made(small, tmp_path, window):
    with pytest.raises(InputError, match="window"):
        draw_gantt(small, tmp_path / "run.png", window=window)
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(small, tmp_path):
    with pytest.raises(InputError, match=r"\.png, \.svg, \.pdf"):
        draw_gantt(small, tmp_path / "run.gif")


def test_a_run_without_tasks_is_refused(small, tmp_path):
    columns = ("task", "submit_us", "ready_us", "dispatch_us", "start_us", "end_us")
    columns += ("observe_us", "finish_us", "core", "thread")
    nothing = replace(small, **{name: getattr(small, name)[:0] for name in columns})
    with pytest.raises(InputError, match="has no task"):
        draw_gantt(nothing, tmp_path / "run.png")


def test_a_run_that_takes_no_time_is_drawn(small, tmp_path):
    columns = ("dispatch_us", "start_us", "end_us", "observe_us", "finish_us")
    instant = replace(small, **{name: np.full(3, 3.0) for name in columns})
    draw_gantt(instant, tmp_path / "run.png")
    assert (tmp_path / "run.png").exists()


@pytest.mark.parametrize(("ending", "most_bytes"), [("svg", 2e6), ("pdf", 2e6), ("png", 1e6)])
def test_a_run_of_33_411_tasks_makes_a_small_file(big, tmp_path, ending, most_bytes):
    draw_gantt(big, tmp_path / f"run.{ending}")
    assert (tmp_path / f"run.{ending}").stat().st_size < most_bytes


def test_a_run_of_many_kernels_with_long_names_is_drawn(make_run, tmp_path):
    draw_gantt(make_run(400, kernels=60), tmp_path / "run.png", title="a long title " * 20)
    assert imread(tmp_path / "run.png").shape[:2] <= (900, 1600)


def test_a_title_may_hold_dollars_and_line_breaks(small, tmp_path):
    draw_gantt(small, tmp_path / "run.png", title="half of $\\frac$\nthe price")
    assert (tmp_path / "run.png").exists()


@pytest.fixture(scope="module")
def big(make_run):
    return make_run(33_411, exec_us=3.0, chain=True)
