"""Graphs in columns of numpy that are wrong: each is refused with the column and the reason."""

from __future__ import annotations

import io
import json
import random
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from test_graph_round_trips import everything
from test_hostile_graphs import check

from devices.device import load_device
from devices.errors import InputError
from runtime.case import Case
from runtime.dependencies import find_graph
from runtime.version import load_runtime
from workloads.formats import graph_npz_reader
from workloads.formats.graph_files import read_graph_file, write_graph
from workloads.formats.npz_content import npz_arrays


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    """The columns of a valid file that has something in every one."""
    path = tmp_path_factory.mktemp("npz") / "g.npz"
    submits, runtime = everything(), load_runtime("tmr-2026-08")
    write_graph(Case.of(submits, find_graph(submits, runtime), load_device("a2a3"), runtime), path)
    with np.load(path) as arrays:
        return dict(arrays)


def header(columns, **changes):
    """The header with fields changed."""
    content = json.loads(bytes(columns["header"])) | changes
    return np.frombuffer(json.dumps(content).encode(), dtype=np.uint8)


def with_element(column, place, value):
    changed = column.astype(np.int64) if column.dtype.kind in "iub" else column.copy()
    changed[place] = value
    return changed


ELEMENTS = [
    ("submits.kernel", 1, 9, "submits.kernel[1]: is 9; -2 to 3"),
    ("submits.ring", 1, 128, "submits.ring[1]: is 128; 0 to 127"),
    ("submits.duration_us", 1, float("nan"), "submits.duration_us[1]: is nan us; 0 or more"),
    ("submits.duration_us", 1, float("inf"), "submits.duration_us[1]: is inf us; 0 or more"),
    ("submits.duration_us", 0, 2.0, "submits.duration_us[0]: is 2 us; 0 or more, and 0 for allocs"),
    ("submits.chain_entries", 1, -1, "submits.chain_entries[1]: is -1"),
    ("edges.start", 1, 99, "edges.start[1]: is 99"),
    ("edges.start", 0, 1, "edges.start: leads from 1 to"),
    ("edges.producer", 0, 6, "which is not before it; edges would lead in a circle"),
    ("edges.producer", 0, -1, "edges.producer[0]: is -1"),
    ("scopes.of", 1, 7, "scopes.of[1]: is 7"),
    ("scopes.end", 0, 1, "is a scope that ended when there were 1 submits"),
    ("launches.submit", 0, 0, "launches.submit[0]: 0 is no task, or not after the one before it"),
    ("launches.submit", 1, 3, "launches.submit[1]: 3 is no task, or not after the one before it"),
    ("launches.blocks", 0, 0, "launches.blocks[0]: is 0; 1 to 65536"),
    ("launches.sync_start", 0, 2, "launches.sync_start[0]: is 2; 0 to 1"),
    ("buffers.dtype", 0, 5, "buffers.dtype[0]: is 5"),
    ("buffers.axes", 0, 17, "buffers.axes[0]: is 17; 1 to 16"),
    ("buffers.axes", 0, 1, "buffers.shape: has 12 elements; 11 are needed"),
    ("buffers.owner", 0, 99, "buffers.owner[0]: is 99"),
    ("buffers.shape", 0, 0, "buffers.shape[0]: is 0; 1 or more"),
    ("buffers.shape", 0, 2**62, "buffers.shape: buffer 0 has more than 2^62 bytes"),
    ("views.buffer", 0, 99, "views.buffer[0]: is 99"),
    ("views.shape", 0, 17, "views.shape: view 0: [17, 64] at [0, 0] is no part of [16, 64]"),
    ("views.offset", 1, 2**63 - 1, "view 0: [16, 64] at [0, 9223372036854775807] is no part"),
    ("views.offset", 1, -1, "views.offset[1]: is -1"),
    ("tensors.view", 0, 99, "tensors.view[0]: is 99"),
    ("tensors.start", 2, 1, "tensors.start: submit 1 has 0; its kernel 'scale' has 2"),
    ("map_entries.writer", 0, 6, "map_entries.writer: is not in ascending order"),
    ("map_entries.removed_by", 0, -2, "map_entries.removed_by[0]: is -2"),
    ("program.depth", 0, -1, "program.depth[0]: is -1"),
    ("program.arguments", 0, 99, "program.arguments[0]: is 99"),
    ("program.is_manual", 0, 2, "program.is_manual[0]: is 2; 0 to 1"),
    ("program.producer", 0, 6, "program.producer[0]: 6 is not before submit 5, which waits for it"),
]


