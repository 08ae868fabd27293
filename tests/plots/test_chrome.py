from __future__ import annotations

import gzip
import json
from collections import defaultdict
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from devices.errors import InputError
from devices.kernel import CoreType, Kernel
from plots import write_chrome_trace
from runtime.graph import ALLOC, DUMMY

NORM = Kernel("norm", CoreType.AIV, (), (), (), 0)


@pytest.fixture
def written(tmp_path):
    """Write a trace and read its events, by phase."""

    def events(trace):
        write_chrome_trace(trace, tmp_path / "run.json")
        content = json.loads((tmp_path / "run.json").read_text())
        assert content["displayTimeUnit"] == "ns"
        by_phase = defaultdict(list)
        for event in content["traceEvents"]:
            by_phase[event["ph"]].append(event)
        return by_phase

    return events


def begin_end_ns(event):
    begin, duration = round(event["ts"] * 1000), round(event["dur"] * 1000)
    return begin, begin + duration


def slices(events, pid):
    rows = [e for e in events["X"] if e["pid"] == pid]
    return [(e["name"], e["tid"], e["ts"], round(e["ts"] + e["dur"], 3)) for e in rows]


def test_slices_of_a_small_run(written, small):
    events = written(small)
    assert slices(events, 1) == [
        ("matmul(r2t0)", 1000, 3.5, 13.5),
        ("matmul(r2t1)", 1001, 4.5, 21.5),
        ("add(r2t2)", 1002, 24.5, 28.0),
    ]
    assert slices(events, 2) == [
        ("matmul(r2t0)", 1000, 3.0, 14.5),
        ("matmul(r2t1)", 1001, 4.0, 22.5),
        ("add(r2t2)", 1002, 24.0, 29.0),
    ]
    assert sorted(slices(events, 3)) == [
        ("complete", 3000, 14.0, 14.5),
        ("complete", 3000, 28.5, 29.0),
        ("complete", 3001, 22.0, 22.5),
        ("dispatch", 3000, 2.4, 3.0),
        ("dispatch", 3000, 23.4, 24.0),
        ("dispatch", 3001, 3.4, 4.0),
    ]
    assert slices(events, 4) == [
        ("alloc", 4000, 0.0, 1.0),
        ("matmul(r2t0)", 4000, 1.0, 2.0),
        ("matmul(r2t1)", 4000, 2.0, 3.0),
        ("add(r2t2)", 4000, 3.0, 4.0),
    ]


def test_arguments_tell_which_task_it_is_and_where_its_time_went(written, small):
    add = next(e for e in written(small)["X"] if e["pid"] == 1 and e["name"] == "add(r2t2)")
    assert add["args"] == {
        "event-hint": "Task:r2t2, FuncId:1, CoreId:2",
        "taskId": 2 << 32 | 2,
        "submit": 3,
        "ring": 2,
        "core-type": "aiv",
        "exec-us": 3.5,
        "head-us": 0.5,
        "tail-us": 1.0,
        "latency-us": 5.0,
    }


def test_processes_and_threads_have_the_names_and_order_of_the_device_tools(written, small):
    metadata = written(small)["M"]

    def values(what, key):
        return {(e["pid"], e["tid"]): e["args"][key] for e in metadata if e["name"] == what}

    names, order = values("process_name", "name"), values("process_sort_index", "sort_index")
    assert [names[key] for key in sorted(order, key=order.get)] == [
        "AICPU Orchestrator",
        "AICPU Scheduler",
        "AICPU View",
        "AICore View",
    ]
    assert {pid: name for (pid, _), name in names.items()} == {
        1: "AICore View",
        2: "AICPU View",
        3: "AICPU Scheduler",
        4: "AICPU Orchestrator",
    }
    threads, order = values("thread_name", "name"), values("thread_sort_index", "sort_index")
    assert threads.keys() == order.keys()
    for pid, expected in {
        1: ["AIC_0", "AIC_1", "AIV_2", "AIV_3"],
        2: ["AIC_0", "AIC_1", "AIV_2", "AIV_3"],
        3: ["Sched_0", "Sched_1"],
        4: ["Orch_0"],
    }.items():
        keys = sorted((key for key in threads if key[0] == pid), key=order.get)
        assert [threads[key] for key in keys] == expected


