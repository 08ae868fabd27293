"""How fast the baseline graph is simulated, against bare SimPy in the same process.

Run with ``python -m benchmarks.simulation_rate [REPEATS]``. Bare SimPy runs five empty callbacks
a task with 72 of them pending at any time, which is what five events per task cost without any
model behind them.
"""

from __future__ import annotations

import gc
import resource
import sys
from collections.abc import Callable
from time import perf_counter

from simpy import Environment, Event, Timeout

from devices.footprints import Uses
from runtime.dependencies import find_graph
from runtime.handwritten import submits_of
from runtime.simulation import simulate
from runtime.times import durations_us, memory_uses
from tilesim.setup import Setup
from workloads.catalogue import find_workload

EVENTS_PER_TASK = 5
WORKERS = 72


def bare_simpy(tasks: int) -> None:
    """Run five empty callbacks for each of `tasks` tasks."""
    env = Environment()
    left = tasks * EVENTS_PER_TASK

    def happen(_: Event) -> None:
        nonlocal left
        left -= 1
        if left >= WORKERS:
            Timeout(env, 1.0).callbacks.append(happen)

    for _ in range(WORKERS):
        Timeout(env, 1.0).callbacks.append(happen)
    env.run()


def best_seconds(work: Callable[[], object], repeats: int) -> float:
    """Shortest of several runs: noise of a machine only ever adds."""
    times = []
    for _ in range(repeats):
        gc.collect()
        began = perf_counter()
        work()
        times.append(perf_counter() - began)
    return min(times)


def report(repeats: int) -> str:
    """Measure, and give the table."""
    setup = Setup()
    program = find_workload("qwen3-scope3-baseline").program()
    submits = submits_of(program)
    graph = find_graph(submits, setup.runtime)
    tasks = graph.task_count

    gc.disable()  # as the simulation does; the same for both sides
    trace_s = best_seconds(lambda: find_graph(submits_of(program), setup.runtime), repeats)
    prepare_s = best_seconds(lambda: memory_uses(graph, setup.device), repeats)
    times_us, uses = durations_us(graph, setup.device), memory_uses(graph, setup.device)

    def run(uses: Uses | None) -> None:
        simulate(graph, setup.device, setup.runtime, durations=times_us, uses=uses)

    simulate_s = best_seconds(lambda: run(uses), repeats)
    unshared_s = best_seconds(lambda: run(None), repeats)
    bare_s = best_seconds(lambda: bare_simpy(tasks), repeats)
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    gc.enable()
    return "\n".join(
        [
            f"baseline graph: {tasks} tasks, {graph.alloc_count} allocs, {graph.edge_count} edges",
            f"tracing and graph       {trace_s:8.3f} s   {tasks / trace_s:10,.0f} tasks/s",
            f"kernel times, lines     {prepare_s:8.3f} s   {tasks / prepare_s:10,.0f} tasks/s",
            f"simulation              {simulate_s:8.3f} s   {tasks / simulate_s:10,.0f} tasks/s",
            f"without shared memory   {unshared_s:8.3f} s   {tasks / unshared_s:10,.0f} tasks/s",
            f"bare SimPy, 5 events    {bare_s:8.3f} s   {tasks / bare_s:10,.0f} tasks/s",
            f"simulation / bare SimPy {bare_s / simulate_s:8.2f}",
            f"peak memory             {peak_mb:8.0f} MB",
        ]
    )


def main() -> None:
    """Measure and print the table."""
    print(report(int(sys.argv[1]) if len(sys.argv) > 1 else 5))


if __name__ == "__main__":
    main()
