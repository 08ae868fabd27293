"""The arguments and options that several verbs share."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer

from devices.description import with_values
from devices.device import available_devices, load_device
from devices.errors import InputError
from runtime.dependencies import Dependencies
from runtime.estimates import Estimates
from runtime.language import Lowering
from runtime.version import available_runtimes, load_runtime
from tilesim.assumptions import read_assumptions
from tilesim.completion import complete_source, starting_with
from tilesim.file_arguments import file_arguments
from tilesim.ideals import IDEALS, idealized, read_ideals
from tilesim.input_values import read_inputs
from tilesim.options import (
    read_choice,
    read_constants,
    read_dependencies,
    read_lookup_cap,
    read_names,
    read_priorities,
    read_settings,
    split_settings,
)
from tilesim.policies import policy_names, read_policies
from tilesim.setup import DEFAULT_DEVICE, DEFAULT_RUNTIME, Setup
from tilesim.setup_words import SETUP_WORDS, Value, read_value
from tilesim.sources import Subject, find_source

__all__ = [
    "Call",
    "DeviceName",
    "Gantt",
    "Inputs",
    "Json",
    "Name",
    "Names",
    "Options",
    "Repeat",
    "Settings",
    "Window",
    "takes_options",
]


def _workload(help_text: str) -> Any:
    return typer.Argument(
        metavar="WORKLOAD",
        help=help_text,
        autocompletion=complete_source,
        show_default=False,
    )


_SOURCE = (
    "by name (`tilesim list` shows them); or a program file, which is executed: FILE.py, or "
    "REVISION:FILE.py in a git repository; or a file or folder of a trace or graph"
)
Names = Annotated[list[str], _workload(f"Workloads {_SOURCE}.")]
Name = Annotated[list[str], _workload(f"Workload {_SOURCE}.")]
Gantt = Annotated[
    Path | None,
    typer.Option("--gantt", "-g", help="Draw a Gantt chart: .png, .svg or .pdf."),
]
Window = Annotated[
    str | None,
    typer.Option(metavar="BEGIN:END", help="Part of the run to draw, in us: 0:500."),
]
Repeat = Annotated[
    int,
    typer.Option(
        "--repeat",
        metavar="N",
        min=0,
        help="Also run it N times with noise (of --seed): median and 5th to 95th percentile.",
    ),
]
Json = Annotated[bool, typer.Option("--json", "-j", help="Print JSON instead of tables.")]

Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        "-s",
        metavar="NAME=VALUE",
        help="Parameter of the workload; repeat it, or write several after one another.",
    ),
]
Call = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="The program in a FILE.py, or the function that builds it, where it has several.",
        show_default="the only one",
    ),
]
Inputs = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="NAME=VALUE",
        help="What a tensor or scalar holds that the program's control flow reads: a number for "
        "all elements, or FILE.npy.",
        show_default="as the workload or the file's tensor specs have it",
    ),
]
DeviceName = Annotated[
    str,
    typer.Option(
        "--device",
        "-d",
        help="Device by name, or a TOML file.",
        autocompletion=starting_with(available_devices),
    ),
]


@dataclass(frozen=True)
class Options:
    """The options that say how large a workload is, and what it runs on."""

    settings: Settings = None
    call: Call = None
    inputs: Inputs = None
    assume: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=VALUE",
            help="What the file of a recording does not say: core=aic, core.PREFIX=aic for "
            "kernels whose names begin so, time=ATTRIBUTE and unit_us=NUMBER of a graph; "
            "names=FILE and deps=FILE of a swimlane.",
        ),
    ] = None
    device: DeviceName = DEFAULT_DEVICE
    runtime: Annotated[
        str,
        typer.Option(
            "--runtime",
            "-r",
            metavar="NAME[,NAME]",
            help="Runtime version by name (`tilesim runtimes` shows them), or a TOML file.",
            autocompletion=starting_with(available_runtimes),
        ),
    ] = DEFAULT_RUNTIME
    device_set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=NUMBER",
            help="Another value of a figure of the device, by its key in the TOML file: "
            "cores.clusters=20.",
        ),
    ] = None
    runtime_set: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KEY=NUMBER",
            help="Another value of a figure of the runtime, likewise: scheduler_threads=4.",
        ),
    ] = None
    policy: Annotated[
        str,
        typer.Option(
            "--policy",
            "-p",
            metavar="NAME[,NAME]",
            help="Scheduling policy by name (`tilesim policies` shows them), with parameters as in "
            "random[seed=3]; or FILE.py:CLASS, whose file is run.",
            autocompletion=starting_with(policy_names),
        ),
    ] = "runtime"
    estimate_error: Annotated[
        float,
        typer.Option(
            metavar="SIGMA",
            help="Error of the kernel times that the policy is told (0.3: most within 30 %).",
        ),
    ] = 0.0
    seed: Annotated[
        int,
        typer.Option(
            min=0,
            help="Seed of what is drawn: errors of estimates and noise; in check, inputs and "
            "orders.",
        ),
    ] = 0
    priority: Annotated[
        list[str] | None,
        typer.Option(
            metavar="KERNEL=N",
            help="Priority of a kernel's tasks, the larger the sooner; policies with ranks obey.",
        ),
    ] = None
    dependencies: Annotated[
        str,
        typer.Option(
            metavar="tensor|tile",
            help="Track dependences on the tensors that tasks name, as the runtime does, or on "
            "the bytes that they touch.",
        ),
    ] = "tensor"
    lookup_cap: Annotated[
        str | None,
        typer.Option(
            metavar="N|none",
            help="Most producers that one TensorMap lookup returns.",
            show_default="the runtime's",
        ),
    ] = None
    lowering: Annotated[
        str,
        typer.Option(
            metavar="|".join(Lowering),
            help="Compiler whose rules for the directions of arguments apply, by date.",
            autocompletion=starting_with(lambda: list(Lowering)),
        ),
    ] = Lowering.APRIL.value
    profiling: Annotated[
        bool,
        typer.Option(
            "--profiling/--no-profiling",
            help="Whether the run writes the records that the device tools read.",
        ),
    ] = True

    ideal: Annotated[
        str | None,
        typer.Option(
            metavar="NAME[,NAME]",
            help=f"Set a cost to zero, to see what it could bring: {', '.join(IDEALS)}.",
            show_default="none",
        ),
    ] = None

    def setups(self) -> list[Setup]:
        """What to run on: once for each runtime, each kind of dependences and each policy.

        Raises
        ------
        InputError
            A name, file or value that does not exist or fit.
        """
        ideals = read_ideals(self.ideal)
        device = with_values(
            idealized(load_device(self.device), ideals),
            read_constants(self.device_set or [], "--device-set", "cores.clusters=20"),
        )
        figures = read_constants(self.runtime_set or [], "--runtime-set", "scheduler_threads=4")
        runtimes = [
            with_values(idealized(load_runtime(name), ideals), figures)
            for name in read_names(self.runtime)
        ]
        lowering = read_choice(self.lowering, Lowering, "--lowering")
        kinds: list[Dependencies] = read_dependencies(self.dependencies)
        policies = read_policies(self.policy)
        cap = read_lookup_cap(self.lookup_cap)
        estimates = Estimates(self.estimate_error, self.seed, read_priorities(self.priority or []))
        return [
            Setup(device, runtime, kind, cap, self.profiling, policy, estimates, lowering, ideals)
            for runtime in runtimes
            for kind in kinds
            for policy in policies
        ]

    def setup(self, verb: str) -> Setup:
        """The one setup of a verb that takes one.

        Raises
        ------
        InputError
            There are several; or as `setups`.
        """
        setups = self.setups()
        if len(setups) != 1:
            raise InputError(
                f"{verb} takes one runtime, one policy and one kind of dependences; compare, more"
            )
        return setups[0]

    def words(self) -> dict[str, Value]:
        """The setup in words (`tilesim.setup_words`): what differs from the defaults.

        Raises
        ------
        InputError
            As `setup`.
        """
        self.setup("a sweep")
        usual = Options()
        words: dict[str, Value] = {
            name: read_value(name, str(getattr(self, name)))
            for name in SETUP_WORDS
            if getattr(self, name, None) != getattr(usual, name, None)
        }
        if self.ideal is not None:
            words["ideal"] = self.ideal.replace(",", "+")
        device = read_constants(self.device_set or [], "--device-set", "cores.clusters=20")
        runtime = read_constants(self.runtime_set or [], "--runtime-set", "scheduler_threads=4")
        priorities = read_priorities(self.priority or [])
        return {
            **words,
            **{f"device.{key}": value for key, value in device.items()},
            **{f"runtime.{key}": value for key, value in runtime.items()},
            **{f"priority.{kernel}": value for kernel, value in priorities.items()},
        }

    def workloads(self, words: list[str]) -> tuple[list[str], dict[str, int]]:
        """Names and settings among the positional arguments.

        Raises
        ------
        InputError
            A setting is not of the form ``name=integer``.
        """
        names, given = split_settings(words, self.settings or [])
        return names, read_settings(given)

    def workload(self, words: list[str], verb: str) -> tuple[Subject, dict[str, int]]:
        """The one workload of a verb that takes one, and settings.

        Raises
        ------
        InputError
            There is none, or there are several; or as `source`.
        """
        names, settings = self.workloads(words)
        if len(names) != 1:
            raise InputError(f"{verb} takes one workload, not {len(names)}; compare takes several")
        return self.source(names[0]), settings

    def source(self, name: str) -> Subject:
        """The workload of a name, or what a file holds.

        Raises
        ------
        InputError
            There is none; or an input is not of the form ``name=value``.
        """
        return find_source(
            name,
            self.call,
            file_arguments(),
            read_inputs(self.inputs or []),
            read_assumptions(self.assume or []),
        )


def takes_options(verb: Callable[..., None]) -> Callable[..., None]:
    """Give a verb all options of `Options`, which it gets as its parameter ``options``."""
    hints = get_type_hints(verb, include_extras=True)
    shared_hints = get_type_hints(Options, include_extras=True)
    own = inspect.signature(verb).parameters
    shared = inspect.signature(Options).parameters

    def command(**values: Any) -> None:
        chosen = {name: values.pop(name) for name in shared}
        verb(options=Options(**chosen), **values)

    parameters = []
    for name, parameter in own.items():
        if name == "options":
            parameters += [p.replace(annotation=shared_hints[n]) for n, p in shared.items()]
        else:
            parameters.append(parameter.replace(annotation=hints[name]))
    keyword = inspect.Parameter.KEYWORD_ONLY
    ordered = [parameter.replace(kind=keyword) for parameter in parameters]
    command.__doc__ = verb.__doc__
    command.__name__ = verb.__name__
    command.__signature__ = inspect.Signature(ordered)  # type: ignore[attr-defined]  # typer reads it
    command.__annotations__ = {p.name: p.annotation for p in ordered}
    return command
