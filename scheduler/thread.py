"""A scheduler thread: it sweeps its running cores, completes, and dispatches to idle ones.

One iteration of the real loop reads the state of every running core of the thread, one register
after the other; completes what has ended; then fills idle cores from its local buffer and the
global queues. Here a thread has one pending event: the next thing that happens to it. Iterations
that find nothing are arithmetic, because they repeat with a period until a core's end becomes
visible or a task is pushed.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from typing import Final

from devices.events import LAST, NORMAL, Clock, Event
from scheduler.board import AIC, AIV, DUMMY, MIX, Board
from scheduler.clusters import Clusters
from scheduler.completion import Completion
from scheduler.dispatcher import Dispatcher
from scheduler.poller import Poller
from scheduler.queues import ReadyQueue
from scheduler.rules import EARLY, PENDING, ThreadCosts, ThreadRules
from scheduler.sweep import Sweep
from scheduler.together import start_together

__all__ = ["SchedulerThread"]

_NEVER: Final = float("inf")


class SchedulerThread(Poller):
    """One scheduler thread and the clusters that it owns.

    Parameters
    ----------
    clock : Clock
        The simulation.
    board : Board
        What all threads share.
    number : int
        Number of the thread.
    clusters : Clusters
        The clusters that it owns.
    queues : tuple of ReadyQueue
        Queue of each shape, as this thread sees it.
    costs : ThreadCosts
        What its work costs.
    rules : ThreadRules
        How it works.
    sweep : Sweep
        Starts tasks and reads the cores.
    """

    def __init__(
        self,
        clock: Clock,
        board: Board,
        number: int,
        clusters: Clusters,
        queues: tuple[ReadyQueue, ...],
        costs: ThreadCosts,
        rules: ThreadRules,
        sweep: Sweep,
    ) -> None:
        self.clock = clock
        self.board = board
        self.number = number
        self.queues = queues
        self._clusters = clusters
        self._free = clusters.free
        self._sweep = sweep
        self._dispatcher = Dispatcher(
            board, self, clusters, sweep, queues, rules, costs.dispatch_us, self._complete_dummy
        )
        self._read_cost_us = costs.read_us
        self._loop_cost_us = costs.loop_us
        self._completion_us = costs.completion_us
        self._phases = rules.phases
        self._shapes = [phase for phase in rules.phases if phase < PENDING]
        self._rules = rules
        self._has_one_slot = not any(PENDING <= phase < EARLY for phase in rules.phases)
        self._completion = Completion(
            clock,
            board,
            self,
            self._dispatcher.local,
            rules.local_capacity,
            costs.per_consumer_us,
            rules.deferred_limit,
        )
        self._stands_still = False
        # At hand, as a new method object for each event would take as long as the event.
        self._completes: Callable[[Event], None] = self._complete
        self._dispatches: Callable[[Event], None] = self._dispatch
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
        self._swept_us = 0.0  # while sweeping: when the read begins that finds, or the last ends
        board.threads.append(self)
        board.owner.update(dict.fromkeys(clusters.cores, self))

    def start(self, phase: float) -> None:
        """Begin to poll, the given part (0 to 1) of an idle iteration from now."""
        last_us = self.clock.now_us + (phase - 1.0) * self._loop_cost_us
        self._poll(last_us, len(self._phases))

    def _schedule(
        self, time_us: float, step: Callable[[Event], None], priority: int = NORMAL
    ) -> None:
        """Make `step` the next thing that happens, in place of what was to happen next."""
        delay_us = time_us - self.clock.now_us
        delay_us = delay_us if delay_us > 0.0 else 0.0
        self._pending = self.clock.after(delay_us, step, None, priority)
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
        sweep, board = self._sweep, self.board
        if sweep.cores:
            self._read_rounds = sweep.first_end(self._start_us, self._period_us())
            self._seen_us = sweep.seen_us
            if self._seen_us < _NEVER:
                self._await(self._seen_us + self._read_cost_us)
        if board.on_release is not None:
            board.on_release(self.next_release_us())
        if board.drain is not None:
            self._drain()
        else:
            self._offer_what_is_left()

    def _offer_what_is_left(self) -> None:
        """Wake whoever looks first at what this thread does not take, itself perhaps."""
        queues, board = self.queues, self.board
        if queues[AIC] or queues[AIV] or queues[MIX] or queues[DUMMY]:
            for shape in self._shapes:
                if queues[shape]:
                    board.offer(shape, self.clock.now_us)
                    if board.own_queues:
                        self.look_for(shape, self.clock.now_us)
        if board.early is not None:
            board.offer_early(self.clock.now_us)
        if self._dispatcher.keeps:
            for shape in self._clusters.awaited_shapes():
                self.look_for(shape, self.clock.now_us)

    def _period_us(self) -> float:
        return self._loop_cost_us + len(self._sweep.cores) * self._read_cost_us

    def next_look_us(self, shape: int, now_us: float) -> float:
        """When a polling thread next looks at the queue of `shape`, if it has a core for it."""
        if not self._polling:
            return _NEVER
        if not self._free[shape] and (self._has_one_slot or not self._dispatcher.can_take(shape)):
            return _NEVER
        if now_us <= self._last_us and self._still_comes(shape):
            return self._last_us
        look_us = self._start_us + len(self._sweep.cores) * self._read_cost_us
        rounds = 0
        if now_us > look_us:
            period_us = self._period_us()
            if not period_us:
                return now_us if now_us < self._seen_us else _NEVER
            rounds = ceil((now_us - look_us) / period_us)
            look_us += rounds * period_us
            look_us = max(look_us, now_us)  # not before it, by what rounding makes
        # An iteration that sees an end completes it first, and looks later. Rounds are compared,
        # not times: the last read of a sweep ends as the look begins.
        return look_us if rounds < self._read_rounds else _NEVER

    def _still_comes(self, shape: int) -> bool:
        """Whether the last iteration's look could still take a task of a shape."""
        return any(
            phase % PENDING == shape and self._free[phase % EARLY]
            for phase in self._phases[self._last_shape :]
        )

    def look_at(self, look_us: float) -> None:
        """Wake for a look at the queues; an earlier one stands."""
        if look_us < self._look_us:
            self._look_us = look_us
            # Where iterations take no time, the next one begins when the last one ends.
            is_last = look_us == self._last_us and self._period_us() > 0.0
            self._shape = self._last_shape if is_last else 0
            self._schedule(look_us, self._dispatches, LAST)

    def keep(self, task: int, core: int, now_us: float) -> None:
        """Run a ready task on one of the own cores, after those of less rank that wait for it."""
        self._dispatcher.keeps = True
        shape, clusters = self.board.shape_of[task], self._clusters
        if clusters.wait_for_whole(task, core) if shape == MIX else clusters.wait(task, core):
            self.look_for(shape, now_us)

    def waits_for(self, core: int) -> bool:
        """Whether a task waits for one of the own cores, or for its cluster."""
        return self._clusters.has_waiting(core)

    def look_for(self, shape: int, now_us: float) -> None:
        """Look at the queue of `shape` as soon as it does, if it has a core for it."""
        look_us = self.next_look_us(shape, now_us)
        if look_us < _NEVER:
            self.look_at(look_us)

    # Release

    def _stop_polling(self) -> None:
        # As `settle`, without its calls: this happens twice for every task.
        if self._completion.deferred and self._polling and self._read_rounds:
            idle_us = self._start_us + len(self._sweep.cores) * self._read_cost_us
            if idle_us < self._look_us:
                self._completion.release(idle_us)
        self._polling = self._stands_still = False

    def next_release_us(self) -> float:
        """When the first iteration of this polling ends, if it finds nothing; else never."""
        if not self._polling or not self._completion.deferred or not self._read_rounds:
            return _NEVER
        return self._start_us + len(self._sweep.cores) * self._read_cost_us

    def settle(self, now_us: float) -> None:
        """Release what has completed, if an idle iteration has ended by then.

        The real thread does so at the end of every iteration in which nothing happened.
        """
        idle_us = self.next_release_us()
        if idle_us <= now_us and idle_us < self._look_us:
            self._completion.release(idle_us)

    # Completion

    def _await(self, read_us: float) -> None:
        """Have what the sweep has found happen, after the read that ends at `read_us`."""
        if self._has_one_slot or self._sweep.completes():
            self._schedule(read_us + self._completion_us, self._completes)
        else:
            self._schedule(read_us, self._accept)

    def _complete(self, event: Event) -> None:
        """Complete the task whose end the sweep has seen, walk its consumers, and sweep on."""
        if event is not self._pending:  # something has come before it
            return
        self._stop_polling()
        lock_us, board = self._pending_us, self.board
        core, task, idles = self._sweep.take()
        if idles:
            self._clusters.release(core)
        else:
            self._clusters.open_second(core)
        observe_us = board.observe_us[task] = lock_us - self._completion_us
        walk_us = self._completion.complete(task, lock_us)
        board.finish_us[task] = observe_us if self._rules.finishes_when_seen else walk_us
        if not idles and self._sweep.has_ended_too():
            self._schedule(walk_us + self._completion_us, self._completes)
        else:
            self._sweep_on(walk_us)

    def _accept(self, event: Event) -> None:
        """Note that a core has accepted its task, and sweep on."""
        if event is not self._pending:
            return
        self._stop_polling()
        self._clusters.open_second(self._sweep.accept())
        self._sweep_on(self._pending_us)

    def _complete_dummy(self, task: int, now_us: float) -> float:
        """Complete a task that runs on no core; returns when that is done."""
        return self._completion.complete(task, now_us + self._completion_us)

    def _sweep_on(self, read_us: float) -> None:
        """Read the rest of the running cores, then look at the queues."""
        self._go_on(*self._sweep.next_end(read_us))

    def _go_on(self, read_us: float, found: bool) -> None:
        if found:
            self._swept_us = self._sweep.seen_us
            self._await(read_us)
        else:
            self._swept_us = read_us
            self._look(read_us, 0)

    # Ends that move

    def move(self, core: int, task: int, accepted_us: float, ended_us: float) -> None:
        """Find out again what happens next, as reads of a core see news at another time.

        What was to be seen by now has been seen; only what lies ahead can change.
        """
        self._sweep.move(core, task, accepted_us, ended_us)
        was_offered = self._polling or self._stands_still
        if self.clock.now_us < self._swept_us:
            self._polling = False
            self._look_us = _NEVER
            self._go_on(*self._sweep.next_end_again())
            if was_offered:  # another may be faster now
                self._offer_what_is_left()
        elif was_offered:
            self._poll(self._last_us, self._last_shape)

    # Dispatch

    def _look(self, now_us: float, first: int) -> None:
        """Look at the queues at a time that may lie ahead, from a place in the order on."""
        aic, aiv, mix = self._dispatcher.local
        # What is in the local buffers goes to the global queues at the least.
        if aic or aiv or mix or self._dispatcher.finds_something(first):
            self._shape = first
            self._schedule(now_us, self._dispatches, LAST)
        else:  # as yet there is nothing to see; `next_look_us` remembers this look
            self._poll(now_us, first)

    def _dispatch(self, event: Event) -> None:
        """Fill idle cores with one batch, then look again; end the iteration if there is none."""
        if event is not self._pending:  # something has come before it
            return
        was_polling = self._polling and self._pending_us != self._last_us
        self._stop_polling()
        now_us, board = self._pending_us, self.board
        done = None if board.drain is not None else self._dispatcher.fill(self._shape, now_us)
        if done is not None:
            self._look(*done)
            self._offer_what_is_left()
            if board.own_queues and not self._has_one_slot:
                board.offer_second_slots(self.clock.now_us)
            return
        for task in self._dispatcher.flush():
            board.push(task, now_us, self)
        if was_polling and self._completion.deferred:  # another was faster: an idle iteration
            self._completion.release(now_us)
        self._poll(now_us, len(self._phases))

    # Tasks that were given to a core before they were ready

    def open_gate(self, task: int, core: int, staged_us: float, now_us: float) -> None:
        """Let one of its cores begin a task; the next sweep reads that core."""
        period_us = self._period_us()
        self._sweep.start_gated(core, task, staged_us, now_us)
        self.board.started(task, now_us)
        if self._stands_still:
            self._poll(max(self._last_us, now_us), len(self._phases))
        if not self._polling:
            return
        begun = max(0.0, now_us - self._start_us) // period_us + 1 if period_us else 0.0
        if now_us < self._start_us:
            begun = 0.0
        if begun <= self._read_rounds and self._look_us == _NEVER:
            self._poll(self._start_us + begun * period_us - self._loop_cost_us, len(self._phases))

    # Blocks that start together

    def _drain(self) -> None:
        """Place all blocks of the awaited task, once every thread stands still and they fit.

        The last thread to come to a stand, or to see a core become idle, does it for all.
        """
        self._stands_still, self._polling = True, False
        start_together(self.board, max(self._last_us, self.clock.now_us))

    def stand_still(self) -> bool:
        """Dispatch nothing until `go_on`, if it is between two iterations; returns whether so."""
        if self._polling:
            self._stands_still, self._polling = True, False
        return self._stands_still

    def idle_count(self, shape: int) -> int:
        """Idle cores of a shape."""
        return self._clusters.idle_count(shape)

    def has_idle(self, shape: int) -> bool:
        """Whether a core of a shape is idle."""
        return bool(self._free[shape])

    def place_together(self, task: int, now_us: float) -> float:
        """Place blocks of a task on its cores; returns when that is done."""
        return self._dispatcher.place_together(task, now_us)

    def go_on(self, now_us: float) -> None:
        """Dispatch again, from a new iteration on."""
        self._stands_still = False
        self._poll(now_us, len(self._phases))
