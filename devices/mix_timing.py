"""How long a MIX kernel keeps each core of its cluster: two clocks that wait for each other.

The cube core and the vector cores run their operations side by side, in the order in which the
region has them. Where a tile passes from one side to the other, the taker waits for the giver. A
side that is faster runs ahead; that it may be at most a few tiles ahead is not modelled.
"""

from __future__ import annotations

from collections.abc import Mapping

from devices.device import Device, stream_us
from devices.expression import Symbol, evaluate
from devices.kernel import Branch, CoreType, Kernel, Loop, Statement, TileOp, home, passed_by
from devices.timing import Clock, kernel_time_us, timing_symbols

__all__ = ["longest_us", "mix_times_us"]

_Values = Mapping[Symbol, int]

_SIDES = (CoreType.AIC, CoreType.AIV)
_WARM_UP = 3
"""Iterations after which a loop repeats: each side has run, waited and caught up once."""


def longest_us(
    kernel: Kernel, device: Device, values: _Values | None = None, missed: float = 1.0
) -> float:
    """Time of one execution of any kernel, on the core that it keeps longest.

    `missed` is the part of what its cube core loads that is not in L2.

    Raises
    ------
    InputError
        As `devices.timing.kernel_time_us`.
    """
    if kernel.core is CoreType.MIX:
        return max(mix_times_us(kernel, device, values, missed).values())
    return kernel_time_us(kernel, device, values, missed).total_us


def mix_times_us(
    kernel: Kernel, device: Device, values: _Values | None = None, missed: float = 1.0
) -> dict[int, float]:
    """Time of a MIX kernel on each core of its cluster: 0 is the cube core, then vector cores.

    Raises
    ------
    InputError
        As `devices.timing.kernel_time_us`.
    """
    if kernel.sides:
        return {
            slot: kernel_time_us(side, device, values, missed).total_us
            for slot, side in enumerate(kernel.sides)
            if side is not None
        }
    clocks = _TwoClocks(kernel, device, missed)
    clocks.body(kernel.body, values or {})
    fixed_us = device.kernel.start_us.value + device.kernel.commit_us.value
    cube_us, vector_us = (fixed_us + clocks.now_us[side] for side in _SIDES)
    return {0: cube_us} | {1 + lane: vector_us for lane in range(kernel.vector_lanes)}


class _TwoClocks:
    """Times of the two sides of one kernel.

    Attributes
    ----------
    now_us : dict of CoreType to float
        How far the cube core and the vector cores have come.
    """

    def __init__(self, kernel: Kernel, device: Device, missed: float) -> None:
        self.now_us = dict.fromkeys(_SIDES, 0.0)
        self._device = device
        self._clocks = {
            CoreType.AIC: Clock(kernel, device, CoreType.AIC, missed=missed),
            CoreType.AIV: Clock(kernel, device, CoreType.AIV, lanes=kernel.vector_lanes),
        }
        self._lanes = kernel.vector_lanes

    def body(self, body: tuple[Statement, ...], values: _Values) -> None:
        """Run the statements of a block."""
        for side in _SIDES:  # the loads of a block are issued together
            loads = (s for s in body if isinstance(s, TileOp) and s.name == "tile.load")
            if any(home(load) is side for load in loads):
                self.now_us[side] += self._device.kernel.load_latency_us.value
        for statement in body:
            if isinstance(statement, Loop):
                self.loop(statement, values)
            elif isinstance(statement, Branch):
                taken = evaluate(statement.condition, values)
                self.body(statement.then if taken else statement.orelse, values)
            else:
                self.operation(statement)

    def loop(self, loop: Loop, values: _Values) -> None:
        """Run all iterations; those that are alike from some point on, at once."""
        trips = max(0, evaluate(loop.trips, values))
        explicit, inner = min(trips, _WARM_UP), dict(values)
        start = step = 0  # nobody asks where the loop is
        if loop.variable in timing_symbols(loop.body):
            explicit = trips
            start, step = evaluate(loop.start, values), evaluate(loop.step, values)
        before = dict(self.now_us)
        for trip in range(explicit):
            before = dict(self.now_us)
            inner[loop.variable] = start + trip * step
            self.body(loop.body, inner)
        for side in _SIDES:
            self.now_us[side] += (trips - explicit) * (self.now_us[side] - before[side])

    def operation(self, op: TileOp) -> None:
        """Run one operation on its side, or pass a tile to the other."""
        giver = passed_by(op)
        if giver is None:
            side = home(op)
            self.now_us[side] += self._clocks[side].operation_us(op)
            return
        taker = CoreType.AIV if giver is CoreType.AIC else CoreType.AIC
        give_us, take_us = self._hand_over_us(op, giver)
        self.now_us[giver] += give_us
        there_us = self.now_us[giver] + self._device.kernel.handover_us.value
        self.now_us[taker] = max(self.now_us[taker], there_us) + take_us

    def _hand_over_us(self, op: TileOp, giver: CoreType) -> tuple[float, float]:
        """What giver and taker spend on a tile that passes through global memory (an L2 hit)."""
        tile, device = op.operands[0], self._device
        nbytes = tile.nbytes
        if giver is CoreType.AIC:
            drain_us = self._clocks[giver].drain_us(tile)
            return drain_us, stream_us(nbytes / self._lanes, device.vector.load_gbps)
        store_us = stream_us(nbytes / self._lanes, device.vector.store_gbps)
        return store_us, stream_us(nbytes, device.cube.hit_gbps)
