"""Files that are wrong: each is refused with the file, the place and the reason, and never else."""

from __future__ import annotations

import gzip
import json
import random
import re
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.errors import InputError
from workloads.formats.content import read_content
from workloads.formats.graph_files import FORMATS, read_graph_file, write_graph

DATA = Path(__file__).parents[2] / "data"
BAD = DATA / "bad" / "graphs"

EXPECTED = {
    "alloc-time.dot": "line 1: node 'a': kind: an alloc or dummy task takes no kernel time",
    "array.json": "its content is not that of tilesim graph or WfFormat",
    "binary.dat": "its content is not that of any known format",
    "blocks-0.dot": "line 1: node 'a': blocks: is 0; 1 to 65536",
    "blocks.dot": "line 1: node 'a': blocks: is 99999999; 1 to 65536",
    "bracket.dot": "line 1: '}' stands where ']' should",
    "broken.json.gz": "is not whole gzip data: Error -3 while decompressing data: invalid",
    "comment.dot": "line 1: the comment does not end",
    "comment.stg": "line 1: has 0 numbers; the first line has the number of tasks",
    "communication.stg": "line 3: task 1: says 1 predecessors and names 2; graphs with",
    "core.dot": "line 1: node 'a': core: unknown value 'gpu'",
    "count.stg": "line 3: task 1: says 2 predecessors and names 1; graphs with communication",
    "cut.json.gz": "is not whole gzip data: Compressed file ended before the end-of-stream",
    "cycle.dot": "line 1: edges lead in a circle: 'a' -> 'b' -> 'c' -> 'a'; drop one of them",
    "cycle.graphml": "line 3: edges lead in a circle: 'a' -> 'b' -> 'a'; drop one of them",
    "cycle.stg": "line 3: edges lead in a circle: '1' -> '2' -> '1'; drop one of them",
    "dangling.graphml": "line 3: edge 'a' -> 'b': there is no node 'b'",
    "dangling.stg": "line 3: edge '9' -> '1': there is no node '9'",
    "digits.dot": "line 1: node 'a': ring: is",
    "dtd.graphml": "line 1: has a DOCTYPE, which may name other files or grow without end;",
    "duplicate.graphml": "line 4: node: id 'a' is there twice; see line 3",
    "duplicate.stg": "line 4: id '1' is there twice; see line 3",
    "edge-bomb.dot.gz": "line 1: there are more than 8,000,000 edges",
    "empty-graph.dot": "has no task; there is nothing to simulate",
    "empty-name.dot": "line 1: id '' has 0 characters; 1 to 4,096",
    "empty.dot": "line 1: the end of the file stands where 'digraph' should",
    "empty.graphml": "line 1: is no XML: no element found",
    "empty.json": "its content is not that of tilesim graph or WfFormat",
    "empty.stg": "line 1: has 0 numbers; the first line has the number of tasks",
    "encoding.graphml": "is in no known encoding: unknown encoding: utf-99",
    "entity-bomb.graphml": "line 1: has a DOCTYPE, which may name other files or grow",
    "entity.graphml": "line 3: is no XML: undefined entity",
    "external.graphml": "line 1: has a DOCTYPE, which may name other files or grow without",
    "few-numbers.stg": "line 2: has no number, processing time and number of predecessors",
    "first-line.stg": "line 1: has 3 numbers; the first line has the number of tasks",
    "html.graphml": "line 1: the file's element is 'html', not graphml",
    "huge-id.stg": "line 3: task: '99999999999' is no whole number from 0 on",
    "huge-time.dot": "line 1: node 'a': time_us: '1e400' is too large",
    "hyperedge.graphml": "line 3: has a hyperedge",
    "infinite.dot": "line 1: node 'a': time_us: 'inf' is no number",
    "infinite.graphml": "line 3: node 'a': time_us: 'INF' is no number",
    "infinite.stg": "line 3: task 1: processing time: 'inf' is no number",
    "keyword.dot": "line 1: -> leads to no node",
    "kind.dot": "line 1: node 'a': kind: unknown value 'ghost'",
    "long-id.dot.gz": "line 1: id",
    "long-id.graphml.gz": "line 3: id",
    "long-number.dot.gz": "line 1: node 'a': time_us:",
    "magic.json.gz": "is not whole gzip data: Unknown compression method",
    "many.stg": "has 9 tasks, but line 1 says 1 and up to two dummies",
    "markup.dot": "line 1: the text in <> does not end",
    "nan.dot": "line 1: node 'a': time_us: 'nan' is no number",
    "nan.graphml": "line 3: node 'a': time_us: 'NaN' is no number",
    "negative-id.stg": "line 3: task: '-1' is no whole number from 0 on",
    "negative.dot": "line 1: node 'a': time_us: '-1' is below 0",
    "negative.graphml": "line 3: node 'a': time_us: '-2' is below 0",
    "negative.stg": "line 3: task 1: processing time: '-3' is below 0",
    "nested-graph.graphml": "line 3: has a second graph or a graph within a node; only one",
    "nested.graphml.gz": "line 2: more than 100 elements within each other",
    "nested.json.gz": "its content is not that of tilesim graph or WfFormat",
    "no-brace.dot": "line 1: 'a' stands where '{' should",
    "no-graph.graphml": "has no task; there is nothing to simulate",
    "no-id.graphml": "line 3: node: id is missing",
    "no-key.graphml": "line 3: data: key is missing",
    "no-source.graphml": "line 3: edge: source is missing",
    "no-time.dot": "line 1: node 'a': time_us: is missing; write the kernel time, or say",
    "no-time.graphml": "line 3: node 'a': time_us: is missing; write the kernel time, or",
    "no-utf8.dot": "byte 11 is no UTF-8 (invalid start byte); save the file as UTF-8",
    "no-utf8.json": "is no JSON: 'utf-8' codec can't decode byte 0xff in position 0:",
    "no-work.stg": "has no task; there is nothing to simulate",
    "only-allocs.dot": "has no task; there is nothing to simulate",
    "open-edge-2.dot": "line 1: -> leads to no node",
    "open-edge.dot": "line 1: -> leads to no node",
    "other.json": "its content is not that of tilesim graph or WfFormat",
    "own-alloc-time.json": "submits.duration_us[0]: is 1 us; 0 or more, and 0 for allocs",
    "own-core.json": "kernels[0].core: unknown name 'gpu'",
    "own-cycle.json": "edges.producer[0]: submit 1 waits for submit 3, which is not before",
    "own-dangling.json": "edges.producer[0]: is 9; 0 to 3",
    "own-direction.json": "kernels[0].parameters[0].direction: unknown name 'sideways'",
    "own-dtype.json": "tensors.buffers[0].dtype: unknown name 'FP33'; did you mean FP32 or",
    "own-duplicate-edge.json": "edges.producer[3]: edge 1 -> 3 is there twice",
    "own-empty.json": "Expected `array` of length >= 1; it is the field `submits.kernel`",
    "own-explicit.json": "program.explicit[0][0]: is 2; 0 to 0",
    "own-format.json": "format: is 'tilesim-graph2', not 'tilesim-graph'",
    "own-huge-number.json": "edges.producer[0]: is no number of 64 bits",
    "own-huge-shape.json": "tensors.buffers[0].shape: has a size below 1, none, or more",
    "own-huge-string.json.gz": "Expected `str` of length <= 4096; it is the field `name`",
    "own-infinite-time.json": "Number out of range; it is the field `submits.duration_us[1]`",
    "own-kernel.json": "submits.kernel[1]: is 7; -2 to 1",
    "own-launch-blocks.json": "Expected `int` >= 1; it is the field `launches[0].blocks`",
    "own-launch-twice.json": "launches[1].submit: 1 is there twice",
    "own-launch.json": "launches[0].submit: 0 is no task",
    "own-lengths.json": "submits.ring: has 1 elements; 4 are needed",
    "own-long-name.json": "Expected `str` of length <= 4096; it is the field `name`",
    "own-map-entries.json": "map_entries.writer: is not in ascending order",
    "own-missing.json": "Object missing required field `kernel`; it is the field `submits`",
    "own-nan-time.json": "is no JSON: JSON is malformed: invalid character (byte 241)",
    "own-negative-time.json": "submits.duration_us[1]: is -1 us; 0 or more, and 0 for",
    "own-nested.json.gz": "values are nested too deep in it",
    "own-no-task.json": "submits.kernel: has no task; there is nothing to simulate",
    "own-owner.json": "tensors.buffers[0].owner: 4 is no submit",
    "own-parameters.json": "tensors.start: submit 1 has 0 tensors; kernel 'k' has 1",
    "own-ring-negative.json": "submits.ring[1]: is -1; 0 to 127",
    "own-ring.json": "submits.ring[1]: is 128; 0 to 127",
    "own-scalars.json": "scalars.start: submit 1 has 0; its kernel has 1",
    "own-scope-ended.json": "scopes.of[2]: is a scope that ended when there were 2 submits",
    "own-scope.json": "scopes.of[2]: is 3; 0 to 0",
    "own-self-edge.json": "edges.producer[1]: submit 2 waits for submit 2, which is not",
    "own-shares-of-aiv.json": "kernels[0].core_shares: only a MIX kernel has them",
    "own-shares.json": "kernels[1].core_shares: a MIX kernel has three shares from 0 to 1,",
    "own-start-end.json": "edges.start: leads from 0 to 3, not from 0 to 4",
    "own-start.json": "edges.start[2]: is less than the one before it",
    "own-truncated.json": "is no JSON: Input data was truncated",
    "own-type.json": "Expected `int`, got `str`; it is the field `submits.ring[1]`",
    "own-unknown-field.json": "Object contains unknown field `speed`",
    "own-version.json": "version: 2 cannot be read, only 1; read it with the version of",
    "own-view-buffer.json": "tensors.views[0].buffer: 5 is none",
    "own-view-outside.json": "tensors.views[0]: [2, 4] at [3, 0] is no part of [4, 4]",
    "own-view-rank.json": "tensors.views[0]: [2] at [0] is no part of [4, 4]",
    "own-view.json": "tensors.view[0]: is 1; 0 to 0",
    "own-zero-shape.json": "tensors.buffers[0].shape: has a size below 1, none, or more",
    "plus.dot": "line 1: 'b' follows +; a text in quotes has to",
    "port.dot": "line 1: '->' is no port",
    "quote.dot": "line 1: the text does not end; its last quote is missing",
    "ring.dot": "line 1: node 'a': ring: is '-1'; a whole number from 0 on",
    "self.dot": "line 1: edge of 'a' to itself: it would never start",
    "self.graphml": "line 3: edge of 'a' to itself: it would never start",
    "self.stg": "line 3: edge of '1' to itself: it would never start",
    "shares.dot": "line 1: node 'a': core_shares: is '1 2'; three numbers from 0 to 1, one",
    "subgraphs.dot.gz": "line 1: more than 200 subgraphs within each other",
    "symbol.dot": "line 1: '@' belongs to no DOT file",
    "text.graphml": "line 1: is no XML: syntax error",
    "time.stg": "line 3: task 1: processing time: 'x' is no number",
    "truncated.dot": "line 1: the end of the file stands where ']' should",
    "truncated.graphml": "line 3: is no XML: unclosed token",
    "truncated.stg": "has 2 tasks, but line 1 says 4 and up to two dummies",
    "truth.dot": "line 1: node 'a': sync_start: unknown value 'maybe'",
    "twice.dot": "line 4: edge 'a' -> 'b' is there twice; see line 3",
    "twice.graphml": "line 3: edge 'a' -> 'b' is there twice; see line 3",
    "twice.stg": "line 3: edge '0' -> '1' is there twice; see line 3",
    "two.dot": "line 1: follows the graph; a file has one graph",
    "undirected-edge.dot": "line 1: -- is an edge without direction; write ->",
    "undirected-edge.graphml": "line 3: edge 'a' -> 'b': is not directed",
    "undirected.dot": "line 1: is an undirected graph",
    "undirected.graphml": "line 3: graph: edgedefault is not directed",
    "unknown.txt": "its content is not that of any known format",
    "value.dot": "line 1: 'time_us' has no value",
    "wf-cycle.json": "workflow.specification.tasks[0]: edges lead in a circle: 'a' -> 'b'",
    "wf-dangling.json": "workflow.specification.tasks[1]: edge 'c' -> 'b': there is no",
    "wf-disagree-child.json": "workflow.specification.tasks[0]: 'b' is among the children",
    "wf-disagree.json": "workflow.specification.tasks[1]: 'a' is among the parents of 'b',",
    "wf-duplicate.json": "workflow.specification.tasks[2]: id 'b' is there twice; see",
    "wf-executed-twice.json": "workflow.execution.tasks[2]: id 'a' is there twice",
    "wf-exponent.json": "workflow.execution.tasks, id 'b': runtimeInSeconds:",
    "wf-extension-type.json": "workflow.specification.tasks[0]: node 'a': ring: is a list;",
    "wf-extension.json": "workflow.specification.tasks[0]: node 'a': core: unknown value",
    "wf-huge-time.json": "workflow.execution.tasks, id 'b': runtimeInSeconds: '1e308' is",
    "wf-negative.json": "workflow.execution.tasks, id 'b': runtimeInSeconds: '-1' is below 0",
    "wf-nested-extension.json.gz": "values are nested too deep in it",
    "wf-no-execution.json": "workflow.execution: The workflow was not executed, so that no",
    "wf-no-task.json": "Expected `array` of length >= 1; it is the field",
    "wf-no-version.json": "schemaVersion: WfFormat None cannot be read; only 1.5 and 1.6",
    "wf-not-executed.json": "workflow.specification.tasks[1]: task 'b' is not in",
    "wf-null-time.json": "workflow.execution.tasks, id 'b': runtimeInSeconds: 'null' is no",
    "wf-self.json": "workflow.specification.tasks[0]: edge of 'a' to itself: it would",
    "wf-text-time.json": "workflow.execution.tasks, id 'b': runtimeInSeconds: '\"1\"' is no",
    "wf-truncated.json": "is no JSON: Input data was truncated",
    "wf-twice.json": "workflow.specification.tasks[1]: edge 'a' -> 'b' is there twice; see",
    "wf-type.json": "Expected `array`, got `str`; it is the field",
    "wf-version.json": "schemaVersion: WfFormat 1.4 cannot be read; only 1.5 and 1.6",
    "word.dot": "line 1: node 'a': time_us: '1 us' is no number",
    "word.graphml": "line 3: node 'a': time_us: 'soon' is no number",
    "word.stg": "line 1: number of tasks: 'two' is no whole number from 0 on",
}


