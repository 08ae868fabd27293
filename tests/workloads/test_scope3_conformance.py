"""The scope-3 programs against what the real compiler and orchestrator made of them."""

import gzip
import json
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from compiled import our_operations, real_operations

from devices.capacity import on_chip_use
from devices.device import load_device
from devices.kernel import global_bytes, walk
from runtime.graph import ALLOC
from runtime.language import record
from runtime.tensormap import build_graph
from workloads.programs.qwen3_scope3 import build_baseline, build_restructured

DATA = Path(__file__).parent.parent / "data"
DEVICE = load_device("a2a3")
BUILDERS = {"baseline": build_baseline, "restructured": build_restructured}


def recorded(which, hidden, intermediate=25600, **chunks):
    sizes = {"batch": 16, "k_chunk": 128, "out_chunk": 64, "mlp_chunk": 64, **chunks}
    return record(BUILDERS[which](hidden=hidden, intermediate=intermediate, **sizes))


@pytest.mark.parametrize(
    ("which", "hidden", "intermediate", "cap", "tasks", "allocs", "edges", "depth"),
    [
        ("baseline", 5120, 25600, 16, 33411, 16401, 116061, 16086),
        ("restructured", 8192, 25600, 16, 1651, 593, 6963, 7),
        ("restructured", 8192, 25600, None, 1651, 593, 43059, 7),
        ("restructured", 1024, 2048, 16, 151, 57, 703, 7),
        ("restructured", 5120, 25600, 16, 1501, 521, 5877, 7),
    ],
)
def test_graph_has_the_published_size(
    which, hidden, intermediate, cap, tasks, allocs, edges, depth
):
    graph = build_graph(recorded(which, hidden, intermediate), lookup_cap=cap, rings=4)
    found = graph.task_count, graph.alloc_count, graph.edge_count, graph.depth
    assert found == (tasks, allocs, edges, depth)


def test_longest_chain_of_the_baseline_is_its_accumulates():
    graph = build_graph(recorded("baseline", 5120), lookup_cap=16, rings=4)
    per_kernel = Counter(graph.kernel[graph.kernel != ALLOC].tolist())
    accumulate = graph.kernels[8]
    assert [op.name for op in walk(accumulate.body)].count("tile.add") == 1
    tasks = np.flatnonzero(graph.kernel == 8)
    assert per_kernel[8] == len(tasks) == 16_000
    for earlier, later in pairwise(tasks):
        assert earlier in graph.producers(later)


@pytest.mark.parametrize(
    ("file", "which", "hidden", "cap"),
    [
        ("seed_baseline_cap16", "baseline", 5120, 16),
        ("seed_after_cap16", "restructured", 8192, 16),
        ("seed_after_nocap", "restructured", 8192, None),
        ("seed_after_hidden5120_cap16", "restructured", 5120, 16),
    ],
)
def test_graph_equals_the_real_orchestrators(file, which, hidden, cap):
    graph = build_graph(recorded(which, hidden), lookup_cap=cap, rings=4)
    with gzip.open(DATA / "dags" / f"{file}.jsonl.gz", "rt") as lines:
        real = [json.loads(line) for line in lines]
    assert len(real) == len(graph)
    number = {row["task_id"]: place for place, row in enumerate(real)}
    in_ring = Counter()
    buffers: dict[int, object] = {}
    directions = {"in": "INPUT", "inout": "INOUT", "out_existing": "OUTPUT_EXISTING"}
    for submit, row in enumerate(real):
        ring = int(graph.ring[submit])
        assert int(row["task_id"]) == ring << 32 | in_ring[ring]
        in_ring[ring] += 1
        fanin = sorted(number[p] for p in row.get("fanin", []))
        assert sorted(graph.producers(submit)) == fanin
        kernel = int(graph.kernel[submit])
        if row["kind"] == "alloc":
            assert kernel == ALLOC
            expected = ["ALLOC"] * len(row["args"])
        else:
            assert kernel == max(row["kernels"])
            is_cube = row["kernels"][0] >= 0
            assert graph.kernels[kernel].core.value == ("aic" if is_cube else "aiv")
            assert len(graph.scalars[submit]) == row["scalars"]
            expected = [directions[p.direction.value] for p in graph.kernels[kernel].parameters]
        assert [a["type"] for a in row["args"]] == expected
        for view, argument in zip(graph.views[submit], row["args"], strict=True):
            buffer = view.buffer
            assert buffers.setdefault(argument["buffer"], buffer) is buffer
            assert list(view.shape) == argument["shape"]
            strides = np.cumprod([1, *reversed(buffer.shape[1:])])[::-1]
            assert int(np.dot(view.offset, strides)) == argument["start_offset"]
            assert buffer.dtype.nbytes(int(np.prod(buffer.shape))) == argument["buffer_bytes"]
            assert buffer.dtype.name == {0: "FP32", 6: "BF16"}[argument["dtype"]]


@pytest.mark.parametrize(
    ("file", "which", "sizes"),
    [
        ("d91af0f__{}", "baseline", {"hidden": 5120}),
        ("4f729f38__{}", "restructured", {"hidden": 8192}),
        ("4f729f38__{}__hidden5120", "restructured", {"hidden": 5120}),
        ("4f729f38__{}__small", "restructured", {"hidden": 1024, "intermediate": 2048}),
    ],
)
def test_kernels_equal_the_real_compilers(file, which, sizes):
    name = file.format("examples-models-qwen3-qwen3_32b_decode_scope3")
    real = json.loads((DATA / "conformance" / f"{name}.json").read_text())
    submits = recorded(which, **sizes)
    counts = Counter(submits.kernel)
    assert len(submits.kernels) == len(real["kernels"])
    for number, (kernel, expected) in enumerate(zip(submits.kernels, real["kernels"], strict=True)):
        assert (kernel.name, kernel.core.value) == (expected["name"], expected["core"])
        assert counts[number] == expected["executed"]
        assert [p.direction.value for p in kernel.parameters] == [
            p["direction"] for p in expected["params"]
        ]
        assert [f"[{', '.join(map(str, p.shape))}] {p.dtype}" for p in kernel.parameters] == [
            p["type"] for p in expected["params"]
        ]
        # Names agree but for the compiler's suffix of role and version.
        assert [p.name for p in kernel.parameters] == [
            p["kernel_param"] if "__out" in p["kernel_param"] else p["kernel_param"].split("__")[0]
            for p in expected["params"]
        ]
        (on_chip,) = expected["on_chip"]
        values = dict.fromkeys(kernel.scalars, 0)
        assert our_operations(kernel, values) == real_operations(on_chip["ops"])
        loaded, stored = global_bytes(kernel, values)
        assert moved(kernel, loaded) == real_bytes(on_chip["gm_bytes"]["load"])
        assert moved(kernel, stored) == real_bytes(on_chip["gm_bytes"]["store"])
        taken = {u.memory.value: u.allocated_bytes for u in on_chip_use(kernel, DEVICE)}
        assert taken == on_chip["mem_used_bytes"]


def moved(kernel, amounts):
    return {p.name: amount for p, amount in zip(kernel.parameters, amounts, strict=True) if amount}


def real_bytes(table):
    return {name: entry["bytes"] for name, entry in table.items()}
