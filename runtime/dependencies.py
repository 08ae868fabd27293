"""The graph of a program, with dependences tracked on named tensors or on accessed tiles."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum

from devices.errors import InputError
from runtime.accesses import touched_accesses
from runtime.graph import TaskGraph
from runtime.submits import Submits
from runtime.tensormap import build_graph
from runtime.version import RuntimeVersion

__all__ = ["RUNTIME_LIMIT", "Dependencies", "find_graph", "lookup_limit"]

RUNTIME_LIMIT = -1
"""Stands for the lookup cap that the runtime version has."""


class Dependencies(StrEnum):
    """What dependences are tracked on."""

    TENSOR = "tensor"
    """The arguments that tasks name, as the real runtime does."""
    TILE = "tile"
    """The bytes that tasks touch, by the same rules and with the same lookup cap."""


def lookup_limit(runtime: RuntimeVersion, lookup_cap: int | None) -> int | None:
    """Most producers of one lookup, None for all, where `lookup_cap` was asked for.

    Raises
    ------
    InputError
        It is no number from 1 on, nor None, nor `RUNTIME_LIMIT`.
    """
    if lookup_cap == RUNTIME_LIMIT:
        return runtime.lookup_limit
    if lookup_cap is not None and lookup_cap < 1:
        raise InputError(f"the lookup cap is a number from 1 on or none, not {lookup_cap}")
    return lookup_cap


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

    Raises
    ------
    InputError
        The lookup cap is not one of these.
    """
    cap = lookup_limit(runtime, lookup_cap)
    named = build_graph(submits, lookup_cap=cap, rings=runtime.rings)
    if dependencies is Dependencies.TENSOR:
        return named
    touched = touched_accesses(submits)
    tiled = build_graph(submits, lookup_cap=cap, rings=runtime.rings, accesses=touched)
    return replace(tiled, chain_entries=named.chain_entries, map_entries=named.map_entries)