@pytest.mark.parametrize("slots", [1, 2])
def test_slices_of_a_thread_never_overlap_in_part(written, make_run, slots):
    events = written(make_run(1500, exec_us=200.0, slots=slots))
    threads = defaultdict(list)
    for event in events["X"]:
        threads[event["pid"], event["tid"]].append(begin_end_ns(event))
    for rows in threads.values():
        inside = []
        for begin, end in sorted(rows, key=lambda row: (row[0], -row[1])):
            while inside and inside[-1] <= begin:
                inside.pop()
            assert begin <= end
            assert not inside or end <= inside[-1]
            inside.append(end)


def test_every_slice_is_on_a_thread_with_a_name(written, make_run):
    events = written(make_run(600, exec_us=200.0, slots=2))
    named = {(e["pid"], e["tid"]) for e in events["M"] if e["name"] == "thread_name"}
    assert {(e["pid"], e["tid"]) for e in events["X"]} <= named


def test_a_task_that_waits_in_its_cores_second_slot_is_drawn_in_full(written, make_run):
    trace = make_run(600, exec_us=200.0, slots=2)
    view = [e for e in written(trace)["X"] if e["pid"] == 2]
    assert sum(e["dur"] for e in view) == pytest.approx(trace.latency_us.sum(), abs=1e-3 * 600)
    assert len({e["tid"] for e in view}) > 72


def test_scheduler_slices_that_overlap_by_the_last_digit_are_cut(written, small):
    observe_us, finish_us = small.observe_us.copy(), small.finish_us.copy()
    observe_us[0] = small.dispatch_us[2] - 0.0004
    finish_us[0] = observe_us[0] + 2.0
    late = replace(small, observe_us=observe_us, finish_us=finish_us)
    rows = sorted(row[2:] for row in slices(written(late), 3) if row[1] == 3000)
    assert all(end <= begin for (_, end), (begin, _) in pairwise(rows))


def test_arrows_join_the_slices_of_producer_and_consumer(written, make_run):
    trace = make_run(400)
    events = written(trace)
    tasks = {e["args"]["submit"]: e for e in events["X"] if e["pid"] == 1}
    starts = {e["id"]: e for e in events["s"]}
    ends = {e["id"]: e for e in events["f"]}
    assert starts.keys() == ends.keys()
    assert len(starts) == len(events["s"]) == len(events["f"])
    assert all(e["bp"] == "e" and e["pid"] == 1 for e in events["f"])
    arrows = []
    for number, start in starts.items():
        end = ends[number]
        producer = next(
            s
            for s, e in tasks.items()
            if e["tid"] == start["tid"]
            and begin_end_ns(e)[0] <= round(start["ts"] * 1000) <= begin_end_ns(e)[1]
        )
        consumer = next(
            s for s, e in tasks.items() if (e["tid"], e["ts"]) == (end["tid"], end["ts"])
        )
        arrows.append((producer, consumer))
    graph = trace.graph
    edges = [(int(p), c) for c in range(len(graph)) for p in graph.producers(c)]
    assert sorted(arrows) == sorted(edge for edge in edges if edge[0] in tasks)


def test_counters_return_to_zero_and_never_fall_below(written, make_run):
    trace = make_run(800)
    counters = defaultdict(list)
    for event in written(trace)["C"]:
        counters[event["name"]].append((event["ts"], *event["args"].values()))
    assert counters.keys() == {"ready AIC", "ready AIV", "busy AIC", "busy AIV"}
    for rows in counters.values():
        times, values = zip(*rows, strict=True)
        assert list(times) == sorted(set(times))
        assert min(values) == values[-1] == 0
    assert max(value for _, value in counters["busy AIC"]) <= 24


