"""The example programs against what the real compiler and orchestrator made of them."""

import json
from collections import Counter
from pathlib import Path

import pytest
from compiled import our_operations, real_operations

from devices.capacity import on_chip_use
from devices.device import load_device
from devices.kernel import global_bytes
from runtime.language import record
from runtime.tensormap import build_graph
from workloads.catalogue import WORKLOADS

DATA = Path(__file__).parent.parent / "data" / "conformance"
FILES = {
    "hello-world": "beginner-hello_world",
    "matmul": "beginner-matmul",
    "gemm": "intermediate-gemm",
    "layer-norm": "intermediate-layer_norm",
    "rms-norm": "intermediate-rms_norm",
    "rope": "intermediate-rope",
    "softmax": "intermediate-softmax",
    "qwen3-scope1": "models-qwen3-qwen3_32b_decode_scope1",
}
PROGRAMS = pytest.mark.parametrize("name", FILES)


def real(name):
    return json.loads((DATA / f"0d48e70f__examples-{FILES[name]}.json").read_text())


def recorded(name):
    return record(WORKLOADS[name].program())


def base_name(parameter):
    """``x__ssa_v0`` is ``x``; ``ret0__out`` is a name of its own."""
    return parameter if parameter.endswith("__out") else parameter.split("__")[0]


@PROGRAMS
@pytest.mark.parametrize(("cap", "key"), [(16, "cap16"), (None, "nocap")])
def test_graph_equals_the_real_one(name, cap, key):
    graph = build_graph(recorded(name), lookup_cap=cap, rings=4)
    expected, found = real(name), real(name)["graph"][key]
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
def test_operations_and_bytes_equal_the_real_ones(name):
    for kernel, expected in zip(recorded(name).kernels, real(name)["kernels"], strict=True):
        (on_chip,) = expected["on_chip"]
        values = dict.fromkeys(kernel.scalars, 0)
        assert our_operations(kernel, values) == real_operations(on_chip["ops"])
        for amounts, key in zip(global_bytes(kernel, values), ("load", "store"), strict=True):
            moved = zip(kernel.parameters, amounts, strict=True)
            assert {p.name: amount for p, amount in moved if amount} == {
                tensor: entry["bytes"] for tensor, entry in on_chip["gm_bytes"][key].items()
            }


@PROGRAMS
def test_on_chip_bytes_equal_the_real_ones(name):
    device = load_device("a2a3")
    for kernel, expected in zip(recorded(name).kernels, real(name)["kernels"], strict=True):
        taken = {u.memory.value: u.allocated_bytes for u in on_chip_use(kernel, device)}
        assert taken == expected["on_chip"][0]["mem_used_bytes"]
