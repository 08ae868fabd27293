"""Rules that every run keeps, whatever its tasks take: more than one core, one, or none."""

from dataclasses import fields

import numpy as np

from devices.kernel import CoreType
from runtime.demand import Resource
from runtime.explanation import explain
from runtime.graph import ALLOC, DUMMY
from runtime.launch import Launch
from runtime.ring_usage import ring_usage
from scheduler.board import ANY_CORE

EPSILON_US = 1e-6
"""What sums of a run's times may be off by rounding."""


def check_trace(trace, graph):
    """All rules that need nothing but the run and what ran."""
    check_columns(trace)
    check_parts(trace, graph)
    check_cores(trace)
    check_edges(trace, graph)
    check_stamps(trace)
    check_orchestrator(trace, graph)
    check_rings(trace)
    is_named = trace.named_core != ANY_CORE
    assert trace.core[is_named].tolist() == trace.named_core[is_named].tolist()
    parts_us = explain(trace).part_us
    assert abs(parts_us.sum() - trace.wall_clock_us) < EPSILON_US * max(1.0, trace.wall_clock_us)


def check_columns(trace):
    """Columns are as long as they have to be, of the types that are told, and finite."""
    types = {"task": np.int32, "core": np.int16, "thread": np.int16, "named_core": np.int16}
    types |= {"released_by": np.int32, "linked": np.int32}
    per_submit = {"orchestrator_begin_us", "orchestrator_end_us", "release_us", "linked"}
    for column in fields(trace):
        values = getattr(trace, column.name)
        if not isinstance(values, np.ndarray) or column.name in ("waits", "core_id"):
            continue
        rows = len(trace.graph) if column.name in per_submit else len(trace)
        assert values.shape == (rows,), column.name
        assert values.dtype == types.get(column.name, values.dtype), column.name
        if column.name.endswith(("_us", "_bytes")):
            assert values.dtype == np.float64, column.name
            assert np.isfinite(values).all(), column.name
            assert (values >= 0.0).all(), column.name


def check_parts(trace, graph):
    """Every block has run once, on cores of its type; a MIX one on cores of one cluster."""
    order = np.argsort(trace.task, kind="stable")
    ends = np.searchsorted(trace.task[order], np.arange(len(graph) + 1))
    for task, kernel in enumerate(graph.kernel.tolist()):
        rows = order[ends[task] : ends[task + 1]]
        if kernel < 0:
            assert not rows.size
            continue
        what, blocks = graph.kernels[kernel], graph.launches.get(task, Launch()).blocks
        assert rows.size == cores_of(what) * blocks
        is_cube = trace.core[rows] < trace.aic_count
        if what.core is CoreType.MIX:
            wide = trace.aiv_count // trace.aic_count
            cores = trace.core[rows]
            clusters = np.where(is_cube, cores, (cores - trace.aic_count) // wide)
            parts = np.unique(clusters, return_counts=True)[1]
            assert (parts % cores_of(what) == 0).all()
        else:
            assert (is_cube == (what.core is CoreType.AIC)).all()


def cores_of(kernel):
    """Cores that a block of a kernel takes."""
    if kernel.core is not CoreType.MIX:
        return 1
    if kernel.core_shares:
        return sum(share > 0.0 for share in kernel.core_shares)
    if kernel.sides:
        return sum(side is not None for side in kernel.sides)
    return 1 + kernel.vector_lanes


def check_cores(trace):
    """No core executes two things at once."""
    order = np.lexsort((trace.end_us, trace.start_us, trace.core))
    same = np.diff(trace.core[order]) == 0
    assert (trace.start_us[order][1:][same] >= trace.end_us[order][:-1][same]).all()
    assert (trace.core >= 0).all()
    assert (trace.core < trace.aic_count + trace.aiv_count).all()


def check_edges(trace, graph):
    """No part starts before all parts of all producers have ended, dummies passed through."""
    started, ended = np.full(len(graph), np.inf), np.full(len(graph), -np.inf)
    np.minimum.at(started, trace.task, trace.start_us)
    np.maximum.at(ended, trace.task, trace.end_us)
    for task in range(len(graph)):
        before = max((ended[p] for p in graph.producers(task).tolist()), default=-np.inf)
        if graph.kernel[task] == DUMMY:
            ended[task] = before  # producers come first, so this passes on what they wait for
        elif graph.kernel[task] != ALLOC:  # nobody waits for an alloc
            assert started[task] >= before


def check_stamps(trace):
    """Stamps of each row follow each other, and exec, head and tail are its latency."""
    assert (trace.ready_us >= trace.submit_us - EPSILON_US).all()
    assert (trace.head_us >= 0.0).all()
    assert (trace.exec_us >= 0.0).all()
    assert (trace.tail_us >= 0.0).all()
    assert (trace.observe_us >= trace.end_us).all()
    assert (trace.done_us >= trace.observe_us).all()
    is_either = (trace.finish_us == trace.observe_us) | (trace.finish_us == trace.done_us)
    assert is_either.all()
    whole = trace.exec_us + trace.head_us + trace.tail_us
    assert np.abs(whole - trace.latency_us).max(initial=0.0) < EPSILON_US
    assert (trace.exec_us >= trace.alone_us - EPSILON_US).all()
    assert (trace.thread >= 0).all()
    assert (trace.thread < trace.thread_count).all()


def check_orchestrator(trace, graph):
    """The orchestrator does one thing after the other, and a task is there when it is done."""
    begin_us, end_us = trace.orchestrator_begin_us, trace.orchestrator_end_us
    assert (end_us >= begin_us - EPSILON_US).all()
    assert (begin_us[1:] >= end_us[:-1] - EPSILON_US).all()
    assert trace.submit_us.tolist() == end_us[trace.task].tolist()
    assert (trace.linked >= 0).all()
    assert (trace.linked <= np.diff(graph.fanin_start)).all()
    assert (trace.waits["end_us"] >= trace.waits["begin_us"]).all()


def check_rings(trace):
    """No ring or pool holds more than it has room for, and all are empty at last.

    Where a submit takes no time, what retires and what comes next do so at one moment, and a trace
    does not say which was first.
    """
    takes_time = trace.orchestrator_end_us > trace.orchestrator_begin_us
    if len(trace.waits) and not takes_time.all():
        return
    for usage in ring_usage(trace):
        most = usage.size - (usage.resource is Resource.TASK_WINDOW)
        assert usage.high_water >= 0
        assert not usage.size or usage.high_water <= most, usage.name
        assert not usage.used[-1:].any(), usage.name


def check_durations(trace, graph, durations_us):
    """What no memory is shared by takes as long as it was told, its longest part that is."""
    longest_us = np.zeros(len(graph))
    np.maximum.at(longest_us, trace.task, trace.exec_us)
    told_us = np.where(graph.kernel >= 0, durations_us, 0.0)
    assert np.abs(longest_us - told_us).max() < EPSILON_US


def check_bounds(trace, bounds):
    """No run beats a lower bound."""
    for bound in bounds.all:
        most_us = trace.wall_clock_us * (1 + 1e-9) + EPSILON_US
        assert bound.us <= most_us, f"{bound.name}: {bound.us} > {trace.wall_clock_us}"
