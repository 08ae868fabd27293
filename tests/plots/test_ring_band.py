"""The band that shows how full the rings were."""

import numpy as np
from matplotlib.image import imread

from plots import draw_gantt
from plots.ring_band import fullest, use_per_column
from runtime.demand import Resource
from runtime.ring_usage import RingUsage, ring_usage


def usage(times, used, resource=Resource.TASK_WINDOW, ring=1, size=10):
    return RingUsage(
        resource, ring, size, max(used), 0, 0.0, np.array(times), np.array(used, dtype=np.int64)
    )


def test_a_column_shows_the_most_that_was_taken_in_it():
    # From 0 to 8 us in four columns, counted from a first dispatch at 100 us.
    steps = usage([101.0, 101.5, 103.0, 106.0], [4, 2, 5, 0])
    assert use_per_column(steps, 100.0, (0.0, 8.0), 4).tolist() == [4, 5, 5, 0]


def test_a_column_in_which_nothing_changes_shows_what_was_before():
    steps = usage([90.0, 300.0], [3, 7])
    assert use_per_column(steps, 100.0, (0.0, 8.0), 2).tolist() == [3, 3]


def test_only_the_fullest_ring_of_each_limited_resource_is_drawn():
    rings = [
        usage([0.0], [3], ring=1),
        usage([0.0], [5], ring=2),
        usage([0.0], [9], Resource.HEAP, size=0),
        usage([0.0], [0], Resource.TENSORMAP),
    ]
    assert fullest(rings) == [rings[1]]


def test_the_band_lies_below_the_lanes(make_run, tmp_path):
    trace = make_run(200)
    draw_gantt(trace, tmp_path / "without.png")
    draw_gantt(trace, tmp_path / "with.png", rings=ring_usage(trace))
    without, with_band = imread(tmp_path / "without.png"), imread(tmp_path / "with.png")
    assert with_band.shape[0] > without.shape[0]
    np.testing.assert_array_equal(with_band[: len(without) - 30], without[: len(without) - 30])
