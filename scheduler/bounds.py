"""Lower bounds of a run's wall-clock: what would still take as long if nothing else did.

References
----------
Graham: Bounds on multiprocessing timing anomalies. SIAM Journal on Applied Mathematics 17 (1969),
for the path and area bounds; Agullo, Beaumont, Eyraud-Dubois, Kumar: Are static schedules so bad?
IPDPS 2016, for drawing them over a run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from scheduler.tasks import longest_to

__all__ = [
    "Bound",
    "LeastOverheads",
    "area_bound",
    "binding",
    "memory_bound",
    "orchestrator_bound",
    "path_bound",
    "thread_bound",
]

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class LeastOverheads:
    """What passes around a kernel when nobody has to wait, in us.

    Attributes
    ----------
    head_us : float
        From the dispatch stamp to the start.
    seen_us : float
        From the end until a scheduler thread has read it.
    completion_us : float
        From then until the core is free and the walk over the consumers begins.
    per_consumer_us : float
        Walking on to one consumer.
    dispatch_us : float
        What a thread spends before a dispatch stamp, the policy's decision included.
    read_us : float
        What reading a task's end costs the thread; a part of `seen_us`, or 0 where one read may
        show several ends.
    core_us : float
        From the end of a kernel on a core to the start of the next one.
    step_us : float
        From the end of a task to the start of a consumer, but for the walk to it.
    ends_completed : bool
        Whether a run ends with the completion of its last task, and not when its end is seen.
    """

    head_us: float
    seen_us: float
    completion_us: float
    per_consumer_us: float
    dispatch_us: float
    read_us: float
    core_us: float
    step_us: float
    ends_completed: bool

    @property
    def between_us(self) -> float:
        """From the end of a task to the start of a consumer."""
        return self.step_us + self.per_consumer_us

    @property
    def tail_us(self) -> float:
        """From the end of a task to its finish."""
        return self.seen_us + (self.completion_us if self.ends_completed else 0.0)


@dataclass(frozen=True, slots=True)
class Bound:
    """One lower bound of a wall-clock.

    Attributes
    ----------
    name : str
        What it is called.
    us : float
        The bound, with what passes around kernels at the least.
    kernel_us : float or None
        The bound with kernel times alone, where it has any.
    """

    name: str
    us: float
    kernel_us: float | None = None


def path_bound(
    name: str,
    exec_us: Floats,
    is_task: NDArray[np.bool_],
    is_walked: NDArray[np.bool_],
    fanin_start: NDArray[np.int64],
    fanin: NDArray[np.integer],
    least: LeastOverheads,
) -> Bound:
    """Longest path through the edges, with enough cores and threads for everybody.

    Parameters
    ----------
    exec_us : float64 array, shape (n,)
        Kernel time of each submit, 0 for allocs.
    is_task : bool array, shape (n,)
        False for allocs, which nothing passes around.
    is_walked : bool array, shape (n,)
        Whether a walk over consumers made the task ready; the others were submitted later.
    fanin_start, fanin : int arrays
        Producers (CSR), each before its consumers.
    """
    step_us = np.where(is_task, exec_us + least.step_us, 0.0) + is_walked * least.per_consumer_us
    steps_us = float(longest_to(step_us, fanin_start, fanin).max(initial=0.0))
    kernels_us = float(longest_to(exec_us, fanin_start, fanin).max(initial=0.0))
    # From a first start to a last end there is a step less; a path of no task has none.
    ends_us = steps_us - least.step_us + least.head_us + least.tail_us
    return Bound(name, ends_us if kernels_us or steps_us else 0.0, kernels_us)


def area_bound(name: str, exec_us: Floats, cores: int, least: LeastOverheads) -> Bound:
    """Work of all tasks of one core type, spread evenly over its cores.

    The first task of each core begins after its dispatch stamp, and all but the last have another
    one behind them.

    Parameters
    ----------
    exec_us : float64 array, shape (t,)
        Kernel times of the tasks.
    """
    held_us = exec_us.sum() + max(len(exec_us) - cores, 0) * least.core_us
    held_us += min(len(exec_us), cores) * (least.head_us + least.tail_us)
    return Bound(name, float(held_us) / cores, float(exec_us.sum()) / cores)


def orchestrator_bound(
    last_submit_us: float, first_dispatch_us: float, last_exec_us: float, least: LeastOverheads
) -> Bound:
    """Submits from the first dispatch on, and then the last task that was submitted."""
    after_us = least.dispatch_us + least.head_us + last_exec_us + least.tail_us
    us = last_submit_us - first_dispatch_us + after_us
    return Bound("orchestrator", us)


def thread_bound(
    tasks: int, unstamped: int, walk_us: float, threads: int, least: LeastOverheads
) -> Bound:
    """Work of the scheduler threads, spread evenly over them.

    Parameters
    ----------
    tasks : int
        Tasks that they read, complete and dispatch.
    unstamped : int
        Tasks that were prepared before the first dispatch stamp of their thread.
    walk_us : float
        Sum of what completions and walks over consumers took, up to the last finish.
    """
    work_us = tasks * (least.read_us + least.dispatch_us) + walk_us
    work_us -= unstamped * least.dispatch_us
    return Bound("scheduler threads", work_us / threads)


def memory_bound(moved_bytes: float, gbps: float) -> Bound:
    """Bytes that have to pass between memory and chip, at the memory's bandwidth (GB/s)."""
    return Bound("memory", moved_bytes / (gbps * 1e3))


def binding(bounds: Sequence[Bound]) -> Bound:
    """The largest bound, of equal ones the first."""
    return max(bounds, key=lambda bound: bound.us)
