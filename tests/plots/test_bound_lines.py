from __future__ import annotations

import re
from dataclasses import replace

import pytest
from matplotlib.image import imread

from devices.errors import InputError
from plots import BoundLine, draw_gantt
from plots.bound_lines import label_bounds, labels_height
from plots.picture import text_width

CLOSE = [BoundLine(f"bound {number}", 20.0 + number / 10) for number in range(5)]


def texts(path):
    """What an SVG says, one string for each text."""
    return re.findall(r"<!-- (.*?) -->", path.read_text(encoding="utf-8"))


def test_a_bound_is_labelled_with_its_time_and_its_share(small, tmp_path):
    bounds = [BoundLine("critical path", 13.0), BoundLine("cube cores", 2.6)]
    draw_gantt(small, tmp_path / "run.svg", bounds=bounds)
    said = texts(tmp_path / "run.svg")
    assert "critical path 13.00 us (50.0%)" in said
    assert "cube cores 2.60 us (10.0%)" in said
    assert "lower bound of the wall-clock" in said


def test_long_times_have_no_decimals():
    (label,) = label_bounds([BoundLine("critical path", 2949.6)], 3552.0, (0.0, 3552.0), 1000)
    assert label.text == "critical path 2,950 us (83.0%)"


def test_bounds_outside_the_window_are_not_drawn(small, tmp_path):
    bounds = [BoundLine("early", 1.0), BoundLine("shown", 8.0), BoundLine("late", 20.0)]
    draw_gantt(small, tmp_path / "run.svg", window=(5, 10), bounds=bounds)
    said = " ".join(texts(tmp_path / "run.svg"))
    assert "shown 8.00 us" in said
    assert "early" not in said
    assert "late 20" not in said


def test_bounds_that_are_all_left_out_change_nothing(small, tmp_path):
    draw_gantt(small, tmp_path / "none.svg")
    draw_gantt(small, tmp_path / "beyond.svg", bounds=[BoundLine("beyond", 27.0)])
    assert (tmp_path / "none.svg").read_bytes() == (tmp_path / "beyond.svg").read_bytes()


def test_the_wall_clock_as_a_bound_is_drawn_though_a_sum_is_rounded(small, tmp_path):
    bound = BoundLine("orchestrator", small.wall_clock_us * (1 + 1e-12))
    draw_gantt(small, tmp_path / "run.svg", bounds=[bound])
    assert "orchestrator 26.00 us (100.0%)" in texts(tmp_path / "run.svg")


@pytest.mark.parametrize(
    "times", [[20.0 + n / 10 for n in range(5)], [5.0] * 3, [0.0, 3.0, 9.0, 9.5, 26.0]]
)
def test_no_line_crosses_a_label_and_no_labels_overlap(times):
    bounds = [BoundLine(f"bound {number}", us) for number, us in enumerate(times)]
    labels = label_bounds(bounds, 26.0, (0.0, 26.0), 1000)
    assert len(labels) == len(times)
    pixels_per_us = 1000 / 26
    for one in labels:
        left = one.us * pixels_per_us
        right = left + text_width(one.text, 8.5)
        others = [other for other in labels if other is not one]
        reached = [o for o in others if left <= o.us * pixels_per_us < right]
        # Lines reach from the lanes up to their label; two at one time cover each other.
        assert all(o.level < one.level or o.us == one.us for o in reached)
        assert all(o.level != one.level for o in reached)


def test_close_bounds_make_room_above_the_lanes(make_run, tmp_path):
    trace = make_run(60)
    draw_gantt(trace, tmp_path / "none.png")
    draw_gantt(trace, tmp_path / "close.png", bounds=CLOSE)
    none, close = imread(tmp_path / "none.png"), imread(tmp_path / "close.png")
    labels = label_bounds(CLOSE, trace.wall_clock_us, (0.0, trace.wall_clock_us), 1092)
    assert close.shape[0] - none.shape[0] == labels_height(labels) > 5 * 12


def test_a_long_name_stays_in_the_picture():
    bound = BoundLine("the bound of " * 20, 59_848.66)
    (label,) = label_bounds([bound], 59_848.66, (0.0, 59_848.66), 1092)
    assert text_width(label.text, 8.5) < 340


@pytest.mark.parametrize("us", [-1.0, float("nan"), float("inf")])
def test_a_bound_that_is_no_time_is_refused_and_no_file_made(small, tmp_path, us):
    with pytest.raises(InputError, match=r"bound 'critical path' is .* give a time of 0 us"):
        draw_gantt(small, tmp_path / "run.png", bounds=[BoundLine("critical path", us)])
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_takes_no_time_has_bounds_too(small, tmp_path):
    columns = ("dispatch_us", "start_us", "end_us", "observe_us", "finish_us")
    instant = replace(small, **{name: getattr(small, name) * 0 + 3.0 for name in columns})
    draw_gantt(instant, tmp_path / "run.png", bounds=[BoundLine("critical path", 0.0)])
    assert (tmp_path / "run.png").exists()


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_the_same_bounds_give_the_same_bytes(small, tmp_path, ending):
    for name in ("a", "b"):
        draw_gantt(small, tmp_path / f"{name}.{ending}", bounds=CLOSE)
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()
