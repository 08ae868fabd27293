"""Loops and regions: what the headers of ``for`` and ``with`` statements mean."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NoReturn

from devices.errors import InputError
from devices.expression import Expression
from devices.expression import Scalar as ScalarValue
from runtime.language.enumerations import Level, Role, SplitMode

__all__ = [
    "LoopKind",
    "LoopSpec",
    "RegionKind",
    "RegionSpec",
    "at",
    "auto_incore",
    "chunked_loop_optimizer",
    "cluster",
    "cond",
    "incore",
    "parallel",
    "pipeline",
    "range",
    "unroll",
    "while_",
    "yield_",
]


class LoopKind(Enum):
    """Which function made a loop."""

    RANGE = "range"
    PARALLEL = "parallel"
    PIPELINE = "pipeline"
    UNROLL = "unroll"


@dataclass(frozen=True, slots=True)
class LoopSpec:
    """Header of a ``for`` statement.

    Attributes
    ----------
    trips : int or Expression
        How often the body runs.
    chunk : int or None
        Iterations per task, where the loop is to be split into tasks.
    stages : int
        Depth of the software pipeline, 1 for a serial loop.
    """

    kind: LoopKind
    start: ScalarValue
    step: ScalarValue
    trips: ScalarValue
    chunk: int | None = None
    stages: int = 1

    def __iter__(self) -> Iterator[NoReturn]:
        raise InputError("loops of the language run only inside a function of a pl.program")


class RegionKind(Enum):
    """Which function made a region."""

    INCORE = "incore"
    AUTO = "auto_incore"
    CLUSTER = "cluster"


@dataclass(frozen=True, slots=True)
class RegionSpec:
    """Header of a ``with`` statement."""

    kind: RegionKind
    split: SplitMode | None = None

    def __enter__(self) -> NoReturn:
        raise InputError("regions exist only inside a function of a pl.program")

    def __exit__(self, *exception: object) -> None:
        return None


def _loop(kind: LoopKind, bounds: tuple[ScalarValue, ...], stages: int = 1) -> LoopSpec:
    if not 1 <= len(bounds) <= 3:
        raise InputError(f"pl.{kind.value} takes (stop), (start, stop) or (start, stop, step)")
    for bound in bounds:
        if isinstance(bound, bool) or not isinstance(bound, int | Expression):
            raise InputError(f"bounds of pl.{kind.value} are integers, not {bound!r}")
    start, stop = (0, bounds[0]) if len(bounds) == 1 else bounds[:2]
    step = bounds[2] if len(bounds) == 3 else 1
    if isinstance(step, int) and step <= 0:
        raise InputError(f"the step of pl.{kind.value} is positive, not {step}")
    # Ceiling division, written so that it also works on expressions.
    trips = (stop - start + step - 1) // step
    if isinstance(trips, int):
        trips = max(0, trips)
    return LoopSpec(kind, start, step, trips, stages=stages)


def _chunked(spec: LoopSpec, chunk: int | None, chunk_policy: str) -> LoopSpec:
    if chunk_policy != "leading_full":
        raise InputError(f"unsupported chunk_policy {chunk_policy!r}; use 'leading_full'")
    if chunk is None:
        return spec
    if isinstance(chunk, bool) or not isinstance(chunk, int) or chunk <= 0:
        raise InputError(f"chunk is a positive integer constant, not {chunk!r}")
    return LoopSpec(spec.kind, spec.start, spec.step, spec.trips, chunk)


def range(
    *bounds: ScalarValue,
    init_values: tuple[object, ...] | None = None,
    chunk: int | None = None,
    chunk_policy: str = "leading_full",
) -> LoopSpec:
    """Sequential loop over ``(stop)``, ``(start, stop)`` or ``(start, stop, step)``."""
    del init_values  # read as syntax: see `expansion`
    return _chunked(_loop(LoopKind.RANGE, bounds), chunk, chunk_policy)


def parallel(
    *bounds: ScalarValue,
    init_values: tuple[object, ...] | None = None,
    chunk: int | None = None,
    chunk_policy: str = "leading_full",
) -> LoopSpec:
    """Loop whose iterations are independent; ``chunk`` iterations make one task."""
    del init_values  # read as syntax: see `expansion`
    return _chunked(_loop(LoopKind.PARALLEL, bounds), chunk, chunk_policy)


def pipeline(*bounds: ScalarValue, stage: int = 2) -> LoopSpec:
    """Loop inside a region whose loads run ahead, `stage` buffers deep (compilers after April)."""
    return _loop(LoopKind.PIPELINE, bounds, stages=stage)


def unroll(*bounds: int, chunk: int | None = None) -> LoopSpec:
    """Loop with constant bounds whose body is copied: every copy has kernels of its own."""
    if chunk is not None:
        raise InputError("pl.unroll takes no chunk (the compiler fails on it); use pl.parallel")
    spec = _loop(LoopKind.UNROLL, bounds)
    if not all(isinstance(value, int) for value in (spec.start, spec.step, spec.trips)):
        raise InputError("the bounds of pl.unroll are constants; use pl.range")
    return spec


def while_(*_: object, **__: object) -> NoReturn:
    """Refuse: the compiler emits the body of a while loop once."""
    raise InputError(
        "pl.while_ is not supported (the compiler emits its body once); use pl.range with the "
        "most iterations and an if"
    )


def cond(_: object) -> NoReturn:
    """Refuse, as `while_`."""
    raise InputError("pl.cond belongs to pl.while_, which is not supported; use pl.range")


def yield_(*_: object) -> NoReturn:
    """Refuse where it stands outside a loop with init_values; there it is read as syntax."""
    raise InputError("pl.yield_ ends the body of a pl.range(..., init_values=...) and nothing else")


def incore() -> RegionSpec:
    """Region: the block becomes one kernel, each execution of it one task."""
    return RegionSpec(RegionKind.INCORE)


def cluster() -> RegionSpec:
    """Block of ``incore`` regions that run together as one MIX task on a cluster."""
    return RegionSpec(RegionKind.CLUSTER)


def auto_incore(split: SplitMode | None = None) -> RegionSpec:
    """Block from which the compiler makes regions: chunked loops, and runs of compute."""
    return RegionSpec(RegionKind.AUTO, split)


@dataclass(frozen=True, slots=True)
class _ChunkedLoopOptimizer:
    """Value of ``at(optimization=...)``; calling it sets the split mode."""

    split: SplitMode = SplitMode.UP_DOWN

    def __call__(self, *, split: SplitMode = SplitMode.UP_DOWN) -> _ChunkedLoopOptimizer:
        return _ChunkedLoopOptimizer(split)


chunked_loop_optimizer = _ChunkedLoopOptimizer()
"""Makes ``at(level=CORE_GROUP)`` an ``auto_incore``."""


def at(
    level: Level,
    role: Role | None = None,
    *,
    optimization: object = None,
    name: str | None = None,
) -> RegionSpec:
    """Newer spelling of ``incore``, and with an optimization of ``auto_incore``.

    `name` is accepted as later compilers accept it; kernels are named as those of April are.
    """
    del name
    if level is not Level.CORE_GROUP or role is not None:
        raise InputError(f"pl.at({level}) makes no task; use pl.at(level=pl.Level.CORE_GROUP)")
    if optimization is None:
        return RegionSpec(RegionKind.INCORE)
    if isinstance(optimization, _ChunkedLoopOptimizer):
        return RegionSpec(RegionKind.AUTO, optimization.split)
    raise InputError(f"unknown optimization {optimization!r}; use pl.chunked_loop_optimizer")
