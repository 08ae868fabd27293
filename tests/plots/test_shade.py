from __future__ import annotations

import numpy as np
import pytest

from plots.lanes import Intervals
from plots.picture import kernel_colors, shortened
from plots.shade import lane_shades, stacked_shades

RED = np.array([[1.0, 0.0, 0.0]])


def lane_of(share: float, columns: int) -> Intervals:
    """A lane that is busy for the same share of every column of 1 us."""
    begin = np.arange(columns, dtype=np.float64)
    zeros = np.zeros(columns, dtype=np.int64)
    return Intervals(zeros, zeros, begin, begin + share)


def redness(share: float) -> int:
    pixel = lane_shades(lane_of(share, 10), 1, RED, (0.0, 10.0), 10)[0, 5]
    return int(pixel[0]) - int(pixel[1])


def test_a_lane_is_the_paler_the_less_it_is_busy():
    shades = [redness(share) for share in (0.0, 0.03, 0.1, 0.5, 1.0)]
    assert shades[0] == 0
    assert shades == sorted(set(shades))
    assert shades[-1] == 255
    assert shades[2] < 255 / 3


def test_a_pixel_has_the_mean_colour_of_what_ran_in_its_time():
    intervals = Intervals(
        np.array([0, 0]), np.array([0, 1]), np.array([0.0, 0.5]), np.array([0.5, 1.0])
    )
    colors = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    pixel = lane_shades(intervals, 1, colors, (0.0, 1.0), 1)[0, 0]
    assert pixel.tolist() == pytest.approx([128, 0, 128], abs=1)


def test_a_stack_is_as_high_as_the_share_of_busy_cores():
    share = np.array([[0.25, 0.0], [0.5, 1.0]])
    colors = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
    stack = stacked_shades(share, colors, 8)
    red = (stack == (255, 0, 0)).all(axis=2)
    blue = (stack == (0, 0, 255)).all(axis=2)
    assert red[:, 0].tolist() == [False] * 6 + [True] * 2
    assert blue[:, 0].tolist() == [False] * 2 + [True] * 4 + [False] * 2
    assert blue[:, 1].all()


def test_a_stack_that_is_thinner_than_a_pixel_is_pale():
    stack = stacked_shades(np.array([[0.05]]), RED, 10)
    assert stack[9, 0, 0] > stack[9, 0, 1]
    assert stack[9, 0, 1] > 100


def test_a_kernels_colour_does_not_depend_on_the_number_of_kernels():
    np.testing.assert_array_equal(kernel_colors(5), kernel_colors(60)[:5])
    assert len({tuple(color) for color in kernel_colors(36)}) == 36


def test_long_names_keep_their_begin_and_their_number():
    assert shortened("short", 10) == "short"
    assert shortened("qwen3_decode_layer_incore_12", 15) == "qwen3_d\N{HORIZONTAL ELLIPSIS}core_12"
    assert len(shortened("x" * 50, 15)) == 15
