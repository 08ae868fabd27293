"""How long a kernel runs on one core, from the tile operations that it records.

Cube cores load rows one by one (asc-devkit's data-copy benchmarks), move, multiply and drain as in
PyPTO's L0 cost model; vector cores pay a head and repeats per operation (msKPP, pto-isa). The
constants are a device's. This is the time of a core that is alone on the device; what others do to
it is for the model of the shared memory.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from operator import add, attrgetter
from typing import Self

from devices.device import Device, stream_us
from devices.errors import InputError
from devices.expression import Symbol, evaluate, symbols
from devices.kernel import (
    Box,
    Branch,
    CoreType,
    Kernel,
    Loop,
    Memory,
    Statement,
    Tile,
    TileOp,
    walk,
)

__all__ = ["Clock", "KernelTime", "kernel_time_us", "timing_symbols"]

_Body = tuple[Statement, ...]
_Values = Mapping[Symbol, int]


@dataclass(frozen=True, slots=True)
class KernelTime:
    """Time of one execution of a kernel on one core, in the parts that add up to it.

    Where work overlaps, in a pipelined loop, the part that sets the pace has all of the time.

    Attributes
    ----------
    start_us, commit_us : float
        Before the first and after the last operation.
    load_latency_us, load_stream_us : float
        Waiting for the first byte of a group of loads, and for the rest.
    move_us, cube_us : float
        Moves into L0A and L0B, and multiplications.
    vector_us, sync_us : float
        Vector operations, and the waits between them.
    store_us : float
        Drains of L0C, and stores from UB.
    """

    start_us: float = 0.0
    load_latency_us: float = 0.0
    load_stream_us: float = 0.0
    move_us: float = 0.0
    cube_us: float = 0.0
    vector_us: float = 0.0
    sync_us: float = 0.0
    store_us: float = 0.0
    commit_us: float = 0.0

    @property
    def total_us(self) -> float:
        """Exec of the task: from its start to its end."""
        return math.fsum(self.parts.values())

    @property
    def parts(self) -> dict[str, float]:
        """The parts by their names, in us."""
        return dict(zip(self.__slots__, _parts(self), strict=True))

    def __add__(self, other: Self) -> Self:
        return type(self)(*map(add, _parts(self), _parts(other)))

    def __mul__(self, times: float) -> Self:
        return type(self)(*(part * times for part in _parts(self)))


_parts = attrgetter(*KernelTime.__slots__)
# What overlaps in a pipelined loop; each stage is one unit of the core.
_STAGES = (
    ("load_latency_us", "load_stream_us"),
    ("move_us",),
    ("cube_us",),
    ("vector_us", "sync_us"),
    ("store_us",),
)


def kernel_time_us(
    kernel: Kernel, device: Device, values: _Values | None = None, missed: float = 1.0
) -> KernelTime:
    """Time one execution of `kernel` on one core of `device`.

    The operations that stand directly in one body are a block. All loads of a block are issued
    together, so each execution of a block exposes the latency of memory once if it loads at
    all; its other operations follow one after the other. A loop takes its trips times its body.

    A pipelined loop (stages > 1) exposes the latency of its own loads once, and then in each trip
    what two buffers leave of it; beside that, a trip takes the longest of its loads, moves,
    multiplications, vector operations with their waits, and stores.

    A cube core loads row by row; rows that follow each other in memory merge into bursts of one
    L2 line. In a serial loop the unit that drains L0C works while the next trip loads; only what
    is left of a drain when the next product is due is waited for, and the last one.

    Parameters
    ----------
    kernel : Kernel
        What runs.
    device : Device
        Whose core runs it.
    values : mapping, optional
        The scalar arguments that trips and branches depend on (`timing_symbols` of its body).
    missed : float
        Part of what a cube core loads that is not in L2, 0 to 1. The port of a vector core is
        slower than either memory.

    Raises
    ------
    InputError
        A scalar has no value, or the device states no cost for an operation.
    """
    values = values or {}
    missing = timing_symbols(kernel.body) - values.keys()
    if missing:
        names = ", ".join(sorted(symbol.name for symbol in missing))
        raise InputError(f"{kernel.name}: its time depends on scalars without a value: {names}")
    costs = device.kernel
    fixed = KernelTime(start_us=costs.start_us.value, commit_us=costs.commit_us.value)
    clock = Clock(kernel, device, kernel.core, missed=missed)
    return fixed + clock.body(kernel.body, values)


def timing_symbols(body: _Body) -> frozenset[Symbol]:
    """Find the symbols from outside `body` that its trips and branches, and so its time, need."""
    found: set[Symbol] = set()
    for statement in body:
        if isinstance(statement, Loop):
            inner = timing_symbols(statement.body)
            found |= inner - {statement.variable}
            found.update(symbols(statement.trips))
            if statement.variable in inner:
                found.update(symbols(statement.start + statement.step))
        elif isinstance(statement, Branch):
            found.update(symbols(statement.condition))
            found |= timing_symbols(statement.then) | timing_symbols(statement.orelse)
    return frozenset(found)


class Clock:
    """Adds up the time of one kernel's bodies on one type of core.

    Parameters
    ----------
    kernel : Kernel
        What runs.
    device : Device
        Whose core runs it.
    core : CoreType
        Which of them.
    lanes : int
        Vector cores that share every vector operation.
    missed : float
        Part of what a cube core loads that is not in L2.
    """

    def __init__(
        self, kernel: Kernel, device: Device, core: CoreType, lanes: int = 1, missed: float = 1.0
    ) -> None:
        self.kernel = kernel
        self.device = device
        self.latency = KernelTime(load_latency_us=device.kernel.load_latency_us.value)
        self.core = core
        self.costs = _COSTS[core]
        self.lanes = lanes
        cube, ops = device.cube, list(walk(kernel.body))
        self.us_per_row = cube.row_issue_us.value + missed * cube.row_miss_us.value
        self.us_per_byte = stream_us(missed, cube.miss_gbps) + stream_us(
            1.0 - missed, cube.hit_gbps
        )
        self.scratch = {op.result for op in ops if op.name == "tile.create"}
        # A block costs the same each time, as shapes are constants; only trips and branches vary.
        self.blocks: dict[int, KernelTime] = {}

    def body(self, body: _Body, values: _Values) -> KernelTime:
        """Time one run of `body`."""
        time = self.block(body)
        for statement in body:
            if isinstance(statement, Loop):
                time += self.loop(statement, values)
            elif isinstance(statement, Branch):
                taken = evaluate(statement.condition, values)
                time += self.body(statement.then if taken else statement.orelse, values)
        return time

    def loop(self, loop: Loop, values: _Values) -> KernelTime:
        """Time all iterations."""
        time, last_drain_us = KernelTime(), 0.0
        for inner, count in _iterations(loop, values):
            if loop.stages > 1:
                time += self.pipelined(loop.body, inner) * count
                continue
            once = self.body(loop.body, inner)
            last_drain_us = self.hidden_drain_us(loop.body, once)
            time += (once + KernelTime(store_us=-last_drain_us)) * count
        is_primed = loop.stages > 1 and _loads(loop.body) and evaluate(loop.trips, values) > 0
        time += KernelTime(store_us=last_drain_us)  # nothing follows that hides it
        return time + self.latency if is_primed else time

    def pipelined(self, body: _Body, values: _Values) -> KernelTime:
        """Time what an iteration adds when iterations overlap: its slowest stage."""
        parts = self.body(body, values).parts
        if _loads(body):
            parts["load_latency_us"] += self.device.kernel.pipelined_latency_us.value
            parts["load_latency_us"] -= self.latency.load_latency_us
        slowest = max(_STAGES, key=lambda stage: sum(parts[name] for name in stage))
        return KernelTime(**{name: parts[name] for name in slowest})

    def hidden_drain_us(self, body: _Body, once: KernelTime) -> float:
        """What the next trip of a serial loop hides of the drains that stand directly in `body`.

        `once` is the time of one trip. From one product to the next there are loads and moves.
        """
        if self.core is not CoreType.AIC:
            return 0.0
        stores = (s for s in body if isinstance(s, TileOp) and s.name == "tile.store")
        drains_us = math.fsum(self.operation_us(op) for op in stores)
        return max(0.0, min(drains_us, once.total_us - drains_us - once.cube_us))

    def block(self, body: _Body) -> KernelTime:
        """Time the operations that stand directly in `body`."""
        time = self.blocks.get(id(body))
        if time is None:
            time = self.latency if _loads(body) else KernelTime()
            for op in body:
                if isinstance(op, TileOp):
                    time += self.operation(op)
            self.blocks[id(body)] = time
        return time

    def operation(self, op: TileOp) -> KernelTime:
        """Time one operation, without the latency that the loads of a block share."""
        if op.name in _FREE:
            return KernelTime()
        return self.costs.get(op.name, _vector_operation)(op, self)

    def operation_us(self, op: TileOp) -> float:
        """The same as a number."""
        return self.operation(op).total_us

    def drain_us(self, tile: Tile) -> float:
        """Time that a tile takes out of L0C."""
        m, n = math.prod(tile.shape[:-1]), tile.shape[-1]
        cycles = self.device.cube.drain_cycles(m, n, tile.dtype.nbytes(n))
        return self.device.cycles_us(cycles)


def _iterations(loop: Loop, values: _Values) -> Iterator[tuple[_Values, int]]:
    """Yield the values in an iteration and how many iterations run the same operations."""
    trips = max(0, evaluate(loop.trips, values))
    if loop.variable not in timing_symbols(loop.body):
        yield values, trips
        return
    start, step = evaluate(loop.start, values), evaluate(loop.step, values)
    for trip in range(trips):
        yield {**values, loop.variable: start + trip * step}, 1


def _loads(body: _Body) -> bool:
    return any(isinstance(op, TileOp) and op.name == "tile.load" for op in body)


def _row_load(op: TileOp, clock: Clock) -> KernelTime:
    box, nbytes = _moved(op, clock)
    issue_us = _requests(box, clock) * clock.us_per_row
    return KernelTime(load_stream_us=issue_us + nbytes * clock.us_per_byte)


def _requests(box: Box, clock: Clock) -> int:
    """Count the requests for `box`: its rows, or bursts of a line where rows are contiguous."""
    parameter = clock.kernel.parameters[box.parameter]
    axis = -1
    while axis > -len(box.shape) and box.shape[axis] == parameter.shape[axis]:
        axis -= 1
    run_bytes = parameter.dtype.nbytes(math.prod(box.shape[axis:]))
    bursts = math.prod(box.shape[:axis]) * math.ceil(run_bytes / clock.device.l2.line_bytes)
    # A row longer than a line is one request; to be contiguous does not make it more of them.
    return min(math.prod(box.shape[:-1]), bursts)


def _operand_move(op: TileOp, clock: Clock) -> KernelTime:
    cube, tile = clock.device.cube, op.result
    rates = {Memory.L0A: cube.l0a_bytes_per_cycle, Memory.L0B: cube.l0b_bytes_per_cycle}
    if tile is None or tile.memory not in rates:
        raise _no_cost(op, clock)
    return KernelTime(move_us=clock.device.cycles_us(tile.nbytes / rates[tile.memory].value))


def _matmul(op: TileOp, clock: Clock) -> KernelTime:
    left, right = op.operands[-2:]  # an accumulator stands before them
    rate = clock.device.cube.cycles_per_fractal.get(left.dtype.name)
    if rate is None:
        raise _no_cost(op, clock, f"cube.cycles_per_fractal.{left.dtype.name}")
    m, k_bytes = math.prod(left.shape[:-1]), left.dtype.nbytes(left.shape[-1])
    cycles = clock.device.cube.matmul_cycles(m, k_bytes, right.shape[-1], rate.value)
    return KernelTime(cube_us=clock.device.cycles_us(cycles))


def _drain(op: TileOp, clock: Clock) -> KernelTime:
    return KernelTime(store_us=clock.drain_us(op.operands[0]))


def _vector_transfer(op: TileOp, clock: Clock) -> KernelTime:
    vector, (_, nbytes) = clock.device.vector, _moved(op, clock)
    if op.result is None:
        return KernelTime(store_us=stream_us(nbytes / clock.lanes, vector.store_gbps))
    return KernelTime(load_stream_us=stream_us(nbytes / clock.lanes, vector.load_gbps))


def _vector_operation(op: TileOp, clock: Clock) -> KernelTime:
    # A tile that tile.create made is scratch space, not data.
    tiles = {op.result, *op.operands} - clock.scratch
    return _vector_time(op, clock, max(t.nbytes for t in tiles if t is not None))


def _tile_copy(op: TileOp, clock: Clock) -> KernelTime:
    return _vector_time(op, clock, op.operands[1].nbytes)


def _vector_time(op: TileOp, clock: Clock, all_bytes: int) -> KernelTime:
    """Time of an operation that goes over so many bytes, which lanes share."""
    name, vector = op.name.removeprefix("tile."), clock.device.vector
    if clock.core is not CoreType.AIV:
        raise _no_cost(op, clock)
    if name not in vector.cycles_per_repeat:
        raise _no_cost(op, clock, f"vector.cycles_per_repeat.{name}")
    repeats = math.ceil(all_bytes / clock.lanes / vector.repeat_bytes)
    cycles = vector.head_cycles.value + vector.cycles_per_repeat[name].value * repeats
    return KernelTime(vector_us=clock.device.cycles_us(cycles), sync_us=vector.sync_us.value)


def _moved(op: TileOp, clock: Clock) -> tuple[Box, int]:
    """Find the box that a load or store moves, and its size in bytes."""
    if op.box is None:
        raise _no_cost(op, clock)
    dtype = clock.kernel.parameters[op.box.parameter].dtype
    return op.box, dtype.nbytes(math.prod(op.box.shape))


def _no_cost(op: TileOp, clock: Clock, key: str = "") -> InputError:
    where = f"{clock.kernel.name} on {clock.core.name}, line {op.line}"
    advice = f"; add {key} to the device's file" if key else ""
    return InputError(f"{where}: device {clock.device.name} has no cost for {op.name}{advice}")


_FREE = frozenset({"tile.create", "tile.reshape", "tile.slice"})
_Cost = Callable[[TileOp, Clock], KernelTime]
_COSTS: dict[CoreType, dict[str, _Cost]] = {
    CoreType.AIC: {
        "tile.load": _row_load,
        "tile.move": _operand_move,
        "tile.matmul": _matmul,
        "tile.matmul_acc": _matmul,
        "tile.store": _drain,
    },
    CoreType.AIV: {
        "tile.load": _vector_transfer,
        "tile.store": _vector_transfer,
        "tile.assemble": _tile_copy,
    },
}
