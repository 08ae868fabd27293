"""Files of task graphs: which formats there are, and which one a file has.

Files are read whole. So that this takes less than 2 GB of memory there is a limit to the bytes of
a file, unpacked: 90 MB in the Standard Task Graph Set, which needs the fewest for a task, 180 MB
in the project's own JSON, 250 MB in its columns, 200 MB in WfFormat and DOT and 380 MB in GraphML;
and at most 2 500 000
tasks and 8 000 000 edges, whatever the bytes, in all but the project's own.
"""

from __future__ import annotations

import gzip
import io
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from devices.errors import InputError
from runtime.case import Case
from runtime.garbage import garbage_collection_paused
from runtime.graph import TaskGraph
from workloads.files import file_ending, write_file
from workloads.formats.assumed import Assumed
from workloads.formats.content import read_content, too_large
from workloads.formats.dot import DOT_ENDINGS, read_dot
from workloads.formats.dot_writer import dot_of
from workloads.formats.graph_json import FORMAT
from workloads.formats.graph_json_reader import GRAPH_JSON_ENDINGS, read_graph_json
from workloads.formats.graph_json_writer import graph_json_of
from workloads.formats.graph_npz import GRAPH_NPZ_ENDINGS
from workloads.formats.graph_npz_reader import MOST_NPZ_BYTES, read_graph_npz
from workloads.formats.graph_npz_writer import write_graph_npz
from workloads.formats.graphml import GRAPHML_ENDINGS, read_graphml
from workloads.formats.graphml_writer import graphml_of
from workloads.formats.held import held
from workloads.formats.imported import Imported
from workloads.formats.npz_content import NPZ_MAGIC
from workloads.formats.stg import STG_ENDINGS, read_stg
from workloads.formats.wfformat import WFFORMAT_ENDINGS, read_wfformat
from workloads.formats.wfformat_writer import wfformat_of

__all__ = ["FORMATS", "GRAPH_ENDINGS", "GraphFormat", "read_graph_file", "write_graph"]

HEAD_BYTES = 1 << 16
"""So much of a file mostly tells its format, where its name does not."""

_GZIP = ".gz"
_MB = 1_000_000

Reader = Callable[[bytes, str, Assumed], Imported]
Writer = Callable[[Imported, BinaryIO], None]


@dataclass(frozen=True)
class GraphFormat:
    """A format of files that hold a task graph.

    Attributes
    ----------
    name : str
        What it is called.
    endings : tuple of str
        Endings of its files, in lower case, without ``.gz``.
    recognises : callable
        ``recognises(content)`` tells from what an unpacked file holds, or from the begin of it,
        whether it is one, among the formats that share its ending.
    read : callable
        ``read(content, file, assumed)`` reads one; raises InputError alone.
    write : callable or None
        ``write(held, stream)`` writes a graph, where the format can be written.
    most_bytes : int
        Most bytes of a file, unpacked, so that reading takes less than 2 GB of memory. Measured
        are graphs with two edges for each task; `workloads.formats.drafts` limits tasks and edges
        of files that say them in fewer bytes.
    """

    name: str
    endings: tuple[str, ...]
    recognises: Callable[[bytes], bool]
    read: Reader
    write: Writer | None = None
    most_bytes: int = 180 * _MB


def _finds(pattern: bytes) -> Callable[[bytes], bool]:
    compiled = re.compile(pattern)
    return lambda content: compiled.search(content) is not None


def _at_once(content_of: Callable[[Imported], bytes]) -> Writer:
    """The writer of a format whose content is made as a whole."""

    def write(held: Imported, stream: BinaryIO) -> None:
        stream.write(content_of(held))

    return write


FORMATS = [
    GraphFormat(
        "tilesim graph",
        GRAPH_JSON_ENDINGS,
        _finds(rb'"format"\s*:\s*"' + FORMAT.encode()),
        read_graph_json,
        _at_once(graph_json_of),
    ),
    GraphFormat(
        "tilesim graph in columns",
        GRAPH_NPZ_ENDINGS,
        lambda content: content.startswith(NPZ_MAGIC),
        read_graph_npz,
        write_graph_npz,
        MOST_NPZ_BYTES,
    ),
    GraphFormat(
        "WfFormat",
        WFFORMAT_ENDINGS,
        _finds(rb'"(schemaVersion|workflow)"\s*:'),
        read_wfformat,
        _at_once(wfformat_of),
        200 * _MB,
    ),
    GraphFormat(
        "DOT", DOT_ENDINGS, _finds(rb"(?i)\bdigraph\b"), read_dot, _at_once(dot_of), 200 * _MB
    ),
    GraphFormat(
        "GraphML",
        GRAPHML_ENDINGS,
        _finds(rb"<graphml\b"),
        read_graphml,
        _at_once(graphml_of),
        380 * _MB,
    ),
    GraphFormat(
        "Standard Task Graph", STG_ENDINGS, _finds(rb"\A\s*\d+\s"), read_stg, None, 90 * _MB
    ),
]
"""All formats; where several share an ending, the first that recognises a file reads it."""

