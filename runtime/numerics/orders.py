"""Orders in which tasks may run: every task after its producers."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from random import Random

import numpy as np

from runtime.graph import ALLOC, TaskGraph
from runtime.trace import Trace

__all__ = ["Order", "adversarial_order", "program_order", "random_order", "simulated_order"]


class Order(StrEnum):
    """How tasks are put in order."""

    PROGRAM = "program"
    """As they are submitted."""
    SIMULATED = "simulated"
    """As their kernels end in a simulated run."""
    RANDOM = "random"
    """At random among those that are ready."""
    ADVERSARIAL = "adversarial"
    """The latest ready one first: as far from the program's order as the edges allow."""


def program_order(graph: TaskGraph) -> list[int]:
    """Tasks as they are submitted."""
    tasks: list[int] = np.flatnonzero(graph.kernel != ALLOC).tolist()
    return tasks


def simulated_order(trace: Trace) -> list[int]:
    """Tasks as their kernels ended in a simulated run; those of one instant as submitted.

    A task may finish before a producer does, whose thread still walks other consumers; it never
    ends before.
    """
    ended = trace.task[np.argsort(trace.end_us, kind="stable")]
    # Of a task on several cores the last end counts.
    return list(dict.fromkeys(ended[::-1].tolist()))[::-1]


def random_order(graph: TaskGraph, seed: int) -> list[int]:
    """Tasks at random among those that are ready; the same for the same seed."""
    draw = Random(seed)  # noqa: S311 - an order needs no secrecy

    def take(ready: list[int]) -> int:
        place = draw.randrange(len(ready))
        ready[place], ready[-1] = ready[-1], ready[place]
        return ready.pop()

    return _order(graph, take)


def adversarial_order(graph: TaskGraph) -> list[int]:
    """The task that became ready last runs first; of those that did so together, the newest."""
    return _order(graph, list.pop)


def _order(graph: TaskGraph, take: Callable[[list[int]], int]) -> list[int]:
    """Tasks in the order in which `take` removes them from the list of ready ones."""
    is_task = (graph.kernel != ALLOC).tolist()
    consumers: list[list[int]] = [[] for _ in is_task]
    waits_for = [0] * len(is_task)
    for task in range(len(is_task)):
        for producer in graph.producers(task).tolist():
            if is_task[producer]:
                consumers[producer].append(task)
                waits_for[task] += 1
    ready = [task for task, is_one in enumerate(is_task) if is_one and not waits_for[task]]
    order: list[int] = []
    while ready:
        task = take(ready)
        order.append(task)
        for consumer in consumers[task]:
            waits_for[consumer] -= 1
            if not waits_for[consumer]:
                ready.append(consumer)
    return order
