"""From a workload's name to a simulated run."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from time import perf_counter
from typing import Any

from devices.capacity import overflows
from devices.description import Quantity
from devices.description import settings as figures_of
from devices.device import Device, available_devices, load_device
from runtime.bounds import Bounds
from runtime.case import Case
from runtime.dependencies import RUNTIME_LIMIT, Dependencies, find_graph, lookup_limit
from runtime.estimates import Estimates
from runtime.graph import TaskGraph
from runtime.language import Lowering
from runtime.ring_usage import RingUsage, ring_usage
from runtime.statistics import Statistics, summarize
from runtime.trace import Trace
from runtime.version import RuntimeVersion, available_runtimes, load_runtime
from scheduler.policy import Policy, RuntimePolicy, full_name
from tilesim.ideals import IDEALS
from tilesim.sources import Source, find_source
from workloads.published import PublishedCase, default_published
from workloads.workload import Workload

__all__ = [
    "DEFAULT_DEVICE",
    "DEFAULT_RUNTIME",
    "Report",
    "Run",
    "Setup",
    "build_case",
    "replay",
    "run_case",
]

DEFAULT_DEVICE = "a2a3"
DEFAULT_RUNTIME = "tmr-2026-04"

Report = Callable[[str], None]
"""Called with the name of each step that begins."""


@dataclass(frozen=True)
class Setup:
    """What a workload runs on.

    Attributes
    ----------
    device, runtime : Device, RuntimeVersion
        The chip and its software.
    dependencies : Dependencies
        What dependences are tracked on.
    lookup_cap : int or None
        Most producers of one TensorMap lookup, None for all, `RUNTIME_LIMIT` for the runtime's.
    profiling : bool
        Whether the run writes the records that the device tools read.
    policy : Policy
        Which ready task runs next, and where.
    estimates : Estimates
        What the policy is told of kernel times and priorities.
    lowering : Lowering
        The compiler whose rules for the directions of arguments apply.
    ideals : tuple of str
        What device and runtime have as ideals (`tilesim.ideals`); only names what was done.
    """

    device: Device = field(default_factory=lambda: load_device(DEFAULT_DEVICE))
    runtime: RuntimeVersion = field(default_factory=lambda: load_runtime(DEFAULT_RUNTIME))
    dependencies: Dependencies = Dependencies.TENSOR
    lookup_cap: int | None = RUNTIME_LIMIT
    profiling: bool = True
    policy: Policy = field(default_factory=RuntimePolicy)
    estimates: Estimates = field(default_factory=Estimates)
    lowering: Lowering = Lowering.APRIL
    ideals: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lookup_limit(self.runtime, self.lookup_cap)  # refuses what is no cap

    @property
    def effective_lookup_cap(self) -> int | None:
        """The limit that applies, None for no limit."""
        return lookup_limit(self.runtime, self.lookup_cap)

    def differences(self) -> list[str]:
        """What differs from the default setup, in words."""
        words = []
        if self.device.name != DEFAULT_DEVICE:
            words.append(f"on {self.device.name}")
        if self.runtime.name != DEFAULT_RUNTIME:
            words.append(f"with {self.runtime.name}")
        if self.lowering is not Lowering.APRIL:
            words.append(f"(lowering {self.lowering})")
        words += [f"(ideal {name})" for name in self.ideals]
        words += self._changed_figures()
        if self.dependencies is not Dependencies.TENSOR:
            words.append(f"({self.dependencies} dependencies)")
        if self.effective_lookup_cap != self.runtime.lookup_limit:
            cap = self.effective_lookup_cap
            words.append("(no lookup cap)" if cap is None else f"(lookup cap {cap})")
        if not self.profiling:
            words.append("(no profiling)")
        if self.policy != RuntimePolicy():
            words.append(full_name(self.policy))
        if self.estimates.error:
            seed = f", seed {self.estimates.seed}" if self.estimates.seed else ""
            words.append(f"(estimate error {self.estimates.error:g}{seed})")
        words += [f"(priority {k} {n})" for k, n in self.estimates.priorities.items()]
        return words

    def _changed_figures(self) -> list[str]:
        """Figures that are not those of the device and the runtime of these names, in words."""
        words = []
        ideal = {key: value for name in self.ideals for key, value in IDEALS[name][1].items()}
        for described, known, load in (
            (self.device, available_devices(), load_device),
            (self.runtime, available_runtimes(), load_runtime),
        ):
            if described.name in known:
                before, now = figures_of(load(described.name)), figures_of(described)
                words += [
                    f"({key}={_number(value):g})"
                    for key, value in now.items()
                    if (key not in before or _number(before[key]) != _number(value))
                    and ideal.get(key) != _number(value)
                ]
        return words

    def has_graph_of(self, other: Setup) -> bool:
        """Whether programs have the same graph and kernel times with both."""
        return (
            self.device == other.device
            and self.runtime == other.runtime
            and self.dependencies is other.dependencies
            and self.lowering is other.lowering
            and self.effective_lookup_cap == other.effective_lookup_cap
        )

    def is_as_published(self, case: PublishedCase) -> bool:
        """Whether a case was measured like this."""
        return (
            self.device == load_device(DEFAULT_DEVICE)
            and self.runtime == load_runtime(case.runtime)
            and self.dependencies is Dependencies.TENSOR
            and self.lowering is Lowering.APRIL
            and self.effective_lookup_cap == self.runtime.lookup_limit
            and self.profiling == case.profiling
            and self.policy == RuntimePolicy()
        )


@dataclass(frozen=True)
class Run:
    """One simulated run of a workload.

    Attributes
    ----------
    workload, parameters, setup
        What ran, how large, and on what.
    case, trace, statistics
        What was simulated, when everything happened, and the figures of it.
    trace_s, simulate_s : float
        Seconds that reading the program and finding its graph took, and simulating it.
    """

    workload: Workload
    parameters: Mapping[str, int]
    setup: Setup
    case: Case
    trace: Trace
    statistics: Statistics
    trace_s: float
    simulate_s: float

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
        """How full the rings were, and how long the orchestrator waited for space."""
        return ring_usage(self.trace)

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
            if name in shown or value != self.workload.defaults[name]
        ]
        return " ".join([self.workload.name, *parts, *self.setup.differences()])

    @property
    def full_name(self) -> str:
        """Name with all parameters."""
        return self.describe(self.parameters)


def _number(figure: Quantity | int) -> float:
    return figure.value if isinstance(figure, Quantity) else figure


def replay(
    workload: Source,
    settings: Mapping[str, Any] | None = None,
    setup: Setup | None = None,
    report: Report | None = None,
) -> Run:
    """Simulate a workload.

    Parameters
    ----------
    workload : str or Workload
        The workload, its name, a program file, or ``revision:file``.
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


def build_case(
    workload: Workload, parameters: Mapping[str, int], setup: Setup, report: Report
) -> Case:
    """Read a program and find its graph.

    Raises
    ------
    InputError
        The program cannot be read, or the device does not state what an operation costs.
    """
    report(f"{workload.name}: reading the program")
    submits = workload.submits(parameters, setup.lowering)
    report(f"{workload.name}: finding the graph of {len(submits):,} submits")
    graph = find_graph(
        submits,
        setup.runtime,
        dependencies=setup.dependencies,
        lookup_cap=setup.lookup_cap,
    )
    case = Case.of(submits, graph, setup.device, setup.runtime)
    return replace(case, policy=setup.policy, estimates=setup.estimates, profiling=setup.profiling)


def run_case(
    workload: Workload,
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
