"""The clusters of one scheduler thread: which of their cores are idle, and who waits for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from scheduler.board import AIC, AIV
from scheduler.queues import ReadyQueue

__all__ = ["Clusters"]


class Clusters:
    """Idle cores as bits, one bit per cluster: the lowest set bit is the lowest idle cluster.

    Slot 0 of a cluster is its cube core, the others are its vector cores.

    Parameters
    ----------
    clusters : sequence of int
        Clusters of the thread, in the order in which it prefers them.
    aic_count, aiv_per_cluster : int
        Cube core ``c`` and vector cores ``aic_count + aiv_per_cluster * c + 0, 1, ...`` make
        cluster ``c``.
    core_queue : callable
        ``core_queue(core)`` makes the queue of the tasks that wait for one core.

    Attributes
    ----------
    free : list of int
        Clusters that have an idle core, by shape.
    """

    def __init__(
        self,
        clusters: Sequence[int],
        aic_count: int,
        aiv_per_cluster: int,
        core_queue: Callable[[int], ReadyQueue],
    ) -> None:
        everything = (1 << len(clusters)) - 1
        self.free = [everything] * 2
        self._idle = [everything] * (1 + aiv_per_cluster)
        self._cores = [
            [c, *(aic_count + aiv_per_cluster * c + i for i in range(aiv_per_cluster))]
            for c in clusters
        ]
        self._place = {
            core: (slot, 1 << position)
            for position, cores in enumerate(self._cores)
            for slot, core in enumerate(cores)
        }
        self._slots = (range(1), range(1, 1 + aiv_per_cluster))
        self._core_queue = core_queue
        self._queues: dict[int, ReadyQueue] = {}
        self._awaited = [0] * (1 + aiv_per_cluster)

    @property
    def cores(self) -> Iterator[int]:
        """All cores."""
        return iter(self._place)

    def occupy(self, shape: int, bit: int, slot: int = 0) -> int:
        """Take a core of a cluster, by default the first idle one of the shape; returns the core.

        Parameters
        ----------
        shape, slot : int
            Which core it is to be.
        bit : int
            The cluster.
        """
        idle = self._idle
        if shape == AIC:
            idle[0] ^= bit
            self.free[AIC] ^= bit
        else:
            if not slot:
                slot = 1
                while not idle[slot] & bit:
                    slot += 1
            idle[slot] ^= bit
            for vector in idle[1:]:
                if vector & bit:
                    break
            else:
                self.free[AIV] ^= bit
        return self._cores[bit.bit_length() - 1][slot]

    def release(self, core: int) -> None:
        """Make a core idle."""
        slot, bit = self._place[core]
        self._idle[slot] |= bit
        self.free[AIC if slot == 0 else AIV] |= bit

    def wait(self, task: int, core: int) -> bool:
        """Have a task wait for one core; returns whether that is idle and its turn has come."""
        slot, bit = self._place[core]
        if core not in self._queues:
            self._queues[core] = self._core_queue(core)
        queue = self._queues[core]
        queue.append(task)
        if queue:
            self._awaited[slot] |= bit
        return bool(self._idle[slot] & self._awaited[slot] & bit)

    def has_waiting(self, core: int) -> bool:
        """Whether a task waits for this core."""
        return bool(self._queues.get(core))

    def is_awaited(self, shape: int) -> bool:
        """Whether a task whose turn has come waits for an idle core of this shape."""
        return any(self._idle[slot] & self._awaited[slot] for slot in self._slots[shape])

    def occupy_awaited(self, shape: int) -> Iterator[tuple[int, int]]:
        """Take every idle core that tasks wait for; gives the core and the first of its tasks."""
        for slot in self._slots[shape]:
            ready = self._idle[slot] & self._awaited[slot]
            while ready:
                bit = ready & -ready
                ready ^= bit
                core = self.occupy(shape, bit, slot)
                queue = self._queues[core]
                task = queue.popleft()
                if not queue:
                    self._awaited[slot] ^= bit
                yield core, task
