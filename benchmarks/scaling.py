"""How time and memory grow with a graph, from 10 000 tasks to 1 000 000.

Run with ``python -m benchmarks.scaling [MOST]``. Random graphs in layers of 100 tasks are traced,
simulated with shared memory, saved and loaded, each size in a process of its own, whose memory is
that beyond what importing takes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from time import perf_counter
from typing import TypeVar

import numpy as np

from benchmarks.markdown import markdown_table
from runtime.dependencies import find_graph
from runtime.simulation import simulate
from runtime.times import durations_us, memory_uses
from tilesim.setup import Setup
from workloads.catalogue import find_workload
from workloads.formats.graph_files import read_graph_file, write_graph

__all__ = ["exponent", "figures", "scaling_table"]

SIZES = (10_000, 100_000, 1_000_000)
WIDTH = 100
MB = 1_000_000

Figures = dict[str, float]

_T = TypeVar("_T")


def figures(tasks: int) -> Figures:
    """Seconds of each step for a graph of so many tasks, and the peak of memory up to the run."""
    found: Figures = {"tasks": tasks}

    def timed(step: str, work: Callable[[], _T]) -> _T:
        began = perf_counter()
        done = work()
        found[step] = perf_counter() - began
        return done

    setup, workload = Setup(), find_workload("layered-random")
    parameters = workload.parameters({"layers": tasks // WIDTH, "width": WIDTH})
    submits = timed("record_s", lambda: workload.submits(parameters))
    graph = timed("graph_s", lambda: find_graph(submits, setup.runtime))
    times_us = timed("times_s", lambda: durations_us(graph, setup.device))
    uses = timed("uses_s", lambda: memory_uses(graph, setup.device))
    timed(
        "simulate_s",
        lambda: simulate(graph, setup.device, setup.runtime, durations=times_us, uses=uses),
    )
    found["peak_bytes"] = peak_bytes()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.npz"
        timed("save_s", lambda: write_graph(graph, path, times_us))
        timed("load_s", lambda: read_graph_file(path))
        found["file_bytes"] = path.stat().st_size
    return found


def peak_bytes() -> int:
    """The most memory that this process has taken so far."""
    status = Path("/proc/self/status")
    if status.exists():  # what getrusage tells on Linux begins with the peak of the parent
        (line,) = (s for s in status.read_text().splitlines() if s.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def exponent(sizes: Sequence[float], values: Sequence[float]) -> float:
    """The power of size with which values grow, fitted to their logarithms; 1 is in proportion."""
    slope, _ = np.polyfit(np.log(sizes), np.log(values), 1)
    return float(slope)


def scaling_table(most: int = SIZES[-1]) -> str:
    """Measure all sizes up to `most` tasks, and give the table and the exponents as Markdown."""
    empty_bytes = _in_a_process(0)["peak_bytes"]
    found = [_in_a_process(size) for size in SIZES if size <= most]
    rows = []
    for f in found:
        tasks, beyond_bytes = f["tasks"], f["peak_bytes"] - empty_bytes
        rows.append(
            [
                f"{tasks:,.0f}",
                f"{f['record_s'] + f['graph_s']:.2f}",
                f"{f['times_s'] + f['uses_s']:.2f}",
                f"{f['simulate_s']:.2f}",
                f"{tasks / f['simulate_s']:,.0f}",
                f"{beyond_bytes / MB:,.0f}",
                f"{beyond_bytes / tasks:,.0f}",
                f"{tasks / f['save_s']:,.0f}",
                f"{tasks / f['load_s']:,.0f}",
                f"{f['file_bytes'] / MB:,.1f}",
            ]
        )
    head = [
        "tasks",
        "trace s",
        "times s",
        "simulate s",
        "tasks/s",
        "peak MB",
        "B/task",
        "save tasks/s",
        "load tasks/s",
        "file MB",
    ]
    if len(found) < 2:
        return markdown_table(head, rows)
    sizes = [f["tasks"] for f in found]
    time = exponent(sizes, [f["simulate_s"] for f in found])
    memory = exponent(sizes, [f["peak_bytes"] - empty_bytes for f in found])
    return (
        f"{markdown_table(head, rows)}\n\n"
        f"Exponent of growth: time of the simulation {time:.2f}, memory {memory:.2f}."
    )


def _in_a_process(tasks: int) -> Figures:
    """Figures of a size from a process of its own; of 0 tasks, those of the imports alone."""
    done = subprocess.run(  # noqa: S603 - this module
        [sys.executable, "-m", "benchmarks.scaling", "--size", str(tasks)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: Figures = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print the table, or the figures of one size."""
    if sys.argv[1:2] == ["--size"]:
        tasks = int(sys.argv[2])
        print(json.dumps(figures(tasks) if tasks else {"peak_bytes": peak_bytes()}))
        return
    print(scaling_table(int(sys.argv[1]) if len(sys.argv) > 1 else SIZES[-1]))


if __name__ == "__main__":
    main()
