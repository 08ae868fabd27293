"""Writing task graphs as workflows of WfCommons, in WfFormat 1.5."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise
from typing import Any

import msgspec

from scheduler.tasks import longest_to
from workloads.formats.attributes import described_nodes
from workloads.formats.imported import Imported

__all__ = ["wfformat_of"]

_VERSION = "1.5"
"""The schema of 1.6 takes what that of 1.5 takes, but for this number."""

_EPOCH = "1970-01-01T00:00:00Z"
"""The schema wants to know when the workflow was executed; simulated time begins at zero."""

_MAKESPAN = (
    "Written by tilesim. Runtimes are kernel times; the makespan is that of the longest path of "
    "edges, which no execution is shorter than."
)
_US = Decimal("1e-6")


def wfformat_of(held: Imported) -> bytes:
    """What a file of the graph holds.

    What WfFormat has no field for is in the field ``tilesim`` of each task; its schema allows
    fields that it does not know. Times are written so that they are read as the same us.
    """
    graph = held.graph
    ids = [f"task_{submit}" for submit in range(len(graph))]
    producers = graph.fanin.tolist()
    bounds = list(pairwise(graph.fanin_start.tolist()))
    start, consumers = graph.fanout
    specified, executed = [], []
    times_us = held.durations_us.tolist()
    for submit, attributes in enumerate(described_nodes(held)):
        attributes.pop("time_us", None)
        kernel = str(attributes.pop("kernel", None) or attributes["kind"])
        first, last = bounds[submit]
        task: dict[str, Any] = {
            "name": kernel,
            "id": ids[submit],
            "parents": [ids[producer] for producer in producers[first:last]],
            "children": [ids[c] for c in consumers[start[submit] : start[submit + 1]]],
        }
        if attributes:
            task["tilesim"] = attributes
        specified.append(task)
        executed.append({"id": ids[submit], "runtimeInSeconds": _seconds(times_us[submit])})
    longest_us = longest_to(held.durations_us, graph.fanin_start, graph.fanin).max()
    instance = {
        "name": held.name or "tilesim",
        "description": _MAKESPAN,
        "schemaVersion": _VERSION,
        "workflow": {
            "specification": {"tasks": specified},
            "execution": {
                "makespanInSeconds": _seconds(float(longest_us)),
                "executedAt": _EPOCH,
                "tasks": executed,
            },
        },
    }
    return msgspec.json.Encoder(decimal_format="number").encode(instance)


def _seconds(time_us: float) -> Decimal:
    """The same time, exactly: the digits of the us with the point moved."""
    return Decimal(repr(time_us)) * _US
