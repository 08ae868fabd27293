"""How far each constant, and each choice the sources leave open, moves the published figures.

Run with ``python -m benchmarks.sensitivity``. Every constant is set to both ends of its range,
all others at their defaults; rows that move none of the figures by half a percent are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from devices.description import Quantity, settings, with_values
from runtime.dependencies import find_graph
from runtime.graph import TaskGraph
from runtime.handwritten import submits_of
from runtime.simulation import simulate
from runtime.statistics import summarize
from tilesim.setup import Setup
from workloads.catalogue import find_workload
from workloads.published import default_published

PROGRAMS = ("qwen3-scope3-baseline", "qwen3-scope3-restructured")
LEAST_SHOWN = 0.005


@dataclass(frozen=True)
class Variant:
    """Settings of device and runtime that differ from the defaults."""

    label: str
    device: Mapping[str, float]
    runtime: Mapping[str, float]


def choices() -> Iterator[Variant]:
    """Readings of the sources other than the one taken, where a setting can express them."""
    setup = Setup()
    read_us = setup.runtime.costs.cond_read_us.value
    visible_us = setup.runtime.costs.core_to_aicpu_us.value
    yield Variant(
        "a read samples as it ends, not as it begins",
        {},
        {"costs.core_to_aicpu_us": max(0.0, visible_us - read_us)},
    )
    yield Variant("lookups skip all entries (all retired)", {}, {"costs.chain_entry_us": 0.0})
    yield Variant("no phase records by the orchestrator", {}, {"profiling.phase_record_us": 0.0})
    cube = setup.device.cube
    all_miss = {
        "cube.hit_gbps": cube.miss_gbps.value,
        "cube.row_issue_us": cube.row_issue_us.value + cube.row_miss_us.value,
        "cube.row_miss_us": 0.0,
    }
    yield Variant("what hits L2 is as slow as what misses", all_miss, {})
    yield Variant("nobody waits for the memory", {"memory.achieved_gbps": 1e9}, {})
    yield Variant("no wait between vector operations", {"vector.sync_us": 0.0}, {})


def range_ends() -> Iterator[Variant]:
    """Every constant at both ends of its range."""
    setup = Setup()
    for key, quantity in settings(setup.device).items():
        if isinstance(quantity, Quantity):
            for value in quantity.range:
                yield Variant(f"{key} = {value:g}", {key: value}, {})
    for key, quantity in settings(setup.runtime).items():
        if isinstance(quantity, Quantity):
            for value in quantity.range:
                yield Variant(f"{key} = {value:g}", {}, {key: value})


def figures(graphs: Mapping[str, TaskGraph], setup: Setup) -> list[float]:
    """Wall-clock and average latency of both programs, in us."""
    found = []
    for name in PROGRAMS:
        trace = simulate(graphs[name], setup.device, setup.runtime)
        statistics = summarize(trace)
        found += [statistics.wall_clock_us, statistics.avg_latency_us]
    return found


def row(label: str, values: list[float], base: list[float]) -> str:
    """One line of the table: change of every figure against the defaults."""
    changes = " | ".join(f"{v / b - 1:+.1%}" for v, b in zip(values, base, strict=True))
    return f"| {label} | {changes} |"


def main() -> None:
    """Run every variant and print a table in Markdown."""
    setup = Setup()
    graphs = {
        n: find_graph(submits_of(find_workload(n).program()), setup.runtime) for n in PROGRAMS
    }
    base = figures(graphs, setup)
    cases = [default_published().of(n)[0] for n in PROGRAMS]
    published = [case.published[f] for case in cases for f in ("wall_clock_us", "avg_latency_us")]
    heading = "baseline wall | baseline latency | restructured wall | restructured latency"
    print(f"| | {heading} |\n|---|---|---|---|---|")
    print("| measured, us | " + " | ".join(f"{x:.2f}" for x in published) + " |")
    print("| simulated, us | " + " | ".join(f"{x:.2f}" for x in base) + " |")
    print(row("error", base, published))
    for title, variants in (("Choices", choices()), ("Ends of ranges", range_ends())):
        print(f"| **{title}** | | | | |")
        for variant in variants:
            values = figures(graphs, changed(setup, variant))
            moves = any(abs(v / b - 1) >= LEAST_SHOWN for v, b in zip(values, base, strict=True))
            if moves or title == "Choices":
                print(row(variant.label, values, base), flush=True)


def changed(setup: Setup, variant: Variant) -> Setup:
    """`setup` with the variant's settings."""
    return replace(
        setup,
        device=with_values(setup.device, variant.device),
        runtime=with_values(setup.runtime, variant.runtime),
    )


if __name__ == "__main__":
    main()
