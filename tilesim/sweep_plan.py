"""The plan of a sweep: the product of its axes, as points in the order that builds least."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np

from devices.errors import InputError
from tilesim.axes import Axis, make_axes, parameter_names
from tilesim.points import Origin, Point
from tilesim.setup_words import Value, Words, forget_files, setup_of
from tilesim.sources import Subject
from workloads.recorded_workload import RecordedWorkload

__all__ = ["MOST_POINTS", "Plan", "make_plan"]

MOST_POINTS = 100_000
"""Points of a sweep, at the most: at the 10 ms of a small program they take 17 minutes."""

_GRAPH = ("dependencies", "lookup_cap", "runtime", "runtime.rings", "runtime.lookup_cap")
"""What changes the graph of a program, or may."""


@dataclass(frozen=True)
class Plan:
    """What a sweep runs.

    Attributes
    ----------
    name : str
        The workload, as the user names it.
    origin : Origin
        Where it comes from.
    axes : tuple of Axis
        What is varied; the last one varies fastest in the numbers of the points.
    settings : mapping of str to int
        Parameters that all points have.
    setup : mapping
        Words of the setup that all points have.
    """

    name: str
    origin: Origin
    axes: tuple[Axis, ...]
    settings: Mapping[str, int] = field(default_factory=dict)
    setup: Words = field(default_factory=dict)

    @property
    def count(self) -> int:
        """Points."""
        return prod(len(axis.values) for axis in self.axes)

    def point(self, number: int) -> Point:
        """One point by its number."""
        values: dict[str, Value] = {}
        place = number
        for axis in reversed(self.axes):
            place, which = divmod(place, len(axis.values))
            values[axis.name] = axis.values[which]
        parameters = {a.word: int(values[a.name]) for a in self.axes if a.is_parameter}
        words = {a.word: values[a.name] for a in self.axes if not a.is_parameter}
        # The seed is also that of noise; a run that only differs in seed is the first of a repeat.
        noise: Words = {"repeat": 0} if "seed" in words and "repeat" not in self.setup else {}
        return Point(
            number,
            self.origin,
            {**self.settings, **parameters},
            {**self.setup, **noise, **words},
            {axis.name: values[axis.name] for axis in self.axes},
        )

    def groups(self, done: Collection[int] = ()) -> Iterator[list[Point]]:
        """Points that are not done, in groups of one program, those of one graph together."""
        slow = [n for n, axis in enumerate(self.axes) if _changes_program(axis)]
        graph = [n for n, a in enumerate(self.axes) if n not in slow and a.word in _GRAPH]
        device = [
            n for n, a in enumerate(self.axes) if a.word.split(".")[0] == "device" and n not in slow
        ]
        fast = [n for n in range(len(self.axes)) if n not in (*slow, *graph, *device)]
        order = [*slow, *graph, *device, *fast]
        shape = [len(axis.values) for axis in self.axes]
        numbers = np.arange(self.count).reshape(shape).transpose(order)
        programs = prod(shape[n] for n in slow)
        for row in numbers.reshape(programs, -1):
            points = [self.point(number) for number in row.tolist() if number not in done]
            if points:
                yield points


def _changes_program(axis: Axis) -> bool:
    return axis.is_parameter or axis.word == "lowering"


def make_plan(
    origin: Origin,
    axes: Mapping[str, Iterable[Value] | str] | Sequence[str],
    settings: Mapping[str, int] | None = None,
    setup: Words | None = None,
    option: str = "axis",
    most: int = MOST_POINTS,
) -> Plan:
    """Check everything that a sweep can be known to fail with before it runs.

    Parameters
    ----------
    origin : Origin
        The workload.
    axes : mapping or sequence of str
        As for `make_axes`.
    settings, setup : mapping, optional
        What all points have.
    option : str
        What to call an axis in messages.
    most : int
        Points that there may be.

    Raises
    ------
    InputError
        Something does not exist or fit, an axis is also set to one value, or there are too many
        points.
    """
    settings, setup = settings or {}, setup or {}
    forget_files()
    subject = origin.find()
    setup_of(setup)
    made = make_axes(axes, subject, setup, option)
    if not made:
        raise InputError(f"a sweep varies something; give {option} policy=runtime,heft or others")
    for axis in made:
        if axis.word in (settings if axis.is_parameter else setup):
            raise InputError(f"{axis.name} is varied and also set to one value; leave one out")
    _check_settings(subject, settings, made)
    plan = Plan(subject.name, origin, made, settings, setup)
    if plan.count > most:
        sizes = " x ".join(str(len(axis.values)) for axis in made)
        raise InputError(
            f"the axes give {plan.count:,} points ({sizes}), and there may be at most "
            f"{most:,}; leave out values, or sweep in parts"
        )
    return plan


def _check_settings(subject: Subject, settings: Mapping[str, int], axes: Sequence[Axis]) -> None:
    """Refuse settings of parameters that the workload has not, and parameters without a value.

    Sizes that do not fit each other are left to the points, as others may fit.
    """
    known = parameter_names(subject)
    first = {axis.name: int(axis.values[0]) for axis in axes if axis.is_parameter}
    chosen = {**settings, **first}
    required = () if isinstance(subject, RecordedWorkload) else subject.required
    if any(name not in known for name in settings) or any(n not in chosen for n in required):
        subject.parameters(chosen)  # says what is wrong
