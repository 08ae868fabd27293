"""A case: everything that decides a run, so that a change of it is a function from case to case."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from devices.device import Device
from devices.footprints import Footprints, Uses
from runtime.bounds import Bounds, find_bounds
from runtime.estimates import Estimates
from runtime.false_dependences import FalseDependences, find_false_dependences
from runtime.graph import TaskGraph
from runtime.noise import Noise
from runtime.simulation import simulate
from runtime.submits import Submits
from runtime.times import durations_us, least_overheads, memory_uses
from runtime.trace import Trace
from runtime.version import RuntimeVersion
from scheduler.bounds import LeastOverheads
from scheduler.policy import Policy, RuntimePolicy

__all__ = ["Case"]


@dataclass(frozen=True)
class Case:
    """What runs, on what, and how it is scheduled.

    Attributes
    ----------
    submits : Submits
        The recorded program that the graph was found from.
    graph : TaskGraph
        What runs.
    durations_us : float64 array, shape (n,)
        Kernel time of each submit, 0 for allocs: alone on the device and with nothing in L2, if
        `uses` are known, else whatever else runs.
    device, runtime : Device, RuntimeVersion
        What it runs on.
    policy : Policy
        Which ready task runs next, and where.
    estimates : Estimates
        What the policy is told.
    profiling : bool
        Whether records are written, which takes time itself.
    uses : Uses or None
        What each submit does with global memory.
    noise : Noise or None
        What the run has by chance.
    """

    submits: Submits
    graph: TaskGraph
    durations_us: NDArray[np.float64]
    device: Device
    runtime: RuntimeVersion
    policy: Policy = field(default_factory=RuntimePolicy)
    estimates: Estimates = field(default_factory=Estimates)
    profiling: bool = True
    uses: Uses | None = None
    noise: Noise | None = None

    @staticmethod
    def of(
        submits: Submits,
        graph: TaskGraph,
        device: Device,
        runtime: RuntimeVersion,
        footprints: Footprints | None = None,
    ) -> Case:
        """The case with the kernel times that the device's model gives.

        What submits touch, their `footprints`, is found if it is not known already.

        Raises
        ------
        InputError
            A kernel has an operation whose cost the device does not state.
        """
        times_us = np.array(durations_us(graph, device))
        uses = memory_uses(graph, device, footprints)
        return Case(submits, graph, times_us, device, runtime, uses=uses)

    @property
    def least(self) -> LeastOverheads:
        """What passes around a kernel at the least."""
        decision_us = self.policy.decision_us
        return least_overheads(self.runtime, decision_us, profiling=self.profiling)

    @property
    def fixed_us(self) -> float:
        """Part of every kernel's time that does not depend on its work: start and commit."""
        return self.device.kernel.start_us.value + self.device.kernel.commit_us.value

    @cached_property
    def false_dependences(self) -> FalseDependences:
        """The edges of the graph that only the comparison of whole tensors has found."""
        return find_false_dependences(self.submits, self.graph)

    def without_false_edges(self) -> Case:
        """The case with true edges only."""
        return replace(self, graph=self.false_dependences.without())

    def as_run(self, trace: Trace) -> Case:
        """The case with the kernel times of a run of it, whatever else runs from now on.

        For changes that make other tasks, of which nobody knows what they do with the memory.
        """
        times_us = np.zeros(len(self.graph))
        np.maximum.at(times_us, trace.task, trace.exec_us)
        return replace(self, durations_us=times_us, uses=None)

    def simulate(self) -> Trace:
        """Run it.

        Raises
        ------
        InputError
            As `runtime.simulation.simulate`.
        """
        return simulate(
            self.graph,
            self.device,
            self.runtime,
            policy=self.policy,
            profiling=self.profiling,
            durations=self.durations_us,
            uses=self.uses,
            estimates=self.estimates,
            noise=self.noise,
        )

    def bounds(self, trace: Trace) -> Bounds:
        """Lower bounds of a run of this case."""
        return find_bounds(trace, self.device, self.least)
