"""The example programs against what the real compiler and orchestrator made of them."""

import json
import math
import re
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from compiled import our_operations, real_operations

from devices.capacity import on_chip_use
from devices.device import load_device
from devices.kernel import global_bytes
from runtime.graph import ALLOC
from runtime.tensormap import build_graph
from workloads.catalogue import WORKLOADS

DATA = Path(__file__).parent.parent / "data" / "conformance"
SCOPE2 = "models-qwen3-qwen3_32b_decode_scope2"
FILES = {
    "hello-world": "beginner-hello_world",
    "matmul": "beginner-matmul",
    "gemm": "intermediate-gemm",
    "layer-norm": "intermediate-layer_norm",
    "rms-norm": "intermediate-rms_norm",
    "rope": "intermediate-rope",
    "softmax": "intermediate-softmax",
    "qwen3-scope1": "models-qwen3-qwen3_32b_decode_scope1",
    "qwen3-scope2": SCOPE2,
    "qwen3-scope2 small": f"{SCOPE2}__small",
}
SCENARIOS = [
    *((name, None) for name in FILES if not name.startswith("qwen3-scope2")),
    *((name, scenario) for name in list(FILES)[-2:] for scenario in ("max", "seed0")),
]
PROGRAMS = pytest.mark.parametrize("name", FILES)
BLOCKS = 64


def real(name):
    return json.loads((DATA / f"0d48e70f__examples-{FILES[name]}.json").read_text())


def recorded(name, scenario=None):
    """The program with the arguments of the file, and what its scenario says of what is read."""
    found = real(name)
    workload = WORKLOADS[name.split()[0]]
    parameters = workload.parameters(found.get("variant_args", {}))
    given = {a["name"]: a["int_values"] for a in found["args"] if a["read_by_orchestration"]}
    if scenario == "seed0":
        workload = replace(workload, given={n: np.array(v) for n, v in given.items()})
    return workload.submits(parameters)


def base_name(parameter):
    """``x__ssa_v0`` is ``x``; ``ret0__out`` is a name of its own."""
    return parameter if parameter.endswith("__out") else parameter.split("__")[0]


@pytest.mark.parametrize(("name", "scenario"), SCENARIOS)
@pytest.mark.parametrize(("cap", "key"), [(16, "cap16"), (None, "nocap")])
def test_graph_equals_the_real_one(name, scenario, cap, key):
    graph = build_graph(recorded(name, scenario), lookup_cap=cap, rings=4)
    expected = real(name)
    found = (expected["scenarios"][scenario] if scenario else expected)["graph"][key]
    assert graph.task_count == expected["total_kernel_tasks"]
    assert graph.alloc_count == expected["hidden_alloc_tensors"]
    assert (graph.edge_count, graph.depth) == (found["edges"], found["depth"])
    assert graph.dropped == found["results_dropped"]
    assert graph.chain_entries.sum() == found["chain_entries_walked"]


@PROGRAMS
def test_kernels_equal_the_real_ones(name):
    submits = recorded(name)
    counts = Counter(submits.kernel)
    for number, (kernel, expected) in enumerate(
        zip(submits.kernels, real(name)["kernels"], strict=True)
    ):
        assert (kernel.name, kernel.core.value) == (expected["name"], expected["core"])
        assert (counts[number], len(kernel.scalars)) == (expected["executed"], expected["scalars"])
        assert [
            (p.name, p.direction.value, f"[{', '.join(map(str, p.shape))}] {p.dtype}")
            for p in kernel.parameters
        ] == [(base_name(p["kernel_param"]), p["direction"], p["type"]) for p in expected["params"]]


@PROGRAMS
def test_views_equal_the_real_ones(name):
    submits = recorded(name)
    for number, expected in enumerate(real(name)["kernels"]):
        tasks = [task for task, kernel in enumerate(submits.kernel) if kernel == number]
        for place, parameter in enumerate(expected["params"]):
            views = [submits.views[task][place] for task in tasks]
            found = {f"{listed(v.shape)}@{listed(v.offset)}" for v in views}
            # Three views at most were sampled.
            assert found.issuperset(parameter["samples"])
            assert len(parameter["samples"]) == min(len(found), 3)


def listed(sizes):
    return f"[{','.join(map(str, sizes))}]"


@PROGRAMS
@pytest.mark.parametrize(("cap", "key"), [(16, "cap16"), (None, "nocap")])
def test_producers_equal_the_real_ones(name, cap, key):
    graph = build_graph(recorded(name), lookup_cap=cap, rings=4)
    for number, expected in enumerate(real(name)["kernels"]):
        tasks = [task for task in range(len(graph)) if graph.kernel[task] == number]
        producers = [list(graph.producers(task)) for task in tasks]
        counts = [len(found) for found in producers]
        assert [min(counts), max(counts)] == expected[f"fanin_{key}"]
        by_kernel = Counter(graph.kernel[p] for found in producers for p in found)
        of_allocs = by_kernel.pop(ALLOC, 0)
        preds = dict(expected[f"preds_{key}"])
        assert of_allocs == sum(preds.pop(n) for n in list(preds) if n.startswith("alloc_"))
        assert {graph.kernels[k].name: count for k, count in by_kernel.items()} == preds


def counted(kernel, on_chip):
    """Scalars by which branches are taken and loops over data run once, as the facts count."""
    loops = {text for op in on_chip["ops"] for text in op.get("dyn", ()) if ":" in text}
    blocks = 2 if loops else BLOCKS
    return {s: blocks if s.name == "ctx_blocks" else 0 for s in kernel.scalars}


def moved_bytes(entry):
    """Bytes that move always, and those that a branch or a loop over data moves, counted so."""
    total = entry["bytes"]
    for text in entry["dyn"]:
        shape, size, trips = re.match(r"\[(.+)\]x(\d+)B x(\d+) ", text).groups()
        # Of a block that the context only begins, the valid part would be loaded.
        extents = [BLOCKS if "valid_len" in e else int(e) for e in shape.split(",")]
        total += math.prod(extents) * int(size) * int(trips)
    return total


@PROGRAMS
def test_operations_and_bytes_equal_the_real_ones(name):
    for kernel, expected in zip(recorded(name).kernels, real(name)["kernels"], strict=True):
        (on_chip,) = expected["on_chip"]
        values = counted(kernel, on_chip)
        assert our_operations(kernel, values) == real_operations(on_chip["ops"])
        for amounts, key in zip(global_bytes(kernel, values), ("load", "store"), strict=True):
            moved = zip(kernel.parameters, amounts, strict=True)
            assert {p.name: amount for p, amount in moved if amount} == {
                base_name(tensor): moved_bytes(entry)
                for tensor, entry in on_chip["gm_bytes"][key].items()
            }


@PROGRAMS
def test_on_chip_bytes_equal_the_real_ones(name):
    device = load_device("a2a3")
    for kernel, expected in zip(recorded(name).kernels, real(name)["kernels"], strict=True):
        taken = {u.memory.value: u.allocated_bytes for u in on_chip_use(kernel, device)}
        assert taken == expected["on_chip"][0]["mem_used_bytes"]
