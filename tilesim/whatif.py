"""What if: a workload before and after changes, and the virtual speed-up of its kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from devices.errors import InputError
from runtime.bounds import Bounds
from runtime.changes import Change, ScaleKernel, apply_changes
from tilesim.replay import Report, Run, replay
from tilesim.setup import Setup
from tilesim.sources import Source

__all__ = [
    "SWEEP_FACTORS",
    "Outcome",
    "Sweep",
    "SweptKernel",
    "WhatIf",
    "saved_percent",
    "sweep_kernel_time",
    "what_if",
]

SWEEP_FACTORS = (0.9, 0.75, 0.5)
"""What kernel times are multiplied by in a sweep."""


@dataclass(frozen=True)
class Outcome:
    """A run with some changes.

    Attributes
    ----------
    changes : tuple of str
        What was done, in words; nothing for the run as it is.
    tasks : int
        Tasks of the graph then.
    wall_clock_us : float
        Its wall-clock.
    bounds : Bounds
        What binds it.
    """

    changes: tuple[str, ...]
    tasks: int
    wall_clock_us: float
    bounds: Bounds


@dataclass(frozen=True)
class WhatIf:
    """A workload as it is and with changes.

    Attributes
    ----------
    before : Run
        As it is.
    single : tuple of Outcome
        Each change alone, if there are several; those that need others are left out.
    after : Outcome
        All changes together.
    """

    before: Run
    single: tuple[Outcome, ...]
    after: Outcome


@dataclass(frozen=True)
class SweptKernel:
    """What a faster kernel would gain.

    Attributes
    ----------
    kernel, core : str
        Its name, and the type of its core.
    share : float
        Its part of all kernel time.
    wall_clock_us : tuple of float
        Wall-clock with its time multiplied by each factor.
    """

    kernel: str
    core: str
    share: float
    wall_clock_us: tuple[float, ...]


@dataclass(frozen=True)
class Sweep:
    """Virtual speed-ups of the kernels of a run.

    Attributes
    ----------
    run : Run
        The run as it is.
    changes : tuple of str
        What was changed before, in words.
    wall_clock_us : float
        With these changes and no kernel scaled.
    kernels : tuple of SweptKernel
        The one that gains most with the last factor comes first.
    """

    run: Run
    changes: tuple[str, ...]
    wall_clock_us: float
    kernels: tuple[SweptKernel, ...]

    @property
    def name(self) -> str:
        """What was swept, in one line."""
        return ", ".join([self.run.describe(), *self.changes])


def what_if(
    workload: Source,
    changes: Sequence[Change],
    settings: Mapping[str, Any] | None = None,
    setup: Setup | None = None,
    report: Report | None = None,
) -> WhatIf:
    """Simulate a workload as it is, with each change and with all.

    Parameters
    ----------
    workload : str or Workload
        As for `replay`.
    changes : sequence of Change
        Made in the order of their stages: edges, tasks, times, machine.
    settings, setup, report
        As for `replay`.

    Raises
    ------
    InputError
        As `replay`; or a change does not fit the workload.
    """
    tell = report or (lambda _: None)
    run = replay(workload, settings, setup, report)
    sets = [[change] for change in changes] if len(changes) > 1 else []
    outcomes: list[Outcome] = []
    for chosen in [*sets, list(changes)]:
        tell(f"{run.workload.name}: changing it, {len(outcomes) + 1} of {len(sets) + 1}")
        try:
            case, words = apply_changes(run.case, chosen)
        except InputError:
            if len(chosen) < len(changes):
                continue  # it needs the others
            raise
        trace = case.simulate()
        bounds = case.bounds(trace)
        outcomes.append(Outcome(tuple(words), case.graph.task_count, trace.wall_clock_us, bounds))
    return WhatIf(run, tuple(outcomes[:-1]), outcomes[-1])


def sweep_kernel_time(
    workload: Source,
    settings: Mapping[str, Any] | None = None,
    setup: Setup | None = None,
    report: Report | None = None,
    changes: Sequence[Change] = (),
) -> Sweep:
    """Scale the time of one kernel after the other, to see which is worth making faster.

    Parameters
    ----------
    workload, settings, setup, report
        As for `replay`.
    changes : sequence of Change
        Made before.

    Raises
    ------
    InputError
        As `what_if`.

    References
    ----------
    Curtsinger, Berger: Coz: finding code that counts with causal profiling. SOSP 2015, for the
    virtual speed-up.
    """
    tell = report or (lambda _: None)
    run = replay(workload, settings, setup, report)
    case, words = apply_changes(run.case, list(changes))
    before_us = case.simulate().wall_clock_us if changes else run.trace.wall_clock_us
    total_us = case.durations_us.sum() or 1.0
    swept = []
    used: list[int] = np.unique(case.graph.kernel[case.graph.kernel >= 0]).tolist()
    for number in used:
        kernel = case.graph.kernels[number]
        walls_us = []
        for factor in SWEEP_FACTORS:
            tell(f"{run.workload.name}: {kernel.name} at {factor:g} of its time")
            scaled, _ = ScaleKernel(kernel.name, factor).apply(case)
            walls_us.append(scaled.simulate().wall_clock_us)
        share = float(case.durations_us[case.graph.kernel == number].sum() / total_us)
        swept.append(SweptKernel(kernel.name, kernel.core.value, share, tuple(walls_us)))
    kernels = tuple(sorted(swept, key=lambda kernel: kernel.wall_clock_us[-1]))
    return Sweep(run, tuple(words), before_us, kernels)


def saved_percent(before_us: float, after_us: float) -> float:
    """Part of a wall-clock that is saved, in percent."""
    return 100.0 * (1.0 - after_us / before_us) if before_us else 0.0
