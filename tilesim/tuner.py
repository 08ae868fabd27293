"""Tuning: the parameters with which a program runs best, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from time import perf_counter

from devices.errors import InputError
from runtime.attribution import Gap, attribute_gap
from tilesim.feasibility import Feasibility, Fit, OnChip, Reason
from tilesim.journal import Journal
from tilesim.local_pool import LocalPool, run_here, usable_cores
from tilesim.objective import Objective, read_objective
from tilesim.pareto import pareto_front
from tilesim.point_queue import PointQueue
from tilesim.points import Origin, Point, Row
from tilesim.replay import Report
from tilesim.screening import Screened, screen
from tilesim.search import Found, RunPoints, Searcher, Trial
from tilesim.search_space import SearchSpace, make_space
from tilesim.setup_words import Value, Words, setup_of
from tilesim.tuning import Best, Rejected, Tuning
from tilesim.tuning_check import Checked, check_candidate
from tilesim.tuning_choices import Choices, Numbers

__all__ = ["Tuner", "tune", "tune_space"]

MOST_CHECKS = 10
"""Candidates whose numbers are checked before the search counts as failed."""


def tune(
    source: str,
    over: Mapping[str, Iterable[Value] | str] | Sequence[str],
    settings: Mapping[str, int] | None = None,
    setup: Words | None = None,
    *,
    choices: Choices | None = None,
    numbers: Numbers | None = None,
    call: str | None = None,
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
    choices : Choices, optional
        How it is searched.
    numbers : Numbers, optional
        How candidates are checked.
    call : str, optional
        Name of the program in a file that has several.
    report : callable, optional
        Told each step that begins.

    Raises
    ------
    InputError
        Something does not exist or fit.
    """
    chosen = choices or Choices()
    space = make_space(Origin(source, call), over, settings, setup)
    return tune_space(space, chosen, numbers or Numbers(), report)


def tune_space(
    space: SearchSpace,
    choices: Choices,
    numbers: Numbers,
    report: Report | None = None,
    journal: Journal | None = None,
) -> Tuning:
    """Search a space.

    Parameters
    ----------
    journal : Journal, optional
        Of the same plan: what it has is not run again, and what runs is noted in it.

    Raises
    ------
    InputError
        As `tune`.
    """
    began, tell = perf_counter(), report or (lambda _: None)
    tuner = Tuner(space, choices, tell)
    with ExitStack() as stack:
        run = _runner(choices, stack)
        found = tuner.search(run if journal is None else _noted(run, journal))
    best, rejected = tuner.choose(found, numbers)
    return Tuning(
        space=space,
        objective=tuner.objective,
        fit=Fit(choices.fit),
        budget=choices.budget,
        seed=choices.seed,
        baseline=tuner.baseline,
        baseline_on_chip=tuner.baseline_on_chip,
        no_baseline=tuner.no_baseline,
        found=found,
        best=best,
        rejected=rejected,
        front=tuner.front(found),
        seconds=perf_counter() - began,
    )


def _runner(choices: Choices, stack: ExitStack) -> RunPoints:
    """What runs points: processes that stay until the stack is closed, or this one."""
    if choices.jobs == 0:
        return run_here
    pool = stack.enter_context(LocalPool(min(choices.jobs or usable_cores(), choices.budget)))

    def run(points: Sequence[Point]) -> Iterator[Row]:
        return pool.run(_by_program(points))

    return run


def _noted(run: RunPoints, journal: Journal) -> RunPoints:
    """What runs points that a journal does not have, and notes them."""

    def run_others(points: Sequence[Point]) -> Iterator[Row]:
        known = [p.number for p in points if p.number in journal.rows]
        yield from [journal.rows[number] for number in known]
        for row in run([p for p in points if p.number not in known]):
            journal.add(row)
            yield row

    return run_others


def _by_program(points: Sequence[Point]) -> PointQueue:
    groups: dict[object, list[Point]] = {}
    for point in points:
        groups.setdefault(point.program, []).append(point)
    return PointQueue(groups.values())


class Tuner:
    """The steps of tuning, with what they share."""

    def __init__(self, space: SearchSpace, choices: Choices, tell: Report) -> None:
        self.space = space
        self.objective: Objective = read_objective(choices.objective)
        self.baseline: Screened | None = None
        self.baseline_on_chip: OnChip | None = None
        self.no_baseline = ""
        self._choices = choices
        self._tell = tell
        self._feasibility = Feasibility(space, Fit(choices.fit))
        self._screened: dict[int, Screened] = {}

    def search(self, run: RunPoints) -> Found:
        """Run the baseline, then points."""
        plan = self.space.plan
        try:
            setup = setup_of(plan.setup)
            self.baseline_on_chip = self._feasibility.measure(plan.settings, setup)
            self.baseline = screen(self.space.workload, plan.settings, setup, self._tell)
        except InputError as error:
            self.no_baseline = str(error)
        searcher = Searcher(
            self.space, self._feasibility, run, self._race, self.objective, self._tell
        )
        return searcher.search(self._choices.budget, self._choices.seed, self._baseline_number())

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
        if self._choices.allow_races:
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
                found.drop(trial, Reason.RACE, race)
                continue
            checked, unchecked = self._check(trial, numbers)
            problem = None if checked is None else checked.problem
            if problem is not None:
                found.drop(trial, Reason.NUMBERS, problem)
                rejected.append(Rejected(trial, problem))
                continue
            screened = self._screen(trial)
            best = Best(trial, screened, checked, unchecked, self._gap(screened))
            return best, tuple(rejected)
        return None, tuple(rejected)

    def _rank(self, trial: Trial) -> tuple[float, float, int]:
        return self.objective.cost(trial.row), trial.on_chip.largest, trial.number

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
                self._choices.seed,
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
                    found.drop(trial, Reason.RACE, told)
