"""All benchmarks on one page, docs/benchmarks.md.

Run with ``python -m benchmarks.page [MOST]``: graphs have up to MOST tasks, 1 300 000 by default.
The page is written as a whole once all figures are there.
"""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks import check_rate, file_and_trace_rates, peers, scaling, simulation_rate
from tilesim.progress import progress
from workloads.files import write_file

__all__ = ["page"]

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
REPEATS = 3

INTRODUCTION = """\
# Benchmarks

`make bench` measures everything on this page and writes it again. Times are the best of {repeats}
runs in one process, unless it says otherwise, with Python's garbage collection off: what else a
machine does only ever adds. Figures of another machine differ; ratios within a table differ less.

{machine}
"""

PEERS = """\
## Against other engines

One graph: a root, 40 chains of 400 pairs of a cube and a vector task, a join, 1 000 tasks that fan
out of it and a sink: 33 003 tasks, 34 040 edges, on 24 cube and 48 vector cores. All engines of one
model, first come, first served and no costs, find the same makespan to the last digit; the
benchmark fails if they do not. tilesim at full fidelity has another model: it submits, dispatches
and completes tasks as the runtime does, and its makespan is what that takes. SimPy's five empty
callbacks are what five events a task cost without any model behind them. SimGrid runs once, in the
Python that has its binding. `python -m benchmarks.peers`:

{table}
"""

RATE = """\
## Simulation of a real graph

`python -m benchmarks.simulation_rate`, the decode program before its restructuring:

```text
{table}
```
"""

SCALING = """\
## From 10 000 tasks to more than 1 000 000

`python -m benchmarks.scaling`: random graphs in layers of 100 tasks, and 1, 4 and 40 decode layers
of a model, with 48 rows and an MLP that is cut into columns of 8, each once in its own process.
Tracing is recording the program and finding the graph; times are those of kernels and what tasks
move. Tasks of the decode, attention above all, touch many more lines of L2 than those of the
random graph. The peak of memory is that of all steps up to the end of the simulation, beyond what
importing tilesim takes. Saved and loaded is `.npz`.

{table}
"""

RATES = """\
## Tracing and lowering

`python -m benchmarks.file_and_trace_rates`; tracing records a program's submits, lowering finds
their graph. The source of a program is read once in a process, however often it is traced, which
the best of several runs does not show:

{tracing}

## Saving and loading

The same command; graphs with kernel times, tensors and everything else ([files.md](files.md)):

{files}
"""

CHECKS = """\
## Numbers and hazards

`python -m benchmarks.check_rate`, against the golden function and against a simulation of the same
graph:

```text
{table}
```
"""


def page(most: int) -> str:
    """Measure everything, and give the page."""
    with progress() as report:
        report("engines on one graph")
        parts = [
            INTRODUCTION.format(repeats=REPEATS, machine=machine()),
            PEERS.format(table=peers.peers_table(REPEATS)),
        ]
        report("simulation of a real graph")
        parts.append(RATE.format(table=simulation_rate.report(REPEATS)))
        report(f"graphs of up to {most:,} tasks")
        parts.append(SCALING.format(table=scaling.scaling_table(most)))
        report("tracing, lowering, saving and loading")
        tracing = file_and_trace_rates.tracing_table(REPEATS)
        files = file_and_trace_rates.files_table(REPEATS)
        parts.append(RATES.format(tracing=tracing, files=files))
        report("numbers and hazards")
        parts.append(CHECKS.format(table=check_rate.report(REPEATS)))
    return "\n".join(parts)


def machine() -> str:
    """What the figures are of, in general."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("numpy", "simpy"))
    return (
        f"Machine: {os.cpu_count()} cores, {platform.machine()}, {platform.system()}; "
        f"Python {platform.python_version()}, {libraries}."
    )


def main() -> None:
    """Measure everything and write the page."""
    text = page(int(sys.argv[1]) if len(sys.argv) > 1 else scaling.MOST)
    write_file(PAGE, lambda temporary: _write(temporary, text))
    print(f"written to {PAGE.relative_to(Path.cwd()) if PAGE.is_relative_to(Path.cwd()) else PAGE}")


def _write(temporary: Path, text: str) -> None:
    temporary.write_text(text)


if __name__ == "__main__":
    main()
