"""Small programs, each made to pin one rule, against what the real compiler made of them."""

import ast
import importlib.util
import json
import re
from collections import Counter
from pathlib import Path

import pytest
from compiled import our_operations, real_operations

from devices.capacity import on_chip_use
from devices.device import load_device
from devices.kernel import CoreType, global_bytes
from runtime.graph import ALLOC
from runtime.language import LanguageError, record
from runtime.tensormap import build_graph

FILES = {
    path.stem: path
    for path in sorted((Path(__file__).parent.parent / "data/conformance/micro").glob("*.json"))
}

# What the orchestrations that read data are given: any length that fits does, for the recorded
# graphs do not depend on it but for the one whole chunk of 4 and its remainder.
INPUTS = {
    "probes3_p07_if_scalar_read_cond": {"s": 3},
    "probes3_p10_scalar_ops": {"s": 3},
    "probes3_p11_dynamic_loop_in_kernel": {"s": 3},
    "probes_p20_subscript": {"n": 3},
    "probes_p24_dyn_chunk": {"n": 6},
}

# What the real compiler takes and gives another meaning than the program says.
MISTAKEN = {
    "probes3_p04_break": ("break", "the compiler drops it"),
    "probes3_p05_continue": ("continue", "the compiler drops it"),
    "probes_p11_double_assemble": ("[8, 0]", "'t' is assembled twice"),
    "probes_p18_while": ("while i < 5", "the compiler emits its body once"),
}

# What neither takes.
REJECTED = {
    "probes2_p03b_bidir": ("for i in pl.parallel", "tiles of different sizes"),
    "probes2_p07_create_dyn": ("create_tensor([k, 64]", "positive integer constants, not [k, 64]"),
    "probes2_p16_while_": ("pl.while_", "use pl.range with the most iterations"),
    "probes2_p24_host_level": ("pl.Level.HOST", "pl.at(Level.HOST) makes no task"),
    "probes2_p26_type_change": ("t = pl.cast", "cannot reassign 't' with another type"),
    "probes2_p28_no_region": ("y = pl.assemble", "assemble outside a region copies nothing"),
    "probes3_p09_read_created": ("pl.tensor.read", "'t' is created by the program"),
    "probes3_p12_python_for_unrolled": ("in [0, 1]", "a loop goes over pl.range"),
    "probes3_p13_assert": ("assert K == 64", "does not have assert"),
    "probes_p09_chunk_outside": ("chunk=4", "chunk= is only for loops inside pl.auto_incore"),
    "probes_p10_compute_outside": ("t = pl.add(x, 1.0)", "misplaced operation pl.add"),
    "probes_p25_alloc_order": ("pl.assemble(y, c,", "cannot be assembled without computing"),
    "probes_p30_region_noout": ("pl.assemble(y, x,", "cannot be assembled without computing"),
}

# An `if` around a region that assembles: C++ that does not compile, but the meaning is clear.
ONLY_HERE = {"probes2_p23_if_noelse", "probes3_p07_if_scalar_read_cond"}

SUPPORTED = [n for n in FILES if n not in {*MISTAKEN, *REJECTED, *ONLY_HERE}]


def real(name):
    return json.loads(FILES[name].read_text())


@pytest.fixture
def program(tmp_path):
    """Builds a micro program from a file of its own."""

    def build(name):
        source = real(name)["source"]
        if "import pypto.language as pl" in source:
            source = source.replace(
                "import pypto.language as pl", "from runtime import language as pl"
            )
        else:
            source = "from runtime import language as pl\n\n" + source
        path = tmp_path / f"{name}.py"
        path.write_text(source)
        spec = importlib.util.spec_from_file_location(name, path)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        (builder,) = (n.name for n in ast.parse(source).body if isinstance(n, ast.FunctionDef))
        return getattr(module, builder)()

    return build


def recorded(program, name):
    return record(program(name), inputs=INPUTS.get(name))


def test_every_micro_program_is_accounted_for():
    assert len(FILES) == 63
    assert {*MISTAKEN, *REJECTED, *ONLY_HERE} <= FILES.keys()
    assert len(SUPPORTED) == 44
    results = {name: real(name)["result"] for name in FILES}
    assert {results[name] for name in MISTAKEN} == {"ok"}
    assert all(results[name] != "ok" for name in (*REJECTED, *ONLY_HERE))
    assert [name for name in SUPPORTED if results[name] != "ok"] == ["probes2_p11_3d"]