def test_every_bad_file_has_an_expected_message():
    assert sorted(path.name for path in BAD.iterdir()) == sorted(EXPECTED)


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_a_bad_file_is_refused_with_place_and_reason(name):
    with pytest.raises(InputError) as caught:
        read_graph_file(BAD / name)
    message = str(caught.value)
    assert str(BAD / name) in message
    assert EXPECTED[name] in message
    assert len(message) < 1000


def test_what_unpacks_to_more_than_the_limit_is_refused(tmp_path):
    (tmp_path / "bomb.json.gz").write_bytes(gzip.compress(bytes(10**6)))
    assert len(read_content(tmp_path / "bomb.json.gz", 10**6)) == 10**6
    with pytest.raises(InputError, match="holds more than 999,999 bytes"):
        read_content(tmp_path / "bomb.json.gz", 999_999)
    (tmp_path / "plain.json").write_bytes(bytes(11))
    with pytest.raises(InputError, match="holds more than 10 bytes"):
        read_content(tmp_path / "plain.json", 10)


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_a_file_over_the_limit_of_its_format_is_refused_before_it_is_read(tmp_path, form):
    path = tmp_path / f"large{form.endings[-1]}"
    with path.open("wb") as file:
        file.truncate(max(f.most_bytes for f in FORMATS if f.endings[-1] == form.endings[-1]) + 1)
    with pytest.raises(InputError, match=r"holds more than \d+,000,000 bytes, the most that is"):
        read_graph_file(path)


