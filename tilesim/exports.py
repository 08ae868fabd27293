"""Writing runs and graphs in the formats of other tools."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from devices.errors import InputError, unknown_name
from runtime.case import Case
from tilesim.outputs import plots
from tilesim.replay import Run
from workloads.files import check_new_folder, check_writable
from workloads.formats.graph_files import GRAPH_ENDINGS, write_graph
from workloads.formats.swimlane_folder import write_swimlane_folder
from workloads.formats.swimlane_writing import SWIMLANE_ENDINGS, write_swimlane
from workloads.formats.tables import TABLE_ENDINGS, write_table

__all__ = ["EXPORTS", "Export", "find_export"]


@dataclass(frozen=True, slots=True)
class Export:
    """A format that a run or its graph is written in.

    Attributes
    ----------
    summary : str
        What it is.
    endings : callable
        Gives the endings of its files; none for a folder.
    write : callable
        ``write(run, path)`` writes it.
    is_graph : bool
        Whether it holds the graph with kernel times alone, and not when things happened.
    """

    summary: str
    endings: Callable[[], tuple[str, ...]]
    write: Callable[[Run, Path], None]
    is_graph: bool = False

    def check(self, path: Path) -> None:
        """Refuse a path that cannot be written.

        Raises
        ------
        InputError
            It has another ending, or its folder is missing.
        """
        endings = self.endings()
        if endings:
            check_writable(path, endings)
        else:
            check_new_folder(path)


def _case_to_write(run: Run) -> Case:
    """The case with the kernel times that it had in the run: a file shares no memory."""
    return run.case if run.case.uses is None else run.case.as_run(run.trace)


def _write_graph(run: Run, path: Path) -> None:
    write_graph(_case_to_write(run), path)


def _graph_endings(*names: str) -> Callable[[], tuple[str, ...]]:
    return lambda: tuple(e for e in GRAPH_ENDINGS if e.removesuffix(".gz") in names)


EXPORTS = {
    "graph": Export(
        "the graph, all of it, as JSON or in columns of numpy",
        _graph_endings(".json", ".npz"),
        _write_graph,
        is_graph=True,
    ),
    "wfformat": Export(
        "WfCommons WfFormat", _graph_endings(".wfformat.json"), _write_graph, is_graph=True
    ),
    "dot": Export("the graph for Graphviz", _graph_endings(".dot", ".gv"), _write_graph, True),
    "graphml": Export("the graph as GraphML", _graph_endings(".graphml"), _write_graph, True),
    "swimlane": Export(
        "the run as the device runtime of April 2026 records it (version 2)",
        lambda: SWIMLANE_ENDINGS,
        lambda run, path: write_swimlane(run.trace, path),
    ),
    "swimlane-folder": Export(
        "the same as the runtime of August 2026 does, with dependences: a folder",
        lambda: (),
        lambda run, path: write_swimlane_folder(run.trace, path),
    ),
    "chrome": Export(
        "the run for chrome://tracing and Perfetto, as JSON",
        lambda: (".json", ".json.gz"),
        lambda run, path: plots().write_chrome_trace(run.trace, path),
    ),
    "perfetto": Export(
        "the run for Perfetto, compact",
        lambda: (".pftrace", ".pftrace.gz", ".perfetto-trace", ".perfetto-trace.gz"),
        lambda run, path: plots().write_perfetto_trace(run.trace, path),
    ),
    "table": Export(
        "a row for every execution, as CSV or Parquet",
        lambda: TABLE_ENDINGS,
        lambda run, path: write_table(run.trace, path),
    ),
}
"""The formats by name; where an ending fits several, the first is taken."""

_SWIMLANE_NAMES = ("perf_swimlane", "l2_perf_records", "l2_swimlane_records")


def find_export(path: Path, name: str | None) -> Export:
    """The format of a name, or the one that a path tells.

    Raises
    ------
    InputError
        There is no such format, or the ending tells none.
    """
    if name is not None:
        if name not in EXPORTS:
            raise unknown_name("format", name, EXPORTS)
        return EXPORTS[name]
    file = path.name.lower()
    if file.startswith(_SWIMLANE_NAMES) and file.endswith(SWIMLANE_ENDINGS):
        return EXPORTS["swimlane"]
    endings = [(e, export) for export in EXPORTS.values() for e in export.endings()]
    fitting = [(len(e), export) for e, export in endings if file.endswith(e)]
    if fitting:
        longest = max(length for length, _ in fitting)
        return next(export for length, export in fitting if length == longest)
    if not path.suffix:
        return EXPORTS["swimlane-folder"]
    known = ", ".join(dict.fromkeys(e for e, _ in endings if not e.endswith(".gz")))
    raise InputError(
        f"cannot tell the format of {str(path)!r} from its ending; endings are {known}, or name "
        f"one with --format ({', '.join(EXPORTS)})"
    )
