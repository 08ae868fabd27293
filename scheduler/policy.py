"""What a scheduling policy is: it orders ready tasks and may say on which core one runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property
from typing import ClassVar, Protocol

from librt.vecs import vec
from mypy_extensions import i16

from scheduler.board import AIC, ANY_CORE, MIX
from scheduler.queues import OwnQueue, Rank, RankedQueue, ReadyQueue
from scheduler.tasks import Tasks

__all__ = ["ListPolicy", "Machine", "Policy", "Queues", "RuntimePolicy", "full_name"]

Queues = tuple[ReadyQueue, ReadyQueue, ReadyQueue]
"""A thread's ready queues of AIC, AIV and MIX tasks."""


@dataclass(frozen=True)
class Machine:
    """The cores, and what they do at the moment.

    Attributes
    ----------
    cores : tuple of range
        Cores of each shape: ``cores[AIC]`` and ``cores[AIV]``. In ``cores[MIX]``, the cube core of
        each cluster stands for all of it.
    cluster_of, thread_of : sequence of int
        Cluster of each core, and the scheduler thread that owns it.
    overhead_us : float
        What passes at the least between the end of a task and the start of a consumer.
    last_task : mapping of int to int
        The task that each core ran last or runs; a core that has run none is not in it.
    core_of : column of int
        The core that each task was started on, -1 before; always -1 for one on several cores.
    own_queues : bool
        Whether the runtime gives each thread a queue of its own.
    is_idle : callable
        ``is_idle(core)``: whether the core is known to have nothing to run, and no task waits for
        it.
    """

    cores: tuple[range, range, range]
    cluster_of: Sequence[int]
    thread_of: Sequence[int]
    overhead_us: float
    last_task: Mapping[int, int]
    core_of: vec[i16]
    own_queues: bool
    is_idle: Callable[[int], bool]

    @cached_property
    def clusters(self) -> list[list[int]]:
        """Cores of each cluster, the cube core first."""
        clusters: list[list[int]] = [[] for _ in self.cores[MIX]]
        for core, cluster in enumerate(self.cluster_of):
            clusters[cluster].append(core)
        return clusters


class Policy(Protocol):
    """What the simulation asks of a policy; `ListPolicy` has an answer to everything.

    Attributes
    ----------
    name : str
        What it is called on the command line.
    decision_us : float
        What a scheduler thread spends deciding, for each task that it dispatches.
    fills_local_buffers : bool
        Whether a thread keeps what its completions make ready in its local buffer for the rest
        of the iteration, as the real runtime does, before the queues get it.
    names_cores : bool
        Whether `core` ever names one.
    """

    name: ClassVar[str]
    fills_local_buffers: ClassVar[bool]
    decision_us: float

    @property
    def names_cores(self) -> bool:
        """Whether `core` is to be asked."""

    def prepare(self, tasks: Tasks, machine: Machine) -> None:
        """Get to know tasks and cores; called once before every run, so it resets all state."""

    def rank(self, task: int) -> Rank:
        """Order among ready tasks, the least first; asked once, when the task becomes ready."""

    def core(self, task: int) -> int:
        """The core on which a task that has become ready must run, or `ANY_CORE`.

        A task for a core of another scheduler thread waits in that thread's queue. For a MIX
        task, the cube core stands for its cluster. It is not asked for tasks of several blocks,
        which run on any cores, nor for dummies, which run on none. Where a policy names cores,
        none gets a task before that is ready.
        """

    def core_queue(self, core: int) -> ReadyQueue:
        """The queue of the tasks that wait for one core."""

    def cluster_queue(self, core: int) -> ReadyQueue:
        """The queue of the MIX tasks that wait for the cluster of a cube core."""

    def queues(self, threads: int) -> list[Queues]:
        """For each thread its queues of AIC, AIV and MIX tasks; threads may share them."""


@dataclass
class ListPolicy:
    """Base of policies: one queue per shape for all threads, in the order of `rank`.

    A subclass says what `rank` is, and may say `core`. Parameters are dataclass fields.
    """

    name: ClassVar[str] = "list"
    fills_local_buffers: ClassVar[bool] = False
    decision_us: float = 0.0

    @property
    def names_cores(self) -> bool:
        """Whether a subclass has a `core` of its own."""
        return type(self).core is not ListPolicy.core

    def prepare(self, tasks: Tasks, machine: Machine) -> None:
        """Keep tasks and cores at hand as ``self.tasks`` and ``self.machine``."""
        self.tasks = tasks
        self.machine = machine

    def rank(self, task: int) -> Rank:  # noqa: ARG002 - for subclasses
        """The same for all tasks: the order in which they become ready."""
        return 0.0

    def core(self, task: int) -> int:  # noqa: ARG002 - for subclasses
        """No core in particular."""
        return ANY_CORE

    def core_queue(self, core: int) -> ReadyQueue:  # noqa: ARG002 - for subclasses
        """In the order of `rank`, too."""
        return RankedQueue(self._rank_after_priority())

    def cluster_queue(self, core: int) -> ReadyQueue:  # noqa: ARG002 - for subclasses
        """In the order of `rank`, too."""
        return RankedQueue(self._rank_after_priority())

    def queues(self, threads: int) -> list[Queues]:
        """One queue per shape for all threads."""
        rank = self._rank_after_priority()
        shared = RankedQueue(rank), RankedQueue(rank), RankedQueue(rank)
        return [shared] * threads

    def _rank_after_priority(self) -> Callable[[int], Rank]:
        """The rank, after the user's priority where there is one."""
        if not self.tasks.priority.any():
            return self.rank
        before: list[int] = (-self.tasks.priority).tolist()
        return lambda task: (before[task], self.rank(task))


@dataclass
class RuntimePolicy(ListPolicy):
    """What the real runtime does: a thread's newest ready tasks first, then first in, first out.

    What a thread's completions make ready goes to its LIFO buffer, and what is left of that at
    the end of the iteration to one FIFO queue per shape. It knows no priorities.
    """

    name: ClassVar[str] = "runtime"
    fills_local_buffers: ClassVar[bool] = True

    def queues(self, threads: int) -> list[Queues]:
        """One FIFO queue per shape for all threads, before which each may have one of its own."""
        aic: deque[int] = deque()
        aiv: deque[int] = deque()
        mix: deque[int] = deque()
        if not self.machine.own_queues:
            return [(aic, aiv, mix)] * threads
        owned = list(self.machine.thread_of)
        split = len(self.machine.cores[AIC])
        return [
            (
                OwnQueue(owned[:split].count(thread), aic),
                OwnQueue(owned[split:].count(thread), aiv),
                mix,
            )
            for thread in range(threads)
        ]


def full_name(policy: Policy) -> str:
    """Name with the parameters that are not at their defaults, such as ``random[seed=3]``."""
    if not is_dataclass(policy):
        return policy.name
    values = [(f.name, getattr(policy, f.name), f.default) for f in fields(policy)]
    words = [f"{name}={_plainly(value)}" for name, value, default in values if value != default]
    return policy.name + (f"[{','.join(words)}]" if words else "")


def _plainly(value: object) -> str:
    """A value as one would write it: whole numbers without a point."""
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else f"{value}"
