"""Reading task graphs of other tools: what they say, what is assumed, and what is noted."""

from __future__ import annotations

import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from devices.device import load_device
from devices.errors import InputError
from devices.kernel import CoreType
from runtime.case import Case
from runtime.graph import DUMMY
from runtime.launch import Launch
from runtime.tensormap import build_graph
from runtime.version import load_runtime
from workloads.formats.assumed import Assumed
from workloads.formats.graph_files import FORMATS, GraphFormat, read_graph_file

DATA = Path(__file__).parents[2] / "data" / "graphs"


def edges(held):
    return [held.graph.producers(n).tolist() for n in range(len(held.graph))]


def kernels(held):
    names = [*(k.name for k in held.graph.kernels), "dummy", "alloc"]
    return [names[number] for number in held.graph.kernel]


def run(held, name="tmr-2026-04"):
    device = load_device("a2a3")
    return Case(held.submits, held.graph, held.durations_us, device, load_runtime(name)).simulate()


def test_a_standard_task_graph():
    held = read_graph_file(DATA / "example.stg")
    assert (held.name, held.format) == ("example", "Standard Task Graph")
    assert held.durations_us.tolist() == [0, 20, 11, 0, 9, 3, 7, 20, 7, 5, 8, 0]
    assert edges(held)[:8] == [[], [0], [0], [0], [1], [2, 3, 4], [5], [3, 4]]
    dummies = [n for n, kernel in enumerate(held.graph.kernel) if kernel == DUMMY]
    assert dummies == [0, 11]  # task 3 takes no time but is one
    assert held.graph.task_count == 10
    assert {k.core for k in held.graph.kernels} == {CoreType.AIV}
    assert "a unit is taken for 1 us" in held.notes[0]
    assert "1 of its 1 kernels; they are taken for AIV" in held.notes[1]


def test_the_prototype_of_the_set_has_processors_and_counts_from_one():
    held = read_graph_file(DATA / "prototype.stg", Assumed(unit_us=0.5, core=CoreType.AIC))
    assert held.durations_us.tolist() == [7.0, 10.0, 2.5, 0.0]
    assert edges(held) == [[], [0], [0], [1, 2]]
    assert [k.core for k in held.graph.kernels] == [CoreType.AIC]


def test_a_workflow_in_seconds_whose_last_task_stands_before_its_parents():
    held = read_graph_file(DATA / "forkjoin-1.6.json")
    assert (held.name, held.format) == ("forkjoin", "WfFormat 1.6")
    assert kernels(held) == ["split", "matmul", "matmul", "join_4"]
    # Exactly the us that the decimal numbers mean: 3.9e-6 * 1e6 is 3.9000000000000004 in floats.
    assert held.durations_us.tolist() == [3.9, 42.0, 123.456789, 1e7]
    assert edges(held) == [[], [0], [0], [1, 2]]
    assert any("before their producers" in note for note in held.notes)


def test_a_version_behind_is_read_too(tmp_path):
    text = (DATA / "forkjoin-1.6.json").read_text().replace('"1.6"', '"1.5"')
    (tmp_path / "w.json").write_text(text)
    held = read_graph_file(tmp_path / "w.json", Assumed(cores={"mat": CoreType.AIC}))
    assert held.format == "WfFormat 1.5"
    cores = {k.name: k.core for k in held.graph.kernels}
    assert cores == {"split": CoreType.AIV, "matmul": CoreType.AIC, "join_4": CoreType.AIV}
    assert any("3 of its 3 kernels; they are taken for AIC and AIV" in n for n in held.notes)


def test_the_longest_prefix_decides_the_core():
    assumed = Assumed(cores={"mat": CoreType.AIC, "matvec": CoreType.AIV, "": CoreType.MIX})
    assert assumed.core_of("matmul") is CoreType.AIC
    assert assumed.core_of("matvec_1") is CoreType.AIV
    assert assumed.core_of("add") is CoreType.MIX
    assert Assumed(core=CoreType.AIC).core_of("add") is CoreType.AIC


