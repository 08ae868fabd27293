"""Runs of candidates, and whether tasks that nothing orders met in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from runtime.hazards import Hazards, find_hazards
from runtime.margins import Margin, find_margins
from runtime.unordered import Key
from tilesim.replay import Report, Run, replay
from tilesim.setup import Setup
from workloads.workload import Workload

__all__ = ["Screened", "screen"]


@dataclass(frozen=True)
class Screened:
    """A run and its hazards.

    Attributes
    ----------
    run : Run
        The run.
    hazards : Hazards
        Pairs of tasks that touch the same bytes in no certain order.
    margins : mapping of Key to Margin
        How they came out in the run.
    """

    run: Run
    hazards: Hazards
    margins: Mapping[Key, Margin]

    @cached_property
    def pairs(self) -> int:
        """Unordered pairs."""
        return sum(m.in_order + m.overlapping + m.reversed for m in self.margins.values())

    @cached_property
    def met(self) -> int:
        """Those that overlapped or came out reversed, so that the run may compute wrong numbers.

        What such a run gains it may owe to work that began before its data was there.
        """
        return sum(m.overlapping + m.reversed for m in self.margins.values())

    @cached_property
    def nearest_us(self) -> float | None:
        """The least time by which a pair came out in order."""
        known = [m.nearest_us for m in self.margins.values() if m.nearest_us is not None]
        return min(known, default=None)

    @property
    def told(self) -> str:
        """What is said of the pairs."""
        if not self.pairs:
            return "edges order all tasks that touch common bytes"
        if self.met:
            return (
                f"{self.met:,} of {self.pairs:,} pairs of tasks that nothing orders overlap or are "
                "reversed in the simulated run"
            )
        return (
            f"all {self.pairs:,} pairs of tasks that nothing orders come out in order in the "
            f"simulated run, the nearest by {self.nearest_us:.2f} us"
        )


def screen(workload: Workload, settings: Mapping[str, int], setup: Setup, tell: Report) -> Screened:
    """Run a program and find its hazards.

    Raises
    ------
    InputError
        As `replay`.
    """
    run = replay(workload, settings, setup, tell)
    tell(f"{workload.name}: looking for unordered pairs of tasks")
    hazards = find_hazards(run.case.submits, run.graph, setup.dependencies)
    return Screened(run, hazards, find_margins(hazards, run.trace))
