"""Runs and graphs of files, where a workload is expected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devices.errors import InputError
from runtime.host_memory import InputValue
from runtime.trace import Trace
from workloads.formats.assumed import Assumed
from workloads.formats.blocks import read_blocks
from workloads.formats.graph_files import read_graph_file
from workloads.formats.imported import Imported
from workloads.formats.swimlane import read_swimlane
from workloads.numbers import Numbers

__all__ = ["RecordedWorkload", "load_recorded"]

_SWIMLANE = re.compile(
    rb'"(\w*swimlane_level|aicore_tasks|aicpu_tasks|fanout_count|dispatch_time_us)"\s*:'
    rb'|\A\s*\{\s*"version"\s*:\s*\d+\s*,\s*"tasks"\s*:'
)
"""What the begin of a swimlane has, and of no other format."""

_HEAD_BYTES = 1 << 16


@dataclass(frozen=True)
class RecordedWorkload:
    """A graph with the kernel times of a file, and perhaps the run that was recorded.

    Attributes
    ----------
    name : str
        The file, as the user names it.
    imported : Imported
        What it holds.
    """

    name: str
    imported: Imported
    defaults: Mapping[str, int] = field(default_factory=dict)
    given: Mapping[str, InputValue] = field(default_factory=dict)
    numbers: Numbers | None = None

    @property
    def trace(self) -> Trace | None:
        """The run that was recorded, if one was."""
        return self.imported.trace

    def parameters(self, settings: Mapping[str, Any]) -> dict[str, int]:
        """Nothing: a file has no parameters.

        Raises
        ------
        InputError
            There are settings.
        """
        if settings:
            raise InputError(
                f"{self.name} is a recorded graph and has no parameters; leave out "
                f"{', '.join(settings)}"
            )
        return {}


def load_recorded(
    path: str,
    assumed: Assumed | None = None,
    name_map: str | None = None,
    dependences: str | None = None,
) -> RecordedWorkload:
    """Read a trace folder, a trace file or a file of a task graph.

    Parameters
    ----------
    path : str
        A folder that the device runtime wrote, one of its swimlanes, or a graph in one of the
        formats of `workloads.formats.graph_files`.
    assumed : Assumed, optional
        What is assumed of a graph whose file does not say it.
    name_map, dependences : str, optional
        Files that belong to a swimlane and do not lie beside it.

    Raises
    ------
    InputError
        It is in no known format, or something in it is wrong.
    """
    source = Path(path)
    if source.is_dir() or _SWIMLANE.search(next(read_blocks(source), b"")[:_HEAD_BYTES]):
        run = read_swimlane(path, name_map=name_map, dependences=dependences)
        return RecordedWorkload(path, run)
    return RecordedWorkload(path, read_graph_file(path, assumed))
