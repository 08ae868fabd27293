"""The clusters of one scheduler thread: which of their cores are idle, and who waits for one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from scheduler.board import AIC, AIV, MIX
from scheduler.queues import ReadyQueue
from scheduler.rules import PENDING

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
    cluster_queue : callable
        ``cluster_queue(core)`` makes that of the tasks that wait for the cluster of a cube core.
    has_mix : bool
        Whether any task needs a whole cluster; if none does, nobody asks for `MIX`.

    Attributes
    ----------
    free : list of int
        Clusters that have an idle core, by shape; for `MIX`, all of whose cores are idle. A dummy
        task needs none.
    """

    def __init__(
        self,
        clusters: Sequence[int],
        aic_count: int,
        aiv_per_cluster: int,
        core_queue: Callable[[int], ReadyQueue],
        cluster_queue: Callable[[int], ReadyQueue],
        *,
        has_mix: bool = False,
    ) -> None:
        everything = (1 << len(clusters)) - 1
        self._has_mix = has_mix
        self._has_second = False  # whether a second slot was ever open
        self.free = [everything] * 4 + [0] * 4
        self._second = [0] * (1 + aiv_per_cluster)  # cores whose second slot is open
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
        self._cluster_queue = cluster_queue
        self._queues: dict[int, ReadyQueue] = {}
        self._whole_queues: dict[int, ReadyQueue] = {}  # by cluster
        self._awaited = [0] * (1 + aiv_per_cluster)
        self._awaited_whole = 0

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
        self.free[MIX] &= ~bit
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
        if self._has_second:
            self._update_second(bit)
        return self._cores[bit.bit_length() - 1][slot]

    def release(self, core: int) -> None:
        """Make a core idle."""
        slot, bit = self._place[core]
        idle, free = self._idle, self.free
        idle[slot] |= bit
        free[AIC if slot == 0 else AIV] |= bit
        if self._has_mix and all(cores & bit for cores in idle):
            free[MIX] |= bit
        if self._has_second:
            self._second[slot] &= ~bit
            self._update_second(bit)

    def open_second(self, core: int) -> None:
        """Note that a busy core has accepted its task, so that another can be put behind it."""
        slot, bit = self._place[core]
        self._has_second = True
        self._second[slot] |= bit
        self._update_second(bit)

    def occupy_second(self, shape: int, bit: int, slot: int = 0) -> int:
        """Take the second slot of a core of a cluster, for `MIX` also an idle core's first one."""
        if shape == AIV and not slot:
            slot = next(s for s in self._slots[AIV] if self._second[s] & bit)
        if self._idle[slot] & bit:
            return self.occupy(shape, bit, slot)
        self._second[slot] ^= bit
        self._update_second(bit)
        return self._cores[bit.bit_length() - 1][slot]

    def _update_second(self, bit: int) -> None:
        second, free = self._second, self.free
        open_to = {
            AIC: second[0] & bit,
            AIV: any(second[slot] & bit for slot in self._slots[AIV]),
            MIX: all((second[slot] | self._idle[slot]) & bit for slot in range(len(second)))
            and not free[MIX] & bit,
        }
        for shape, is_open in open_to.items():
            free[shape + PENDING] = _with(free[shape + PENDING], bit, is_open)

    def idle_count(self, shape: int) -> int:
        """Idle cores of a shape; for `MIX`, idle clusters."""
        if shape == MIX:
            return self.free[MIX].bit_count()
        return sum(self._idle[slot].bit_count() for slot in self._slots[shape])

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

    def wait_for_whole(self, task: int, core: int) -> bool:
        """Have a task wait for the cluster of a cube core; returns as `wait`."""
        bit = self._place[core][1]
        if bit not in self._whole_queues:
            self._whole_queues[bit] = self._cluster_queue(core)
        self._whole_queues[bit].append(task)
        self._update_turns(bit)
        return bool(self.free[MIX] & self._awaited_whole & bit)

    def _update_turns(self, bit: int) -> None:
        """Find out anew for what of a cluster tasks wait whose turn has come.

        A task that takes all of it may be the one that was before others, or that they were
        before.
        """
        for slot, core in enumerate(self._cores[bit.bit_length() - 1]):
            self._awaited[slot] = _with(self._awaited[slot], bit, self._queues.get(core))
        self._awaited_whole = _with(self._awaited_whole, bit, self._whole_queues[bit])

    def has_waiting(self, core: int) -> bool:
        """Whether a task waits for this core, or for its cluster."""
        return bool(self._queues.get(core) or self._whole_queues.get(self._place[core][1]))

    def is_awaited(self, shape: int) -> bool:
        """Whether a task whose turn has come waits for an idle core, or cluster, of this shape."""
        if shape == MIX:
            return bool(self.free[MIX] & self._awaited_whole)
        return any(self._idle[slot] & self._awaited[slot] for slot in self._slots[shape])

    def awaited_shapes(self) -> list[int]:
        """Shapes of which something idle has a task that waits for it."""
        return [shape for shape in (AIC, AIV, MIX) if self.is_awaited(shape)]

    def awaited_clusters(self) -> Iterator[tuple[int, int]]:
        """Every idle cluster that tasks wait for, to be occupied, and the first of its tasks."""
        ready = self.free[MIX] & self._awaited_whole
        while ready:
            bit = ready & -ready
            ready ^= bit
            task = self._whole_queues[bit].popleft()
            self._update_turns(bit)
            yield bit, task

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
                if bit in self._whole_queues:
                    self._update_turns(bit)
                yield core, task


def _with(bits: int, bit: int, condition: object) -> int:
    """Bits with one of them set if the condition is true, else cleared."""
    return bits | bit if condition else bits & ~bit
