"""The command line: ``tilesim VERB``."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

import typer
from rich.console import Console

from devices.device import available_devices, load_device
from devices.errors import InputError
from runtime.version import available_runtimes
from tilesim.options import (
    read_settings,
    read_setups,
    read_window,
    split_settings,
)
from tilesim.progress import progress
from tilesim.records import comparison_record, run_record
from tilesim.replay import (
    DEFAULT_DEVICE,
    DEFAULT_RUNTIME,
    Run,
    compare,
    differing_parameters,
    replay,
)
from tilesim.report import (
    output_console,
    print_comparison,
    print_devices,
    print_run,
    print_workloads,
)
from workloads.catalogue import WORKLOADS

__all__ = ["app", "main"]

app = typer.Typer(
    name="tilesim",
    help="Task-graph runtime and scheduler simulator for Ascend a2a3.",
    epilog="Examples: `tilesim list`, `tilesim replay qwen3-scope3-restructured --gantt run.png`, "
    "`tilesim demo`. Each verb has its own --help.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _complete_workload(incomplete: str) -> list[str]:
    return [name for name in WORKLOADS if name.startswith(incomplete)]


def _complete_device(incomplete: str) -> list[str]:
    return [name for name in available_devices() if name.startswith(incomplete)]


def _complete_runtime(incomplete: str) -> list[str]:
    return [name for name in available_runtimes() if name.startswith(incomplete)]


Names = Annotated[
    list[str],
    typer.Argument(
        metavar="WORKLOAD...",
        help="Workloads by name (`tilesim list` shows them).",
        autocompletion=_complete_workload,
        show_default=False,
    ),
]
Name = Annotated[
    list[str],
    typer.Argument(
        metavar="WORKLOAD",
        help="Workload by name (`tilesim list` shows them).",
        autocompletion=_complete_workload,
        show_default=False,
    ),
]
Settings = Annotated[
    list[str],
    typer.Option(
        "--set",
        "-s",
        metavar="NAME=VALUE",
        help="Parameter of the workload; repeat it, or write several after one another.",
    ),
]
DeviceName = Annotated[
    str,
    typer.Option(
        "--device",
        "-d",
        help="Device by name, or a TOML file.",
        autocompletion=_complete_device,
    ),
]
RuntimeName = Annotated[
    str,
    typer.Option(
        "--runtime",
        "-r",
        help="Runtime version by name, or a TOML file.",
        autocompletion=_complete_runtime,
    ),
]
LookupCap = Annotated[
    str | None,
    typer.Option(
        "--lookup-cap",
        metavar="N|none",
        help="Most producers that one TensorMap lookup returns.",
        show_default="the runtime's",
    ),
]
Profiling = Annotated[
    bool,
    typer.Option(
        "--profiling/--no-profiling",
        help="Whether the run writes the records that the device tools read.",
    ),
]
Json = Annotated[bool, typer.Option("--json", "-j", help="Print JSON instead of tables.")]


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tilesim {version('tilesim')}")
        raise typer.Exit


@app.callback()
def _common(
    _: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version and exit."
        ),
    ] = False,
) -> None:
    pass


@app.command("list")
def list_workloads(as_json: Json = False) -> None:
    """List the workloads with their parameters.

    Example: `tilesim list --json`
    """
    if as_json:
        _print_json(
            [
                {"name": w.name, "summary": w.summary, "parameters": dict(w.defaults)}
                for w in WORKLOADS.values()
            ]
        )
    else:
        print_workloads(output_console(), WORKLOADS.values())


@app.command("devices")
def list_devices(as_json: Json = False) -> None:
    """Show the devices: cores, buffers, memory, and every constant of the time model.

    Example: `tilesim devices`
    """
    devices = [load_device(name) for name in available_devices()]
    if as_json:
        import msgspec  # noqa: PLC0415 - only here

        _print_json([msgspec.to_builtins(device) for device in devices])
    else:
        print_devices(output_console(), devices)


@app.command("replay")
def replay_workload(
    workload: Name,
    settings: Settings = [],  # noqa: B006 - typer wants a list
    device: DeviceName = DEFAULT_DEVICE,
    runtime: RuntimeName = DEFAULT_RUNTIME,
    dependencies: Annotated[
        str,
        typer.Option(
            metavar="tensor|tile",
            help="Track dependences on the tensors that tasks name, as the runtime does, or on "
            "the bytes that they touch.",
        ),
    ] = "tensor",
    lookup_cap: LookupCap = None,
    profiling: Profiling = True,
    gantt: Annotated[
        Path | None,
        typer.Option("--gantt", "-g", help="Draw a Gantt chart: .png, .svg or .pdf."),
    ] = None,
    window: Annotated[
        str | None,
        typer.Option(metavar="BEGIN:END", help="Part of the run to draw, in us: 0:500."),
    ] = None,
    trace: Annotated[
        Path | None,
        typer.Option("--trace", "-t", help="Write a Chrome trace: .json or .json.gz."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run one workload in simulated time.

    Examples: `tilesim replay qwen3-scope3-restructured --set hidden=5120`,
    `tilesim replay qwen3-scope3-baseline --dependencies tile --gantt run.png --window 0:500`
    """
    names, given = split_settings(workload, settings)
    if len(names) != 1:
        raise InputError(f"replay takes one workload, not {len(names)}; compare takes several")
    setups = read_setups(device, runtime, dependencies, lookup_cap, profiling=profiling)
    if len(setups) != 1:
        raise InputError("replay takes one kind of dependences; compare takes several")
    drawn = read_window(window)
    if drawn is not None and gantt is None:
        raise InputError("--window is for --gantt; say where to draw: --gantt FILE.png")
    _check_outputs(pictures=[gantt], traces=[trace])
    with progress() as report:
        run = replay(names[0], read_settings(given), setups[0], report)
        if gantt is not None:
            report(f"drawing {gantt}")
            _plots().draw_gantt(run.trace, gantt, window=drawn, title=run.full_name)
        if trace is not None:
            report(f"writing {trace}")
            _plots().write_chrome_trace(run.trace, trace)
    if as_json:
        _print_json(run_record(run))
    else:
        print_run(output_console(), run)


