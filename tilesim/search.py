"""The search: which points run, and what is known of each."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from tilesim.feasibility import Feasibility, OnChip, Reason, Verdict
from tilesim.objective import Objective
from tilesim.optimizer import Optimizer
from tilesim.points import Point, Row
from tilesim.replay import Report
from tilesim.search_space import SearchSpace

__all__ = ["BATCH", "Found", "Method", "RunPoints", "Screen", "Searcher", "Trial"]

BATCH = 8
"""Points that are proposed before any of them is told, so that the number of processes changes
nothing."""

LISTED_PER_RUN = 4
"""Points of which the kernels are looked at beforehand, for each that may run: reading a program
takes a fraction of a run's time."""

MOST_KNOWN = 8
"""Proposals in a row of points that are known, before one is drawn instead."""

MOST_REFUSED_PER_RUN = 20
"""Proposals that cannot run, for each point that may run, before a search ends."""

MOST_DRAWN = 1_000
"""Draws in a row of points that are known or do not fit, before a space counts as searched."""

RunPoints = Callable[[Sequence[Point]], Iterator[Row]]
"""Runs points and gives their rows in any order."""

Screen = Callable[["Trial"], str | None]
"""What is wrong with the run of a point, beside its figures."""


class Method(StrEnum):
    """How a space was searched."""

    EXHAUSTIVE = "every point"
    OPTIMIZER = "Optuna's tree-structured Parzen estimator"


@dataclass(frozen=True)
class Trial:
    """A point that has run.

    Attributes
    ----------
    point : Point
        What ran.
    row : Row
        Its figures.
    on_chip : OnChip
        What its kernels take on chip.
    """

    point: Point
    row: Row
    on_chip: OnChip

    @property
    def number(self) -> int:
        """Number of the point."""
        return self.point.number

    @property
    def wall_clock_us(self) -> float:
        """Its wall-clock."""
        return float(self.row.figures["wall_clock_us"])


@dataclass
class Found:
    """What a search has found so far.

    Attributes
    ----------
    method : Method
        How it searches.
    trials : dict of int to Trial
        Points that have run, by number, races among them.
    rows : dict of int to Row
        The same, and those that do not run.
    left_out : dict of int to Verdict
        Points that cannot run, or that must not be chosen.
    """

    method: Method = Method.EXHAUSTIVE
    trials: dict[int, Trial] = field(default_factory=dict)
    rows: dict[int, Row] = field(default_factory=dict)
    left_out: dict[int, Verdict] = field(default_factory=dict)

    @property
    def eligible(self) -> list[Trial]:
        """Points that have run and may be chosen, by number."""
        return [t for n, t in sorted(self.trials.items()) if n not in self.left_out]

    def is_known(self, number: int) -> bool:
        """Whether it is known what comes of a point."""
        return number in self.trials or number in self.left_out

    def drop(self, trial: Trial, reason: Reason, told: str) -> None:
        """Leave out a point that has run."""
        self.left_out[trial.number] = Verdict(reason, told, trial.on_chip)


