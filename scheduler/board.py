"""What the orchestrator and all scheduler threads share: task states and the ready queues."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from librt.vecs import vec
from mypy_extensions import i16, i32, u8

from scheduler.early import EarlyTasks
from scheduler.links import Links
from scheduler.poller import Poller

__all__ = ["AIC", "AIV", "ANY_CORE", "DUMMY", "MIX", "Board", "Spread"]

AIC: Final = 0
AIV: Final = 1
MIX: Final = 2
DUMMY: Final = 3
"""Shapes: what a task needs: a cube core, a vector core, a whole cluster, nothing. A shape is also
the index of its ready queue."""

_NEVER: Final = float("inf")

ANY_CORE: Final = -1
"""Stands for a core where a policy names none."""


@dataclass(slots=True)
class Spread:
    """A task that runs on several cores, each of which executes a part of it.

    Attributes
    ----------
    slots : tuple of int
        Cores of a cluster that one block takes: 0 is the cube core, 1 and 2 are vector cores. A
        block on one vector core takes whichever is idle.
    times_us : tuple of float
        Kernel time on each of them.
    blocks : int
        Blocks that have to be placed yet.
    parts : int
        Executions that it consists of.
    running : int
        Parts that are not complete, those of blocks that have to be placed included.
    together : bool
        Whether all blocks have to start together.
    """

    slots: tuple[int, ...]
    times_us: tuple[float, ...]
    blocks: int
    parts: int
    running: int
    together: bool


class Board:
    """Shared memory of the control cores.

    Parameters
    ----------
    shape_of : bytes
        Shape of each submit.
    complete : column of flags
        Whether each is complete from the beginning, as hidden allocs are.
    links : Links
        Which submit waits for which.
    spread : dict of int to Spread
        The tasks that take more than one core.

    Attributes
    ----------
    waiting_for : column of int
        Producers of each task that are not complete.
    complete : column of flags
        Whether each task is complete.
    submitted : int
        The submit that was taken over last, -1 before the first.
    ready_us, observe_us, finish_us, done_us : column of float
        Stamps of each task, and but for the first of each part; `done_us` is when the thread had
        walked the consumers.
    release_us : column of float
        When a thread dropped each task's references to its producers; infinite before.
    linked : column of int
        Producers that each task was made to wait for when it was submitted.
    on_release : callable or None
        Told when the next release may come, by threads that get to know it; the orchestrator
        sets it while it waits for space.
    released_by : column of int
        The producer whose completion made each task ready; -1 if it was ready when submitted.
    named_core : column of int
        The core that each task was to run on, of a MIX task the cube core, or `ANY_CORE`.
    last_task : dict of int to int
        The task that each core ran last or runs.
    threads : list of Poller
        The scheduler threads, which register themselves.
    owner : dict of int to Poller
        The thread that owns each core; the threads enter themselves.
    part_of : list of int
        The task of each part; parts are numbered on from `count`, the number of submits.
    early : EarlyTasks or None
        Tasks that may be put on a core while their producers run, where the runtime does that.
    drain : int or None
        A task whose blocks have to start together: no thread dispatches until it has.
    own_queues : bool
        Whether a thread may have tasks that no other thread sees.
    name_core : callable or None
        ``name_core(task)`` is the core that a ready task has to run on, of a MIX task the cube
        core of the cluster, or `ANY_CORE`; None where all tasks may run anywhere.
    """

    def __init__(
        self, shape_of: bytes, complete: vec[u8], links: Links, spread: dict[int, Spread]
    ) -> None:
        count = len(shape_of)
        self.count = count
        self.links = links
        self.spread = spread
        self.part_of: list[int] = []
        self.drain: int | None = None
        self.early: EarlyTasks | None = None
        self.shape_of = shape_of
        self.waiting_for = vec[i32]([0] * count)
        self.complete = complete
        self.submitted = -1
        # A column that grew would leave those who have it at hand with the old one.
        executions = count + sum([each.parts for each in spread.values()])
        self.ready_us = vec[float]([0.0] * count)
        self.observe_us = vec[float]([0.0] * executions)
        self.finish_us = vec[float]([0.0] * executions)
        self.done_us = vec[float]([0.0] * executions)
        self.release_us = vec[float]([_NEVER] * count)
        self.linked = vec[i32]([0] * count)
        self.released_by = vec[i32]([-1] * count)
        self.named_core = vec[i16]([ANY_CORE] * count)
        self._producer_start, self._producer = links.producer_start, links.producer
        self.last_task: dict[int, int] = {}
        self.threads: list[Poller] = []
        self.owner: dict[int, Poller] = {}
        self.own_queues = False
        self.name_core: Callable[[int], int] | None = None
        self.on_release: Callable[[float], None] | None = None
        self._turn = 0

    def submit(self, task: int, now_us: float, *, held: bool = False) -> None:
        """Take a task over from the orchestrator; it waits for producers that are not complete.

        A held task waits for `reveal` as well.
        """
        complete, producers = self.complete, self._producer
        first: int = self._producer_start[task]
        stop: int = self._producer_start[task + 1]
        waiting = 0
        for place in range(first, stop):
            producer: int = producers[place]
            if not complete[producer]:
                waiting += 1
        self.submitted = task
        self.waiting_for[task] = waiting + 1 if held else waiting
        self.linked[task] = waiting
        if self.early is not None:
            self._begin_early(self.early.submit(task, list(producers[first:stop])), now_us)
        if not waiting and not held:
            self._make_ready(task, now_us)

    def consumers(self, task: int) -> list[int]:
        """Tasks that were submitted before this one was complete, oldest first."""
        start = self.links.consumer_start
        first: int = start[task]
        stop: int = start[task + 1]
        own: list[int] = list(self.links.consumer[first:stop])
        return own[: bisect(own, self.submitted)]

    def allow_early(self, producers: set[int]) -> None:
        """Let consumers of some producers be put on a core while those run."""
        single = [
            shape in (AIC, AIV) and task not in self.spread
            for task, shape in enumerate(self.shape_of)
        ]
        self.early = EarlyTasks(producers, self.complete, self.consumers, self.waiting_for, single)

    def _begin_early(self, tasks: Sequence[int], now_us: float) -> None:
        """Have threads look for tasks whose producers all run or are complete."""
        if self.early is not None:
            for task in tasks:
                self.early.queues[self.shape_of[task]].append(task)
                self.offer(self.shape_of[task], now_us)

    def offer_early(self, now_us: float) -> None:
        """Let threads find what may be put on a core before it is ready."""
        if self.early is not None:
            for shape, queue in enumerate(self.early.queues):
                if queue:
                    self.offer(shape, now_us)

    def started(self, task: int, now_us: float) -> None:
        """Take note that a task was given to its core."""
        if self.early is not None:
            self._begin_early(self.early.start(task), now_us)

    def completed(self, task: int, now_us: float) -> None:
        """Take note that a task is complete."""
        if self.early is not None:
            self._begin_early(self.early.complete(task), now_us)

    def reveal(self, task: int, now_us: float) -> None:
        """Let a held task run when its producers are complete."""
        self.waiting_for[task] -= 1
        if not self.waiting_for[task]:
            self._make_ready(task, now_us)

    def _make_ready(self, task: int, now_us: float) -> None:
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
        if self.own_queues:
            thread.look_for(shape, now_us)

    def new_part(self, task: int) -> int:
        """Number of a new part of a task that runs on several cores; it has stamps of its own."""
        self.part_of.append(task)
        return self.count + len(self.part_of) - 1

    def offer_second_slots(self, now_us: float) -> None:
        """Let threads look at their own queues: second slots open when nobody's core is idle."""
        for thread in self.threads:
            for shape in (AIC, AIV, MIX):
                if thread.queues[shape]:
                    thread.look_for(shape, now_us)

    def move(self, core: int, task: int, accepted_us: float, ended_us: float) -> None:
        """Tell the thread of a core that reads of it see news at other times than was known."""
        self.owner[core].move(core, task, accepted_us, ended_us)

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
        first_us, first = _NEVER, None
        for thread in self.threads:
            if self.own_queues and not thread.queues[shape]:
                continue
            look_us = thread.next_look_us(shape, now_us)
            if look_us < first_us:
                first_us, first = look_us, thread
        if first is not None:
            first.look_at(first_us)
