"""Kernels of a recorded run: names, cores and tensors are known, operations are not.

What a task names stands for what it touches: its kernel loads all that it may read and stores all
that it may write, whole.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from devices.expression import Symbol
from devices.kernel import (
    Box,
    Branch,
    CoreType,
    Direction,
    Kernel,
    Memory,
    Parameter,
    Statement,
    Tile,
    TileOp,
)
from runtime.graph import View
from workloads.formats.task_functions import ABSENT, UNKNOWN_AIC, UNKNOWN_AIV, Functions

__all__ = ["KernelTable", "function_name"]

_MOST_VARIANTS = 64
"""Sets of shapes with which one kernel is called, before a new kernel is made for further ones."""

_READ = (Direction.IN, Direction.INOUT)
_WRITTEN = (Direction.OUT, Direction.OUT_EXISTING, Direction.INOUT)

_Shapes = tuple[tuple[int, ...], ...]


def function_name(function: int, names: Mapping[int, str]) -> str:
    """What to call a function."""
    unknown = {UNKNOWN_AIC: "unknown_aic", UNKNOWN_AIV: "unknown_aiv"}
    return names.get(function) or unknown.get(function, f"func_{function}")


@dataclass
class _Recorded:
    """A kernel, while the shapes with which it is called are collected."""

    functions: Functions
    parameters: tuple[Parameter, ...]
    variants: dict[_Shapes, int] = field(default_factory=dict)


class KernelTable:
    """Numbers kernels by what they execute and what they take.

    Parameters
    ----------
    names : mapping of int to str
        Names of functions.
    """

    def __init__(self, names: Mapping[int, str]) -> None:
        self._names = names
        self._open: dict[tuple[Functions, tuple[object, ...]], int] = {}
        self._recorded: list[_Recorded] = []
        self._sides: dict[tuple[int, CoreType], Kernel] = {}

    def __len__(self) -> int:
        return len(self._recorded)

    def functions(self, number: int) -> Functions:
        """What a kernel executes."""
        return self._recorded[number].functions

    def add(
        self, functions: Functions, views: Sequence[View], directions: Sequence[Direction]
    ) -> tuple[int, int]:
        """Number of the kernel of a task, and which of its sets of shapes the task has."""
        shapes = tuple([view.shape for view in views])
        taken = tuple(
            [
                (view.buffer.dtype, len(view.shape), direction)
                for view, direction in zip(views, directions, strict=True)
            ]
        )
        number = self._open.get((functions, taken))
        if number is not None:
            known = self._recorded[number].variants
            if shapes in known or len(known) < _MOST_VARIANTS:
                return number, known.setdefault(shapes, len(known))
        parameters = tuple(
            Parameter(f"arg{place}", view.shape, view.buffer.dtype, direction)
            for place, (view, direction) in enumerate(zip(views, directions, strict=True))
        )
        self._open[functions, taken] = len(self._recorded)
        self._recorded.append(_Recorded(functions, parameters, {shapes: 0}))
        return len(self._recorded) - 1, 0

    def has_variants(self, number: int) -> bool:
        """Whether tasks tell a kernel by a scalar which shapes they have."""
        return len(self._recorded[number].variants) > 1

    def kernels(self, shares: Mapping[int, tuple[float, ...]]) -> list[Kernel]:
        """All kernels; `shares` has which part of its time each side of a MIX kernel is busy."""
        return [
            self._kernel(number, recorded, shares.get(number, ()))
            for number, recorded in enumerate(self._recorded)
        ]

    def _kernel(self, number: int, recorded: _Recorded, shares: tuple[float, ...]) -> Kernel:
        cube, vectors = recorded.functions[0], recorded.functions[1:]
        present = [f for f in recorded.functions if f != ABSENT]
        lanes = [f for f in vectors if f != ABSENT]
        is_mix = len(present) > 1
        core = CoreType.AIC if not lanes else CoreType.AIV
        symbol = Symbol("shapes")
        scalars = (symbol,) if self.has_variants(number) else ()
        bodies = [
            _body(recorded.parameters, shapes, CoreType.AIV if lanes else CoreType.AIC)
            for shapes in recorded.variants
        ]
        body = bodies[-1]
        for place in range(len(bodies) - 2, -1, -1):
            body = (Branch(symbol < place + 1, bodies[place], body),)
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
            scalars,
            body,
            0,
            vector_lanes=max(len(lanes), 1),
            sides=sides,
            side_shares=shares if is_mix else (),
        )

    def _side(self, function: int, core: CoreType) -> Kernel:
        """A kernel of which nothing but the name is known."""
        key = function, core
        if key not in self._sides:
            name = function_name(function, self._names)
            self._sides[key] = Kernel(name, core, (), (), (), 0)
        return self._sides[key]


def _body(
    parameters: Sequence[Parameter], shapes: _Shapes, core: CoreType
) -> tuple[Statement, ...]:
    memory = Memory.L1 if core is CoreType.AIC else Memory.UB
    body: list[Statement] = []
    for place, (parameter, shape) in enumerate(zip(parameters, shapes, strict=True)):
        tile = Tile(shape, parameter.dtype, memory)
        box = Box(place, shape, (0,) * len(shape))
        if parameter.direction in _READ:
            body.append(TileOp("tile.load", tile, (), 0, box))
        if parameter.direction in _WRITTEN:
            body.append(TileOp("tile.store", None, (tile,), 0, box))
    return tuple(body)
