"""The verb replay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from devices.errors import InputError
from runtime.bounds import Bounds
from tilesim.arguments import Gantt, Json, Name, Options, Repeat, Window, takes_options
from tilesim.console import output_console
from tilesim.options import read_window
from tilesim.outputs import check_outputs, plots, print_json
from tilesim.policy_report import print_bounds
from tilesim.progress import progress
from tilesim.records import run_record
from tilesim.repeats import repeat
from tilesim.repeats_report import print_repeats, repeats_record
from tilesim.replay import recorded, replay
from tilesim.report import print_caveat, print_run
from tilesim.ring_report import print_rings

__all__ = ["bound_lines", "replay_workload"]


@takes_options
def replay_workload(
    workload: Name,
    options: Options,
    gantt: Gantt = None,
    window: Window = None,
    trace: Annotated[
        Path | None,
        typer.Option(
            "--trace",
            "-t",
            help="Write a trace: Chrome's (.json, .json.gz) or Perfetto's (.pftrace).",
        ),
    ] = None,
    as_recorded: Annotated[
        bool, typer.Option("--recorded", help="Show a recorded run as it is, not run again.")
    ] = False,
    repeats: Repeat = 0,
    as_json: Json = False,
) -> None:
    """Run one workload in simulated time.

    A recorded run runs again with its kernel times, on any device, runtime and policy.

    Examples: `tilesim replay qwen3-scope3-restructured --set hidden=5120`,
    `tilesim replay qwen3-scope3-baseline --dependencies tile --gantt run.png --window 0:500`,
    `tilesim replay qwen3-scope3-restructured --repeat 20 --seed 1`,
    `tilesim replay perf_swimlane_1.json --runtime-set scheduler_threads=2`
    """
    source, settings = options.workload(workload, "replay")
    setup = options.setup("replay")
    drawn = read_window(window)
    if drawn is not None and gantt is None:
        raise InputError("--window is for --gantt; say where to draw: --gantt FILE.png")
    check_outputs(pictures=[gantt], traces=[trace])
    if as_recorded and repeats:
        raise InputError("--repeat adds noise to simulated runs; leave out --recorded")
    with progress() as report:
        if as_recorded:
            source.parameters(settings)
            run = recorded(source, setup, report)
        else:
            run = replay(source, settings, setup, report)
        if gantt is not None:
            report(f"drawing {gantt}")
            plots().draw_gantt(
                run.trace,
                gantt,
                window=drawn,
                title=run.full_name,
                bounds=bound_lines(run.bounds),
                rings=run.rings,
            )
        if trace is not None:
            report(f"writing {trace}")
            plots().write_trace(run.trace, trace)
        repeated = repeat([run], repeats, options.seed, report) if repeats else ()
    if as_json:
        noisy = {"repeats": repeats_record(repeated)} if repeated else {}
        print_json({**run_record(run), **noisy})
    else:
        console = output_console()
        print_run(console, run)
        print_rings(console, run.rings)
        print_bounds(console, run.bounds)
        if repeated:
            print_repeats(console, repeated)
        print_caveat(console, run)


def bound_lines(bounds: Bounds) -> list[object]:
    """The path, chain and area bounds, to be drawn over a run."""
    return [
        plots().BoundLine(bound.name, bound.us)
        for bound in bounds.all
        if bound.kernel_us is not None
    ]
