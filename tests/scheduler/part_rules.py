"""Rules that every run keeps, whatever its tasks take: more than one core, one, or none."""

import numpy as np

from devices.kernel import CoreType
from runtime.graph import ALLOC, DUMMY
from runtime.launch import Launch

PARTS = {"cube": 1, "vector": 1, "mix": 3, "half": 2}
"""Cores that a block of each kernel of a toy graph takes."""


def check_parts(trace, graph):
    """Every block has run once, on cores of its type; a MIX one on cores of one cluster."""
    for task, kernel in enumerate(graph.kernel.tolist()):
        rows = np.flatnonzero(trace.task == task)
        if kernel < 0:
            assert not rows.size
            continue
        what, blocks = graph.kernels[kernel], graph.launches.get(task, Launch()).blocks
        assert rows.size == PARTS[what.name] * blocks
        is_cube = trace.core[rows] < trace.aic_count
        if what.core is CoreType.MIX:
            assert is_cube.sum() == blocks
            wide = trace.aiv_count // trace.aic_count
            cores = trace.core[rows]
            clusters = np.where(is_cube, cores, (cores - trace.aic_count) // wide)
            parts = np.unique(clusters, return_counts=True)[1]
            assert (parts % PARTS[what.name] == 0).all()
        else:
            assert (is_cube == (what.core is CoreType.AIC)).all()


def check_cores(trace):
    """No core executes two things at once."""
    for core in set(trace.core.tolist()):
        mine = np.flatnonzero(trace.core == core)
        mine = mine[np.lexsort((trace.end_us[mine], trace.start_us[mine]))]
        assert (trace.start_us[mine][1:] >= trace.end_us[mine][:-1]).all()


def check_edges(trace, graph):
    """No part starts before all parts of all producers have ended, dummies passed through."""
    ended = np.full(len(graph), -np.inf)
    np.maximum.at(ended, trace.task, trace.end_us)
    for task in range(len(graph)):
        before = max((ended[p] for p in graph.producers(task).tolist()), default=-np.inf)
        if graph.kernel[task] == DUMMY:
            ended[task] = before  # producers come first, so this passes on what they wait for
        elif graph.kernel[task] != ALLOC:  # nobody waits for an alloc
            assert trace.start_us[trace.task == task].min() >= before
