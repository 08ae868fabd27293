"""What calibration minimises: errors of published figures as a function of constants."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from devices.description import Quantity, settings, with_values
from devices.device import Device
from devices.errors import InputError
from runtime.version import RuntimeVersion, load_runtime
from tilesim.experiment import Experiment
from tilesim.setup import DEFAULT_RUNTIME
from workloads.published import FIGURES, Pair

__all__ = ["FREE", "CalibrationProblem"]

Floats = NDArray[np.float64]

FREE = (
    "kernel.start_us",
    "kernel.commit_us",
    "kernel.load_latency_us",
    "kernel.pipelined_latency_us",
    "cube.row_issue_us",
    "cube.row_miss_us",
    "cube.miss_gbps",
    "cube.hit_gbps",
    "cube.l0a_bytes_per_cycle",
    "cube.l0b_bytes_per_cycle",
    "cube.matmul_head_cycles",
    "cube.drain_fixed_cycles",
    "cube.drain_bytes_per_cycle",
    "vector.load_gbps",
    "vector.store_gbps",
    "vector.head_cycles",
    "vector.sync_us",
    "costs.entry_us",
    "costs.submit_us",
    "costs.argument_us",
    "costs.insert_us",
    "costs.alloc_us",
    "costs.chain_entry_us",
    "costs.push_us",
    "costs.core_cold_us",
    "costs.cond_read_us",
    "costs.idle_loop_us",
    "costs.completion_us",
    "costs.per_consumer_us",
    "costs.dispatch_us",
    "costs.core_to_aicpu_us",
    "profiling.record_write_us",
    "profiling.phase_record_us",
)
"""Constants whose ranges leave room and that some published row depends on."""

PRIOR = 0.05
"""Weight of a constant's distance from its start, in units of its range: keeps what no row
determines where it was. A whole range counts as much as an error of 5 % in one row."""
LEVER = 2.0
"""Weight of what a change of a kernel did to its time, which matters more than the time itself."""


class CalibrationProblem:
    """Residuals as a function of constants, each scaled so that its range is 1 to 2.

    Parameters
    ----------
    experiments : sequence of Experiment
        What is to be met.
    pairs : sequence of Pair
        Levers: pairs of them whose ratio is to be met, too.
    device, runtime : Device, RuntimeVersion
        Where constants start, and their ranges. Versions of the runtime that state a constant
        otherwise than the default one keep theirs.
    report : callable
        Told each step that begins.

    Attributes
    ----------
    quantities : dict of str to Quantity
        The free constants by key.
    low, high, start : float64 array
        Their ranges and values.
    rows : list of (Experiment, str)
        Every figure.
    weights, published_us : float64 array
        Of each row.
    before, after : int64 array
        Rows of each lever.
    evaluations : int
        How often all rows were simulated.

    Raises
    ------
    InputError
        A constant starts outside its range.
    """

    def __init__(
        self,
        experiments: Sequence[Experiment],
        pairs: Sequence[Pair],
        device: Device,
        runtime: RuntimeVersion,
        report: Callable[[str], None],
    ) -> None:
        known = {**settings(device), **settings(runtime)}
        found = {key: known[key] for key in FREE}
        self.quantities = {k: q for k, q in found.items() if isinstance(q, Quantity)}
        self.low, self.high = np.array([q.range for q in self.quantities.values()]).T
        self.start = np.array([q.value for q in self.quantities.values()])
        outside = [k for k, q in self.quantities.items() if not q.range[0] <= q.value <= q.range[1]]
        if outside:
            raise InputError(f"calibration starts within the ranges; outside: {', '.join(outside)}")
        self.rows = [(e, figure) for e in experiments for figure in e.case.published]
        self.weights = np.array([experiment.case.weight for experiment, _ in self.rows])
        self.published_us = np.array([e.case.published[figure] for e, figure in self.rows])
        place = {(e.case.name, figure): n for n, (e, figure) in enumerate(self.rows)}
        levers = [
            (place[pair.before, figure], place[pair.after, figure])
            for pair in pairs
            for figure in FIGURES
            if (pair.before, figure) in place and (pair.after, figure) in place
        ]
        self.before, self.after = np.array(levers, dtype=np.int64).reshape(-1, 2).T
        self.evaluations = 0
        self._experiments = experiments
        self._device = device
        self._default = settings(load_runtime(DEFAULT_RUNTIME))
        self.report = report

    def scaled(self, values: Floats) -> Floats:
        """Constants as the fit sees them."""
        scaled: Floats = 1.0 + (values - self.low) / (self.high - self.low)
        return scaled

    def values(self, scaled: Floats) -> Floats:
        """Constants as the model sees them."""
        values: Floats = self.low + (np.clip(scaled, 1.0, 2.0) - 1.0) * (self.high - self.low)
        return values

    def simulated_us(self, scaled: Floats) -> Floats:
        """Every row as simulated."""
        self.evaluations += 1
        self.report(f"simulating all rows, time {self.evaluations}")
        return self.some_us(self.rows, scaled)

    def some_us(self, rows: Sequence[tuple[Experiment, str]], scaled: Floats) -> Floats:
        """Some rows as simulated."""
        values = dict(zip(self.quantities, self.values(scaled).tolist(), strict=True))
        on_device = settings(self._device)
        device = with_values(self._device, {k: v for k, v in values.items() if k in on_device})
        costs = {k: v for k, v in values.items() if k not in on_device}
        figures = {}
        for experiment, _ in rows:
            if experiment.case.name not in figures:
                own = settings(experiment.runtime)
                # What a version says for itself was measured of it, and stays.
                shared = {k: v for k, v in costs.items() if own[k] == self._default[k]}
                figures[experiment.case.name] = experiment.figures(
                    device, shared, experiment.noises
                )
        return np.array([figures[e.case.name][figure] for e, figure in rows])

    def residuals(self, scaled: Floats) -> Floats:
        """Weighted errors of the logarithms, those of levers, then distances from the start."""
        logs = np.log(self.simulated_us(scaled) / self.published_us)
        levers = LEVER * (logs[self.after] - logs[self.before])
        prior = PRIOR * (scaled - self.scaled(self.start))
        return np.concatenate([self.weights * logs, levers, prior])
