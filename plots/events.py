"""Events of the Chrome trace format, and the numbers of processes and threads in it.

Names, process ids and thread ids are those of the device's swimlane tool, so that a simulated
run looks in the viewer as a measured one does. Times are in us.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

__all__ = [
    "AICORE_VIEW",
    "AICPU_VIEW",
    "ORCHESTRATOR",
    "ORCHESTRATOR_THREAD",
    "PROCESSES",
    "SCHEDULER",
    "Arguments",
    "Arrow",
    "Arrowhead",
    "Counter",
    "Event",
    "Metadata",
    "Slice",
    "core_thread",
    "scheduler_thread",
]

AICORE_VIEW, AICPU_VIEW, SCHEDULER, ORCHESTRATOR = 1, 2, 3, 4

PROCESSES = {
    ORCHESTRATOR: "AICPU Orchestrator",
    SCHEDULER: "AICPU Scheduler",
    AICPU_VIEW: "AICPU View",
    AICORE_VIEW: "AICore View",
}
"""Process ids and their names, in the order in which they are shown."""

ORCHESTRATOR_THREAD = 4000
"""Thread id of the orchestrator."""


_Number = TypeVar("_Number", int, NDArray[np.int64])


def core_thread(core: _Number, slot: _Number | int = 0) -> _Number:
    """Thread id of a core; `slot` numbers tasks that a core holds at the same time."""
    return 1000 + core + 10_000 * slot


def scheduler_thread(thread: _Number) -> _Number:
    """Thread id of a scheduler thread."""
    return 3000 + thread


class Metadata(msgspec.Struct, gc=False):
    """A name or a place in the order of display, for a process (`tid` 0) or a thread."""

    name: str
    pid: int
    tid: int
    args: dict[str, str | int]
    ph: str = "M"
    cat: str = "__metadata"


class Arguments(msgspec.Struct, rename="kebab", omit_defaults=True, gc=False):
    """What the viewer shows of a slice when it is selected; a task's slices have all of it."""

    event_hint: str
    submit: int
    ring: int
    task_id: int = msgspec.field(name="taskId")
    core_type: str = ""
    exec_us: float | None = None
    head_us: float | None = None
    tail_us: float | None = None
    latency_us: float | None = None


class Slice(msgspec.Struct, gc=False):
    """Something that takes time on a thread."""

    name: str
    cat: str
    pid: int
    tid: int
    ts: float
    dur: float
    args: Arguments
    ph: str = "X"


class Arrow(msgspec.Struct, gc=False):
    """The begin of an arrow between slices; it ends in the `Arrowhead` with the same id."""

    id: int
    tid: int
    ts: float
    pid: int = AICORE_VIEW
    name: str = "dependency"
    cat: str = "flow"
    ph: str = "s"


class Arrowhead(msgspec.Struct, gc=False):
    """The end of an arrow; `bp` binds it to the slice around it, not to the next one."""

    id: int
    tid: int
    ts: float
    pid: int = AICORE_VIEW
    name: str = "dependency"
    cat: str = "flow"
    ph: str = "f"
    bp: str = "e"


class Counter(msgspec.Struct, gc=False):
    """A new value of a counter."""

    name: str
    pid: int
    ts: float
    args: dict[str, int]
    ph: str = "C"


Event = Metadata | Slice | Arrow | Arrowhead | Counter
