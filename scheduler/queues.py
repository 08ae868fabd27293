"""Queues of ready tasks: what a scheduler thread appends to and takes from the left."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from heapq import heappop, heappush
from math import isnan
from typing import Protocol

from devices.errors import InputError

__all__ = [
    "JointQueue",
    "OwnQueue",
    "PlannedQueue",
    "Rank",
    "RankedQueue",
    "ReadyQueue",
    "StealingQueue",
]

Rank = float | tuple["Rank", ...]
"""What orders ready tasks; those of one queue have to be comparable."""


class ReadyQueue(Protocol):
    """Ready tasks of one shape, as one thread sees them; a `collections.deque` is one."""

    def __len__(self) -> int:
        """Tasks that the thread could take."""

    def append(self, task: int, /) -> None:
        """Leave a ready task."""

    def popleft(self) -> int:
        """Take the task that is next for this thread."""


class RankedQueue:
    """Takes the task of the least rank first, of equal ones the one that was ready first.

    Parameters
    ----------
    rank : callable
        ``rank(task)``, asked once, when the task becomes ready.
    """

    def __init__(self, rank: Callable[[int], Rank]) -> None:
        self._rank = rank
        self._heap: list[tuple[Rank, int, int]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def append(self, task: int) -> None:
        """Leave a ready task."""
        self._count += 1
        rank = self._rank(task)
        if isinstance(rank, float) and isnan(rank):  # nothing could be ordered any more
            raise InputError(f"the rank of task {task} is {rank}; it has to be comparable")
        heappush(self._heap, (rank, self._count, task))

    def popleft(self) -> int:
        """Take the first task."""
        return heappop(self._heap)[2]


class PlannedQueue:
    """Gives out tasks in a fixed order and no other: the next one when it is ready.

    Parameters
    ----------
    order : sequence of int
        The tasks, also those that a `JointQueue` gives out.
    """

    def __init__(self, order: Sequence[int]) -> None:
        self._order = order
        self._next = 0
        self._ready: set[int] = set()

    def __len__(self) -> int:
        return int(self._next < len(self._order) and self._order[self._next] in self._ready)

    def append(self, task: int) -> None:
        """Note that a task is ready."""
        self._ready.add(task)

    def popleft(self) -> int:
        """Take the next task of the order."""
        task = self._order[self._next]
        self._ready.remove(task)
        self._next += 1
        return task

    @property
    def next_task(self) -> int:
        """The next task of the order, ready or not; -1 after the last."""
        return self._order[self._next] if self._next < len(self._order) else -1

    def advance(self) -> None:
        """Go on to the task after, as the next one is taken from elsewhere."""
        self._next += 1


class JointQueue:
    """Gives out tasks that are in the orders of several cores: when it is their turn on each.

    Parameters
    ----------
    queues : sequence of PlannedQueue
        One of each core; all orders have these tasks, and in the same order.
    """

    def __init__(self, queues: Sequence[PlannedQueue]) -> None:
        self._queues = queues
        self._ready: set[int] = set()

    def __len__(self) -> int:
        task = self._queues[0].next_task
        has_turn = task in self._ready and all(q.next_task == task for q in self._queues)
        return int(has_turn)

    def append(self, task: int) -> None:
        """Note that a task is ready."""
        self._ready.add(task)

    def popleft(self) -> int:
        """Take the task whose turn it is."""
        task = self._queues[0].next_task
        self._ready.remove(task)
        for queue in self._queues:
            queue.advance()
        return task


class OwnQueue:
    """A thread's own queue of few tasks; when it is empty, it is filled from one for all threads.

    Parameters
    ----------
    capacity : int
        Tasks that the own queue holds; the rest goes to the one for all.
    shared : deque of int
        The one for all.
    """

    def __init__(self, capacity: int, shared: deque[int]) -> None:
        self._own: deque[int] = deque()
        self._capacity = capacity
        self._shared = shared

    def __len__(self) -> int:
        return len(self._own) + len(self._shared)

    def append(self, task: int) -> None:
        """Leave a ready task, with this thread if there is room."""
        (self._own if len(self._own) < self._capacity else self._shared).append(task)

    def popleft(self) -> int:
        """Take the oldest own task; where there is none, take over as many as there is room for."""
        if not self._own:
            for _ in range(min(max(self._capacity, 1), len(self._shared))):
                self._own.append(self._shared.popleft())
        return self._own.popleft()


class StealingQueue:
    """A thread's own queue, newest first; when it is empty, the oldest of the longest other.

    Parameters
    ----------
    family : list of StealingQueue
        The queues of all threads for one shape; a queue adds itself.
    """

    def __init__(self, family: list[StealingQueue]) -> None:
        self._own: deque[int] = deque()
        self._family: Sequence[StealingQueue] = family
        family.append(self)

    def __len__(self) -> int:
        return sum(len(queue._own) for queue in self._family)

    def append(self, task: int) -> None:
        """Leave a ready task with this thread."""
        self._own.append(task)

    def popleft(self) -> int:
        """Take the newest own task, or steal."""
        if self._own:
            return self._own.pop()
        return max(self._family, key=lambda queue: len(queue._own))._own.popleft()
