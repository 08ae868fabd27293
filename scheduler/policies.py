"""Policies that decide when a task becomes ready."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from scheduler.board import ANY_CORE, MIX
from scheduler.policy import ListPolicy, Machine, Queues
from scheduler.queues import StealingQueue
from scheduler.tasks import Tasks

__all__ = [
    "CriticalPath",
    "Fifo",
    "Lifo",
    "Locality",
    "LongestFirst",
    "MostSuccessors",
    "RandomOrder",
    "ShortestFirst",
    "WorkStealing",
]

Floats = NDArray[np.float64]


@dataclass
class Fifo(ListPolicy):
    """The task that has been ready for longest runs first.

    The later runtime does this: it has no local buffers any more (simpler pull request 1245).
    """

    name: ClassVar[str] = "fifo"


@dataclass
class Lifo(ListPolicy):
    """The task that became ready last runs first.

    References
    ----------
    Blumofe, Leiserson: Scheduling multithreaded computations by work stealing. Journal of the
    ACM 46 (1999): depth first keeps what was just written near.
    """

    name: ClassVar[str] = "lifo"

    def prepare(self, tasks: Tasks, machine: Machine) -> None:
        """Begin to count."""
        super().prepare(tasks, machine)
        self._pushed = 0

    def rank(self, task: int) -> float:  # noqa: ARG002 - any task
        """The later, the less."""
        self._pushed += 1
        return -self._pushed


@dataclass
class _Ordered(ListPolicy):
    """Base of policies whose ranks are known before the run."""

    def prepare(self, tasks: Tasks, machine: Machine) -> None:
        """Compute the ranks."""
        super().prepare(tasks, machine)
        self._ranks: list[float] = self._order(tasks).tolist()

    def _order(self, tasks: Tasks) -> Floats:
        """Rank of each task, shape (n,)."""
        raise NotImplementedError

    def rank(self, task: int) -> float:
        """What was computed."""
        return self._ranks[task]


@dataclass
class CriticalPath(_Ordered):
    """The task with the longest path of estimated kernel times to the end (bottom level) first.

    References
    ----------
    Hu: Parallel sequencing and assembly line problems. Operations Research 9 (1961). Adam,
    Chandy, Dickson: A comparison of list schedules for parallel processing systems.
    Communications of the ACM 17 (1974): the highest level first with estimated times.
    """

    name: ClassVar[str] = "critical-path"

    def _order(self, tasks: Tasks) -> Floats:
        return -tasks.bottom_level_us


@dataclass
class LongestFirst(_Ordered):
    """The task with the longest estimated kernel time runs first.

    References
    ----------
    Graham: Bounds on multiprocessing timing anomalies. SIAM Journal on Applied Mathematics 17
    (1969): LPT.
    """

    name: ClassVar[str] = "longest-first"

    def _order(self, tasks: Tasks) -> Floats:
        return -tasks.estimate_us


@dataclass
class ShortestFirst(_Ordered):
    """The task with the shortest estimated kernel time runs first.

    References
    ----------
    Smith: Various optimizers for single-stage production. Naval Research Logistics Quarterly 3
    (1956): SPT, which is best for the mean completion time, not for the makespan.
    """

    name: ClassVar[str] = "shortest-first"

    def _order(self, tasks: Tasks) -> Floats:
        return tasks.estimate_us


@dataclass
class MostSuccessors(_Ordered):
    """The task with the most direct consumers runs first.

    References
    ----------
    Kwok, Ahmad: Static scheduling algorithms for allocating directed task graphs to
    multiprocessors. ACM Computing Surveys 31 (1999), on priorities of list scheduling.
    """

    name: ClassVar[str] = "most-successors"

    def _order(self, tasks: Tasks) -> Floats:
        return -tasks.successor_count.astype(np.float64)


@dataclass
class RandomOrder(ListPolicy):
    """A ready task drawn at random runs first; a yardstick for the others.

    Parameters
    ----------
    seed : int
        Same seed, same draws.
    """

    name: ClassVar[str] = "random"
    seed: int = 0

    def prepare(self, tasks: Tasks, machine: Machine) -> None:
        """Seed the generator."""
        super().prepare(tasks, machine)
        self._random = random.Random(self.seed)  # noqa: S311 - no secrets

    def rank(self, task: int) -> float:  # noqa: ARG002 - any task
        """A draw."""
        return self._random.random()


@dataclass
class Locality(ListPolicy):
    """A task runs on the core of its largest producer, or in its cluster, if idle; else anywhere.

    The largest producer is the one that stores the most bytes, of equal ones the last; those that
    ran on several cores do not count. A MIX task takes the cluster if all of it is idle. The time
    model knows no gain from it: a kernel takes the same time on all cores of a type.

    References
    ----------
    Acar, Blelloch, Blumofe: The data locality of work stealing. Theory of Computing Systems 35
    (2002).
    """

    name: ClassVar[str] = "locality"

    def core(self, task: int) -> int:
        """An idle core next to the data."""
        tasks, machine = self.tasks, self.machine
        producers = [p for p in tasks.producers(task).tolist() if machine.core_of[p] >= 0]
        if not producers:
            return ANY_CORE
        largest = max(producers, key=lambda p: (tasks.stored_bytes[p], p))
        near: int = machine.core_of[largest]
        shape = tasks.shape[task]
        fitting = machine.cores[shape]
        if near in fitting and shape != MIX:
            return near if machine.is_idle(near) else ANY_CORE
        cluster = machine.clusters[machine.cluster_of[near]]
        if shape == MIX:
            return cluster[0] if all(map(machine.is_idle, cluster)) else ANY_CORE
        idle = (core for core in cluster if core in fitting and machine.is_idle(core))
        return next(idle, ANY_CORE)


@dataclass
class WorkStealing(ListPolicy):
    """A thread runs its newest ready task first, and when it has none steals the oldest.

    Tasks belong to the thread whose completion made them ready; the orchestrator deals out those
    that are ready when submitted. A thief steals from the thread that has most.

    References
    ----------
    Blumofe, Leiserson: Scheduling multithreaded computations by work stealing. Journal of the
    ACM 46 (1999).
    """

    name: ClassVar[str] = "work-stealing"

    def queues(self, threads: int) -> list[Queues]:
        """Queues for every thread; it knows no priorities."""
        aic: list[StealingQueue] = []
        aiv: list[StealingQueue] = []
        mix: list[StealingQueue] = []
        return [
            (StealingQueue(aic), StealingQueue(aiv), StealingQueue(mix)) for _ in range(threads)
        ]
