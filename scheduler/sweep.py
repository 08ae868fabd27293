"""The running cores of a scheduler thread, in the order in which it reads their state."""

from __future__ import annotations

from bisect import bisect
from math import ceil

__all__ = ["Sweep"]

_NEVER = float("inf")


class Sweep:
    """What runs, by core number: three parallel lists, as a read looks at nothing but the times.

    Parameters
    ----------
    read_us : float
        What one read costs. It sees what is visible when it begins, and takes its time.

    Attributes
    ----------
    cores, tasks : list of int
        Running cores and their tasks.
    visible_us : list of float
        When each core's end becomes visible.
    position : int
        Where in the sweep the last end was found.
    """

    def __init__(self, read_us: float) -> None:
        self.read_us = read_us
        self.cores: list[int] = []
        self.tasks: list[int] = []
        self.visible_us: list[float] = []
        self.position = 0

    def add(self, core: int, task: int, visible_us: float) -> None:
        """Read one more core from now on."""
        position = bisect(self.cores, core)
        self.cores.insert(position, core)
        self.tasks.insert(position, task)
        self.visible_us.insert(position, visible_us)

    def take(self) -> tuple[int, int]:
        """Read the core whose end was found no more; returns it and its task."""
        del self.visible_us[self.position]
        return self.cores.pop(self.position), self.tasks.pop(self.position)

    def first_end(self, start_us: float, period_us: float) -> tuple[float, float]:
        """Find the first end that sweeps will see; the first begins at `start_us`.

        Returns
        -------
        seen_us, rounds : float
            When the read that sees it begins, and how many sweeps before see nothing.
        """
        read_us = start_us
        first_us, first_rounds = _NEVER, _NEVER
        for position, visible_us in enumerate(self.visible_us):
            late_us = visible_us - read_us
            rounds: float
            if late_us <= 0.0:
                rounds, seen_us = 0, read_us
            elif period_us:
                rounds = ceil(late_us / period_us)
                seen_us = read_us + rounds * period_us
            else:  # loops that take no time see an end when it becomes visible
                rounds, seen_us = 1, visible_us
            if seen_us < first_us:
                first_us, first_rounds, self.position = seen_us, rounds, position
            read_us += self.read_us
        return first_us, first_rounds

    def next_end(self, read_us: float) -> tuple[float, bool]:
        """Sweep on from the last position, at `read_us`, to the next end or through.

        Returns
        -------
        read_us : float
            When the last read ends.
        found : bool
            Whether it has seen an end.
        """
        visible_us, cost_us = self.visible_us, self.read_us
        for position in range(self.position, len(visible_us)):
            begin_us, read_us = read_us, read_us + cost_us
            if visible_us[position] <= begin_us:
                self.position = position
                return read_us, True
        return read_us, False
