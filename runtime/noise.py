"""What differs from run to run on a device: drawn at random, the same for the same seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError

__all__ = ["Noise"]

RUN_SIGMA = 0.04
"""Of the kernel times of a whole run. pypto pull request 1912 gives means of kernels in prefill
with their deviation from run to run: 90.9 +- 2.9, 89.4 +- 2.2 and 102.7 +- 4.7 us, that is 2.5 to
4.6 %. Three runs of a decode program (1098, 1017, 1012 us) lie 8.5 % apart, as with 5 % they do."""

TASK_SIGMA = 0.05
"""Of the kernel time of one task: assumption, the low end of 5 to 8 %."""

VISIBLE_MEAN_US = 0.12
"""How much later than at the earliest a read sees an end, on average (simpler
docs/hardware/mmio-performance.md: 0.18 us at the least; its average of 0.6 includes polling, so the
0.3 us that the range of the constant allows is taken for the mean)."""

VISIBLE_MOST_US = 1.84
"""The same at the most: 2.02 us were seen."""


@dataclass(frozen=True)
class Noise:
    """One draw of everything that varies.

    Attributes
    ----------
    seed : int
        Same seed and repeat, same noise.
    repeat : int
        Number of the run.
    run_sigma, task_sigma : float
        Standard deviations of the logarithm of kernel times: of all in a run, and of each task.
    visible_mean_us : float
        How much later than at the earliest a read sees an end, on average.

    Raises
    ------
    InputError
        One of them is negative.
    """

    seed: int = 0
    repeat: int = 0
    run_sigma: float = RUN_SIGMA
    task_sigma: float = TASK_SIGMA
    visible_mean_us: float = VISIBLE_MEAN_US

    def __post_init__(self) -> None:
        if self.seed < 0 or self.repeat < 0:
            raise InputError(f"seed and number of a run are 0 or more, not {self.seed}")

    def kernel_factors(self, count: int) -> NDArray[np.float64]:
        """What the kernel time of each task is multiplied by, shape (count,)."""
        of_run = self.run_sigma * self._random(0).standard_normal()
        return np.exp(of_run + self.task_sigma * self._random(1).standard_normal(count))

    def visible_us(self, count: int) -> NDArray[np.float64]:
        """How much later than at the earliest each end can be read, shape (count,)."""
        late_us = self._random(2).exponential(self.visible_mean_us, count)
        return np.minimum(late_us, VISIBLE_MOST_US)

    def phases(self, threads: int) -> NDArray[np.float64]:
        """Where in its loop each scheduler thread begins, 0 to 1, shape (threads,)."""
        return self._random(3).uniform(size=threads)

    def _random(self, purpose: int) -> np.random.Generator:
        # What is drawn for one purpose does not depend on how much is drawn for others.
        return np.random.default_rng([self.seed, self.repeat, purpose])
