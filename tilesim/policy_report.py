"""Tables about policies, and about what bounds runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import numpy as np
from rich.console import Console

from runtime.bounds import Bounds
from scheduler.policy import full_name
from scheduler.registry import POLICIES
from tilesim.console import new_table
from tilesim.replay import Run

__all__ = [
    "bounds_record",
    "policy_records",
    "print_bounds",
    "print_policies",
    "print_policy_comparison",
    "scheduling_record",
]


def policy_records(names: Sequence[str]) -> list[dict[str, Any]]:
    """Name, rule and parameters of policies; of those of other packages the name alone."""
    records = []
    for name in names:
        kind: Any = POLICIES.get(name)
        rule = (kind.__doc__ or "").split("\n\n")[0].strip() if kind else "of another package"
        parameters = {p.name: p.default for p in fields(kind)} if kind else {}
        records.append({"name": name, "rule": rule, "parameters": parameters})
    return records


def print_policies(console: Console, records: Sequence[dict[str, Any]]) -> None:
    """Print policies with their rules."""
    table = new_table("Policies")
    for heading in ("Policy", "Parameters", "Rule"):
        table.add_column(heading)
    for record in records:
        parameters = "\n".join(f"{name}={value}" for name, value in record["parameters"].items())
        table.add_row(record["name"], parameters, record["rule"])
    console.print(table)


def print_bounds(console: Console, bounds: Bounds) -> None:
    """Print lower bounds with their ratio to the wall-clock; name the one that binds."""
    table = new_table(f"Lower bounds of the wall-clock, {bounds.wall_clock_us:.2f} us")
    table.add_column("Bound")
    for heading in ("us", "of wall-clock", "kernel times alone, us"):
        table.add_column(heading, justify="right", no_wrap=True)
    for bound in sorted(bounds.all, key=lambda bound: -bound.us):
        kernels = "" if bound.kernel_us is None else f"{bound.kernel_us:.2f}"
        binds = " (binds)" if bound is bounds.binding else ""
        table.add_row(
            f"{bound.name}{binds}", f"{bound.us:.2f}", f"{bounds.ratio(bound):.1%}", kernels
        )
    console.print(table)


def bounds_record(bounds: Bounds) -> dict[str, Any]:
    """Bounds as a JSON object."""
    return {
        "binding": bounds.binding.name,
        "bounds": [
            {
                "name": bound.name,
                "us": bound.us,
                "ratio": bounds.ratio(bound),
                "kernel_us": bound.kernel_us,
            }
            for bound in bounds.all
        ],
    }


def scheduling_record(run: Run) -> dict[str, Any]:
    """What a policy did, as a JSON object; times in us."""
    trace = run.trace
    waits_us = trace.dispatch_us - trace.ready_us
    is_aic = trace.core < trace.aic_count
    return {
        "policy": full_name(run.setup.policy),
        "estimate_error": run.setup.estimates.error,
        "seed": run.setup.estimates.seed,
        "priorities": dict(run.setup.estimates.priorities),
        "best_bound_us": run.bounds.binding.us,
        "best_bound": run.bounds.binding.name,
        "wall_clock_to_best_bound": 1.0 / (run.bounds.ratio(run.bounds.binding) or 1.0),
        "queue_wait_us": {
            "aic": float(waits_us[is_aic].mean()) if is_aic.any() else 0.0,
            "aiv": float(waits_us[~is_aic].mean()) if not is_aic.all() else 0.0,
            "p95": float(np.quantile(waits_us, 0.95)),
            "max": float(waits_us.max()),
        },
        "decision_us": trace.decision_us,
        "decisions_us": trace.decision_us * len(trace),
    }


def print_policy_comparison(console: Console, runs: Sequence[Run]) -> None:
    """Print runs of one workload with several policies side by side."""
    first = runs[0]
    sizes = [f"{name}={value}" for name, value in first.parameters.items()]
    console.print(f"  {' '.join([first.workload.name, *sizes])}", highlight=False)
    table = new_table("Policies")
    table.add_column("Policy", min_width=11, overflow="fold")
    for heading in (
        "Wall-\nclock us",
        "against\nfirst",
        "to best\nbound",
        "AIC\n%",
        "AIV\n%",
        "Thr\n%",
        "AIC\nwait",
        "AIV\nwait",
        "decide\nus",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for run in runs:
        figures, record = run.statistics, scheduling_record(run)
        wall_us = figures.wall_clock_us
        waits = record["queue_wait_us"]
        threads = sum(figures.scheduler_busy_us) / len(figures.scheduler_busy_us)
        table.add_row(
            " ".join([record["policy"], *_besides_policy(run)]),
            f"{wall_us:.2f}",
            f"{wall_us / first.statistics.wall_clock_us - 1.0:+.1%}",
            f"{record['wall_clock_to_best_bound']:.3f}x",
            f"{100 * figures.aic_busy:.1f}",
            f"{100 * figures.aiv_busy:.1f}",
            f"{100 * threads / wall_us:.1f}",
            f"{waits['aic']:.2f}",
            f"{waits['aiv']:.2f}",
            f"{record['decisions_us']:.1f}",
        )
    best = first.bounds.binding
    table.caption = (
        f"best bound of the first: {best.name}, {best.us:.2f} us; wait: us from ready to "
        "dispatched, mean; decide: declared cost of all decisions; Thr: scheduler threads, mean"
    )
    console.print(table)


def _besides_policy(run: Run) -> list[str]:
    """What else differs from the default setup, in words."""
    name = full_name(run.setup.policy)
    return [words for words in run.setup.differences() if words != name]
