"""From a workload's name to a simulated run, and from several runs to a comparison."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from devices.device import Device, load_device
from runtime.dependencies import RUNTIME_LIMIT, Dependencies, find_graph, lookup_limit
from runtime.graph import TaskGraph
from runtime.language import record
from runtime.simulation import simulate
from runtime.statistics import Statistics, summarize
from runtime.trace import Trace
from runtime.version import RuntimeVersion, load_runtime
from workloads.catalogue import Measurement, Workload, find_workload

__all__ = [
    "DEFAULT_DEVICE",
    "DEFAULT_RUNTIME",
    "Comparison",
    "Run",
    "Setup",
    "compare",
    "differing_parameters",
    "replay",
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
    """

    device: Device = field(default_factory=lambda: load_device(DEFAULT_DEVICE))
    runtime: RuntimeVersion = field(default_factory=lambda: load_runtime(DEFAULT_RUNTIME))
    dependencies: Dependencies = Dependencies.TENSOR
    lookup_cap: int | None = RUNTIME_LIMIT
    profiling: bool = True

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
        if self.dependencies is not Dependencies.TENSOR:
            words.append(f"({self.dependencies} dependencies)")
        if self.effective_lookup_cap != self.runtime.lookup_limit:
            cap = self.effective_lookup_cap
            words.append("(no lookup cap)" if cap is None else f"(lookup cap {cap})")
        if not self.profiling:
            words.append("(no profiling)")
        return words

    @property
    def is_as_measured(self) -> bool:
        """Whether published measurements were taken like this."""
        return (
            self.device == load_device(DEFAULT_DEVICE)
            and self.runtime == load_runtime(DEFAULT_RUNTIME)
            and self.dependencies is Dependencies.TENSOR
            and self.effective_lookup_cap == self.runtime.lookup_limit
            and self.profiling
        )


@dataclass(frozen=True)
class Run:
    """One simulated run of a workload.

    Attributes
    ----------
    workload, parameters, setup
        What ran, how large, and on what.
    graph, trace, statistics
        What was found, when everything happened, and the figures of it.
    trace_s, simulate_s : float
        Seconds that reading the program and finding its graph took, and simulating it.
    """

    workload: Workload
    parameters: Mapping[str, int]
    setup: Setup
    graph: TaskGraph
    trace: Trace
    statistics: Statistics
    trace_s: float
    simulate_s: float

    @property
    def measured(self) -> Measurement | None:
        """What was published for exactly this run, if anything."""
        is_default = self.parameters == self.workload.defaults
        return self.workload.measured if is_default and self.setup.is_as_measured else None

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


def differing_parameters(runs: Sequence[Run]) -> list[str]:
    """Parameters that do not have one value in all runs that have them."""
    names = dict.fromkeys(name for run in runs for name in run.parameters)
    values = {n: {r.parameters[n] for r in runs if n in r.parameters} for n in names}
    return [name for name, seen in values.items() if len(seen) > 1]


def replay(
    workload: str,
    settings: Mapping[str, Any] | None = None,
    setup: Setup | None = None,
    report: Report | None = None,
) -> Run:
    """Simulate a workload.

    Parameters
    ----------
    workload : str
        Its name.
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
    found, setup = find_workload(workload), setup or Setup()
    parameters = found.parameters(settings or {})
    tell = report or _ignore
    began = perf_counter()
    tell(f"{workload}: reading the program")
    submits = record(found.build(**parameters))
    tell(f"{workload}: finding the graph of {len(submits):,} submits")
    graph = find_graph(
        submits,
        setup.runtime,
        dependencies=setup.dependencies,
        lookup_cap=setup.lookup_cap,
    )
    traced = perf_counter()
    tell(f"{workload}: simulating {graph.task_count:,} tasks")
    trace = simulate(graph, setup.device, setup.runtime, profiling=setup.profiling)
    simulated = perf_counter()
    return Run(
        workload=found,
        parameters=parameters,
        setup=setup,
        graph=graph,
        trace=trace,
        statistics=summarize(trace),
        trace_s=traced - began,
        simulate_s=simulated - traced,
    )


@dataclass(frozen=True)
class Comparison:
    """Several runs side by side.

    Attributes
    ----------
    runs : tuple of Run
        What was asked for.
    like_for_like : tuple of tuple of Run
        Where workloads ran at different sizes: all of them at each of the sizes.
    """

    runs: tuple[Run, ...]
    like_for_like: tuple[tuple[Run, ...], ...]


def compare(
    workloads: Sequence[str],
    settings: Mapping[str, Any] | None = None,
    setups: Sequence[Setup] | None = None,
    report: Report | None = None,
    *,
    like_for_like: bool = True,
) -> Comparison:
    """Simulate several workloads.

    Parameters
    ----------
    workloads : sequence of str
        Their names.
    settings : mapping, optional
        Parameters that differ from the defaults, the same for every workload.
    setups : sequence of Setup, optional
        What they run on; every workload runs on each.
    report : callable, optional
        Told each step that begins.
    like_for_like : bool
        Whether workloads with different sizes also run at each other's.

    Raises
    ------
    InputError
        As `replay`.
    """
    settings, setups = settings or {}, setups or [Setup()]
    for name in workloads:  # before anything runs
        find_workload(name).parameters(settings)
    runs: dict[tuple[str, tuple[tuple[str, int], ...], int], Run] = {}

    def run(name: str, sizes: Mapping[str, Any], place: int) -> Run:
        parameters = find_workload(name).parameters(sizes)
        key = (name, tuple(sorted(parameters.items())), place)
        if key not in runs:
            runs[key] = replay(name, sizes, setups[place], report)
        return runs[key]

    places = range(len(setups))
    asked = tuple(run(name, settings, place) for name in workloads for place in places)
    groups = []
    for sizes in _sizes(workloads, settings) if like_for_like else ():
        merged = {**settings, **sizes}
        groups.append(tuple(run(name, merged, place) for name in workloads for place in places))
    return Comparison(asked, tuple(groups))


def _sizes(workloads: Sequence[str], settings: Mapping[str, Any]) -> list[dict[str, int]]:
    """Different values of the parameters that all workloads have, where they differ at all."""
    chosen = [find_workload(name).parameters(settings) for name in workloads]
    common = [p for p in chosen[0] if all(p in other for other in chosen)]
    differing = [p for p in common if len({parameters[p] for parameters in chosen}) > 1]
    sizes = [{p: parameters[p] for p in differing} for parameters in chosen]
    return [s for i, s in enumerate(sizes) if s and s not in sizes[:i]]


def _ignore(_: str) -> None:
    """Tell nobody."""
