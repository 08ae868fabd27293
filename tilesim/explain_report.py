"""Explanations as tables and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Console

from runtime.explanation import Explanation, Reason
from runtime.overhead import Overhead
from tilesim.console import new_table, speed_up
from tilesim.explain import Difference, Why
from tilesim.policy_report import bounds_record
from tilesim.records import run_record
from workloads.recorded_workload import RecordedWorkload

__all__ = ["difference_record", "print_difference", "print_why", "why_record"]

LEAST_SHARE = 0.001
"""Parts below this of the wall-clock are summed up in one line."""


def print_why(console: Console, why: Why, path: int) -> None:
    """Print a wall-clock in parts, its path, the overhead measure and the false dependences.

    Parameters
    ----------
    path : int
        Tasks to list at both ends of the path.
    """
    _print_reasons(console, why)
    _print_shares(console, why.explanation)
    if path:
        _print_path(console, why.explanation, path)
    _print_overhead(console, why)
    _print_false_edges(console, why)


def _print_reasons(console: Console, why: Why) -> None:
    explanation, wall_us = why.explanation, why.explanation.wall_clock_us
    console.print(f"  {why.run.full_name}", highlight=False)
    table = new_table("Wall-clock by reason")
    table.add_column("Reason")
    table.add_column("us", justify="right")
    table.add_column("%", justify="right")
    for reason, us in sorted(explanation.by_reason_us.items(), key=lambda item: -item[1]):
        table.add_row(reason.label, f"{us:.2f}", f"{100 * us / wall_us:.1f}")
    table.add_section()
    table.add_row("wall-clock", f"{wall_us:.2f}", "100.0")
    console.print(table)


def _print_shares(console: Console, explanation: Explanation) -> None:
    wall_us = explanation.wall_clock_us
    table = new_table("By reason and kernel")
    table.add_column("Reason")
    table.add_column("Kernel", overflow="fold")
    for heading in ("Times", "us", "%"):
        table.add_column(heading, justify="right")
    small = [s for s in explanation.shares if s.us < LEAST_SHARE * wall_us]
    for share in explanation.shares[: len(explanation.shares) - len(small)]:
        percent = f"{100 * share.us / wall_us:.1f}"
        table.add_row(
            share.reason.label, share.kernel, f"{share.tasks}", f"{share.us:.2f}", percent
        )
    if small:
        us = sum(share.us for share in small)
        table.add_row(f"{len(small)} smaller", "", "", f"{us:.2f}", f"{100 * us / wall_us:.1f}")
    table.caption = (
        "kernel: of the task on the path; for free core, what held the cores; for orchestrator, "
        "what was submitted meanwhile; for ring space, what waited"
    )
    console.print(table)


def _print_path(console: Console, explanation: Explanation, ends: int) -> None:
    trace, count = explanation.trace, len(explanation.row)
    table = new_table(f"Path: {count} tasks")
    table.add_column("Task", no_wrap=True)
    table.add_column("Kernel", min_width=8, overflow="fold")
    table.add_column("Core", no_wrap=True)
    for heading in ("start us", *_SHORT.values()):
        table.add_column(heading, justify="right", no_wrap=True)
    for place in range(count):
        if ends <= place < count - ends:
            if place == ends:
                table.add_row("...", f"{count - 2 * ends} more")
            continue
        row = int(explanation.row[place])
        table.add_row(
            str(trace.task[row]),
            trace.graph.kernels[trace.kernel[row]].name,
            core_name(explanation, row),
            f"{trace.start_us[row] - trace.begin_us:.2f}",
            *(f"{explanation.part_us[place, reason]:.2f}" for reason in _SHORT),
        )
    table.caption = (
        "start from the first dispatch; what each task adds, by reason, besides the orchestrator "
        "before the first and the tail of the last"
    )
    console.print(table)


_SHORT = {
    Reason.KERNEL: "kernel",
    Reason.MEMORY: "mem",
    Reason.HEAD: "head",
    Reason.COMPLETION: "seen",
    Reason.CORE: "core",
    Reason.THREAD: "thread",
}


def core_name(explanation: Explanation, row: int) -> str:
    """Type and number of the core that ran a task."""
    trace = explanation.trace
    core = int(trace.core[row])
    return f"AIC {core}" if core < trace.aic_count else f"AIV {core - trace.aic_count}"


def _print_overhead(console: Console, why: Why) -> None:
    table = new_table("Overhead: an idle core beside a ready, undispatched task of its type")
    table.add_column("A task is ready")
    for heading in ("AIC", "AIV", "all", "any"):
        table.add_column(f"{heading} %", justify="right")
    for words, overhead in (
        ("when its producers have ended (as the device tools count)", why.overhead),
        ("when it is submitted, too", why.overhead_once_submitted),
    ):
        parts = (overhead.aic_us, overhead.aiv_us, overhead.all_us, overhead.any_us)
        window_us = overhead.window_us or 1.0
        table.add_row(words, *(f"{100 * us / window_us:.1f}" for us in parts))
    table.caption = "of first start to last end; any: every type that has ready tasks"
    console.print(table)


def _print_false_edges(console: Console, why: Why) -> None:
    if isinstance(why.run.workload, RecordedWorkload) and not why.false_edges:
        console.print(
            "False dependences are not known: the file does not say which bytes kernels touch.\n"
        )
        return
    if not why.false_edges:
        console.print("No false dependences: every edge orders tasks that touch common bytes.\n")
        return
    wall_us = why.run.statistics.wall_clock_us
    table = new_table("False dependences: edges that exist only because whole tensors are compared")
    table.add_column("From", overflow="fold")
    table.add_column("To", overflow="fold")
    for heading in ("Edges", "Wall-clock without, us", "Speed-up"):
        table.add_column(heading, justify="right")
    for edges in why.false_edges:
        table.add_row(
            edges.producer or "all",
            edges.consumer or "all",
            str(edges.count),
            f"{edges.wall_clock_us:.2f}",
            speed_up(wall_us, edges.wall_clock_us),
        )
    table.caption = "the order that the bytes ask for is kept"
    console.print(table)


def print_difference(console: Console, difference: Difference) -> None:
    """Print the gap between two wall-clocks as a waterfall."""
    gap = difference.gap
    console.print(f"  {difference.title}", highlight=False)
    table = new_table("Difference")
    table.add_column("Part", overflow="fold")
    for heading in ("us", "% of first", "least", "most", "left, us"):
        table.add_column(heading, justify="right", no_wrap=True)
    left_us = gap.first_us
    table.add_row(difference.names[0], f"{left_us:.2f}", "100.0", "", "", f"{left_us:.2f}")
    table.add_section()
    for part in gap.parts:
        left_us += part.us
        table.add_row(
            part.factor,
            f"{part.us:+.2f}",
            f"{100 * part.us / gap.first_us:+.1f}",
            f"{part.low_us:+.2f}",
            f"{part.high_us:+.2f}",
            f"{left_us:.2f}",
        )
    table.add_section()
    percent = f"{100 * gap.second_us / gap.first_us:.1f}"
    total = f"{gap.second_us:.2f}"
    table.add_row(difference.names[1], total, percent, "", "", total)
    table.caption = (
        f"{gap.first_us / gap.second_us:.2f}x in all; a part is what its change adds, averaged "
        "over all orders of the changes (Shapley value); least and most: in any order"
    )
    console.print(table)


def why_record(why: Why) -> dict[str, Any]:
    """An explanation as a JSON object; times in us."""
    explanation = why.explanation
    trace = explanation.trace
    return {
        "run": run_record(why.run),
        "wall_clock_us": explanation.wall_clock_us,
        "by_reason_us": {r.label: us for r, us in explanation.by_reason_us.items()},
        "shares": [{**asdict(s), "reason": s.reason.label} for s in explanation.shares],
        "path": [
            {
                "task": int(trace.task[row]),
                "kernel": trace.graph.kernels[trace.kernel[row]].name,
                "core": int(trace.core[row]),
                "start_us": float(trace.start_us[row] - trace.begin_us),
                "end_us": float(trace.end_us[row] - trace.begin_us),
                "parts_us": {r.label: float(parts[r]) for r in Reason if parts[r]},
            }
            for row, parts in zip(explanation.row.tolist(), explanation.part_us, strict=True)
        ],
        "overhead": _overhead_record(why.overhead),
        "overhead_once_submitted": _overhead_record(why.overhead_once_submitted),
        "false_dependences": [asdict(edges) for edges in why.false_edges],
        **bounds_record(why.run.bounds),
    }


def _overhead_record(overhead: Overhead) -> dict[str, float]:
    return asdict(overhead)


def difference_record(difference: Difference) -> dict[str, Any]:
    """A gap as a JSON object; times in us."""
    first, second = difference.names
    setup = difference.setup
    return {
        "first": first,
        "second": second,
        "device": setup.device.name,
        "runtime": setup.runtime.name,
        "differences": setup.differences(),
        **asdict(difference.gap),
    }
