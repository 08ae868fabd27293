"""The figures that others publish of a run, as simulated."""

from __future__ import annotations

from collections.abc import Callable

from runtime.trace import Trace

__all__ = ["figure_us"]


def figure_us(figure: str, trace: Trace, kernel: str = "") -> float:
    """One figure of a run, in us.

    Parameters
    ----------
    figure : str
        One of `workloads.published.FIGURES`.
    trace : Trace
        The run.
    kernel : str
        The kernel that ``exec_us`` is of; the graph has it.
    """
    return _FIGURES[figure](trace, kernel)


def _exec_us(trace: Trace, kernel: str) -> float:
    names = [k.name for k in trace.graph.kernels]
    return float(trace.exec_us[trace.kernel == names.index(kernel)].mean())


_FIGURES: dict[str, Callable[[Trace, str], float]] = {
    "wall_clock_us": lambda trace, _: trace.wall_clock_us,
    "avg_latency_us": lambda trace, _: float(trace.latency_us.mean()),
    "elapsed_us": lambda trace, _: float(trace.finish_us.max()),
    "orchestrator_us": lambda trace, _: float(trace.orchestrator_end_us[-1]),
    "avg_exec_us": lambda trace, _: float(trace.exec_us.mean()),
    "exec_us": _exec_us,
}
