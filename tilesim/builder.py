"""Cases of many runs, with everything built once that some of them share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar, cast

from devices.capacity import overflows
from devices.footprints import Footprints
from runtime.case import Case
from runtime.dependencies import find_graph
from runtime.footprints import find_footprints
from runtime.graph import TaskGraph
from runtime.submits import Submits
from tilesim.memory import check_room
from tilesim.replay import build_case
from tilesim.setup import Setup
from tilesim.sources import Subject
from workloads.recorded_workload import RecordedWorkload

__all__ = ["Builder"]

_Made = TypeVar("_Made")


class Builder:
    """Builds cases, and keeps the last of each part: program, graph, footprints and times.

    Runs that come in the order of their programs so build each program and each graph once; and
    no more than one is in memory.

    Parameters
    ----------
    admit : callable
        ``admit(name, submits)`` is told each program that was read, before its graph is found;
        raises an `InputError` if that may not be.

    Attributes
    ----------
    programs, graphs : int
        How many were built.
    """

    def __init__(self, admit: Callable[[str, int], None] = check_room) -> None:
        self._admit = admit
        self.programs = 0
        self.graphs = 0
        self._workload: Subject | None = None
        self._kept: dict[str, tuple[object, Any]] = {}

    def case(self, workload: Subject, parameters: dict[str, int], setup: Setup) -> Case:
        """The case of a workload with these parameters on this setup.

        Raises
        ------
        InputError
            As `build_case`.
        """
        if isinstance(workload, RecordedWorkload):
            return build_case(workload, parameters, setup, lambda _: None)
        if workload is not self._workload:
            self._kept.clear()
            self._workload = workload
        program = (parameters, setup.lowering)
        edges = (program, setup.dependencies, setup.effective_lookup_cap, setup.runtime.rings)
        line_bytes = setup.device.l2.line_bytes
        submits = self._keep("submits", program, lambda: self._record(workload, parameters, setup))
        graph = self._keep("graph", edges, lambda: self._graph(submits, setup))
        footprints: Footprints = self._keep(
            "footprints", (edges, line_bytes), lambda: find_footprints(graph, line_bytes)
        )
        timed = self._keep(
            "times",
            (edges, setup.device),
            lambda: Case.of(submits, graph, setup.device, setup.runtime, footprints),
        )
        return replace(
            timed,
            runtime=setup.runtime,
            policy=setup.policy,
            estimates=setup.estimates,
            profiling=setup.profiling,
        )

    def overflows(self, case: Case) -> int:
        """Kernels of the case that was made last which do not fit on chip."""
        kernels, device = case.graph.kernels, case.device
        _, count = self._keep(
            "overflows",
            (id(kernels), device.buffers),
            lambda: (kernels, sum(1 for _ in overflows(kernels, device))),  # kept, so is the id
        )
        return count

    def _record(self, workload: Any, parameters: dict[str, int], setup: Setup) -> Submits:
        self._kept.clear()  # before the next one takes memory
        self.programs += 1
        submits = cast(Submits, workload.submits(parameters, setup.lowering))
        self._admit(workload.name, len(submits))
        return submits

    def _graph(self, submits: Submits, setup: Setup) -> TaskGraph:
        for name in ("graph", "footprints", "times", "overflows"):
            self._kept.pop(name, None)
        self.graphs += 1
        return find_graph(
            submits,
            setup.runtime,
            dependencies=setup.dependencies,
            lookup_cap=setup.lookup_cap,
        )

    def _keep(self, name: str, key: object, make: Callable[[], _Made]) -> _Made:
        """What was made last, if the key is that of it."""
        kept = self._kept.get(name)
        if kept is not None and kept[0] == key:
            return cast(_Made, kept[1])
        made = make()
        self._kept[name] = key, made
        return made
