"""Policies that plan the whole run from estimates before it begins."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from heapq import heapify, heappop, heappush
from typing import ClassVar

import numpy as np

from scheduler.policy import ListPolicy, Machine
from scheduler.queues import PlannedQueue, ReadyQueue
from scheduler.tasks import Tasks, longest_after, longest_from

__all__ = ["Heft", "Peft"]

_NEVER = float("inf")


class Plan:
    """Timelines of the cores, which tasks are put into, each where it would end first.

    Tasks take their estimates and, before and after, what passes around a kernel at the least.

    Attributes
    ----------
    core, start_us : list
        What each task has been given.
    """

    def __init__(self, tasks: Tasks, machine: Machine) -> None:
        self.core = [-1] * len(tasks)
        self.start_us = [0.0] * len(tasks)
        length_us = tasks.estimate_us + machine.overhead_us
        self._length_us: list[float] = length_us.tolist()
        self._release_us: list[float] = tasks.release_us.tolist()
        self._shortest_us = float(length_us[tasks.is_task].min(initial=_NEVER))
        self._cores = machine.cores
        self._shape: list[int] = tasks.shape.tolist()
        # Tasks of no time may begin together; then the one that was planned first goes first.
        self._place: dict[int, tuple[float, int]] = {}
        # Gaps instead of tasks: a full timeline has few, and what fits no task is forgotten.
        self._gaps = {core: [(0.0, _NEVER)] for cores in machine.cores for core in cores}

    def put(self, task: int, ready_us: float) -> float:
        """Give a task the first gap after its submit, on the core where that comes first.

        Returns
        -------
        float
            When its consumers may start, in us.
        """
        length_us = self._length_us[task]
        ready_us = max(ready_us, self._release_us[task])
        best_us, best, gap = _NEVER, -1, 0
        for core in self._cores[self._shape[task]]:
            place, start_us = _first_fit(self._gaps[core], ready_us, length_us)
            if start_us < best_us:
                best_us, best, gap = start_us, core, place
            if best_us <= ready_us:  # no core can do better
                break
        end_us = best_us + length_us
        gaps = self._gaps[best]
        first_us, last_us = gaps[gap]
        gaps[gap : gap + 1] = [
            piece
            for piece in ((first_us, best_us), (end_us, last_us))
            if piece[1] - piece[0] >= self._shortest_us
        ]
        self.core[task], self.start_us[task] = best, best_us
        self._place[task] = best_us, len(self._place)
        return end_us

    def order(self, core: int) -> list[int]:
        """Tasks of a core by their planned start."""
        return self._orders[core]

    @cached_property
    def _orders(self) -> dict[int, list[int]]:
        orders: dict[int, list[int]] = {core: [] for core in self._gaps}
        for task in sorted(self._place, key=self._place.__getitem__):
            orders[self.core[task]].append(task)
        return orders


def _first_fit(
    gaps: list[tuple[float, float]], ready_us: float, length_us: float
) -> tuple[int, float]:
    """Place of the first gap that takes a length from some time on, and when that would begin."""
    place = max(bisect_right(gaps, (ready_us, _NEVER)) - 1, 0)
    while max(gaps[place][0], ready_us) + length_us > gaps[place][1]:
        place += 1  # the last gap never ends
    return place, max(gaps[place][0], ready_us)


@dataclass
class _Planned(ListPolicy):
    """Base of policies that name every task's core, and its turn on it.

    A core runs its tasks in the planned order even if another one is ready first; priorities do
    not matter.
    """

    def prepare(self, tasks: Tasks, machine: Machine) -> None:
        """Plan the run."""
        super().prepare(tasks, machine)
        self._plan = self._make_plan(tasks, machine)

    def _make_plan(self, tasks: Tasks, machine: Machine) -> Plan:
        raise NotImplementedError

    def core(self, task: int) -> int:
        """The planned core."""
        return self._plan.core[task]

    def core_queue(self, core: int) -> ReadyQueue:
        """Tasks in their planned order and no other."""
        return PlannedQueue(self._plan.order(core))


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