def test_of_formats_that_share_an_ending_each_has_its_own_limit(tmp_path):
    own, other = (f for f in FORMATS if ".json" in f.endings)
    assert own.most_bytes < other.most_bytes
    content = b'{"format": "tilesim-graph"'.ljust(own.most_bytes + 1)
    (tmp_path / "own.json.gz").write_bytes(gzip.compress(content, compresslevel=1))
    with pytest.raises(InputError, match=f"more than {own.most_bytes:,} bytes"):
        read_graph_file(tmp_path / "own.json.gz")


@pytest.mark.parametrize("what", ["tasks", "edges"])
@pytest.mark.parametrize("name", ["example.stg", "g.dot", "g.graphml", "g.wfformat.json"])
def test_more_tasks_or_edges_than_memory_has_room_for_are_refused(
    tmp_path, monkeypatch, name, what
):
    example = read_graph_file(DATA / "graphs" / "example.stg")
    path = DATA / "graphs" / name if name == "example.stg" else tmp_path / name
    if path.parent == tmp_path:
        write_graph(example, path)
    for module in ("drafts", "dot", "graphml"):
        constant = f"workloads.formats.{module}.MOST_{'NODES' if what == 'tasks' else 'EDGES'}"
        monkeypatch.setattr(constant, 3, raising=False)
    with pytest.raises(InputError, match=f"there are more than 3 {what}; take a smaller part"):
        read_graph_file(path)


