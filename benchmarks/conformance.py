"""What of the language is supported, and whether it gives what the real compiler gave.

``python -m benchmarks.conformance > docs/conformance.md`` runs every recorded program and writes
the page.
"""

from __future__ import annotations

import json
import tempfile
import tomllib
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from devices.errors import InputError
from runtime.submits import Submits
from runtime.tensormap import build_graph
from workloads.catalogue import find_workload
from workloads.program_files import load_program_file

__all__ = ["differences", "main"]

_DATA = Path(__file__).parent.parent / "tests" / "data" / "conformance"
_CONSTRUCTS = Path(__file__).parent / "constructs.toml"
_RINGS = 4
_CAPS = {"cap16": 16, "nocap": None}

_SCOPE2 = "0d48e70f__examples-models-qwen3-qwen3_32b_decode_scope2"
_PROGRAMS: dict[str, tuple[str, dict[str, int]]] = {
    "0d48e70f__examples-beginner-hello_world": ("hello-world", {}),
    "0d48e70f__examples-beginner-matmul": ("matmul", {}),
    "0d48e70f__examples-intermediate-gemm": ("gemm", {}),
    "0d48e70f__examples-intermediate-layer_norm": ("layer-norm", {}),
    "0d48e70f__examples-intermediate-rms_norm": ("rms-norm", {}),
    "0d48e70f__examples-intermediate-rope": ("rope", {}),
    "0d48e70f__examples-intermediate-softmax": ("softmax", {}),
    "0d48e70f__examples-models-qwen3-qwen3_32b_decode_scope1": ("qwen3-scope1", {}),
    _SCOPE2: ("qwen3-scope2", {}),
    f"{_SCOPE2}__small": (
        "qwen3-scope2",
        {"batch": 2, "max_seq": 256, "num_heads": 16, "num_kv_heads": 2},
    ),
    "d91af0f__examples-models-qwen3-qwen3_32b_decode_scope3": ("qwen3-scope3-baseline", {}),
    "4f729f38__examples-models-qwen3-qwen3_32b_decode_scope3": ("qwen3-scope3-restructured", {}),
    "4f729f38__examples-models-qwen3-qwen3_32b_decode_scope3__hidden5120": (
        "qwen3-scope3-restructured",
        {"hidden": 5120},
    ),
    "4f729f38__examples-models-qwen3-qwen3_32b_decode_scope3__small": (
        "qwen3-scope3-restructured",
        {"hidden": 1024, "intermediate": 2048},
    ),
}

_INTRODUCTION = """# Conformance with the real compiler

What the compiler of April 2026 made of small programs, one construct each, and of programs of the
public library, was recorded: every task with its arguments, and the graph by the runtime's rules.
`python -m benchmarks.conformance > docs/conformance.md` runs the same programs here and writes this
page. "Equal" means: the same tasks, hidden allocs, edges with a lookup cap of 16 and without one,
depth, kernels, core types, argument directions and numbers of scalars. A test runs the same
comparison, and finer ones of tile operations, bytes and views.

Where the compiler rejects a program, or accepts it and makes something else of it than it says
(`while`, `break`, `continue`, an assemble that is dropped), there is an error here that names the
line and what to write instead. The one exception is an `if` around a region: the C++ that the
compiler writes for it does not compile, but what it means is clear, so it runs here.
"""


def differences(submits: Submits, recorded: Mapping[str, Any]) -> list[str]:
    """What of a program's tasks and graph is not as recorded, in words."""
    found = []
    for name, cap in _CAPS.items():
        graph, real = build_graph(submits, lookup_cap=cap, rings=_RINGS), recorded["graph"][name]
        for what, ours, theirs in (
            ("tasks", graph.task_count, recorded["total_kernel_tasks"]),
            ("allocs", graph.alloc_count, recorded["hidden_alloc_tensors"]),
            (f"edges ({name})", graph.edge_count, real["edges"]),
            (f"depth ({name})", graph.depth, real["depth"]),
        ):
            if ours != theirs:
                found.append(f"{what} {ours}, recorded {theirs}")
    # A kernel that is written by hand has a record for each of its calls.
    kernels = list({kernel["name"]: kernel for kernel in reversed(recorded["kernels"])}.values())
    executed: Counter[str] = Counter()
    for kernel in recorded["kernels"]:
        executed[kernel["name"]] += kernel["executed"]
    ours_by_name = {kernel.name: kernel for kernel in submits.kernels}
    if ours_by_name.keys() != executed.keys():
        found.append(f"kernels {sorted(ours_by_name)}, recorded {sorted(executed)}")
        return sorted(set(found))
    for real in kernels:
        kernel = ours_by_name[real["name"]]
        runs = sum(k >= 0 and submits.kernels[k] is kernel for k in submits.kernel)
        # Of the pipe's buffer the record does not show that no dependence is tracked on it.
        theirs = [
            "no_dep" if p["kernel_param"].startswith("__gm_pipe") else p["direction"]
            for p in real["params"]
        ]
        facts: dict[str, tuple[object, object]] = {
            "core": (kernel.core.value, real["core"]),
            "directions": ([p.direction.value for p in kernel.parameters], theirs),
            "scalars": (len(kernel.scalars), real["scalars"]),
            "executions": (runs, executed[kernel.name]),
        }
        found += [
            f"{kernel.name}: {what} {ours}, recorded {wanted}"
            for what, (ours, wanted) in facts.items()
            if ours != wanted
        ]
    return sorted(set(found))


