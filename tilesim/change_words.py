"""Changes as the command line writes them: ``split=KERNEL:4``, ``threads=2``, ``free-submits``."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from devices.errors import InputError, unknown_name
from devices.kernel import CoreType
from runtime.changes import (
    Change,
    Clusters,
    DropFalseEdges,
    FreeSubmits,
    Fuse,
    Merge,
    ScaleKernel,
    SchedulerThreads,
    SetConstant,
    Split,
)
from runtime.machine_changes import DummyBefore, EarlyDispatch, SecondSlot

__all__ = ["CHANGES", "read_changes"]

CHANGES = {
    "drop-false-edges": "drop-false-edges or drop-false-edges=KERNEL:KERNEL",
    "fuse": "fuse=KERNEL:KERNEL or fuse=KERNEL:KERNEL:aic|aiv",
    "split": "split=KERNEL:N",
    "merge": "merge=KERNEL:N",
    "scale": "scale=KERNEL:FACTOR or scale=FACTOR",
    "threads": "threads=N",
    "clusters": "clusters=N",
    "free-submits": "free-submits",
    "second-slot": "second-slot",
    "early-dispatch": "early-dispatch=KERNEL",
    "dummy": "dummy=KERNEL",
    "set": "set=CONSTANT:VALUE",
}
"""How each change is written."""


def read_changes(texts: Sequence[str]) -> list[Change]:
    """Parse changes.

    Raises
    ------
    InputError
        One is not known or not of its form.
    """
    return [_read(text.strip()) for text in texts]


def _read(text: str) -> Change:
    name, equals, rest = text.partition("=")
    words = [word.strip() for word in rest.split(":")] if rest else []
    if name not in CHANGES:
        raise unknown_name("change", name, CHANGES)
    try:
        change = _READERS[name](words) if rest or not equals else None
    except (ValueError, KeyError):
        change = None
    if change is None:
        raise InputError(f"--change {text!r}: write {CHANGES[name]}")
    return change


def _drop(words: list[str]) -> Change | None:
    return DropFalseEdges(*words) if len(words) in (0, 2) else None


def _fuse(words: list[str]) -> Change | None:
    if len(words) not in (2, 3):
        return None
    return Fuse(words[0], words[1], CoreType(words[2]) if len(words) == 3 else None)


def _scale(words: list[str]) -> Change | None:
    if len(words) == 1:
        return ScaleKernel(None, float(words[0]))
    return ScaleKernel(words[0], float(words[1])) if len(words) == 2 else None


def _kernel_and_number(kind: Callable[[str, int], Change]) -> Callable[[list[str]], Change | None]:
    return lambda words: kind(words[0], int(words[1])) if len(words) == 2 else None


def _number(kind: Callable[[int], Change]) -> Callable[[list[str]], Change | None]:
    return lambda words: kind(int(words[0])) if len(words) == 1 else None


_READERS: dict[str, Callable[[list[str]], Change | None]] = {
    "drop-false-edges": _drop,
    "fuse": _fuse,
    "split": _kernel_and_number(Split),
    "merge": _kernel_and_number(Merge),
    "scale": _scale,
    "threads": _number(SchedulerThreads),
    "clusters": _number(Clusters),
    "free-submits": lambda words: None if words else FreeSubmits(),
    "second-slot": lambda words: None if words else SecondSlot(),
    "early-dispatch": lambda words: EarlyDispatch(words[0]) if len(words) == 1 else None,
    "dummy": lambda words: DummyBefore(words[0]) if len(words) == 1 else None,
    "set": lambda words: SetConstant(words[0], float(words[1])) if len(words) == 2 else None,
}
