"""How fast a recorded run is read from a swimlane file, and with how much memory.

Run with ``python -m benchmarks.trace_reading [MEGABYTES [FORM]]``; FORM is ``v2``, ``v2.gz``,
``raw`` or ``raw+deps``, which has all phases and a `deps.json`. The files are made in a temporary
folder: chains of tasks on 72 cores, with the fan-out and the phases that the device records.
"""

from __future__ import annotations

import gzip
import json
import resource
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from time import perf_counter
from typing import IO

from workloads.formats.swimlane import read_swimlane

AIC, CORES, THREADS = 24, 72, 3
SLOT_US = 50.0
"""Time from one task of a core to the next."""

MB = 1_000_000


def main() -> None:
    """Make a file, read it and print the figures."""
    megabytes = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    form = sys.argv[2] if len(sys.argv) > 2 else "v2"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"run.json{'.gz' if form.endswith('.gz') else ''}"
        with gzip.open(path, "wt", compresslevel=1) if form == "v2.gz" else path.open("w") as file:
            written = WRITERS[form](file, megabytes * MB)
        before_mb = peak_mb()
        began = perf_counter()
        imported = read_swimlane(path)
        seconds = perf_counter() - began
    print(f"{form}: {written / MB:.0f} MB, {imported.graph!r}")
    print(f"reading           {seconds:8.1f} s   {seconds / written * 100 * MB:8.2f} s per 100 MB")
    print(f"peak memory       {peak_mb():8.0f} MB, {before_mb:.0f} MB before")


