"""Runs with noise: how far the result of one run may be from the next one's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from runtime.noise import Noise
from tilesim.replay import Run

__all__ = ["Repeats", "Spread", "faster_probability", "repeat"]

MOST_REPEATS = 10_000

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Spread:
    """Where a figure lies over many runs: its median, and what 9 of 10 runs lie between."""

    median_us: float
    low_us: float
    high_us: float

    @staticmethod
    def of(times_us: Floats) -> Spread:
        """Median, 5th and 95th percentile."""
        median_us, low_us, high_us = np.percentile(times_us, [50.0, 5.0, 95.0]).tolist()
        return Spread(median_us, low_us, high_us)


@dataclass(frozen=True)
class Repeats:
    """A run, many times with noise.

    Attributes
    ----------
    run : Run
        The run without noise.
    seed : int
        Of the noise.
    wall_clock_us, avg_latency_us, elapsed_us : float64 array, shape (repeats,)
        Figures of each run.
    """

    run: Run
    seed: int
    wall_clock_us: Floats
    avg_latency_us: Floats
    elapsed_us: Floats

    @property
    def spreads(self) -> dict[str, Spread]:
        """Spread of each figure, by its name."""
        return {
            "wall_clock_us": Spread.of(self.wall_clock_us),
            "avg_latency_us": Spread.of(self.avg_latency_us),
            "elapsed_us": Spread.of(self.elapsed_us),
        }


def repeat(
    runs: Sequence[Run], count: int, seed: int, report: Callable[[str], None] | None = None
) -> tuple[Repeats, ...]:
    """Simulate runs again, with noise.

    Run n of each has the same seed, which fixes what all tasks of a run have in common; what each
    task has of its own differs from program to program.

    Parameters
    ----------
    runs : sequence of Run
        What to repeat.
    count, seed : int
        How often, and the seed of the noise.
    report : callable, optional
        Told each run that begins.

    Raises
    ------
    InputError
        The count is not from 2 to 10,000, or the seed is negative.
    """
    if not 2 <= count <= MOST_REPEATS:
        raise InputError(f"runs are repeated 2 to {MOST_REPEATS:,} times, not {count}")
    found = []
    for run in runs:
        figures = []
        for number in range(count):
            if report is not None:
                report(f"{run.workload.name}: run {number + 1} of {count} with noise")
            trace = replace(run.case, noise=Noise(seed, number)).simulate()
            latency_us = float(trace.latency_us.mean())
            figures.append((trace.wall_clock_us, latency_us, float(trace.finish_us.max())))
        found.append(Repeats(run, seed, *np.array(figures).T))
    return tuple(found)


def faster_probability(first: Repeats, second: Repeats) -> float:
    """Probability that a run of the first has a smaller wall-clock than one of the second.

    Over all pairs of a run of either, as runs on a device have nothing in common; ties count half.
    """
    one, other = first.wall_clock_us[:, None], second.wall_clock_us[None, :]
    return float(((one < other) + 0.5 * (one == other)).mean())