@app.command("compare")
def compare_workloads(
    workloads: Names,
    settings: Settings = [],  # noqa: B006 - typer wants a list
    device: DeviceName = DEFAULT_DEVICE,
    runtime: RuntimeName = DEFAULT_RUNTIME,
    dependencies: Annotated[
        str,
        typer.Option(
            metavar="tensor,tile",
            help="Kinds of dependences, separated by commas: each workload runs with each.",
        ),
    ] = "tensor",
    lookup_cap: LookupCap = None,
    profiling: Profiling = True,
    like_for_like: Annotated[
        bool,
        typer.Option(help="Also run workloads of different sizes at each other's sizes."),
    ] = True,
    gantt: Annotated[
        Path | None,
        typer.Option("--gantt", "-g", help="Draw the runs on one time scale: .png, .svg or .pdf."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run several workloads and print them side by side.

    Example: `tilesim compare qwen3-scope3-baseline qwen3-scope3-restructured --gantt both.png`
    """
    names, given = split_settings(workloads, settings)
    if not names:
        raise InputError("compare takes the names of workloads; tilesim list shows them")
    setups = read_setups(device, runtime, dependencies, lookup_cap, profiling=profiling)
    _check_outputs(pictures=[gantt])
    with progress() as report:
        comparison = compare(
            names, read_settings(given), setups, report, like_for_like=like_for_like
        )
        if gantt is not None:
            report(f"drawing {gantt}")
            _draw_comparison(comparison.runs, gantt)
    if as_json:
        _print_json(comparison_record(comparison))
    else:
        print_comparison(output_console(), comparison)


@app.command("demo")
def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the figures; made if missing.")
    ] = Path("tilesim-demo"),
    as_json: Json = False,
) -> None:
    """Show what the published restructuring of Qwen3-32B decode scope 3 did.

    Runs both programs, at their own and at equal sizes, with the dependences that the runtime
    tracks and with those of the accessed tiles, and draws the figures.

    Example: `tilesim demo --out figures`
    """
    _make_folder(out)
    pictures = [out / f"{name}.png" for name in ("comparison", *_DEMO)]
    traces = [out / f"{name}.json.gz" for name in _DEMO]
    _check_outputs(pictures, traces)
    setups = read_setups(DEFAULT_DEVICE, DEFAULT_RUNTIME, "tensor,tile", None, profiling=True)
    with progress() as report:
        comparison = compare(_DEMO, None, setups, report)
        as_run = [run for run in comparison.runs if run.measured is not None]
        report("drawing")
        _draw_comparison(as_run, pictures[0])
        for run, picture, trace in zip(as_run, pictures[1:], traces, strict=True):
            _plots().draw_gantt(run.trace, picture, title=run.full_name)
            _plots().write_chrome_trace(run.trace, trace)
    figures = [*pictures, *traces]
    if as_json:
        _print_json({**comparison_record(comparison), "figures": [str(f) for f in figures]})
    else:
        console = output_console()
        print_comparison(console, comparison)
        console.print("Figures and traces (open the traces in Perfetto):")
        for figure in figures:
            console.print(f"  {figure}", highlight=False, soft_wrap=True)


_DEMO = ("qwen3-scope3-baseline", "qwen3-scope3-restructured")


def _draw_comparison(runs: Sequence[Run], picture: Path) -> None:
    sizes = differing_parameters(runs)
    _plots().draw_comparison([(run.describe(sizes), run.trace) for run in runs], picture)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from error


def _check_outputs(
    pictures: Sequence[Path | None] = (), traces: Sequence[Path | None] = ()
) -> None:
    """Refuse what cannot be written before anything runs."""
    for picture in filter(None, pictures):
        _plots().check_writable(picture, _plots().PICTURE_ENDINGS)
    for trace in filter(None, traces):
        _plots().check_writable(trace, _plots().TRACE_ENDINGS)


def _plots() -> ModuleType:
    """Import the drawing floor: only where something is drawn, for matplotlib is slow to load."""
    return import_module("plots")


def _print_json(value: Any) -> None:
    typer.echo(json.dumps(value, indent=2, allow_nan=False))


def main() -> None:
    """Run the command line; bad input ends it with one message and exit code 2."""
    try:
        app()
    except InputError as error:
        Console(stderr=True).print(
            f"error: {error}", style="red", highlight=False, markup=False, soft_wrap=True
        )
        sys.exit(2)
    except OSError as error:  # a full disk behind standard output, for instance
        Console(stderr=True).print(f"error: cannot write the output: {error.strerror}", style="red")
        sys.exit(2)
