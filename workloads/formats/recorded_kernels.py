"""Kernels of a recorded run: names, cores and tensors are known, operations are not.

What a task names stands for what it touches, whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from devices.kernel import CoreType, Direction, Kernel, Parameter
from runtime.graph import View
from workloads.formats.task_functions import ABSENT, UNKNOWN_AIC, UNKNOWN_AIV, Functions

__all__ = ["KernelTable", "function_name"]


def function_name(function: int, names: Mapping[int, str]) -> str:
    """What to call a function."""
    unknown = {UNKNOWN_AIC: "unknown_aic", UNKNOWN_AIV: "unknown_aiv"}
    return names.get(function) or unknown.get(function, f"func_{function}")


@dataclass(frozen=True, slots=True)
class _Recorded:
    """What a kernel executes, and the arguments of its first task."""

    functions: Functions
    parameters: tuple[Parameter, ...]


class KernelTable:
    """Numbers kernels by what they execute and what they take.

    Parameters
    ----------
    names : mapping of int to str
        Names of functions.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._numbers: dict[tuple[Functions, tuple[object, ...]], int] = {}
        self._recorded: list[_Recorded] = []
        self._sides: dict[tuple[int, CoreType], Kernel] = {}

    def __len__(self) -> int:
        return len(self._recorded)

    def functions(self, number: int) -> Functions:
        """What a kernel executes."""
        return self._recorded[number].functions

    def add(
        self, functions: Functions, views: Sequence[View], directions: Sequence[Direction]
    ) -> int:
        """Number of the kernel of a task."""
        taken = tuple(
            [
                (view.buffer.dtype, len(view.shape), direction)
                for view, direction in zip(views, directions, strict=True)
            ]
        )
        number = self._numbers.setdefault((functions, taken), len(self._recorded))
        if number == len(self._recorded):
            parameters = tuple(
                Parameter(f"arg{place}", view.shape, view.buffer.dtype, direction)
                for place, (view, direction) in enumerate(zip(views, directions, strict=True))
            )
            self._recorded.append(_Recorded(functions, parameters))
        return number

    def kernels(self, shares: Mapping[int, tuple[float, ...]]) -> list[Kernel]:
        """All kernels; `shares` has `Kernel.core_shares` of the MIX kernels."""
        return [
            self._kernel(recorded, shares.get(number, ()))
            for number, recorded in enumerate(self._recorded)
        ]

    def _kernel(self, recorded: _Recorded, shares: tuple[float, ...]) -> Kernel:
        cube, vectors = recorded.functions[0], recorded.functions[1:]
        present = [f for f in recorded.functions if f != ABSENT]
        lanes = [f for f in vectors if f != ABSENT]
        is_mix = len(present) > 1
        core = CoreType.AIC if not lanes else CoreType.AIV
        if not is_mix and not recorded.parameters:
            return self._side(present[0], core)
        one = is_mix and cube != ABSENT and len(set(present)) == 1
        sides: tuple[Kernel | None, ...] = ()
        if is_mix and not one:
            sides = tuple(
                None if f == ABSENT else self._side(f, CoreType.AIV if place else CoreType.AIC)
                for place, f in enumerate(recorded.functions)
            )
        names = dict.fromkeys(function_name(f, self._names) for f in present)
        return Kernel(
            "+".join(names),
            CoreType.MIX if is_mix else core,
            recorded.parameters,
            (),
            (),
            0,
            vector_lanes=max(len(lanes), 1),
            sides=sides,
            recorded=False,
            core_shares=shares if is_mix else (),
        )

    def _side(self, function: int, core: CoreType) -> Kernel:
        """A kernel of which nothing but the name is known."""
        key = function, core
        if key not in self._sides:
            name = function_name(function, self._names)
            self._sides[key] = Kernel(name, core, (), (), (), 0, recorded=False)
        return self._sides[key]