GRAPH_ENDINGS = tuple(
    ending + packed
    for ending in (".json", *GRAPH_NPZ_ENDINGS, ".wfformat.json", *DOT_ENDINGS, *GRAPHML_ENDINGS)
    for packed in ("", _GZIP)
)
"""Endings of the files that `write_graph` writes."""


def read_graph_file(path: str | os.PathLike[str], assumed: Assumed | None = None) -> Imported:
    """Read a task graph with kernel times, in the format that its ending and content tell.

    Parameters
    ----------
    path : path
        A file of one of `FORMATS`, which may be packed by gzip.
    assumed : Assumed, optional
        What is assumed of what the file does not say: the cores of kernels, units of times.

    Raises
    ------
    InputError
        The file cannot be read or is in no known format, or something in it is wrong; says what,
        and where.
    """
    file = os.fspath(path)
    fitting = _fitting(file)
    content = read_content(path, max(f.most_bytes for f in fitting or FORMATS))
    with garbage_collection_paused():  # millions of small objects, none of them garbage
        found = _format_of(content, file, fitting)
        if len(content) > found.most_bytes:
            raise too_large(file, found.most_bytes)
        return found.read(content, file, assumed or Assumed())


def _fitting(file: str) -> list[GraphFormat]:
    """Formats that have the ending of a file."""
    name = Path(file).name.lower().removesuffix(_GZIP)
    return [f for f in FORMATS if name.endswith(f.endings)]


def _format_of(content: bytes, file: str, fitting: Sequence[GraphFormat]) -> GraphFormat:
    if len(fitting) == 1:  # its own reader says best what is wrong with it
        return fitting[0]
    # What tells the format may stand behind all else where another tool has sorted the keys.
    for part in (content[:HEAD_BYTES], content):
        for each in fitting or FORMATS:
            if each.recognises(part):
                return each
    what = " or ".join(f.name for f in fitting) if fitting else "any known format"
    known = ", ".join(
        dict.fromkeys(f"{ending} ({f.name})" for f in FORMATS for ending in f.endings)
    )
    raise InputError(f"{file}: its content is not that of {what}; known are {known}")


def write_graph(
    what: Case | Imported | TaskGraph,
    path: str | os.PathLike[str],
    durations_us: Sequence[float] | None = None,
) -> None:
    """Write a task graph with kernel times, in the format that the ending names.

    Only the project's own formats keep all of it: JSON (``.json``, `workloads.formats.graph_json`)
    and columns of numpy (``.npz``, `workloads.formats.graph_npz`), which are fast at millions of
    tasks. The others keep tasks, kernels, cores, times, rings, launches and edges. The same graph
    gives the same bytes.

    Parameters
    ----------
    what : Case, Imported or TaskGraph
        What to write; of a case that shares memory, `Case.as_run` has the times of a run.
    path : path
        File to write, ending in one of `GRAPH_ENDINGS`.
    durations_us : sequence of float, optional
        Kernel time of each submit, for a `TaskGraph`.

    Raises
    ------
    InputError
        The ending is another, the file cannot be written, or a time is missing.
    """
    ending = file_ending(path, GRAPH_ENDINGS)
    writer = _writer(ending.removesuffix(_GZIP))
    with garbage_collection_paused():  # as in reading
        content = held(what, durations_us)
        write_file(
            path,
            lambda temporary: _write(temporary, writer, content, packed=ending.endswith(_GZIP)),
        )


def _write(temporary: Path, writer: Writer, content: Imported, *, packed: bool) -> None:
    with temporary.open("wb") as file:
        if not packed:
            writer(content, file)
            return
        whole = io.BytesIO()  # in what is being packed nobody can seek
        writer(content, whole)
        file.write(gzip.compress(whole.getbuffer(), compresslevel=6, mtime=0))


def _writer(ending: str) -> Writer:
    return next(f.write for f in FORMATS if f.write is not None and ending in f.endings)
