"""How fast numbers are computed and hazards found, against the golden function in the same process.

Run with ``python -m benchmarks.check_rate [REPEATS]``: both scope-3 programs at hidden 2048. The
golden function does the same arithmetic in a few large products, so the ratio is what it costs to
go through every tile operation of every task.
"""

from __future__ import annotations

import sys

import numpy as np

from benchmarks.simulation_rate import best_seconds
from runtime.dependencies import find_graph
from runtime.hazards import find_hazards
from runtime.numerics.orders import program_order
from runtime.numerics.run import compute_numbers
from runtime.simulation import simulate
from tilesim.setup import Setup
from workloads.catalogue import find_workload
from workloads.goldens.qwen3_scope3 import SCOPE3_NUMBERS

SIZES = {"hidden": 2048, "intermediate": 8192}


def measure(name: str, setup: Setup, repeats: int) -> str:
    """Line of the table for one workload."""
    workload = find_workload(name)
    parameters = workload.parameters(SIZES)
    submits = workload.submits(parameters)
    graph = find_graph(submits, setup.runtime)
    numbers = SCOPE3_NUMBERS
    inputs = numbers.inputs(np.random.default_rng(0), **parameters)
    order = program_order(graph)
    golden_s = best_seconds(lambda: numbers.golden(inputs, **parameters), repeats)
    numbers_s = best_seconds(lambda: compute_numbers(submits, inputs, order), repeats)
    hazards_s = best_seconds(lambda: find_hazards(submits, graph), repeats)
    run_s = best_seconds(lambda: simulate(graph, setup.device, setup.runtime), repeats)
    return (
        f"{name:28}{graph.task_count:8}{numbers_s:11.3f}{numbers_s / golden_s:10.1f}"
        f"{hazards_s:11.3f}{hazards_s / run_s:8.2f}"
    )


def report(repeats: int) -> str:
    """Measure, and give the table."""
    head = f"{'':28}{'tasks':>8}{'numbers s':>11}{'/ golden':>10}{'hazards s':>11}{'/ run':>8}"
    names = ("qwen3-scope3-baseline", "qwen3-scope3-restructured")
    return "\n".join([head, *(measure(name, Setup(), repeats) for name in names)])


def main() -> None:
    """Measure and print the table."""
    print(report(int(sys.argv[1]) if len(sys.argv) > 1 else 3))


if __name__ == "__main__":
    main()
