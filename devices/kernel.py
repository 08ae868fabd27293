"""What a kernel is: tile operations on one core, in loops, on arguments in global memory.

A kernel is recorded once. Its loops stay loops and its offsets stay expressions of its scalar
arguments, so that one record serves every task that executes it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from devices.dtypes import DType
from devices.expression import Scalar, Symbol, evaluate

__all__ = [
    "Box",
    "Branch",
    "Carried",
    "CoreType",
    "Direction",
    "Kernel",
    "Loop",
    "Memory",
    "Parameter",
    "Statement",
    "Tile",
    "TileOp",
    "executions",
    "global_bytes",
    "home",
    "passed_by",
    "renumbered",
    "walk",
]


class Memory(Enum):
    """Where a tile lives; the values are the names that the compiler prints."""

    GM = "GM"
    L1 = "Mat"
    L0A = "Left"
    L0B = "Right"
    L0C = "Acc"
    UB = "Vec"


class CoreType(Enum):
    """The core that executes a kernel."""

    AIC = "aic"
    AIV = "aiv"
    MIX = "mix"
    """One cube core and one or two vector cores of a cluster."""


class Direction(Enum):
    """How a task uses an argument; decides which edges the runtime finds for it."""

    IN = "in"
    OUT = "out"
    """Allocated by the runtime, for this task to write."""
    OUT_EXISTING = "out_existing"
    INOUT = "inout"
    NO_DEP = "no_dep"
    """Read or written without being tracked; only the tensor's creator is waited for."""


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """A value in an on-chip memory. Two tiles are the same only if they are one object."""

    shape: tuple[int, ...]
    dtype: DType
    memory: Memory

    @property
    def nbytes(self) -> int:
        """Bytes that the tile takes."""
        return self.dtype.nbytes(math.prod(self.shape))

    def __repr__(self) -> str:
        return f"{self.dtype}[{','.join(map(str, self.shape))}]@{self.memory.value}"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A tensor argument of a kernel, as the kernel sees it: shape in elements, direction."""

    name: str
    shape: tuple[int, ...]
    dtype: DType
    direction: Direction


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle of a tensor argument that a load reads or a store writes.

    Attributes
    ----------
    parameter : int
        Position of the argument among the kernel's parameters.
    shape, offset : tuple
        Elements in every dimension, and where the rectangle starts.
    """

    parameter: int
    shape: tuple[int, ...]
    offset: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class TileOp:
    """One tile operation.

    Attributes
    ----------
    name : str
        The compiler's name for it, such as ``"tile.load"``.
    result : Tile or None
        What it makes; None for a store.
    operands : tuple of Tile
        What it reads on chip.
    box : Box or None
        The rectangle in global memory, for loads and stores.
    attributes : mapping
        What else numerics needs: ``scalar``, ``value``, ``mode``, ``transposed``, ``offset``,
        ``valid``, ``pad``.
    line : int
        Line of the user's program.
    """

    name: str
    result: Tile | None
    operands: tuple[Tile, ...]
    line: int
    box: Box | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Carried:
    """A tile that a loop carries from one iteration to the next.

    In the body it is `argument`: `initial` in the first iteration, then `updated` of the one
    before; after the loop it is `result`.
    """

    initial: Tile
    argument: Tile
    updated: Tile
    result: Tile


@dataclass(frozen=True, slots=True)
class Loop:
    """A counted loop: its variable is `start`, then `start + step` and so on, `trips` times.

    `stages` > 1: iterations overlap in a software pipeline of that depth.
    """

    variable: Symbol
    start: Scalar
    step: Scalar
    trips: Scalar
    body: tuple[Statement, ...]
    carried: tuple[Carried, ...] = ()
    stages: int = 1


@dataclass(frozen=True, slots=True)
class Branch:
    """A conditional on scalars."""

    condition: Scalar
    then: tuple[Statement, ...]
    orelse: tuple[Statement, ...]


Statement = TileOp | Loop | Branch