def test_dot_with_most_of_what_the_language_has():
    held = read_graph_file(DATA / "drawn.dot")
    graph = held.graph
    assert held.name == "drawn graph"
    assert kernels(held) == ["vector add"] * 3 + ["mul", "dummy", "vector add"]
    assert held.durations_us.tolist() == [3.5, 2.0, 2.0, 2.0, 0.0, 0.5]
    assert edges(held) == [[], [0], [0], [0], [1, 2, 3], [1]]
    cores = [graph.kernels[k].core if k >= 0 else None for k in graph.kernel]
    assert cores[:4] == [CoreType.AIC, CoreType.AIV, CoreType.AIV, CoreType.MIX]
    assert graph.kernels[graph.kernel[3]].core_shares == (1.0, 0.5, 0.0)
    assert graph.launches == {5: Launch(4, sync_start=True)}
    assert graph.ring.tolist() == [0, 0, 0, 0, 0, 2]


def test_another_attribute_may_have_the_time(tmp_path):
    (tmp_path / "w.gv").write_text('digraph { a [weight=2, time_us=9]; b [weight="1.5"]; a -> b }')
    held = read_graph_file(tmp_path / "w.gv", Assumed(time_attribute="weight", unit_us=1000.0))
    assert held.durations_us.tolist() == [2000.0, 1500.0]


def test_a_strict_graph_has_each_edge_once(tmp_path):
    (tmp_path / "s.dot").write_text("strict digraph { node [time_us=1] a -> b -> c; a -> b }")
    assert edges(read_graph_file(tmp_path / "s.dot")) == [[], [0], [1]]


def test_the_order_of_the_file_is_kept_where_edges_allow_it(tmp_path):
    (tmp_path / "o.dot").write_text("digraph { node [time_us=1] z; b; a; y; a -> b; y -> z }")
    held = read_graph_file(tmp_path / "o.dot")
    assert edges(held) == [[], [0], [], [2]]  # a, b, y, z


def test_graphml_of_an_editor():
    held = read_graph_file(DATA / "editor.graphml")
    assert (held.name, held.format) == ("drawn", "GraphML")
    assert kernels(held) == ["load & go", "store"]
    assert held.durations_us.tolist() == [3.25, 2.5]
    assert edges(held) == [[], [0]]


def test_a_packed_file_is_read_whatever_its_name_is(tmp_path):
    content = (DATA / "drawn.dot").read_bytes()
    for name in ("g.dot.gz", "g.gv"):
        (tmp_path / name).write_bytes(gzip.compress(content))
        assert read_graph_file(tmp_path / name).name == "drawn graph"


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
def test_the_content_tells_the_format_where_the_name_does_not(tmp_path, path):
    shutil.copy(path, tmp_path / "graph")
    assert read_graph_file(tmp_path / "graph").format == read_graph_file(path).format


@pytest.mark.parametrize("path", sorted(DATA.iterdir()), ids=lambda path: path.name)
def test_what_was_read_runs(path):
    held = read_graph_file(path)
    trace = run(held, "tmr-2026-08")
    assert set(trace.task) == set((held.graph.kernel >= 0).nonzero()[0])
    assert not held.has_tensors
    assert held.trace is None
    # The orchestrator, asked to find the edges again, finds those that the file names.
    found = build_graph(held.submits, lookup_cap=None, rings=4)
    assert [found.producers(n).tolist() for n in range(len(found))] == edges(held)


def test_more_tasks_than_a_ring_has_places_run(tmp_path):
    lines = ["20000", *(f"{n} 1 {min(n, 1)} {n - 1 if n else ''}" for n in range(20_000))]
    (tmp_path / "long.stg").write_text("\n".join(lines))
    held = read_graph_file(tmp_path / "long.stg")
    assert load_runtime("tmr-2026-04").task_window < 20_000
    assert len(run(held)) == 20_000


def test_a_ring_that_the_runtime_does_not_have_is_named(tmp_path):
    (tmp_path / "r.dot").write_text("digraph { a [time_us=1 ring=4] }")
    with pytest.raises(InputError, match=r"r has submits in ring 4, .* rings 0 to 3 only"):
        run(read_graph_file(tmp_path / "r.dot"))


def test_a_format_that_is_added_is_found(tmp_path, monkeypatch):
    example = read_graph_file(DATA / "example.stg")
    other = GraphFormat(
        "other", (".json",), lambda head: b'"mine"' in head, lambda *_: replace(example, name="x")
    )
    monkeypatch.setattr("workloads.formats.graph_files.FORMATS", [*FORMATS, other])
    (tmp_path / "f.json").write_text(json.dumps({"mine": 1}))
    assert read_graph_file(tmp_path / "f.json").name == "x"


def test_a_unit_has_to_be_a_time():
    with pytest.raises(InputError, match="above 0"):
        Assumed(unit_us=0.0)
