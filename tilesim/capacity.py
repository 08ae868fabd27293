"""What a workload's kernels take on chip."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from devices.capacity import OnChipUse, memory_limits, on_chip_use, overflows
from devices.device import Device, load_device
from devices.dtypes import DType
from devices.kernel import Kernel, walk
from runtime.graph import Buffer
from runtime.submits import Submits
from tilesim.setup import DEFAULT_DEVICE
from tilesim.sources import Source, find_source, program_of

__all__ = ["Capacity", "LargeTensor", "capacity"]


@dataclass(frozen=True, slots=True, order=True)
class LargeTensor:
    """An allocated tensor that is larger than any memory of a core.

    Attributes
    ----------
    name : str
        Its name.
    size_bytes : int
        All of it.
    piece_bytes : int
        The largest piece that a kernel loads or stores at once.
    """

    name: str
    size_bytes: int
    piece_bytes: int


@dataclass(frozen=True)
class Capacity:
    """What each kernel of a program takes of the on-chip memories.

    Attributes
    ----------
    submits : Submits
        The recorded program.
    device : Device
        Whose limits apply.
    """

    submits: Submits
    device: Device

    @cached_property
    def kernels(self) -> tuple[tuple[Kernel, tuple[OnChipUse, ...]], ...]:
        """Every kernel with what it takes of each memory that it uses."""
        return tuple((k, on_chip_use(k, self.device)) for k in self.submits.kernels)

    @cached_property
    def overflows(self) -> tuple[str, ...]:
        """What is said of each kernel that cannot fit."""
        return tuple(overflows(self.submits.kernels, self.device))

    @cached_property
    def large_tensors(self) -> tuple[LargeTensor, ...]:
        """Allocated tensors that no core could hold, with how much of them is on one at a time."""
        limit = max(memory_limits(self.device).values())
        pieces = [_largest_pieces(kernel) for kernel in self.submits.kernels]
        largest: dict[Buffer, int] = {}
        for kernel, views in zip(self.submits.kernel, self.submits.views, strict=True):
            for place, view in enumerate(views if kernel >= 0 else ()):
                buffer = view.buffer
                if buffer.owner >= 0 and _nbytes(buffer.dtype, buffer.shape) >= limit:
                    largest[buffer] = max(largest.get(buffer, 0), pieces[kernel].get(place, 0))
        return tuple(
            sorted({LargeTensor(b.name, _nbytes(b.dtype, b.shape), p) for b, p in largest.items()})
        )


def capacity(
    workload: Source, settings: Mapping[str, Any] | None = None, device: Device | None = None
) -> Capacity:
    """What a workload's kernels take on chip; nothing is simulated.

    Raises
    ------
    InputError
        Unknown names, or values that do not fit.
    """
    found = program_of(find_source(workload), "fit on chip")
    submits = found.submits(found.parameters(settings or {}))
    return Capacity(submits, device or load_device(DEFAULT_DEVICE))


def _largest_pieces(kernel: Kernel) -> dict[int, int]:
    """Most bytes of each parameter that one load or store of a kernel moves."""
    largest: dict[int, int] = {}
    for op in walk(kernel.body):
        if op.box is not None:
            place = op.box.parameter
            size = _nbytes(kernel.parameters[place].dtype, op.box.shape)
            largest[place] = max(largest.get(place, 0), size)
    return largest


def _nbytes(dtype: DType, shape: tuple[int, ...]) -> int:
    return dtype.nbytes(math.prod(shape))
