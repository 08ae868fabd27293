"""Published cases as runs: what the simulator says where others have measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from devices.description import with_values
from devices.device import Device
from devices.errors import InputError, unknown_name
from devices.footprints import Footprints
from runtime.dependencies import find_graph
from runtime.graph import TaskGraph
from runtime.noise import Noise
from runtime.simulation import simulate
from runtime.times import durations_us, memory_uses
from runtime.version import RuntimeVersion, load_runtime
from tilesim.figures import figure_us
from workloads.catalogue import find_workload
from workloads.published import PublishedCase

__all__ = ["Experiment"]

MOST_RUNS, TASKS_OF_RUNS = 16, 3000
"""Runs of a case at the most, and what they have of tasks together, about."""


@dataclass(frozen=True)
class Experiment:
    """A published case whose graph is known, to be simulated with any constants.

    Attributes
    ----------
    case : PublishedCase
        What was published.
    graph : TaskGraph
        What ran.
    runtime : RuntimeVersion
        What it ran on.
    footprints : Footprints
        What its tasks do with the memory.
    """

    case: PublishedCase
    graph: TaskGraph
    runtime: RuntimeVersion
    footprints: Footprints

    @staticmethod
    def of(case: PublishedCase, device: Device, file: str = "published figures") -> Experiment:
        """Read the program of a case and find its graph.

        Parameters
        ----------
        case : PublishedCase
            What was published.
        device : Device
            What kernels run on.
        file : str
            Where the case stands, for messages.

        Raises
        ------
        InputError
            Workload, setting, runtime or kernel is unknown, or the program has another number of
            tasks than was published; the message names file and case.
        """
        try:
            workload, runtime = find_workload(case.workload), load_runtime(case.runtime)
            graph = find_graph(workload.submits(workload.parameters(case.settings)), runtime)
            if case.tasks not in (None, graph.task_count):
                raise InputError(f"tasks: {case.workload} has {graph.task_count}, not {case.tasks}")
            if case.kernel:
                names = [kernel.name for kernel in graph.kernels]
                if case.kernel not in names:
                    raise unknown_name(f"kernel of {case.workload}", case.kernel, names)
            footprints = memory_uses(graph, device).footprints
        except InputError as error:
            raise InputError(f"{file}: case {case.name!r}: {error}") from error
        return Experiment(case, graph, runtime, footprints)

    @property
    def noises(self) -> list[Noise]:
        """Runs over which figures are to be means: few of large graphs, as these are means already.

        One run is a step function of the constants, as polls hit or just miss what they wait for,
        and what was published are mostly means of many rounds. Small noise, the same each time,
        makes figures smooth; its mean is that of no noise.
        """
        count = max(1, min(MOST_RUNS, TASKS_OF_RUNS // len(self.graph)))
        return [Noise(repeat=n, run_sigma=0.0, visible_mean_us=0.0) for n in range(count)]

    def figures(
        self,
        device: Device,
        costs: Mapping[str, float] | None = None,
        noises: Sequence[Noise | None] = (None,),
    ) -> dict[str, float]:
        """The figures that were published, as simulated, in us.

        Parameters
        ----------
        device : Device
            What it runs on.
        costs : mapping, optional
            Costs of its runtime that are other than its file says, by key.
        noises : sequence of Noise or None
            What runs have by chance; figures are means over the runs.
        """
        runtime = with_values(self.runtime, costs) if costs else self.runtime
        times_us = durations_us(self.graph, device)
        uses = memory_uses(self.graph, device, self.footprints)
        traces = [
            simulate(
                self.graph,
                device,
                runtime,
                profiling=self.case.profiling,
                durations=times_us,
                uses=uses,
                noise=noise,
            )
            for noise in noises
        ]
        return {
            figure: fmean(figure_us(figure, trace, self.case.kernel) for trace in traces)
            for figure in self.case.published
        }
