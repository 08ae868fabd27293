"""How fast programs become graphs, and graphs files and back.

Run with ``python -m benchmarks.file_and_trace_rates [REPEATS]``. Tracing records the submits of a
program; lowering finds the graph of them. Graphs are saved and loaded with all that belongs to
them, in both of the project's own formats.
"""

from __future__ import annotations

import sys
import tempfile
from functools import partial
from pathlib import Path

from benchmarks.markdown import markdown_table
from benchmarks.simulation_rate import best_seconds
from runtime.case import Case
from runtime.dependencies import find_graph
from runtime.handwritten import submits_of
from tilesim.setup import Setup
from workloads.catalogue import find_workload
from workloads.formats.graph_files import read_graph_file, write_graph

__all__ = ["files_table", "tracing_table"]

TRACED: dict[str, dict[str, int]] = {
    "qwen3-scope3-baseline": {},
    "qwen3-scope3-restructured": {},
    "qwen3-decode-layer": {},
    "moe-layer": {},
    "paged-attention": {},
    "layered-random": {"layers": 100, "width": 100},
}
SAVED = ("qwen3-scope3-baseline", "qwen3-scope3-restructured")
ENDINGS = (".npz", ".json")
MB = 1_000_000


def tracing_table(repeats: int) -> str:
    """Rates of tracing and lowering, as Markdown."""
    setup, rows = Setup(), []
    for name, sizes in TRACED.items():
        workload = find_workload(name)
        parameters = workload.parameters(sizes)
        submits = workload.submits(parameters)
        graph = find_graph(submits, setup.runtime)
        tasks = graph.task_count
        trace_s = best_seconds(partial(workload.submits, parameters), repeats)
        lower_s = best_seconds(partial(find_graph, submits, setup.runtime), repeats)
        rates = [tasks / trace_s, tasks / lower_s, tasks / (trace_s + lower_s)]
        rows.append([name, f"{tasks:,}", *(f"{rate:,.0f}" for rate in rates)])
    head = ["workload", "tasks", "tracing tasks/s", "lowering tasks/s", "both tasks/s"]
    return markdown_table(head, rows)


def files_table(repeats: int) -> str:
    """Rates of saving and loading, as Markdown."""
    setup, rows = Setup(), []
    for name in SAVED:
        submits = submits_of(find_workload(name).program())
        graph = find_graph(submits, setup.runtime)
        case = Case.of(submits, graph, setup.device, setup.runtime)
        for ending in ENDINGS:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / f"graph{ending}"
                save_s = best_seconds(partial(write_graph, case, path), repeats)
                load_s = best_seconds(partial(read_graph_file, path), repeats)
                size = path.stat().st_size / MB
            rates = [graph.task_count / seconds for seconds in (save_s, load_s)]
            cells = [f"{graph.task_count:,}", f"{size:.1f}", *(f"{rate:,.0f}" for rate in rates)]
            rows.append([f"{name}, `{ending}`", *cells])
    return markdown_table(["graph", "tasks", "MB", "save tasks/s", "load tasks/s"], rows)


def main() -> None:
    """Measure and print both tables."""
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    print(tracing_table(repeats))
    print()
    print(files_table(repeats))


if __name__ == "__main__":
    main()
