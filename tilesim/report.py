"""Runs and comparisons as tables for the terminal, in the layout of the device tools."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.table import Table

from devices.calibration import CalibrationRecord
from devices.description import Quantity, settings
from devices.device import Device
from tilesim.comparison import Comparison, differing_parameters
from tilesim.console import new_table
from tilesim.figures import figure_us
from tilesim.replay import Run
from workloads.published import FIGURES
from workloads.recorded_workload import RecordedWorkload
from workloads.workload import Group, Workload

__all__ = [
    "print_caveat",
    "print_comparison",
    "print_devices",
    "print_overflows",
    "print_run",
    "print_workloads",
    "sourced",
]


def print_workloads(console: Console, workloads: Iterable[Workload]) -> None:
    """Print workloads with their parameters, a table for each group."""
    shown = [
        (w, [f"{name}={w.follows.get(name, value)}" for name, value in w.defaults.items()])
        for w in workloads
    ]
    # The columns of all tables stand below each other.
    name_width = max((len(w.name) for w, _ in shown), default=0)
    parameter_width = max((len(text) for _, texts in shown for text in texts), default=0)
    for group in Group:
        rows = [(w, texts) for w, texts in shown if w.group is group]
        if not rows:
            continue
        table = new_table(group.capitalize())
        table.add_column("Workload", min_width=name_width)
        table.add_column("Parameters", min_width=parameter_width)
        table.add_column("What it is")
        for workload, texts in rows:
            table.add_row(workload.name, "\n".join(texts), workload.summary)
        console.print(table)


def print_devices(console: Console, devices: Iterable[Device]) -> None:
    """Print every figure of devices, constants with their range and source."""
    for device in devices:
        table = new_table(f"{device.name}: {device.description}")
        table.add_column("Key", no_wrap=True)
        table.add_column("Value", justify="right")
        table.add_column("Range", no_wrap=True)
        table.add_column("Source")
        for key, setting in settings(device).items():
            if isinstance(setting, Quantity):
                low, high = setting.range
                source = sourced(key, setting.value, setting.source, device.calibration)
                table.add_row(key, f"{setting.value:g}", f"{low:g} to {high:g}", source)
            else:
                table.add_row(key, str(setting), "", _section_source(device, key))
        console.print(table)


def sourced(key: str, value: float, source: str, calibration: CalibrationRecord | None) -> str:
    """Where a constant and its range come from, and whether the value was fitted within that."""
    record = None if calibration is None else calibration.constants.get(key)
    if calibration is None or record is None or record.fitted != value:
        return source
    return f"{source} (fitted {calibration.date})"


def _section_source(device: Device, key: str) -> str:
    """Source of the table that holds a figure without a range."""
    return str(getattr(getattr(device, key.split(".", maxsplit=1)[0]), "source", ""))


def print_run(console: Console, run: Run) -> None:
    """Print the functions of a run, its totals and, if published, the measured figures."""
    console.print(_functions(run))
    console.print(_totals(run))
    if run.published:
        console.print(_against_measured([run]))


def print_comparison(console: Console, comparison: Comparison) -> None:
    """Print runs side by side, at their own sizes and at equal ones."""
    sizes = differing_parameters(comparison.runs)
    names = [run.describe(sizes) for run in comparison.runs]
    console.print(_side_by_side("Comparison", names, comparison.runs))
    measured = [run for run in comparison.runs if run.published]
    if measured:
        console.print(_against_measured(measured))
    for group in comparison.like_for_like:
        title = f"Like for like: {_shared_sizes(group)}"
        names = [" ".join([run.workload.name, *run.setup.differences()]) for run in group]
        console.print(_side_by_side(title, names, group))


def _functions(run: Run) -> Table:
    figures = run.statistics
    where = f"on {run.setup.device.name}, {run.setup.runtime.name}"
    table = new_table(f"{run.full_name} {'as recorded' if run.is_recorded else where}")
    table.add_column("Function", overflow="fold")
    table.add_column("Core", no_wrap=True)
    for heading in (
        "Count",
        "Avg Exec\nus",
        "Avg Latency\nus",
        "Exec %",
        "Head OH\nus",
        "Tail OH\nus",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    for f in figures.functions:
        table.add_row(
            f.name,
            f.core,
            str(f.count),
            f"{f.avg_exec_us:.2f}",
            f"{f.avg_latency_us:.2f}",
            f"{f.exec_percent:.1f}",
            f"{f.avg_head_us:.2f}",
            f"{f.avg_tail_us:.2f}",
        )
    table.add_section()
    table.add_row(
        "All",
        "",
        str(figures.tasks),
        f"{figures.avg_exec_us:.2f}",
        f"{figures.avg_latency_us:.2f}",
        f"{figures.exec_percent:.1f}",
        f"{figures.avg_head_us:.2f}",
        f"{figures.avg_tail_us:.2f}",
    )
    return table


def _totals(run: Run) -> Table:
    figures, graph, wall_us = run.statistics, run.graph, run.statistics.wall_clock_us
    table = new_table("")
    table.show_header = False
    table.add_column("what")
    table.add_column("value", justify="right")
    busiest = max(figures.scheduler_busy_us)
    dropped = f", {graph.dropped} dropped by the lookup cap" if graph.dropped else ""
    for what, value in (
        ("Total Test Time (Wall-clock)", f"{wall_us:.2f} us"),
        ("Elapsed since the orchestrator began", f"{figures.elapsed_us:.2f} us"),
        ("Tasks, hidden allocs", f"{graph.task_count}, {graph.alloc_count}"),
        ("Edges, depth", f"{graph.edge_count}{dropped}, {graph.depth}"),
        ("Tasks in flight", f"{figures.tasks_in_flight:.2f}"),
        ("Cores busy, AIC and AIV", f"{figures.aic_busy:.1%}, {figures.aiv_busy:.1%}"),
        (
            "Orchestrator busy",
            f"{figures.orchestrator_busy_us:.2f} us, {figures.orchestrator_busy_us / wall_us:.1%}",
        ),
        ("Busiest scheduler thread", f"{busiest:.2f} us, {busiest / wall_us:.1%}"),
        (
            "Kernels load and store, HBM moves",
            f"{figures.gm_gbps:.1f} GB/s, {figures.hbm_gbps:.1f} GB/s",
        ),
        ("Tracing, simulating", f"{run.trace_s:.2f} s, {run.simulate_s:.2f} s"),
    ):
        table.add_row(what, value)
    if run.recorded_trace is not None and not run.is_recorded:
        recorded_us = run.recorded_trace.wall_clock_us
        ratio = wall_us / recorded_us - 1.0
        table.add_row("Total Test Time as recorded", f"{recorded_us:.2f} us")
        table.add_row("Simulated against recorded", f"{ratio:+.1%}")
    return table


def _against_measured(runs: Sequence[Run]) -> Table:
    table = new_table("Measured against simulated")
    table.add_column("Workload", overflow="fold")
    table.add_column("Figure", no_wrap=True)
    for heading in ("Measured", "Simulated", "Error"):
        table.add_column(heading, justify="right", no_wrap=True)
    cases = [(run, case) for run in runs for case in run.published]
    for run, case in cases:
        for figure, measured_us in case.published.items():
            simulated_us = figure_us(figure, run.trace, case.kernel)
            table.add_row(
                run.workload.name,
                f"{FIGURES[figure].capitalize()} us",
                f"{measured_us:.2f}",
                f"{simulated_us:.2f}",
                f"{simulated_us / measured_us - 1.0:+.1%}",
            )
        if case.tasks is not None:
            table.add_row(
                run.workload.name, "Tasks", str(case.tasks), str(run.graph.task_count), ""
            )
    table.caption = f"measured: {'; '.join(dict.fromkeys(case.source for _, case in cases))}"
    return table


def _side_by_side(title: str, names: Sequence[str], runs: Sequence[Run]) -> Table:
    sizes = differing_parameters(runs)
    table = new_table(title)
    table.add_column("Workload", min_width=11, overflow="fold")
    for heading in (
        "Tasks",
        "Depth",
        "Wall-\nclock us",
        "Speed-\nup",
        "Latency\nus",
        "In\nflight",
        "AIC\n%",
        "AIV\n%",
        "Orch\n%",
    ):
        table.add_column(heading, justify="right", no_wrap=True)
    first = runs[0]
    for name, run in zip(names, runs, strict=True):
        figures = run.statistics
        same_size = all(first.parameters.get(n) == run.parameters.get(n) for n in sizes)
        speed_up = first.statistics.wall_clock_us / figures.wall_clock_us
        table.add_row(
            name,
            str(run.graph.task_count),
            str(run.graph.depth),
            f"{figures.wall_clock_us:.2f}",
            f"{speed_up:.2f}x" + ("" if same_size else "*"),
            f"{figures.avg_latency_us:.2f}",
            f"{figures.tasks_in_flight:.2f}",
            f"{100 * figures.aic_busy:.1f}",
            f"{100 * figures.aiv_busy:.1f}",
            f"{100 * figures.orchestrator_busy_us / figures.wall_clock_us:.1f}",
        )
    if sizes:
        table.caption = "* sizes differ, so this is not like for like"
    return table


def _shared_sizes(runs: Sequence[Run]) -> str:
    """Parameters that differ from the defaults of some of the runs."""
    parameters = runs[0].parameters
    differing = {
        name: value
        for name, value in parameters.items()
        if any(run.workload.defaults.get(name) != value for run in runs)
    }
    return ", ".join(f"{name} {value}" for name, value in differing.items())


def print_caveat(console: Console, run: Run) -> None:
    """Say how far to trust the figures, and what would not run on the device at all."""
    print_overflows(console, run)
    if isinstance(run.workload, RecordedWorkload):
        what = "All times are" if run.is_recorded else "Kernel times are"
        console.print(f"{what} those of the file.", style="dim", highlight=False)
    for note in run.notes:
        console.print(f"note: {note}", style="dim", highlight=False, soft_wrap=True)
    if isinstance(run.workload, RecordedWorkload):
        return
    uncertainty = run.setup.device.uncertainty
    console.print(
        f"Expect kernel times within {uncertainty.cube_serial_percent} % (serial cube loops), "
        f"{uncertainty.cube_pipelined_percent} % (pipelined ones) and "
        f"{uncertainty.vector_percent} % (vector kernels); tilesim validate compares with what was "
        "measured, and docs/model.md says for which shapes.",
        style="dim",
    )


def print_overflows(console: Console, run: Run) -> None:
    """Warn of the kernels that cannot fit on chip."""
    for message in run.overflows:
        console.print(f"warning: {message}", style="red", highlight=False, soft_wrap=True)