@pytest.mark.parametrize(("name", "place", "value", "message"), ELEMENTS)
def test_an_element_that_is_wrong_is_named(tmp_path, columns, name, place, value, message):
    changed = columns | {name: with_element(columns[name], place, value)}
    refused(tmp_path, changed, message)


COLUMNS = {
    "short": ("submits.ring", lambda c: c[:-1], "submits.ring: has 6 elements; 7 are needed"),
    "real": ("edges.producer", lambda c: c.astype(np.float64), "has the dtype float64; whole"),
    "unsigned": ("edges.producer", lambda c: c.astype(np.uint64), "has the dtype uint64; whole"),
    "whole times": ("submits.duration_us", lambda c: c.astype(np.int64), "write it as float64"),
    "text": ("submits.kernel", lambda c: c.astype("U8"), "the dtype <U8; only numbers are read"),
    "two axes": ("submits.kernel", lambda c: c.reshape(1, -1), "has 2 axes; a column has one"),
    "empty": ("submits.kernel", lambda c: c[:0], "has no task; there is nothing to simulate"),
    "no task": ("submits.kernel", lambda c: np.full_like(c, -1), "has no task; there is nothing"),
    "walks": ("map_entries.walks", lambda c: [*c, 1], "three numbers belong to each lookup"),
    "scalars": ("scalars.start", lambda c: [0, *c[1:] + 1], "scalars.start"),
    "json": ("header", lambda c: c[:-5], "is no JSON"),
}


@pytest.mark.parametrize("case", COLUMNS)
def test_a_column_that_is_wrong_is_named(tmp_path, columns, case):
    name, change, message = COLUMNS[case]
    refused(tmp_path, columns | {name: np.array(change(columns[name]))}, message)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"version": 2}, "is 'tilesim-graph', version 2, and only 'tilesim-graph', version 1"),
        ({"format": "other"}, "is 'other', version 1"),
        ({"name": "x" * 5000}, "Expected `str` of length <= 4096; it is the field `name`"),
        ({"dtypes": ["FP33"]}, "header.dtypes[0]: unknown name 'FP33'"),
        ({"speed": 1}, "Object contains unknown field `speed`"),
        ({"kernels": []}, "submits.kernel[1]: is 0; -2 to -1"),
        ({"buffers": []}, "buffers.dtype: has"),
    ],
)
def test_a_header_that_is_wrong_is_refused(tmp_path, columns, changes, message):
    refused(tmp_path, columns | {"header": header(columns, **changes)}, message)


def test_columns_are_neither_missing_nor_unknown(tmp_path, columns):
    for name in columns:
        message = f"{name}: is missing; the file holds no task graph of tilesim"
        refused(tmp_path, {n: c for n, c in columns.items() if n != name}, message)
    refused(tmp_path, columns | {"speed": np.zeros(1)}, "speed: is no column of a task graph")


def test_an_edge_is_there_once(tmp_path, columns):
    start, producer = columns["edges.start"].astype(np.int64), columns["edges.producer"]
    submit = int(np.flatnonzero(np.diff(start))[0])
    twice = np.insert(producer, start[submit], producer[start[submit]])
    start[submit + 1 :] += 1
    message = f"edge {producer[start[submit]]} -> {submit} is there twice"
    refused(tmp_path, columns | {"edges.start": start, "edges.producer": twice}, message)


