"""Whether a kernel fits on chip: the bytes that its tiles take in each memory of a core.

Two figures per memory. *Alive* is what has to be there at one time, where results take the place
of an operand of their size that dies. *Allocated* is what the compiler of April 2026 takes: a
place serves several tiles only if they have the same shape, valid part and dtype and their lives
do not overlap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from devices.device import Device
from devices.expression import Scalar
from devices.kernel import Branch, Kernel, Loop, Memory, Statement, Tile, TileOp

__all__ = ["Occupant", "OnChipUse", "memory_limits", "on_chip_use", "overflows"]

_NOT_IN_PLACE = frozenset({"tile.recip", "tile.rsqrt"})
"""Operations whose result never takes the place of their operand: a fill, then a division by it."""

_SAME_PLACE = frozenset({"tile.reshape", "tile.slice", "tile.assemble", "tile.matmul_acc"})
"""Operations whose result is their first operand's place under another name."""


@dataclass(frozen=True, slots=True)
class Occupant:
    """A tile, or several in one place, that is alive at the peak of a memory.

    Attributes
    ----------
    tile : Tile
        The first tile in the place.
    what : str
        The operation that made it, and the kernel's arguments from which it is computed.
    line : int
        Where it stands in the user's program.
    """

    tile: Tile
    what: str
    line: int

    def __str__(self) -> str:
        shape = ", ".join(map(str, self.tile.shape))
        return f"{self.what} {self.tile.dtype}[{shape}] (line {self.line}, {self.tile.nbytes:,} B)"


@dataclass(frozen=True, slots=True)
class OnChipUse:
    """What a kernel takes of one memory of the core that runs it.

    Attributes
    ----------
    memory : Memory
        Which memory.
    alive_bytes : int
        Most bytes alive at one time.
    allocated_bytes : int
        Bytes that the compiler of April 2026 allocates.
    limit_bytes : int
        What the device has for a kernel.
    occupants : tuple of Occupant
        What is alive at the peak, the largest first.
    """

    memory: Memory
    alive_bytes: int
    allocated_bytes: int
    limit_bytes: int
    occupants: tuple[Occupant, ...]

    @property
    def fits(self) -> bool:
        """Whether what is alive fits."""
        return self.alive_bytes <= self.limit_bytes

    @property
    def is_allocatable(self) -> bool:
        """Whether what the compiler allocates fits."""
        return self.allocated_bytes <= self.limit_bytes


def memory_limits(device: Device) -> dict[Memory, int]:
    """Bytes of each on-chip memory that a kernel may use."""
    buffers = device.buffers
    return {
        Memory.L1: buffers.l1_bytes,
        Memory.L0A: buffers.l0a_bytes,
        Memory.L0B: buffers.l0b_bytes,
        Memory.L0C: buffers.l0c_bytes,
        Memory.UB: buffers.ub_usable_bytes,
    }


def on_chip_use(kernel: Kernel, device: Device) -> tuple[OnChipUse, ...]:
    """What `kernel` takes of each memory that it uses, in the order of `memory_limits`.

    A tile lives from the operation that makes it to the last one that reads it; one made before a
    loop and read inside lives until the loop ends. Accumulators and loop-carried tiles keep one
    place.

    References
    ----------
    PyPTO, docs/en/dev/passes, MemoryReuse: the compiler's conditions for sharing a place.
    """
    places = _Lives(kernel).places
    found = []
    for memory, limit in memory_limits(device).items():
        here = [place for place in places if place.tile.memory is memory]
        if here:
            peak = max((place.first for place in here), key=lambda at: _alive_bytes(here, at))
            alive = sorted(_alive(here, peak), key=lambda place: -place.tile.nbytes)
            found.append(
                OnChipUse(
                    memory=memory,
                    alive_bytes=_alive_bytes(here, peak),
                    allocated_bytes=_allocated_bytes(here),
                    limit_bytes=limit,
                    occupants=tuple(Occupant(p.tile, p.what, p.line) for p in alive),
                )
            )
    return tuple(found)


def overflows(kernels: Sequence[Kernel], device: Device) -> Iterator[str]:
    """Say of every kernel that cannot fit which memory it overflows, by how much, with what."""
    for kernel in kernels:
        for use in on_chip_use(kernel, device):
            if not use.fits:
                yield (
                    f"{kernel.name} (line {kernel.line}) does not fit on chip: "
                    f"{use.memory.name} holds {use.limit_bytes:,} B, alive are "
                    f"{use.alive_bytes:,} B: {'; '.join(map(str, use.occupants))}"
                )


