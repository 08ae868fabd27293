"""tilesim: what a task graph costs on an Ascend a2a3, before anyone holds the device.

>>> import tilesim as ts
>>> run = ts.replay("qwen3-scope3-restructured", {"hidden": 1024, "intermediate": 2048})
>>> run.graph
TaskGraph(scope3: 151 tasks, 57 allocs, 703 edges)

`replay` does all of it for a workload by name. The steps by themselves: a program written with
`language`, `record`, `find_graph`, `simulate`, `summarize`.
"""

from devices.device import Device, load_device
from devices.errors import InputError
from runtime import language
from runtime.dependencies import Dependencies, find_graph
from runtime.graph import TaskGraph
from runtime.language import record
from runtime.simulation import simulate
from runtime.statistics import Statistics, summarize
from runtime.trace import Trace
from runtime.version import RuntimeVersion, load_runtime
from tilesim.replay import Comparison, Run, Setup, compare, replay
from workloads.catalogue import WORKLOADS, Workload, find_workload

__all__ = [
    "WORKLOADS",
    "Comparison",
    "Dependencies",
    "Device",
    "InputError",
    "Run",
    "RuntimeVersion",
    "Setup",
    "Statistics",
    "TaskGraph",
    "Trace",
    "Workload",
    "compare",
    "find_graph",
    "find_workload",
    "language",
    "load_device",
    "load_runtime",
    "record",
    "replay",
    "simulate",
    "summarize",
]
