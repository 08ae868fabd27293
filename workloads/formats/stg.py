"""Task graphs of the Standard Task Graph Set (Kasahara laboratory, Waseda University).

References
----------
https://www.kasahara.cs.waseda.ac.jp/schedule/format_e.html: the first line has the number of
tasks; each further line has a task's number, its processing time in units, the number of its
predecessors and their numbers. The first and the last task are dummies of time 0 that the number
of tasks does not count. The prototype of the set has the number of processors in the first line
as well, counts from 1 and has no dummy at the beginning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from devices.errors import InputError
from runtime.graph import DUMMY
from workloads.formats.assumed import Assumed
from workloads.formats.content import decoded, shown, stem
from workloads.formats.drafts import Draft, Node, imported
from workloads.formats.imported import Imported

__all__ = ["STG_ENDINGS", "read_stg"]

STG_ENDINGS = (".stg",)

_LINE = re.compile(r"([^\r\n]*)(?:\r\n?|\n|\Z)")

_UNITS = (
    "Times are in units that the file does not explain; a unit is taken for {unit_us:g} us. Tasks "
    "of time 0 without producers or without consumers only order others and run on no core."
)


def read_stg(content: bytes, file: str, assumed: Assumed) -> Imported:
    """Read a task graph without communication costs.

    Raises
    ------
    InputError
        The file has another form, or is no task graph; says where and why.
    """
    draft = Draft(file, stem(file, STG_ENDINGS), "Standard Task Graph", _where)
    rows = _rows(decoded(content, file))
    line, first = next(rows, (1, []))
    if len(first) not in (1, 2):
        raise draft.error(line, f"has {len(first)} numbers; the first line has the number of tasks")
    count = _whole(draft, line, "number of tasks", first[0])
    for line, row in rows:
        _task(draft, line, row, assumed)
    if not count <= len(draft.nodes) <= count + 2:
        raise InputError(
            f"{file}: has {len(draft.nodes):,} tasks, but line 1 says {count:,} and up to two "
            "dummies; the file is not whole, or has another form"
        )
    _mark_dummies(draft)
    unit_us = 1.0 if assumed.unit_us is None else assumed.unit_us
    draft.notes.append(_UNITS.format(unit_us=unit_us))
    return imported(draft, assumed)


def _where(line: int) -> str:
    return f"line {line}"


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Number and words of each line that has any, without comments."""
    for number, line in enumerate(_LINE.finditer(text), start=1):
        words = line[1].partition("#")[0].split()
        if words:
            yield number, words


def _whole(draft: Draft, line: int, what: str, word: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 10):
        raise draft.error(line, f"{what}: {shown(word)} is no whole number from 0 on")
    return int(word)


def _task(draft: Draft, line: int, row: list[str], assumed: Assumed) -> None:
    """Note a line's task and its edges."""
    if len(row) < 3:
        raise draft.error(line, "has no number, processing time and number of predecessors")
    number = _whole(draft, line, "task", row[0])
    try:
        time_us = assumed.time_us(row[1])
    except ValueError as error:
        raise draft.error(
            line, f"task {number}: processing time: {shown(row[1])} {error}"
        ) from None
    predecessors = _whole(draft, line, f"task {number}: number of predecessors", row[2])
    if predecessors != len(row) - 3:
        raise draft.error(
            line,
            f"task {number}: says {predecessors} predecessors and names {len(row) - 3}; graphs "
            "with communication costs cannot be read",
        )
    draft.add_node(Node(str(number), line, time_us=time_us))
    for word in row[3:]:
        producer = _whole(draft, line, f"task {number}: predecessor", word)
        draft.add_edge(str(producer), str(number), line)


def _mark_dummies(draft: Draft) -> None:
    """Tell the dummies at the beginning and at the end from tasks."""
    source, target, _ = draft.edges.columns()
    numbers = [draft.edges.number(node.id) for node in draft.nodes]
    inner = np.zeros(draft.edges.name_count, dtype=np.bool_)
    inner[np.intersect1d(source, target)] = True
    for node, is_inner in zip(draft.nodes, inner[numbers], strict=True):
        if not node.time_us and not is_inner:
            node.kind = DUMMY
