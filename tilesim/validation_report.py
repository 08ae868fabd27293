"""The accuracy table, for the terminal and as plain values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console

from tilesim.console import new_table
from tilesim.validation import Validation
from workloads.published import FIGURES

__all__ = ["print_validation", "validation_record"]


def validation_record(validation: Validation) -> dict[str, Any]:
    """A validation as a JSON object; errors are relative."""
    worst = validation.largest_error
    return {
        "rows": [{**asdict(row), "error": row.error} for row in validation.rows],
        "median_error": validation.median_error,
        "largest_error": {"case": worst.case, "figure": worst.figure, "error": worst.error},
        "levers": [{**asdict(lever), "agrees": lever.agrees} for lever in validation.levers],
        "rank_agreement": [asdict(rank) for rank in validation.ranks],
    }


def print_validation(console: Console, validation: Validation) -> None:
    """Print every figure, then the levers, the errors and the ranks."""
    table = new_table("Simulated against published")
    table.add_column("Case", overflow="fold")
    table.add_column("Figure", no_wrap=True)
    for heading in ("Source", "Published\nus", "Simulated\nus", "Error", "Spread"):
        table.add_column(heading, justify="right", no_wrap=True)
    sources = list(dict.fromkeys(row.source for row in validation.rows))
    last = ""
    for row in validation.rows:
        table.add_row(
            "" if row.case == last else row.case + ("" if row.fitted else " *"),
            FIGURES[row.figure],
            f"[{sources.index(row.source) + 1}]",
            f"{row.published_us:.2f}",
            f"{row.simulated_us:.2f}",
            f"{row.error:+.1%}",
            "" if row.spread_percent is None else f"+-{row.spread_percent:g}%",
        )
        last = row.case
    console.print(table)
    console.print("simulated: means of 1 to 16 runs with small noise, as most that was published")
    if any(not row.fitted for row in validation.rows):
        console.print("* no constant was fitted to it")
    if validation.levers:
        _print_levers(console, validation)
    worst = validation.largest_error
    console.print(
        f"Median error {validation.median_error:.1%}; largest {worst.error:+.1%} "
        f"({worst.case}, {FIGURES[worst.figure]})",
        highlight=False,
    )
    ranks = ", ".join(f"{FIGURES[r.figure]} {r.agreeing} of {r.pairs}" for r in validation.ranks)
    console.print(f"Pairs of figures in the measured order: {ranks}", highlight=False)
    for number, source in enumerate(sources, start=1):
        console.print(f"[{number}] {source}", highlight=False, markup=False)


def _print_levers(console: Console, validation: Validation) -> None:
    table = new_table("What a change did to a kernel's time: after over before")
    table.add_column("Change", overflow="fold")
    for heading in ("Published", "Simulated", "Ratio"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Same way")
    for lever in validation.levers:
        table.add_row(
            lever.name,
            f"{lever.published:.2f}",
            f"{lever.simulated:.2f}",
            f"{lever.simulated / lever.published:.2f}",
            "yes" if lever.agrees else "no",
        )
    console.print(table)
