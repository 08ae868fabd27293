"""Policies that plan the whole run from estimates before it begins."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush
from typing import ClassVar

import numpy as np

from scheduler.board import MIX
from scheduler.policy import ListPolicy, Machine
from scheduler.queues import JointQueue, PlannedQueue, ReadyQueue
from scheduler.tasks import Tasks, longest_after, longest_from

__all__ = ["Heft", "Peft"]

_NEVER = float("inf")


class Plan:
    """Timelines of the cores, which tasks are put into, each where it would end first.

    Tasks take their estimates and, before and after, what passes around a kernel at the least. A
    MIX task takes all cores of a cluster for that time, as it has to find them all idle. Each
    block of a task takes its own; blocks that start together come after all that was planned.

    Attributes
    ----------
    core : list of int
        What each task has been given, of a MIX task the cube core; -1 for several blocks.
    start_us : list of float
        When it would start, or its first block.
    """

    def __init__(self, tasks: Tasks, machine: Machine) -> None:
        self.core = [-1] * len(tasks)
        self.start_us = [0.0] * len(tasks)
        length_us = tasks.estimate_us + machine.overhead_us
        self._length_us: list[float] = length_us.tolist()
        self._release_us: list[float] = tasks.release_us.tolist()
        self._shortest_us = float(length_us[tasks.is_task].min(initial=_NEVER))
        self._cores = machine.cores
        self._clusters = machine.clusters
        self._shape: list[int] = tasks.shape.tolist()
        self._together: list[bool] = tasks.together.tolist()
        several = np.flatnonzero(tasks.blocks > 1)
        self._blocks = dict(zip(several.tolist(), tasks.blocks[several].tolist(), strict=True))
        # Tasks of no time may begin together; then the one that was planned first goes first.
        self._place: dict[int, tuple[float, int]] = {}
        # Gaps instead of tasks: a full timeline has few, and what fits no task is forgotten.
        self._gaps = [[(0.0, _NEVER)] for _ in machine.cluster_of]

    def put(self, task: int, ready_us: float) -> float:
        """Give a task the first gap after its submit, on the core where that comes first.

        Returns
        -------
        float
            When its consumers may start, in us.
        """
        shape, length_us = self._shape[task], self._length_us[task]
        ready_us = max(ready_us, self._release_us[task])
        if task in self._blocks:
            take = self._take_together if self._together[task] else self._take_each
            starts_us = take(shape, self._blocks[task], ready_us, length_us)
            self.start_us[task] = min(starts_us)
            return max(starts_us) + length_us
        self.core[task], start_us = self._take(shape, ready_us, length_us)
        self.start_us[task] = start_us
        self._place[task] = start_us, len(self._place)
        return start_us + length_us

    def _take(self, shape: int, ready_us: float, length_us: float) -> tuple[int, float]:
        """Take the first gap of all cores of a shape, of the first of these; core and start."""
        best_us, best, gaps = _NEVER, -1, self._gaps
        for core in self._cores[shape]:
            if shape == MIX:
                start_us = self._first_common(core, ready_us, length_us)
            else:
                start_us = _first_fit(gaps[core], ready_us, length_us)
            if start_us < best_us:
                best_us, best = start_us, core
            if best_us <= ready_us:  # no core can do better
                break
        self._fill(shape, best, best_us, length_us)
        return best, best_us

    def _take_each(
        self, shape: int, blocks: int, ready_us: float, length_us: float
    ) -> Sequence[float]:
        """Take a gap for each block; returns their starts."""
        return [self._take(shape, ready_us, length_us)[1] for _ in range(blocks)]

    def _take_together(
        self, shape: int, blocks: int, ready_us: float, length_us: float
    ) -> Sequence[float]:
        """Take as many cores from when they have nothing more to do; returns as `_take_each`."""
        free = sorted(
            (max(self._gaps[each][-1][0] for each in self._taken(shape, core)), core)
            for core in self._cores[shape]
        )[:blocks]
        start_us = max(ready_us, free[-1][0])
        for _, core in free:
            self._fill(shape, core, start_us, length_us)
        return [start_us] * blocks

    def _taken(self, shape: int, core: int) -> Sequence[int]:
        """The cores that a task takes if it is given one; cube cores are numbered as clusters."""
        return self._clusters[core] if shape == MIX else (core,)

    def _first_common(self, core: int, ready_us: float, length_us: float) -> float:
        """When the first gap begins that all cores of a cluster have in common."""
        while True:
            start_us = ready_us
            for each in self._clusters[core]:
                ready_us = _first_fit(self._gaps[each], ready_us, length_us)
            if ready_us == start_us:
                return start_us

    def _fill(self, shape: int, core: int, start_us: float, length_us: float) -> None:
        """Take a time that lies in a gap out of it."""
        end_us = start_us + length_us
        for each in self._taken(shape, core):
            gaps = self._gaps[each]
            gap = bisect_right(gaps, (start_us, _NEVER)) - 1
            first_us, last_us = gaps[gap]
            gaps[gap : gap + 1] = [
                piece
                for piece in ((first_us, start_us), (end_us, last_us))
                if piece[1] - piece[0] >= self._shortest_us
            ]

    def orders(self) -> list[list[int]]:
        """For each core, its tasks by their planned start, but for those of several blocks."""
        orders: list[list[int]] = [[] for _ in self._gaps]
        for task in sorted(self._place, key=self._place.__getitem__):
            for core in self._taken(self._shape[task], self.core[task]):
                orders[core].append(task)
        return orders


def _first_fit(gaps: list[tuple[float, float]], ready_us: float, length_us: float) -> float:
    """When a length would begin in the first gap that takes it from some time on."""
    place = max(bisect_right(gaps, (ready_us, _NEVER)) - 1, 0)
    while max(gaps[place][0], ready_us) + length_us > gaps[place][1]:
        place += 1  # the last gap never ends
    return max(gaps[place][0], ready_us)


@dataclass
class _Planned(ListPolicy):
    """Base of policies that name every task's core, and its turn on it.

    A core runs its tasks in the planned order even if another one is ready first; priorities do
    not matter. A MIX task is named a cluster, and waits for its turn on all cores of that. Tasks
    of several blocks have room in the plan, but are named no cores: they take what is idle when
    they are ready and nothing planned is, by priority and then by planned start.
    """

    def prepare(self, tasks: Tasks, machine: Machine) -> None:
        """Plan the run."""
        super().prepare(tasks, machine)
        self._plan = self._make_plan(tasks, machine)
        self._queues = [PlannedQueue(order) for order in self._plan.orders()]

    def _make_plan(self, tasks: Tasks, machine: Machine) -> Plan:
        raise NotImplementedError

    def rank(self, task: int) -> float:
        """The planned start, for tasks of several blocks."""
        return self._plan.start_us[task]

    def core(self, task: int) -> int:
        """The planned core."""
        return self._plan.core[task]

    def core_queue(self, core: int) -> ReadyQueue:
        """Tasks in their planned order and no other."""
        return self._queues[core]

    def cluster_queue(self, core: int) -> ReadyQueue:
        """MIX tasks when it is their turn on all cores."""
        return JointQueue([self._queues[each] for each in self.machine.clusters[core]])


@dataclass
class Heft(_Planned):
    """By upward rank, each task is planned on the core where it ends first, in gaps if it fits.

    The upward rank is the bottom level: the estimated time and overhead to the end. Passing data
    costs the same between all cores here, so it does not choose among them.

    References
    ----------
    Topcuoglu, Hariri, Wu: Performance-effective and low-complexity task scheduling for
    heterogeneous computing. IEEE Transactions on Parallel and Distributed Systems 13 (2002).
    """

    name: ClassVar[str] = "heft"

    def _make_plan(self, tasks: Tasks, machine: Machine) -> Plan:
        plan = Plan(tasks, machine)
        weight_us = tasks.estimate_us + np.where(tasks.is_task, machine.overhead_us, 0.0)
        upward_us = longest_from(weight_us, tasks.fanin_start, tasks.fanin)
        # Equal ranks (tasks of no time) in program order, which has producers first.
        free_us = [0.0] * len(tasks)
        start, fanin = tasks.fanin_start.tolist(), tasks.fanin.tolist()
        is_task = tasks.is_task.tolist()
        for task in np.argsort(-upward_us, kind="stable").tolist():
            ready_us = max((free_us[p] for p in fanin[start[task] : start[task + 1]]), default=0.0)
            free_us[task] = plan.put(task, ready_us) if is_task[task] else ready_us
        return plan


@dataclass
class Peft(_Planned):
    """Of the tasks whose producers are planned, the one with most left after it is planned next.

    What is left is the optimistic cost table: the longest path of least estimated times after the
    task. A task has one core type here and passing data costs the same between all cores, so the
    table is the same for all cores of a task, and it runs where it ends first.

    References
    ----------
    Arabnejad, Barbosa: List scheduling algorithm for heterogeneous systems by an optimistic cost
    table. IEEE Transactions on Parallel and Distributed Systems 25 (2014).
    """

    name: ClassVar[str] = "peft"

    def _make_plan(self, tasks: Tasks, machine: Machine) -> Plan:
        plan = Plan(tasks, machine)
        weight_us = tasks.estimate_us + np.where(tasks.is_task, machine.overhead_us, 0.0)
        after_us = longest_after(weight_us, tasks.fanin_start, tasks.fanin)
        before = (-after_us).tolist()
        is_task = tasks.is_task.tolist()
        waiting = np.diff(tasks.fanin_start).tolist()
        consumers, first = tasks.fanout.tolist(), tasks.fanout_start.tolist()
        ready_us = [0.0] * len(tasks)
        queue = [(before[task], task) for task, count in enumerate(waiting) if not count]
        heapify(queue)
        while queue:
            _, task = heappop(queue)
            free_us = plan.put(task, ready_us[task]) if is_task[task] else ready_us[task]
            for consumer in consumers[first[task] : first[task + 1]]:
                ready_us[consumer] = max(ready_us[consumer], free_us)
                waiting[consumer] -= 1
                if not waiting[consumer]:
                    heappush(queue, (before[consumer], consumer))
        return plan