def test_what_is_no_file_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"cannot read .*missing\.json': no such file"):
        read_graph_file(tmp_path / "missing.json")
    with pytest.raises(InputError, match="it is no regular file"):
        read_graph_file(tmp_path)
    with pytest.raises(InputError, match="it is no regular file"):
        read_graph_file("/dev/zero")


@pytest.fixture(scope="module")
def samples(tmp_path_factory):
    """Valid files of every format, those that come with the tests and those that are written."""
    folder = tmp_path_factory.mktemp("samples")
    files = sorted((DATA / "graphs").iterdir())
    content = {path.name: path.read_bytes() for path in files}
    graph = read_graph_file(DATA / "graphs" / "drawn.dot")
    for ending in (".json", ".npz", ".wfformat.json", ".graphml", ".gv"):
        write_graph(graph, folder / f"written{ending}")
        content[f"written{ending}"] = (folder / f"written{ending}").read_bytes()
    assert {f.name for f in FORMATS} <= {_format(name) for name in content}
    return content


def _format(name):
    return (
        next(f.name for f in reversed(FORMATS) if name.endswith(f.endings))
        if (name != "written.json")
        else "tilesim graph"
    )


def check(path):
    """Only InputError comes out, and what is read is a task graph."""
    try:
        held = read_graph_file(path)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017 - it need not be raised
        return
    graph, count = held.graph, len(held.graph)
    assert graph.task_count > 0
    consumer = np.repeat(np.arange(count), np.diff(graph.fanin_start))
    assert (graph.fanin < consumer).all()
    assert (graph.fanin >= 0).all()
    assert len(set(zip(graph.fanin.tolist(), consumer.tolist(), strict=True))) == len(consumer)
    assert np.isfinite(held.durations_us).all()
    assert (held.durations_us >= 0).all()
    assert not held.durations_us[graph.kernel < 0].any()
    assert len(held.submits) == count == len(graph.shape) == len(graph.level)


