"""How full the rings were in a run, and how long the orchestrator waited for space."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runtime.demand import Demand, Resource
from runtime.map_entries import NEVER_REMOVED
from runtime.trace import Trace

__all__ = ["RingUsage", "retire_us", "ring_usage"]

Floats = NDArray[np.float64]

NO_RING = -1
"""Stands for a ring where a resource is the same for all rings."""


@dataclass(frozen=True, eq=False)
class RingUsage:
    """One resource of one ring during a run.

    Attributes
    ----------
    resource : Resource
        What was taken.
    ring : int
        Of which ring; `NO_RING` for the TensorMap.
    size : int
        How much there is; 0 is no limit.
    high_water : int
        Most that was taken at one time.
    waits : int
        How often the orchestrator waited for it.
    waited_us : float
        How long, in total.
    time_us : float64 array, shape (k,)
        When the use changed, ascending.
    used : int64 array, shape (k,)
        How much was in use from then on.
    """

    resource: Resource
    ring: int
    size: int
    high_water: int
    waits: int
    waited_us: float
    time_us: Floats
    used: NDArray[np.int64]

    @property
    def name(self) -> str:
        """Resource and ring, in words."""
        return self.resource.label + ("" if self.ring == NO_RING else f", ring {self.ring}")


def retire_us(trace: Trace) -> Floats:
    """When each submit retired: consumed, and all before it in its ring retired; shape (n,)."""
    graph, end_us = trace.graph, trace.orchestrator_end_us
    kept_us = np.maximum(trace.release_us, end_us[graph.scopes.end[graph.scopes.of] - 1])
    consumer = np.repeat(np.arange(len(graph)), np.diff(graph.fanin_start))
    producer = graph.fanin
    while len(consumer):  # a consumer that was in time keeps its producer, and so others in time
        in_time = end_us[consumer] <= kept_us[producer]
        if not in_time.any():
            break
        np.maximum.at(kept_us, producer[in_time], trace.release_us[consumer[in_time]])
        consumer, producer = consumer[~in_time], producer[~in_time]
    for ring in range(trace.limits.rings):
        own = graph.ring == ring
        kept_us[own] = np.maximum.accumulate(kept_us[own])
    return kept_us


def ring_usage(trace: Trace) -> tuple[RingUsage, ...]:
    """Every resource of every ring that the run used, by resource and ring."""
    graph, limits = trace.graph, trace.limits
    demand, gone_us = Demand.of(graph, limits), retire_us(trace)
    begin_us, end_us = trace.orchestrator_begin_us.copy(), trace.orchestrator_end_us
    # A begin is told to be the end less what it took, which may round to before a wait's end.
    np.maximum.at(begin_us, trace.waits["submit"], trace.waits["end_us"])
    usages = []
    for ring, own in enumerate(demand.rings):
        if not own.submits:
            continue
        submits = np.array(own.submits)
        for resource, amount, from_us in (
            (Resource.TASK_WINDOW, np.ones(len(submits), dtype=np.int64), begin_us),
            (Resource.HEAP, np.diff(own.heap_end, prepend=0), begin_us),
            (Resource.DEP_POOL, trace.linked[submits].astype(np.int64), end_us),
        ):
            usages.append(_usage(trace, resource, ring, amount, from_us[submits], gone_us[submits]))
    entries = graph.map_entries
    until_us = gone_us[entries.writer]
    removed = entries.removed_by != NEVER_REMOVED
    until_us[removed] = np.minimum(until_us[removed], end_us[entries.removed_by[removed]])
    ones = np.ones(len(entries), dtype=np.int64)
    usages.append(
        _usage(trace, Resource.TENSORMAP, NO_RING, ones, end_us[entries.writer], until_us)
    )
    return tuple(sorted(usages, key=lambda usage: (usage.resource, usage.ring)))


def _usage(
    trace: Trace,
    resource: Resource,
    ring: int,
    amount: NDArray[np.int64],
    from_us: Floats,
    until_us: Floats,
) -> RingUsage:
    """The use of a resource, of which each amount is taken for some time."""
    time_us = np.concatenate([until_us, from_us])  # what ends at a time, ends before what begins
    change = np.concatenate([-amount, amount])
    order = np.argsort(time_us, kind="stable")
    used = np.cumsum(change[order])
    waits = trace.waits[trace.waits["resource"] == resource]
    if ring != NO_RING:
        waits = waits[trace.graph.ring[waits["submit"]] == ring]
    return RingUsage(
        resource=resource,
        ring=ring,
        size=trace.limits.size(resource),
        high_water=int(used.max(initial=0)),
        waits=len(waits),
        waited_us=float((waits["end_us"] - waits["begin_us"]).sum()),
        time_us=time_us[order],
        used=used,
    )
