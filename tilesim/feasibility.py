"""Which points can run at all: what their kernels take on chip, known before anything runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from devices.capacity import on_chip_use
from devices.device import Device
from devices.errors import InputError
from devices.kernel import Kernel
from runtime.handwritten import Orchestration
from runtime.language.lowering import lower
from tilesim.points import Point
from tilesim.search_space import SearchSpace
from tilesim.setup import Setup
from tilesim.setup_words import setup_of

__all__ = ["Feasibility", "Fit", "OnChip", "Reason", "Verdict"]

Tensors = tuple[tuple[str, str, tuple[int, ...]], ...]
"""Name, dtype and shape of what a program is given."""


class Fit(StrEnum):
    """When kernels fit on chip."""

    ALLOCATED = "allocated"
    """If what the compiler of April 2026 allocates does."""
    ALIVE = "alive"
    """If what has to be there at one time does."""


class Reason(StrEnum):
    """Why a point is left out."""

    SIZES = "sizes do not fit each other"
    PROGRAM = "the program cannot be read"
    PROBLEM = "it computes another problem"
    OVERFLOW = "a kernel does not fit on chip"
    ALLOCATION = "a kernel fits, but not as it is allocated"
    FAILED = "it does not run"
    RACE = "tasks that nothing orders overlap in its run"
    NUMBERS = "its numbers are wrong"

    @property
    def is_known_before(self) -> bool:
        """Whether it is known without a simulation."""
        return self not in (Reason.FAILED, Reason.RACE, Reason.NUMBERS)


@dataclass(frozen=True)
class OnChip:
    """What the kernels of a program take of the memories of a core.

    Attributes
    ----------
    parts : mapping of str to float
        Of each memory that is used, the largest part that a kernel takes; above 1 is too much.
    worst : str
        The kernel and the memory of the largest of them, in words.
    """

    parts: Mapping[str, float]
    worst: str

    @property
    def largest(self) -> float:
        """The largest part of any memory that any kernel takes."""
        return max(self.parts.values(), default=0.0)


@dataclass(frozen=True)
class Verdict:
    """Whether a point can run.

    Attributes
    ----------
    reason : Reason or None
        Why it cannot.
    told : str
        The same in words, of this point.
    on_chip : OnChip or None
        What it takes on chip, if its kernels are known.
    """

    reason: Reason | None = None
    told: str = ""
    on_chip: OnChip | None = None


class Feasibility:
    """Judges points by their sizes and their kernels; nothing is simulated.

    Parameters
    ----------
    space : SearchSpace
        Where the points come from.
    fit : Fit
        When kernels fit.
    """

    def __init__(self, space: SearchSpace, fit: Fit) -> None:
        self._space = space
        self._fit = fit
        self._known: dict[object, Verdict] = {}
        self._tensors: Tensors | None = None

    def measure(self, settings: Mapping[str, int], setup: Setup) -> OnChip:
        """What a program takes on chip; points have to compute the problem of the first measured.

        Raises
        ------
        InputError
            The program cannot be read.
        """
        kernels, tensors = self._read(settings, setup)
        if self._tensors is None:
            self._tensors = tensors
        return _measured(kernels, setup.device, self._fit)

    def judge(self, point: Point) -> Verdict:
        """Whether a point can run, and what it takes on chip."""
        device = sorted((k, v) for k, v in point.setup.items() if k.startswith("device"))
        key = point.program, *device
        if key not in self._known:
            self._known[key] = self._judged(point)
        return self._known[key]

    def _judged(self, point: Point) -> Verdict:
        misfit = self._space.misfit(point)
        if misfit is not None:
            return Verdict(Reason.SIZES, misfit)
        setup = setup_of(point.setup)
        try:
            kernels, tensors = self._read(point.settings, setup)
        except InputError as error:
            return Verdict(Reason.PROGRAM, str(error))
        if self._tensors is None:
            self._tensors = tensors
        if tensors != self._tensors:
            return Verdict(Reason.PROBLEM, _difference(self._tensors, tensors))
        on_chip = _measured(kernels, setup.device, self._fit)
        if on_chip.largest > 1.0:
            alive = _measured(kernels, setup.device, Fit.ALIVE)
            reason = Reason.OVERFLOW if alive.largest > 1.0 else Reason.ALLOCATION
            return Verdict(reason, on_chip.worst, on_chip)
        return Verdict(on_chip=on_chip)

    def _read(
        self, settings: Mapping[str, int], setup: Setup
    ) -> tuple[tuple[Kernel, ...], Tensors]:
        """The kernels of a program and its tensors, without a run of its orchestration."""
        workload = self._space.workload
        program = workload.build(**workload.parameters(settings))
        if isinstance(program, Orchestration):
            submits = program.submits()
            tensors = tuple(
                (v.buffer.name, str(v.buffer.dtype), v.shape) for v in submits.arguments
            )
            return tuple(submits.kernels), tensors
        lowered = lower(program, setup.lowering)
        tensors = tuple((name, str(t.dtype), t.shape) for name, t in lowered.parameters)
        return lowered.kernels, tensors


def _measured(kernels: tuple[Kernel, ...], device: Device, fit: Fit) -> OnChip:
    """The largest part of each memory that a kernel takes."""
    parts: dict[str, float] = {}
    worst, most = "", 0.0
    for kernel in kernels:
        for use in on_chip_use(kernel, device):
            used = use.alive_bytes if fit is Fit.ALIVE else use.allocated_bytes
            part = used / use.limit_bytes
            parts[use.memory.name] = max(parts.get(use.memory.name, 0.0), part)
            if part > most:
                most = part
                worst = (
                    f"{kernel.name} (line {kernel.line}) takes {used:,} B of the "
                    f"{use.limit_bytes:,} B of {use.memory.name}"
                )
    return OnChip(parts, worst)


def _difference(first: Tensors, other: Tensors) -> str:
    """The first tensor in which two programs differ, in words."""
    for (name, dtype, shape), now in zip(first, other, strict=False):
        if (name, dtype, shape) != now:
            return f"{now[0]} is {now[1]}{list(now[2])} and not {dtype}{list(shape)}"
    return f"it has {len(other)} tensors and not {len(first)}"
