"""Runs with noise, for the terminal and as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from tilesim.comparison import differing_parameters
from tilesim.console import new_table
from tilesim.repeats import Repeats, faster_probability

__all__ = ["print_repeats", "repeats_record"]

_NAMES = {
    "wall_clock_us": "Wall-clock",
    "avg_latency_us": "Avg latency",
    "elapsed_us": "Elapsed",
}


def repeats_record(repeats: Sequence[Repeats]) -> dict[str, Any]:
    """Spreads, and the probability that each run (row) is faster than each (column)."""
    return {
        "seed": repeats[0].seed,
        "count": len(repeats[0].wall_clock_us),
        "spreads": [{k: asdict(s) for k, s in r.spreads.items()} for r in repeats],
        "faster_probability": [[faster_probability(a, b) for b in repeats] for a in repeats],
    }


def print_repeats(console: Console, repeats: Sequence[Repeats]) -> None:
    """Print the spread of each run, and of several how often one beats the other."""
    count, seed = len(repeats[0].wall_clock_us), repeats[0].seed
    sizes = differing_parameters([r.run for r in repeats])
    names = [r.run.describe(sizes) for r in repeats]
    table = new_table(f"{count} runs with noise, seed {seed}")
    table.add_column("Run", overflow="fold")
    table.add_column("Figure", no_wrap=True)
    for heading in ("Median us", "5th\npercentile", "95th\npercentile"):
        table.add_column(heading, justify="right", no_wrap=True)
    for name, repeated in zip(names, repeats, strict=True):
        for figure, spread in repeated.spreads.items():
            table.add_row(
                name if figure == "wall_clock_us" else "",
                _NAMES[figure],
                f"{spread.median_us:.2f}",
                f"{spread.low_us:.2f}",
                f"{spread.high_us:.2f}",
            )
    console.print(table)
    for name, first in zip(names, repeats, strict=True):
        for other, second in zip(names, repeats, strict=True):
            if first is not second:
                console.print(
                    f"{name} beats {other} with probability "
                    f"{faster_probability(first, second):.2f}",
                    highlight=False,
                )
