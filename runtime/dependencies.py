"""The graph of a program, with dependences tracked on named tensors or on accessed tiles."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from runtime.accesses import touched_accesses
from runtime.graph import TaskGraph
from runtime.submits import Submits
from runtime.tensormap import build_graph
from runtime.version import RuntimeVersion

__all__ = ["RUNTIME_LIMIT", "Dependencies", "find_graph"]

RUNTIME_LIMIT = -1
"""Stands for the lookup cap that the runtime version has."""


class Dependencies(StrEnum):
    """What dependences are tracked on."""

    TENSOR = "tensor"
    """The arguments that tasks name, as the real runtime does."""
    TILE = "tile"
    """The bytes that tasks touch, by the same rules and with the same lookup cap."""


def find_graph(
    submits: Submits,
    runtime: RuntimeVersion,
    *,
    dependencies: Dependencies = Dependencies.TENSOR,
    lookup_cap: int | None = RUNTIME_LIMIT,
) -> TaskGraph:
    """Find the task graph of a recorded program.

    Parameters
    ----------
    submits : Submits
        The recorded program.
    runtime : RuntimeVersion
        Whose rules apply.
    dependencies : Dependencies
        What dependences are tracked on. With `TILE` only the edges change: the orchestrator is
        charged for the lookups of the named arguments as before, so that the difference between
        the two graphs is the edges and nothing else.
    lookup_cap : int or None
        Most producers of one lookup, None for all, `RUNTIME_LIMIT` for the runtime's own.
    """
    cap = runtime.lookup_limit if lookup_cap == RUNTIME_LIMIT else lookup_cap
    named = build_graph(submits, lookup_cap=cap, rings=runtime.rings)
    if dependencies is Dependencies.TENSOR:
        return named
    touched = touched_accesses(submits)
    tiled = build_graph(submits, lookup_cap=cap, rings=runtime.rings, accesses=touched)
    return replace(tiled, chain_entries=named.chain_entries)