@pytest.mark.parametrize("name", [*MISTAKEN, *REJECTED])
def test_what_is_not_supported_is_refused_at_its_line(program, tmp_path, name):
    at, words = {**MISTAKEN, **REJECTED}[name]
    with pytest.raises(LanguageError) as caught:
        recorded(program, name)
    path = tmp_path / f"{name}.py"
    place, line = re.match(r"(.*?):(\d+): ", str(caught.value)).groups()
    assert place == str(path)
    assert at in path.read_text().splitlines()[int(line) - 1]
    assert words in str(caught.value)


@pytest.mark.parametrize("name", SUPPORTED)
@pytest.mark.parametrize(("cap", "key"), [(16, "cap16"), (None, "nocap")])
def test_graph_equals_the_real_one(program, name, cap, key):
    graph = build_graph(recorded(program, name), lookup_cap=cap, rings=4)
    expected, found = real(name), real(name)["graph"][key]
    assert graph.task_count == expected["total_kernel_tasks"]
    assert graph.alloc_count == expected["hidden_alloc_tensors"]
    assert graph.edge_count == found["edges"]
    assert graph.depth == found["depth"]
    assert graph.dropped == found["results_dropped"]
    assert graph.chain_entries.sum() == found["chain_entries_walked"]
    assert graph.consumer_count.max() == found["max_fanout"]
    for kernel, tasks in with_tasks(expected["kernels"], graph):
        assert {int(graph.ring[task]) for task in tasks} == set(kernel["ring"])
        fanin = [len(graph.producers(task)) for task in tasks]
        assert [min(fanin), max(fanin)] == kernel[f"fanin_{key}"]
        producers = Counter(
            "alloc" if graph.kernel[p] == ALLOC else graph.kernels[graph.kernel[p]].name
            for task in tasks
            for p in graph.producers(task)
        )
        assert producers == {
            re.sub(r"alloc_\d+", "alloc", n): c for n, c in kernel[f"preds_{key}"].items()
        }


@pytest.mark.parametrize("name", SUPPORTED)
def test_kernels_and_their_arguments_equal_the_real_ones(program, name):
    submits = recorded(program, name)
    expected = real(name)["kernels"]
    assert [k.name for k in submits.kernels] == list(by_name(expected))
    assert [k.core.value for k in submits.kernels] == [
        k["core"] for k in by_name(expected).values()
    ]
    for kernel, tasks in with_tasks(expected, submits):
        assert len(tasks) == kernel["executed"]
        parameters = submits.kernels[submits.kernel[tasks[0]]].parameters
        assert [(p.name, p.direction.value, shape_and_dtype(p)) for p in parameters] == [
            real_parameter(p) for p in kernel["params"]
        ]
        assert len(submits.kernels[submits.kernel[tasks[0]]].scalars) == kernel["scalars"]
        assert {len(submits.scalars[task]) for task in tasks} == {kernel["scalars"]}
        for place, parameter in enumerate(kernel["params"]):
            views = {rectangle(submits.views[task][place]) for task in tasks}
            assert sorted(views)[:3] == parameter["samples"]


def by_name(kernels):
    """The first record of each kernel; one that is written by hand has a record for each call."""
    first = {}
    for kernel in kernels:
        first.setdefault(kernel["name"], kernel)
    return first


def with_tasks(kernels, recorded_or_graph):
    """Each record with its tasks: those of its kernel, or of its call of a kernel."""
    left = {}
    for task, number in enumerate(recorded_or_graph.kernel):
        if number >= 0:
            left.setdefault(recorded_or_graph.kernels[number].name, []).append(task)
    for kernel in kernels:
        tasks = left[kernel["name"]]
        yield kernel, tasks[: kernel["executed"]]
        del tasks[: kernel["executed"]]
    assert not any(left.values())


@pytest.mark.parametrize("name", SUPPORTED)
def test_hidden_allocs_make_the_tensors_that_the_real_ones_make(program, name):
    submits = recorded(program, name)
    dtypes = {"FLOAT32": "FP32", "BFLOAT16": "BF16"}
    made = Counter(
        tuple((str(list(t.shape)), t.dtype.name) for t in submits.alloc_groups[group].tensors)
        for group in range(len(submits.alloc_groups))
    )
    assert made == Counter(
        tuple((t["shape"], dtypes[t["dtype"]]) for t in site["tensors"])
        for site in real(name)["alloc_sites"]
    )


