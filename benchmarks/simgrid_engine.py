"""The same schedule on SimGrid: an actor for each core takes tasks from the list of its kind.

Run by the Python that has SimGrid's binding, with a file of the graph as JSON; imports nothing of
tilesim. Prints the makespan in us and the seconds that it took, as JSON.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from pathlib import Path
from time import perf_counter
from typing import Any


class Pool:
    """Ready tasks of one shape; None ends the worker that takes it."""

    def __init__(self, simgrid: Any) -> None:
        self._tasks: deque[int | None] = deque()
        self._count = simgrid.Semaphore(0)

    def put(self, task: int | None) -> None:
        """Add a task."""
        self._tasks.append(task)
        self._count.release()

    def take(self) -> int | None:
        """The next task, once there is one."""
        self._count.acquire()
        return self._tasks.popleft()


class Device:
    """Cores that run the tasks of a graph; when the last one ends, all of them go home."""

    def __init__(self, simgrid: Any, graph: dict[str, Any]) -> None:
        self._simgrid = simgrid
        self._graph = graph
        self._waiting = list(map(len, graph["producers"]))
        self._left = len(self._waiting)
        self._pools = (Pool(simgrid), Pool(simgrid))
        self._sizes = (graph["aiv_count"], graph["aic_count"])

    def makespan_us(self) -> float:
        """Run the graph."""
        simgrid = self._simgrid
        engine = simgrid.Engine(["simgrid", "--log=root.threshold:error"])
        zone = simgrid.NetZone.create_full_zone("device")
        for shape, size in enumerate(self._sizes):
            for number in range(size):
                name = f"core-{shape}-{number}"
                host = zone.create_host(name, 1.0)  # a unit of work takes 1 us
                simgrid.Actor.create(name, host, self._work, shape)
        zone.seal()
        for task, count in enumerate(self._waiting):
            if not count:
                self._put(task)
        engine.run()
        return float(engine.clock)

    def _work(self, shape: int) -> None:
        while (task := self._pools[shape].take()) is not None:
            self._simgrid.this_actor.execute(self._graph["durations_us"][task])
            self._end(task)

    def _end(self, task: int) -> None:
        for consumer in reversed(self._graph["consumers"][task]):
            self._waiting[consumer] -= 1
            if not self._waiting[consumer]:
                self._put(consumer)
        self._left -= 1
        if not self._left:
            for pool, size in zip(self._pools, self._sizes, strict=True):
                for _ in range(size):
                    pool.put(None)

    def _put(self, task: int) -> None:
        self._pools[self._graph["is_cube"][task]].put(task)


def main() -> None:
    """Read the graph, run it and print the figures."""
    import simgrid  # noqa: PLC0415 - so that a missing one is told in one line

    graph = json.loads(Path(sys.argv[1]).read_text())
    began = perf_counter()
    makespan_us = Device(simgrid, graph).makespan_us()
    print(json.dumps({"makespan_us": makespan_us, "seconds": perf_counter() - began}))


if __name__ == "__main__":
    main()
