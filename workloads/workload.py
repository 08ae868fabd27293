"""What a workload is: a program with parameters, and what it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import lcm
from typing import Any

from devices.errors import InputError, unknown_name
from runtime.handwritten import Orchestration, submits_of
from runtime.host_memory import InputValue
from runtime.language import Lowering, Program
from runtime.submits import Submits
from workloads.numbers import Numbers

__all__ = ["Workload"]


@dataclass(frozen=True, slots=True)
class Workload:
    """A program with parameters.

    Attributes
    ----------
    name, summary : str
        What to call it, and one line about it.
    defaults : mapping of str to int
        Parameters with their default values, in elements.
    build : callable
        Makes the program of the parameters, given as keywords: in the language, or by hand.
    divides : tuple of (str, str or int)
        Pairs ``(whole, part)``: `whole` must be a multiple of the parameter or number `part`.
    numbers : Numbers or None
        How to check what it computes, if that is known.
    inputs : callable or None
        ``inputs(**parameters)`` gives what the orchestration reads, by the name of the tensor, if
        it reads any.
    given : mapping
        What the user gives of that in place.
    """

    name: str
    summary: str
    defaults: Mapping[str, int]
    build: Callable[..., Program | Orchestration]
    divides: tuple[tuple[str, str | int], ...] = ()
    numbers: Numbers | None = None
    inputs: Callable[..., Mapping[str, InputValue]] | None = None
    given: Mapping[str, InputValue] = field(default_factory=dict)

    def parameters(self, settings: Mapping[str, Any]) -> dict[str, int]:
        """All parameters, with `settings` in place of defaults.

        Raises
        ------
        InputError
            An unknown parameter, a value that is no positive integer, or sizes that do not
            divide.
        """
        for name, value in settings.items():
            if name not in self.defaults:
                raise unknown_name(f"parameter of {self.name}", name, self.defaults)
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise InputError(f"{self.name}: {name} is a positive integer, not {value!r}")
        chosen = {**self.defaults, **settings}
        for whole, part in self.divides:
            size = part if isinstance(part, int) else chosen[part]
            if chosen[whole] % size:
                by = f"{part} {size}" if isinstance(part, str) else str(part)
                raise InputError(
                    f"{self.name}: {whole} {chosen[whole]} is not a multiple of {by}; "
                    f"the nearest that fit: {self._nearest(whole, chosen)}"
                )
        return chosen

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

    def submits(
        self, parameters: Mapping[str, int], lowering: Lowering = Lowering.APRIL
    ) -> Submits:
        """The submits of the program with all `parameters` given.

        Raises
        ------
        InputError
            The program cannot be read.
        """
        return submits_of(self.build(**parameters), lowering, self.read_values(parameters))
