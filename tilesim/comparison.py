"""Several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from runtime.case import Case
from tilesim.replay import Report, Run, build_case, run_case
from tilesim.setup import Setup
from tilesim.sources import Source, Subject, find_source

__all__ = ["Comparison", "compare", "differing_parameters"]


def differing_parameters(runs: Sequence[Run]) -> list[str]:
    """Parameters that do not have one value in all runs that have them."""
    names = dict.fromkeys(name for run in runs for name in run.parameters)
    values = {n: {r.parameters[n] for r in runs if n in r.parameters} for n in names}
    return [name for name, seen in values.items() if len(seen) > 1]


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
    workloads: Sequence[Source],
    settings: Mapping[str, Any] | None = None,
    setups: Sequence[Setup] | None = None,
    report: Report | None = None,
    *,
    like_for_like: bool = True,
) -> Comparison:
    """Simulate several workloads.

    Parameters
    ----------
    workloads : sequence of str or Workload
        Each as for `replay`.
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
    found = [find_source(workload) for workload in workloads]
    for workload in found:  # before anything runs
        workload.parameters(settings)
    builder = _Builder(report or (lambda _: None))

    def runs(sizes: Mapping[str, Any]) -> tuple[Run, ...]:
        return tuple(
            builder.run(workload, workload.parameters(sizes), setup)
            for workload in found
            for setup in setups
        )

    asked = runs(settings)
    sizes = _sizes(found, settings) if like_for_like else []
    groups = [runs({**settings, **each}) for each in sizes]
    return Comparison(asked, tuple(groups))


class _Builder:
    """Makes every run once, and a graph once for all runs that share it."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._runs: list[Run] = []

    def run(self, workload: Subject, parameters: Mapping[str, int], setup: Setup) -> Run:
        """The run of a workload with these parameters on this setup."""
        same = [r for r in self._runs if r.workload is workload and r.parameters == parameters]
        for known in same:
            if known.setup == setup:
                return known
        began = perf_counter()
        case = self._case(workload, parameters, setup, same)
        trace_s = perf_counter() - began
        made = run_case(workload, parameters, setup, case, trace_s, self._report)
        self._runs.append(made)
        return made

    def _case(
        self,
        workload: Subject,
        parameters: Mapping[str, int],
        setup: Setup,
        same: Sequence[Run],
    ) -> Case:
        for known in same:
            if known.setup.has_graph_of(setup):
                return replace(
                    known.case,
                    policy=setup.policy,
                    estimates=setup.estimates,
                    profiling=setup.profiling,
                )
        return build_case(workload, parameters, setup, self._report)


def _sizes(workloads: Sequence[Subject], settings: Mapping[str, Any]) -> list[dict[str, int]]:
    """Different values of the parameters that all workloads have, where they differ at all."""
    chosen = [workload.parameters(settings) for workload in workloads]
    common = [p for p in chosen[0] if all(p in other for other in chosen)]
    differing = [p for p in common if len({parameters[p] for parameters in chosen}) > 1]
    sizes = [{p: parameters[p] for p in differing} for parameters in chosen]
    return [s for i, s in enumerate(sizes) if s and s not in sizes[:i]]
