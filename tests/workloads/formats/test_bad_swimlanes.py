"""Swimlanes that cannot be: each is refused with the file, the record and the field."""

import gzip
import json
import random
import shutil
from copy import deepcopy
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from recorded_runs import DATA

from devices.errors import InputError
from runtime.explanation import explain
from runtime.statistics import summarize
from workloads.formats.blocks import DEFAULT_LIMITS
from workloads.formats.swimlane import read_swimlane

BAD = DATA / "bad" / "swimlane"
MESSAGES = json.loads((BAD / "messages.json").read_text(encoding="utf-8"))
VALID = [BAD / "valid.json", BAD / "valid_raw"]


def test_every_file_of_the_corpus_is_tested():
    there = {path.name for path in BAD.iterdir()}
    assert there == {*MESSAGES, "messages.json", "valid.json", "valid_raw"}


@pytest.mark.parametrize("path", VALID, ids=lambda path: path.name)
def test_what_the_bad_files_were_made_from_is_good(path):
    assert summarize(read_swimlane(path).trace).tasks in (2, 3)


@pytest.mark.parametrize("name", MESSAGES)
def test_a_bad_file_is_refused_by_what_is_wrong_with_it(name):
    with pytest.raises(InputError) as found:
        read_swimlane(BAD / name)
    message = str(found.value)
    assert str(BAD / name) in message
    assert "\n" not in message
    assert len(message) < 600
    for part in MESSAGES[name]:
        assert part in message, message


# What is too large to keep


def test_deep_nesting_in_a_record_is_refused(tmp_path):
    for size in (1_000, 1_000_000):
        path = tmp_path / "deep.json"
        path.write_text('{"version": 1, "tasks": [{"task_id": ' + "[" * size, encoding="utf-8")
        with pytest.raises(InputError, match="tasks: is nested more than 32 deep"):
            read_swimlane(path)


def test_a_huge_string_is_refused(tmp_path):
    path = tmp_path / "string.json.gz"
    content = b'{"version": 1, "tasks": [{"core_type": "' + b"x" * 3_000_000
    path.write_bytes(gzip.compress(content))
    limits = replace(DEFAULT_LIMITS, value_bytes=1_000_000, ratio=2_000)
    with pytest.raises(InputError, match=r"tasks: has a value of more than 1,000,000 bytes"):
        read_swimlane(path, limits=limits)


def test_a_bomb_is_refused(tmp_path):
    path = tmp_path / "bomb.json.gz"
    path.write_bytes(gzip.compress(b'{"version": 1, "tasks": [' + b" " * 30_000_000 + b"]}"))
    with pytest.raises(InputError, match="unpacks to more than 500 times its size"):
        read_swimlane(path)


def test_too_many_records_are_refused_by_their_kind():
    limits = replace(DEFAULT_LIMITS, records=2)
    with pytest.raises(InputError, match="tasks: has more than 2 records"):
        read_swimlane(VALID[0], limits=limits)


def test_a_file_that_is_larger_than_is_read_is_refused():
    limits = replace(DEFAULT_LIMITS, content_bytes=1_000)
    with pytest.raises(InputError, match="has more than 1,000 bytes"):
        read_swimlane(VALID[0], limits=limits)


def test_a_name_of_a_later_record_has_its_number_in_the_file(tmp_path):
    document = json.loads(VALID[0].read_text(encoding="utf-8"))
    good = document["tasks"][0]
    document["tasks"] = [{**good, "fanout": [], "fanout_count": 0} for _ in range(500)]
    document["tasks"][437]["core_id"] = "x"
    path = tmp_path / "run.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    limits = replace(DEFAULT_LIMITS, block_bytes=1_000)
    with pytest.raises(InputError, match=r"tasks\[437\]\.core_id: Expected `int`"):
        read_swimlane(path, limits=limits)


# Fuzzing: whatever happens to a file, it is read or refused

WEIRD = [
    None, True, -1, 0, 1, 2**31, 2**40, 2**63, 2**64, 2**70, -0.5, 0.001, 1e18, 1e308, "", "x", "0",
    "7", "NaN", [], [[]], [0], {}, {"a": 1}, "4294967296", 4294967296, 4294967297, "aic", "aiv",
]  # fmt: skip


def places(value, path=()):
    """Paths to everything in a document."""
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def disturbed(document, choose):
    """A document with some things replaced, left out, doubled or exchanged."""
    document = json.loads(json.dumps(document))
    for _ in range(choose.randint(1, 4)):
        path = choose.choice([p for p in places(document) if p])
        holder = document
        for key in path[:-1]:
            holder = holder[key]
        action = choose.random()
        if action < 0.6:
            holder[path[-1]] = deepcopy(choose.choice(WEIRD))
        elif action < 0.75:
            del holder[path[-1]]
        elif isinstance(holder, list):
            holder.insert(choose.randint(0, len(holder)), holder[path[-1]])
        elif isinstance(holder[path[-1]], int | float):
            holder[path[-1]] *= choose.choice([-1, 0, 2, 1000])
    return document


def read_or_refuse(path):
    """Read a file; what can be read can be studied."""
    message = ""
    try:
        imported = read_swimlane(path)
    except InputError as error:
        message = str(error)
    if message:
        assert str(path.parent) in message
        return
    summarize(imported.trace)
    explanation = explain(imported.trace)
    assert explanation.part_us.sum() == pytest.approx(imported.trace.wall_clock_us, abs=1e-3)


FUZZ = settings(
    max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@FUZZ
@given(seed=st.integers(0, 2**32))
def test_a_disturbed_file_is_read_or_refused(tmp_path, seed):
    document = json.loads(VALID[0].read_text(encoding="utf-8"))
    path = tmp_path / "run.json"
    path.write_text(json.dumps(disturbed(document, random.Random(seed))), encoding="utf-8")
    read_or_refuse(path)


@FUZZ
@given(seed=st.integers(0, 2**32))
def test_a_disturbed_folder_is_read_or_refused(tmp_path, seed):
    choose = random.Random(seed)
    folder = tmp_path / "run"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(VALID[1], folder)
    for name in choose.choice(
        [["deps.json"], ["chip_swimlane_records.json"]] * 2 + [["deps.json"]]
    ):
        path = folder / name
        document = disturbed(json.loads(path.read_text(encoding="utf-8")), choose)
        path.write_text(json.dumps(document), encoding="utf-8")
    read_or_refuse(folder)


@FUZZ
@given(seed=st.integers(0, 2**32))
def test_a_damaged_file_is_read_or_refused(tmp_path, seed):
    choose = random.Random(seed)
    content = bytearray(VALID[0].read_bytes())
    for _ in range(choose.randint(1, 6)):
        place = choose.randrange(len(content))
        action = choose.random()
        if action < 0.5:
            content[place] = choose.choice(b'0123456789{}[]",:.-eE \\\x00\xff')
        elif action < 0.75:
            del content[place : place + choose.randint(1, 30)]
        else:
            content[place:place] = content[place : place + choose.randint(1, 60)]
    path = tmp_path / choose.choice(["run.json", "run.json.gz"])
    packed = path.suffix == ".gz"
    path.write_bytes(gzip.compress(bytes(content)) if packed else bytes(content))
    read_or_refuse(path)
