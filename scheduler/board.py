"""What the orchestrator and all scheduler threads share: task states and the ready queues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from scheduler.queues import ReadyQueue

__all__ = ["AIC", "AIV", "ANY_CORE", "Board", "Poller"]

AIC, AIV = 0, 1
"""Shapes: what a task needs. A shape is also the index of its ready queue."""

ANY_CORE = -1
"""Stands for a core where a policy names none."""


class Poller(Protocol):
    """A thread that looks at the queues.

    Attributes
    ----------
    queues : sequence of ReadyQueue
        Where it finds the ready tasks of each shape that may run on any core.
    """

    queues: Sequence[ReadyQueue]

    def next_look_us(self, shape: int, now_us: float) -> float:
        """When it looks at the queue of `shape` next and has a core for it, or never (inf)."""

    def look_at(self, look_us: float) -> None:
        """Have it look at that time."""

    def keep(self, task: int, core: int, now_us: float) -> None:
        """Have it run a ready task on one of its own cores."""

    def waits_for(self, core: int) -> bool:
        """Whether it keeps a task for one of its own cores."""

    def settle(self, now_us: float) -> None:
        """Release what an idle iteration that ended by then has released."""

    def next_release_us(self) -> float:
        """When it releases what it has completed, if nothing comes before; else never (inf)."""


class Board:
    """Shared memory of the control cores.

    Parameters
    ----------
    shape_of : sequence of int
        Shape of each submit.

    Attributes
    ----------
    waiting_for : list of int
        Producers of each task that are not complete.
    complete : bytearray
        Whether each task is complete.
    consumers : list of list of int
        Tasks that were submitted while this producer was not complete, oldest first.
    ready_us, observe_us, finish_us : list of float
        Stamps of each task.
    release_us : list of float
        When a thread dropped each task's references to its producers; infinite before.
    linked : list of int
        Producers that each task was made to wait for when it was submitted.
    on_release : callable or None
        Told when the next release may come, by threads that get to know it; the orchestrator
        sets it while it waits for space.
    released_by : list of int
        The producer whose completion made each task ready; -1 if it was ready when submitted.
    named_core : list of int
        The core that each task was to run on, or `ANY_CORE`.
    last_task : dict of int to int
        The task that each core ran last or runs.
    threads : list of Poller
        The scheduler threads, which register themselves.
    owner : dict of int to Poller
        The thread that owns each core; the threads enter themselves.
    name_core : callable or None
        ``name_core(task)`` is the core that a ready task has to run on, or `ANY_CORE`; None where
        all tasks may run anywhere.
    """

    def __init__(self, shape_of: Sequence[int]) -> None:
        count = len(shape_of)
        # Plain lists: an element of a numpy array costs five times as much to read and write.
        self.shape_of = shape_of
        self.waiting_for = [0] * count
        self.complete = bytearray(count)
        self.consumers: list[list[int]] = [[] for _ in range(count)]
        self.ready_us = [0.0] * count
        self.observe_us = [0.0] * count
        self.finish_us = [0.0] * count
        self.release_us = [float("inf")] * count
        self.linked = [0] * count
        self.released_by = [-1] * count
        self.named_core = [ANY_CORE] * count
        self.last_task: dict[int, int] = {}
        self.threads: list[Poller] = []
        self.owner: dict[int, Poller] = {}
        self.name_core: Callable[[int], int] | None = None
        self.on_release: Callable[[float], None] | None = None
        self._turn = 0

    def submit(self, task: int, producers: Sequence[int], now_us: float) -> None:
        """Take a task over from the orchestrator; it waits for producers that are not complete."""
        complete, consumers = self.complete, self.consumers
        waiting = 0
        for producer in producers:
            if not complete[producer]:
                consumers[producer].append(task)
                waiting += 1
        self.waiting_for[task] = self.linked[task] = waiting
        if not waiting:
            self.ready_us[task] = now_us
            # Where threads have queues of their own, the orchestrator deals tasks out in turn.
            self._turn = (self._turn + 1) % len(self.threads)
            self.push(task, now_us, self.threads[self._turn])

    def push(self, task: int, now_us: float, thread: Poller) -> None:
        """Leave a ready task where `thread` leaves such tasks, or with the owner of its core."""
        if self.name_core is not None:
            core = self.name_core(task)
            if core != ANY_CORE:
                self.named_core[task] = core
                self.owner[core].keep(task, core, now_us)
                return
        shape = self.shape_of[task]
        thread.queues[shape].append(task)
        self.offer(shape, now_us)

    def is_idle(self, core: int) -> bool:
        """Whether its owner knows that a core has nothing to run, and no task waits for it."""
        last = self.last_task.get(core)
        has_ended = last is None or bool(self.complete[last])
        return has_ended and not self.owner[core].waits_for(core)

    def offer(self, shape: int, now_us: float) -> None:
        """Let the thread that will look at a queue first find what is in it.

        Threads poll. Simulating every look would cost an event each; instead, the thread whose
        next look comes first is woken for it. If it leaves something, it offers that again.
        """
        first_us, first = float("inf"), None
        for thread in self.threads:
            look_us = thread.next_look_us(shape, now_us)
            if look_us < first_us:
                first_us, first = look_us, thread
        if first is not None:
            first.look_at(first_us)