def refused(tmp_path, columns, message):
    path = tmp_path / "bad.npz"
    np.savez(path, **columns)
    with pytest.raises(InputError) as caught:
        read_graph_file(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


def test_compressed_columns_are_read_alike(tmp_path, columns):
    np.savez_compressed(tmp_path / "packed.npz", **columns)
    np.savez(tmp_path / "plain.npz", **columns)
    packed, plain = (read_graph_file(tmp_path / f"{n}.npz") for n in ("packed", "plain"))
    assert packed.durations_us.tolist() == plain.durations_us.tolist()
    assert packed.graph.fanin.tolist() == plain.graph.fanin.tolist()


def npz(members, compression=zipfile.ZIP_STORED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as packed:
        for name, content in members:
            packed.writestr(name, content)
    return file.getvalue()


def npy(text, data=b"", version=(1, 0)):
    length = len(text).to_bytes(2 if version == (1, 0) else 4, "little")
    return b"\x93NUMPY" + bytes(version) + length + text.encode() + data


ONE = "{'descr': '<i8', 'fortran_order': False, 'shape': (1,)}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a whole npz file"),
        (b"PK\x03\x04" + bytes(200), "is not a whole npz file: File is not a zip file"),
        (npz([("header.txt", b"x")]), "'header.txt' is no array"),
        (npz([("a.npy", npy(ONE, bytes(8)))], zipfile.ZIP_BZIP2), "packed in an unusual way"),
        (npz([("a.npy", b"no numpy")]), "a.npy: is no array of numpy"),
        (npz([("a.npy", npy(ONE, bytes(8), (7, 7)))]), "is of an unknown version of npy"),
        (npz([("a.npy", npy(ONE, bytes(7)))]), "says it has 1 elements of int64, which is not"),
        (npz([("a.npy", npy(ONE.replace("1,", f"{2**62},")))]), "says it has 4,611,686,018,427"),
        (npz([("a.npy", npy(ONE.replace("<i8", "|O"), bytes(8)))]), "has the dtype object"),
        (npz([("a.npy", npy("(" * 9000))]), "a.npy: is no array of numpy"),
        (npz([("a.npy", npy("__import__('os')"))]), "a.npy: is no array of numpy"),
    ],
)
def test_what_is_no_file_of_arrays_is_refused(tmp_path, content, message):
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_graph_file(tmp_path / "bad.npz")
    assert message in str(caught.value)


def test_an_array_is_there_once(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate name"):
        content = npz([("a.npy", npy(ONE, bytes(8)))] * 2)
    (tmp_path / "bad.npz").write_bytes(content)
    with pytest.raises(InputError, match=r"'a\.npy' is there twice; remove one"):
        read_graph_file(tmp_path / "bad.npz")


def test_arrays_that_unpack_to_more_than_the_limit_are_refused_unread(tmp_path, monkeypatch):
    bomb = npz([("a.npy", npy(ONE, bytes(10**7)))], zipfile.ZIP_DEFLATED)
    assert len(bomb) < 10**5
    with pytest.raises(InputError, match="its arrays hold more than 1,000,000 bytes"):
        npz_arrays(bomb, "bomb.npz", 10**6)
    # A size that is less than what is there stops unpacking, and the check sum is another.
    lying = bomb.replace((10**7 + 65).to_bytes(4, "little"), (100).to_bytes(4, "little"))
    with pytest.raises(InputError):
        npz_arrays(lying, "lying.npz", 10**6)
    monkeypatch.setattr(graph_npz_reader, "MOST_NPZ_BYTES", 10**6)
    (tmp_path / "bomb.npz").write_bytes(bomb)
    with pytest.raises(InputError, match="its arrays hold more than"):
        read_graph_file(tmp_path / "bomb.npz")


def test_more_elements_than_memory_has_room_for_are_refused(tmp_path, columns, monkeypatch):
    monkeypatch.setattr(graph_npz_reader, "MOST_ELEMENTS", 50)
    refused(tmp_path, columns, "its columns have more than 50 elements, the most that is read")


def test_a_truncated_file_is_refused_at_any_length(tmp_path, columns):
    np.savez(tmp_path / "g.npz", **columns)
    content = (tmp_path / "g.npz").read_bytes()
    for length in range(0, len(content), 97):
        (tmp_path / "cut.npz").write_bytes(content[:length])
        with pytest.raises(InputError, match="is not a whole npz file"):
            read_graph_file(tmp_path / "cut.npz")


VALUES = [-(2**63), -(2**31), -2, -1, 0, 1, 2, 5, 7, 100, 2**31, 2**40, 2**62, 2**63 - 1]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_columns_with_elements_changed_raise_nothing_else(columns, tmp_path, seed):
    choose = random.Random(seed)
    changed = dict(columns)
    for _ in range(choose.choice([1, 1, 2, 4])):
        name = choose.choice(sorted(set(changed) - {"header"}))
        column = changed[name]
        if len(column) and choose.random() < 0.8:
            changed[name] = with_element(
                column, choose.randrange(len(column)), choose.choice(VALUES)
            )
        else:
            changed[name] = np.resize(column, choose.randrange(len(column) + 3))
    np.savez(tmp_path / "g.npz", **changed)
    check(tmp_path / "g.npz")


def test_the_command_line_says_what_is_wrong_in_one_line(tmp_path, columns):
    changed = columns | {"edges.producer": with_element(columns["edges.producer"], 0, -1)}
    np.savez(tmp_path / "bad.npz", **changed)
    done = subprocess.run(
        [sys.executable, "-m", "tilesim", "replay", "bad.npz"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "bad.npz: edges.producer[0]: is -1" in done.stderr
    assert "Traceback" not in done.stderr
