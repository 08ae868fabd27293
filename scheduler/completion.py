"""Completion: what ends a task for the runtime, and makes its consumers ready."""

from __future__ import annotations

from collections.abc import Sequence

from devices.events import Clock
from scheduler.board import DUMMY, Board
from scheduler.poller import Poller

__all__ = ["Completion"]


class Completion:
    """Completes the tasks of one thread.

    Parameters
    ----------
    clock : Clock
        The simulation.
    board : Board
        What all threads share.
    thread : Poller
        Whose tasks they are.
    local : sequence of list of int
        The thread's local buffers by shape; consumers that become ready go there first.
    capacity : int
        Tasks that a local buffer holds.
    per_consumer_us : float
        What walking on to one consumer takes.
    deferred_limit : int
        Completed tasks that are kept unreleased at the most.

    Attributes
    ----------
    deferred : list of int
        Completed tasks whose references to their producers are not dropped yet.
    """

    def __init__(
        self,
        clock: Clock,
        board: Board,
        thread: Poller,
        local: Sequence[list[int]],
        capacity: int,
        per_consumer_us: float,
        deferred_limit: int,
    ) -> None:
        self.clock = clock
        self.board = board
        self.deferred: list[int] = []
        self._poller = thread
        self._local = local
        self._capacity = capacity
        self._per_consumer_us = per_consumer_us
        self._deferred_limit = deferred_limit
        # At hand, as every task asks for all of them.
        self._waiting_for, self._shape_of = board.waiting_for, board.shape_of
        self._ready_us, self._released_by = board.ready_us, board.released_by
        self._consumer_start, self._consumer = board.links.consumer_start, board.links.consumer

    def complete(self, task: int, lock_us: float) -> float:
        """Complete a task and walk its consumers, which can grow no more; returns the end of that.

        Of a task on several cores, only the last part does.
        """
        board = self.board
        whole = task
        if task >= board.count:
            whole = board.part_of[task - board.count]
            spread = board.spread[whole]
            spread.running -= 1
            if spread.running:
                board.done_us[task] = lock_us
                return lock_us
        board.complete[whole] = 1
        waiting_for, consumers = self._waiting_for, self._consumer
        first: int = self._consumer_start[whole]
        stop: int = self._consumer_start[whole + 1]
        walk_us, early = lock_us, board.early
        # The runtime prepends: newest first.
        for place in range(stop - 1, first - 1, -1):
            consumer: int = consumers[place]
            if consumer > board.submitted:
                continue
            walk_us += self._per_consumer_us
            waiting_for[consumer] -= 1
            if not waiting_for[consumer]:
                self._ready_us[consumer] = walk_us
                self._released_by[consumer] = whole
                if early is not None and consumer in early.gated:
                    thread, core, staged_us = early.gated.pop(consumer)
                    thread.open_gate(consumer, core, staged_us, walk_us)
                    continue
                shape = self._shape_of[consumer]
                if shape != DUMMY and len(self._local[shape]) < self._capacity:
                    self._local[shape].append(consumer)
                else:
                    self._push_later(consumer, walk_us)
        board.done_us[task] = walk_us
        if early is not None:
            board.completed(whole, walk_us)
        self.deferred.append(whole)
        if len(self.deferred) == self._deferred_limit:
            self.release(walk_us)
        return walk_us

    def _push_later(self, task: int, time_us: float) -> None:
        delay_us = max(0.0, time_us - self.clock.now_us)
        self.clock.after(delay_us, lambda _: self.board.push(task, time_us, self._poller))

    def release(self, now_us: float) -> None:
        """Drop the references of completed tasks to their producers."""
        release_us = self.board.release_us
        for task in self.deferred:
            release_us[task] = now_us
        self.deferred.clear()
        if self.board.on_release is not None:
            self.board.on_release(now_us)
