"""The verb sweep."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from devices.errors import InputError, unknown_name
from tilesim.arguments import Json, Name, Options, takes_options
from tilesim.completion import complete_axis, starting_with
from tilesim.console import output_console
from tilesim.file_arguments import file_arguments
from tilesim.outputs import check_outputs, print_json
from tilesim.points import FIGURES, Origin, Row
from tilesim.progress import counted_progress
from tilesim.sweep import SweepTable, run_sweep
from tilesim.sweep_files import check_results
from tilesim.sweep_picture import check_picture, draw_table
from tilesim.sweep_plan import Plan, make_plan
from tilesim.sweep_report import plan_record, print_sweep_table

__all__ = ["INTERRUPTED", "sweep_workload"]

INTERRUPTED = 130
"""Exit code after Ctrl-C, as shells have it: 128 and the number of the signal."""


@takes_options
def sweep_workload(
    workload: Name,
    options: Options,
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary",
            "-v",
            metavar="NAME=VALUES",
            help="What to vary: a parameter of the workload, policy, runtime.KEY, device.KEY and "
            "others; values a,b,c or FIRST:LAST or FIRST:LAST:STEP. Repeat it for more axes.",
            autocompletion=complete_axis,
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            help="Processes; 0 runs everything in this one.",
            show_default="one for each core",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help="Run on a Dask cluster instead, by the address of its scheduler: "
            "tcp://10.0.0.1:8786.",
            show_default="this machine",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Write the rows: .parquet, .csv, .csv.gz or .jsonl. The same command goes on "
            "where an interrupted one has ended.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw lines, or a heat map of two axes: .png, .svg or .pdf."),
    ] = None,
    figure: Annotated[
        str,
        typer.Option(
            metavar="NAME",
            help="What to draw, by its name in --json.",
            autocompletion=starting_with(lambda: list(FIGURES)),
        ),
    ] = "wall_clock_us",
    as_json: Json = False,
) -> None:
    """Run a workload at every point of a product of axes.

    A point that cannot run says so in its row and stops nothing; the exit code is 1 if all fail.
    Ctrl-C keeps what is done, and gives exit code 130.

    Examples: `tilesim sweep qwen3-scope3-restructured --vary policy=runtime,heft
    --vary runtime.scheduler_threads=1:6`,
    `tilesim sweep qwen3-scope3-restructured --vary hidden=5120,8192 --out sizes.parquet`,
    `tilesim sweep bgemm -v groups=100:1000:100 -v policy=runtime,lifo --plot bgemm.png`
    """
    plan = _plan(workload, options, vary or [])
    _check(plan, jobs, cluster, out, plot, figure)
    table, interrupted = _run(plan, jobs, cluster, out)
    if plot is not None and not interrupted:
        draw_table(table, plan, figure, plot)
    if as_json:
        print_json(plan_record(plan, table))
    else:
        print_sweep_table(output_console(), plan, table)
    _end(plan, table, out, interrupted=interrupted)


def _plan(words: list[str], options: Options, vary: list[str]) -> Plan:
    names, settings = options.workloads(words)
    if len(names) != 1:
        raise InputError(f"sweep takes one workload, not {len(names)}")
    origin = Origin(
        names[0],
        options.call,
        file_arguments(),
        tuple(options.inputs or ()),
        tuple(options.assume or ()),
    )
    return make_plan(origin, vary, settings, options.words(), "--vary")


def _check(
    plan: Plan,
    jobs: int | None,
    cluster: str | None,
    out: Path | None,
    plot: Path | None,
    figure: str,
) -> None:
    """Refuse what could not be done at the end, before anything runs."""
    if jobs is not None and jobs < 0:
        raise InputError(f"--jobs is the number of processes, 0 for none but this, not {jobs}")
    if jobs is not None and cluster is not None:
        raise InputError("--jobs is for this machine; a cluster has as many workers as it has")
    if out is not None:
        check_results(out)
    if figure not in FIGURES or figure == "binding":
        raise unknown_name("figure", figure, [name for name in FIGURES if name != "binding"])
    if plot is not None:
        check_outputs(pictures=[plot])
        check_picture(plan)


def _run(
    plan: Plan, jobs: int | None, cluster: str | None, out: Path | None
) -> tuple[SweepTable, bool]:
    """Run it, and show how far it is."""
    failed = 0

    def said(*rows: Row) -> str:
        nonlocal failed
        failed += sum(row.error is not None for row in rows)
        return f"{failed} failed" if failed else ""

    with counted_progress(plan.count) as counter:

        def go_on(rows: Sequence[Row]) -> None:
            counter.skip(len(rows), said(*rows))

        def tell(row: Row) -> None:
            counter.advance(said(row))

        return run_sweep(plan, jobs, cluster, out, tell, go_on)


def _end(plan: Plan, table: SweepTable, out: Path | None, *, interrupted: bool) -> None:
    """Say how to go on, and give the exit code."""
    if interrupted:
        kept = f"{len(table)} of {plan.count} points are done"
        how = (
            "give --out FILE to keep them and go on from there"
            if out is None
            else f"they are in {out}; the same command goes on with the others"
        )
        typer.echo(f"interrupted: {kept}; {how}", err=True)
        raise typer.Exit(INTERRUPTED)
    if len(table.failed) == len(table):
        typer.echo("every point has failed", err=True)
        raise typer.Exit(1)
