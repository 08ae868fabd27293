"""CorePool while they run: when a task that was written to a core starts, ends and can be seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from librt.vecs import vec
from mypy_extensions import i16

from devices.traffic import Traffic

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
    count : int
        How many there are; they are numbered from 0.
    duration_us : column of float
        Kernel time of each submit, alone on the device; then places for those of parts.
    costs : CoreCosts
        What passes around a kernel.

    Attributes
    ----------
    dispatch_us, start_us, end_us : column of float
        Stamps of each submit and part.
    core_of : column of int
        Core that ran each, -1 before.
    traffic : Traffic or None
        The memory that all cores share; without it, kernels take their times whatever else runs.
    late_us : sequence of float
        How much later than at the earliest a read can see the end of each submit; empty for never.
    on_moved : callable or None
        ``on_moved(core, task, accepted_us, ended_us)`` is told when the stamps that `run` has
        returned for a task of a core turn out otherwise; infinite where they are not known yet.
    """

    def __init__(self, count: int, duration_us: vec[float], costs: CoreCosts) -> None:
        executions = len(duration_us)
        self.dispatch_us = vec[float]([0.0] * executions)
        self.start_us = vec[float]([0.0] * executions)
        self.end_us = vec[float]([0.0] * executions)
        self.core_of = vec[i16]([-1] * executions)
        self.late_us: Sequence[float] = ()
        self.on_moved: Callable[[int, int, float, float], None] | None = None
        self._duration_us = duration_us
        self._costs = costs
        self.traffic: Traffic | None = None
        self._free_us = [0.0] * count  # when each core looks for its next task
        self._given = [-1] * count  # what each core was given last ...
        self._accepted_us = [0.0] * count  # ... and when a read can see that it has it
        shown_us = 0.0 if costs.shows_end_first else costs.record_us
        self._after_us = shown_us + costs.visible_us

    def describe_part(self, part: int, task: int, duration_us: float, share: float) -> None:
        """Say what a part of `task` is: its kernel time, and its share of what the task moves."""
        if self.traffic is not None:
            self.traffic.describe_part(part, task, share)
        self._duration_us[part] = duration_us

    def run_gated(
        self, core: int, task: int, staged_us: float, ring_us: float
    ) -> tuple[float, float]:
        """Let a core begin a task that it was given before, at a signal; returns as `run`."""
        costs = self._costs
        prepared_us = staged_us + costs.reach_us + costs.prepare_us
        if self._given[core] < 0:
            prepared_us += costs.cold_us
        start_us = max(ring_us + costs.reach_us, prepared_us)
        self.dispatch_us[task], self.core_of[task] = ring_us, core
        return self._begin(core, task, start_us, start_us)

    def run(self, core: int, task: int, dispatch_us: float) -> tuple[float, float]:
        """Give a task to a core, which runs it when it has done what it got before.

        Returns
        -------
        accepted_us, ended_us : float
            When a read can see that the core has accepted it, and that it has ended it; infinite
            where that depends on what others do.
        """
        costs = self._costs
        picked_us = dispatch_us + costs.reach_us
        self.dispatch_us[task], self.core_of[task] = dispatch_us, core
        if self._given[core] >= 0:
            picked_us = max(picked_us, self._free_us[core])
            start_us = picked_us + costs.prepare_us
        else:
            start_us = picked_us + costs.prepare_us + costs.cold_us
        return self._begin(core, task, picked_us, start_us)

    def _begin(
        self, core: int, task: int, picked_us: float, start_us: float
    ) -> tuple[float, float]:
        costs, traffic = self._costs, self.traffic
        self._given[core] = task
        if traffic is None:
            end_us = start_us + self._duration_us[task]
        else:
            end_us = traffic.begin(task, start_us, self._duration_us[task])
        self._free_us[core] = end_us + costs.record_us
        self.start_us[task] = start_us
        self.end_us[task] = end_us
        accepted_us = self._accepted_us[core] = picked_us + costs.visible_us
        visible_us = end_us + self._after_us
        if self.late_us:
            visible_us += self.late_us[task % len(self.late_us)]
        return accepted_us, visible_us

    def move(self, task: int, end_us: float) -> None:
        """Take note that a running task ends at another time than was known."""
        core: int = self.core_of[task]
        self.end_us[task] = end_us
        self._free_us[core] = end_us + self._costs.record_us
        if self.on_moved is not None:
            visible_us = end_us + self._after_us
            if self.late_us:
                visible_us += self.late_us[task % len(self.late_us)]
            self.on_moved(core, task, self._accepted_us[core], visible_us)
            second = self._given[core]
            if second != task:
                self.on_moved(core, second, *self._begin_behind(core, second))

    def _begin_behind(self, core: int, task: int) -> tuple[float, float]:
        """Begin what a core was given while it was busy when it is free, which has moved."""
        if self.traffic is not None:
            self.traffic.cancel(task)
        picked_us = max(self.dispatch_us[task] + self._costs.reach_us, self._free_us[core])
        return self._begin(core, task, picked_us, picked_us + self._costs.prepare_us)
