"""Running one task in numbers: its kernel's tile operations, loops and branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from devices.errors import InputError
from devices.expression import Symbol, evaluate
from devices.kernel import Branch, Kernel, Loop, Memory, Statement, Tile, TileOp, walk
from runtime.errors import LanguageError
from runtime.graph import View
from runtime.numerics.elements import Array, storage_dtype, stored
from runtime.numerics.memory import GlobalMemory
from runtime.numerics.operations import compute, is_computable
from runtime.submits import Submits

__all__ = ["Observer", "check_computable", "run_task"]


class Observer(Protocol):
    """Told of everything that tasks write, in the order in which they write it."""

    def __call__(self, task: int, view: View, offset: tuple[int, ...], values: Array) -> None:
        """`task` writes `values` into `view` at `offset` (elements of the view)."""


def check_computable(submits: Submits) -> None:
    """Refuse a program that has something without numbers, before anything runs.

    Raises
    ------
    LanguageError
        Names operation and line: an operation or a dtype that is not supported, or a store that
        would change the dtype of a vector tile.
    """
    for kernel in submits.kernels:
        for op in walk(kernel.body):
            problem = _problem(op, kernel)
            if problem:
                raise LanguageError(f"{submits.file}:{op.line}: {op.name}: {problem}")
    for view in submits.arguments:
        storage_dtype(view.buffer.dtype)


def _problem(op: TileOp, kernel: Kernel) -> str:
    if not is_computable(op):
        return "this operation has no numbers here"
    tiles = op.operands if op.result is None else (op.result, *op.operands)
    try:
        for tile in tiles:
            storage_dtype(tile.dtype)
    except InputError as error:
        return str(error)
    if op.box is not None and op.result is None:
        parameter, tile = kernel.parameters[op.box.parameter], op.operands[0]
        both_float = tile.dtype.is_float and parameter.dtype.is_float
        # An accumulator is rounded as it leaves L0C; a vector tile is stored as it is.
        rounds = tile.memory is Memory.L0C and both_float
        if tile.dtype != parameter.dtype and not rounds:
            return f"a tile of {tile.dtype} goes into {parameter.name!r} of {parameter.dtype}; cast"
    return ""


def run_task(
    submits: Submits, task: int, memory: GlobalMemory, observe: Observer | None = None
) -> None:
    """Run one task of a recorded program: it reads and writes `memory`."""
    kernel = submits.kernels[submits.kernel[task]]
    values = dict(zip(kernel.scalars, submits.scalars[task], strict=True))
    _Frame(task, submits.views[task], memory, values, observe).run(kernel.body)


class _Frame:
    """The tiles and scalars of one task."""

    def __init__(
        self,
        task: int,
        views: Sequence[View],
        memory: GlobalMemory,
        values: dict[Symbol, int],
        observe: Observer | None,
    ) -> None:
        self.task = task
        self.views = views
        self.memory = memory
        self.values = values
        self.observe = observe
        self.tiles: dict[Tile, Array] = {}

    def run(self, body: Sequence[Statement]) -> None:
        for statement in body:
            if isinstance(statement, TileOp):
                _EXECUTE.get(statement.name, _Frame.compute)(self, statement)
            elif isinstance(statement, Loop):
                self.loop(statement)
            else:
                self.branch(statement)

    def loop(self, loop: Loop) -> None:
        start, step, trips = (evaluate(x, self.values) for x in (loop.start, loop.step, loop.trips))
        tiles = self.tiles
        for carried in loop.carried:
            tiles[carried.argument] = tiles[carried.initial]
        for trip in range(trips):
            self.values[loop.variable] = start + trip * step
            self.run(loop.body)
            updated = [tiles[carried.updated] for carried in loop.carried]
            for carried, array in zip(loop.carried, updated, strict=True):
                tiles[carried.argument] = array
        for carried in loop.carried:
            tiles[carried.result] = tiles[carried.argument]

    def branch(self, branch: Branch) -> None:
        taken = evaluate(branch.condition, self.values)
        self.run(branch.then if taken else branch.orelse)

    def load(self, op: TileOp) -> None:
        view, offset, shape = self.place(op)
        array = self.memory.read(view, offset, shape)
        assert op.result is not None, "a load makes a tile"  # noqa: S101 - narrows the type
        self.tiles[op.result] = array.T if op.attributes.get("transposed") else array

    def store(self, op: TileOp) -> None:
        view, offset, _ = self.place(op)
        values = stored(self.tiles[op.operands[0]], view.buffer.dtype)
        self.memory.write(view, offset, values)
        if self.observe is not None:
            self.observe(self.task, view, offset, values)

    def compute(self, op: TileOp) -> None:
        operands = [self.tiles[tile] for tile in op.operands]
        assert op.result is not None, "only stores make no tile"  # noqa: S101 - narrows the type
        self.tiles[op.result] = compute(op, operands, self.values)

    def place(self, op: TileOp) -> tuple[View, tuple[int, ...], tuple[int, ...]]:
        box = op.box
        assert box is not None, "loads and stores have one"  # noqa: S101 - narrows the type
        offset = tuple([evaluate(start, self.values) for start in box.offset])
        return self.views[box.parameter], offset, box.shape


_EXECUTE: dict[str, Callable[[_Frame, TileOp], None]] = {
    "tile.load": _Frame.load,
    "tile.store": _Frame.store,
}
