"""Why a workload takes as long as it does, and why it takes longer than another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from devices.errors import InputError
from runtime.attribution import Gap, attribute_gap
from runtime.case import Case
from runtime.explanation import Explanation
from runtime.explanation import explain as explain_trace
from runtime.overhead import Overhead, measure_overhead
from tilesim.replay import Report, Run, build_case, run_as_known
from tilesim.setup import Setup
from tilesim.sources import Source, Subject, find_source, program_of

__all__ = ["Difference", "FalseEdges", "Why", "explain", "explain_against"]


@dataclass(frozen=True, slots=True)
class FalseEdges:
    """False dependences between two kernels, or all, and a run without them.

    Attributes
    ----------
    producer, consumer : str
        Names of the kernels; empty for all.
    count : int
        False edges.
    wall_clock_us : float
        Of the run without them.
    """

    producer: str
    consumer: str
    count: int
    wall_clock_us: float


@dataclass(frozen=True)
class Why:
    """A run, explained.

    Attributes
    ----------
    run : Run
        The run, with its bounds.
    explanation : Explanation
        Its wall-clock in parts.
    overhead, overhead_once_submitted : Overhead
        Idle cores beside ready tasks, as the device tools count, and counting tasks from their
        submit on.
    false_edges : tuple of FalseEdges
        For each pair of kernels and, if there are several, all together.
    """

    run: Run
    explanation: Explanation
    overhead: Overhead
    overhead_once_submitted: Overhead
    false_edges: tuple[FalseEdges, ...]


def explain(
    workload: Source,
    settings: Mapping[str, Any] | None = None,
    setup: Setup | None = None,
    report: Report | None = None,
    *,
    simulated: bool = False,
) -> Why:
    """Explain the wall-clock of a workload's simulated run, or of a recorded run.

    Parameters are those of `replay`; a recorded run is explained as it is, or simulated again
    first if `simulated`.

    Raises
    ------
    InputError
        As `replay`.
    """
    tell = report or (lambda _: None)
    run = run_as_known(workload, settings, setup, report, simulated=simulated)
    tell(f"{run.workload.name}: explaining")
    return Why(
        run=run,
        explanation=explain_trace(run.trace),
        overhead=measure_overhead(run.trace),
        overhead_once_submitted=measure_overhead(run.trace, once_submitted=True),
        # Without them a recorded run would have to run again, on another machine.
        false_edges=() if run.is_recorded else _without_false_edges(run.case, tell),
    )


def _without_false_edges(case: Case, report: Report) -> tuple[FalseEdges, ...]:
    """Simulate a case without each kind of false edges, and without all."""
    false = case.false_dependences
    names = [kernel.name for kernel in case.graph.kernels]
    found = []
    for pair in false.pairs:
        producer, consumer = names[pair.producer], names[pair.consumer]
        report(f"simulating without the false edges from {producer} to {consumer}")
        graph = false.without([(pair.producer, pair.consumer)])
        wall_us = replace(case, graph=graph).simulate().wall_clock_us
        found.append(FalseEdges(producer, consumer, pair.count, wall_us))
    if len(found) > 1:
        report("simulating without all false edges")
        wall_us = case.without_false_edges().simulate().wall_clock_us
        found.append(FalseEdges("", "", sum(pair.count for pair in found), wall_us))
    return tuple(found)


@dataclass(frozen=True)
class Difference:
    """Two workloads, and what makes one faster.

    Attributes
    ----------
    names : tuple of str
        The workloads, with the parameters in which they differ or that are not the defaults.
    setup : Setup
        What both run on.
    gap : Gap
        The difference of their wall-clocks in parts.
    """

    names: tuple[str, str]
    setup: Setup
    gap: Gap

    @property
    def title(self) -> str:
        """Both names, and what differs from the default setup."""
        words = [f"From {self.names[0]} to {self.names[1]}", *self.setup.differences()]
        return " ".join(words)


def explain_against(
    first: tuple[Source, Mapping[str, Any]],
    second: tuple[Source, Mapping[str, Any]],
    setup: Setup | None = None,
    report: Report | None = None,
) -> Difference:
    """Attribute the gap between two workloads to what differs.

    Parameters
    ----------
    first, second : (str or Workload, mapping)
        Workloads as for `replay`, and settings.
    setup : Setup, optional
        What both run on.
    report : callable, optional
        Told each step that begins.

    Raises
    ------
    InputError
        Unknown names, values that do not fit, or a workload that cannot have the other's size.
    """
    setup, tell = setup or Setup(), report or (lambda _: None)
    workloads = [find_source(source) for source, _ in (first, second)]
    given = [dict(settings) for _, settings in (first, second)]
    parameters = [w.parameters(s) for w, s in zip(workloads, given, strict=True)]
    common = [name for name in parameters[0] if name in parameters[1]]
    differing = [name for name in common if parameters[0][name] != parameters[1][name]]
    sizes = [name for name in differing if _is_size(workloads[0], parameters, name)]
    cases = {}
    for place, workload in enumerate(workloads):
        for size in (0, 1) if sizes else (0,):
            chosen = {**parameters[place], **{name: parameters[size][name] for name in sizes}}
            cases[place, size] = build_case(workload, workload.parameters(chosen), setup, tell)
    names = tuple(_name(w, p, differing) for w, p in zip(workloads, parameters, strict=True))
    return Difference((names[0], names[1]), setup, attribute_gap(cases, tell))


def _is_size(workload: Subject, parameters: list[dict[str, int]], name: str) -> bool:
    """Whether a parameter decides how large a program's tensors are, not how it is cut."""

    def shapes(value: int) -> list[tuple[int, ...]]:
        program = program_of(workload, "size")
        submits = program.submits({**parameters[0], name: value})
        return [view.shape for view in submits.arguments]

    try:
        return shapes(parameters[0][name]) != shapes(parameters[1][name])
    except InputError:  # it does not fit the other parameters alone, as sizes may
        return True


def _name(workload: Subject, parameters: Mapping[str, int], shown: list[str]) -> str:
    named = [
        f"{name}={value}"
        for name, value in parameters.items()
        if name in shown or value != workload.defaults.get(name)
    ]
    return " ".join([workload.name, *named])
