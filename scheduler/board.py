"""What the orchestrator and all scheduler threads share: task states and the ready queues."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import Protocol

__all__ = ["AIC", "AIV", "Board", "Poller"]

AIC, AIV = 0, 1
"""Shapes: what a task needs. A shape is also the index of its ready queue."""


class Poller(Protocol):
    """A thread that looks at the queues."""

    def next_look_us(self, shape: int, now_us: float) -> float:
        """When it looks at the queue of `shape` next and has a core for it, or never (inf)."""

    def look_at(self, look_us: float) -> None:
        """Have it look at that time."""


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
    queues : list of deque of int
        Global FIFO queue of each shape.
    threads : list of Poller
        The scheduler threads, which register themselves.
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
        self.queues: list[deque[int]] = [deque(), deque()]
        self.threads: list[Poller] = []

    def submit(self, task: int, producers: Sequence[int], now_us: float) -> None:
        """Take a task over from the orchestrator; it waits for producers that are not complete."""
        complete, consumers = self.complete, self.consumers
        waiting = 0
        for producer in producers:
            if not complete[producer]:
                consumers[producer].append(task)
                waiting += 1
        self.waiting_for[task] = waiting
        if not waiting:
            self.ready_us[task] = now_us
            self.push(task, now_us)

    def push(self, task: int, now_us: float) -> None:
        """Append a ready task to the global queue of its shape."""
        shape = self.shape_of[task]
        self.queues[shape].append(task)
        self.offer(shape, now_us)

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
