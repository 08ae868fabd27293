"""Recorded runs of the device runtime, read and studied as simulated ones are."""

import gzip
import json
import shutil
from itertools import pairwise

import numpy as np
import pytest
from recorded_runs import EXPECTED, FILES, FOLDERS, RUNS, TRACES, run_path, write_names

from devices.device import load_device
from devices.errors import InputError
from devices.kernel import CoreType, Direction
from plots import draw_gantt, write_chrome_trace
from runtime.case import Case
from runtime.explanation import explain
from runtime.false_dependences import find_false_dependences
from runtime.graph import ALLOC, DUMMY
from runtime.hazards import find_hazards
from runtime.overhead import measure_overhead
from runtime.statistics import summarize
from runtime.version import load_runtime
from scheduler.registry import make_policy
from workloads.formats.swimlane import read_swimlane

FIGURES = ("avg_exec_us", "avg_latency_us", "avg_head_us", "avg_tail_us")
FINE_US = 0.00501  # printed with two decimals


@pytest.fixture(scope="module")
def runs():
    return {name: read_swimlane(run_path(name)) for name in RUNS}


@pytest.mark.parametrize("name", RUNS)
def test_the_total_and_the_means_are_those_that_the_device_tools_print(name, tmp_path):
    imported = read_swimlane(run_path(name), name_map=write_names(name, tmp_path))
    figures, expected = summarize(imported.trace), EXPECTED[name]
    assert figures.wall_clock_us == pytest.approx(expected["total_test_time_us"], abs=FINE_US)
    assert len(figures.functions) == len(expected["functions"])
    assert figures.tasks == sum(function["count"] for function in expected["functions"])
    for found, wanted in zip(figures.functions, expected["functions"], strict=True):
        assert (found.name, found.count) == (wanted["name"], wanted["count"])
        assert found.exec_percent == pytest.approx(wanted["exec_percent"], abs=0.0501)
        for figure in FIGURES:
            assert getattr(found, figure) == pytest.approx(wanted[figure], abs=FINE_US), figure


@pytest.mark.parametrize("name", FILES)
def test_without_a_name_map_functions_are_called_by_their_ids(runs, name):
    functions = summarize(runs[name].trace).functions
    assert [f.name for f in functions] == [f"func_{n}" for n in range(len(functions))]
    assert any("no name map" in note for note in runs[name].notes)


@pytest.mark.parametrize("name", RUNS)
def test_stamps_are_in_the_order_in_which_things_happen(runs, name):
    trace = runs[name].trace
    stamps = ("submit_us", "ready_us", "dispatch_us", "start_us", "end_us", "finish_us", "done_us")
    for before, after in pairwise(stamps):
        assert (getattr(trace, before) <= getattr(trace, after)).all(), (before, after)
    assert (trace.end_us <= trace.observe_us).all()
    assert (trace.observe_us <= trace.finish_us).all()
    assert (np.diff(trace.task) >= 0).all()
    runs_before = trace.before[trace.before >= 0]
    assert (trace.end_us[runs_before] <= trace.start_us[trace.before >= 0]).all()


@pytest.mark.parametrize("name", RUNS)
def test_a_task_is_ready_when_its_last_producer_has_finished(runs, name):
    trace, graph = runs[name].trace, runs[name].graph
    finish_us = np.full(len(graph), -np.inf)
    np.maximum.at(finish_us, trace.task, trace.finish_us)
    for row in np.flatnonzero(trace.released_by >= 0).tolist():
        task, releaser = int(trace.task[row]), int(trace.released_by[row])
        if graph.kernel[graph.producers(task)].min() != DUMMY:
            assert releaser in graph.producers(task)
            latest_us = finish_us[graph.producers(task)].max()
            assert trace.ready_us[row] == min(
                latest_us, trace.dispatch_us[trace.task == task].min()
            )


@pytest.mark.parametrize("name", RUNS)
def test_cores_and_threads_are_those_of_the_machine(runs, name):
    trace = runs[name].trace
    kernels = [trace.graph.kernels[k].core for k in trace.kernel]
    is_aic = trace.core < trace.aic_count
    for cube, core in zip(is_aic, kernels, strict=True):
        assert core is CoreType.MIX or (core is CoreType.AIC) == cube
    assert trace.aiv_count == 2 * trace.aic_count
    assert trace.thread.max() < trace.thread_count
    assert trace.core_id is None  # the device has cube cores first, too


@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_run_is_explained_drawn_and_measured(runs, name, tmp_path):
    trace = runs[name].trace
    explanation = explain(trace)
    assert explanation.part_us.sum() == pytest.approx(trace.wall_clock_us)
    assert explanation.part_us.min() >= 0.0
    assert sum(share.us for share in explanation.shares) == pytest.approx(trace.wall_clock_us)
    measure_overhead(trace)
    draw_gantt(trace, tmp_path / "run.png")
    write_chrome_trace(trace, tmp_path / "run.json")
    events = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["traceEvents"]
    assert sum(e["ph"] == "X" and e["cat"] == "event" for e in events) == 2 * len(trace)


