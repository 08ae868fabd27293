"""Several runs side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Any

from runtime.case import Case
from tilesim.replay import Report, Run, Setup, build_case, run_case
from workloads.catalogue import find_workload

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
    builder = _Builder(report or (lambda _: None))

    def run(name: str, sizes: Mapping[str, Any], setup: Setup) -> Run:
        return builder.run(name, find_workload(name).parameters(sizes), setup)

    asked = tuple(run(name, settings, setup) for name in workloads for setup in setups)
    groups = []
    for sizes in _sizes(workloads, settings) if like_for_like else ():
        merged = {**settings, **sizes}
        groups.append(tuple(run(name, merged, setup) for name in workloads for setup in setups))
    return Comparison(asked, tuple(groups))


class _Builder:
    """Makes every run once, and a graph once for all runs that share it."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._runs: list[Run] = []

    def run(self, name: str, parameters: Mapping[str, int], setup: Setup) -> Run:
        """The run of a workload with these parameters on this setup."""
        same = [r for r in self._runs if (r.workload.name, r.parameters) == (name, parameters)]
        for known in same:
            if known.setup == setup:
                return known
        began = perf_counter()
        case = self._case(name, parameters, setup, same)
        trace_s = perf_counter() - began
        workload = find_workload(name)
        made = run_case(workload, parameters, setup, case, trace_s, self._report)
        self._runs.append(made)
        return made

    def _case(
        self, name: str, parameters: Mapping[str, int], setup: Setup, same: Sequence[Run]
    ) -> Case:
        for known in same:
            if known.setup.has_graph_of(setup):
                return replace(
                    known.case,
                    policy=setup.policy,
                    estimates=setup.estimates,
                    profiling=setup.profiling,
                )
        return build_case(find_workload(name), parameters, setup, self._report)


def _sizes(workloads: Sequence[str], settings: Mapping[str, Any]) -> list[dict[str, int]]:
    """Different values of the parameters that all workloads have, where they differ at all."""
    chosen = [find_workload(name).parameters(settings) for name in workloads]
    common = [p for p in chosen[0] if all(p in other for other in chosen)]
    differing = [p for p in common if len({parameters[p] for parameters in chosen}) > 1]
    sizes = [{p: parameters[p] for p in differing} for parameters in chosen]
    return [s for i, s in enumerate(sizes) if s and s not in sizes[:i]]
