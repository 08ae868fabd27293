"""The device: how many cores of each type, their buffers, the memory, and how fast all of it is.

The figures are in TOML files beside this module, one per device, each with its source; this
module says what they mean.
"""

import math
from pathlib import Path

from msgspec import Struct

from devices.calibration import CalibrationRecord
from devices.description import Count, Quantity, Rate, Text, load_named, names

__all__ = [
    "Buffers",
    "Cores",
    "CubeUnit",
    "Device",
    "GlobalMemory",
    "KernelCosts",
    "L2Cache",
    "Uncertainty",
    "VectorUnit",
    "available_devices",
    "load_device",
    "stream_us",
]

_FOLDER = Path(__file__).parent


class Cores(Struct, frozen=True, forbid_unknown_fields=True):
    """How many cores there are, in clusters that hold both types."""

    source: Text
    clusters: Count
    aiv_per_cluster: Count
    clock_mhz: Rate


class Buffers(Struct, frozen=True, forbid_unknown_fields=True):
    """On-chip memory of one core.

    Attributes
    ----------
    l1_bytes, l0a_bytes, l0b_bytes, l0c_bytes : int
        Buffers of a cube core: staging, left operand, right operand, accumulator.
    ub_bytes, ub_usable_bytes : int
        Buffer of a vector core: all of it, and what the instruction library leaves to a kernel.
    """

    source: Text
    l1_bytes: Count
    l0a_bytes: Count
    l0b_bytes: Count
    l0c_bytes: Count
    ub_bytes: Count
    ub_usable_bytes: Count


class GlobalMemory(Struct, frozen=True, forbid_unknown_fields=True):
    """HBM of the die: what it could deliver, and what kernels on all cores were seen to get."""

    source: Text
    capacity_bytes: Count
    peak_gbps: Rate
    achieved_gbps: Rate


class L2Cache(Struct, frozen=True, forbid_unknown_fields=True):
    """The cache that all cores of the die share."""

    source: Text
    capacity_bytes: Count
    line_bytes: Count
    peak_gbps: Rate
    achieved_gbps: Rate


class Uncertainty(Struct, frozen=True, forbid_unknown_fields=True):
    """How far kernel times may be off, in percent either way, by the form of the kernel."""

    source: Text
    cube_serial_percent: Count
    cube_pipelined_percent: Count
    vector_percent: Count


class KernelCosts(Struct, frozen=True, forbid_unknown_fields=True):
    """What every kernel pays, on either type of core.

    Attributes
    ----------
    start_us, commit_us : Quantity
        From the start stamp to the first load, and from the last store to the end stamp.
    load_latency_us : Quantity
        Latency of global memory, exposed once per group of loads that are issued together.
    handover_us : Quantity
        From one core of a cluster telling another that a tile is there until that one takes it.
    pipelined_latency_us : Quantity
        What an iteration of a pipelined loop still exposes of that latency.
    """

    start_us: Quantity
    commit_us: Quantity
    load_latency_us: Quantity
    handover_us: Quantity
    pipelined_latency_us: Quantity