# The compiler flattens tiles of three dimensions, and then cannot store this one (`partial`).
@pytest.mark.parametrize("name", [n for n in SUPPORTED if n != "probes2_p11_3d"])
def test_operations_and_bytes_equal_the_real_ones(program, name):
    submits = recorded(program, name)
    known = by_name(real(name)["kernels"]).values()
    for kernel, expected in zip(submits.kernels, known, strict=True):
        if not expected.get("on_chip"):  # a cluster block's, of which no operations are recorded
            assert kernel.core is CoreType.MIX
            continue
        if kernel.core is CoreType.MIX:
            check_sides(kernel, expected["on_chip"])
            continue
        (on_chip,) = expected["on_chip"]
        values = dict.fromkeys(kernel.scalars, 1)  # so that loops over them run
        ours, theirs = our_operations(kernel, values), real_operations(on_chip["ops"])
        moved = on_chip["gm_bytes"]["load"], on_chip["gm_bytes"]["store"]
        if any(entry["dyn"] for table in moved for entry in table.values()):
            assert ours.keys() == theirs.keys()  # counts are upper bounds where a branch decides
            continue
        assert ours == theirs
        for amounts, table in zip(global_bytes(kernel, values), moved, strict=True):
            named = zip(kernel.parameters, amounts, strict=True)
            assert {p.name: amount for p, amount in named if amount} == {
                # Of a hoisted operand the table has only the base name.
                next(p.name for p in kernel.parameters if p.name.split("__tmp")[0] == base): e[
                    "bytes"
                ]
                for base, e in table.items()
            }


def check_sides(kernel, on_chip):
    """Compare the cube side of a MIX kernel, but for what passes a pipe, which has other names."""
    ours = our_operations(kernel, dict.fromkeys(kernel.scalars, 0))
    own = [op for op in on_chip[0]["ops"] if "out" in op and "tpop" not in op["op"]]
    assert {op: n for op, n in ours.items() if "@Vec" not in str(op)} == real_operations(own)
    vector = {op["op"] for op in on_chip[1]["ops"] if op["op"].startswith("tile.")}
    pipes = {"tile.tpop_from_aic", "tile.tpush_to_aic", "tile.get_subblock_idx"}
    assert vector - pipes <= {op[0] for op in ours if "@Vec" in str(op)}
    assert kernel.vector_lanes == (2 if "split" in on_chip[1] else 1)


# Likewise; what pipes take on chip is not counted.
@pytest.mark.parametrize("name", [n for n in SUPPORTED if n != "probes2_p11_3d"])
def test_on_chip_bytes_equal_the_real_ones(program, name):
    device = load_device("a2a3")
    known = by_name(real(name)["kernels"]).values()
    for kernel, expected in zip(recorded(program, name).kernels, known, strict=True):
        if kernel.core is CoreType.MIX:
            continue
        taken = {use.memory.value: use for use in on_chip_use(kernel, device)}
        allocated = {memory: use.allocated_bytes for memory, use in taken.items()}
        assert allocated == expected["on_chip"][0]["mem_used_bytes"]
        assert all(use.alive_bytes <= use.allocated_bytes for use in taken.values())


def test_a_region_in_a_branch_runs_where_the_condition_holds(program):
    name = "probes2_p23_if_noelse"
    submits = recorded(program, name)
    assert submits.scalars == [(3,), (4,), (5,), (6,), (7,)]
    graph = build_graph(submits, lookup_cap=16, rings=4)
    assert (graph.task_count, graph.alloc_count, graph.edge_count) == (5, 0, 0)
    assert graph.ring.tolist() == [3] * 5


def real_parameter(parameter):
    name, direction = parameter["kernel_param"], parameter["direction"]
    if name == "__gm_pipe_buffer":  # the recorder does not show that it is not tracked
        direction = "no_dep"
    return without_version(name), direction, parameter["type"]


def without_version(name):
    """``x__ssa_v0`` is ``x``; ``ret0__out`` and ``t__tmp_v0`` are names of their own."""
    kept = name.endswith("__out") or "__tmp" in name or name.startswith("__")
    return name if kept else name.split("__")[0]


def shape_and_dtype(parameter):
    return f"[{', '.join(map(str, parameter.shape))}] {parameter.dtype}"


def rectangle(view):
    return f"[{','.join(map(str, view.shape))}]@[{','.join(map(str, view.offset))}]"
