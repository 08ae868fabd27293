"""Checks as tables and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console

from runtime.graph import TaskGraph, View
from runtime.hazards import Hazard
from runtime.margins import Margin
from runtime.numerics.comparison import Match
from runtime.numerics.orders import Order
from runtime.numerics.run import TaskWrite
from tilesim.capacity_report import capacity_records
from tilesim.check import Check
from tilesim.console import new_table
from tilesim.numeric_check import Against
from workloads.recorded_workload import RecordedWorkload

__all__ = ["check_record", "print_check", "print_matches"]


def check_record(check: Check) -> dict[str, Any]:
    """A check as a JSON object; times in us, ``seconds`` in seconds."""
    outputs = [asdict(one) for one in check.matches]
    graph = check.run.graph
    return {
        "workload": check.run.workload.name,
        "parameters": dict(check.run.parameters),
        "device": check.run.setup.device.name,
        "runtime": check.run.setup.runtime.name,
        "dependencies": check.run.setup.dependencies.value,
        "lookup_cap": check.run.setup.effective_lookup_cap,
        "passes": check.passes,
        "problems": list(check.problems),
        "matched": sum(one.matched for one in check.matches),
        "total": sum(one.total for one in check.matches),
        "max_abs": max((one.max_abs for one in check.matches), default=0.0),
        "max_rel": max((one.max_rel for one in check.matches), default=0.0),
        "rtol": check.rtol,
        "atol": check.atol,
        "against": check.against.value,
        "order": check.order.value,
        "seed": check.seed,
        "seconds": check.seconds,
        "peak_bytes": check.peak_bytes,
        "needed_bytes": check.needed_bytes,
        "outputs": outputs,
        "program_order_matched": sum(one.matched for one in check.program_matches),
        "first_difference": _write_record(graph, check.deviation),
        "first_not_finite": _write_record(graph, check.not_finite),
        "wall_clock_us": check.run.statistics.wall_clock_us,
        "hazards": [_hazard_record(check, hazard) for hazard in check.hazards.found],
        "notes": list(check.run.notes),
        "capacity": capacity_records(check.capacity),
        "repair": None
        if check.repair is None
        else {
            "kinds": [kind.value for kind in check.repair.kinds],
            "edges": check.repair.edges,
            "wall_clock_us_before": check.repair.before.statistics.wall_clock_us,
        },
    }


def _write_record(graph: TaskGraph, write: TaskWrite | None) -> dict[str, Any] | None:
    if write is None:
        return None
    kernel = graph.kernels[graph.kernel[write.task]].name
    return {"task": write.task, "kernel": kernel, **_region_record(write.view)}


def _hazard_record(check: Check, hazard: Hazard) -> dict[str, Any]:
    kernels = check.run.graph.kernels
    return {
        "kind": hazard.kind.value,
        "cause": hazard.cause.value,
        "earlier": kernels[hazard.earlier].name,
        "later": kernels[hazard.later].name,
        "count": hazard.count,
        "pairs": hazard.pairs.tolist(),
        "example": _region_record(hazard.view),
        **asdict(_margin(check, hazard)),
    }


def _region_record(view: View) -> dict[str, Any]:
    return {"tensor": view.buffer.name, "offset": list(view.offset), "shape": list(view.shape)}


def _margin(check: Check, hazard: Hazard) -> Margin:
    return check.margins[hazard.kind, hazard.cause, hazard.earlier, hazard.later]


def print_check(console: Console, check: Check, pairs: int) -> None:
    """Print what a check has found.

    Parameters
    ----------
    pairs : int
        Unordered pairs to list of each hazard.
    """
    console.print(f"  {check.run.full_name}", highlight=False)
    _print_numbers(console, check)
    _print_repair(console, check)
    _print_hazards(console, check)
    if isinstance(check.run.workload, RecordedWorkload):
        console.print(
            "The kernels of a recording may touch all of the tensors that tasks name, so the pairs "
            "above need not touch the same bytes.",
            style="dim",
            highlight=False,
            soft_wrap=True,
        )
    for note in check.run.notes:
        console.print(f"note: {note}", style="dim", highlight=False, soft_wrap=True)
    if pairs:
        for hazard in check.hazards.found:
            _print_pairs(console, check, hazard, pairs)


def print_matches(console: Console, matches: Sequence[Match]) -> None:
    """Print how each output compares."""
    for one in matches:
        console.print(f"{one.name}: {one.matched}/{one.total} matched", highlight=False)
        _print_differences(console, one)


def _print_numbers(console: Console, check: Check) -> None:
    if check.against is Against.NOTHING:
        return
    if check.against is Against.PROGRAM:
        console.print(
            "No golden results are known: compared with program order, on inputs drawn from [0, 1)",
            highlight=False,
            soft_wrap=True,
        )
    print_matches(console, check.matches)
    console.print(
        f"  {check.order} order, seed {check.seed}, rtol {check.rtol:g}, atol {check.atol:g}; "
        f"{check.seconds:.1f} s, {check.peak_bytes / 1e9:.2f} GB",
        highlight=False,
        soft_wrap=True,
    )
    if check.is_match:
        return
    for what, write in (
        ("difference from program order", check.deviation),
        ("NaN or infinity in program order", check.not_finite),
    ):
        if write is not None:
            kernel = check.run.graph.kernels[check.run.graph.kernel[write.task]].name
            console.print(
                f"  first {what}: task {write.task} ({kernel}) writes {_region(write.view)}",
                highlight=False,
                soft_wrap=True,
            )
    if check.against is Against.PROGRAM:
        return
    if check.order is not Order.PROGRAM:
        matched = sum(one.matched for one in check.program_matches)
        total = sum(one.total for one in check.program_matches)
        console.print(f"  in program order: {matched}/{total} matched", highlight=False)
    else:
        console.print("  the program itself computes something else, in its own order")


def _print_differences(console: Console, one: Match) -> None:
    words = (
        f"  largest difference {one.max_abs:.3g} at {list(one.worst)}, relative {one.max_rel:.3g}"
    )
    if one.not_finite:
        words += f"; {one.not_finite} NaN or infinite, first at {list(one.first_not_finite or ())}"
    console.print(words, highlight=False, soft_wrap=True)


def _print_repair(console: Console, check: Check) -> None:
    if check.repair is None:
        return
    before_us = check.repair.before.statistics.wall_clock_us
    after_us = check.run.statistics.wall_clock_us
    console.print(
        f"  repaired {', '.join(check.repair.kinds)}: {check.repair.edges:,} edges added; "
        f"wall-clock {before_us:.2f} to {after_us:.2f} us ({after_us / before_us - 1.0:+.1%})",
        highlight=False,
        soft_wrap=True,
    )


def _print_hazards(console: Console, check: Check) -> None:
    if not check.hazards.found:
        console.print("No hazards: edges order all tasks that touch common bytes.\n")
        return
    kernels = check.run.graph.kernels
    table = new_table("Hazards: pairs of tasks that touch the same bytes in no certain order")
    table.add_column("Kind", no_wrap=True)
    table.add_column("Earlier", overflow="fold")
    table.add_column("Later", overflow="fold")
    for heading in ("Pairs", "In\norder", "Over-\nlapping", "Re-\nversed", "Nearest\nus"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("No edge because", overflow="fold")
    table.add_column("Example", overflow="fold")
    for hazard in check.hazards.found:
        margin = _margin(check, hazard)
        earlier, later = hazard.pairs[0].tolist()
        table.add_row(
            hazard.kind.upper(),
            kernels[hazard.earlier].name,
            kernels[hazard.later].name,
            str(hazard.count),
            str(margin.in_order),
            str(margin.overlapping),
            str(margin.reversed),
            "" if margin.nearest_us is None else f"{margin.nearest_us:.2f}",
            hazard.cause,
            f"{earlier}, {later}: {_region(hazard.view)}",
        )
    table.caption = (
        "in order, overlapping, reversed: as the pairs came out in the simulated run; nearest: the "
        "least time by which one came out in order"
    )
    console.print(table)
    console.print(_outcome(check), highlight=False, soft_wrap=True)
    console.print()


def _outcome(check: Check) -> str:
    """Whether any hazard may have bitten in the simulated run, and how near the nearest came."""
    margins = [(_margin(check, hazard), hazard) for hazard in check.hazards.found]
    doubtful = sum(margin.overlapping + margin.reversed for margin, _ in margins)
    if doubtful:
        total = sum(hazard.count for _, hazard in margins)
        return (
            f"In the simulated run {doubtful:,} of {total:,} unordered pairs did not come out in "
            "the program's order: its numbers may be wrong."
        )
    nearest, hazard = min(margins, key=lambda pair: pair[0].nearest_us or 0.0)
    kernels = check.run.graph.kernels
    return (
        "In the simulated run all pairs came out in the program's order, the nearest by "
        f"{nearest.nearest_us:.2f} us: {hazard.kind.upper()} {kernels[hazard.earlier].name}, "
        f"{kernels[hazard.later].name}."
    )


def _print_pairs(console: Console, check: Check, hazard: Hazard, most: int) -> None:
    kernels = check.run.graph.kernels
    console.print(
        f"{hazard.kind.upper()} {kernels[hazard.earlier].name}, {kernels[hazard.later].name}",
        highlight=False,
    )
    later: dict[int, list[int]] = {}
    for first, second in hazard.pairs[:most].tolist():
        later.setdefault(second, []).append(first)
    for task, earlier in later.items():
        console.print(
            f"  task {task} after {', '.join(map(str, earlier))}", highlight=False, soft_wrap=True
        )
    if hazard.count > most:
        console.print(f"  and {hazard.count - most:,} pairs more", highlight=False)


def _region(view: View) -> str:
    """A rectangle as in numpy: ``name[0:16, 64:128]``."""
    spans = (f"{o}:{o + n}" for o, n in zip(view.offset, view.shape, strict=True))
    return f"{view.buffer.name}[{', '.join(spans)}]"
