"""Tuning: the parameters with which a program runs best, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import perf_counter

from devices.errors import InputError
from runtime.attribution import Gap, attribute_gap
from tilesim.feasibility import Feasibility, Fit, OnChip, Reason
from tilesim.local_pool import LocalPool, run_here, usable_cores
from tilesim.objective import Objective, read_objective
from tilesim.point_queue import PointQueue
from tilesim.points import Origin, Point, Row
from tilesim.replay import Report
from tilesim.screening import Screened, screen
from tilesim.search import Found, Method, RunPoints, Searcher, Trial
from tilesim.search_space import SearchSpace, make_space
from tilesim.setup_words import Value, Words, setup_of
from tilesim.tuning_check import Checked, check_candidate

__all__ = ["Best", "Numbers", "Pruned", "Rejected", "Tuning", "pareto_front", "tune"]

MOST_CHECKS = 10
"""Candidates whose numbers are checked before the search counts as failed."""


@dataclass(frozen=True)
class Numbers:
    """How candidates are checked.

    Attributes
    ----------
    is_wanted : bool
        Whether numbers are computed at all.
    sizes : mapping of str to int
        Parameters for the check alone.
    rtol, atol : float or None
        Tolerances, None for the usual ones.
    """

    is_wanted: bool = True
    sizes: Mapping[str, int] | None = None
    rtol: float | None = None
    atol: float | None = None


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


def tune(
    source: str,
    over: Mapping[str, Iterable[Value] | str] | Sequence[str],
    settings: Mapping[str, int] | None = None,
    setup: Words | None = None,
    *,
    objective: str = "wall_clock_us",
    budget: int = 200,
    jobs: int | None = None,
    seed: int = 0,
    fit: Fit | str = Fit.ALLOCATED,
    allow_races: bool = False,
    numbers: Numbers | None = None,
    origin: Origin | None = None,
    report: Report | None = None,
) -> Tuning:
    """Search the parameters with which a program runs best.

    Parameters
    ----------
    source : str
        Name of a workload, or a program file.
    over : mapping or sequence of str
        Axes: values by name, or texts as for ``--over``.
    settings : mapping, optional
        Parameters that differ from the defaults everywhere.
    setup : mapping, optional
        Words of the setup everywhere (`tilesim.setup_words.setup_of`).
    objective : str
        A figure of a run, as `read_objective` reads it.
    budget : int
        Points that may be simulated.
    jobs : int, optional
        Processes, by default one for each core; 0 runs everything in this one. It changes nothing
        but the time that it takes.
    seed : int
        Of what the optimiser draws, and of the inputs of the numeric check.
    fit : Fit or str
        When kernels fit on chip.
    allow_races : bool
        Whether a run in which unordered tasks met may be chosen.
    numbers : Numbers, optional
        How candidates are checked.
    origin : Origin, optional
        Where the workload comes from, if its name does not say it all.
    report : callable, optional
        Told each step that begins.

    Raises
    ------
    InputError
        Something does not exist or fit, or no point can run.
    """
    began, tell = perf_counter(), report or (lambda _: None)
    aim = read_objective(objective)
    if budget < 1:
        raise InputError(f"the budget is a number of runs from 1 on, not {budget}")
    space = make_space(origin or Origin(source), over, settings, setup)
    tuner = _Tuner(space, aim, Fit(fit), seed, tell, allow_races=allow_races)
    with ExitStack() as stack:
        found = tuner.search(_runner(jobs, budget, stack), budget)
    best, rejected = tuner.choose(found, numbers or Numbers())
    return Tuning(
        space=space,
        objective=aim,
        fit=tuner.fit,
        budget=budget,
        seed=seed,
        baseline=tuner.baseline,
        baseline_on_chip=tuner.baseline_on_chip,
        no_baseline=tuner.no_baseline,
        found=found,
        best=best,
        rejected=rejected,
        front=tuner.front(found),
        seconds=perf_counter() - began,
    )


def _runner(jobs: int | None, budget: int, stack: ExitStack) -> RunPoints:
    """What runs points: processes that stay until the stack is closed, or this one."""
    if jobs is not None and jobs < 0:
        raise InputError(f"--jobs is the number of processes, 0 for none but this, not {jobs}")
    if jobs == 0:
        return run_here
    pool = stack.enter_context(LocalPool(min(jobs or usable_cores(), budget)))

    def run(points: Sequence[Point]) -> Iterator[Row]:
        return pool.run(_by_program(points))

    return run


def _by_program(points: Sequence[Point]) -> PointQueue:
    groups: dict[object, list[Point]] = {}
    for point in points:
        groups.setdefault(point.program, []).append(point)
    return PointQueue(groups.values())


def pareto_front(trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """Trials of which no other is as fast and as small on chip, and better in one of them.

    Returns
    -------
    tuple of Trial
        The fastest first; of equal ones, that with the lowest number.
    """
    front: list[Trial] = []
    for trial in sorted(trials, key=lambda t: (t.wall_clock_us, t.on_chip.largest, t.number)):
        if not front or trial.on_chip.largest < front[-1].on_chip.largest:
            front.append(trial)
    return tuple(front)


class _Tuner:
    """The steps of tuning, with what they share."""

    def __init__(
        self,
        space: SearchSpace,
        objective: Objective,
        fit: Fit,
        seed: int,
        tell: Report,
        *,
        allow_races: bool,
    ) -> None:
        self.space = space
        self.fit = fit
        self.baseline: Screened | None = None
        self.baseline_on_chip: OnChip | None = None
        self.no_baseline = ""
        self._objective = objective
        self._seed = seed
        self._tell = tell
        self._allow_races = allow_races
        self._feasibility = Feasibility(space, fit)
        self._screened: dict[int, Screened] = {}

    def search(self, run: RunPoints, budget: int) -> Found:
        """Run the baseline, then points."""
        plan = self.space.plan
        try:
            setup = setup_of(plan.setup)
            self.baseline_on_chip = self._feasibility.measure(plan.settings, setup)
            self.baseline = screen(self.space.workload, plan.settings, setup, self._tell)
        except InputError as error:
            self.no_baseline = str(error)
        searcher = Searcher(
            self.space, self._feasibility, run, self._race, self._objective, self._tell
        )
        return searcher.search(budget, self._seed, self._baseline_number())

    def _baseline_number(self) -> int | None:
        """Number of the point that the baseline is, if it is one."""
        if self.baseline is None or not all(a.is_parameter for a in self.space.plan.axes):
            return None
        number = 0
        for axis in self.space.plan.axes:
            value = self.baseline.run.parameters[axis.name]
            if value not in axis.values:
                return None
            number = number * len(axis.values) + axis.values.index(value)
        return number

    def _screen(self, trial: Trial) -> Screened:
        if trial.number not in self._screened:
            self._screened.clear()  # runs are large, and one after the other is looked at
            point = trial.point
            setup = setup_of(point.setup)
            found = screen(self.space.workload, point.settings, setup, self._tell)
            self._screened[trial.number] = found
        return self._screened[trial.number]

    def _race(self, trial: Trial) -> str | None:
        """What is wrong with a run whose unordered tasks met."""
        if self._allow_races:
            return None
        screened = self._screen(trial)
        return screened.told if screened.met else None

    def choose(self, found: Found, numbers: Numbers) -> tuple[Best | None, tuple[Rejected, ...]]:
        """The best point whose run has no race and whose numbers are right."""
        rejected: list[Rejected] = []
        for trial in sorted(found.eligible, key=self._rank):
            if len(rejected) == MOST_CHECKS:
                break
            race = self._race(trial)
            if race is not None:
                found.drop(trial, race)
                continue
            checked, unchecked = self._check(trial, numbers)
            problem = None if checked is None else checked.problem
            if problem is not None:
                rejected.append(Rejected(trial, problem))
                continue
            screened = self._screen(trial)
            best = Best(trial, screened, checked, unchecked, self._gap(screened))
            return best, tuple(rejected)
        return None, tuple(rejected)

    def _rank(self, trial: Trial) -> tuple[float, float, int]:
        return self._objective.cost(trial.row), trial.on_chip.largest, trial.number

    def _check(self, trial: Trial, numbers: Numbers) -> tuple[Checked | None, str]:
        """The numeric check of a candidate, or why there is none."""
        if not numbers.is_wanted:
            return None, "it was not asked for"
        baseline = None if self.baseline is None else self.baseline.run
        try:
            checked = check_candidate(
                self._screen(trial).run,
                baseline,
                numbers.sizes or {},
                self._seed,
                numbers.rtol,
                numbers.atol,
                self._tell,
            )
        except InputError as error:
            return None, str(error)
        return checked, ""

    def _gap(self, best: Screened) -> Gap | None:
        """What makes the difference to the baseline, where only the program differs."""
        if self.baseline is None or self.baseline.run.setup != best.run.setup:
            return None
        cases = {(0, 0): self.baseline.run.case, (1, 0): best.run.case}
        return attribute_gap(cases, self._tell)

    def front(self, found: Found) -> tuple[Trial, ...]:
        """The front of wall-clock against on-chip memory, without races."""
        while True:
            front = pareto_front(found.eligible)
            races = [(trial, self._race(trial)) for trial in front]
            if all(told is None for _, told in races):
                return front
            for trial, told in races:
                if told is not None:
                    found.drop(trial, told)