def test_counters_of_a_small_run(written, small):
    rows = [(e["name"], e["ts"], *e["args"].values()) for e in written(small)["C"]]
    assert [row[1:] for row in rows if row[0] == "busy AIC"] == [
        (3.5, 1),
        (4.5, 2),
        (13.5, 1),
        (21.5, 0),
    ]
    assert [row[1:] for row in rows if row[0] == "ready AIV"] == [(22.5, 1), (24.0, 0)]


def test_a_task_ready_after_its_dispatch_by_rounding_never_counts(written, small):
    late = replace(small, ready_us=small.dispatch_us + 1e-4)
    assert all(value >= 0 for e in written(late)["C"] for value in e["args"].values())


def test_time_begins_at_zero_with_three_decimals(written, make_run):
    events = written(make_run(300))
    stamps = [e["ts"] for phase in "XsfC" for e in events[phase]]
    stamps += [e["dur"] for e in events["X"]]
    assert min(stamps) >= 0
    assert all(value == round(value, 3) for value in stamps)
    assert min(e["ts"] for e in events["X"] if e["pid"] == 4) == 0


def test_a_compressed_file_holds_the_same_and_is_the_same_each_time(make_run, tmp_path):
    trace = make_run(300)
    write_chrome_trace(trace, tmp_path / "run.json")
    write_chrome_trace(trace, tmp_path / "a.json.gz")
    write_chrome_trace(trace, tmp_path / "b.json.gz")
    compressed = (tmp_path / "a.json.gz").read_bytes()
    assert gzip.decompress(compressed) == (tmp_path / "run.json").read_bytes()
    assert compressed == (tmp_path / "b.json.gz").read_bytes()


def test_a_dummy_task_is_called_so(written, small):
    graph = replace(small.graph, kernel=np.array([DUMMY, 0, 0, 1], dtype=np.int32))
    assert slices(written(replace(small, graph=graph)), 4)[0][0] == "dummy"


def test_another_ending_is_refused(small, tmp_path):
    with pytest.raises(InputError, match=r"\.json, \.json\.gz"):
        write_chrome_trace(small, tmp_path / "run.trace")
    assert list(tmp_path.iterdir()) == []


def test_rows_of_a_put_together_kernel_are_called_by_the_function_that_ran(written, small):
    first, second = small.graph.kernels
    mix = Kernel("pair", CoreType.MIX, (), (), (), 0, sides=(first, second, NORM))
    graph = replace(small.graph, kernels=[mix, second], kernel=np.array([ALLOC, 0, 0, 1]))
    run = replace(
        small,
        graph=graph,
        task=np.array([1, 1, 1], dtype=np.int32),
        side=np.array([0, 2, 1], dtype=np.int8),
    )
    events = written(run)
    for pid in (1, 2):
        assert [name for name, *_ in slices(events, pid)] == [
            "matmul(r2t0)",
            "norm(r2t0)",
            "add(r2t0)",
        ]
    assert [e["args"]["core-type"] for e in events["X"] if e["pid"] == 1] == ["aic", "aiv", "aiv"]
    assert [name for name, *_ in slices(events, 4)][1] == "pair(r2t0)"


def test_cores_have_the_numbers_of_the_device(written, small):
    events = written(replace(small, core_id=np.array([0, 3, 1, 2], dtype=np.int32)))
    named = [e for e in events["M"] if e["name"] == "thread_name" and e["pid"] == 1]
    names = {e["tid"]: e["args"]["name"] for e in named}
    assert [names[1000 + core] for core in range(4)] == ["AIC_0", "AIC_3", "AIV_1", "AIV_2"]
    hints = [e["args"]["event-hint"] for e in events["X"] if e["pid"] == 1]
    assert [hint.rpartition(":")[2] for hint in hints] == ["0", "3", "1"]
