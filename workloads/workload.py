"""What a workload is: a program with parameters, and what it computes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import lcm
from typing import Any

import numpy as np

from devices.errors import InputError, unknown_name
from runtime.garbage import garbage_collection_paused
from runtime.handwritten import Orchestration, submits_of
from runtime.host_memory import InputValue
from runtime.language import Lowering, Program
from runtime.submits import Submits
from workloads.numbers import Array, Numbers

__all__ = ["Group", "Workload"]


class Group(StrEnum):
    """What kind of program a workload is; in the order in which lists show them."""

    MODELS = "models"
    """Parts of a language model as they were published."""
    EXAMPLES = "examples"
    """Small programs that show the language."""
    ATTENTION = "attention"
    """Attention over a cache, written by hand."""
    KERNELS = "kernels"
    """One kernel each, to time it."""
    BENCHMARKS = "benchmarks"
    """Programs that measure the runtime rather than the cores."""
    GENERATORS = "generators"
    """Graphs of a known shape and any size, some of them drawn from a seed."""


@dataclass(frozen=True, slots=True)
class Workload:
    """A program with parameters.

    Attributes
    ----------
    name, summary : str
        What to call it, and one line about it.
    group : Group or None
        With what it is listed; None for what stands in no list.
    defaults : mapping of str to int
        Parameters with their default values, in elements.
    build : callable
        Makes the program of the parameters, given as keywords: in the language, or by hand.
    divides : tuple of (str, str or int)
        Pairs ``(whole, part)``: `whole` must be a multiple of the parameter or number `part`.
    ranges : mapping of str to (int, int or None)
        Least and largest value of parameters that are not simply positive: a seed may be 0, a
        percentage is at most 100. None is no limit.
    numbers : Numbers or None
        How to check what it computes, if that is known.
    inputs : callable or None
        ``inputs(**parameters)`` gives what the orchestration reads, by the name of the tensor, if
        it reads any.
    given : mapping
        What the user gives of that in place.
    noted : callable or None
        ``noted()`` tells, after a run, what a reader of its results has to know.
    required : tuple of str
        Parameters without a default.
    follows : mapping of str to str
        Parameters that have the value of another one unless they are given; their defaults are
        those of the default of that one.
    """

    name: str
    summary: str
    group: Group | None
    defaults: Mapping[str, int]
    build: Callable[..., Program | Orchestration]
    divides: tuple[tuple[str, str | int], ...] = ()
    ranges: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    numbers: Numbers | None = None
    inputs: Callable[..., Mapping[str, InputValue]] | None = None
    given: Mapping[str, InputValue] = field(default_factory=dict)
    noted: Callable[[], tuple[str, ...]] | None = None
    required: tuple[str, ...] = ()
    follows: Mapping[str, str] = field(default_factory=dict)

    def parameters(self, settings: Mapping[str, Any], free: Collection[str] = ()) -> dict[str, int]:
        """All parameters, with `settings` in place of defaults.

        Parameters
        ----------
        settings : mapping
            Parameters that are given.
        free : collection of str
            Parameters that may get any other value yet: what has to divide them, or be divided by
            them, is not looked at.

        Raises
        ------
        InputError
            An unknown parameter, a value that is no integer or out of its range, or sizes that do
            not divide.
        """
        for name, value in settings.items():
            if name not in self.defaults and name not in self.required:
                known = [*self.defaults, *self.required]
                raise unknown_name(f"parameter of {self.name}", name, known)
            self._check_range(name, value)
        missing = [name for name in self.required if name not in settings and name not in free]
        if missing:
            raise InputError(
                f"{self.name}: {missing[0]} has no default; give it with --set {missing[0]}=NUMBER"
            )
        chosen = {**self.defaults, **settings}
        for name, other in self.follows.items():
            chosen[name] = settings.get(name, chosen[other])
        followers = {n for n, other in self.follows.items() if n not in settings and other in free}
        for whole, part in self.divides:
            if not followers.union(free).isdisjoint((whole, part)):
                continue
            size = part if isinstance(part, int) else chosen[part]
            if chosen[whole] % size:
                by = f"{part} {size}" if isinstance(part, str) else str(part)
                raise InputError(
                    f"{self.name}: {whole} {chosen[whole]} is not a multiple of {by}; "
                    f"the nearest that fit: {self._nearest(whole, chosen)}"
                )
        return chosen

    def _check_range(self, name: str, value: Any) -> None:
        """Refuse what is no integer, or none that the parameter may be."""
        least, most = self.ranges.get(name, (1, None))
        is_integer = isinstance(value, int) and not isinstance(value, bool)
        if is_integer and value >= least and (most is None or value <= most):
            return
        if most is not None:
            kind = f"an integer from {least} to {most}"
        else:
            kind = "a positive integer" if least == 1 else f"an integer from {least} on"
        raise InputError(f"{self.name}: {name} is {kind}, not {value!r}")

    def _nearest(self, whole: str, chosen: Mapping[str, int]) -> str:
        """Values of `whole` next to the chosen one that everything divides."""
        parts = [part for divided, part in self.divides if divided == whole]
        step = lcm(*(part if isinstance(part, int) else chosen[part] for part in parts))
        below = chosen[whole] // step * step
        return f"{below} or {below + step}" if below else str(step)

    def program(self, settings: Mapping[str, Any] | None = None) -> Program | Orchestration:
        """The program with `settings` in place of defaults; raises as `parameters` does."""
        return self.build(**self.parameters(settings or {}))

    def read_values(self, parameters: Mapping[str, int]) -> dict[str, InputValue]:
        """What the orchestration finds in the tensors that it reads."""
        usual = {} if self.inputs is None else self.inputs(**parameters)
        return {**usual, **self.given}

    def drawn(self, seed: int, parameters: Mapping[str, int]) -> dict[str, Array]:
        """Inputs of a numeric run: drawn from a seed, but for what the orchestration reads.

        Raises
        ------
        InputError
            It is not known what the program computes, or what it reads has the wrong shape.
        """
        if self.numbers is None:
            raise InputError(f"{self.name} has no golden results to compare with")
        inputs = self.numbers.inputs(np.random.default_rng(seed), **parameters)
        for name, value in self.read_values(parameters).items():
            if name not in inputs:
                continue
            drawn, given = inputs[name], np.asarray(value)
            if given.shape not in ((), drawn.shape):
                raise InputError(
                    f"input {name!r} has shape {list(given.shape)}, and the program's tensor "
                    f"{list(drawn.shape)}"
                )
            inputs[name] = np.broadcast_to(given, drawn.shape).astype(drawn.dtype)
        return inputs

    def submits(
        self, parameters: Mapping[str, int], lowering: Lowering = Lowering.APRIL
    ) -> Submits:
        """The submits of the program with all `parameters` given.

        Raises
        ------
        InputError
            The program cannot be read.
        """
        with garbage_collection_paused():
            return submits_of(self.build(**parameters), lowering, self.read_values(parameters))