@dataclass(slots=True, eq=False)
class _Place:
    """Tiles that share a place by their meaning, and when it is in use."""

    tile: Tile
    name: str
    tensors: frozenset[str]
    """Arguments of the kernel that it is computed from."""
    line: int
    first: int
    last: int
    valid: tuple[Scalar, ...] | None = None
    """Elements that hold data, in every dimension; None if all do."""
    takes: list[_Place] = field(default_factory=list)
    """Operands of the operation that makes it, whose place it may take if they die there."""

    @property
    def what(self) -> str:
        """The operation that makes it, and of what."""
        return f"{self.name} of {', '.join(sorted(self.tensors))}" if self.tensors else self.name

    def may_share(self, other: _Place) -> bool:
        """Whether the compiler lets it have the place of an earlier one."""
        return (
            self.tile.shape == other.tile.shape
            and self.valid == other.valid
            and self.tile.dtype == other.tile.dtype
            and (other.last < self.first or (other.last == self.first and other in self.takes))
        )


def _alive(places: Sequence[_Place], at: int) -> list[_Place]:
    """Places in use at an operation; one that its result takes over counts as the result's."""
    alive = [place for place in places if place.first <= at <= place.last]
    for made in [place for place in alive if place.first == at]:
        dying = (other for other in alive if other in made.takes and other.last == at)
        taken = next((o for o in dying if o.tile.nbytes == made.tile.nbytes), None)
        if taken is not None:
            alive.remove(taken)
    return alive


def _alive_bytes(places: Sequence[_Place], at: int) -> int:
    return sum(place.tile.nbytes for place in _alive(places, at))


def _allocated_bytes(places: Sequence[_Place]) -> int:
    """Bytes when each place, in order of its first use, takes over the first one that it may."""
    shared: list[list[_Place]] = []
    for place in sorted(places, key=lambda place: place.first):
        for sharers in shared:
            if all(place.may_share(other) for other in sharers):
                sharers.append(place)
                break
        else:
            shared.append([place])
    return sum(sharers[0].tile.nbytes for sharers in shared)


def _valid_part(op: TileOp, operands: Sequence[_Place]) -> tuple[Scalar, ...] | None:
    """The part of an operation's result that holds data: what it loads, or of an equal operand."""
    if op.name == "tile.fillpad":
        return None
    parts = [place.valid for place in operands if op.result and place.tile.shape == op.result.shape]
    return op.attributes.get("valid") or next((part for part in parts if part), None)


class _Lives:
    """Walks a kernel and finds when each of its tiles is made and last read."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel = kernel
        self.places: list[_Place] = []
        self._place: dict[Tile, _Place] = {}
        self._now = 0
        self._walk(kernel.body)

    def _walk(self, body: Sequence[Statement]) -> None:
        for statement in body:
            self._now += 1
            if isinstance(statement, Loop):
                self._loop(statement)
            elif isinstance(statement, Branch):
                self._walk(statement.then)
                self._walk(statement.orelse)
            else:
                self._operation(statement)

    def _operation(self, op: TileOp) -> None:
        operands = [self._place[tile] for tile in op.operands]
        for place in operands:
            place.last = self._now
        if op.result is None or op.result in self._place:
            return
        if op.name in _SAME_PLACE:
            self._place[op.result] = operands[0]
            return
        tensors = frozenset[str]().union(*(place.tensors for place in operands))
        if op.box is not None:
            tensors = frozenset((self.kernel.parameters[op.box.parameter].name,))
        takes = [] if op.name in _NOT_IN_PLACE else operands
        name, now = op.name.removeprefix("tile."), self._now
        valid = _valid_part(op, operands)
        place = _Place(op.result, name, tensors, op.line, now, now, valid, takes)
        self._place[op.result] = place
        self.places.append(place)

    def _loop(self, loop: Loop) -> None:
        for carried in loop.carried:
            place = self._place[carried.initial]
            # All four names of a carried tile are one place, also while the body updates it.
            for tile in (carried.argument, carried.updated, carried.result):
                self._place[tile] = place
            place.last = self._now
        outside = len(self.places)
        entered = self._now
        self._walk(loop.body)
        self._now += 1
        for carried in loop.carried:
            self._place[carried.initial].last = self._now
        for place in self.places[:outside]:
            if place.last > entered:
                place.last = self._now