def peak_mb() -> float:
    """The most memory that this process has taken so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def write_v2(file: IO[str], size: int) -> int:
    """Write about so many bytes of version 2: rows, and a completion and a dispatch of each."""
    written = file.write('{"version": 2, "tasks": [')
    # A row takes 330 bytes, its two phases 220, its submit 110.
    count = max(size // 660, CORES)
    for number in range(count):
        written += file.write(("," if number else "") + json.dumps(row(number, count)))
    for key, phases in (
        ("aicpu_scheduler_phases", [scheduler(n, count) for n in range(THREADS)]),
        ("aicpu_orchestrator_phases", [orchestrator(count)]),
    ):
        written += file.write(f'], "{key}": [')
        for thread, records in enumerate(phases):
            written += file.write(", [" if thread else "[")
            for place, record in enumerate(records):
                written += file.write(("," if place else "") + json.dumps(record))
            written += file.write("]")
    owners = [core % THREADS for core in range(CORES)]
    return written + file.write(f'], "core_to_thread": {json.dumps(owners)}}}')


def row(number: int, count: int) -> dict[str, object]:
    """One task: the next one on its core waits for it."""
    core = number % CORES
    begin_us = number // CORES * SLOT_US + core * 0.1
    consumers = [1 << 32 | number + CORES] if number + CORES < count else []
    return {
        "task_id": 1 << 32 | number,
        "func_id": int(core >= AIC),
        "core_id": core,
        "core_type": "aic" if core < AIC else "aiv",
        "ring_id": 1,
        "start_time_us": round(begin_us + 2.0, 3),
        "end_time_us": round(begin_us + 42.0, 3),
        "duration_us": 40.0,
        "dispatch_time_us": round(begin_us + 1.0, 3),
        "finish_time_us": round(begin_us + 43.0, 3),
        "fanout": consumers,
        "fanout_count": len(consumers),
    }


def scheduler(thread: int, count: int) -> Iterator[dict[str, object]]:
    """What a thread does: a dispatch and a completion for each of its tasks."""
    for number in range(count):
        if number % CORES % THREADS == thread:
            begin_us = number // CORES * SLOT_US + number % CORES * 0.1
            for phase, at_us in (("dispatch", 0.9), ("complete", 42.9)):
                yield {
                    "start_time_us": round(begin_us + at_us, 3),
                    "end_time_us": round(begin_us + at_us + 0.1, 3),
                    "phase": phase,
                    "loop_iter": number,
                    "tasks_processed": 1,
                }


def orchestrator(count: int) -> Iterator[dict[str, object]]:
    """One phase for each submit."""
    for number in range(count):
        begin_us = number // CORES * SLOT_US + number % CORES * 0.01
        yield {
            "phase": "orch_fanin",
            "start_time_us": round(begin_us, 3),
            "end_time_us": round(begin_us + 0.01, 3),
            "submit_idx": number,
            "task_id": 1 << 32 | number,
        }


def write_raw(file: IO[str], size: int) -> int:
    """Write about so many bytes of the newest form, without phases."""
    return write_tuples(file, max(size // 85, CORES), 2) + file.write("}")


def write_raw_and_deps(file: IO[str], size: int) -> int:
    """Write about so many bytes of the newest form with all phases, and the graph beside it."""
    # A task takes 95 bytes, its two phases 290, its submit 90.
    count = max(size // 475, CORES)
    written = write_tuples(file, count, 4)
    written += file.write(', "aicpu_scheduler_phases": [')
    for thread in range(THREADS):
        written += file.write(", [" if thread else "[")
        for place, record in enumerate(scheduler_cycles(thread, count)):
            written += file.write(("," if place else "") + json.dumps(record))
        written += file.write("]")
    written += file.write('], "aicpu_orchestrator_phases": [[')
    for number in range(count):
        begin = begin_cycles(number)
        record = {
            "submit_idx": number,
            "task_id": 1 << 32 | number,
            "start_cycles": begin,
            "end_cycles": begin + 1,
        }
        written += file.write(("," if number else "") + json.dumps(record))
    with (Path(file.name).parent / "deps.json").open("w") as deps:
        size = write_deps(deps, count)
    print(f"deps.json         {size / MB:8.0f} MB")
    return written + file.write("]]}")


def scheduler_cycles(thread: int, count: int) -> Iterator[dict[str, object]]:
    """What a thread does: a dispatch and a completion for each of its tasks."""
    for number in range(count):
        if number % CORES % THREADS == thread:
            begin = begin_cycles(number)
            for kind, at in (("dispatch", 45), ("complete", 2148)):
                yield {
                    "kind": kind,
                    "start_cycles": begin + at,
                    "end_cycles": begin + at + 5,
                    "loop_iter": number,
                    "tasks_processed": 1,
                    "shared_at_start": [0, 0, 0],
                }


def write_deps(file: IO[str], count: int) -> int:
    """Write the graph: each task reads two tensors and updates one, as the next on its core."""
    written = file.write('{"tasks": [')
    for number in range(count):
        core, place = number % CORES, number // CORES
        task = {
            "task_id": str(1 << 32 | number),
            "scope": "auto",
            "kernel_ids": [0, -1, -1] if core < AIC else [-1, 1, -1],
            "block_num": 1,
            "args": [
                argument(0, "INPUT", 1 << 63, place % 1024),
                argument(1, "INPUT", 1 << 62, core),
                argument(2, "INOUT", 1 << 61, core),
            ],
        }
        written += file.write(("," if number else "") + json.dumps(task))
    written += file.write('], "tensors": [')
    for number, tensor in enumerate((1 << 63, 1 << 62, 1 << 61)):
        record = {"tensor_id": str(tensor), "buffer_addr": str(tensor), "buffer_numel": "67108864"}
        written += file.write(("," if number else "") + json.dumps(record))
    written += file.write('], "edges": [')
    for number in range(CORES, count):
        view = argument(2, "INOUT", 1 << 61, number % CORES)
        edge = {
            "pred": str(1 << 32 | number - CORES),
            "succ": str(1 << 32 | number),
            "arg": 2,
            "source": "tensormap",
            "flags": ["wait"],
            "tensor_id": view["tensor_id"],
            "consumer_start_offset": view["start_offset"],
            "consumer_shape": view["shape"],
            "consumer_strides": view["strides"],
        }
        written += file.write(("," if number > CORES else "") + json.dumps(edge))
    return written + file.write("]}")


def argument(place: int, kind: str, tensor: int, tile: int) -> dict[str, object]:
    """A tile of a tensor."""
    return {
        "idx": place,
        "type": kind,
        "tensor_id": str(tensor),
        "dtype": "FLOAT32",
        "shape": [128, 128],
        "start_offset": str(tile * 16384),
        "strides": [128, 1],
    }


def begin_cycles(number: int) -> int:
    """When the slot of a task begins."""
    return 200_000_000_000 + (number // CORES + 1) * 2500 + number % CORES * 5


def write_tuples(file: IO[str], count: int, level: int) -> int:
    """Write the executions of so many tasks, up to where the phases begin."""
    types = ["aic"] * AIC + ["aiv"] * (CORES - AIC)
    metadata = {"clock_freq_hz": 50_000_000, "num_cores": CORES, "core_types": types}
    metadata["core_to_thread"] = [core % THREADS for core in range(CORES)]
    written = file.write(f'{{"chip_swimlane_level": {level}, "metadata": {json.dumps(metadata)}')
    for key in ("aicore_tasks", "aicpu_tasks"):
        written += file.write(f', "{key}": [')
        for number in range(count):
            core, register = number % CORES, number // CORES + 1
            begin = begin_cycles(number)
            record = [core, register, begin + 50, begin + 2150]
            if key == "aicore_tasks":
                record = [core, 1 << 32 | number, register, begin + 100, begin + 2100, 10]
            written += file.write(("," if number else "") + json.dumps(record))
        written += file.write("]")
    return written


WRITERS = {
    "v2": write_v2,
    "v2.gz": write_v2,
    "raw": write_raw,
    "raw+deps": write_raw_and_deps,
}


if __name__ == "__main__":
    main()
