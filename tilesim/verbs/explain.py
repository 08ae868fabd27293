"""The verb explain."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from devices.errors import InputError
from tilesim.arguments import Gantt, Json, Name, Options, Window, takes_options
from tilesim.console import output_console
from tilesim.explain import Difference, Why, explain, explain_against
from tilesim.explain_report import difference_record, print_difference, print_why, why_record
from tilesim.options import read_settings, read_window
from tilesim.outputs import check_outputs, plots, print_json
from tilesim.policy_report import print_bounds
from tilesim.progress import progress
from tilesim.report import print_caveat
from tilesim.verbs.replay import bound_lines
from workloads.recorded_workload import RecordedWorkload

__all__ = ["explain_workload"]


@takes_options
def explain_workload(
    workload: Name,
    options: Options,
    against: Annotated[
        str | None,
        typer.Option(
            "--against", "-a", metavar="WORKLOAD", help="Explain the difference to this workload."
        ),
    ] = None,
    against_set: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=VALUE", help="Parameters of that workload."),
    ] = None,
    path: Annotated[
        int, typer.Option(min=0, metavar="N", help="List so many tasks at both ends of the path.")
    ] = 5,
    simulated: Annotated[
        bool,
        typer.Option("--simulated", help="Explain a recorded run as it runs again, not as it is."),
    ] = False,
    gantt: Gantt = None,
    window: Window = None,
    waterfall: Annotated[
        Path | None,
        typer.Option("--waterfall", "-w", help="Draw the difference in parts: .png, .svg or .pdf."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Split a wall-clock exactly, or the difference between two.

    Examples: `tilesim explain qwen3-scope3-baseline --gantt why.png --window 0:500`,
    `tilesim explain qwen3-scope3-baseline --against qwen3-scope3-restructured -w gap.png`,
    `tilesim explain perf_swimlane_1.json`
    """
    source, settings = options.workload(workload, "explain")
    setup, drawn = options.setup("explain"), read_window(window)
    if simulated and not isinstance(source, RecordedWorkload):
        raise InputError("--simulated is for recorded runs; all others are simulated anyway")
    if drawn is not None and gantt is None:
        raise InputError("--window is for --gantt; say where to draw: --gantt FILE.png")
    if against is None:
        if waterfall is not None or against_set:
            raise InputError("--waterfall and --against-set are for --against WORKLOAD")
        check_outputs(pictures=[gantt])
        with progress() as report:
            why = explain(source, settings, setup, report, simulated=simulated)
            if gantt is not None:
                report(f"drawing {gantt}")
                _draw_path(why, gantt, drawn)
        _print_one(why, path, as_json=as_json)
        return
    if gantt is not None:
        raise InputError("--gantt shows one run; with --against draw --waterfall FILE.png")
    if isinstance(source, RecordedWorkload) and not simulated:
        raise InputError(
            "--against compares runs on one machine, so a recording runs again; say --simulated"
        )
    check_outputs(pictures=[waterfall])
    other = options.source(against), {**settings, **read_settings(against_set or [])}
    with progress() as report:
        difference = explain_against((source, settings), other, setup, report)
        if waterfall is not None:
            report(f"drawing {waterfall}")
            _draw(difference, waterfall)
    if as_json:
        print_json(difference_record(difference))
    else:
        print_difference(output_console(), difference)


def _print_one(why: Why, path: int, *, as_json: bool) -> None:
    if as_json:
        print_json(why_record(why))
        return
    console = output_console()
    print_why(console, why, path)
    print_bounds(console, why.run.bounds)
    print_caveat(console, why.run)


def _draw_path(why: Why, picture: Path, window: tuple[float, float] | None) -> None:
    steps = plots().PathSteps(why.explanation.row)
    lines, title = bound_lines(why.run.bounds), why.run.full_name
    plots().draw_gantt(
        why.run.trace,
        picture,
        window=window,
        title=title,
        bounds=lines,
        steps=steps,
        rings=why.run.rings,
    )


def _draw(difference: Difference, picture: Path) -> None:
    gap = difference.gap
    parts = [plots().Part(p.factor, p.us, p.low_us, p.high_us) for p in gap.parts]
    first, second = difference.names
    plots().draw_waterfall(
        difference.title, (first, gap.first_us), parts, (second, gap.second_us), picture
    )
