"""The same schedule on bare SimPy, in the ways in which one would write it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator

from simpy import AllOf, Environment, Event, Resource, Timeout

from benchmarks.peer_graph import AIC_COUNT, AIV_COUNT, PeerGraph
from benchmarks.simulation_rate import EVENTS_PER_TASK

__all__ = ["callbacks", "five_events", "processes"]


def callbacks(graph: PeerGraph) -> float:
    """One timeout with a callback for each task; gives the makespan in us."""
    return _Pools(graph, steps=0).run()


def five_events(graph: PeerGraph) -> float:
    """Five timeouts for each task, of which four take no time; gives the makespan in us."""
    return _Pools(graph, steps=EVENTS_PER_TASK - 1).run()


class _Pools:
    """Ready tasks and idle cores by shape; an end of a task is an event."""

    def __init__(self, graph: PeerGraph, steps: int) -> None:
        self._graph = graph
        self._steps = steps
        self._env = Environment()
        self._waiting = list(map(len, graph.producers))
        self._idle = [AIV_COUNT, AIC_COUNT]
        self._ready: tuple[deque[int], deque[int]] = (deque(), deque())

    def run(self) -> float:
        """Run all tasks."""
        for task, count in enumerate(self._waiting):
            if not count:
                self._push(task)
        self._env.run()
        return float(self._env.now)

    def _push(self, task: int) -> None:
        self._ready[self._graph.is_cube[task]].append(task)
        self._place()

    def _place(self) -> None:
        for shape in (0, 1):
            while self._ready[shape] and self._idle[shape]:
                self._idle[shape] -= 1
                self._begin(self._ready[shape].popleft(), self._steps)

    def _begin(self, task: int, steps: int) -> None:
        """Let the steps before a task's end pass, and then its time."""
        if steps:
            _then(self._env, 0.0, lambda _: self._begin(task, steps - 1))
        else:
            _then(self._env, self._graph.durations_us[task], lambda _: self._end(task))

    def _end(self, task: int) -> None:
        self._idle[self._graph.is_cube[task]] += 1
        for consumer in reversed(self._graph.consumers[task]):
            self._waiting[consumer] -= 1
            if not self._waiting[consumer]:
                self._ready[self._graph.is_cube[consumer]].append(consumer)
        self._place()


def processes(graph: PeerGraph) -> float:
    """A process for each task, which waits for others and requests a core; the makespan in us."""
    env = Environment()
    pools = (Resource(env, AIV_COUNT), Resource(env, AIC_COUNT))
    done = [env.event() for _ in range(len(graph))]

    def run(task: int) -> Generator[Event, object, None]:
        producers = graph.producers[task]
        if producers:
            events = [done[producer] for producer in producers]
            yield events[0] if len(events) == 1 else AllOf(env, events)
        with pools[graph.is_cube[task]].request() as core:
            yield core
            yield Timeout(env, graph.durations_us[task])
        done[task].succeed()

    for task in reversed(range(len(graph))):  # the newest consumer hears of an end first
        env.process(run(task))
    env.run()
    return float(env.now)


def _then(env: Environment, delay_us: float, happen: Callable[[Event], None]) -> None:
    Timeout(env, delay_us).callbacks.append(happen)
