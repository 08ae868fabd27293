"""How near a hazard was to biting: in which order unordered tasks came out in one run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from runtime.hazards import Hazards
from runtime.trace import Trace
from runtime.unordered import Key

__all__ = ["Margin", "find_margins"]


@dataclass(slots=True)
class Margin:
    """How the pairs of a hazard came out.

    Attributes
    ----------
    in_order : int
        Pairs whose earlier task ended before the later one started.
    overlapping : int
        Pairs that ran at the same time: which access came first is not known.
    reversed : int
        Pairs whose later task ended before the earlier one started.
    nearest_us : float or None
        Of the pairs in order, the least time between the end and the start.
    """

    in_order: int = 0
    overlapping: int = 0
    reversed: int = 0
    nearest_us: float | None = None


def find_margins(hazards: Hazards, trace: Trace) -> dict[Key, Margin]:
    """Look up when the tasks of every unordered pair ran.

    Parameters
    ----------
    hazards : Hazards
        Of the graph that ran.
    trace : Trace
        The run.

    Returns
    -------
    dict of Key to Margin
        For each hazard, by its kind, cause and kernels.
    """
    start_us = np.full(len(trace.graph), np.nan)
    end_us = start_us.copy()
    np.fmin.at(start_us, trace.task, trace.start_us)
    np.fmax.at(end_us, trace.task, trace.end_us)
    margins: dict[Key, Margin] = {}
    for key, later, earlier in hazards.unordered():
        margin = margins.setdefault(key, Margin())
        gap_us = start_us[later] - end_us[earlier]
        in_order = gap_us >= 0.0
        reverse = start_us[earlier] >= end_us[later]
        margin.in_order += int(in_order.sum())
        margin.reversed += int(reverse.sum())
        margin.overlapping += int((~in_order & ~reverse).sum())
        if in_order.any():
            least_us = float(gap_us[in_order].min())
            known_us = margin.nearest_us
            margin.nearest_us = least_us if known_us is None else min(least_us, known_us)
    return margins
