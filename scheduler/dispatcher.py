"""Dispatch: a scheduler thread fills its cores from its local buffers and the ready queues."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from scheduler.board import AIC, AIV, DUMMY, MIX, Board
from scheduler.clusters import Clusters
from scheduler.poller import Poller
from scheduler.queues import ReadyQueue
from scheduler.rules import EARLY, PENDING, ThreadRules
from scheduler.sweep import Sweep

__all__ = ["Dispatcher"]

_SHAPE: Final = PENDING - 1
"""Mask: the shape of a phase."""
_MOST_DUMMIES: Final = 8
"""Dummy tasks of one batch (simpler, scheduler at 2026-08)."""


class Dispatcher:
    """What one thread places on its cores.

    Parameters
    ----------
    board : Board
        What all threads share.
    thread : Poller
        Whose cores they are.
    clusters : Clusters
        The clusters that the thread owns.
    sweep : Sweep
        Starts tasks and reads their cores from then on.
    queues : tuple of ReadyQueue
        Queue of each shape, as this thread sees it.
    rules : ThreadRules
        What is placed when.
    dispatch_us : float
        What placing one task on one core takes.
    complete : callable
        ``complete(task, now_us)`` completes a dummy task and returns when that is done.
    """

    def __init__(
        self,
        board: Board,
        thread: Poller,
        clusters: Clusters,
        sweep: Sweep,
        queues: tuple[ReadyQueue, ...],
        rules: ThreadRules,
        dispatch_us: float,
        complete: Callable[[int, float], float],
    ) -> None:
        self.board = board
        self.clusters = clusters
        self.queues = queues
        self.phases = rules.phases
        self.free = clusters.free
        self.local: tuple[list[int], ...] = ([], [], [])
        self.keeps = False  # whether a task ever had to wait for a certain core
        self._sweep = sweep
        self._rules = rules
        self._dispatch_us = dispatch_us
        self._complete = complete
        self._poller = thread
        # Most graphs have tasks on one core only; then a batch needs no more than a loop.
        self._is_simple = not (board.spread or board.early or rules.publishes_batches)
        # Where all is AIC and AIV tasks on idle cores, rules of other kinds need no look.
        self._is_plain = self._is_simple and not any(phase > AIV for phase in rules.phases)
        self._has_second_slots = any(phase >= PENDING for phase in rules.phases)

    # What there is to do

    def can_take(self, shape: int) -> bool:
        """Whether a task of a shape could be placed now."""
        return bool(self.free[shape]) or (self._has_second_slots and self._may_queue(shape))

    def _may_queue(self, shape: int) -> bool:
        """Whether a second slot is open, and no other thread has an idle core for the shape."""
        if not self.free[shape + PENDING]:
            return False
        return not any(thread.has_idle(shape) for thread in self.board.threads)

    def finds_something(self, first: int) -> bool:
        """Whether there is a task, and a core for it, from a phase on."""
        queues, free = self.queues, self.free
        if self._is_plain and not self.keeps:
            for shape in self.phases[first:]:  # noqa: SIM110 - a generator takes twice as long
                if queues[shape] and free[shape]:
                    return True
            return False
        for phase in self.phases[first:]:
            if phase >= EARLY:
                if free[phase - EARLY] and self._early(phase - EARLY):
                    return True
            elif free[phase]:
                shape = phase & _SHAPE
                if (queues[shape] and (phase < PENDING or self._may_queue(shape))) or (
                    self.keeps and phase < DUMMY and self.clusters.is_awaited(shape)
                ):
                    return True
        return False

    # Doing it

    def fill(self, first: int, now_us: float) -> tuple[float, int] | None:
        """Place one batch, of the first phase from `first` on that has any.

        Returns
        -------
        now_us, place : float, int
            When that is done, and which phase it was; None if there was nothing.
        """
        is_plain = self._is_plain and not self.keeps
        for place in range(first, len(self.phases)):
            phase = self.phases[place]
            if is_plain and not self.queues[phase] and not self.local[phase]:
                continue
            done_us = self._fill_phase(phase, now_us)
            if done_us is not None:
                return done_us, place
        return None

    def _fill_phase(self, phase: int, now_us: float) -> float | None:
        shape = phase & _SHAPE
        if shape == DUMMY:
            return self._complete_dummies(now_us) if self.queues[DUMMY] else None
        if self._rules.mix_first and shape != MIX and self.queues[MIX]:
            return None
        if phase >= EARLY:
            return self._stage(shape, now_us) if self.free[shape] and self._early(shape) else None
        if phase >= PENDING:
            has_some = self.queues[shape] and self._may_queue(shape)
            return self._queue_batch(shape, now_us) if has_some else None
        if self.keeps and self.clusters.is_awaited(shape):
            return self._place_awaited(shape, now_us)
        batch = self._take(shape, self.free[shape].bit_count())
        return self._place_batch(shape, batch, now_us) if batch else None

    def _take(self, shape: int, want: int) -> list[int]:
        """As many ready tasks as clusters can take one: newest local first, then the queue."""
        local, queue = self.local[shape], self.queues[shape]
        if not local and not queue:
            return []
        batch: list[int] = []
        while local and len(batch) < want:
            batch.append(local.pop())
        while queue and len(batch) < want:
            batch.append(queue.popleft())
        return batch

    def _place_batch(self, shape: int, batch: list[int], now_us: float) -> float:
        """Write each task to the lowest cluster that has not got one of this batch."""
        clusters, board = self.free[shape], self.board
        if self._is_simple:
            for task in batch:
                now_us += self._dispatch_us
                bit = clusters & -clusters
                clusters ^= bit
                core = self.clusters.occupy(shape, bit)
                board.last_task[core] = task
                self._sweep.start(core, task, now_us)
            return now_us
        starts: list[tuple[int, int, float]] = []
        for task in batch:
            if board.drain is not None:  # nothing more until all its blocks have started
                self.queues[shape].append(task)
            elif task in board.spread:
                clusters, now_us = self._place_blocks(shape, task, clusters, now_us, starts)
            elif clusters:
                now_us += self._dispatch_us
                bit = clusters & -clusters
                clusters ^= bit
                starts.append((self.clusters.occupy(shape, bit), task, now_us))
            else:  # blocks have taken what was meant for it
                self.queues[shape].append(task)
        self._start(starts, now_us)
        return now_us

    def _start(self, starts: Sequence[tuple[int, int, float]], now_us: float) -> None:
        at_once = self._rules.publishes_batches
        for core, task, written_us in starts:
            self.start(core, task, now_us if at_once else written_us)

    def start(self, core: int, task: int, now_us: float) -> None:
        """Start a task or a part of one; from now on the sweep reads its core."""
        board = self.board
        board.last_task[core] = task if task < board.count else board.part_of[task - board.count]
        self._sweep.start(core, task, now_us)
        if board.early is not None:
            board.started(task, now_us)

    def _place_awaited(self, shape: int, now_us: float) -> float:
        """Write to each idle core, or cluster, the first of the tasks that wait for it."""
        if shape == MIX:
            starts: list[tuple[int, int, float]] = []
            for bit, task in self.clusters.awaited_clusters():
                now_us = self._place_block(shape, task, bit, now_us, starts)
            self._start(starts, now_us)
            return now_us
        for core, task in self.clusters.occupy_awaited(shape):
            now_us += self._dispatch_us
            self.start(core, task, now_us)
        return now_us

    def _queue_batch(self, shape: int, now_us: float) -> float:
        """Write tasks to the second slots of busy cores."""
        batch = self._take(shape, self.free[shape + PENDING].bit_count())
        starts: list[tuple[int, int, float]] = []
        for task in batch:
            clusters = self.free[shape + PENDING]
            if not clusters or self.board.drain is not None:
                self.queues[shape].append(task)
                continue
            bit = clusters & -clusters
            spread = self.board.spread.get(task)
            if spread is None:
                now_us += self._dispatch_us
                starts.append((self.clusters.occupy_second(shape, bit), task, now_us))
            elif spread.together:  # in second slots its blocks would not start together
                self.board.drain = task
            else:
                now_us = self._place_block(shape, task, bit, now_us, starts, second=True)
                if spread.blocks:
                    self.queues[shape].append(task)
        self._start(starts, now_us)
        return now_us

    # Tasks that are not ready

    def _early(self, shape: int) -> bool:
        """Whether there is a task whose producers run, and that is not ready itself yet."""
        early, board = self.board.early, self.board
        if early is None:
            return False
        queue = early.queues[shape]
        while queue and not board.waiting_for[queue[0]]:
            queue.popleft()
        return bool(queue)

    def _stage(self, shape: int, now_us: float) -> float:
        """Give such tasks to idle cores, which begin them at a signal."""
        early = self.board.early
        while early is not None and self.free[shape] and self._early(shape):
            task = early.queues[shape].popleft()
            now_us += self._dispatch_us
            core = self.clusters.occupy(shape, self.free[shape] & -self.free[shape])
            self.board.last_task[core] = task
            early.gated[task] = self._poller, core, now_us
        return now_us

    def _complete_dummies(self, now_us: float) -> float:
        """Complete tasks that only order others."""
        queue = self.queues[DUMMY]
        for _ in range(min(len(queue), _MOST_DUMMIES)):
            now_us = self._complete(queue.popleft(), now_us)
        return now_us

    # Tasks on several cores

    def _place_blocks(
        self,
        shape: int,
        task: int,
        clusters: int,
        now_us: float,
        starts: list[tuple[int, int, float]],
    ) -> tuple[int, float]:
        """Place blocks while there are clusters; what remains goes back to the queue."""
        spread = self.board.spread[task]
        if spread.together and self.clusters.idle_count(shape) < spread.blocks:
            self.board.drain = task  # all threads have to help
            return clusters, now_us
        while spread.blocks and clusters:
            bit = clusters & -clusters
            now_us = self._place_block(shape, task, bit, now_us, starts)
            # Both vector cores of a cluster are taken before the next cluster's.
            if shape != AIV or not self.free[AIV] & bit:
                clusters ^= bit
        if spread.blocks:
            self.queues[shape].append(task)
        return clusters, now_us

    def _place_block(
        self,
        shape: int,
        task: int,
        bit: int,
        now_us: float,
        starts: list[tuple[int, int, float]],
        *,
        second: bool = False,
    ) -> float:
        """Place one block on a cluster, its cube core first."""
        spread = self.board.spread[task]
        spread.blocks -= 1
        occupy = self.clusters.occupy_second if second else self.clusters.occupy
        for slot, time_us in zip(spread.slots, spread.times_us, strict=True):
            now_us += self._dispatch_us
            core = occupy(AIC if slot == 0 else AIV, bit, slot if shape == MIX else 0)
            part = self._sweep.new_part(task, time_us, 1.0 / spread.parts)
            starts.append((core, part, now_us))
        return now_us

    def place_together(self, task: int, now_us: float) -> float:
        """Place as many blocks of a task that starts together as this thread's cores can take."""
        spread, shape = self.board.spread[task], self.board.shape_of[task]
        while spread.blocks and self.free[shape]:
            starts: list[tuple[int, int, float]] = []
            bit = self.free[shape] & -self.free[shape]
            now_us = self._place_block(shape, task, bit, now_us, starts)
            self._start(starts, now_us)
        return now_us

    def flush(self) -> list[int]:
        """Empty the local buffers; returns what was in them."""
        left = [task for local in self.local for task in local]
        for local in self.local:
            local.clear()
        return left
