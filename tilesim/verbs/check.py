"""The verbs check and capacity."""

from __future__ import annotations

from typing import Annotated

import typer

from devices.device import load_device
from devices.errors import InputError, unknown_name
from runtime.numerics.orders import Order
from runtime.unordered import Kind
from tilesim.arguments import (
    Call,
    DeviceName,
    Inputs,
    Json,
    Name,
    Options,
    Settings,
    takes_options,
)
from tilesim.capacity import capacity
from tilesim.capacity_report import capacity_records, print_capacity
from tilesim.check import check
from tilesim.check_report import check_record, print_check
from tilesim.completion import starting_with
from tilesim.console import output_console
from tilesim.outputs import print_json
from tilesim.progress import progress
from tilesim.setup import DEFAULT_DEVICE

__all__ = ["check_workload", "show_capacity"]


@takes_options
def check_workload(
    workload: Name,
    options: Options,
    order: Annotated[
        str | None,
        typer.Option(
            "--order",
            "-o",
            metavar="|".join(Order),
            help="Order of the tasks in the numeric run: as submitted, as a simulated run ends "
            "them, at random, or the latest ready one first.",
            autocompletion=starting_with(lambda: list(Order)),
            show_default="program; adversarial, where no golden results are known",
        ),
    ] = None,
    rtol: Annotated[
        float | None,
        typer.Option(help="Relative tolerance.", show_default="as published for the workload"),
    ] = None,
    atol: Annotated[
        float | None,
        typer.Option(help="Absolute tolerance.", show_default="as published for the workload"),
    ] = None,
    repair: Annotated[
        str | None,
        typer.Option(
            metavar="KIND[,KIND]",
            help="Add the missing edges of these kinds first: raw, waw, war.",
        ),
    ] = None,
    hazards: Annotated[
        bool,
        typer.Option(
            "--hazards", "-H", help="Look for hazards and overflows only; compute no numbers."
        ),
    ] = False,
    pairs: Annotated[
        int, typer.Option(min=0, metavar="N", help="List so many pairs of each hazard.")
    ] = 0,
    with_capacity: Annotated[
        bool, typer.Option("--capacity", help="Print the table of on-chip memory, too.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if there is any hazard, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compute a workload's numbers, find its hazards, and see whether its kernels fit on chip.

    Where no golden results are known, as for a program file, the numbers of the program's own
    order stand for them.

    Ends with exit code 1 if an output does not match or a kernel does not fit.

    Examples: `tilesim check qwen3-scope3-restructured --order simulated`,
    `tilesim check qwen3-scope3-restructured --set hidden=1024 intermediate=2048 --order adversarial
    --repair raw,waw,war`
    """
    source, settings = options.workload(workload, "check")
    with progress() as report:
        found = check(
            source,
            settings,
            options.setup("check"),
            order=_read_order(order),
            seed=options.seed,
            rtol=rtol,
            atol=atol,
            repair=_read_kinds(repair),
            hazards_only=hazards,
            report=report,
        )
    problems = list(found.problems)
    if strict and found.hazards.found:
        problems.append("there are hazards")
    if as_json:
        print_json(check_record(found))
    else:
        console = output_console()
        print_check(console, found, pairs)
        if with_capacity:
            print_capacity(console, found.run.full_name, found.capacity)
        verdict = f"check failed: {'; '.join(problems)}" if problems else "check passed"
        console.print(
            verdict, style="red" if problems else "green", highlight=False, soft_wrap=True
        )
    if problems:
        raise typer.Exit(1)


def show_capacity(
    workload: Name,
    settings: Settings = None,
    call: Call = None,
    inputs: Inputs = None,
    device: DeviceName = DEFAULT_DEVICE,
    as_json: Json = False,
) -> None:
    """Show what each kernel takes of the on-chip memories, against the device's limits.

    Ends with exit code 1 if a kernel does not fit.

    Examples: `tilesim capacity qwen3-scope3-restructured`,
    `tilesim capacity qwen3-scope3-resident --json`
    """
    source, sizes = Options(settings, call, inputs, device=device).workload(workload, "capacity")
    name = source.name
    with progress() as report:
        report(f"{name}: reading the program")
        found = capacity(source, sizes, load_device(device))
    if as_json:
        print_json(capacity_records(found))
    else:
        console = output_console()
        print_capacity(console, " ".join([name, *(f"{k}={v}" for k, v in sizes.items())]), found)
        for message in found.overflows:
            console.print(message, style="red", highlight=False, soft_wrap=True)
    if found.overflows:
        raise typer.Exit(1)


def _read_order(text: str | None) -> Order | None:
    if text is None:
        return None
    if text not in list(Order):
        raise unknown_name("order", text, list(Order))
    return Order(text)


def _read_kinds(text: str | None) -> list[Kind]:
    kinds = [] if text is None else [part.strip().lower() for part in text.split(",")]
    for kind in kinds:
        if kind not in list(Kind):
            raise InputError(f"--repair takes {', '.join(Kind)}, not {kind!r}")
    return [Kind(kind) for kind in kinds]
