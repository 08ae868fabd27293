"""The verb whatif."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from devices.errors import InputError
from tilesim.arguments import Json, Name, Options, takes_options
from tilesim.change_words import CHANGES, read_changes
from tilesim.console import output_console
from tilesim.outputs import check_outputs, plots, print_json
from tilesim.progress import progress
from tilesim.report import print_caveat
from tilesim.whatif import SWEEP_FACTORS, Sweep, saved_percent, sweep_kernel_time, what_if
from tilesim.whatif_report import print_sweep, print_what_if, sweep_record, what_if_record

__all__ = ["ask_what_if"]

_SWEEPS = ("kernel-time",)


def _complete_change(incomplete: str) -> list[str]:
    return [name for name in CHANGES if name.startswith(incomplete)]


@takes_options
def ask_what_if(
    workload: Name,
    options: Options,
    change: Annotated[
        list[str] | None,
        typer.Option(
            "--change",
            "-c",
            metavar="CHANGE",
            help="A change, written as above; repeat it for several.",
            autocompletion=_complete_change,
        ),
    ] = None,
    sweep: Annotated[
        str | None,
        typer.Option(
            metavar="kernel-time",
            help="Scale the time of each kernel by 0.9, 0.75 and 0.5: which is worth optimising?",
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Draw the sweep: .png, .svg or .pdf.")] = None,
    as_json: Json = False,
) -> None:
    """Change graph, kernel times or machine, and see what the run would take.

    Changes:

    - drop-false-edges, or drop-false-edges=KERNEL:KERNEL for one pair

    - fuse=KERNEL:KERNEL, or fuse=KERNEL:KERNEL:aic (or aiv) for kernels of two core types

    - split=KERNEL:N, merge=KERNEL:N

    - scale=KERNEL:FACTOR, or scale=FACTOR for all

    - threads=N, clusters=N, free-submits, second-slot

    - early-dispatch=KERNEL: its consumers lie on their core before they are ready

    - dummy=KERNEL: its tasks wait for one dummy task in place of what comes before them

    - set=CONSTANT:VALUE, by the key of the TOML file: set=costs.dispatch_us:0.3

    Edges and constants change first, then times, tasks and the machine.

    Examples: `tilesim whatif qwen3-scope3-baseline -c drop-false-edges -c free-submits`,
    `tilesim whatif qwen3-scope3-restructured --sweep kernel-time --plot sweep.png`
    """
    source, settings = options.workload(workload, "whatif")
    setup, changes = options.setup("whatif"), read_changes(change or [])
    if sweep is None:
        if not changes:
            raise InputError(f"whatif takes --change ({', '.join(CHANGES)}) or --sweep kernel-time")
        if plot is not None:
            raise InputError("--plot is for --sweep kernel-time")
        with progress() as report:
            result = what_if(source, changes, settings, setup, report)
        if as_json:
            print_json(what_if_record(result))
        else:
            print_what_if(output_console(), result)
            print_caveat(output_console(), result.before)
        return
    if sweep not in _SWEEPS:
        raise InputError(f"--sweep takes {', '.join(_SWEEPS)}, not {sweep!r}")
    check_outputs(pictures=[plot])
    with progress() as report:
        swept = sweep_kernel_time(source, settings, setup, report, changes)
        if plot is not None:
            report(f"drawing {plot}")
            _draw(swept, plot)
    if as_json:
        print_json(sweep_record(swept))
    else:
        print_sweep(output_console(), swept)
        print_caveat(output_console(), swept.run)


def _draw(sweep: Sweep, picture: Path) -> None:
    rows = [
        plots().SweepRow(
            kernel.kernel,
            kernel.core,
            SWEEP_FACTORS,
            tuple(saved_percent(sweep.wall_clock_us, us) for us in kernel.wall_clock_us),
        )
        for kernel in sweep.kernels
    ]
    plots().draw_sweep(sweep.name, rows, picture)
