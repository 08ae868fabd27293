"""Perfetto's format: what a decoder of its own finds in the file is what the trace has."""

from __future__ import annotations

import gzip
import json
import struct
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from devices.errors import InputError
from plots import TRACE_ENDINGS, write_chrome_trace, write_perfetto_trace, write_trace
from plots.protobuf import joined, message, number, text

EVENT = {9: "type", 10: "name", 11: "track", 30: "value", 47: "flows", 48: "ends", 4: "notes"}


def fields(data):
    """Field number and value of everything in a message, by the rules of the encoding."""
    at = 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                assert shift <= 70
                return value

    while at < len(data):
        tag = varint()
        kind = tag & 7
        if kind == 0:
            yield tag >> 3, varint()
        elif kind == 1:
            yield tag >> 3, struct.unpack_from("<Q", data, at)[0]
            at += 8
        else:
            assert kind == 2
            length = varint()
            assert at + length <= len(data)
            yield tag >> 3, data[at : at + length]
            at += length


def one(data):
    return dict(fields(data))


class Decoded:
    """Tracks, slices, counters and flows of a file, as Perfetto's trace processor has them."""

    def __init__(self, data):
        self.process, self.thread, self.counter = {}, {}, {}
        self.slices, self.counts = [], defaultdict(list)
        self.names, self.notes = {}, {}
        self.starts, self.ends = {}, {}
        opened, last = defaultdict(list), 0
        for field, packet in fields(data):
            assert field == 1
            content = one(packet)
            assert content[10] == 1
            if 12 in content:
                assert content[13] == 1
                for table, entry in fields(content[12]):
                    known = {2: self.names, 3: self.notes}[table]
                    interned = one(entry)
                    assert interned[1] not in known
                    known[interned[1]] = interned[2].decode()
            if 60 in content:
                self.descriptor(one(content[60]))
            if 11 in content:
                event = self.event(content[11])
                time = content[8]
                if event["type"] == 4:
                    self.counts[self.counter[event["track"]]].append((time, event["value"]))
                    continue
                assert time >= last
                last = time
                self.slice(event, time, opened, needs_state=content.get(13) == 2)
        assert not any(opened.values())

    def descriptor(self, track):
        if 3 in track:
            process = one(track[3])
            self.process[track[1]] = (process[1], process[6].decode(), process[3])
        elif 4 in track:
            thread = one(track[4])
            assert track[5] == thread[1]
            self.thread[track[1]] = (thread[1], thread[2], thread[5].decode(), thread[3])
        else:
            self.counter[track[1]] = (track[5], track[2].decode(), one(track[8])[6].decode())

    def event(self, data):
        event = defaultdict(list)
        for field, value in fields(data):
            if field in (4, 47, 48):
                event[EVENT[field]].append(value)
            else:
                event[EVENT[field]] = value
        return event

    def slice(self, event, time, opened, needs_state):
        pid, tid, *_ = self.thread[event["track"]]
        if event["type"] == 1:
            assert needs_state
            notes = {self.notes[n[1]]: n[4] for n in map(one, event["notes"])}
            row = [self.names[event["name"]], pid, tid, time, None, notes]
            for flow in event["flows"]:
                assert self.starts.setdefault(flow, row) is row
            for flow in event["ends"]:
                assert flow in self.starts
                assert self.ends.setdefault(flow, row) is row
            self.slices.append(row)
            opened[event["track"]].append(row)
        else:
            assert event["type"] == 2
            opened[event["track"]].pop()[4] = time


@pytest.fixture
def written(tmp_path):
    def decode(trace):
        write_perfetto_trace(trace, tmp_path / "run.pftrace")
        return Decoded((tmp_path / "run.pftrace").read_bytes())

    return decode


@pytest.fixture
def chrome(tmp_path):
    def events(trace):
        write_chrome_trace(trace, tmp_path / "run.json")
        found = defaultdict(list)
        for event in json.loads((tmp_path / "run.json").read_text())["traceEvents"]:
            found[event["ph"]].append(event)
        return found

    return events


def ns(us):
    return round(us * 1000)


def test_slices_of_a_small_run(written, small):
    rows = sorted(tuple(row[:5]) for row in written(small).slices if row[1] in (1, 4))
    assert rows == [
        ("add", 1, 1002, 24_500, 28_000),
        ("add", 4, 4000, 3_000, 4_000),
        ("alloc", 4, 4000, 0, 1_000),
        ("matmul", 1, 1000, 3_500, 13_500),
        ("matmul", 1, 1001, 4_500, 21_500),
        ("matmul", 4, 4000, 1_000, 2_000),
        ("matmul", 4, 4000, 2_000, 3_000),
    ]


def test_arguments_tell_the_task_and_its_overheads(written, small):
    views = {row[1]: row[5] for row in written(small).slices if row[0] == "add"}
    assert views[1] == {"submit": 3, "ring": 2, "task": 2}
    assert views[2] == {"submit": 3, "head-ns": 500, "tail-ns": 1000}
    assert views[4] == {"submit": 3}


@pytest.mark.parametrize("slots", [1, 2])
def test_everything_is_as_in_the_trace_for_chrome(written, chrome, make_run, slots):
    trace = make_run(700, exec_us=150.0, slots=slots)
    decoded, events = written(trace), chrome(trace)
    slices = sorted(
        (e["name"].split("(")[0], e["pid"], e["tid"], ns(e["ts"]), ns(e["ts"]) + ns(e["dur"]))
        for e in events["X"]
    )
    assert sorted(tuple(row[:5]) for row in decoded.slices) == slices
    assert {(p, n) for p, n, _ in decoded.process.values()} == {
        (e["pid"], e["args"]["name"]) for e in events["M"] if e["name"] == "process_name"
    }
    first = min(decoded.process.values(), key=lambda process: process[2])
    assert first[1] == "AICPU Orchestrator"
    assert {t[:3] for t in decoded.thread.values()} == {
        (e["pid"], e["tid"], e["args"]["name"]) for e in events["M"] if e["name"] == "thread_name"
    }
    counters = defaultdict(list)
    for event in events["C"]:
        ((unit, value),) = event["args"].items()
        counters[event["pid"], event["name"], unit].append((ns(event["ts"]), value))
    assert decoded.counts == counters


