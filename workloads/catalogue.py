"""Workloads by name: how to build a program, with which parameters, and what was measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import lcm
from typing import Any

from devices.errors import InputError, unknown_name
from runtime.language import Program
from workloads.goldens.qwen3_scope3 import SCOPE3_NUMBERS
from workloads.goldens.zero_init import ZERO_INIT_NUMBERS
from workloads.numbers import Numbers
from workloads.programs.qwen3_scope3 import BATCH_TILE, build_baseline, build_restructured
from workloads.programs.zero_init import build_zero_init

__all__ = ["WORKLOADS", "Measurement", "Workload", "find_workload"]


@dataclass(frozen=True, slots=True)
class Measurement:
    """A published figure of a run on the device with the default parameters."""

    wall_clock_us: float
    avg_latency_us: float
    tasks: int
    source: str


@dataclass(frozen=True, slots=True)
class Workload:
    """A program with parameters.

    Attributes
    ----------
    name, summary : str
        What to call it, and one line about it.
    defaults : mapping of str to int
        Parameters with their default values, in elements.
    build : callable
        Makes the program of the parameters, given as keywords.
    divides : tuple of (str, str or int)
        Pairs ``(whole, part)``: `whole` must be a multiple of the parameter or number `part`.
    measured : Measurement or None
        What is published for the defaults.
    numbers : Numbers or None
        How to check what it computes, if that is known.
    """

    name: str
    summary: str
    defaults: Mapping[str, int]
    build: Callable[..., Program]
    divides: tuple[tuple[str, str | int], ...] = ()
    measured: Measurement | None = field(default=None)
    numbers: Numbers | None = field(default=None)

    def parameters(self, settings: Mapping[str, Any]) -> dict[str, int]:
        """All parameters, with `settings` in place of defaults.

        Raises
        ------
        InputError
            An unknown parameter, a value that is no positive integer, or sizes that do not
            divide.
        """
        for name, value in settings.items():
            if name not in self.defaults:
                raise unknown_name(f"parameter of {self.name}", name, self.defaults)
            if isinstance(value, bool) or not isinstance(value, int) or value <= 0:
                raise InputError(f"{self.name}: {name} is a positive integer, not {value!r}")
        chosen = {**self.defaults, **settings}
        for whole, part in self.divides:
            size = part if isinstance(part, int) else chosen[part]
            if chosen[whole] % size:
                by = f"{part} {size}" if isinstance(part, str) else str(part)
                raise InputError(
                    f"{self.name}: {whole} {chosen[whole]} is not a multiple of {by}; "
                    f"the nearest that fit: {self._nearest(whole, chosen)}"
                )
        return chosen

    def _nearest(self, whole: str, chosen: Mapping[str, int]) -> str:
        """Values of `whole` next to the chosen one that everything divides."""
        parts = [part for divided, part in self.divides if divided == whole]
        step = lcm(*(part if isinstance(part, int) else chosen[part] for part in parts))
        below = chosen[whole] // step * step
        return f"{below} or {below + step}" if below else str(step)

    def program(self, settings: Mapping[str, Any] | None = None) -> Program:
        """The program with `settings` in place of defaults; raises as `parameters` does."""
        return self.build(**self.parameters(settings or {}))


_SCOPE3_SIZES = {
    "batch": 16,
    "intermediate": 25600,
    "k_chunk": 128,
    "out_chunk": 64,
    "mlp_chunk": 64,
}
_SCOPE3_DIVIDES = (
    ("batch", BATCH_TILE),
    ("hidden", "k_chunk"),
    ("hidden", "out_chunk"),
    ("intermediate", "mlp_chunk"),
)
_SCOPE3_SOURCE = "pypto-lib pull request 90, 2026-04-10, a2a3, profiling on"

WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload(
            name="qwen3-scope3-baseline",
            summary="Qwen3-32B decode scope 3 before its restructuring (d91af0f)",
            defaults={"hidden": 5120, **_SCOPE3_SIZES},
            build=build_baseline,
            divides=_SCOPE3_DIVIDES,
            measured=Measurement(63_044.26, 3.93, 33_411, _SCOPE3_SOURCE),
            numbers=SCOPE3_NUMBERS,
        ),
        Workload(
            name="qwen3-scope3-restructured",
            summary="Qwen3-32B decode scope 3 after its restructuring (4f729f38)",
            defaults={"hidden": 8192, **_SCOPE3_SIZES},
            build=build_restructured,
            divides=_SCOPE3_DIVIDES,
            measured=Measurement(3_284.44, 44.58, 1_651, _SCOPE3_SOURCE),
            numbers=SCOPE3_NUMBERS,
        ),
        Workload(
            name="qwen3-scope3-resident",
            summary="The restructured scope 3 with its residual tile whole on chip: overflows UB",
            defaults={"hidden": 8192, **_SCOPE3_SIZES, "norm_chunk": 8192},
            build=build_restructured,
            divides=(*_SCOPE3_DIVIDES, ("hidden", "norm_chunk")),
            numbers=SCOPE3_NUMBERS,
        ),
        Workload(
            name="zero-init",
            summary="x + a b in three tasks, two of which write one tile in no certain order",
            defaults={"rows": 16, "inner": 128, "columns": 64},
            build=build_zero_init,
            numbers=ZERO_INIT_NUMBERS,
        ),
    )
}


def find_workload(name: str) -> Workload:
    """The workload of that name.

    Raises
    ------
    InputError
        There is none; the message has the names nearest to it.
    """
    if name not in WORKLOADS:
        raise unknown_name("workload", name, WORKLOADS)
    return WORKLOADS[name]
