"""Simulated runs as swimlanes: the device's tools print of them what tilesim prints."""

import gzip
import json
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from device_tools import converter, mermaid, overhead_analysis
from toys import make_device, make_graph

from devices.errors import InputError
from runtime.dependencies import find_graph
from runtime.identity import task_ids
from runtime.language import record
from runtime.launch import Launch
from runtime.simulation import simulate
from runtime.statistics import summarize
from runtime.version import load_runtime
from workloads.catalogue import find_workload
from workloads.formats.swimlane_folder import write_swimlane_folder
from workloads.formats.swimlane_writing import write_swimlane

ROUNDED_US = 0.00101  # the difference of two times with three decimals


def simulated(name):
    runtime = load_runtime("tmr-2026-04")
    if name == "mix and blocks":
        launches = {2: Launch(blocks=5), 3: Launch(blocks=3), 7: Launch(blocks=4)}
        edges = [[], [0], [0], [1], [2, 3], [4], [3], [5, 6], [7]]
        graph = make_graph("cvmvmhcvm", edges, launches=launches)
        times_us = [float(3 + n % 4) for n in range(len(graph))]
        return simulate(graph, make_device(4), runtime, durations=times_us)
    sizes = {"hidden": 1024, "intermediate": 2048}
    program = find_workload(name).program(sizes if name.startswith("qwen3") else {})
    return simulate(find_graph(record(program), runtime), make_device(24), runtime)


@pytest.fixture(scope="module", params=["qwen3-scope3-restructured", "softmax", "mix and blocks"])
def run(request, tmp_path_factory):
    trace = simulated(request.param)
    path = tmp_path_factory.mktemp("run") / "perf_swimlane_20260410_120000.json"
    write_swimlane(trace, path)
    return trace, json.loads(path.read_text(encoding="utf-8"))


def test_the_converter_prints_the_same_total_and_table(run):
    trace, document = run
    total_us, rows = converter(document)
    figures = summarize(trace)
    assert total_us == pytest.approx(figures.wall_clock_us, abs=ROUNDED_US)
    assert list(rows) == list(range(len(figures.functions)))
    for row, function in zip(rows.values(), figures.functions, strict=True):
        assert row["count"] == function.count
        for name in ("avg_exec_us", "avg_latency_us", "avg_head_us", "avg_tail_us"):
            assert row[name] == pytest.approx(getattr(function, name), abs=ROUNDED_US), name
        assert row["exec_percent"] == pytest.approx(function.exec_percent, abs=0.1)


def test_the_overhead_analysis_prints_the_same_counts_and_sums(run):
    trace, document = run
    report = overhead_analysis(document)
    figures = summarize(trace)
    assert report["total_tasks"] == figures.tasks == len(trace)
    assert report["wall_clock_us"] == pytest.approx(figures.wall_clock_us, abs=ROUNDED_US)
    most_us = ROUNDED_US * len(trace)
    assert report["exec_us"] == pytest.approx(trace.exec_us.sum(), abs=most_us)
    assert report["head_us"] == pytest.approx(trace.head_us.sum(), abs=most_us)
    assert report["tail_us"] == pytest.approx(trace.tail_us.sum(), abs=most_us)
    tails = np.sort(trace.tail_us)
    for percent, tail_us in report["percentiles"].items():
        place = min(int(len(tails) * percent / 100), len(tails) - 1)
        assert tail_us == pytest.approx(tails[place], abs=ROUNDED_US)


def test_each_thread_completes_its_rows_and_is_busy_as_long(run):
    trace, document = run
    completed = np.bincount(trace.thread, minlength=trace.thread_count).tolist()
    threads = overhead_analysis(document)["threads"]
    assert [t["completed"] for t in threads] == [count for count in completed if count]
    busy_us = [us for us in summarize(trace).scheduler_busy_us if us]
    for thread, us, count in zip(threads, busy_us, filter(None, completed), strict=True):
        assert thread["total_us"] == pytest.approx(us, abs=2 * ROUNDED_US * count)
        assert 1 <= thread["loops"] <= 2 * count


def test_phases_of_a_thread_follow_each_other_and_loops_go_up(run):
    _, document = run
    for phases in document["aicpu_scheduler_phases"]:
        for before, after in pairwise(phases):
            assert before["end_time_us"] <= after["start_time_us"]
            assert before["loop_iter"] <= after["loop_iter"]
            if (before["phase"], after["phase"]) == ("dispatch", "complete"):
                assert before["loop_iter"] < after["loop_iter"]


