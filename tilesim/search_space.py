"""The space that is searched: axes without the values that fit nothing, and the points that fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from devices.errors import InputError
from tilesim.axes import Axis
from tilesim.points import Origin, Point
from tilesim.setup_words import Value, Words
from tilesim.sources import program_of
from tilesim.sweep_plan import Plan, make_plan
from workloads.workload import Workload

__all__ = ["MOST_LISTED", "SearchSpace", "make_space"]

MOST_SPACE = 10**15
"""Points of a space, at the most: their numbers are exact then, wherever they are computed."""

MOST_LISTED = 20_000
"""Points of which each is looked at beforehand; of larger spaces only those that are asked for."""

OPTION = "--over"

_CHANCE = ("seed", "repeat")
"""Words of a setup that draw noise, and decide nothing."""


@dataclass(frozen=True)
class SearchSpace:
    """What is searched.

    Attributes
    ----------
    workload : Workload
        The program.
    plan : Plan
        Its points; values that fit no point are left out of the axes.
    given : int
        Points of the axes with all their values.
    unfit_value : str
        What is wrong with a value that was left out, if any was.
    """

    workload: Workload
    plan: Plan
    given: int
    unfit_value: str

    @cached_property
    def listed(self) -> tuple[int, ...] | None:
        """Numbers of the points whose sizes fit; None if there are too many to look at."""
        if self.plan.count > MOST_LISTED:
            return None
        return tuple(
            number
            for number in range(self.plan.count)
            if self.misfit(self.plan.point(number)) is None
        )

    @property
    def unfit_sizes(self) -> int | None:
        """Points whose sizes do not fit, if they were all looked at."""
        return None if self.listed is None else self.given - len(self.listed)

    @property
    def unfit_example(self) -> str:
        """What is wrong with the sizes of some point, if they are not all right."""
        points = map(self.plan.point, range(min(self.plan.count, MOST_LISTED)))
        return self.unfit_value or next(filter(None, map(self.misfit, points)), "")

    def misfit(self, point: Point) -> str | None:
        """What is wrong with the sizes of a point, if anything is."""
        return _error(self.workload, point.settings)


def make_space(
    origin: Origin,
    over: Mapping[str, Iterable[Value] | str] | Sequence[str],
    settings: Mapping[str, int] | None = None,
    setup: Words | None = None,
) -> SearchSpace:
    """The space of some axes.

    Parameters
    ----------
    origin : Origin
        The workload: a program.
    over : mapping or sequence of str
        Axes as for `tilesim.axes.make_axes`.
    settings, setup : mapping, optional
        What all points have.

    Raises
    ------
    InputError
        Something does not exist or fit, or no value of an axis fits.
    """
    workload = program_of(origin.find(), "tune; sweep varies what it runs on")
    plan = make_plan(origin, over, settings, setup, OPTION, MOST_SPACE)
    for axis in plan.axes:
        if axis.word in _CHANCE:
            raise InputError(f"{OPTION} {axis.name}: chance is nothing to choose; leave it out")
    parameters = [axis.name for axis in plan.axes if axis.is_parameter]
    fitting = [_fitting(axis, workload, plan, parameters) for axis in plan.axes]
    errors = [error for _, error in fitting if error]
    axes = tuple(axis for axis, _ in fitting)
    return SearchSpace(workload, replace(plan, axes=axes), plan.count, next(iter(errors), ""))


def _fitting(axis: Axis, workload: Workload, plan: Plan, varied: Sequence[str]) -> tuple[Axis, str]:
    """An axis without the values that fit no value of the others, and what is wrong with one."""
    if not axis.is_parameter:
        return axis, ""
    free = [name for name in varied if name != axis.name]
    errors = {
        value: _error(workload, {**plan.settings, axis.name: int(value)}, free)
        for value in axis.values
    }
    kept = tuple(value for value, error in errors.items() if error is None)
    if not kept:
        raise InputError(f"{OPTION} {axis.name}: no value fits; {errors[axis.values[0]]}")
    return replace(axis, values=kept), next(filter(None, errors.values()), "")


def _error(workload: Workload, settings: Mapping[str, int], free: Sequence[str] = ()) -> str | None:
    try:
        workload.parameters(settings, free)
    except InputError as error:
        return str(error)
    return None
