"""The verbs validate and calibrate."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from devices.device import load_device
from runtime.version import load_runtime
from tilesim.arguments import DeviceName, Json
from tilesim.calibration import calibrate
from tilesim.calibration_files import write_calibrated
from tilesim.calibration_report import calibration_record, print_calibration
from tilesim.console import output_console
from tilesim.outputs import check_outputs, plots, print_json
from tilesim.progress import progress
from tilesim.setup import DEFAULT_DEVICE, DEFAULT_RUNTIME
from tilesim.validation import validate
from tilesim.validation_report import print_validation, validation_record
from workloads.published import FIGURES, load_published

__all__ = ["calibrate_constants", "validate_model"]

Data = Annotated[
    Path | None,
    typer.Option(
        "--data",
        metavar="FILE",
        help="Published figures, a TOML file.",
        show_default="those that come with tilesim",
    ),
]


def validate_model(
    device: DeviceName = DEFAULT_DEVICE,
    data: Data = None,
    plot: Annotated[
        Path | None,
        typer.Option("--plot", help="Draw simulated over published: .png, .svg or .pdf."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Run every published case and show how far the simulation is off.

    Examples: `tilesim validate`, `tilesim validate --plot accuracy.png`
    """
    published, described = load_published(data), load_device(device)
    check_outputs(pictures=[plot])
    with progress() as report:
        validation = validate(published, described, report)
        if plot is not None:
            report(f"drawing {plot}")
            points = [
                plots().Accuracy(FIGURES[row.figure], row.published_us, row.simulated_us)
                for row in validation.rows
            ]
            plots().draw_accuracy(points, plot)
    if as_json:
        print_json(validation_record(validation))
    else:
        print_validation(output_console(), validation)


def calibrate_constants(
    device: DeviceName = DEFAULT_DEVICE,
    runtime: Annotated[
        str, typer.Option("--runtime", "-r", metavar="NAME", help="Runtime to start from.")
    ] = DEFAULT_RUNTIME,
    data: Data = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Write the device with the fitted constants: .toml."),
    ] = None,
    runtime_out: Annotated[
        Path | None,
        typer.Option(help="Write the runtime with the fitted constants: .toml."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit the free constants of the model to published figures, within their evidence ranges.

    Takes some minutes. docs/calibration.md tells what is fitted, to what, and how.

    Examples: `tilesim calibrate`, `tilesim calibrate --out mine.toml --runtime-out my-runtime.toml`
    """
    published, described = load_published(data), load_device(device)
    version = load_runtime(runtime)
    check_outputs(descriptions=[out, runtime_out])
    with progress() as report:
        fitted = calibrate(published, described, version, report)
    if out is not None:
        write_calibrated(out, device, described, fitted, date.today())
    if runtime_out is not None:
        write_calibrated(runtime_out, runtime, version, fitted, date.today())
    if as_json:
        print_json(calibration_record(fitted))
    else:
        print_calibration(output_console(), fitted)
