"""Tasks that take more than one core: what their parts are, and whether they can be placed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from devices.device import Device
from devices.errors import InputError
from devices.kernel import CoreType, Kernel
from devices.mix_timing import mix_times_us
from runtime.graph import TaskGraph
from runtime.launch import Launch
from runtime.version import RuntimeVersion
from scheduler.board import Spread

__all__ = ["core_shares", "spread_tasks"]

_ONCE = Launch()


def core_shares(kernel: Kernel, device: Device) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """Cores of a cluster that a MIX kernel takes, and the part of its time each is busy."""
    if kernel.core_shares:
        taken = {slot: share for slot, share in enumerate(kernel.core_shares) if share > 0.0}
        return tuple(taken), tuple(taken.values())
    times_us = mix_times_us(kernel, device)
    longest_us = max(times_us.values())
    return tuple(times_us), tuple(time_us / longest_us for time_us in times_us.values())


def spread_tasks(
    graph: TaskGraph, device: Device, runtime: RuntimeVersion, durations_us: NDArray[np.float64]
) -> dict[int, Spread]:
    """The tasks of a graph that run on several cores.

    Parameters
    ----------
    graph : TaskGraph
        What runs.
    device : Device
        Its kernel model says how the time of a MIX task divides between its cores.
    runtime : RuntimeVersion
        Has to know such tasks.
    durations_us : float64 array, shape (n,)
        Kernel time of each submit; of a MIX task, of the core that takes longest.

    Raises
    ------
    InputError
        Blocks that start together are more than the device has cores, or the runtime knows no such
        tasks.
    """
    used = set(np.unique(graph.kernel).tolist())
    mix = [n for n, k in enumerate(graph.kernels) if k.core is CoreType.MIX and n in used]
    if not mix and not graph.launches:
        return {}
    if not runtime.rules.mix_and_blocks:
        raise InputError(
            f"{graph.name} has tasks that take more than one core (MIX, or several blocks), which "
            f"{runtime.name} does not know; choose another --runtime"
        )
    shares = {number: core_shares(graph.kernels[number], device) for number in mix}
    spread: dict[int, Spread] = {}
    for submit, number in enumerate(graph.kernel.tolist()):
        launch = graph.launches.get(submit, _ONCE)
        if number < 0 or (number not in shares and launch.blocks == 1):
            continue
        kernel = graph.kernels[number]
        _check(graph, submit, kernel, launch, device)
        slots, parts = shares.get(number) or (((0 if kernel.core is CoreType.AIC else 1),), (1.0,))
        spread[submit] = Spread(
            slots=slots,
            times_us=tuple(part * float(durations_us[submit]) for part in parts),
            blocks=launch.blocks,
            parts=launch.blocks * len(slots),
            running=launch.blocks * len(slots),
            together=launch.sync_start,
        )
    return spread


def _check(graph: TaskGraph, submit: int, kernel: Kernel, launch: Launch, device: Device) -> None:
    if launch.blocks < 1:
        raise InputError(f"{graph.name}: submit {submit} ({kernel.name}) has no block to run")
    cores = device.aiv_count if kernel.core is CoreType.AIV else device.cores.clusters
    if launch.sync_start and launch.blocks > cores:
        what = "vector cores" if kernel.core is CoreType.AIV else "clusters"
        raise InputError(
            f"{graph.name}: submit {submit} ({kernel.name}) starts {launch.blocks} blocks together "
            f"on {device.name}, which has {cores} {what}: they would wait for each other for "
            f"ever; at most {cores} blocks, or no sync_start"
        )