def test_the_flow_chart_has_all_tasks_and_their_edges(run):
    trace, document = run
    graph, ids = trace.graph, task_ids(trace.graph)
    nodes, arrows = mermaid(document, document["callable_id_to_name"])
    assert set(nodes) == set(ids[graph.kernel >= 0].tolist())
    expected = {
        (int(ids[producer]), int(ids[task]))
        for task in range(len(graph))
        for producer in graph.producers(task)
        if graph.kernel[producer] >= 0 and graph.kernel[task] >= 0
    }
    assert arrows == expected


def test_every_submit_has_a_phase_and_allocs_no_row(run):
    trace, document = run
    submits = document["aicpu_orchestrator_phases"][-1]
    assert [s["submit_idx"] for s in submits] == list(range(len(trace.graph)))
    assert [s["task_id"] for s in submits] == task_ids(trace.graph).tolist()
    allocs = [s["task_id"] for s in submits if s["phase"] == "orch_alloc"]
    assert len(allocs) == trace.graph.alloc_count
    assert not set(allocs) & {t["task_id"] for t in document["tasks"]}


def test_cores_are_cubes_first_and_belong_to_threads(run):
    trace, document = run
    owners = document["core_to_thread"]
    assert len(owners) == trace.aic_count + trace.aiv_count
    for core, thread in zip(trace.core.tolist(), trace.thread.tolist(), strict=True):
        assert owners[core] == thread
    assert all(
        (t["core_type"] == "aic") == (t["core_id"] < trace.aic_count) for t in document["tasks"]
    )


def test_consumers_behind_a_dummy_task_are_in_the_fan_out():
    graph = make_graph("cddvv", [[], [0], [1], [2], [1]])
    runtime = load_runtime("tmr-2026-08")
    trace = simulate(graph, make_device(2), runtime, durations=[1.0] * 5)
    ids = task_ids(graph).tolist()
    path_rows = written(trace)["tasks"]
    assert next(r for r in path_rows if r["task_id"] == ids[0])["fanout"] == [ids[3], ids[4]]


def written(trace, ending=".json"):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"run{ending}"
        write_swimlane(trace, path)
        content = path.read_bytes()
    return json.loads(gzip.decompress(content) if ending.endswith(".gz") else content)


# Files and folders


def test_a_packed_file_holds_the_same(run):
    trace, document = run
    assert written(trace, ".json.gz") == document


def test_the_same_run_gives_the_same_bytes(run, tmp_path):
    trace, _ = run
    for ending in (".json", ".json.gz"):
        paths = [tmp_path / f"{n}{ending}" for n in range(2)]
        for path in paths:
            write_swimlane(trace, path)
        assert paths[0].read_bytes() == paths[1].read_bytes()


def test_an_unknown_ending_is_refused_before_anything_is_written(run, tmp_path):
    with pytest.raises(InputError, match=r"\.json, \.json\.gz"):
        write_swimlane(run[0], tmp_path / "run.csv")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_has_records_graph_and_names_and_nothing_else(run, tmp_path):
    trace, _ = run
    write_swimlane_folder(trace, tmp_path / "run")
    names = sorted(path.name for path in (tmp_path / "run").iterdir())
    assert names == [
        "chip_swimlane_records.json",
        "deps.json",
        f"name_map_{trace.graph.name}.json",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    write_swimlane_folder(trace, tmp_path / "packed", is_packed=True)
    for path in (tmp_path / "packed").iterdir():
        plain = tmp_path / "run" / path.name.removesuffix(".gz")
        assert gzip.decompress(path.read_bytes()) == plain.read_bytes()


def test_a_folder_that_holds_something_is_left_alone(run, tmp_path):
    (tmp_path / "mine").write_text("kept", encoding="utf-8")
    with pytest.raises(InputError, match="is there already"):
        write_swimlane_folder(run[0], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_records_of_a_folder_join_on_core_and_register(run, tmp_path):
    trace, _ = run
    write_swimlane_folder(trace, tmp_path / "run")
    records = json.loads((tmp_path / "run" / "chip_swimlane_records.json").read_text())
    of_cores = {(row[0], row[2]) for row in records["aicore_tasks"]}
    of_control = {(row[0], row[1]) for row in records["aicpu_tasks"]}
    assert len(of_cores) == len(trace)
    assert of_cores == of_control
    depths = [p["shared_at_start"] for t in records["aicpu_scheduler_phases"] for p in t]
    assert min(min(depth) for depth in depths) >= 0
    deps = json.loads((tmp_path / "run" / "deps.json").read_text())
    waits = {(e["pred"], e["succ"]) for e in deps["edges"] if "wait" in e["flags"]}
    assert len(waits) == trace.graph.edge_count
