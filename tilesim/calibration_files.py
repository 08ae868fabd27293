"""Writing what was fitted into the file of a device or a runtime."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import msgspec
from msgspec import Struct

from devices.description import settings
from tilesim.calibration import Calibration, Parameter
from tilesim.outputs import write_text

__all__ = ["write_calibrated"]


def write_calibrated(
    target: Path, base: str, description: Struct, fitted: Calibration, day: date
) -> None:
    """Write a description with the fitted values in place of its own, over its base.

    The file has what differs from the base, and a table ``calibration`` that tells how it came
    about: day, rows, and for each constant its range, start, sensitivity and correlation.

    Parameters
    ----------
    target : Path
        The file; it is written whole or not at all.
    base : str
        Name or file of the description that the fit started from.
    description : Struct
        That description.
    fitted : Calibration
        The fit.
    day : date
        When it was made.

    Raises
    ------
    InputError
        The file cannot be written.
    """
    own = settings(description)
    parameters = [p for p in fitted.parameters if p.key in own]
    name = getattr(description, "name", target.stem)
    lines = [f"# {name} with constants fitted to published figures.", ""]
    lines += [f"base = {_text(_base(base, target))}", f"name = {_text(target.stem)}"]
    section = ""
    for parameter in parameters:
        table, constant = parameter.key.rsplit(".", 1)
        if table != section:
            lines += ["", f"[{table}]"]
            section = table
        lines.append(f"{constant} = {_rounded(parameter.fitted)}")
    lines += ["", *_calibration_lines(parameters, fitted, day)]
    write_text(target, "\n".join(lines) + "\n")


def _base(base: str, target: Path) -> str:
    """A base as the file names it: relative to its folder, if it is a file itself."""
    return os.path.relpath(base, target.parent) if base.endswith(".toml") else base


def _calibration_lines(parameters: list[Parameter], fitted: Calibration, day: date) -> list[str]:
    """The table ``calibration`` of a description, in TOML."""
    rows = [f"  {_text(f'{row.case}: {row.figure}')}," for row in fitted.rows]
    lines = ["[calibration]", f"date = {_text(day.isoformat())}", "rows = [", *rows, "]"]
    for p in parameters:
        words = [f"low = {p.low}", f"high = {p.high}", f"start = {p.start}"]
        words += [
            f"{name} = {_rounded(getattr(p, name))}"
            for name in ("fitted", "sensitivity", "correlation")
        ]
        words.append(f"partner = {_text(p.partner)}")
        lines += ["", f"[calibration.constants.{_text(p.key)}]", *words]
    return lines


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _text(text: str) -> str:
    return msgspec.json.encode(text).decode()
