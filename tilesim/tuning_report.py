"""Tuning as tables for the terminal."""

from __future__ import annotations

from rich.console import Console

from devices.kernel import CoreType
from runtime.explanation import Reason as Because
from runtime.explanation import explain
from tilesim.check_report import print_matches
from tilesim.console import new_table
from tilesim.feasibility import OnChip, Reason
from tilesim.replay import Run
from tilesim.report import print_caveat
from tilesim.sweep_report import described, shown_value
from tilesim.tuning import Best, Tuning
from tilesim.validated import is_pipelined, outside_validated

__all__ = ["command_of", "print_tuning", "summary_of"]

_MOST_REJECTED = 5


def print_tuning(console: Console, tuning: Tuning) -> None:
    """Print what was searched, the best, the front, and why the best wins."""
    _print_space(console, tuning)
    _print_rejected(console, tuning)
    best = tuning.best
    if best is None:
        races = any(pruned.reason is Reason.RACE for pruned in tuning.pruned)
        hint = "; --allow-races chooses among those that raced" if races else ""
        print_line(console, f"No point may be chosen{hint}.", "red")
        return
    _print_front(console, tuning)
    _print_why(console, tuning, best)
    _print_gap(console, best)
    _print_trust(console, tuning, best)
    print_line(console, f"Best: {summary_of(tuning)}", "bold")
    print_line(console, f"  {command_of(tuning, best)}")


def print_line(console: Console, text: str, style: str = "") -> None:
    """Print a line as it is, however long."""
    console.print(text, style=style, highlight=False, soft_wrap=True)


def summary_of(tuning: Tuning) -> str:
    """The best point and what it gains, in one line."""
    if tuning.best is None:
        return "none"
    value = tuning.objective.of(tuning.best.trial.row)
    text = f"{described(tuning.best.trial.row.values)}, {tuning.objective.figure} {value:,.2f}"
    gain = tuning.gain_percent
    if gain is None:
        return text
    if gain <= 0.0:
        return f"{text}; the baseline is as good" if gain == 0.0 else f"{text}; worse than before"
    return f"{text}, {gain:.1f} % better than the baseline"


def command_of(tuning: Tuning, best: Best) -> str:
    """The command that runs the best point."""
    point = best.trial.point
    parts = [f"tilesim replay {tuning.space.plan.name}"]
    if point.settings:
        parts.append(" ".join(["--set", *(f"{k}={v}" for k, v in point.settings.items())]))
    words = {a.word: point.values[a.name] for a in tuning.space.plan.axes if not a.is_parameter}
    parts += [_option(name, shown_value(value)) for name, value in words.items()]
    return " ".join(parts)


def _option(name: str, value: str) -> str:
    """A word of a setup as an option."""
    kind, dot, key = name.partition(".")
    if dot:
        option = "--priority" if kind == "priority" else f"--{kind}-set"
        return f"{option} {key}={value}"
    if name == "profiling":
        return "--profiling" if value == "yes" else "--no-profiling"
    return f"--{name.replace('_', '-')} {value}"


def _print_space(console: Console, tuning: Tuning) -> None:
    print_line(console, f"  {tuning.space.plan.name}, {tuning.objective}")
    table = new_table("Points")
    table.add_column("What became of them")
    table.add_column("Points", justify="right")
    table.add_column("For example", overflow="fold")
    is_listed = tuning.space.listed is not None
    for pruned in tuning.pruned:
        if pruned.reason.is_known_before:
            at_least = "" if is_listed or pruned.reason is not Reason.SIZES else "at least "
            table.add_row(pruned.reason, f"{at_least}{pruned.count:,}", pruned.example)
    table.add_row("simulated", f"{len(tuning.found.rows):,}")
    for pruned in tuning.pruned:
        if not pruned.reason.is_known_before:
            table.add_row(f"  but {pruned.reason}", f"{pruned.count:,}", pruned.example)
    if tuning.not_looked_at:
        table.add_row("not looked at", f"{tuning.not_looked_at:,}")
    table.add_section()
    table.add_row("all", f"{tuning.space.given:,}")
    table.caption = (
        "every point that can run has run"
        if tuning.is_exhaustive
        else f"proposed by {tuning.found.method}, budget {tuning.budget}, seed {tuning.seed}"
    )
    console.print(table)


