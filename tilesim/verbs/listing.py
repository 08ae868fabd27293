"""Verbs that list what there is to name."""

from __future__ import annotations

from typing import Annotated

import msgspec
import typer

from devices.device import available_devices, load_device
from runtime.version import available_runtimes, load_runtime
from tilesim.arguments import Json
from tilesim.completion import starting_with
from tilesim.console import output_console
from tilesim.options import read_choice
from tilesim.outputs import print_json
from tilesim.policies import policy_names
from tilesim.policy_report import policy_records, print_policies
from tilesim.report import print_devices, print_workloads
from tilesim.runtime_report import print_runtime, print_runtimes
from workloads.catalogue import WORKLOADS
from workloads.workload import Group

__all__ = ["list_devices", "list_policies", "list_runtimes", "list_workloads"]


def list_workloads(
    group: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help=f"Only the workloads of one group: {', '.join(Group)}.",
            autocompletion=starting_with(lambda: list(Group)),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the workloads with their parameters, group by group.

    Examples: `tilesim list --group models`, `tilesim list --json`
    """
    groups = list(Group) if group is None else [read_choice(group, Group, "--group")]
    workloads = [w for one in groups for w in WORKLOADS.values() if w.group is one]
    if as_json:
        print_json(
            [
                {
                    "name": w.name,
                    "group": w.group,
                    "summary": w.summary,
                    "parameters": dict(w.defaults),
                }
                for w in workloads
            ]
        )
    else:
        print_workloads(output_console(), workloads)


def list_devices(as_json: Json = False) -> None:
    """Show the devices: cores, buffers, memory, and every constant of the time model.

    Example: `tilesim devices`
    """
    devices = [load_device(name) for name in available_devices()]
    if as_json:
        print_json([msgspec.to_builtins(device) for device in devices])
    else:
        print_devices(output_console(), devices)


def list_runtimes(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[RUNTIME]",
            help="Show all figures of this one, with their sources.",
            autocompletion=starting_with(available_runtimes),
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """List the versions of the runtime with what differs between them.

    Examples: `tilesim runtimes`, `tilesim runtimes tmr-2026-08`
    """
    names = available_runtimes() if name is None else [name]
    versions = [load_runtime(version) for version in names]
    if as_json:
        print_json([msgspec.to_builtins(version) for version in versions])
    elif name is None:
        print_runtimes(output_console(), versions)
    else:
        print_runtime(output_console(), versions[0])


def list_policies(as_json: Json = False) -> None:
    """List the scheduling policies with their rules and parameters.

    Example: `tilesim policies`
    """
    records = policy_records(policy_names())
    if as_json:
        print_json(records)
    else:
        print_policies(output_console(), records)
