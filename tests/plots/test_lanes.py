from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.errors import InputError
from plots.lanes import (
    CONTROL_KINDS,
    busy_share,
    busy_us,
    checked_window,
    core_names,
    lane_groups,
    lane_intervals,
    time_span,
)

times = st.floats(-1e3, 1e5, allow_subnormal=False)


@st.composite
def interval_sets(draw):
    intervals = draw(st.lists(st.tuples(st.integers(0, 3), times, times), max_size=30))
    row = np.array([r for r, _, _ in intervals], dtype=np.int64)
    begin = np.array([min(a, b) for _, a, b in intervals], dtype=np.float64)
    end = np.array([max(a, b) for _, a, b in intervals], dtype=np.float64)
    first = draw(st.floats(-500, 9e4))
    window = (first, first + draw(st.floats(1e-2, 1e5)))
    return row, begin, end, window, draw(st.integers(1, 50))


@given(interval_sets())
def test_busy_time_in_the_grid_is_the_busy_time_in_the_window(case):
    row, begin, end, window, columns = case
    busy = busy_us(row, begin, end, rows=4, window=window, columns=columns)
    inside = np.clip(end, *window) - np.clip(begin, *window)
    of_row = np.bincount(row, inside, minlength=4)
    length = window[1] - window[0]
    np.testing.assert_allclose(busy.sum(axis=1), of_row, rtol=1e-9, atol=1e-9 * length)


@given(interval_sets())
def test_every_cell_holds_what_overlaps_it(case):
    row, begin, end, window, columns = case
    busy = busy_us(row, begin, end, rows=4, window=window, columns=columns)
    edges = np.linspace(*window, columns + 1)
    overlap = np.minimum(end[:, None], edges[1:]) - np.maximum(begin[:, None], edges[:-1])
    expected = np.zeros((4, columns))
    np.add.at(expected, row, np.maximum(overlap, 0))
    tolerance = 1e-9 * (abs(window[0]) + window[1] - window[0])
    np.testing.assert_allclose(busy, expected, rtol=1e-9, atol=tolerance)


def test_busy_time_of_a_run_is_its_exec_time(make_run):
    trace = make_run(3000, exec_us=3.0)
    window = time_span(trace)
    tasks = lane_intervals(trace)
    busy = busy_us(tasks.lane, tasks.begin_us, tasks.end_us, rows=76, window=window, columns=1000)
    assert busy[4:].sum() == pytest.approx(trace.exec_us.sum(), rel=1e-12)
    assert busy[4:].max() <= (window[1] - window[0]) / 1000 * (1 + 1e-9)


def test_lanes_of_a_small_run_in_time_from_the_first_dispatch(small):
    intervals = lane_intervals(small)
    names = ["matmul", "add", *CONTROL_KINDS]
    rows = zip(
        intervals.lane.tolist(),
        (names[kind] for kind in intervals.kind),
        intervals.begin_us.round(6).tolist(),
        intervals.end_us.round(6).tolist(),
        strict=True,
    )
    assert sorted(rows) == [
        (0, "alloc", -3.0, -2.0),
        (0, "submit", -2.0, -1.0),
        (0, "submit", -1.0, 0.0),
        (0, "submit", 0.0, 1.0),
        (1, "complete", 11.0, 11.5),
        (1, "complete", 25.5, 26.0),
        (1, "dispatch", -0.6, 0.0),
        (1, "dispatch", 20.4, 21.0),
        (2, "complete", 19.0, 19.5),
        (2, "dispatch", 0.4, 1.0),
        (3, "matmul", 0.5, 10.5),
        (4, "matmul", 1.5, 18.5),
        (5, "add", 21.5, 25.0),
    ]


def test_groups_hold_all_lanes_from_the_orchestrator_down_to_the_aivs(small):
    labels = [(group.label, group.lanes) for group in lane_groups(small)]
    assert labels == [
        ("orchestrator", slice(0, 1)),
        ("2 schedulers", slice(1, 3)),
        ("2 AIC", slice(3, 5)),
        ("2 AIV", slice(5, 7)),
    ]
    assert core_names(small) == ["AIC_0", "AIC_1", "AIV_2", "AIV_3"]


def test_a_chip_without_cube_cores_has_no_aic_lanes(small):
    names = [group.name for group in lane_groups(replace(small, aic_count=0))]
    assert names == ["orchestrator", "scheduler", "AIV"]


def test_busy_share_counts_only_what_is_in_the_window(small):
    aic = next(group for group in lane_groups(small) if group.name == "AIC")
    intervals = lane_intervals(small)
    assert busy_share(intervals, aic, (0.0, 26.0)) == pytest.approx((10 + 17) / 52)
    assert busy_share(intervals, aic, (5.0, 15.0)) == pytest.approx((5.5 + 10) / 20)
    assert busy_share(intervals, aic, (19.0, 20.0)) == 0


def test_default_window_is_the_wall_clock(small):
    assert checked_window(small, None) == (0.0, pytest.approx(small.wall_clock_us))


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ((5, 5), "is empty"),
        ((5, 2), "is empty"),
        ((0, float("nan")), "is empty"),
        ((float("-inf"), 5), "is empty"),
        ((26, 40), "shows nothing of the run"),
        ((-9, -3), "shows nothing of the run"),
    ],
)
def test_a_window_that_shows_nothing_is_refused_with_the_times_of_the_run(small, window, message):
    with pytest.raises(InputError, match=message) as error:
        checked_window(small, window)
    assert "-3.000" in str(error.value)
    assert "26.000" in str(error.value)


def test_a_window_may_show_the_orchestration_before_the_first_dispatch(small):
    assert checked_window(small, (-3, -1)) == (-3.0, -1.0)


def test_lanes_of_cores_have_the_numbers_of_the_device(small):
    def numbers(trace):
        return [list(group.numbers) for group in lane_groups(trace)]

    assert numbers(small) == [[0], [0, 1], [0, 1], [0, 1]]
    renumbered = replace(small, core_id=np.array([0, 3, 1, 2], dtype=np.int32))
    assert numbers(renumbered) == [[0], [0, 1], [0, 3], [1, 2]]
