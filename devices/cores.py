"""CorePool while they run: when a task that was written to a core starts, ends and can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["CoreCosts", "CorePool"]


@dataclass(frozen=True, slots=True)
class CoreCosts:
    """What passes around a kernel, in microseconds.

    Attributes
    ----------
    reach_us : float
        From the control core's write until the core sees it.
    prepare_us : float
        From then until the kernel starts.
    cold_us : float
        More than that for the first task of a core.
    record_us : float
        Profiling record that the core writes after a task; 0 without profiling.
    shows_end_first : bool
        Whether the core shows the end of a task before it writes the record, or after.
    visible_us : float
        From the core showing its end until a read by the control core can see it.
    """

    reach_us: float
    prepare_us: float
    cold_us: float
    record_us: float
    shows_end_first: bool
    visible_us: float


class CorePool:
    """All cores of a device.

    Parameters
    ----------
    duration_us : sequence of float
        Kernel time of each submit.
    costs : CoreCosts
        What passes around a kernel.

    Attributes
    ----------
    dispatch_us, start_us, end_us : list of float
        Stamps of each submit.
    core_of : list of int
        Core that ran each submit, -1 before.
    """

    def __init__(self, duration_us: Sequence[float], costs: CoreCosts) -> None:
        count = len(duration_us)
        self.dispatch_us = [0.0] * count
        self.start_us = [0.0] * count
        self.end_us = [0.0] * count
        self.core_of = [-1] * count
        self._duration_us = list(duration_us)
        self._costs = costs
        self._free_us: dict[int, float] = {}  # when each core looks for its next task
        shown_us = 0.0 if costs.shows_end_first else costs.record_us
        self._after_us = shown_us + costs.visible_us

    def add(self, duration_us: float) -> None:
        """Add one more execution, numbered after those that are known."""
        self._duration_us.append(duration_us)
        for stamps in (self.dispatch_us, self.start_us, self.end_us):
            stamps.append(0.0)
        self.core_of.append(-1)

    def run_gated(
        self, core: int, task: int, staged_us: float, ring_us: float
    ) -> tuple[float, float]:
        """Let a core begin a task that it was given before, at a signal; returns as `run`."""
        costs = self._costs
        prepared_us = staged_us + costs.reach_us + costs.prepare_us
        if core not in self._free_us:
            prepared_us += costs.cold_us
        start_us = max(ring_us + costs.reach_us, prepared_us)
        return self._note(core, task, ring_us, start_us, start_us)

    def run(self, core: int, task: int, dispatch_us: float) -> tuple[float, float]:
        """Give a task to a core, which runs it when it has done what it got before.

        Returns
        -------
        accepted_us, ended_us : float
            When a read can see that the core has accepted it, and that it has ended it.
        """
        costs = self._costs
        picked_us = dispatch_us + costs.reach_us
        if core in self._free_us:
            picked_us = max(picked_us, self._free_us[core])
            start_us = picked_us + costs.prepare_us
        else:
            start_us = picked_us + costs.prepare_us + costs.cold_us
        return self._note(core, task, dispatch_us, picked_us, start_us)

    def _note(
        self, core: int, task: int, dispatch_us: float, picked_us: float, start_us: float
    ) -> tuple[float, float]:
        costs = self._costs
        end_us = start_us + self._duration_us[task]
        self._free_us[core] = end_us + costs.record_us
        self.dispatch_us[task] = dispatch_us
        self.start_us[task] = start_us
        self.end_us[task] = end_us
        self.core_of[task] = core
        return picked_us + costs.visible_us, end_us + self._after_us
