"""Shade: pixels whose colour says what ran in their time and for which share of it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from plots.lanes import Intervals, busy_us

__all__ = ["lane_shades", "shade", "stacked_shades"]

Floats = NDArray[np.float64]

EMPTY = 0.945
"""Grey of a lane's background, so that an idle core is still seen to be there."""

POWER = 0.6


def shade(color: Floats, share: Floats) -> Floats:
    """Colour of pixels that are busy for a share of their time.

    The strength is the share to the power of 0.6: in proportion, a core that is 3 % busy could
    not be told from an idle one on a screen.

    Parameters
    ----------
    color : float64 array, shape (..., 3)
        Red, green and blue in 0..1 of what keeps the pixels busy.
    share : float64 array, shape (...)
        Busy time over all time; above 1 counts as 1.

    Returns
    -------
    float64 array, shape (..., 3)
    """
    strength = np.clip(share, 0.0, 1.0)[..., np.newaxis] ** POWER
    return np.asarray(EMPTY + strength * (color - EMPTY))


def lane_shades(
    intervals: Intervals, lanes: int, colors: Floats, window: tuple[float, float], columns: int
) -> NDArray[np.uint8]:
    """Draw lanes as rows of pixels.

    Parameters
    ----------
    intervals : Intervals
        What to draw.
    lanes, columns : int
        Rows and columns of pixels; columns divide the window evenly.
    colors : float64 array, shape (kinds, 3)
        Colour of each kind of interval.
    window : tuple of float
        Begin and end in us from the first dispatch.

    Returns
    -------
    uint8 array, shape (lanes, columns, 3)
        Red, green and blue. A pixel has the mean colour of what ran in its time, the paler the
        smaller the share of its time that was busy.
    """
    busy = np.zeros((lanes, columns))
    mixed = np.zeros((lanes, columns, 3))
    for kind in np.unique(intervals.kind):
        part = intervals.where(intervals.kind == kind)
        of_kind = busy_us(
            part.lane, part.begin_us, part.end_us, rows=lanes, window=window, columns=columns
        )
        busy += of_kind
        mixed += of_kind[..., np.newaxis] * colors[kind]
    mean = mixed / np.maximum(busy, np.finfo(np.float64).tiny)[..., np.newaxis]
    share = busy * (columns / (window[1] - window[0]))
    return np.asarray(np.rint(255 * shade(mean, share)), dtype=np.uint8)


def stacked_shades(share: Floats, colors: Floats, height: int) -> NDArray[np.uint8]:
    """Draw how many cores of a group are busy, kernels stacked on one another.

    Parameters
    ----------
    share : float64 array, shape (kinds, columns)
        Share of the group's cores that each kind keeps busy in the time of each column.
    colors : float64 array, shape (kinds, 3)
        Colour of each kind.
    height : int
        Rows of pixels; their whole height stands for all cores.

    Returns
    -------
    uint8 array, shape (height, columns, 3)
        Red, green and blue, the first kind at the bottom. A pixel that a border crosses is mixed
        in proportion, so a group with few busy cores is drawn as thin as it is.
    """
    top = np.cumsum(share, axis=0) * height
    pixels = np.full((height, share.shape[1], 3), EMPTY)
    row = np.arange(height)[::-1, np.newaxis]
    below = np.zeros((height, share.shape[1]))
    for kind, color in enumerate(colors):
        under = np.clip(top[kind] - row, 0.0, 1.0)
        pixels += (under - below)[..., np.newaxis] * (color - EMPTY)
        below = under
    return np.asarray(np.rint(255 * np.clip(pixels, 0, 1)), dtype=np.uint8)
