"""What a policy is told of the tasks: kernel times that may be wrong, and the user's priorities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError, unknown_name
from devices.kernel import global_bytes
from devices.timing import timing_symbols
from runtime.graph import TaskGraph
from scheduler.board import AIC
from scheduler.tasks import Tasks

__all__ = ["Estimates"]

MOST_ERROR = 10.0
"""With more, estimates overflow; at this, they are already off by factors of thousands."""

MOST_PRIORITY = 10**9
"""Priorities are 32 bits in `Tasks`."""


@dataclass(frozen=True)
class Estimates:
    """How well a policy is informed.

    Attributes
    ----------
    error : float
        Standard deviation of the logarithm of estimate over true kernel time: with 0.3, two
        thirds of the estimates lie between 0.74 and 1.35 times the truth. Each task has an error
        of its own.
    seed : int
        Same seed, same errors.
    priorities : mapping of str to int
        Priority of all tasks of a kernel, 0 where none is given; the larger, the sooner.

    Raises
    ------
    InputError
        The error is not from 0 to 10, the seed is negative, or a priority is beyond 10^9.
    """

    error: float = 0.0
    seed: int = 0
    priorities: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.0 <= self.error <= MOST_ERROR:
            raise InputError(f"the estimate error is from 0 to {MOST_ERROR:g}, not {self.error}")
        if self.seed < 0:
            raise InputError(f"the seed of the estimates is 0 or more, not {self.seed}")
        for name, priority in self.priorities.items():
            if abs(priority) > MOST_PRIORITY:
                raise InputError(f"the priority of {name} is {priority}; at most {MOST_PRIORITY:,}")

    def tasks(
        self,
        graph: TaskGraph,
        durations_us: Sequence[float] | NDArray[np.float64],
        submit_costs_us: NDArray[np.float64],
    ) -> Tasks:
        """What a policy sees of a graph.

        Parameters
        ----------
        graph : TaskGraph
            What is to run.
        durations_us : sequence or array of float
            True kernel time of each submit.
        submit_costs_us : float64 array, shape (n,)
            What the orchestrator spends on each submit.

        Raises
        ------
        InputError
            A priority is given for a kernel that the graph does not have.
        """
        estimate_us = np.array(durations_us, dtype=np.float64)
        if self.error:
            random = np.random.default_rng(self.seed)
            estimate_us *= np.exp(self.error * random.standard_normal(len(estimate_us)))
        is_task = graph.kernel >= 0
        return Tasks(
            is_task=is_task,
            kernel=graph.kernel,
            # Policies find cores by the shape, which even what needs none is given.
            shape=np.where(is_task, graph.shape, AIC).astype(np.int8),
            blocks=_blocks(graph),
            together=_together(graph),
            estimate_us=np.where(is_task, estimate_us, 0.0),
            release_us=np.cumsum(submit_costs_us),
            priority=self._priority(graph),
            fanin_start=graph.fanin_start,
            fanin=graph.fanin,
            count_stored_bytes=lambda: _stored_bytes(graph),
        )

    def _priority(self, graph: TaskGraph) -> NDArray[np.int32]:
        names = [kernel.name for kernel in graph.kernels]
        for name in self.priorities:
            if name not in names:
                raise unknown_name(f"kernel of {graph.name}", name, names)
        per_kernel = [self.priorities.get(name, 0) for name in names]
        return np.array([*per_kernel, 0, 0], dtype=np.int32)[graph.kernel]  # no dummy, no alloc


def _blocks(graph: TaskGraph) -> NDArray[np.int32]:
    blocks = np.ones(len(graph), dtype=np.int32)
    for submit, launch in graph.launches.items():
        blocks[submit] = launch.blocks
    return blocks


def _together(graph: TaskGraph) -> NDArray[np.bool_]:
    together = np.zeros(len(graph), dtype=np.bool_)
    for submit, launch in graph.launches.items():
        together[submit] = launch.sync_start
    return together


def _stored_bytes(graph: TaskGraph) -> NDArray[np.int64]:
    """Bytes that each submit's kernel stores to global memory, shape (n,)."""
    stored = np.zeros(len(graph), dtype=np.int64)
    for number, kernel in enumerate(graph.kernels):
        tasks = np.flatnonzero(graph.kernel == number)
        varies = bool(timing_symbols(kernel.body))  # else loops do not depend on the task
        alike: dict[tuple[int, ...], list[int]] = {}
        for task in tasks.tolist():
            alike.setdefault(graph.scalars[task] if varies else (), []).append(task)
        for same in alike.values():
            values = dict(zip(kernel.scalars, graph.scalars[same[0]], strict=True))
            stored[same] = sum(global_bytes(kernel, values)[1])
    return stored
