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
    record_us : float
        Profiling record that the core writes before it shows its end; 0 without profiling.
    visible_us : float
        From the core showing its end until a read by the control core can see it.
    """

    reach_us: float
    prepare_us: float
    record_us: float
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
        self._duration_us = duration_us
        self._before_us = costs.reach_us + costs.prepare_us
        self._after_us = costs.record_us + costs.visible_us

    def run(self, core: int, task: int, dispatch_us: float) -> float:
        """Start `task` on an idle core.

        Returns
        -------
        float
            When its end becomes visible to a read, in microseconds.
        """
        start_us = dispatch_us + self._before_us
        end_us = start_us + self._duration_us[task]
        self.dispatch_us[task] = dispatch_us
        self.start_us[task] = start_us
        self.end_us[task] = end_us
        self.core_of[task] = core
        return end_us + self._after_us