PIECES = [b"", b"0", b"-1", b"1e999", b"NaN", b"null", b'"', b"[", b"{", b"}", b"->", b"<", b">"]
PIECES += [
    b"\xff",
    b"\x00",
    b"&x;",
    b"\n",
    b" ",
    b"99999999999999999999",
    b"true",
    b"]",
    b"a",
    b":",
]


@settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_files_with_bytes_changed_raise_nothing_else(samples, tmp_path, seed):
    choose = random.Random(seed)
    name = choose.choice(sorted(samples))
    content = samples[name]
    for _ in range(choose.choice([1, 1, 2, 5])):
        first = choose.randrange(len(content) + 1)
        last = min(len(content), first + choose.choice([0, 1, 1, 3, 30, len(content)]))
        piece = choose.choice([*PIECES, content[last : last + 40], content[first:last] * 2])
        content = content[:first] + piece + content[last:]
    if choose.random() < 0.1:
        packed = gzip.compress(content)
        content, name = packed[: choose.choice([len(packed), 20])], f"{name}.gz"
    (tmp_path / name).write_bytes(content)
    check(tmp_path / name)


VALUES = [
    None,
    True,
    -1,
    0,
    1,
    7,
    10**30,
    -2.5,
    1e308,
    "",
    "x",
    "task",
    [],
    [0],
    [[1]],
    {},
    {"a": 1},
]


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32))
def test_json_with_values_changed_raises_nothing_else(samples, tmp_path, seed):
    choose = random.Random(seed)
    name = choose.choice(sorted(n for n in samples if n.endswith(".json")))
    content = json.loads(samples[name])
    for _ in range(choose.choice([1, 1, 2])):
        change(content, choose)
    (tmp_path / name).write_text(json.dumps(content))
    check(tmp_path / name)


def change(value, choose):
    """Change something at a random place."""
    while True:
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        if not keys:
            return
        key = choose.choice(keys)
        if isinstance(value[key], (dict, list)) and value[key] and choose.random() < 0.85:
            value = value[key]
            continue
        action = choose.random()
        if action < 0.15:
            del value[key]
        elif action < 0.3 and isinstance(value, list):
            value.append(deepcopy(value[key]))
        else:
            value[key] = deepcopy(choose.choice(VALUES))
        return


def test_messages_that_name_lines_name_the_right_one(tmp_path):
    (tmp_path / "g.dot").write_text("digraph {\n a [time_us=1]\n\n b [time_us=x]\n}\n")
    with pytest.raises(InputError, match=re.escape("g.dot: line 4: node 'b': time_us: 'x'")):
        read_graph_file(tmp_path / "g.dot")
