"""Memory that runs take for each submit: python -m benchmarks.memory_of_runs.

Each run has a process of its own. What is counted is the most that the process has had, less what
it has after its imports, from the recording of the program to the bounds of its run. The constants
of tilesim/memory.py are read off this table.
"""

from __future__ import annotations

import resource
import subprocess
import sys

import psutil

from tilesim.replay import replay

__all__ = ["RUNS", "bytes_per_submit", "main"]

RUNS = (
    "qwen3-scope3-baseline k_chunk=32 mlp_chunk=16 out_chunk=16",
    "qwen3-scope3-baseline",
    "chains chains=100 length=300",
    "fork-join stages=300 width=100",
    "layered-random layers=100 width=256",
    "stencil tiles=16 steps=100",
)
"""Workloads of 10,000 submits and more, where what a process has besides counts little."""


def bytes_per_submit(words: str) -> tuple[int, float]:
    """Submits of a run in this process, and bytes that it takes for each."""
    name, *settings = words.split()
    sizes = {key: int(value) for key, _, value in (text.partition("=") for text in settings)}
    before = psutil.Process().memory_info().rss
    run = replay(name, sizes)
    submits, _ = len(run.graph), run.bounds
    unit = 1 if sys.platform == "darwin" else 1024
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    return submits, (most - before) / submits


def main(words: list[str]) -> None:
    """Print the table, or the line of one run."""
    if words:
        submits, nbytes = bytes_per_submit(" ".join(words))
        print(f"{' '.join(words):<60} {submits:>10,} {nbytes:>18,.0f}")
        return
    before = psutil.Process().memory_info().rss
    print(f"after imports a process has {before / 1e6:.0f} MB")
    print(f"{'run':<60} {'submits':>10} {'bytes per submit':>18}")
    for run in RUNS:
        command = [sys.executable, "-m", "benchmarks.memory_of_runs", *run.split()]
        subprocess.run(command, check=True)  # noqa: S603 - this module


if __name__ == "__main__":
    main(sys.argv[1:])
