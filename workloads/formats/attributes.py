"""Attributes of nodes: how a task is described where a format has attributes of any name.

DOT, GraphML, networkx and the field ``tilesim`` of tasks in WfFormat have them alike.

============ ================= =============================================================
name         value             meaning
============ ================= =============================================================
kernel       text              what the task executes; ``task`` if it is missing
core         aic, aiv or mix   on which core; assumed if it is missing
time_us      number            kernel time; it has to be there, but for allocs and dummy tasks
kind         task, alloc,      an alloc only makes tensors, a dummy task only orders others
             dummy
ring         whole number      task ring, 0 if it is missing
blocks       whole number      how many cores or clusters run it, 1 if it is missing
sync_start   true or false     whether its blocks start together
allows_early true or false     whether its consumers may be put on a core while it runs
core_shares  three numbers     of a MIX task: for which part of its time it keeps the cube core
                               and each vector core of its cluster, such as ``1.0 0.5 0``
============ ================= =============================================================
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from numbers import Real
from typing import TypeVar

import numpy as np

from devices.errors import InputError, unknown_name
from devices.kernel import CoreType
from runtime.graph import ALLOC, DUMMY
from runtime.launch import Launch
from workloads.formats.assumed import Assumed
from workloads.formats.content import shown
from workloads.formats.drafts import Draft, Node
from workloads.formats.imported import Imported

__all__ = ["ATTRIBUTES", "KINDS", "MOST_RING", "described", "described_nodes", "node_of"]

_T = TypeVar("_T")

Value = str | int | float | bool

ATTRIBUTES = (
    "kernel",
    "core",
    "time_us",
    "kind",
    "ring",
    "blocks",
    "sync_start",
    "allows_early",
    "core_shares",
)

KINDS = {"task": 0, "alloc": ALLOC, "dummy": DUMMY}

MOST_RING = 127
"""Rings are 8 bits in a graph."""

MOST_BLOCKS = 1 << 16
"""More than any device has cores."""

_CORES: dict[str, CoreType | None] = {core.value: core for core in CoreType}
_TRUTHS = {"true": True, "false": False, "1": True, "0": False}


def node_of(
    draft: Draft, name: str, place: int, attributes: Mapping[str, object], assumed: Assumed
) -> Node:
    """The node that attributes describe; those of other names are left out.

    Raises
    ------
    InputError
        An attribute is of the wrong type or range, or the time is missing.
    """
    reader = _Reader(draft, name, place, attributes)
    kind = reader.choice("kind", KINDS, 0)
    core = reader.choice("core", _CORES, None)
    node = Node(
        name,
        place,
        kernel=reader.text("kernel") or "task",
        core=core,
        time_us=reader.time_us(assumed, needed=kind == 0),
        kind=kind,
        ring=reader.whole("ring", 0, MOST_RING, 0),
        launch=Launch(
            reader.whole("blocks", 1, MOST_BLOCKS, 1),
            reader.choice("sync_start", _TRUTHS, False),
            reader.choice("allows_early", _TRUTHS, False),
        ),
        core_shares=reader.shares(),
    )
    if kind and node.time_us:
        raise reader.error("kind", "an alloc or dummy task takes no kernel time")
    return node


class _Reader:
    """Attributes of one node, by name and type; each error says which."""

    def __init__(
        self, draft: Draft, name: str, place: int, attributes: Mapping[str, object]
    ) -> None:
        self._draft = draft
        self._name = name
        self._place = place
        self._attributes = attributes

    def error(self, attribute: str, why: str) -> InputError:
        return self._draft.error(self._place, f"node {shown(self._name)}: {attribute}: {why}")

    def text(self, attribute: str) -> str | None:
        """The value as text."""
        value = self._attributes.get(attribute)
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, (Real, np.bool_)):  # those of numpy are among them
            return str(value)
        raise self.error(attribute, f"is a {type(value).__name__}; a text, a number or a truth")

    def choice(self, attribute: str, known: Mapping[str, _T], missing: _T) -> _T:
        text = self.text(attribute)
        if text is None:
            return missing
        if text.lower() not in known:
            raise self.error(attribute, str(unknown_name("value", text[:60], known)))
        return known[text.lower()]

    def whole(self, attribute: str, least: int, most: int, missing: int) -> int:
        text = self.text(attribute)
        if text is None:
            return missing
        if not (text.isascii() and text.isdigit() and len(text) < 20):
            raise self.error(attribute, f"is {shown(text)}; a whole number from {least} on")
        if not least <= int(text) <= most:
            raise self.error(attribute, f"is {int(text)}; {least} to {most}")
        return int(text)

    def time_us(self, assumed: Assumed, *, needed: bool) -> float:
        attribute = assumed.time_attribute
        text = self.text(attribute)
        if text is None:
            if needed:
                raise self.error(
                    attribute, "is missing; write the kernel time, or say which attribute has it"
                )
            return 0.0
        return self._number(attribute, text, assumed)

    def shares(self) -> tuple[float, ...]:
        text = self.text("core_shares")
        if text is None:
            return ()
        shares = tuple(self._number("core_shares", part, _PLAIN) for part in text.split(maxsplit=3))
        if len(shares) != 3 or max(shares) != 1.0 or sum(s > 0.0 for s in shares) < 2:
            raise self.error(
                "core_shares",
                f"is {shown(text)}; three numbers from 0 to 1, one of them 1, two > 0",
            )
        return shares

    def _number(self, attribute: str, text: str, assumed: Assumed) -> float:
        try:
            return assumed.time_us(text)
        except ValueError as error:
            raise self.error(attribute, f"{shown(text)} {error}") from error


_PLAIN = Assumed(unit_us=1.0)


def described_nodes(held: Imported) -> Iterator[dict[str, Value]]:
    """Attributes of each submit of a graph, in order; those that say the usual are left out."""
    kernels, rings = held.graph.kernel.tolist(), held.graph.ring.tolist()
    times_us = held.durations_us.tolist()
    for submit, kernel in enumerate(kernels):
        yield described(held, submit, kernel, rings[submit], times_us[submit])


def described(
    held: Imported, submit: int, kernel: int, ring: int, time_us: float
) -> dict[str, Value]:
    """Attributes of one submit."""
    attributes: dict[str, Value] = {}
    if kernel in (ALLOC, DUMMY):
        attributes["kind"] = "alloc" if kernel == ALLOC else "dummy"
    else:
        executed = held.graph.kernels[kernel]
        attributes |= {"kernel": executed.name, "core": executed.core.value, "time_us": time_us}
        if executed.core_shares:
            attributes["core_shares"] = " ".join(map(repr, executed.core_shares))
    if ring:
        attributes["ring"] = ring
    launch = held.graph.launches.get(submit)
    if launch is not None:
        if launch.blocks != 1:
            attributes["blocks"] = launch.blocks
        if launch.sync_start:
            attributes["sync_start"] = True
        if launch.allows_early:
            attributes["allows_early"] = True
    return attributes
