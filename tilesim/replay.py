"""From a workload's name to a simulated run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from time import perf_counter
from typing import Any

import numpy as np

from devices.capacity import overflows
from devices.errors import InputError
from runtime.bounds import Bounds
from runtime.case import Case
from runtime.dependencies import Dependencies, find_graph
from runtime.graph import TaskGraph
from runtime.language import Lowering
from runtime.ring_usage import RingUsage, ring_usage
from runtime.statistics import Statistics, summarize
from runtime.trace import Trace
from tilesim.memory import check_room
from tilesim.setup import Setup
from tilesim.sources import Source, Subject, find_source
from workloads.published import PublishedCase, default_published
from workloads.recorded_workload import RecordedWorkload

__all__ = [
    "Report",
    "Run",
    "build_case",
    "recorded",
    "replay",
    "run_as_known",
    "run_case",
]

Report = Callable[[str], None]
"""Called with the name of each step that begins."""


@dataclass(frozen=True)
class Run:
    """One run of a workload: simulated, or as a file has it recorded.

    Attributes
    ----------
    workload, parameters, setup
        What ran, how large, and on what.
    case, trace, statistics
        What was simulated, when everything happened, and the figures of it.
    trace_s, simulate_s : float
        Seconds that reading the program and finding its graph took, and simulating it.
    is_recorded : bool
        Whether the trace is that of a file, and not simulated.
    """

    workload: Subject
    parameters: Mapping[str, int]
    setup: Setup
    case: Case
    trace: Trace
    statistics: Statistics
    trace_s: float
    simulate_s: float
    is_recorded: bool = False

    @property
    def recorded_trace(self) -> Trace | None:
        """The recorded run of the same graph, if the workload is one."""
        return self.workload.trace if isinstance(self.workload, RecordedWorkload) else None

    @property
    def notes(self) -> tuple[str, ...]:
        """What a file does not say, and what stands for it."""
        workload = self.workload
        if isinstance(workload, RecordedWorkload):
            return workload.imported.notes
        return () if workload.noted is None else workload.noted()

    @property
    def graph(self) -> TaskGraph:
        """The graph that was found."""
        return self.case.graph

    @cached_property
    def bounds(self) -> Bounds:
        """Lower bounds of the wall-clock."""
        return self.case.bounds(self.trace)

    @cached_property
    def rings(self) -> tuple[RingUsage, ...]:
        """How full the rings were, and how long the orchestrator waited for space.

        No recording says that.
        """
        return () if self.is_recorded else ring_usage(self.trace)

    @cached_property
    def overflows(self) -> tuple[str, ...]:
        """What is said of each kernel that cannot fit on chip."""
        return tuple(overflows(self.graph.kernels, self.setup.device))

    @cached_property
    def published(self) -> tuple[PublishedCase, ...]:
        """What was published of exactly this run."""
        return tuple(
            case
            for case in default_published().of(self.workload.name)
            if self.parameters == self.workload.parameters(case.settings)
            and self.setup.is_as_published(case)
        )

    def describe(self, shown: Collection[str] = ()) -> str:
        """Name, what differs from the defaults, and the parameters in `shown` in any case."""
        parts = [
            f"{name}={value}"
            for name, value in self.parameters.items()
            if name in shown or value != self.workload.defaults.get(name)
        ]
        return " ".join([self.workload.name, *parts, *self.setup.differences()])

    @property
    def full_name(self) -> str:
        """Name with all parameters."""
        return self.describe(self.parameters)


def replay(
    workload: Source,
    settings: Mapping[str, Any] | None = None,
    setup: Setup | None = None,
    report: Report | None = None,
) -> Run:
    """Simulate a workload.

    Parameters
    ----------
    workload : str, Workload or RecordedWorkload
        The workload, its name, a program file, ``revision:file``, or a file or folder of a
        recorded run or graph, which runs again with its kernel times.
    settings : mapping, optional
        Parameters that differ from its defaults.
    setup : Setup, optional
        What it runs on, by default the a2a3 with the runtime of April 2026.
    report : callable, optional
        Told each step that begins.

    Raises
    ------
    InputError
        Unknown names, values that do not fit, or a graph that cannot finish.
    """
    setup, tell = setup or Setup(), report or _ignore
    began = perf_counter()
    found = find_source(workload)
    parameters = found.parameters(settings or {})
    case = build_case(found, parameters, setup, tell)
    return run_case(found, parameters, setup, case, perf_counter() - began, tell)


def recorded(workload: Source, setup: Setup | None = None, report: Report | None = None) -> Run:
    """A recorded run as it is, to be explained and drawn as a simulated one.

    Parameters
    ----------
    workload : str or RecordedWorkload
        A file or folder of a recorded run.
    setup : Setup, optional
        What its bounds are computed for.
    report : callable, optional
        Told each step that begins.

    Raises
    ------
    InputError
        It is no recorded run, or the setup asks for something that changes runs.
    """
    setup, tell = setup or Setup(), report or _ignore
    began = perf_counter()
    found = find_source(workload)
    trace = found.trace if isinstance(found, RecordedWorkload) else None
    if trace is None:
        raise InputError(f"{found.name} is no recorded run; leave out --recorded")
    differences = setup.differences()
    if differences:
        raise InputError(
            f"{found.name} is shown as it was recorded, so what it runs on cannot be chosen "
            f"({', '.join(differences)}); run it again with replay or --simulated"
        )
    case = build_case(found, {}, setup, tell)
    return Run(
        workload=found,
        parameters={},
        setup=setup,
        case=case,
        trace=trace,
        statistics=summarize(trace),
        trace_s=perf_counter() - began,
        simulate_s=0.0,
        is_recorded=True,
    )


def run_as_known(
    workload: Source,
    settings: Mapping[str, Any] | None = None,
    setup: Setup | None = None,
    report: Report | None = None,
    *,
    simulated: bool = False,
) -> Run:
    """A recorded run as it is, unless it is to be `simulated`; all others as `replay` runs them.

    Raises
    ------
    InputError
        As `replay` or `recorded`.
    """
    found = find_source(workload)
    if simulated or not isinstance(found, RecordedWorkload) or found.trace is None:
        return replay(found, settings, setup, report)
    found.parameters(settings or {})
    return recorded(found, setup, report)


def build_case(
    workload: Subject, parameters: Mapping[str, int], setup: Setup, report: Report
) -> Case:
    """Read a program and find its graph, or take the one that was recorded.

    Raises
    ------
    InputError
        The program cannot be read or its run does not fit into memory, or the device does not
        state what an operation costs; or the setup asks for other edges than a recording has.
    """
    if isinstance(workload, RecordedWorkload):
        case = _case_of_recording(workload, setup)
    else:
        report(f"{workload.name}: reading the program")
        submits = workload.submits(parameters, setup.lowering)
        check_room(workload.name, len(submits))
        report(f"{workload.name}: finding the graph of {len(submits):,} submits")
        graph = find_graph(
            submits,
            setup.runtime,
            dependencies=setup.dependencies,
            lookup_cap=setup.lookup_cap,
        )
        case = Case.of(submits, graph, setup.device, setup.runtime)
    return replace(case, policy=setup.policy, estimates=setup.estimates, profiling=setup.profiling)


def _case_of_recording(workload: RecordedWorkload, setup: Setup) -> Case:
    asked = {
        "--dependencies": setup.dependencies is not Dependencies.TENSOR,
        "--lookup-cap": setup.effective_lookup_cap != setup.runtime.lookup_limit,
        "--lowering": setup.lowering is not Lowering.APRIL,
        "--ideal memory or compute": bool({"memory", "compute"} & set(setup.ideals)),
    }
    for option, is_given in asked.items():
        if is_given:
            raise InputError(
                f"{workload.name}: edges and kernel times of a recording are those of its file, "
                f"so {option} changes nothing; leave it out"
            )
    imported = workload.imported
    # A runtime with fewer rings has the deepest scopes share the last one, as it does itself.
    ring = np.minimum(imported.graph.ring, setup.runtime.rings - 1).astype(np.int8)
    graph = replace(imported.graph, ring=ring)
    return Case(imported.submits, graph, imported.durations_us, setup.device, setup.runtime)


def run_case(
    workload: Subject,
    parameters: Mapping[str, int],
    setup: Setup,
    case: Case,
    trace_s: float,
    report: Report,
) -> Run:
    """Simulate a workload whose graph is known.

    Raises
    ------
    InputError
        The graph cannot finish.
    """
    report(f"{workload.name}: simulating {case.graph.task_count:,} tasks")
    began = perf_counter()
    trace = case.simulate()
    return Run(
        workload=workload,
        parameters=parameters,
        setup=setup,
        case=case,
        trace=trace,
        statistics=summarize(trace),
        trace_s=trace_s,
        simulate_s=perf_counter() - began,
    )


def _ignore(_: str) -> None:
    """Tell nobody."""
