"""Early dispatch: tasks that a core may have before they are ready."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from librt.vecs import vec
from mypy_extensions import i32, u8

from scheduler.poller import Poller

__all__ = ["EarlyTasks"]


class EarlyTasks:
    """Tasks that a core may have before they are ready: all that they wait for runs already.

    Parameters
    ----------
    allowing : set of int
        Producers that allow it.
    is_complete, waiting_for : column
        What the board knows of each task.
    consumers : callable
        ``consumers(task)``: those that were submitted before the task was complete.
    single : sequence of bool
        Whether each task takes one core, as others cannot be put there early.

    Attributes
    ----------
    queues : tuple of deque of int
        Such tasks by shape, AIC and AIV; they may have become ready meanwhile.
    gated : dict of int to (Poller, int, float)
        Tasks that lie on a core and wait: the thread and the core, and since when.
    """

    def __init__(
        self,
        allowing: set[int],
        is_complete: vec[u8],
        consumers: Callable[[int], Sequence[int]],
        waiting_for: vec[i32],
        single: Sequence[bool],
    ) -> None:
        self.queues: tuple[deque[int], deque[int]] = (deque(), deque())
        self.gated: dict[int, tuple[Poller, int, float]] = {}
        self._allowing = allowing
        self._is_complete = is_complete
        self._consumers = consumers
        self._waiting_for = waiting_for
        self._single = single
        self._running: set[int] = set()
        self._late: dict[int, int] = {}  # producers of each task that do not run yet

    def submit(self, task: int, producers: Sequence[int]) -> list[int]:
        """Count the producers that do not run yet; returns the task if there are none."""
        live = [producer for producer in producers if not self._is_complete[producer]]
        late = sum(producer not in self._running for producer in live)
        self._late[task] = late
        return [task] if live and not late and self._single[task] else []

    def start(self, task: int) -> list[int]:
        """Count a producer that runs; returns the consumers that wait for nothing else."""
        if task not in self._allowing:
            return []
        self._running.add(task)
        return self._less(task)

    def complete(self, task: int) -> list[int]:
        """Count a producer that is complete and did not count before; returns likewise."""
        if task in self._running:
            self._running.remove(task)
            return []
        return self._less(task)

    def _less(self, task: int) -> list[int]:
        found = []
        for consumer in self._consumers(task):
            self._late[consumer] -= 1
            is_next = not self._late[consumer] and self._waiting_for[consumer]
            if is_next and self._single[consumer]:
                found.append(consumer)
        return found
