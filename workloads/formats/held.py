"""A case or a graph of this project as what files hold: with kernel times, and no device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from devices.device import Device, load_device
from devices.errors import InputError
from devices.kernel import CoreType, Kernel
from runtime.arguments import as_scalars, as_tensors
from runtime.case import Case
from runtime.columns import column
from runtime.graph import TaskGraph
from runtime.spread import core_shares
from runtime.submits import Submits
from workloads.formats.imported import Imported
from workloads.formats.named_producers import named_producers

__all__ = ["held"]

_ALONE = (
    "Kernel times are those of kernels that are alone on the device and find nothing in L2; what "
    "they lose to each other in the shared memory is not in the file."
)
_SLOTS = 3
"""Cores of a cluster: a cube core and two vector cores."""


def held(
    what: Case | Imported | TaskGraph, durations_us: Sequence[float] | None = None
) -> Imported:
    """What is to be written.

    Parameters
    ----------
    what : Case, Imported or TaskGraph
        A case has kernel times; `Case.as_run` has those of a run. So has what was read.
    durations_us : sequence of float, optional
        Kernel time of each submit of a graph.

    Raises
    ------
    InputError
        A graph has no times, or not one for each submit, or one that is no time.
    """
    if isinstance(what, Imported):
        return what
    if isinstance(what, Case):
        device, notes = what.device, (() if what.uses is None else (_ALONE,))
        return _held(what.graph, what.submits, what.durations_us, device, notes)
    if durations_us is None or len(durations_us) != len(what):
        count = "no" if durations_us is None else f"{len(durations_us):,}"
        raise InputError(
            f"{what.name}: there are {count} kernel times for {len(what):,} submits; give one for "
            "each, in us"
        )
    return _held(what, None, np.array(durations_us, dtype=np.float64), None, ())


def _held(
    graph: TaskGraph,
    submits: Submits | None,
    durations_us: NDArray[np.float64],
    device: Device | None,
    notes: tuple[str, ...],
) -> Imported:
    wrong = np.flatnonzero(~((durations_us >= 0.0) & (durations_us < np.inf)))
    if len(wrong):
        raise InputError(
            f"{graph.name}: the kernel time of submit {wrong[0]} is {durations_us[wrong[0]]} us; "
            "0 or more"
        )
    kernels = [_unrecorded(kernel, device) for kernel in graph.kernels]
    own = replace(graph, kernels=kernels)
    return Imported(
        name=graph.name,
        format="tilesim",
        submits=_submits(own, submits),
        graph=own,
        durations_us=np.where(graph.kernel >= 0, durations_us, 0.0),
        has_tensors=any(map(bool, graph.views)),
        notes=notes,
    )


def _unrecorded(kernel: Kernel, device: Device | None) -> Kernel:
    """The kernel as a file has it: a MIX kernel keeps how its time divides between its cores."""
    shares = kernel.core_shares
    if kernel.core is CoreType.MIX and not shares:
        slots, parts = core_shares(kernel, device or load_device("a2a3"))
        share_of = dict(zip(slots, parts, strict=True))
        shares = tuple(share_of.get(slot, 0.0) for slot in range(_SLOTS))
    return replace(kernel, body=(), sides=(), vector_lanes=1, recorded=False, core_shares=shares)


def _submits(graph: TaskGraph, program: Submits | None) -> Submits:
    """The program of a graph; of one that was changed, all edges are named by the program."""
    if program is not None and program.kernel == graph.kernel.tolist():
        return replace(program, kernels=graph.kernels)
    explicit = named_producers(graph.fanin_start, graph.fanin)
    return Submits(
        graph.name,
        "" if program is None else program.file,
        () if program is None else program.arguments,
        graph.kernels,
        (),
        kernel=graph.kernel.tolist(),
        depth=graph.ring.tolist(),
        views=as_tensors(graph.views),
        scalars=as_scalars(graph.scalars),
        launches=dict(graph.launches),
        explicit=explicit,
        manual=set(explicit),
        scope=column("i", graph.scopes.of.astype(np.int32)),
        scope_line=column("i", graph.scopes.line.astype(np.int32)),
        scope_end=column("i", graph.scopes.end.astype(np.int32)),
    )
