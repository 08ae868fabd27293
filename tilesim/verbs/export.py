"""The verb export."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from devices.errors import InputError
from tilesim.arguments import Json, Name, Options, takes_options
from tilesim.completion import starting_with
from tilesim.console import output_console
from tilesim.exports import EXPORTS, find_export
from tilesim.outputs import print_json
from tilesim.progress import progress
from tilesim.replay import run_as_known
from workloads.recorded_workload import RecordedWorkload

__all__ = ["export_run"]


@takes_options
def export_run(
    workload: Name,
    options: Options,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="File or folder to write; its ending tells the format."),
    ],
    form: Annotated[
        str | None,
        typer.Option(
            "--format",
            "-f",
            metavar="|".join(EXPORTS),
            help="Format, where the ending fits several.",
            show_default="by the ending",
            autocompletion=starting_with(lambda: list(EXPORTS)),
        ),
    ] = None,
    simulated: Annotated[
        bool,
        typer.Option("--simulated", help="Run a recorded run again, and write that."),
    ] = False,
    as_json: Json = False,
) -> None:
    """Write a run, or its graph with kernel times, for other tools.

    Formats: graph and wfformat, dot, graphml hold the graph; swimlane, swimlane-folder, chrome,
    perfetto and table hold the run. A recorded run is written as it is.

    Examples: `tilesim export qwen3-scope3-restructured -o scope3.json` (or `scope3.npz`),
    `tilesim export qwen3-scope1 -o perf_swimlane_scope1.json`,
    `tilesim export perf_swimlane_1.json -o run.pftrace`,
    `tilesim export bgemm -f swimlane-folder -o bgemm-run`
    """
    source, settings = options.workload(workload, "export")
    setup, export = options.setup("export"), find_export(out, form)
    export.check(out)
    if simulated and not isinstance(source, RecordedWorkload):
        raise InputError("--simulated is for recorded runs; all others are simulated anyway")
    with progress() as report:
        run = run_as_known(source, settings, setup, report, simulated=simulated)
        report(f"writing {out}")
        export.write(run, out)
    what = next(name for name, known in EXPORTS.items() if known is export)
    if as_json:
        print_json(
            {
                "workload": run.workload.name,
                "format": what,
                "out": str(out),
                "tasks": run.graph.task_count,
                "edges": run.graph.edge_count,
                "wall_clock_us": run.statistics.wall_clock_us,
            }
        )
        return
    output_console().print(
        f"{run.full_name}: {run.graph.task_count:,} tasks, {run.graph.edge_count:,} edges, "
        f"{run.statistics.wall_clock_us:.2f} us; written to {out} ({what})",
        highlight=False,
        soft_wrap=True,
    )
