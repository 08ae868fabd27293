"""Task graphs as graphs of networkx, whose algorithms and formats are then at hand."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from devices.errors import InputError
from runtime.case import Case
from runtime.graph import TaskGraph
from workloads.formats.assumed import Assumed
from workloads.formats.attributes import described_nodes, node_of
from workloads.formats.drafts import Draft, imported
from workloads.formats.held import held
from workloads.formats.imported import Imported

if TYPE_CHECKING:
    import networkx

__all__ = ["from_networkx", "to_networkx"]

_ORDER = "order"
"""Attribute of edges: which of its consumer's producers an edge is from, counted from 0."""


def to_networkx(
    what: Case | Imported | TaskGraph, durations_us: Sequence[float] | None = None
) -> networkx.DiGraph[int]:
    """A graph of networkx.

    Nodes are numbers of submits, in program order; their attributes are those of
    `workloads.formats.attributes`. Edges lead from producers to consumers, with the attribute
    ``order``: the place of the producer among those of the consumer. The graph's attribute
    ``name`` is that of the task graph.

    Parameters
    ----------
    what : Case, Imported or TaskGraph
        What to turn into one.
    durations_us : sequence of float, optional
        Kernel time of each submit, for a `TaskGraph`. If they are missing, so are the times.

    Raises
    ------
    InputError
        There is not one time for each submit.
    """
    import networkx  # noqa: PLC0415 - takes a tenth of a second, which few need to wait

    untimed = isinstance(what, TaskGraph) and durations_us is None
    if isinstance(what, TaskGraph) and untimed:
        durations_us = [0.0] * len(what)
    content = held(what, durations_us)
    graph = content.graph
    network: networkx.DiGraph[int] = networkx.DiGraph(name=content.name)
    for submit, attributes in enumerate(described_nodes(content)):
        if untimed:
            attributes.pop("time_us", None)
        network.add_node(submit, **attributes)
    producers = graph.fanin.tolist()
    for consumer, (first, last) in enumerate(pairwise(graph.fanin_start.tolist())):
        for order, producer in enumerate(producers[first:last]):
            network.add_edge(producer, consumer, order=order)
    return network


def from_networkx(
    network: networkx.DiGraph[Any], assumed: Assumed | None = None, *, name: str = "networkx"
) -> Imported:
    """The task graph of a graph of networkx.

    Tasks are submitted in the order of the nodes where edges allow that. The producers of a task
    are in the order of the edges' attribute ``order``, or else in that of the edges.

    Parameters
    ----------
    network : networkx.DiGraph
        Nodes may be anything; attributes are those of `workloads.formats.attributes`.
    assumed : Assumed, optional
        What is assumed of what attributes do not say.
    name : str
        What to call it, if the graph has no attribute ``name``.

    Raises
    ------
    InputError
        It is not directed, or has no task, a wrong attribute or edges in a circle.
    """
    if not network.is_directed():
        raise InputError(f"{name}: is an undirected graph; a task graph is a DiGraph")
    called = network.graph.get("name")
    draft = Draft(
        name, called if isinstance(called, str) and called else name, "networkx", "node {}".format
    )
    ids = {node: str(number) for number, node in enumerate(network)}
    for number, (node, attributes) in enumerate(network.nodes(data=True)):
        described = node_of(draft, str(node), number, attributes, assumed or Assumed())
        described.id = ids[node]
        draft.add_node(described)
    edges = [
        (ids[source], ids[to], data.get(_ORDER)) for source, to, data in network.edges(data=True)
    ]
    if all(isinstance(order, int) for _, _, order in edges):
        edges.sort(key=lambda edge: edge[2])
    for source, target, _ in edges:
        draft.add_edge(source, target, int(target))
    return imported(draft, assumed or Assumed())
