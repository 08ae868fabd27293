"""Versions of the runtime as tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Console

from runtime.version import RuntimeVersion, own_keys
from tilesim.console import new_table
from tilesim.report import sourced

__all__ = ["print_runtime", "print_runtimes"]

_WORDS = ("name", "description", "source", "calibration")
_KEPT = "*"


def print_runtimes(console: Console, versions: Sequence[RuntimeVersion]) -> None:
    """Print what differs between versions, and mark what one has taken over from its base."""
    for version in versions:
        console.print(f"{version.name}: {version.description}", highlight=False)
    figures = [dict(_figures(msgspec.to_builtins(version), "")) for version in versions]
    own = [own_keys(version.name) for version in versions]
    table = new_table("What differs")
    table.add_column("Key", no_wrap=True)
    for version in versions:
        table.add_column(version.name.replace("-", "-\n", 1), justify="right")
    for key in figures[0]:
        values = [each[key] for each in figures]
        if len(set(map(str, values))) > 1:
            table.add_row(
                key,
                *(
                    _shown(value) + ("" if key in keys else _KEPT)
                    for value, keys in zip(values, own, strict=True)
                ),
            )
    table.caption = (
        f"{_KEPT} taken over from the version that the description is based on, as nothing else "
        "was published; tilesim runtimes RUNTIME shows all figures with their sources"
    )
    console.print(table)


def print_runtime(console: Console, version: RuntimeVersion) -> None:
    """Print all figures of a version, constants with their range and source."""
    table = new_table(f"{version.name}: {version.description}")
    table.add_column("Key", no_wrap=True)
    table.add_column("Value", justify="right")
    table.add_column("Range", no_wrap=True)
    table.add_column("Source")
    builtins = msgspec.to_builtins(version)
    for key, value in _figures(builtins, ""):
        constant: Any = builtins
        for part in key.split("."):
            constant = constant[part]
        if isinstance(constant, Mapping):
            low, high = constant["range"]
            source = sourced(key, value, constant["source"], version.calibration)
            table.add_row(key, _shown(value), f"{low:g} to {high:g}", source)
        else:
            table.add_row(key, _shown(value), "", version.source)
    console.print(table)


def _figures(table: Mapping[str, Any], key: str) -> Iterator[tuple[str, Any]]:
    """Every figure by its dotted key."""
    for name, value in table.items():
        dotted = f"{key}.{name}" if key else name
        if dotted in _WORDS:
            continue
        if isinstance(value, Mapping) and "value" in value:
            yield dotted, value["value"]
        elif isinstance(value, Mapping):
            yield from _figures(value, dotted)
        else:
            yield dotted, value


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
