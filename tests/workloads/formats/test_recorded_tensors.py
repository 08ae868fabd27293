"""Tensors and kernels of recorded runs, from hand-written dependences."""

import json

import pytest

from runtime.false_dependences import find_false_dependences
from runtime.hazards import find_hazards
from workloads.formats.swimlane import read_swimlane

FLOAT = {"dtype": "FLOAT32"}


def view(kind, shape, start=0, strides=None, tensor="7"):
    if strides is None:
        strides = [1]
        for size in reversed(shape[1:]):
            strides.insert(0, strides[0] * size)
    place = {"shape": shape, "start_offset": str(start), "strides": strides}
    return {"type": kind, "tensor_id": tensor, **FLOAT, **place}


def read(tmp_path, arguments, edges=(), numel="4096", functions=None):
    """A run of one vector task after the other, with these arguments."""
    folder = tmp_path / "run"
    folder.mkdir()
    count = len(arguments)
    records = {
        "chip_swimlane_level": 2,
        "metadata": {"clock_freq_hz": 50_000_000, "core_types": ["aic", "aiv", "aiv"]},
        "aicore_tasks": [[1, n, n + 1, 1000 * n + 100, 1000 * n + 600, 5] for n in range(count)],
        "aicpu_tasks": [[1, n + 1, 1000 * n + 50, 1000 * n + 700] for n in range(count)],
    }
    tensors = sorted({a["tensor_id"] for task in arguments for a in task if "tensor_id" in a})
    deps = {
        "tasks": [
            {"task_id": str(n), "kernel_ids": [-1, (functions or [0] * count)[n], -1], "args": args}
            for n, args in enumerate(arguments)
        ],
        "tensors": [
            {"tensor_id": t, "buffer_addr": str(4096 * k), "buffer_numel": numel}
            for k, t in enumerate(tensors)
        ],
        "edges": [{"pred": str(a), "succ": str(b), **more} for a, b, more in edges],
    }
    (folder / "chip_swimlane_records.json").write_text(json.dumps(records), encoding="utf-8")
    (folder / "deps.json").write_text(json.dumps(deps), encoding="utf-8")
    return read_swimlane(folder)


def places(imported):
    return [[(v.offset, v.shape) for v in views] for views in imported.graph.views]


def test_views_with_the_strides_of_rows_are_rectangles(tmp_path):
    imported = read(
        tmp_path,
        [[view("INOUT", [16, 8], 2 * 64 + 8, [64, 1])], [view("INPUT", [4, 64], 0, [64, 1])]],
    )
    assert places(imported) == [[((2, 8), (16, 8))], [((0, 0), (4, 64))]]
    (argument,) = imported.submits.arguments
    assert argument.buffer.shape == (64, 64)
    # Rows 2 and 3 are written by the first and read by the second, and nothing orders them.
    (hazard,) = find_hazards(imported.submits, imported.graph).found
    assert (hazard.kind.value, hazard.view.offset, hazard.view.shape) == ("raw", (2, 8), (2, 8))


def test_rectangles_that_lie_apart_are_no_hazard(tmp_path):
    left, right = (view("INOUT", [64, 32], start, [64, 1]) for start in (0, 32))
    imported = read(tmp_path, [[left], [right]])
    assert find_hazards(imported.submits, imported.graph).found == ()
    assert not any("rectangles" in note for note in imported.notes)


def test_whole_tensors_of_several_shapes_are_ranges_and_exact(tmp_path):
    imported = read(tmp_path, [[view("INOUT", [64, 64])], [view("INPUT", [1024], 3072)]])
    assert places(imported) == [[((0,), (4096,))], [((3072,), (1024,))]]
    assert not any("rectangles" in note for note in imported.notes)


def test_views_that_are_no_rectangles_are_widened_and_the_notes_say_so(tmp_path):
    columns = view("INOUT", [64], 5, [64])
    imported = read(tmp_path, [[columns], [view("INPUT", [16, 64], 0)]])
    assert places(imported) == [[((5,), (63 * 64 + 1,))], [((0,), (1024,))]]
    assert any("1 views are no rectangles" in note for note in imported.notes)


def test_a_repeated_row_is_the_row(tmp_path):
    imported = read(tmp_path, [[view("INPUT", [8, 64], 64, [0, 1])]])
    assert places(imported) == [[((64,), (64,))]]


def test_what_a_task_makes_is_owned_by_it_in_the_order_of_addresses(tmp_path):
    made = [{"type": "OUTPUT"}, {"type": "OUTPUT"}]
    imported = read(
        tmp_path,
        [made, [view("INPUT", [64, 64], tensor="9"), view("INPUT", [32, 128], tensor="8")]],
        [
            (0, 1, {"source": "creator", "tensor_id": "9"}),
            (0, 1, {"source": "creator", "tensor_id": "8"}),
        ],
        functions=[0, 1],
    )
    first, second = imported.graph.views
    assert [v.buffer.shape for v in first] == [(32, 128), (64, 64)]
    assert [v.buffer.owner for v in (*first, *second)] == [0] * 4
    assert second[0].buffer is first[1].buffer
    assert imported.graph.producers(1).tolist() == [0]


def test_one_function_with_many_shapes_is_one_kernel_and_touches_what_each_task_names(tmp_path):
    arguments = [[view("INOUT", [n + 1], 100 * n)] for n in range(66)]
    imported = read(tmp_path, arguments, numel="8192")
    assert [k.name for k in imported.graph.kernels] == ["func_0"]
    assert find_hazards(imported.submits, imported.graph).found == ()
    reaching = [[view("INOUT", [n + 1], 0)] for n in range(3)]
    (tmp_path / "other").mkdir()
    hazards = find_hazards(*_parts(read(tmp_path / "other", reaching))).found
    assert sum(h.count for h in hazards if h.kind.value == "raw") == 3


def _parts(imported):
    return imported.submits, imported.graph


def test_an_edge_that_is_only_kept_alive_orders_nothing(tmp_path):
    imported = read(
        tmp_path,
        [[view("INOUT", [64])], [view("INOUT", [64])]],
        [(0, 1, {"source": "creator", "flags": ["retain"]})],
    )
    assert imported.graph.edge_count == 0


@pytest.mark.parametrize("source", ["explicit", "tensormap"])
def test_edges_that_the_program_names_are_never_false(tmp_path, source):
    arguments = [[view("INOUT", [64])], [view("INOUT", [64], 64)]]
    imported = read(tmp_path, arguments, [(0, 1, {"source": source})])
    false = find_false_dependences(imported.submits, imported.graph)
    assert len(false.edge) == (source == "tensormap")
