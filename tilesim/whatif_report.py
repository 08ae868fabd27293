"""What-ifs and sweeps as tables and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console

from tilesim.console import new_table, speed_up
from tilesim.policy_report import bounds_record
from tilesim.records import run_record
from tilesim.whatif import SWEEP_FACTORS, Outcome, Sweep, WhatIf, saved_percent

__all__ = ["print_sweep", "print_what_if", "sweep_record", "what_if_record"]


def print_what_if(console: Console, result: WhatIf) -> None:
    """Print the wall-clock before and after, and what binds."""
    before = result.before
    console.print(f"  {before.full_name}", highlight=False)
    table = new_table("What if")
    table.add_column("Change", overflow="fold")
    for heading in ("Tasks", "Wall-clock us", "Speed-up"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Then binds")
    as_is = Outcome((), before.graph.task_count, before.trace.wall_clock_us, before.bounds)
    for outcome in (as_is, *result.single, result.after):
        binding = outcome.bounds.binding
        words = "\n".join(outcome.changes) or "as it is"
        if outcome is result.after and result.single:
            table.add_section()
        table.add_row(
            words,
            str(outcome.tasks),
            f"{outcome.wall_clock_us:.2f}",
            speed_up(before.trace.wall_clock_us, outcome.wall_clock_us),
            f"{binding.name}, {outcome.bounds.ratio(binding):.1%}",
        )
    table.caption = "then binds: the largest lower bound, and how much of the wall-clock it is"
    console.print(table)


def print_sweep(console: Console, sweep: Sweep) -> None:
    """Print the virtual speed-up of kernels."""
    before_us = sweep.wall_clock_us
    console.print(f"  {sweep.name}", highlight=False)
    table = new_table(f"{before_us:.2f} us; saved when one kernel takes a part of its time")
    table.add_column("Kernel", overflow="fold")
    table.add_column("Core")
    table.add_column("of kernel time", justify="right")
    for factor in SWEEP_FACTORS:
        table.add_column(f"x{factor:g}", justify="right")
    for kernel in sweep.kernels:
        saved = [round(saved_percent(before_us, us), 1) for us in kernel.wall_clock_us]
        words = [f"{percent + 0.0:+.1f}%" for percent in saved]  # no negative zero
        table.add_row(kernel.kernel, kernel.core, f"{kernel.share:.1%}", *words)
    console.print(table)


def what_if_record(result: WhatIf) -> dict[str, Any]:
    """A what-if as a JSON object; times in us."""
    return {
        "before": run_record(result.before),
        "single": [_outcome_record(outcome) for outcome in result.single],
        "after": _outcome_record(result.after),
    }


def _outcome_record(outcome: Outcome) -> dict[str, Any]:
    return {
        "changes": list(outcome.changes),
        "tasks": outcome.tasks,
        "wall_clock_us": outcome.wall_clock_us,
        **bounds_record(outcome.bounds),
    }


def sweep_record(sweep: Sweep) -> dict[str, Any]:
    """A sweep as a JSON object; times in us."""
    return {
        "run": run_record(sweep.run),
        "changes": list(sweep.changes),
        "wall_clock_us": sweep.wall_clock_us,
        "factors": list(SWEEP_FACTORS),
        "kernels": [asdict(kernel) for kernel in sweep.kernels],
    }
