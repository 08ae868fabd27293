"""Runs and comparisons as plain values for ``--json``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from tilesim.comparison import Comparison
from tilesim.figures import figure_us
from tilesim.policy_report import bounds_record, scheduling_record
from tilesim.replay import Run
from tilesim.ring_report import rings_record

__all__ = ["comparison_record", "run_record"]


def run_record(run: Run) -> dict[str, Any]:
    """A run as a JSON object; times in us, ``*_s`` in seconds, busy parts from 0 to 1."""
    figures, setup = run.statistics, run.setup
    uncertainty = setup.device.uncertainty
    return {
        "workload": run.workload.name,
        "parameters": dict(run.parameters),
        "device": setup.device.name,
        "runtime": setup.runtime.name,
        "dependencies": setup.dependencies.value,
        "lowering": setup.lowering.value,
        "lookup_cap": setup.effective_lookup_cap,
        "profiling": setup.profiling,
        "tasks": run.graph.task_count,
        "allocs": run.graph.alloc_count,
        "edges": run.graph.edge_count,
        "dropped_edges": run.graph.dropped,
        "depth": run.graph.depth,
        "wall_clock_us": figures.wall_clock_us,
        "elapsed_us": figures.elapsed_us,
        "avg_exec_us": figures.avg_exec_us,
        "avg_head_us": figures.avg_head_us,
        "avg_tail_us": figures.avg_tail_us,
        "avg_latency_us": figures.avg_latency_us,
        "exec_percent": figures.exec_percent,
        "tasks_in_flight": figures.tasks_in_flight,
        "core_busy": {"aic": figures.aic_busy, "aiv": figures.aiv_busy},
        "orchestrator_busy_us": figures.orchestrator_busy_us,
        "scheduler_busy_us": list(figures.scheduler_busy_us),
        "gm_gbps": figures.gm_gbps,
        "hbm_gbps": figures.hbm_gbps,
        **scheduling_record(run),
        **bounds_record(run.bounds),
        "rings": rings_record(run.rings),
        "functions": [asdict(function) for function in figures.functions],
        "published": published_record(run),
        "is_recorded": run.is_recorded,
        "recorded_wall_clock_us": None
        if run.recorded_trace is None
        else run.recorded_trace.wall_clock_us,
        "notes": list(run.notes),
        "overflows": list(run.overflows),
        "kernel_time_uncertainty_percent": {
            "cube_serial": uncertainty.cube_serial_percent,
            "cube_pipelined": uncertainty.cube_pipelined_percent,
            "vector": uncertainty.vector_percent,
        },
        "trace_s": run.trace_s,
        "simulate_s": run.simulate_s,
    }


def comparison_record(comparison: Comparison) -> dict[str, Any]:
    """A comparison as a JSON object."""
    return {
        "runs": [run_record(run) for run in comparison.runs],
        "like_for_like": [[run_record(run) for run in group] for group in comparison.like_for_like],
    }


def published_record(run: Run) -> list[dict[str, Any]]:
    """What was published of a run beside what is simulated."""
    return [
        {
            "case": case.name,
            "source": case.source,
            "figure": figure,
            "published_us": published_us,
            "simulated_us": figure_us(figure, run.trace, case.kernel),
        }
        for case in run.published
        for figure, published_us in case.published.items()
    ]
