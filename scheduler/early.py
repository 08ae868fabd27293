"""Early dispatch: tasks that a core may have before they are ready."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from scheduler.board import AIC, AIV, Board, Poller

__all__ = ["EarlyTasks"]


class EarlyTasks:
    """Tasks that a core may have before they are ready: all that they wait for runs already.

    Parameters
    ----------
    allowing : set of int
        Producers that allow it.
    """

    def __init__(self, allowing: set[int]) -> None:
        self.queues: tuple[deque[int], deque[int], deque[int]] = (deque(), deque(), deque())
        self.gated: dict[int, tuple[Poller, int, float]] = {}
        self._allowing = allowing
        self._running: set[int] = set()
        self._late: dict[int, int] = {}

    def submit(self, task: int, producers: Sequence[int], board: Board) -> list[int]:
        """Count the producers that do not run yet; returns the task if there are none."""
        live = [p for p in producers if not board.complete[p]]
        late = sum(producer not in self._running for producer in live)
        self._late[task] = late
        return [task] if live and not late and self._may_wait(task, board) else []

    def start(self, task: int, board: Board) -> list[int]:
        """Count a producer that runs; returns the consumers that wait for nothing else."""
        if task not in self._allowing:
            return []
        self._running.add(task)
        return self._less(task, board)

    def complete(self, task: int, board: Board) -> list[int]:
        """Count a producer that is complete and did not count before."""
        if task in self._running:
            self._running.remove(task)
            return []
        return self._less(task, board)

    def _less(self, task: int, board: Board) -> list[int]:
        found = []
        for consumer in board.consumers[task]:
            self._late[consumer] -= 1
            is_next = not self._late[consumer] and board.waiting_for[consumer]
            if is_next and self._may_wait(consumer, board):
                found.append(consumer)
        return found

    @staticmethod
    def _may_wait(task: int, board: Board) -> bool:
        return board.shape_of[task] in (AIC, AIV) and task not in board.spread
