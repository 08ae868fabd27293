"""What kernels move through the shared memory, and how long they take for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from librt.vecs import vec

from devices.device import Device
from devices.events import Clock
from devices.footprints import Uses
from devices.l2 import L2
from devices.shared_memory import SharedMemory

__all__ = ["Traffic"]

_NEVER: Final = float("inf")
_NOT_FOUND: Final = -1.0
"""Stands for the time of a task that has not run."""


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
    executions : int
        Submits and parts.
    on_moved : callable
        Told of ends that move, as by `SharedMemory`.

    Attributes
    ----------
    alone_us, hbm_bytes, gm_bytes : column of float
        By execution, once it has begun: how long it would have run alone, what HBM moved for it,
        and what it loaded and stored.
    """

    def __init__(
        self,
        clock: Clock,
        device: Device,
        uses: Uses,
        executions: int,
        on_moved: Callable[[int, float], None],
    ) -> None:
        footprints = uses.footprints
        self._l2 = L2(device.l2.capacity_bytes, footprints)
        self._memory = SharedMemory(
            clock, device.memory.achieved_gbps.value, device.l2.achieved_gbps.value, on_moved
        )
        self._count = len(footprints)
        self._moved_bytes = footprints.moved_bytes
        self._hit_gains = uses.hit_gains
        self._parts: dict[int, tuple[int, float]] = {}  # task of each, and its share
        self.alone_us = vec[float]([_NOT_FOUND] * executions)
        self.hbm_bytes = vec[float]([0.0] * executions)
        self.gm_bytes = vec[float]([0.0] * executions)
        # What the parts of a task have found in L2, and the time of the first with nothing there.
        self._found: dict[int, tuple[float, float, float]] = {}

    def describe_part(self, part: int, task: int, share: float) -> None:
        """Say that a part of `task` moves a share of its bytes."""
        self._parts[part] = task, share

    def begin(self, number: int, start_us: float, cold_us: float) -> float:
        """Let an execution run from `start_us` on.

        Parameters
        ----------
        number : int
            A submit, or a part.
        cold_us : float
            Its kernel time if nothing that it loads is in L2.

        Returns
        -------
        float
            When it ends; infinite if that is not known.
        """
        if start_us == _NEVER:
            return _NEVER
        if number >= self._count:
            task, share = self._parts[number]
            alone_us, hbm_bytes = self._of_part(task, start_us, cold_us)
        else:
            task, share = number, 1.0
            alone_us, hbm_bytes = self.alone_us[task], self.hbm_bytes[task]
            if alone_us == _NOT_FOUND:  # else it is a second try, which finds the same
                alone_us, hbm_bytes = self._l2.run(task, start_us, cold_us, self._hit_gains[task])
        if not alone_us:  # nothing moves in no time
            share = 0.0
        hbm_bytes *= share
        gm_bytes = self._moved_bytes[task] * share
        self.alone_us[number] = alone_us
        self.hbm_bytes[number] = hbm_bytes
        self.gm_bytes[number] = gm_bytes
        return self._memory.begin(number, start_us, alone_us, hbm_bytes, gm_bytes)

    def _of_part(self, task: int, start_us: float, cold_us: float) -> tuple[float, float]:
        """Time of a part alone, and what HBM moves for the whole task; all parts find the same."""
        found = self._found.get(task)
        if found is None:
            alone_us, hbm_bytes = self._l2.run(task, start_us, cold_us, self._hit_gains[task])
            self._found[task] = alone_us, hbm_bytes, cold_us
            return alone_us, hbm_bytes
        alone_us, hbm_bytes, other_us = found
        if other_us != cold_us:  # of another core, of whose time as much is saved
            alone_us *= cold_us / other_us if other_us else 1.0
        return alone_us, hbm_bytes

    def cancel(self, number: int) -> None:
        """Forget an execution that has not started."""
        self._memory.cancel(number)