class Searcher:
    """Searches a space.

    Parameters
    ----------
    space : SearchSpace
        What is searched.
    feasibility : Feasibility
        Tells which points can run.
    run : callable
        Runs points.
    screen : callable
        Asked about each run that would be the best so far.
    objective : Objective
        What is optimised.
    tell : callable
        Told how far it is.
    """

    def __init__(
        self,
        space: SearchSpace,
        feasibility: Feasibility,
        run: RunPoints,
        screen: Screen,
        objective: Objective,
        tell: Report,
    ) -> None:
        self._space = space
        self._feasibility = feasibility
        self._run_points = run
        self._screen = screen
        self._objective = objective
        self._tell = tell
        self._found = Found()
        self._least = math.inf

    def search(self, budget: int, seed: int, first: int | None = None) -> Found:
        """Run every point that can run if these are no more than the budget, else the promising.

        Parameters
        ----------
        budget : int
            Points that may run.
        seed : int
            Of what is drawn.
        first : int, optional
            Number of the point with which an optimiser begins.
        """
        listed = self._space.listed
        if listed is not None and len(listed) <= LISTED_PER_RUN * budget:
            fitting = [number for number in listed if self._fits(number)]
            if len(fitting) <= budget:
                self._simulate(fitting, budget)
                return self._found
        self._found.method = Method.OPTIMIZER
        self._optimize(budget, seed, first)
        return self._found

    def _fits(self, number: int) -> bool:
        """Whether a point can run, as far as is known before."""
        if number in self._found.left_out:
            return False
        self._tell(f"{self._space.plan.name}: reading the program of point {number:,}")
        verdict = self._feasibility.judge(self._space.plan.point(number))
        if verdict.reason is not None:
            self._found.left_out[number] = verdict
        return verdict.reason is None

    def _simulate(self, numbers: Sequence[int], budget: int) -> None:
        """Run points, and note what came of each."""
        points = [self._space.plan.point(number) for number in numbers]
        rows: dict[int, Row] = {}
        for row in self._run_points(points):
            rows[row.number] = row
            done = len(self._found.rows) + len(rows)
            best = "" if math.isinf(self._least) else f", best so far {abs(self._least):,.2f}"
            self._tell(f"{self._space.plan.name}: {done} runs of at most {budget}{best}")
        self._found.rows.update(rows)
        for point in points:
            row, on_chip = rows[point.number], self._feasibility.judge(point).on_chip
            if row.error is not None:
                self._found.left_out[point.number] = Verdict(Reason.FAILED, row.error, on_chip)
            elif on_chip is not None:
                self._found.trials[point.number] = Trial(point, row, on_chip)

    def _cost(self, number: int) -> float:
        """What a run costs; infinite if it must not be chosen, which only the best are asked."""
        trial = self._found.trials.get(number)
        if trial is None:
            return math.inf
        cost = self._objective.cost(trial.row)
        if cost < self._least:
            told = self._screen(trial)
            if told is not None:
                self._found.drop(trial, Reason.RACE, told)
                return math.inf
            self._least = cost
        return cost

    # Spaces that are too large

    def _optimize(self, budget: int, seed: int, first: int | None) -> None:
        optimizer = Optimizer(self._space.plan.axes, seed)
        random = np.random.default_rng(seed)
        if first is not None:
            optimizer.propose(first)
        while (room := budget - len(self._found.rows)) > 0:
            asks = self._asked(optimizer, random, min(BATCH, room), budget)
            if not asks:
                return
            self._simulate(list(asks), budget)
            for number, ask in asks.items():
                cost = self._cost(number)
                if math.isinf(cost):
                    optimizer.refuse(ask, _violation(self._found.left_out[number]))
                else:
                    optimizer.tell(ask, cost)

    def _asked(
        self, optimizer: Optimizer, random: np.random.Generator, count: int, budget: int
    ) -> dict[int, object]:
        """Proposals that can run, by number; none if there are no more."""
        asks: dict[int, object] = {}
        known = 0
        while len(asks) < count and len(self._found.left_out) < MOST_REFUSED_PER_RUN * budget:
            ask, number = optimizer.ask()
            if number in asks or self._found.is_known(number):
                optimizer.forget(ask)
                known += 1
                if known % MOST_KNOWN == 0:
                    drawn = self._drawn(random, asks)
                    if drawn is None:
                        break
                    optimizer.propose(drawn)
                continue
            if self._fits(number):
                asks[number] = ask
            else:
                optimizer.refuse(ask, _violation(self._found.left_out[number]))
        return asks

    def _drawn(self, random: np.random.Generator, asks: Mapping[int, object]) -> int | None:
        """A point of which nothing is known, whose sizes fit; None if none is left."""
        listed = self._space.listed
        if listed is not None:
            left = [n for n in listed if n not in asks and not self._found.is_known(n)]
            return int(random.choice(left)) if left else None
        for _ in range(MOST_DRAWN):
            number = int(random.integers(self._space.plan.count))
            is_new = number not in asks and not self._found.is_known(number)
            if is_new and self._space.misfit(self._space.plan.point(number)) is None:
                return number
        return None


def _violation(verdict: Verdict) -> float:
    """How far a point is from one that can run: for memory, how often it would have to halve."""
    if verdict.reason in (Reason.OVERFLOW, Reason.ALLOCATION) and verdict.on_chip is not None:
        return math.log2(verdict.on_chip.largest)
    return 1.0
