"""What reading a file takes of memory: less than 2 GB for the largest that is read."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from devices.kernel import CoreType
from workloads.formats.assumed import Assumed
from workloads.formats.drafts import Draft, Node, imported
from workloads.formats.graph_files import FORMATS, read_graph_file, write_graph
from workloads.formats.swimlane import read_swimlane

TASKS = 20_000
LARGEST_RECORDS = 500_000_000
MOST_BYTES = 2_000_000_000


def peak_bytes(read, path):
    """Most memory that reading a file takes at once; what is made once is not counted."""
    read(path)
    tracemalloc.start()
    try:
        read(path)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def graph():
    """Tasks of three kernels, each of which waits for two."""
    draft = Draft("made", "made", "made", str)
    for n in range(TASKS):
        draft.add_node(Node(str(n), n, f"kernel_{n % 3}", CoreType.AIV, 12.5))
        for producer in {n - 1, n - 7} & {*range(max(n - 7, 0), n)}:
            draft.add_edge(str(producer), str(n), n)
    return imported(draft, Assumed())


@pytest.mark.parametrize("form", [f for f in FORMATS if f.write], ids=lambda form: form.name)
def test_the_largest_file_of_a_format_is_read_in_less_than_2_gb(tmp_path, form):
    path = tmp_path / f"made{form.endings[0]}"
    write_graph(graph(), path)
    part = path.stat().st_size / form.most_bytes
    # What is read once, such as the parts of a zip, takes the same whatever the size is.
    assert peak_bytes(read_graph_file, path) < part * MOST_BYTES + (1 << 18)


def test_the_largest_standard_task_graph_is_read_in_less_than_2_gb(tmp_path):
    path = tmp_path / "made.stg"
    rows = [f"{n:7d} {40:6d}      2 {n - 1:7d} {n - 7:7d}" for n in range(8, TASKS)]
    first = [f"{n:7d} {40:6d}      0" for n in range(8)]
    path.write_text("\n".join([str(TASKS), *first, *rows]))
    (form,) = (f for f in FORMATS if ".stg" in f.endings)
    part = path.stat().st_size / form.most_bytes
    assert peak_bytes(read_graph_file, path) < part * MOST_BYTES


def test_500_mb_of_raw_records_are_read_in_less_than_2_gb(tmp_path):
    cores, count = 72, 100_000
    number = np.arange(count)
    core, register = number % cores, number // cores + 1
    begin = 2 * 10**11 + register * 2500
    ones = np.ones(count, dtype=np.int64)
    tasks = np.column_stack(
        (core, 1 << 32 | number, register, begin + 100, begin + 2100, 10 * ones)
    )
    control = np.column_stack((core, register, begin + 50, begin + 2150))
    types = ",".join(['"aic"'] * 24 + ['"aiv"'] * 48)
    path = tmp_path / "chip_swimlane_records.json"
    path.write_text(
        '{"chip_swimlane_level": 2, "metadata": {"clock_freq_hz": 50000000, "core_types": ['
        f"{types}]}}, "
        f'"aicore_tasks": {tasks.tolist()}, "aicpu_tasks": {control.tolist()}}}'
    )
    part = path.stat().st_size / LARGEST_RECORDS
    # Blocks of the file take the same memory whatever its size is.
    assert peak_bytes(read_swimlane, path) < part * MOST_BYTES + (8 << 20)