def _print_rejected(console: Console, tuning: Tuning) -> None:
    for rejected in tuning.rejected[:_MOST_REJECTED]:
        print_line(
            console, f"not chosen: {described(rejected.trial.row.values)}: {rejected.told}", "red"
        )
    if len(tuning.rejected) > _MOST_REJECTED:
        print_line(console, f"and {len(tuning.rejected) - _MOST_REJECTED} more", "red")


def _print_front(console: Console, tuning: Tuning) -> None:
    axes = tuning.space.plan.axes
    table = new_table("Front: wall-clock against on-chip memory")
    for axis in axes:
        table.add_column(axis.name, justify="right" if axis.is_numeric else "left", overflow="fold")
    for heading in ("Wall-clock us", "Gain", "On chip", "Tasks"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("Fullest", no_wrap=True)
    table.add_column("Binds", no_wrap=True)
    before_us = None if tuning.baseline is None else tuning.baseline.run.trace.wall_clock_us
    for trial in tuning.front:
        figures = trial.row.figures
        gain = "" if before_us is None else f"{100 * (1 - trial.wall_clock_us / before_us):+.1f}%"
        table.add_row(
            *(shown_value(value) for value in trial.row.values.values()),
            f"{trial.wall_clock_us:.2f}",
            gain,
            f"{trial.on_chip.largest:.1%}",
            str(figures["tasks"]),
            fullest(trial.on_chip),
            f"{figures['binding']}, {float(figures['binding_us']) / trial.wall_clock_us:.1%}",
        )
    table.caption = (
        f"on chip: the largest part of a memory that any kernel takes, bytes {tuning.fit}; "
        "of other points, none is faster with less; only the best has its numbers checked"
    )
    console.print(table)


def fullest(on_chip: OnChip) -> str:
    """The memory that is fullest."""
    return max(on_chip.parts, key=lambda name: on_chip.parts[name], default="-")


def _print_why(console: Console, tuning: Tuning, best: Best) -> None:
    runs = [best.screened.run]
    on_chip = [best.trial.on_chip]
    table = new_table("Why")
    table.add_column("", no_wrap=True)
    if tuning.baseline is not None and tuning.baseline_on_chip is not None:
        runs.insert(0, tuning.baseline.run)
        on_chip.insert(0, tuning.baseline_on_chip)
        table.add_column("Baseline", justify="right")
    table.add_column("Best", justify="right")
    for axis in tuning.space.plan.axes:
        chosen = shown_value(best.trial.row.values[axis.name])
        before = tuning.baseline_value(axis)
        table.add_row(axis.name, *([] if len(runs) == 1 else [before]), chosen)
    table.add_section()
    for name, values in _figures(runs, on_chip):
        table.add_row(name, *values)
    table.add_section()
    for bound in dict.fromkeys(b.name for run in runs for b in run.bounds.all):
        table.add_row(f"bound: {bound}", *(_bound(run, bound) for run in runs))
    table.add_section()
    parts = [explain(run.trace).by_reason_us for run in runs]
    for because in Because:
        if any(part[because] >= 0.005 for part in parts):
            table.add_row(f"path: {because.label}", *(f"{p[because]:.2f} us" for p in parts))
    table.caption = "bounds: us and part of the wall-clock, the largest binds (*); path: what the "
    table.caption += "wall-clock passed with, along the tasks that end last"
    console.print(table)


def _figures(runs: list[Run], on_chip: list[OnChip]) -> list[tuple[str, list[str]]]:
    def row(name: str, values: list[str]) -> tuple[str, list[str]]:
        return name, values

    figures = [run.statistics for run in runs]
    memories = dict.fromkeys(name for each in on_chip for name in each.parts)
    return [
        row("wall-clock", [f"{f.wall_clock_us:.2f} us" for f in figures]),
        row("tasks", [str(run.graph.task_count) for run in runs]),
        row("average exec", [f"{f.avg_exec_us:.2f} us" for f in figures]),
        row("AIC busy", [f"{f.aic_busy:.1%}" for f in figures]),
        row("AIV busy", [f"{f.aiv_busy:.1%}" for f in figures]),
        row("orchestrator busy", [f"{f.orchestrator_busy_us:.2f} us" for f in figures]),
        row("HBM", [f"{f.hbm_gbps:.1f} GB/s" for f in figures]),
        *(
            row(f"fullest {name}", [f"{each.parts.get(name, 0.0):.1%}" for each in on_chip])
            for name in memories
        ),
    ]


def _bound(run: Run, name: str) -> str:
    """A bound of a run, with a star if it binds."""
    for bound in run.bounds.all:
        if bound.name == name:
            star = "*" if bound is run.bounds.binding else ""
            return f"{star}{bound.us:.2f} us, {run.bounds.ratio(bound):.1%}"
    return "-"


def _print_gap(console: Console, best: Best) -> None:
    if best.gap is None:
        return
    table = new_table("What makes the difference")
    table.add_column("Part", overflow="fold")
    for heading in ("us", "% of baseline", "least", "most"):
        table.add_column(heading, justify="right", no_wrap=True)
    for part in best.gap.parts:
        table.add_row(
            part.factor,
            f"{part.us:+.2f}",
            f"{100 * part.us / best.gap.first_us:+.1f}",
            f"{part.low_us:+.2f}",
            f"{part.high_us:+.2f}",
        )
    table.caption = "averaged over all orders of the changes; least and most: in any order"
    console.print(table)


def _print_trust(console: Console, tuning: Tuning, best: Best) -> None:
    """Whether the numbers are right, whether anything orders the tasks, how good the model is."""
    checked = best.checked
    if checked is None:
        print_line(console, f"Numbers: not checked, {best.unchecked}", "yellow")
    else:
        size = "at full size" if checked.is_full_size else "at a smaller size"
        print_line(console, f"Numbers, {size}, against {checked.against}: {checked.name}")
        print_matches(console, checked.matches)
        tolerances = checked.tolerances
        print_line(
            console,
            f"  program order, rtol {tolerances.rtol:g}, atol {tolerances.atol:g}; "
            f"{checked.seconds:.1f} s",
        )
    style = "red" if best.screened.met else ""
    print_line(console, f"Hazards: {best.screened.told}", style)
    if tuning.baseline is not None:
        print_line(console, f"  of the baseline: {tuning.baseline.told}")
    _print_shapes(console, best.screened.run)
    print_caveat(console, best.screened.run)
    uncertainty = best.screened.run.setup.device.uncertainty.cube_serial_percent
    gain = tuning.gain_percent
    if gain is not None and 0.0 < gain < uncertainty:
        print_line(console, "The gain is smaller than that: measure before relying on it.", "dim")


def _print_shapes(console: Console, run: Run) -> None:
    """Whether the model was validated for what the kernels do."""
    kernels = run.graph.kernels
    outside = outside_validated(kernels)
    if outside:
        print_line(console, "Shapes for which the model was not validated:", "yellow")
        for line in outside:
            print_line(console, f"  {line}", "yellow")
    elif any(kernel.core is CoreType.AIC for kernel in kernels):
        print_line(console, "Cube kernels have shapes for which the model was validated.")
    if any(map(is_pipelined, kernels)):
        print_line(
            console,
            "Some loops are pipelined: the on-chip figures count each of their tiles once, and "
            "the device may hold it twice.",
            "yellow",
        )