class CubeUnit(Struct, frozen=True, forbid_unknown_fields=True):
    """One AIC: loads into L1, moves to L0A and L0B, multiplication, drain of L0C.

    Attributes
    ----------
    row_issue_us, row_miss_us : Quantity
        Per contiguous row that a load brings into L1, and more than that if it is not in L2.
    miss_gbps, hit_gbps : Rate
        Stream of a load that comes from HBM, and of one that finds its data in L2.
    l0a_bytes_per_cycle, l0b_bytes_per_cycle : Rate
        Moves from L1 to L0A and to L0B.
    matmul_head_cycles : Quantity
        Per multiplication, whatever its size.
    fractal_rows, fractal_columns, fractal_depth_bytes : int
        The block that the cube multiplies at once: M, N and, in bytes of an operand, K.
    cycles_per_fractal : dict
        Cycles per such block, by dtype of the operands.
    drain_fixed_cycles, drain_row_cycles : Quantity
    drain_bytes_per_cycle : Rate
        Store of an accumulator [m, n] of e bytes an element: fixed + m * max(row, e * n / rate).
    drain_odd_cycles : Quantity
        Added per row for every unit by which the largest odd divisor of n / 8 exceeds one.
    """

    row_issue_us: Quantity
    row_miss_us: Quantity
    miss_gbps: Rate
    hit_gbps: Rate
    l0a_bytes_per_cycle: Rate
    l0b_bytes_per_cycle: Rate
    matmul_head_cycles: Quantity
    fractal_rows: Count
    fractal_columns: Count
    fractal_depth_bytes: Count
    cycles_per_fractal: dict[str, Quantity]
    drain_fixed_cycles: Quantity
    drain_row_cycles: Quantity
    drain_bytes_per_cycle: Rate
    drain_odd_cycles: Quantity

    def matmul_cycles(self, m: int, k_bytes: int, n: int, cycles_per_fractal: float) -> float:
        """Cycles of one product [m, k] x [k, n], where a row of the left operand has `k_bytes`."""
        fractals = (
            math.ceil(m / self.fractal_rows)
            * math.ceil(k_bytes / self.fractal_depth_bytes)
            * math.ceil(n / self.fractal_columns)
        )
        return self.matmul_head_cycles.value + cycles_per_fractal * fractals

    def drain_cycles(self, m: int, n: int, row_bytes: int) -> float:
        """Cycles of the store of one accumulator [m, n], a row of which has `row_bytes`.

        The formula is that of PyPTO's L0 cost model, which was fitted on devices to tiles whose
        n is a multiple of 8; other n are taken up to the next.
        """
        blocks = math.ceil(n / 8)
        largest_odd_divisor = blocks // (blocks & -blocks)
        row_cycles = max(self.drain_row_cycles.value, row_bytes / self.drain_bytes_per_cycle.value)
        row_cycles += self.drain_odd_cycles.value * (largest_odd_divisor - 1)
        return self.drain_fixed_cycles.value + m * row_cycles


class VectorUnit(Struct, frozen=True, forbid_unknown_fields=True):
    """One AIV: loads into UB, operations on tiles in UB, stores.

    Attributes
    ----------
    load_gbps, store_gbps : Rate
        Streams between global memory and UB.
    head_cycles : Quantity
        Per operation, whatever its size.
    repeat_bytes : int
        Bytes that one repeat of an instruction works on.
    cycles_per_repeat : dict
        Cycles per repeat, by name of the tile operation without its ``tile.``.
    sync_us : Quantity
        Per operation, to wait for the one before it.
    """

    load_gbps: Rate
    store_gbps: Rate
    head_cycles: Quantity
    repeat_bytes: Count
    cycles_per_repeat: dict[str, Quantity]
    sync_us: Quantity


class Device(Struct, frozen=True, forbid_unknown_fields=True):
    """An accelerator: one die with its cores and its memory.

    Attributes
    ----------
    name, description : str
        What to call it, and what it is.
    cores, buffers, memory, l2 : Struct
        What is on the die.
    uncertainty : Uncertainty
        What to expect of the kernel times.
    kernel, cube, vector : Struct
        Constants of the time of a kernel on one core (`devices.timing`).
    calibration : CalibrationRecord or None
        How the constants came about that were fitted.
    """

    name: Text
    description: Text
    cores: Cores
    buffers: Buffers
    memory: GlobalMemory
    l2: L2Cache
    uncertainty: Uncertainty
    kernel: KernelCosts
    cube: CubeUnit
    vector: VectorUnit
    calibration: CalibrationRecord | None = None

    @property
    def aic_count(self) -> int:
        """Cube cores on the device: one in every cluster."""
        return self.cores.clusters

    @property
    def aiv_count(self) -> int:
        """Vector cores on the device."""
        return self.cores.clusters * self.cores.aiv_per_cluster

    def cycles_us(self, cycles: float) -> float:
        """Time that `cycles` of a core's clock take, in us."""
        return cycles / self.cores.clock_mhz.value


def stream_us(nbytes: float, rate: Rate) -> float:
    """Time in us that `nbytes` take at `rate` GB/s."""
    return nbytes / (rate.value * 1e3)


def available_devices() -> list[str]:
    """Names that `load_device` knows."""
    return names(_FOLDER)


def load_device(name: str | Path) -> Device:
    """Read a device by its name or from the path of a ``.toml`` file.

    Raises
    ------
    InputError
        No device has that name, or the file does not describe a device.
    """
    return load_named("device", name, _FOLDER, Device)