@pytest.mark.parametrize("policy", ["runtime", "critical-path", "fifo"])
@pytest.mark.parametrize("name", RUNS)
def test_a_recorded_run_can_be_run_again_with_its_kernel_times(runs, name, policy):
    imported = runs[name]
    device, runtime = load_device("a2a3"), load_runtime("tmr-2026-08")
    case = Case(
        imported.submits,
        imported.graph,
        imported.durations_us,
        device,
        runtime,
        policy=make_policy(policy),
    )
    trace = case.simulate()
    assert len(trace) == len(imported.trace)
    longest_us = np.zeros(len(imported.graph))
    np.maximum.at(longest_us, imported.trace.task, imported.trace.exec_us)
    assert imported.durations_us == pytest.approx(longest_us)
    again_us = np.zeros(len(imported.graph))
    np.maximum.at(again_us, trace.task, trace.exec_us)
    assert again_us == pytest.approx(longest_us)
    assert case.bounds(trace).binding.us <= trace.wall_clock_us * (1 + 1e-9)


@pytest.mark.parametrize("name", RUNS)
def test_no_edge_of_a_recorded_run_is_false_and_named_tensors_are_in_order(runs, name):
    imported = runs[name]
    assert find_false_dependences(imported.submits, imported.graph).pairs == ()
    assert find_hazards(imported.submits, imported.graph).found == ()
    assert imported.has_tensors == (name in FOLDERS)


