"""First come, first served on a heap: the least that a simulation of a task graph can be.

It is written without anything of the simulator, and is what the simulator is checked against. What
becomes ready at one moment does so in the order in which its runtime walks consumers: newest first.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from benchmarks.peer_graph import AIC_COUNT, AIV_COUNT, PeerGraph

__all__ = ["Row", "schedule", "schedule_with_trace"]

Row = tuple[int, float, float]
"""A task, its start and its end in us."""


def schedule(graph: PeerGraph) -> float:
    """The makespan in us."""
    consumers, durations_us, is_cube = graph.consumers, graph.durations_us, graph.is_cube
    waiting = list(map(len, graph.producers))
    idle = [AIV_COUNT, AIC_COUNT]
    ready: tuple[deque[int], deque[int]] = (deque(), deque())
    for task, count in enumerate(waiting):
        if not count:
            ready[is_cube[task]].append(task)
    running: list[tuple[float, int]] = []
    now = 0.0
    while True:
        for shape in (0, 1):
            while ready[shape] and idle[shape]:
                task = ready[shape].popleft()
                idle[shape] -= 1
                heappush(running, (now + durations_us[task], task))
        if not running:
            return now
        now, task = heappop(running)
        idle[is_cube[task]] += 1
        for consumer in reversed(consumers[task]):
            waiting[consumer] -= 1
            if not waiting[consumer]:
                ready[is_cube[consumer]].append(consumer)


def schedule_with_trace(graph: PeerGraph) -> tuple[float, list[Row]]:
    """The makespan in us, and a row for each task in the order of their starts."""
    consumers, durations_us, is_cube = graph.consumers, graph.durations_us, graph.is_cube
    waiting = list(map(len, graph.producers))
    idle = [AIV_COUNT, AIC_COUNT]
    ready: tuple[deque[int], deque[int]] = (deque(), deque())
    for task, count in enumerate(waiting):
        if not count:
            ready[is_cube[task]].append(task)
    running: list[tuple[float, int]] = []
    trace: list[Row] = []
    now = 0.0
    while True:
        for shape in (0, 1):
            while ready[shape] and idle[shape]:
                task = ready[shape].popleft()
                idle[shape] -= 1
                end = now + durations_us[task]
                trace.append((task, now, end))
                heappush(running, (end, task))
        if not running:
            return now, trace
        now, task = heappop(running)
        idle[is_cube[task]] += 1
        for consumer in reversed(consumers[task]):
            waiting[consumer] -= 1
            if not waiting[consumer]:
                ready[is_cube[consumer]].append(consumer)