def test_flows_are_the_edges_between_tasks(written, make_run):
    trace = make_run(500)
    decoded, graph = written(trace), trace.graph
    assert decoded.starts.keys() == decoded.ends.keys()
    flows = [(decoded.starts[f], decoded.ends[f]) for f in decoded.starts]
    assert all(start[1] == end[1] == 1 for start, end in flows)
    edges = [
        (int(p), c)
        for c in range(len(graph))
        for p in graph.producers(c)
        if graph.kernel[p] >= 0 and graph.kernel[c] >= 0
    ]
    found = [(start[5]["submit"], end[5]["submit"]) for start, end in flows]
    assert sorted(found) == sorted(edges)


def test_stamps_are_those_of_the_columns(written, make_run):
    trace = make_run(300)
    zero_us = min(trace.orchestrator_begin_us.min(), (trace.dispatch_us - 0.6).min())
    rows = sorted(
        (row[5]["submit"], row[3], row[4]) for row in written(trace).slices if row[1] == 1
    )
    start, end = (
        np.rint((column - zero_us) * 1000).astype(int) for column in (trace.start_us, trace.end_us)
    )
    assert [row[:2] for row in rows] == list(zip(trace.task.tolist(), start.tolist(), strict=True))
    assert np.abs(np.array([row[2] for row in rows]) - end).max() <= 1


def test_slices_of_no_length_begin_and_end_before_others_of_their_time(written, small):
    start_us = np.array([3.5, 4.5, 13.5])
    at_once = replace(
        small,
        core=np.array([0, 1, 0], dtype=np.int16),
        dispatch_us=np.array([3.0, 4.0, 13.0]),
        start_us=start_us,
        end_us=np.array([13.5, 4.5, 13.5]),
        finish_us=np.array([14.0, 4.5, 14.5]),
    )
    rows = [row for row in written(at_once).slices if row[1] == 1]
    assert [(row[5]["submit"], row[3], row[4]) for row in rows] == [
        (1, 3_500, 13_500),
        (2, 4_500, 4_500),
        (3, 13_500, 13_500),
    ]


def test_a_slice_that_ends_before_it_begins_has_no_length(written, small):
    wrong = replace(small, end_us=small.end_us - np.array([0.0, 0.0, 5.0]))
    ends = [row[3:5] for row in written(wrong).slices if row[:2] == ["add", 1]]
    assert ends == [[24_500, 24_500]]


def test_a_measured_head_below_zero_is_kept(written, small):
    early = replace(small, dispatch_us=small.dispatch_us + np.array([0.0, 0.0, 0.75]))
    heads = [row[5].get("head-ns") for row in written(early).slices if row[1] == 2]
    assert heads == [500, 500, 2**64 - 250]


def test_a_run_without_edges_and_of_one_task(written, make_run):
    decoded = written(make_run(1))
    assert not decoded.starts
    assert [row[1] for row in decoded.slices].count(1) == 1


@pytest.mark.parametrize("ending", [".pftrace", ".perfetto-trace"])
def test_a_packed_file_holds_the_same_and_is_the_same_each_time(make_run, tmp_path, ending):
    trace = make_run(200)
    for name in ("a", "b"):
        write_trace(trace, tmp_path / f"{name}{ending}.gz")
    write_trace(trace, tmp_path / f"plain{ending}")
    packed = (tmp_path / f"a{ending}.gz").read_bytes()
    assert packed == (tmp_path / f"b{ending}.gz").read_bytes()
    assert gzip.decompress(packed) == (tmp_path / f"plain{ending}").read_bytes()


def test_it_is_at_most_a_quarter_of_the_size_of_the_trace_for_chrome(make_run, tmp_path):
    trace = make_run(3000)
    write_trace(trace, tmp_path / "run.json")
    write_trace(trace, tmp_path / "run.pftrace")
    sizes = [(tmp_path / name).stat().st_size for name in ("run.pftrace", "run.json")]
    assert 4 * sizes[0] < sizes[1]


def test_the_ending_chooses_the_format(small, tmp_path):
    write_trace(small, tmp_path / "run.JSON")
    assert "traceEvents" in json.loads((tmp_path / "run.JSON").read_text())
    with pytest.raises(InputError, match=r"\.json, .*\.pftrace, \.pftrace\.gz"):
        write_trace(small, tmp_path / "run.trace")
    assert TRACE_ENDINGS[:2] == (".json", ".json.gz")


def test_numbers_and_texts_are_encoded_as_the_rules_say():
    assert number(1, 150).tobytes() == b"\x08\x96\x01"
    assert text(2, "testing").tobytes() == b"\x12\x07testing"
    inner = number(1, np.array([1, 300]))
    assert inner.tobytes() == b"\x08\x81\x00\x08\xac\x02"
    assert message(3, inner).tobytes() == b"\x1a\x03\x08\x81\x00\x1a\x03\x08\xac\x02"
    assert joined(number(1, 1), inner).shape == (2, 5)
    assert number(4, np.array([-1])).tobytes() == b"\x20" + b"\xff" * 9 + b"\x01"