def test_a_missing_edge_of_the_newest_form_is_a_hazard(tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(TRACES / "head_vector_example-default", folder)
    deps = json.loads((folder / "deps.json").read_text(encoding="utf-8"))
    # The maker of a tensor is known from any edge that says it, even one that nobody waits for.
    for edge in deps["edges"]:
        if edge["succ"] == "4294967299":
            edge["flags"] = ["retain"]
    (folder / "deps.json").write_text(json.dumps(deps), encoding="utf-8")
    imported = read_swimlane(folder)
    hazards = find_hazards(imported.submits, imported.graph).found
    assert [(h.kind.value, h.cause.value) for h in hazards] == [
        ("raw", "edge not in the graph")
    ] * 2
    assert [imported.graph.kernels[h.later].name for h in hazards] == ["func_0"] * 2


# What the files say beyond rows


def test_an_alloc_is_known_from_the_phases_of_the_orchestrator(runs):
    graph = runs["paged_attention-Case2"].graph
    assert (graph.alloc_count, graph.task_count, graph.kernel[0]) == (1, 32, ALLOC)


def test_allocs_and_the_tensors_that_they_make_come_from_the_dependences(runs):
    graph = runs["head_paged_attention-CaseVarSeq4"].graph
    allocs = np.flatnonzero(graph.kernel == ALLOC)
    assert len(allocs) == 4
    assert all(view.buffer.owner == alloc for alloc in allocs for view in graph.views[alloc])
    assert [len(graph.views[alloc]) for alloc in allocs] == [1] * 4  # that of the first edge


def test_dummy_tasks_order_others_and_are_passed_over_when_blame_is_laid(runs):
    imported = runs["head_dummy_task-DenseFanoutFanin"]
    graph = imported.graph
    assert np.count_nonzero(graph.kernel == DUMMY) == 18
    assert graph.consumer_count[0] == 19
    assert imported.trace.released_by.tolist() == [-1, 0]
    assert imported.submits.explicit[19] == tuple(range(1, 19))


def test_a_mix_task_has_its_functions_and_each_row_its_side(runs):
    imported = runs["mixed_example-case1"]
    mix = [k for k in imported.graph.kernels if k.core is CoreType.MIX]
    sides = {tuple(side and side.name for side in kernel.sides) for kernel in mix}
    assert ("func_0", "func_1", "func_2") in sides
    # The function of a row is that of its file: cores 0 to 2 are cubes, then two for each.
    assert set(imported.trace.side[imported.trace.core < 3].tolist()) == {0}


def test_blocks_of_a_mix_task_are_counted(runs):
    for name, blocks in (
        ("spmd_multiblock_mix-Case1", [2, 8, 12, 24, 48]),
        ("head_spmd_multiblock_mix-Case1", [2, 8, 12, 24, 48]),
    ):
        launches = runs[name].graph.launches
        assert [launches[task].blocks for task in range(5)] == blocks


def test_views_become_rectangles_of_their_tensors(runs):
    imported = runs["head_paged_attention-CaseVarSeq4"]
    views = [v for task in imported.graph.views for v in task if v.buffer.dtype.name == "BF16"]
    pool = {v.buffer for v in views if v.buffer.owner < 0 and v.buffer.shape == (512, 16)}
    assert len(pool) == 2  # keys and values
    offsets = {v.offset for v in views if v.buffer in pool}
    assert (144, 0) in offsets  # element 2304 in rows of 16
    directions = {p.direction for k in imported.graph.kernels for p in k.parameters}
    assert directions == {Direction.IN, Direction.OUT, Direction.INOUT}


def test_the_time_of_scheduler_threads_comes_from_their_phases(runs):
    document = json.loads(
        gzip.decompress((TRACES / "bgemm-Default.json.gz").read_bytes()).decode("utf-8")
    )
    busy = summarize(runs["bgemm-Default"].trace).scheduler_busy_us
    for thread, phases in enumerate(document["aicpu_scheduler_phases"][:3]):
        kinds = ("complete", "dispatch")
        spent_us = sum(p["end_time_us"] - p["start_time_us"] for p in phases if p["phase"] in kinds)
        assert busy[thread] == pytest.approx(spent_us, rel=0.25)


# Where the files are


def test_a_run_is_found_by_its_folder_by_its_records_and_packed(tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(TRACES / "head_vector_example-default", folder)
    plain = read_swimlane(folder)
    assert read_swimlane(folder / "chip_swimlane_records.json").trace.equals(plain.trace)
    for path in list(folder.iterdir()):
        path.with_name(path.name + ".gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    assert read_swimlane(folder).trace.equals(plain.trace)
    assert plain.name == "run"
    assert plain.format == "swimlane chip_swimlane_level 4"


def test_a_name_map_beside_a_file_is_used_and_one_of_several_is_not(tmp_path):
    path = tmp_path / "perf_swimlane_20260410_120000.json"
    path.write_bytes((TRACES / "vector_example-Default.json").read_bytes())
    write_names("vector_example-Default", tmp_path)
    assert [f.name for f in summarize(read_swimlane(tmp_path).trace).functions] == [
        f["name"] for f in EXPECTED["vector_example-Default"]["functions"]
    ]
    write_names("bgemm-Default", tmp_path)
    imported = read_swimlane(path)
    assert summarize(imported.trace).functions[0].name == "func_0"
    assert any("2 name maps" in note for note in imported.notes)


def test_a_folder_without_a_swimlane_or_with_several_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no swimlane"):
        read_swimlane(tmp_path)
    for name in ("perf_swimlane_1.json", "perf_swimlane_2.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    with pytest.raises(InputError, match=r"2 swimlanes, perf_swimlane_1\.json to"):
        read_swimlane(tmp_path)


# Less than all


def changed(name, tmp_path, change):
    """A run with a change of its records."""
    folder = tmp_path / name
    shutil.copytree(TRACES / name, folder)
    path = folder / "chip_swimlane_records.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    change(records, folder)
    path.write_text(json.dumps(records), encoding="utf-8")
    return read_swimlane(folder)


def test_level_1_counts_from_the_receipt_to_the_end(tmp_path):
    def to_level_1(records, _folder):
        records["chip_swimlane_level"] = 1
        for key in ("aicpu_tasks", "aicpu_scheduler_phases", "aicpu_orchestrator_phases"):
            del records[key]

    imported = changed("head_vector_example-default", tmp_path, to_level_1)
    records = json.loads(
        (TRACES / "head_vector_example-default/chip_swimlane_records.json").read_text()
    )["aicore_tasks"]
    span = max(r[4] for r in records) - min(r[3] - r[5] for r in records)
    assert imported.trace.wall_clock_us == pytest.approx(span / 50)
    assert any("AICore Observed Span" in note for note in imported.notes)


def test_the_older_name_without_the_receipt_and_without_dependences_is_read(tmp_path):
    def to_june(records, folder):
        records["l2_swimlane_level"] = records.pop("chip_swimlane_level")
        records["aicore_tasks"] = [row[:5] for row in records["aicore_tasks"]]
        (folder / "deps.json").unlink()

    imported = changed("head_vector_example-default", tmp_path, to_june)
    expected = EXPECTED["head_vector_example-default"]["total_test_time_us"]
    assert imported.trace.wall_clock_us == pytest.approx(expected, abs=FINE_US)
    assert imported.graph.edge_count == 0
    assert [k.name for k in imported.graph.kernels] == ["unknown_aiv"]
    assert any("no deps.json" in note for note in imported.notes)


def test_version_1_without_phases_has_submits_no_later_than_dispatches(tmp_path):
    document = json.loads((TRACES / "vector_example-Default.json").read_text(encoding="utf-8"))
    version_1 = {"version": 1, "tasks": document["tasks"]}
    path = tmp_path / "l2_perf_records.json"
    path.write_text(json.dumps(version_1), encoding="utf-8")
    imported = read_swimlane(path)
    trace = imported.trace
    assert (trace.submit_us <= trace.dispatch_us).all()
    assert (np.diff(trace.orchestrator_end_us) >= 0).all()
    for words in (
        "no orchestrator phases",
        "no scheduler phases",
        "which thread",
        "how many cores",
        "lookups and inserts of the TensorMap",
        "scope of its own",
    ):
        assert any(words in note for note in imported.notes), words
    summarize(trace)
    explain(trace)


def test_numbers_that_a_ring_has_given_out_without_record_are_allocs(tmp_path):
    document = json.loads((TRACES / "batch_paged_attention-Case1.json").read_text(encoding="utf-8"))
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"version": 1, "tasks": document["tasks"]}), encoding="utf-8")
    imported = read_swimlane(path)
    assert (imported.graph.kernel == ALLOC).tolist() == [True] + [False] * 12
    assert any("count as allocs" in note for note in imported.notes)


def test_cores_in_any_order_come_cubes_first_and_keep_their_numbers(tmp_path):
    def mix_up(records, _folder):
        renamed = {core: 23 - core for core in range(24)}
        metadata = records["metadata"]
        for key in ("core_types", "core_to_thread"):
            metadata[key] = metadata[key][::-1]
        for key in ("aicore_tasks", "aicpu_tasks"):
            records[key] = [[renamed[row[0]], *row[1:]] for row in records[key]]

    trace = changed("head_vector_example-default", tmp_path, mix_up).trace
    assert trace.core_id.tolist() == [*range(16, 24), *range(16)]
    assert set(trace.core_id[trace.core].tolist()) == {14, 15}
    assert (trace.core >= 8).all()


def test_a_task_that_was_staged_early_has_a_head_only_from_when_it_could_run(tmp_path):
    def stage(records, _folder):
        for row in records["aicpu_tasks"]:
            if row[0] == 8 and row[1] == 4:
                row[2] = 212973690000  # before its producers have started to end

    trace = changed("head_vector_example-default", tmp_path, stage).trace
    explanation = explain(trace)
    assert explanation.part_us.min() >= 0.0
    assert explanation.part_us.sum() == pytest.approx(trace.wall_clock_us)


def test_edges_that_the_run_did_not_keep_to_blame_nobody(tmp_path):
    document = json.loads((TRACES / "vector_example-Default.json").read_text(encoding="utf-8"))
    tasks = {task["task_id"]: task for task in document["tasks"]}
    tasks[1 << 32]["fanout"] = [1 << 32 | 1]  # these two ran at the same time
    tasks[1 << 32]["fanout_count"] = 1
    tasks[1 << 32 | 1].update(core_id=6, dispatch_time_us=918.0)
    tasks[1 << 32 | 1].update(start_time_us=930.0, end_time_us=980.0, duration_us=50.0)
    path = tmp_path / "run.json"
    path.write_text(json.dumps({"version": 1, "tasks": list(tasks.values())}), encoding="utf-8")
    imported = read_swimlane(path)
    assert any("did not keep to them" in note for note in imported.notes)
    assert explain(imported.trace).part_us.min() >= 0.0


@pytest.mark.parametrize("name", ["mixed_example-case1", "head_spmd_multiblock_mix-Case1"])
def test_sides_of_a_mix_kernel_keep_their_parts_of_its_time(runs, name):
    imported = runs[name]
    graph, recorded = imported.graph, imported.trace
    trace = Case(
        imported.submits,
        graph,
        imported.durations_us,
        load_device("a2a3"),
        load_runtime("tmr-2026-04"),
    ).simulate()
    for number, kernel in enumerate(graph.kernels):
        if kernel.core is not CoreType.MIX:
            continue
        assert max(kernel.core_shares) == 1.0
        taken = [share > 0 for share in kernel.core_shares]
        assert taken == [side is not None for side in kernel.sides]
        if kernel.sides[0] is None:
            continue
        cube_us = [
            sum(
                float(run.exec_us[(run.task == task) & (run.core < run.aic_count)].max())
                for task in np.flatnonzero(graph.kernel == number).tolist()
            )
            for run in (trace, recorded)
        ]
        longest_us = float(imported.durations_us[graph.kernel == number].sum())
        assert cube_us[0] == pytest.approx(kernel.core_shares[0] * longest_us)
        assert cube_us[0] >= cube_us[1] * (1 - 1e-9)  # what is longest in all is so in each


def test_that_sync_start_is_not_recorded_is_said_of_runs_with_blocks(runs):
    for name, imported in runs.items():
        has_blocks = any(launch.blocks > 1 for launch in imported.graph.launches.values())
        assert any("sync_start" in note for note in imported.notes) == has_blocks, name
