"""How time and memory grow with a graph, from 10 000 tasks to 1 300 000.

Run with ``python -m benchmarks.scaling [MOST]``. Random graphs in layers of 100 tasks and decode
layers of a model, cut finely, are traced, simulated with shared memory, saved and loaded, each size
in a process of its own, whose memory is that beyond what importing takes.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
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

MOST = 1_300_000
MB = 1_000_000
RANDOM, DECODE = "layered-random", "qwen3-decode"

CASES: tuple[tuple[str, dict[str, int], int], ...] = (
    (RANDOM, {"layers": 100, "width": 100}, 10_000),
    (RANDOM, {"layers": 1_000, "width": 100}, 100_000),
    (RANDOM, {"layers": 10_000, "width": 100}, 1_000_000),
    (DECODE, {"layers": 1, "batch": 48, "mlp_chunk": 8}, 32_407),
    (DECODE, {"layers": 4, "batch": 48, "mlp_chunk": 8}, 129_628),
    (DECODE, {"layers": 40, "batch": 48, "mlp_chunk": 8}, 1_296_280),
)
"""Workloads, their parameters, and how many tasks they have."""

Figures = dict[str, float]

_T = TypeVar("_T")


def figures(name: str, settings: Mapping[str, int]) -> Figures:
    """Seconds of each step for a graph, and the peak of memory up to the end of its run."""
    found: Figures = {}

    def timed(step: str, work: Callable[[], _T]) -> _T:
        began = perf_counter()
        done = work()
        found[step] = perf_counter() - began
        return done

    setup, workload = Setup(), find_workload(name)
    parameters = workload.parameters(settings)
    submits = timed("record_s", lambda: workload.submits(parameters))
    graph = timed("graph_s", lambda: find_graph(submits, setup.runtime))
    found["tasks"] = graph.task_count
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


def scaling_table(most: int = MOST) -> str:
    """Measure all sizes up to `most` tasks, and give the table and the exponents as Markdown."""
    empty_bytes = _in_a_process("", {})["peak_bytes"]
    cases = [case for case in CASES if case[2] <= most]
    found = [_in_a_process(name, settings) for name, settings, _ in cases]
    rows = []
    for (name, _, _), f in zip(cases, found, strict=True):
        tasks, beyond_bytes = f["tasks"], f["peak_bytes"] - empty_bytes
        rows.append(
            [
                name,
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
        "workload",
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
    words = []
    for workload in (RANDOM, DECODE):
        own = [f for (name, _, _), f in zip(cases, found, strict=True) if name == workload]
        if len(own) > 1:
            sizes = [f["tasks"] for f in own]
            time = exponent(sizes, [f["times_s"] + f["uses_s"] + f["simulate_s"] for f in own])
            memory = exponent(sizes, [f["peak_bytes"] - empty_bytes for f in own])
            words.append(
                f"of `{workload}` {time:.2f} in time after tracing, {memory:.2f} in memory"
            )
    return f"{markdown_table(head, rows)}\n\nExponents of growth: {'; '.join(words)}."


def _in_a_process(name: str, settings: Mapping[str, int]) -> Figures:
    """Figures of a graph from a process of its own; without a name, those of the imports alone."""
    done = subprocess.run(  # noqa: S603 - this module
        [sys.executable, "-m", "benchmarks.scaling", "--case", name, json.dumps(dict(settings))],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found: Figures = json.loads(done.stdout)
    return found


def main() -> None:
    """Measure and print the table, or the figures of one case."""
    if sys.argv[1:2] == ["--case"]:
        name, settings = sys.argv[2], json.loads(sys.argv[3])
        print(json.dumps(figures(name, settings) if name else {"peak_bytes": peak_bytes()}))
        return
    print(scaling_table(int(sys.argv[1]) if len(sys.argv) > 1 else MOST))


if __name__ == "__main__":
    main()
