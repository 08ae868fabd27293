"""The verbs check and capacity."""

from __future__ import annotations

from typing import Annotated

import typer

from devices.errors import InputError, unknown_name
from runtime.hazards import Kind
from runtime.numerics.orders import Order
from tilesim.arguments import Json, Name, Options, starting_with, takes_options
from tilesim.capacity_report import capacity_records, print_capacity
from tilesim.check import capacity_of, check
from tilesim.check_report import check_record, print_check
from tilesim.console import output_console
from tilesim.outputs import print_json
from tilesim.progress import progress
from tilesim.replay import replay
from tilesim.report import print_overflows

__all__ = ["check_workload", "show_capacity"]


@takes_options
def check_workload(
    workload: Name,
    options: Options,
    order: Annotated[
        str,
        typer.Option(
            "--order",
            "-o",
            metavar="|".join(Order),
            help="Order of the tasks in the numeric run: as submitted, as a simulated run finishes "
            "them, at random, or the latest ready one first.",
            autocompletion=starting_with(lambda: list(Order)),
        ),
    ] = Order.PROGRAM.value,
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
    pairs: Annotated[
        int, typer.Option(min=0, metavar="N", help="List so many pairs of each hazard.")
    ] = 0,
    capacity: Annotated[
        bool, typer.Option("--capacity", help="Print the table of on-chip memory, too.")
    ] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail if there is any hazard, too.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Compute a workload's numbers, find its hazards, and see whether its kernels fit on chip.

    Ends with exit code 1 if an output does not match or a kernel does not fit.

    Examples: `tilesim check qwen3-scope3-restructured --order simulated`,
    `tilesim check qwen3-scope3-restructured --set hidden=1024 intermediate=2048 --order adversarial
    --repair raw,waw,war`
    """
    name, settings = options.workload(workload, "check")
    with progress() as report:
        found = check(
            name,
            settings,
            options.setup("check"),
            order=_read_order(order),
            seed=options.seed,
            rtol=rtol,
            atol=atol,
            repair=_read_kinds(repair),
            report=report,
        )
    if as_json:
        print_json(check_record(found))
    else:
        console = output_console()
        print_check(console, found, pairs)
        if capacity:
            print_capacity(console, found.run, found.capacity)
        else:
            print_overflows(console, found.run)
    if not found.passes or (strict and found.hazards.found):
        raise typer.Exit(1)


@takes_options
def show_capacity(workload: Name, options: Options, as_json: Json = False) -> None:
    """Show what each kernel takes of the on-chip memories, against the device's limits.

    Ends with exit code 1 if a kernel does not fit.

    Examples: `tilesim capacity qwen3-scope3-restructured`,
    `tilesim capacity qwen3-scope3-resident --json`
    """
    name, settings = options.workload(workload, "capacity")
    with progress() as report:
        run = replay(name, settings, options.setup("capacity"), report)
    capacity = capacity_of(run)
    if as_json:
        print_json(capacity_records(capacity))
    else:
        print_capacity(output_console(), run, capacity)
    if run.overflows:
        raise typer.Exit(1)


def _read_order(text: str) -> Order:
    if text not in list(Order):
        raise unknown_name("order", text, list(Order))
    return Order(text)


def _read_kinds(text: str | None) -> list[Kind]:
    kinds = [] if text is None else [part.strip().lower() for part in text.split(",")]
    for kind in kinds:
        if kind not in list(Kind):
            raise InputError(f"--repair takes {', '.join(Kind)}, not {kind!r}")
    return [Kind(kind) for kind in kinds]
