"""tilesim: what a task graph costs on an Ascend a2a3, before anyone holds the device.

>>> import tilesim as ts
>>> run = ts.replay("qwen3-scope3-restructured", {"hidden": 1024, "intermediate": 2048})
>>> run.graph
TaskGraph(scope3: 151 tasks, 57 allocs, 703 edges)

`replay` does all of it for a workload by name; `compare`, `explain`, `explain_against`, `what_if`,
`sweep_kernel_time`, `sweep`, `tune`, `check` and `capacity` are the other verbs. The steps by
themselves: a program written with `language`, `record`, `find_graph`, `simulate`, `summarize`;
`compute_numbers`, `find_hazards` and `on_chip_use` check it. `Orchestration` with `kernel_of` and
`mix_kernel` submits tasks by hand; `ring_usage` tells how full the rings were. `repeat` runs with
`Noise`; `validate` compares with what was published, `calibrate` fits to it.

Wherever a workload is named, a program file, a trace or a file of a task graph can be;
`load_program_file`, `read_swimlane` and `read_graph_file` read them, `write_graph`,
`write_swimlane`, `write_swimlane_folder` and `write_table` write, and `to_networkx` and
`from_networkx` go over to networkx. `recorded` takes a recorded run as it is.
"""

from devices.capacity import on_chip_use
from devices.device import Device, load_device
from devices.errors import InputError
from runtime import language
from runtime.bounds import Bounds
from runtime.deadlock import DeadlockError
from runtime.dependencies import Dependencies, find_graph
from runtime.estimates import Estimates
from runtime.graph import TaskGraph
from runtime.handwritten import Orchestration, kernel_of, mix_kernel
from runtime.hazards import Hazards, find_hazards
from runtime.language import Lowering, record
from runtime.launch import Launch
from runtime.noise import Noise
from runtime.numerics.orders import Order
from runtime.numerics.run import compute_numbers
from runtime.ring_usage import RingUsage, ring_usage
from runtime.simulation import simulate
from runtime.statistics import Statistics, summarize
from runtime.trace import Trace
from runtime.version import RuntimeVersion, load_runtime
from scheduler.policy import ListPolicy
from scheduler.registry import POLICIES, make_policy
from tilesim.calibration import Calibration, calibrate
from tilesim.capacity import Capacity, capacity
from tilesim.change_words import read_changes
from tilesim.check import Check, check
from tilesim.comparison import Comparison, compare
from tilesim.explain import Difference, Why, explain, explain_against
from tilesim.repeats import Repeats, faster_probability, repeat
from tilesim.replay import Run, recorded, replay
from tilesim.setup import Setup
from tilesim.sources import find_source
from tilesim.sweep import SweepTable, sweep
from tilesim.tuner import tune
from tilesim.tuning import Tuning
from tilesim.tuning_choices import Choices, Numbers
from tilesim.validation import Validation, validate
from tilesim.whatif import Sweep, WhatIf, sweep_kernel_time, what_if
from workloads.catalogue import WORKLOADS, find_workload
from workloads.formats.assumed import Assumed
from workloads.formats.graph_files import read_graph_file, write_graph
from workloads.formats.imported import Imported
from workloads.formats.networks import from_networkx, to_networkx
from workloads.formats.swimlane import read_swimlane
from workloads.formats.swimlane_folder import write_swimlane_folder
from workloads.formats.swimlane_writing import write_swimlane
from workloads.formats.tables import write_table
from workloads.program_files import load_program_file
from workloads.published import Published, load_published
from workloads.workload import Workload

__all__ = [
    "POLICIES",
    "WORKLOADS",
    "Assumed",
    "Bounds",
    "Calibration",
    "Capacity",
    "Check",
    "Choices",
    "Comparison",
    "DeadlockError",
    "Dependencies",
    "Device",
    "Difference",
    "Estimates",
    "Hazards",
    "Imported",
    "InputError",
    "Launch",
    "ListPolicy",
    "Lowering",
    "Noise",
    "Numbers",
    "Orchestration",
    "Order",
    "Published",
    "Repeats",
    "RingUsage",
    "Run",
    "RuntimeVersion",
    "Setup",
    "Statistics",
    "Sweep",
    "SweepTable",
    "TaskGraph",
    "Trace",
    "Tuning",
    "Validation",
    "WhatIf",
    "Why",
    "Workload",
    "calibrate",
    "capacity",
    "check",
    "compare",
    "compute_numbers",
    "explain",
    "explain_against",
    "faster_probability",
    "find_graph",
    "find_hazards",
    "find_source",
    "find_workload",
    "from_networkx",
    "kernel_of",
    "language",
    "load_device",
    "load_program_file",
    "load_published",
    "load_runtime",
    "make_policy",
    "mix_kernel",
    "on_chip_use",
    "read_changes",
    "read_graph_file",
    "read_swimlane",
    "record",
    "recorded",
    "repeat",
    "replay",
    "ring_usage",
    "simulate",
    "summarize",
    "sweep",
    "sweep_kernel_time",
    "to_networkx",
    "tune",
    "validate",
    "what_if",
    "write_graph",
    "write_swimlane",
    "write_swimlane_folder",
    "write_table",
]
