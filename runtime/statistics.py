"""What the device tools print for a run, with the same definitions."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.functions import function_columns, functions_of
from runtime.trace import Trace

__all__ = ["FunctionStatistics", "Statistics", "summarize"]


@dataclass(frozen=True, slots=True)
class FunctionStatistics:
    """One function's rows: means over them, in us. Of a MIX task each side is a function."""

    name: str
    core: str
    count: int
    avg_exec_us: float
    avg_latency_us: float
    exec_percent: float
    avg_head_us: float
    avg_tail_us: float


@dataclass(frozen=True, slots=True)
class Statistics:
    """A run in numbers.

    Attributes
    ----------
    functions : tuple of FunctionStatistics
        One row per function that ran, in order of the kernels.
    tasks : int
        Rows of the trace; hidden allocs are not among them.
    wall_clock_us : float
        Total Test Time: last finish - first dispatch.
    avg_exec_us, avg_head_us, avg_tail_us, avg_latency_us : float
        Means over all tasks.
    exec_percent : float
        Sum of exec over sum of latency, in percent.
    tasks_in_flight : float
        Tasks between dispatch and finish, averaged over the wall-clock.
    aic_busy, aiv_busy : float
        Part of the wall-clock during which a core of that type executes, averaged over them.
    elapsed_us : float
        From the start of the orchestrator to the last finish, as benchmarks without profiling
        measure.
    orchestrator_busy_us : float
        Time that the orchestrator spent submitting, the time before the first dispatch included.
    scheduler_busy_us : tuple of float
        Time that each scheduler thread spent completing and dispatching.
    gm_gbps, hbm_gbps : float
        What kernels loaded and stored, and what HBM moved for them, over the wall-clock.
    """

    functions: tuple[FunctionStatistics, ...]
    tasks: int
    wall_clock_us: float
    avg_exec_us: float
    avg_head_us: float
    avg_tail_us: float
    avg_latency_us: float
    exec_percent: float
    tasks_in_flight: float
    aic_busy: float
    aiv_busy: float
    elapsed_us: float
    orchestrator_busy_us: float
    scheduler_busy_us: tuple[float, ...]
    gm_gbps: float
    hbm_gbps: float


def summarize(trace: Trace) -> Statistics:
    """Compute the statistics of a run."""
    wall_us = trace.wall_clock_us
    latency_us, exec_us = trace.latency_us, trace.exec_us
    is_aic = trace.core < trace.aic_count
    return Statistics(
        functions=_functions(trace),
        tasks=len(trace),
        wall_clock_us=wall_us,
        avg_exec_us=float(exec_us.mean()),
        avg_head_us=float(trace.head_us.mean()),
        avg_tail_us=float(trace.tail_us.mean()),
        avg_latency_us=float(latency_us.mean()),
        exec_percent=_percent(float(exec_us.sum()), float(latency_us.sum())),
        tasks_in_flight=_over(float(latency_us.sum()), wall_us),
        aic_busy=_over(float(exec_us[is_aic].sum()), wall_us * trace.aic_count),
        aiv_busy=_over(float(exec_us[~is_aic].sum()), wall_us * trace.aiv_count),
        elapsed_us=float(trace.finish_us.max()),
        orchestrator_busy_us=float((trace.orchestrator_end_us - trace.orchestrator_begin_us).sum()),
        scheduler_busy_us=_scheduler_busy_us(trace),
        gm_gbps=_over(float(trace.gm_bytes.sum()), wall_us) / 1e3,
        hbm_gbps=_over(float(trace.hbm_bytes.sum()), wall_us) / 1e3,
    )


def _functions(trace: Trace) -> tuple[FunctionStatistics, ...]:
    functions, function = functions_of(trace.graph), function_columns(trace)
    count = np.bincount(function, minlength=len(functions))

    def mean(column: NDArray[np.float64]) -> NDArray[np.float64]:
        total = np.bincount(function, weights=column, minlength=len(count))
        return np.divide(total, count, out=np.zeros(len(count)), where=count > 0)

    exec_us, latency_us = mean(trace.exec_us), mean(trace.latency_us)
    head_us, tail_us = mean(trace.head_us), mean(trace.tail_us)
    return tuple(
        FunctionStatistics(
            name=functions[n].name,
            core=functions[n].core.value,
            count=int(count[n]),
            avg_exec_us=float(exec_us[n]),
            avg_latency_us=float(latency_us[n]),
            exec_percent=_percent(float(exec_us[n]), float(latency_us[n])),
            avg_head_us=float(head_us[n]),
            avg_tail_us=float(tail_us[n]),
        )
        for n in np.flatnonzero(count).tolist()
    )


def _over(part: float, whole: float) -> float:
    """A ratio; of nothing, as a recorded run may be or a device without vector cores has, 0."""
    return part / whole if whole else 0.0


def _percent(part: float, whole: float) -> float:
    """A ratio in percent."""
    return 100.0 * _over(part, whole)


def _scheduler_busy_us(trace: Trace) -> tuple[float, ...]:
    work_us = trace.done_us - trace.observe_us + trace.dispatch_cost_us
    busy_us = np.bincount(trace.thread, weights=work_us, minlength=trace.thread_count)
    return tuple(busy_us.tolist())
