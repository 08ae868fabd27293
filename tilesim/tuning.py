"""What tuning has found: the best parameters, and what became of the others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from runtime.attribution import Gap
from tilesim.axes import Axis
from tilesim.feasibility import Fit, OnChip, Reason
from tilesim.objective import Objective
from tilesim.points import figures_of
from tilesim.screening import Screened
from tilesim.search import Found, Method, Trial
from tilesim.search_space import SearchSpace
from tilesim.tuning_check import Checked

__all__ = ["Best", "Pruned", "Rejected", "Tuning"]


@dataclass(frozen=True)
class Pruned:
    """Points that were left out for one reason.

    Attributes
    ----------
    reason : Reason
        Why.
    count : int
        How many; of a space that is not searched whole, of those that were looked at.
    example : str
        What is said of one of them.
    """

    reason: Reason
    count: int
    example: str


@dataclass(frozen=True)
class Rejected:
    """A candidate that was better than the best, and why it was not chosen."""

    trial: Trial
    told: str


@dataclass(frozen=True)
class Best:
    """The best point.

    Attributes
    ----------
    trial : Trial
        The point and its figures.
    screened : Screened
        Its run and its hazards.
    checked : Checked or None
        How its numbers compare.
    unchecked : str
        Why there are none.
    gap : Gap or None
        What makes the difference to the baseline.
    """

    trial: Trial
    screened: Screened
    checked: Checked | None
    unchecked: str
    gap: Gap | None


@dataclass(frozen=True)
class Tuning:
    """What tuning has found.

    Attributes
    ----------
    space : SearchSpace
        What was searched.
    objective : Objective
        What was optimised.
    fit : Fit
        When kernels count as fitting.
    budget, seed : int
        Runs that were allowed, and the seed of what was drawn.
    baseline : Screened or None
        The program as it is without the axes, if it can run.
    baseline_on_chip : OnChip or None
        What that takes on chip.
    no_baseline : str
        Why there is none.
    found : Found
        Points that ran, and that did not.
    best : Best or None
        The best of those that compute what they should.
    rejected : tuple of Rejected
        Better ones that do not, the best first.
    front : tuple of Trial
        Points of which no other is both faster and smaller on chip, the fastest first.
    seconds : float
        How long it took.
    """

    space: SearchSpace
    objective: Objective
    fit: Fit
    budget: int
    seed: int
    baseline: Screened | None
    baseline_on_chip: OnChip | None
    no_baseline: str
    found: Found
    best: Best | None
    rejected: tuple[Rejected, ...]
    front: tuple[Trial, ...]
    seconds: float

    @property
    def is_exhaustive(self) -> bool:
        """Whether every point that can run has run."""
        return self.found.method is Method.EXHAUSTIVE

    @property
    def not_looked_at(self) -> int:
        """Points of which nothing is known, as they were not proposed."""
        before = sum(pruned.count for pruned in self.pruned if pruned.reason.is_known_before)
        return self.space.given - before - len(self.found.rows)

    def baseline_value(self, axis: Axis) -> str:
        """What the baseline has for an axis, in words."""
        if axis.is_parameter and self.baseline is not None:
            return str(self.baseline.run.parameters[axis.name])
        return str(self.space.plan.setup.get(axis.word, "default"))

    @property
    def gain_percent(self) -> float | None:
        """How much better the best is than the baseline, in percent of the baseline's figure."""
        if self.best is None or self.baseline is None:
            return None
        run = self.baseline.run
        figures = figures_of(run.case, run.statistics, run.bounds, len(run.overflows))
        before = float(figures[self.objective.figure])
        now = self.objective.of(self.best.trial.row)
        better = now - before if self.objective.is_maximised else before - now
        return 100.0 * better / abs(before) if before else None

    @property
    def pruned(self) -> tuple[Pruned, ...]:
        """Points that were left out, by reason."""
        told: dict[Reason, str] = {}
        counts: Counter[Reason] = Counter()
        for verdict in self.found.left_out.values():
            if verdict.reason is not None:
                counts[verdict.reason] += 1
                told.setdefault(verdict.reason, verdict.told)
        unfit = self.space.unfit_sizes
        if unfit is None:
            counts[Reason.SIZES] += self.space.given - self.space.plan.count
        elif unfit:
            counts[Reason.SIZES] = unfit
        told.setdefault(Reason.SIZES, self.space.unfit_example)
        return tuple(Pruned(r, counts[r], told[r]) for r in Reason if counts[r])
