"""Workflows of WfCommons: reading WfFormat 1.5 and 1.6.

References
----------
https://github.com/wfcommons/WfFormat, ``wfcommons-schema.json``. An instance of 1.5 is one of 1.6
but for its version. Times are in seconds. A task's kernel is the program that its execution
names, or else the name of the task.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
import numpy as np
from msgspec import Meta, Raw, Struct

from devices.errors import InputError
from workloads.formats.assumed import Assumed
from workloads.formats.attributes import node_of
from workloads.formats.content import shown, stem
from workloads.formats.drafts import Draft, Node, imported
from workloads.formats.imported import Imported
from workloads.formats.json_content import from_json

__all__ = ["SECOND_US", "WFFORMAT_ENDINGS", "WFFORMAT_VERSIONS", "read_wfformat"]

WFFORMAT_ENDINGS = (".wfformat.json", ".json")
WFFORMAT_VERSIONS = ("1.5", "1.6")
SECOND_US = 1e6

_NO_FILES = (
    "What tasks read and write is left out: files are no tensors of which parts could be named."
)
_NO_TIMES = (
    "The workflow was not executed, so that no task has a time; write an execution with "
    "runtimeInSeconds for each task"
)

_Id = Annotated[str, Meta(min_length=1)]


class _Task(Struct):
    name: str
    id: _Id
    parents: list[str]
    children: list[str]
    tilesim: dict[str, Any] = {}


class _Specification(Struct):
    tasks: Annotated[list[_Task], Meta(min_length=1)]


class _Command(Struct):
    program: str = ""


class _Executed(Struct):
    id: _Id
    runtime: Raw = msgspec.field(name="runtimeInSeconds")
    command: _Command | None = None


class _Execution(Struct):
    tasks: list[_Executed]


class _Workflow(Struct):
    specification: _Specification
    execution: _Execution | None = None


class _Instance(Struct):
    version: str = msgspec.field(name="schemaVersion")
    name: str
    workflow: _Workflow


class _Version(Struct):
    version: str | None = msgspec.field(name="schemaVersion", default=None)


def read_wfformat(content: bytes, file: str, assumed: Assumed) -> Imported:
    """Read a workflow; what tilesim has written of tasks besides is read as well.

    Raises
    ------
    InputError
        The file is no WfFormat of these versions, parents and children do not agree, a task was
        not executed, or it is no task graph; says where and why.
    """
    # The version first: what else is wrong may be right in another one.
    version = from_json(content, _Version, file).version
    if version not in WFFORMAT_VERSIONS:
        raise InputError(
            f"{file}: schemaVersion: WfFormat {version} cannot be read; only "
            f"{' and '.join(WFFORMAT_VERSIONS)}"
        )
    instance = from_json(content, _Instance, file)
    workflow = instance.workflow
    if workflow.execution is None:
        raise InputError(f"{file}: workflow.execution: {_NO_TIMES}")
    name = instance.name or stem(file, WFFORMAT_ENDINGS)
    tasks = workflow.specification.tasks
    draft = Draft(file, name, f"WfFormat {version}", _where, notes=[_NO_FILES])
    executed = _executed(draft, workflow.execution.tasks)
    for place, task in enumerate(tasks):
        draft.add_node(_node(draft, place, task, executed, assumed))
        for parent in task.parents:
            draft.add_edge(parent, task.id, place)
    _check_children(draft, tasks)
    return imported(draft, assumed)


def _where(place: int) -> str:
    return f"workflow.specification.tasks[{place}]"


def _executed(draft: Draft, tasks: list[_Executed]) -> dict[str, _Executed]:
    executed: dict[str, _Executed] = {}
    for place, task in enumerate(tasks):
        if executed.setdefault(task.id, task) is not task:
            raise InputError(
                f"{draft.file}: workflow.execution.tasks[{place}]: id {shown(task.id)} is there "
                "twice"
            )
    return executed


def _node(
    draft: Draft, place: int, task: _Task, executed: dict[str, _Executed], assumed: Assumed
) -> Node:
    execution = executed.get(task.id)
    if execution is None:
        raise draft.error(place, f"task {shown(task.id)} is not in workflow.execution.tasks")
    time_us = _time_us(draft, task.id, bytes(execution.runtime).decode(), assumed)
    kernel = (execution.command.program if execution.command else "") or task.name or task.id
    attributes = {"kernel": kernel, **task.tilesim, "time_us": repr(time_us)}
    if attributes.get("kind", "task") != "task" and not time_us:
        del attributes["time_us"]
    return node_of(draft, task.id, place, attributes, _IN_US)


_IN_US = Assumed(unit_us=1.0)


def _time_us(draft: Draft, task: str, text: str, assumed: Assumed) -> float:
    try:
        return assumed.time_us(text, SECOND_US)
    except ValueError as error:
        raise InputError(
            f"{draft.file}: workflow.execution.tasks, id {shown(task)}: runtimeInSeconds: "
            f"{shown(text)} {error}"
        ) from None


def _check_children(draft: Draft, tasks: list[_Task]) -> None:
    """Refuse children that do not name their parent, and parents that do not name their child."""
    if _agree(draft, tasks):
        return
    known = {task.id for task in tasks}
    down = {(task.id, child): place for place, task in enumerate(tasks) for child in task.children}
    up = {(parent, child): place for parent, child, place in draft.edges}
    for edge, place in {**down, **up}.items():
        parent, child = map(shown, edge)
        for end in edge:
            if end not in known:
                raise draft.error(place, f"edge {parent} -> {child}: there is no task {shown(end)}")
        if edge not in up:
            why = f"{child} is among the children of {parent}, which is not among its parents"
            raise draft.error(place, why)
        if edge not in down:
            why = f"{parent} is among the parents of {child}, which is not among its children"
            raise draft.error(place, why)


def _agree(draft: Draft, tasks: list[_Task]) -> bool:
    """Whether parents and children name each other, each once, and nothing else."""
    number = draft.edges.number
    source, target, _ = draft.edges.columns()
    parent = np.repeat([number(t.id) for t in tasks], [len(t.children) for t in tasks])
    child = np.array([number(c) for t in tasks for c in t.children], dtype=np.int64)
    count = draft.edges.name_count
    up, down = np.sort(source * count + target), np.sort(parent * count + child)
    return count == len({task.id for task in tasks}) and np.array_equal(up, down)