@dataclass(frozen=True, slots=True, eq=False)
class Kernel:
    """The code of a region.

    Attributes
    ----------
    name : str
        Function name with the region's number, as the compiler names it.
    core : CoreType
        The core that runs it.
    parameters : tuple of Parameter
        Tensor arguments in the order in which the task passes them.
    scalars : tuple of Symbol
        Scalar arguments, likewise.
    body : tuple of Statement
        Operations in program order.
    line : int
        Line of the region in the user's program.
    vector_lanes : int
        Vector cores of a MIX kernel: 1, or 2 of which each does half of every vector operation.
    sides : tuple of Kernel or None
        Of a MIX kernel that was put together from kernels: what the cube core and the vector
        cores run, each by itself. Empty where `body` has the operations of all.
    recorded : bool
        Whether `body` has its operations. A kernel that a file names has arguments at most.
    core_shares : tuple of float
        Of a MIX kernel that is not recorded: how long each core of the cluster is busy, cube core
        first, as a part of the time of the longest; 0 for a core that it does not take.
    """

    name: str
    core: CoreType
    parameters: tuple[Parameter, ...]
    scalars: tuple[Symbol, ...]
    body: tuple[Statement, ...]
    line: int
    vector_lanes: int = 1
    sides: tuple[Kernel | None, ...] = ()
    recorded: bool = True
    core_shares: tuple[float, ...] = ()

    def __repr__(self) -> str:
        return f"Kernel({self.name}, {self.core.value}, {len(self.parameters)} arguments)"


def walk(body: tuple[Statement, ...]) -> Iterator[TileOp]:
    """Every tile operation in `body`, once each, in program order."""
    for statement in body:
        if isinstance(statement, Loop):
            yield from walk(statement.body)
        elif isinstance(statement, Branch):
            yield from walk(statement.then)
            yield from walk(statement.orelse)
        else:
            yield statement


def home(op: TileOp) -> CoreType:
    """The core type that has the memories which an operation uses; a pass counts as vector work."""
    tiles = op.operands if op.result is None else (op.result, *op.operands)
    return CoreType.AIV if any(t.memory is Memory.UB for t in tiles) else CoreType.AIC


def passed_by(op: TileOp) -> CoreType | None:
    """The core type that passes a tile to the other one of its cluster, if the operation does."""
    if op.name != "tile.move" or op.result is None:
        return None
    ways = {(Memory.L0C, Memory.UB): CoreType.AIC, (Memory.UB, Memory.L1): CoreType.AIV}
    return ways.get((op.operands[0].memory, op.result.memory))


def executions(
    body: tuple[Statement, ...], values: Mapping[Symbol, Any]
) -> Iterator[tuple[TileOp, int]]:
    """Every tile operation that runs, with how often it runs in one task.

    Parameters
    ----------
    body : tuple of Statement
        A kernel's body.
    values : mapping
        Integer value of each scalar argument.
    """
    for statement in body:
        if isinstance(statement, TileOp):
            yield statement, 1
        elif isinstance(statement, Branch):
            taken = statement.then if evaluate(statement.condition, values) else statement.orelse
            yield from executions(taken, values)
        else:
            yield from _loop_executions(statement, values)


def _loop_executions(loop: Loop, values: Mapping[Symbol, Any]) -> Iterator[tuple[TileOp, int]]:
    start, step, trips = (evaluate(x, values) for x in (loop.start, loop.step, loop.trips))
    if trips > 0 and _same_every_iteration(loop.body):
        for op, count in executions(loop.body, {**values, loop.variable: start}):
            yield op, count * trips
    else:
        for trip in range(trips):
            yield from executions(loop.body, {**values, loop.variable: start + trip * step})


def _same_every_iteration(body: tuple[Statement, ...]) -> bool:
    """Whether a loop body runs the same operations whatever the loop's variable is."""
    return all(
        isinstance(s, TileOp)
        or (isinstance(s, Loop) and isinstance(s.trips, int) and _same_every_iteration(s.body))
        for s in body
    )


def global_bytes(kernel: Kernel, values: Mapping[Symbol, Any]) -> tuple[list[int], list[int]]:
    """Bytes that one task loads from and stores to each of its tensor arguments.

    Returns
    -------
    loaded, stored : list of int
        Bytes per parameter.
    """
    loaded, stored = [0] * len(kernel.parameters), [0] * len(kernel.parameters)
    for op, count in executions(kernel.body, values):
        if op.box is None:
            continue
        dtype = kernel.parameters[op.box.parameter].dtype
        moved = loaded if op.result is not None else stored
        moved[op.box.parameter] += count * dtype.nbytes(math.prod(op.box.shape))
    return loaded, stored


def renumbered(body: Sequence[Statement], places: Mapping[int, int]) -> tuple[Statement, ...]:
    """`body` with every box naming its parameter by another place."""
    out: list[Statement] = []
    for statement in body:
        if isinstance(statement, Loop):
            out.append(replace(statement, body=renumbered(statement.body, places)))
        elif isinstance(statement, Branch):
            then, orelse = renumbered(statement.then, places), renumbered(statement.orelse, places)
            out.append(replace(statement, then=then, orelse=orelse))
        elif statement.box is not None:
            box = replace(statement.box, parameter=places[statement.box.parameter])
            out.append(replace(statement, box=box))
        else:
            out.append(statement)
    return tuple(out)