def micro_program(name: str, source: str, given: Mapping[str, int]) -> Submits:
    """The submits of a small program, which is run as a file as it is.

    Raises
    ------
    InputError
        The program is refused.
    """
    imports = "" if "import pypto.language as pl" in source else "import pypto.language as pl\n"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.py"
        path.write_text(imports + source, encoding="utf-8")
        try:
            return load_program_file(str(path), given=given).submits({})
        except InputError as error:
            raise InputError(str(error).replace(f"{path}:", "line ")) from error


def micro_row(name: str, construct: str, given: Mapping[str, int]) -> tuple[str, str, str]:
    """Construct, what the compiler made of it, and what is made of it here."""
    recorded = json.loads((_DATA / "micro" / f"{name}.json").read_text(encoding="utf-8"))
    compiler = recorded["result"].replace("_", " ")
    try:
        submits = micro_program(name, recorded["source"], given)
    except InputError as error:
        message = str(error).partition(": ")[2]
        return construct, compiler, f"refused: {message}"
    if "graph" not in recorded:
        return construct, compiler, "runs"
    found = differences(submits, recorded)
    return construct, compiler, "equal" if not found else f"differs: {'; '.join(found)}"


def program_row(name: str, workload: str, settings: Mapping[str, int]) -> tuple[str, str, str, str]:
    """File and size, tasks, edges, and whether they are equal."""
    recorded = json.loads((_DATA / f"{name}.json").read_text(encoding="utf-8"))
    found = find_workload(workload)
    submits = found.submits(found.parameters(settings))
    result = differences(submits, recorded)
    edges = " / ".join(str(recorded["graph"][cap]["edges"]) for cap in _CAPS)
    sizes = " ".join([f"`{workload}`", *(f"{k}={v}" for k, v in settings.items())])
    verdict = "equal" if not result else f"differs: {'; '.join(result)}"
    return sizes, str(recorded["total_kernel_tasks"]), edges, verdict


def page() -> Iterator[str]:
    """Lines of the page."""
    yield _INTRODUCTION
    constructs = tomllib.loads(_CONSTRUCTS.read_text(encoding="utf-8"))
    inputs = constructs.pop("inputs")
    rows: list[tuple[str, str, str]] = []
    lines: list[str] = []
    for section, programs in constructs.items():
        lines += ["", f"## {section.replace('_', ' ').capitalize()}", ""]
        lines += _table(("Construct", "Compiler", "Here"))
        for name, construct in programs.items():
            row = micro_row(name, construct, inputs.get(name, {}))
            rows.append(row)
            lines.append(_line(row))
    equal = sum(row[2] == "equal" for row in rows)
    refused = sum(row[2].startswith("refused") for row in rows)
    differing = sum(row[2].startswith("differs") for row in rows)
    yield (
        f"Of {len(rows)} small programs {equal} are equal, {differing} differ, {refused} are "
        f"refused and {len(rows) - equal - differing - refused} run where the compiler fails."
    )
    yield from lines
    yield from ["", "## Programs of the library", "", "Versions of our own, in `workloads/`.", ""]
    yield from _table(("Program", "Tasks", "Edges, cap 16 / none", "Here"))
    for name, (workload, settings) in _PROGRAMS.items():
        yield _line(program_row(name, workload, settings))


def _table(headings: tuple[str, ...]) -> list[str]:
    return [_line(headings), _line(("---",) * len(headings))]


def _line(cells: tuple[str, ...]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def main() -> None:
    """Print the page."""
    print("\n".join(page()))


if __name__ == "__main__":
    main()
