"""What verbs do with their results besides printing tables: JSON, and files that are drawn."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import typer

from devices.errors import InputError
from workloads.files import check_writable, write_file

__all__ = ["check_outputs", "make_folder", "plots", "print_json", "write_text"]


def plots() -> ModuleType:
    """Import the drawing floor: only where something is drawn, for matplotlib is slow to load."""
    return import_module("plots")


def check_outputs(
    pictures: Sequence[Path | None] = (),
    traces: Sequence[Path | None] = (),
    descriptions: Sequence[Path | None] = (),
) -> None:
    """Refuse what cannot be written before anything runs.

    Raises
    ------
    InputError
        The ending of a file is not known, or its folder cannot be written to.
    """
    for picture in filter(None, pictures):
        check_writable(picture, plots().PICTURE_ENDINGS)
    for trace in filter(None, traces):
        check_writable(trace, plots().TRACE_ENDINGS)
    for description in filter(None, descriptions):
        check_writable(description, (".toml",))


def write_text(path: Path, text: str) -> None:
    """Write a text file whole, or not at all.

    Raises
    ------
    InputError
        It cannot be written.
    """

    def write(temporary: Path) -> None:
        temporary.write_text(text, encoding="utf-8")

    write_file(path, write)


def make_folder(folder: Path) -> None:
    """Make a folder if it is missing.

    Raises
    ------
    InputError
        It cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}") from error


def print_json(value: Any) -> None:
    """Print a plain value."""
    typer.echo(json.dumps(value, indent=2, allow_nan=False))
