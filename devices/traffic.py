"""What kernels move through the shared memory, and how long they take for it."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from devices.device import Device
from devices.events import Clock
from devices.l2 import L2, Use
from devices.shared_memory import SharedMemory

__all__ = ["Footprints", "Traffic", "Uses"]

_NEVER: Final = float("inf")


@dataclass(frozen=True)
class Footprints:
    """What all submits of a graph touch in global memory.

    Attributes
    ----------
    of : sequence of Use
        By submit; nothing for an alloc.
    cell_bytes : sequence of int
        Bytes of each group of lines that the touches name.
    """

    of: Sequence[Use]
    cell_bytes: Sequence[int]


@dataclass(frozen=True)
class Uses:
    """What all submits of a graph do with global memory, and what it does to their times.

    Attributes
    ----------
    footprints : Footprints
        What they touch.
    hit_gains : sequence of float
        Part of the kernel time of each that is saved if all it loads is in L2.
    """

    footprints: Footprints
    hit_gains: Sequence[float]


class Traffic:
    """Global memory in one run.

    Parameters
    ----------
    clock : Clock
        The simulation.
    device : Device
        Its memory and L2.
    uses : Uses
        What each submit does with it.
    on_moved : callable
        Told of ends that move, as by `SharedMemory`.

    Attributes
    ----------
    alone_us, hbm_bytes, gm_bytes : array of float
        By execution: how long it would have run alone, what HBM moved for it, and what it loaded
        and stored.
    """

    def __init__(
        self, clock: Clock, device: Device, uses: Uses, on_moved: Callable[[int, float], None]
    ) -> None:
        self._l2 = L2(device.l2.capacity_bytes, uses.footprints.cell_bytes)
        self._memory = SharedMemory(
            clock, device.memory.achieved_gbps.value, device.l2.achieved_gbps.value, on_moved
        )
        self._uses = uses.footprints.of
        self._count = len(self._uses)
        self._hit_gains = uses.hit_gains
        self._part_of: list[tuple[int, float]] = []
        self._found: dict[int, tuple[float, float, float]] = {}
        self.alone_us = array("d", bytes(8 * self._count))
        self.hbm_bytes = array("d", bytes(8 * self._count))
        self.gm_bytes = array("d", bytes(8 * self._count))

    def add(self, task: int, share: float) -> None:
        """Add one more execution: a part of `task` that moves a share of its bytes."""
        self._part_of.append((task, share))
        for column in (self.alone_us, self.hbm_bytes, self.gm_bytes):
            column.append(0.0)

    def begin(self, number: int, start_us: float, cold_us: float) -> float:
        """Let an execution run from `start_us` on.

        Parameters
        ----------
        number : int
            A submit, or a part that was added.
        cold_us : float
            Its kernel time if nothing that it loads is in L2.

        Returns
        -------
        float
            When it ends; infinite if that is not known.
        """
        if start_us == _NEVER:
            return _NEVER
        task, share = number, 1.0
        if number >= self._count:
            task, share = self._part_of[number - self._count]
        use = self._uses[task]
        found = self._found.get(task)  # all parts of a task, and a second try, find the same
        if found is None:
            alone_us, hbm_bytes = self._l2.run(use, start_us, cold_us, self._hit_gains[task])
            self._found[task] = alone_us, hbm_bytes, cold_us
        else:
            alone_us, hbm_bytes, other_us = found
            if other_us != cold_us:  # of another core, of whose time as much is saved
                alone_us *= cold_us / other_us if other_us else 1.0
        if not alone_us:  # nothing moves in no time
            share = 0.0
        hbm_bytes *= share
        gm_bytes = use.nbytes * share
        self.alone_us[number], self.hbm_bytes[number] = alone_us, hbm_bytes
        self.gm_bytes[number] = gm_bytes
        return self._memory.begin(number, start_us, alone_us, hbm_bytes, gm_bytes)

    def cancel(self, number: int) -> None:
        """Forget an execution that has not started."""
        self._memory.cancel(number)
