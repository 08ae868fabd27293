"""Cores of a recorded run: cube cores first, as a trace has them, with the device's own numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from workloads.formats.recording import Recording
from workloads.formats.records import MOST_CORES

__all__ = ["RecordedCores", "find_cores"]

Ints = NDArray[np.int64]

_PER_CLUSTER = 3
"""Cores of a cluster of a2a3: one cube core, two vector cores."""


@dataclass(frozen=True)
class RecordedCores:
    """Cores of a recorded run.

    Attributes
    ----------
    device_id : int64 array, shape (cores,)
        The device's number of each core: cube cores first, each type in its order.
    aic_count, aiv_count : int
        How many there are of each type.
    thread : int64 array, shape (cores,)
        The scheduler thread that owns each.
    thread_count : int
        Scheduler threads.
    row : int16 array, shape (r,)
        The core of each row of the recording, as position in `device_id`.
    lane : int8 array, shape (r,)
        Which vector core of its cluster each row ran on; 0 for cube cores.
    notes : tuple of str
        What had to be guessed.
    """

    device_id: Ints
    aic_count: int
    aiv_count: int
    thread: Ints
    thread_count: int
    row: NDArray[np.int16]
    lane: NDArray[np.int8]
    notes: tuple[str, ...]


def find_cores(recording: Recording) -> RecordedCores:
    """Find out which cores there were, and put cube cores first.

    Raises
    ------
    InputError
        A core that ran a kernel is not among those that the file lists.
    """
    notes: list[str] = []
    is_aic = _types(recording, notes)
    device_id = np.argsort(~is_aic, kind="stable")
    aic_count = int(np.count_nonzero(is_aic))
    position = np.empty(len(device_id), dtype=np.int64)
    position[device_id] = np.arange(len(device_id))
    row = position.astype(np.int16)[recording.rows.core]
    owner, threads = _threads(recording, len(is_aic), notes)
    lane = np.where(row < aic_count, 0, (row - aic_count) % (_PER_CLUSTER - 1))
    return RecordedCores(
        device_id,
        aic_count,
        len(device_id) - aic_count,
        owner[device_id],
        threads,
        row,
        lane.astype(np.int8),
        tuple(notes),
    )


def _types(recording: Recording, notes: list[str]) -> NDArray[np.bool_]:
    """Whether each core is a cube core, by the device's number."""
    known = recording.cores.is_aic
    if known is not None:
        return known
    rows, owners = recording.rows, recording.cores.thread
    count = int(rows.core.max()) + 1
    if owners is not None:
        for record in np.flatnonzero(rows.core >= len(owners))[:1].tolist():
            raise InputError(
                f"{recording.path}: {rows.where}[{record}].core_id: is {rows.core[record]}; "
                f"core_to_thread has {len(owners)} cores"
            )
        count = len(owners)
    cubes, vectors = rows.core[rows.is_aic], rows.core[~rows.is_aic]
    first_vector = int(vectors.min(initial=count))
    last_cube = int(cubes.max(initial=-1))
    if owners is None:
        notes.append("The file does not say how many cores there were; those between are counted.")
        # Clusters are whole: from the last core on, or as many as the first vector core says.
        whole = -(-max(count, _PER_CLUSTER * (last_cube + 1)) // _PER_CLUSTER) * _PER_CLUSTER
        count = whole if whole < MOST_CORES else count
    boundary = count // _PER_CLUSTER
    numbers = np.arange(count)
    if count % _PER_CLUSTER or not last_cube < boundary <= first_vector:
        boundary = last_cube + 1
    is_aic = numbers < boundary
    # What rows say counts more than where a core lies.
    is_aic[cubes], is_aic[vectors] = True, False
    return is_aic


def _threads(recording: Recording, count: int, notes: list[str]) -> tuple[Ints, int]:
    owners, phases = recording.cores.thread, recording.phases
    if owners is None or not len(owners):
        notes.append("The file does not say which thread owns a core; one thread owns all.")
        return np.zeros(count, dtype=np.int64), 1
    if len(owners) < count:
        raise InputError(
            f"{recording.path}: core_to_thread: has {len(owners)} cores; there are {count}"
        )
    owner = np.maximum(owners[:count], 0)  # cores that no thread owns run nothing
    most = 128  # threads, with 8 bits each in what the runtime records
    if int(owner.max()) >= most:
        raise InputError(
            f"{recording.path}: core_to_thread[{int(np.argmax(owner))}]: names thread "
            f"{owner.max()}; there are fewer than {most}"
        )
    busy = 0 if phases is None else int(phases.thread.max()) + 1
    return owner, min(max(int(owner.max()) + 1, busy), most)
