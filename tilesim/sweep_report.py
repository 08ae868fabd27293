"""Sweeps as tables and as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from tilesim.console import new_table
from tilesim.points import Row
from tilesim.setup_words import Value
from tilesim.sweep_files import row_record
from tilesim.sweep_plan import Plan
from tilesim.sweep_table import SweepTable

__all__ = ["MOST_SHOWN", "described", "plan_record", "print_sweep_table", "shown_value"]

MOST_SHOWN = 40
"""Rows that a table has at the most."""

_MOST_FAILURES = 5


def plan_record(plan: Plan, table: SweepTable) -> dict[str, Any]:
    """A sweep as a JSON object."""
    return {
        "workload": plan.name,
        "settings": dict(plan.settings),
        "setup": dict(plan.setup),
        "axes": [{"name": axis.name, "values": list(axis.values)} for axis in plan.axes],
        "points": plan.count,
        "failed": len(table.failed),
        "rows": [row_record(row) for row in table.rows],
    }


def print_sweep_table(console: Console, plan: Plan, table: SweepTable) -> None:
    """Print the points; of many only the fastest, and of failures only some."""
    words = [f"{name}={value}" for name, value in {**plan.settings, **plan.setup}.items()]
    console.print(f"  {' '.join([plan.name, *words])}", highlight=False)
    good = [row for row in table.rows if row.error is None]
    ranked = sorted(good, key=lambda row: (not _fits(row), _wall_us(row)))
    if ranked:
        _print_rows(console, plan, good if len(good) <= MOST_SHOWN else ranked[:MOST_SHOWN])
    if len(good) > MOST_SHOWN:
        console.print(
            f"The {MOST_SHOWN} fastest of {len(good)} points; --out FILE and --json have all.",
            highlight=False,
        )
    if len(ranked) > 1:
        _print_ends(console, ranked[0], max(good, key=_wall_us))
    unfit = sum(not _fits(row) for row in good)
    if unfit:
        console.print(
            f"* {unfit} points have kernels that do not fit on chip; tilesim capacity says which",
            highlight=False,
        )
    _print_failures(console, table)


def _print_ends(console: Console, best: Row, worst: Row) -> None:
    """Print the fastest and the slowest point, if they differ."""
    if _wall_us(best) == _wall_us(worst):
        console.print(f"All points take {_wall_us(best):.2f} us", highlight=False)
        return
    console.print(
        f"Fastest: {described(best.values)}, {_wall_us(best):.2f} us; "
        f"slowest: {described(worst.values)}, {_wall_us(worst):.2f} us",
        highlight=False,
        soft_wrap=True,
    )


def described(values: Mapping[str, Value]) -> str:
    """Values on axes in one line."""
    return " ".join(f"{name}={shown_value(value)}" for name, value in values.items())


def shown_value(value: Value) -> str:
    """A value as it is written on the command line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def _wall_us(row: Row) -> float:
    return float(row.figures["wall_clock_us"])


def _fits(row: Row) -> bool:
    return not row.figures["overflows"]


def _print_rows(console: Console, plan: Plan, rows: Sequence[Row]) -> None:
    table = new_table("")
    for axis in plan.axes:
        table.add_column(axis.name, justify="right" if axis.is_numeric else "left", overflow="fold")
    for heading in (
        "Tasks",
        "Wall-clock\nus",
        "avg Exec\nus",
        "avg Latency\nus",
        "AIC\n%",
        "AIV\n%",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Binds", no_wrap=True)
    for row in rows:
        figures: dict[str, Any] = dict(row.figures)
        wall_us = figures["wall_clock_us"]
        ratio = figures["binding_us"] / wall_us if wall_us else 1.0
        table.add_row(
            *(shown_value(value) for value in row.values.values()),
            str(figures["tasks"]),
            f"{wall_us:.2f}" + ("" if _fits(row) else "*"),
            f"{figures['avg_exec_us']:.2f}",
            f"{figures['avg_latency_us']:.2f}",
            f"{100 * figures['aic_busy']:.1f}",
            f"{100 * figures['aiv_busy']:.1f}",
            f"{figures['binding']}, {ratio:.1%}",
        )
    console.print(table)


def _print_failures(console: Console, table: SweepTable) -> None:
    failed = table.failed
    if not failed:
        return
    console.print(f"{len(failed)} of {len(table)} points have failed:", highlight=False)
    for row in failed[:_MOST_FAILURES]:
        console.print(f"  {described(row.values)}: {row.error}", highlight=False, soft_wrap=True)
    if len(failed) > _MOST_FAILURES:
        console.print(f"  and {len(failed) - _MOST_FAILURES} more", highlight=False)
