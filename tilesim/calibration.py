"""Fitting the free constants of the model to published measurements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.device import Device
from runtime.version import RuntimeVersion
from tilesim.calibration_problem import CalibrationProblem
from tilesim.experiment import Experiment
from workloads.published import Published

__all__ = ["Calibration", "FittedRow", "Parameter", "calibrate"]

Floats = NDArray[np.float64]

STEP = 0.03
"""Step of the derivatives in units of a range: below it, ties between polls and events show."""
MOST_EVALUATIONS = 15


@dataclass(frozen=True)
class Parameter:
    """A constant and what became of it.

    Attributes
    ----------
    key : str
        Its key in the file of the device or the runtime.
    low, high, start, fitted : float
        Its evidence range, and its value before and after.
    sensitivity : float
        Root mean square over the rows of the change of log(simulated) if it went through its
        whole range.
    partner : str
        The parameter that it is most correlated with in the fit ...
    correlation : float
        ... and how much, -1 to 1: near either, the rows determine only a combination of both.
    """

    key: str
    low: float
    high: float
    start: float
    fitted: float
    sensitivity: float
    partner: str
    correlation: float


@dataclass(frozen=True)
class FittedRow:
    """One published figure in the fit.

    Attributes
    ----------
    case, figure : str
        Which.
    published_us, start_us, fitted_us : float
        What was published, and simulated before and after.
    left_out_us : float
        Simulated with what was fitted to all other rows.
    """

    case: str
    figure: str
    published_us: float
    start_us: float
    fitted_us: float
    left_out_us: float


@dataclass(frozen=True)
class Calibration:
    """A fit.

    Attributes
    ----------
    parameters : tuple of Parameter
        In the order of `FREE`.
    rows : tuple of FittedRow
        In the order of the published cases.
    evaluations : int
        How often all rows were simulated.
    """

    parameters: tuple[Parameter, ...]
    rows: tuple[FittedRow, ...]
    evaluations: int

    def errors(self, of: Callable[[FittedRow], float]) -> Floats:
        """Relative errors of all rows."""
        return np.array([of(row) / row.published_us - 1.0 for row in self.rows])


def calibrate(
    published: Published,
    device: Device,
    runtime: RuntimeVersion,
    report: Callable[[str], None] | None = None,
) -> Calibration:
    """Fit the constants `FREE` within their ranges: bounded least squares on log error.

    Every published figure is a row, weighted as its case says, and so is what each lever does: the
    ratio of two figures. Leave-one-out errors come from the
    linearised problem, solved within the same bounds without the row, and then a simulation.

    Parameters
    ----------
    published : Published
        Cases; those that calibration may not use are left out.
    device : Device
        Where the fit starts, and its ranges.
    runtime : RuntimeVersion
        Likewise; other versions keep the costs that they state themselves.
    report : callable, optional
        Told each step that begins.

    Raises
    ------
    InputError
        A case cannot be simulated, or a constant starts outside its range.
    """
    from scipy.optimize import least_squares  # noqa: PLC0415 - half of all that verbs would load

    tell = report or (lambda _: None)
    experiments = []
    for case in published.cases:
        if case.fit:
            tell(f"finding the graph of {case.name}")
            experiments.append(Experiment.of(case, device, published.file))
    problem = CalibrationProblem(experiments, published.pairs, device, runtime, tell)
    start = problem.scaled(problem.start)
    fit = least_squares(
        problem.residuals,
        np.clip(start, 1.0 + 1e-3, 2.0 - 1e-3),  # from a bound, no step leads inside
        bounds=(1.0, 2.0),
        diff_step=np.full(len(start), STEP),
        max_nfev=MOST_EVALUATIONS,
    )
    jacobian = np.asarray(fit.jac, dtype=np.float64)
    before_us, after_us = problem.simulated_us(start), problem.simulated_us(fit.x)
    left_out_us = _left_out(problem, fit.x, fit.fun, jacobian)
    rows = tuple(
        FittedRow(experiment.case.name, figure, *map(float, times))
        for (experiment, figure), *times in zip(
            problem.rows, problem.published_us, before_us, after_us, left_out_us, strict=True
        )
    )
    return Calibration(_parameters(problem, fit.x, jacobian), rows, problem.evaluations)


def _left_out(
    problem: CalibrationProblem, best: Floats, residuals: Floats, jacobian: Floats
) -> Floats:
    """Simulate each row with what the others alone would have given."""
    from scipy.optimize import lsq_linear  # noqa: PLC0415 - as above

    found = []
    for row, named in enumerate(problem.rows):
        problem.report(f"leaving out {named[0].case.name}")
        others = np.arange(len(residuals)) != row
        others[len(problem.rows) :][: len(problem.after)] &= (problem.before != row) & (
            problem.after != row
        )
        step = lsq_linear(
            jacobian[others],
            -residuals[others],
            bounds=(np.minimum(1.0 - best, -1e-9), np.maximum(2.0 - best, 1e-9)),
        ).x
        found.append(problem.some_us([named], best + step)[0])
    return np.array(found)


def _parameters(
    problem: CalibrationProblem, best: Floats, jacobian: Floats
) -> tuple[Parameter, ...]:
    count = len(problem.rows)
    unweighted = jacobian[:count] / problem.weights[:, None]
    sensitivity = np.sqrt((unweighted**2).mean(axis=0))
    covariance = np.linalg.inv(jacobian.T @ jacobian)
    deviation = np.sqrt(np.diag(covariance))
    correlation = covariance / np.outer(deviation, deviation)
    np.fill_diagonal(correlation, 0.0)
    partner = np.abs(correlation).argmax(axis=1)
    keys = list(problem.quantities)
    fitted = problem.values(best)
    return tuple(
        Parameter(
            key=key,
            low=float(problem.low[n]),
            high=float(problem.high[n]),
            start=float(problem.start[n]),
            fitted=float(fitted[n]),
            sensitivity=float(sensitivity[n]),
            partner=keys[partner[n]],
            correlation=float(correlation[n, partner[n]]),
        )
        for n, key in enumerate(keys)
    )
