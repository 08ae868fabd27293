"""The front of wall-clock against on-chip memory."""

from __future__ import annotations

from collections.abc import Iterable

from tilesim.search import Trial

__all__ = ["pareto_front"]


def pareto_front(trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """Trials of which no other is as fast and as small on chip, and better in one of them.

    Returns
    -------
    tuple of Trial
        The fastest first; of equal ones, that with the lowest number.
    """
    front: list[Trial] = []
    for trial in sorted(trials, key=lambda t: (t.wall_clock_us, t.on_chip.largest, t.number)):
        if not front or trial.on_chip.largest < front[-1].on_chip.largest:
            front.append(trial)
    return tuple(front)
