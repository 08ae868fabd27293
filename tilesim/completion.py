"""What the shell offers when a word is completed."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from typer import Context

from tilesim.axes import parameter_names
from tilesim.setup_words import setup_names, word_values
from workloads.catalogue import WORKLOADS
from workloads.formats.graph_files import FORMATS

__all__ = ["complete_axis", "complete_source", "starting_with"]


def starting_with(names: Callable[[], list[str]]) -> Callable[[str], list[str]]:
    """Completion of an option that takes one of some names."""
    return lambda incomplete: [name for name in names() if name.startswith(incomplete)]


def complete_source(incomplete: str) -> list[str]:
    """Workloads, and the files and folders that can stand for one."""
    named = [name for name in WORKLOADS if name.startswith(incomplete)]
    return [*named, *_files(incomplete)]


def complete_axis(ctx: Context, incomplete: str) -> list[str]:
    """Names of axes for the workload on the line, and the values of words that have names."""
    name, equals, values = incomplete.partition("=")
    if equals:
        before, comma, begun = values.rpartition(",")
        return [
            f"{name}={before}{comma}{value}"
            for value in word_values(name)
            if value.startswith(begun)
        ]
    # A file is not executed for a completion.
    named = [WORKLOADS[word] for word in ctx.params.get("workload") or () if word in WORKLOADS]
    parameters = [name for workload in named[:1] for name in parameter_names(workload)]
    known = [*parameters, *setup_names({})]
    return [f"{name}=" for name in known if name.startswith(incomplete)]


def _files(incomplete: str) -> list[str]:
    endings = (".py", *(ending for form in FORMATS for ending in form.endings))
    folder, start = os.path.split(incomplete)
    try:
        entries = sorted(Path(folder or ".").iterdir())
    except OSError:  # there is no such folder, so there is nothing to offer
        return []
    return [
        os.path.join(folder, entry.name) + ("/" if entry.is_dir() else "")  # noqa: PTH118 - as typed
        for entry in entries
        if entry.name.startswith(start)
        and (start.startswith(".") or not entry.name.startswith("."))
        and (entry.is_dir() or entry.name.removesuffix(".gz").endswith(endings))
    ]
