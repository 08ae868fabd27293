"""The command line: ``tilesim VERB``."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.metadata import version
from typing import Annotated

import typer
from rich.console import Console

from devices.errors import InputError
from tilesim.file_arguments import FileCommand
from tilesim.policies import failed_in_policy
from tilesim.verbs.check import check_workload, show_capacity
from tilesim.verbs.compare import compare_workloads, demo
from tilesim.verbs.explain import explain_workload
from tilesim.verbs.export import export_run
from tilesim.verbs.listing import list_devices, list_policies, list_runtimes, list_workloads
from tilesim.verbs.replay import replay_workload
from tilesim.verbs.run import run_file
from tilesim.verbs.sweep import sweep_workload
from tilesim.verbs.tune import tune_workload
from tilesim.verbs.validate import calibrate_constants, validate_model
from tilesim.verbs.whatif import ask_what_if

__all__ = ["app", "main"]

app = typer.Typer(
    name="tilesim",
    help="Task-graph runtime and scheduler simulator for Ascend a2a3.",
    epilog="Examples: `tilesim list`, `tilesim replay qwen3-scope3-restructured --gantt run.png`, "
    "`tilesim explain qwen3-scope3-baseline`, `tilesim demo`. Each verb has its own --help.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_VERBS: dict[str, Callable[..., None]] = {
    "list": list_workloads,
    "devices": list_devices,
    "runtimes": list_runtimes,
    "policies": list_policies,
    "replay": replay_workload,
    "run": run_file,
    "compare": compare_workloads,
    "explain": explain_workload,
    "whatif": ask_what_if,
    "sweep": sweep_workload,
    "tune": tune_workload,
    "check": check_workload,
    "capacity": show_capacity,
    "export": export_run,
    "validate": validate_model,
    "calibrate": calibrate_constants,
    "demo": demo,
}
for _name, _verb in _VERBS.items():
    app.command(_name, cls=FileCommand)(_verb)


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


def main() -> None:
    """Run the command line; bad input ends it with one message and exit code 2."""
    try:
        app()
    except InputError as error:
        _end(str(error))
    except Exception as error:
        told = failed_in_policy(error)
        if told is not None:
            _end(str(told))
        if isinstance(error, MemoryError):
            _end("memory ran out; give smaller sizes with --set or --input")
        if isinstance(error, OSError):  # a full disk behind standard output, for instance
            _end(f"cannot write the output: {error.strerror}")
        raise


def _end(message: str) -> None:
    message = " ".join(message.split())  # one line, whatever a foreign error says
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    console.print(f"error: {message}", style="red", soft_wrap=True)
    sys.exit(2)
