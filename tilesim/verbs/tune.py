"""The verb tune."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from devices.errors import InputError
from tilesim.arguments import Json, Name, Options, takes_options
from tilesim.completion import complete_axis, starting_with
from tilesim.console import output_console
from tilesim.feasibility import Fit
from tilesim.file_arguments import file_arguments
from tilesim.journal import Journal
from tilesim.objective import NUMERIC_FIGURES
from tilesim.options import read_choice, read_settings
from tilesim.outputs import check_outputs, print_json
from tilesim.points import Origin
from tilesim.progress import progress
from tilesim.search_space import SearchSpace, make_space
from tilesim.sweep import table_of
from tilesim.sweep_files import check_results, write_results
from tilesim.tuner import tune_space
from tilesim.tuning import Tuning
from tilesim.tuning_choices import Choices, Numbers
from tilesim.tuning_record import draw_tuning, tuning_record
from tilesim.tuning_report import print_tuning
from tilesim.verbs.sweep import INTERRUPTED

__all__ = ["tune_workload"]


@takes_options
def tune_workload(
    workload: Name,
    options: Options,
    over: Annotated[
        list[str] | None,
        typer.Option(
            "--over",
            metavar="NAME=VALUES",
            help="What may be chosen: a parameter of the workload, lowering, policy and others; "
            "values a,b,c or FIRST:LAST or FIRST:LAST:STEP, of which those that divide nothing "
            "are left out. Repeat it for more axes.",
            autocompletion=complete_axis,
        ),
    ] = None,
    objective: Annotated[
        str,
        typer.Option(
            metavar="FIGURE",
            help="What is to be small, by its name in the JSON of replay; FIGURE:max or -FIGURE, "
            "large.",
            autocompletion=starting_with(lambda: list(NUMERIC_FIGURES)),
        ),
    ] = "wall_clock_us",
    budget: Annotated[
        int,
        typer.Option(
            "--budget",
            "-b",
            metavar="N",
            help="Points that may be simulated; if more can run, Optuna proposes which.",
        ),
    ] = 200,
    jobs: Annotated[
        int | None,
        typer.Option(
            "--jobs",
            metavar="N",
            help="Processes; 0 runs everything in this one. The result is the same with any.",
            show_default="one for each core",
        ),
    ] = None,
    fit: Annotated[
        str,
        typer.Option(
            metavar="|".join(Fit),
            help="A kernel fits on chip if what the compiler of April 2026 allocates does, or if "
            "what is alive at one time does.",
            autocompletion=starting_with(lambda: list(Fit)),
        ),
    ] = Fit.ALLOCATED.value,
    allow_races: Annotated[
        bool,
        typer.Option(
            "--allow-races",
            help="Choose runs, too, in which tasks overlap that touch the same bytes and that "
            "nothing orders.",
        ),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Whether the best's numbers are computed.")
    ] = True,
    check_set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE",
            help="Parameter of the numeric check alone, where the full size takes too long.",
        ),
    ] = None,
    rtol: Annotated[
        float | None,
        typer.Option(help="Relative tolerance.", show_default="as published, or 1/64"),
    ] = None,
    atol: Annotated[
        float | None,
        typer.Option(help="Absolute tolerance.", show_default="as published, or 1/64"),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Write the rows of all points that ran: .parquet, .csv, .csv.gz or .jsonl. The "
            "same command goes on where an interrupted one has ended.",
        ),
    ] = None,
    plot: Annotated[
        Path | None,
        typer.Option(help="Draw wall-clock against on-chip memory: .png, .svg or .pdf."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Search the parameters with which a workload runs best, and say why they are.

    What cannot run is left out before it is simulated: sizes that do not divide, kernels that do
    not fit on chip, another problem than that of the baseline. The best has its numbers checked,
    and is compared with the baseline: the workload with its defaults and --set.

    Ends with exit code 1 if no point may be chosen, and 130 after Ctrl-C.

    Examples: `tilesim tune qwen3-scope3-restructured --over k_chunk=64,128,256
    --over mlp_chunk=64:512 --plot front.png`,
    `tilesim tune bgemm --over policy=runtime,lifo,fifo --objective avg_latency_us`
    """
    choices = Choices(
        objective, budget, jobs, options.seed, read_choice(fit, Fit, "--fit"), allow_races
    )
    numbers = Numbers(check, read_settings(check_set or []), rtol, atol)
    space = _space(workload, options, over or [])
    if plot is not None:
        check_outputs(pictures=[plot])
    if out is not None:
        check_results(out)
    with ExitStack() as stack:
        journal = None if out is None else stack.enter_context(Journal(out, space.plan))
        report = stack.enter_context(progress())
        try:
            found = tune_space(space, choices, numbers, report, journal)
        except KeyboardInterrupt:
            _end_interrupted(out)
        if out is not None and journal is not None:
            write_results(table_of(space.plan, found.found.rows.values()), out)
            journal.remove()
        if plot is not None and found.front:
            report(f"drawing {plot}")
            draw_tuning(found, plot)
    _show(found, as_json=as_json)


def _space(words: list[str], options: Options, over: list[str]) -> SearchSpace:
    """The axes of the one workload."""
    names, settings = options.workloads(words)
    if len(names) != 1:
        raise InputError(f"tune takes one workload, not {len(names)}")
    given = tuple(options.inputs or ()), tuple(options.assume or ())
    origin = Origin(names[0], options.call, tuple(file_arguments()), *given)
    return make_space(origin, over, settings, options.words())


def _end_interrupted(out: Path | None) -> NoReturn:
    """Say how to go on."""
    how = (
        "give --out FILE to keep what is done"
        if out is None
        else "the same command goes on from what is done"
    )
    typer.echo(f"interrupted: {how}", err=True)
    raise typer.Exit(INTERRUPTED)


def _show(found: Tuning, *, as_json: bool) -> None:
    if as_json:
        print_json(tuning_record(found))
    else:
        print_tuning(output_console(), found)
    if found.best is None:
        raise typer.Exit(1)
