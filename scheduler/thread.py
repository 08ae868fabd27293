"""A scheduler thread: it sweeps its running cores, completes, and dispatches to idle ones.

One iteration of the real loop reads the state of every running core of the thread, one register
after the other; completes what has ended; then fills idle cores from its local buffer and the
global queues. Here a thread has one pending event: the next thing that happens to it. Iterations
that find nothing are arithmetic, because they repeat with a period until a core's end becomes
visible or a task is pushed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil

from simpy import Environment, Event, Timeout
from simpy.events import EventPriority

from scheduler.board import AIC, AIV, Board
from scheduler.clusters import Clusters
from scheduler.queues import ReadyQueue
from scheduler.sweep import Sweep

__all__ = ["SchedulerThread", "ThreadCosts"]

_NEVER = float("inf")
_LAST = EventPriority(2)  # after SimPy's URGENT and NORMAL


@dataclass(frozen=True, slots=True)
class ThreadCosts:
    """What a scheduler thread spends, in microseconds.

    Attributes
    ----------
    read_us : float
        One read of a running core's state.
    loop_us : float
        One iteration, besides its reads.
    completion_us : float
        Completing a task, up to the moment at which its consumers can no longer grow.
    per_consumer_us : float
        Walking on to one consumer.
    dispatch_us : float
        Deciding on, preparing and writing one task to a core.
    """

    read_us: float
    loop_us: float
    completion_us: float
    per_consumer_us: float
    dispatch_us: float


class Look(Event):
    """A look at the queues: of all that happens at one time, it comes last and sees the rest."""

    def __init__(self, env: Environment, delay_us: float) -> None:
        self.env = env
        self.callbacks = []
        self._value = None
        self._ok = True
        env.schedule(self, _LAST, delay_us)


class SchedulerThread:
    """One scheduler thread and the clusters that it owns.

    Parameters
    ----------
    env : Environment
        The simulation.
    board : Board
        What all threads share.
    number : int
        Number of the thread.
    clusters : Clusters
        The clusters that it owns.
    shape_order : sequence of int
        Shapes in the order in which it dispatches them.
    local_capacity : int
        Tasks per shape that its local buffer holds; with 0, what becomes ready goes to the queues
        at once.
    deferred_limit : int
        Completed tasks that it keeps unreleased at the most.
    queues : sequence of ReadyQueue
        Queue of each shape, as this thread sees it.
    costs : ThreadCosts
        What its work costs.
    run : callable
        ``run(core, task, dispatch_us)`` starts a task and returns when the core's end becomes
        visible to a read.
    """

    def __init__(
        self,
        env: Environment,
        board: Board,
        number: int,
        clusters: Clusters,
        shape_order: Sequence[int],
        local_capacity: int,
        deferred_limit: int,
        queues: Sequence[ReadyQueue],
        costs: ThreadCosts,
        run: Callable[[int, int, float], float],
    ) -> None:
        self.env = env
        self.board = board
        self.number = number
        self.queues = queues
        self._clusters = clusters
        self._free = clusters.free
        self._keeps = False  # whether a task ever had to wait for a certain core
        self._run = run
        self._read_cost_us = costs.read_us
        self._sweep = Sweep(costs.read_us)
        self._loop_cost_us = costs.loop_us
        self._completion_us = costs.completion_us
        self._per_consumer_us = costs.per_consumer_us
        self._dispatch_us = costs.dispatch_us
        self._order = tuple(shape_order)
        self._capacity = local_capacity
        self._local: tuple[list[int], list[int]] = ([], [])
        self._deferred: list[int] = []
        self._deferred_limit = deferred_limit
        self._pending: Event | None = None
        self._pending_us = 0.0
        self._shape = 0  # position in the dispatch order
        # While polling:
        self._polling = False
        self._start_us = 0.0  # when the current iteration began
        self._read_rounds: float = _NEVER  # iterations before the one that sees the next end ...
        self._seen_us = _NEVER  # ... and when the read of it begins
        self._look_us = _NEVER  # when it looks at the queues, if something is there for it
        self._last_us = 0.0  # a look of the iteration before that nothing has needed yet ...
        self._last_shape = 0  # ... and where in the dispatch order it stood
        board.threads.append(self)
        board.owner.update(dict.fromkeys(clusters.cores, self))

    def start(self, phase: float) -> None:
        """Begin to poll, the given part (0 to 1) of an idle iteration from now."""
        last_us = self.env.now + (phase - 1.0) * self._loop_cost_us
        self._poll(last_us, len(self._order))

    def _schedule(
        self, time_us: float, kind: type[Timeout | Look], step: Callable[[Event], None]
    ) -> None:
        """Make `step` the next thing that happens, in place of what was to happen next."""
        env = self.env
        delay_us = time_us - env.now
        self._pending = event = kind(env, delay_us if delay_us > 0.0 else 0.0)
        event.callbacks.append(step)
        self._pending_us = time_us  # kept apart: now + (time - now) need not be time

    # Polling

    def _poll(self, last_us: float, last_shape: int) -> None:
        """End an iteration whose last look is at `last_us`; find out what happens next.

        Nothing was there for that look when this was called. If something comes in time for it,
        it still happens.
        """
        self._last_us, self._last_shape = last_us, last_shape
        self._start_us = last_us + self._loop_cost_us
        self._polling = True
        self._pending = None
        self._look_us = self._read_rounds = self._seen_us = _NEVER
        sweep = self._sweep
        if sweep.cores:
            self._seen_us, self._read_rounds = sweep.first_end(self._start_us, self._period_us())
            end_us = self._seen_us + self._read_cost_us
            self._schedule(end_us + self._completion_us, Timeout, self._complete)
        if self.board.on_release is not None and self._deferred:
            self.board.on_release(self.next_release_us())
        self._offer_what_is_left()

    def _offer_what_is_left(self) -> None:
        """Wake whoever looks first at what this thread does not take, itself perhaps."""
        queues = self.queues
        if queues[AIC] or queues[AIV]:
            for shape in self._order:
                if queues[shape]:
                    self.board.offer(shape, self.env.now)
        if self._keeps:
            for shape in self._order:
                if self._clusters.is_awaited(shape):
                    self._look_for(shape, self.env.now)

    def _period_us(self) -> float:
        return self._loop_cost_us + len(self._sweep.cores) * self._read_cost_us

    def next_look_us(self, shape: int, now_us: float) -> float:
        """When a polling thread next looks at the queue of `shape`, if it has a core for it."""
        if not self._polling or not self._free[shape]:
            return _NEVER
        if now_us <= self._last_us and shape in self._order[self._last_shape :]:
            return self._last_us
        look_us = self._start_us + len(self._sweep.cores) * self._read_cost_us
        rounds = 0
        if now_us > look_us:
            period_us = self._period_us()
            if not period_us:
                return now_us if now_us < self._seen_us else _NEVER
            rounds = ceil((now_us - look_us) / period_us)
            look_us += rounds * period_us
        # An iteration that sees an end completes it first, and looks later. Rounds are compared,
        # not times: the last read of a sweep ends as the look begins.
        return look_us if rounds < self._read_rounds else _NEVER

    def look_at(self, look_us: float) -> None:
        """Wake for a look at the queues; an earlier one stands."""
        if look_us < self._look_us:
            self._look_us = look_us
            # Where iterations take no time, the next one begins when the last one ends.
            is_last = look_us == self._last_us and self._period_us() > 0.0
            self._shape = self._last_shape if is_last else 0
            self._schedule(look_us, Look, self._dispatch)

    def keep(self, task: int, core: int, now_us: float) -> None:
        """Run a ready task on one of the own cores, after those of less rank that wait for it."""
        self._keeps = True
        if self._clusters.wait(task, core):
            self._look_for(self.board.shape_of[task], now_us)

    def waits_for(self, core: int) -> bool:
        """Whether a task waits for one of the own cores."""
        return self._clusters.has_waiting(core)

    def _look_for(self, shape: int, now_us: float) -> None:
        look_us = self.next_look_us(shape, now_us)
        if look_us < _NEVER:
            self.look_at(look_us)

    # Release

    def next_release_us(self) -> float:
        """When the first iteration of this polling ends, if it finds nothing; else never."""
        if not self._polling or not self._deferred or not self._read_rounds:
            return _NEVER
        return self._start_us + len(self._sweep.cores) * self._read_cost_us

    def settle(self, now_us: float) -> None:
        """Release what has completed, if an idle iteration has ended by then.

        The real thread does so at the end of every iteration in which nothing happened.
        """
        idle_us = self.next_release_us()
        if idle_us <= now_us and idle_us < self._look_us:
            self._release(idle_us)

    def _release(self, now_us: float) -> None:
        """Drop the references of completed tasks to their producers."""
        release_us = self.board.release_us
        for task in self._deferred:
            release_us[task] = now_us
        self._deferred.clear()
        if self.board.on_release is not None:
            self.board.on_release(now_us)

    # Completion

    def _complete(self, event: Event) -> None:
        """Complete the task whose end the sweep has seen, walk its consumers, and sweep on."""
        if event is not self._pending:  # something has come before it
            return
        if self._deferred:
            self.settle(_NEVER)
        self._polling = False
        lock_us, board = self._pending_us, self.board
        core, task = self._sweep.take()
        self._clusters.release(core)
        board.complete[task] = 1
        board.observe_us[task] = lock_us - self._completion_us
        waiting_for, shape_of = board.waiting_for, board.shape_of
        walk_us = lock_us
        for consumer in reversed(board.consumers[task]):  # the runtime prepends: newest first
            walk_us += self._per_consumer_us
            waiting_for[consumer] -= 1
            if not waiting_for[consumer]:
                board.ready_us[consumer] = walk_us
                board.released_by[consumer] = task
                local = self._local[shape_of[consumer]]
                if len(local) < self._capacity:
                    local.append(consumer)
                else:
                    self._push_later(consumer, walk_us)
        board.finish_us[task] = walk_us
        self._deferred.append(task)
        if len(self._deferred) == self._deferred_limit:
            self._release(walk_us)
        self._sweep_on(walk_us)

    def _push_later(self, task: int, time_us: float) -> None:
        event = Timeout(self.env, max(0.0, time_us - self.env.now))
        event.callbacks.append(lambda _: self.board.push(task, time_us, self))

    def _sweep_on(self, read_us: float) -> None:
        """Read the rest of the running cores, then look at the queues."""
        read_us, found = self._sweep.next_end(read_us)
        if found:
            self._schedule(read_us + self._completion_us, Timeout, self._complete)
        else:
            self._look(read_us, 0)

    # Dispatch

    def _look(self, now_us: float, first: int) -> None:
        """Look at the queues at a time that may lie ahead, from a place in the order on."""
        local = self._local
        # What is in the local buffers goes to the global queues at the least.
        if local[AIC] or local[AIV] or self._finds_something(first):
            self._shape = first
            self._schedule(now_us, Look, self._dispatch)
        else:  # as yet there is nothing to see; `next_look_us` remembers this look
            self._poll(now_us, first)

    def _finds_something(self, first: int) -> bool:
        """Whether there is a task and an idle core for it."""
        queues, free = self.queues, self._free
        for shape in self._order[first:]:
            if free[shape] and (
                queues[shape] or (self._keeps and self._clusters.is_awaited(shape))
            ):
                return True
        return False

    def _dispatch(self, event: Event) -> None:
        """Fill idle cores with one batch, then look again; end the iteration if there is none."""
        if event is not self._pending:  # something has come before it
            return
        was_polling = self._polling and self._pending_us != self._last_us
        if self._deferred:
            self.settle(_NEVER)
        self._polling = False
        now_us = self._pending_us
        for place in range(self._shape, len(self._order)):
            shape = self._order[place]
            if self._keeps and self._clusters.is_awaited(shape):
                self._look(self._place_awaited(shape, now_us), place)
                self._offer_what_is_left()
                return
            batch = self._take(shape)
            if batch:
                self._look(self._place_batch(shape, batch, now_us), place)
                self._offer_what_is_left()
                return
        for local in self._local:
            for task in local:
                self.board.push(task, now_us, self)
            local.clear()
        if was_polling and self._deferred:  # another thread was faster: an idle iteration
            self._release(now_us)
        self._poll(now_us, len(self._order))

    def _take(self, shape: int) -> list[int]:
        """As many ready tasks as clusters can take one: newest local first, then the queue."""
        local, queue = self._local[shape], self.queues[shape]
        if not local and not queue:
            return []
        want = self._free[shape].bit_count()
        batch: list[int] = []
        while local and len(batch) < want:
            batch.append(local.pop())
        while queue and len(batch) < want:
            batch.append(queue.popleft())
        return batch

    def _place_batch(self, shape: int, batch: list[int], now_us: float) -> float:
        """Write each task to the lowest cluster that has not got one of this batch."""
        clusters = self._free[shape]
        for task in batch:
            now_us += self._dispatch_us
            bit = clusters & -clusters
            clusters ^= bit
            self._start(task, self._clusters.occupy(shape, bit), now_us)
        return now_us

    def _place_awaited(self, shape: int, now_us: float) -> float:
        """Write to each idle core the first of the tasks that wait for it."""
        for core, task in self._clusters.occupy_awaited(shape):
            now_us += self._dispatch_us
            self._start(task, core, now_us)
        return now_us

    def _start(self, task: int, core: int, now_us: float) -> None:
        """Start a task; from now on the sweep reads its core."""
        self.board.last_task[core] = task
        self._sweep.add(core, task, self._run(core, task, now_us))
