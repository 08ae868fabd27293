"""Writing a task graph and reading it again: nothing is lost, and a run is the same."""

from __future__ import annotations

import errno
import gzip
import json
import os
import random
from dataclasses import replace

import networkx as nx
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from toy_kernels import Scale, Square
from toys import make_device, make_graph, make_runtime

from devices.device import load_device
from devices.dtypes import BY_NAME
from devices.errors import InputError
from devices.kernel import CoreType
from runtime.case import Case
from runtime.dependencies import find_graph
from runtime.handwritten import Orchestration, kernel_of, mix_kernel, submits_of
from runtime.hazards import find_hazards
from runtime.launch import Launch
from runtime.scopes import Scopes
from runtime.version import available_runtimes, load_runtime
from workloads.catalogue import WORKLOADS
from workloads.formats.graph_files import GRAPH_ENDINGS, read_graph_file, write_graph
from workloads.formats.held import held
from workloads.formats.networks import from_networkx, to_networkx

FP32 = BY_NAME["FP32"]
SHAPE = (16, 64)
OWN = [".json", ".npz"]
FOREIGN = [e for e in GRAPH_ENDINGS if e.removesuffix(".gz") not in OWN]


def everything():
    """A program with allocs, MIX, blocks, dummies, scopes, manual scopes, rings and tensors."""
    scale, square = kernel_of(Scale, "scale"), kernel_of(Square, "square")
    fresh = kernel_of(Scale, "fresh", fresh=["y"])
    both = mix_kernel("both", square, scale)
    o = Orchestration("everything")
    x, z = o.tensor("x", SHAPE, FP32), o.tensor("z", SHAPE, FP32)
    a, b = o.tensor("a", (16, 16), FP32), o.tensor("b", (16, 16), FP32)
    (made,) = o.alloc(("made", SHAPE, FP32))
    first = o.submit(scale, x, made)
    with o.scope():
        (y,) = o.submit(fresh, made).outputs
        wide = o.submit(scale, y, z, launch=Launch(5, sync_start=True))
        with o.scope():
            mixed = o.submit(both, a, b, y, z, launch=Launch(2, allows_early=True))
            gate = o.dummy([first, mixed])
    with o.scope(manual=True):
        o.submit(square, b, a, after=[gate, wide])
    return o.submits()


def case_of(submits, device, runtime):
    case = Case.of(submits, find_graph(submits, runtime), device, runtime)
    return replace(case, uses=None)


def same_graph(one, two):
    assert one.name == two.name
    for name in ("kernel", "ring", "fanin_start", "fanin", "chain_entries", "dropped"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name
    assert one.launches == two.launches
    assert [(k.name, k.core) for k in one.kernels] == [(k.name, k.core) for k in two.kernels]


def described(views):
    return [
        [
            (v.buffer.name, v.buffer.shape, v.buffer.dtype, v.buffer.owner, v.shape, v.offset)
            for v in r
        ]
        for r in views
    ]


def replayed(content, case):
    return Case(
        content.submits, content.graph, content.durations_us, case.device, case.runtime
    ).simulate()


@pytest.mark.parametrize("ending", OWN)
@pytest.mark.parametrize("name", ["tmr-2026-04", "tmr-2026-08"])
def test_own_files_keep_everything_of_a_program(tmp_path, name, ending):
    submits, device, runtime = everything(), load_device("a2a3"), load_runtime(name)
    case = case_of(submits, device, runtime)
    write_graph(case, tmp_path / f"g{ending}")
    content = read_graph_file(tmp_path / f"g{ending}")
    same_graph(content.graph, case.graph)
    assert content.durations_us.tolist() == case.durations_us.tolist()
    assert content.has_tensors
    assert described(content.graph.views) == described(case.graph.views)
    assert described([content.submits.arguments]) == described([submits.arguments])
    assert list(content.graph.scalars) == list(case.graph.scalars)
    for name_ in ("of", "end", "line"):
        mine, other = getattr(content.graph.scopes, name_), getattr(case.graph.scopes, name_)
        assert mine.tolist() == other.tolist()
    for name_ in ("writer", "removed_by", "buffer", "walks"):
        mine = getattr(content.graph.map_entries, name_)
        assert mine.tolist() == getattr(case.graph.map_entries, name_).tolist()
    for name_ in (
        "name",
        "kernel",
        "depth",
        "explicit",
        "manual",
        "launches",
    ):
        assert getattr(content.submits, name_) == getattr(submits, name_), name_
    for name_ in ("scope", "scope_line"):
        assert list(getattr(content.submits, name_)) == list(getattr(submits, name_)), name_
    assert [
        [(p.name, p.shape, p.dtype, p.direction) for p in k.parameters]
        for k in content.graph.kernels
    ] == [
        [(p.name, p.shape, p.dtype, p.direction) for p in k.parameters] for k in case.graph.kernels
    ]
    assert replayed(content, case).equals(case.simulate())
    # The edges can be found again from what was read.
    same_graph(find_graph(content.submits, runtime), case.graph)
    # Nobody knows what is inside the kernels, so all that they name counts as touched; these
    # kernels touch all of it.
    found, again = (find_hazards(s, case.graph).found for s in (submits, content.submits))
    assert [h.pairs.tolist() for h in again] == [h.pairs.tolist() for h in found]
    assert again


@pytest.mark.parametrize("ending", [".json.gz", ".npz"])
@pytest.mark.parametrize("workload", ["qwen3-scope3-restructured", "paged-attention"])
def test_own_files_keep_a_workload(tmp_path, workload, ending):
    sizes = {"hidden": 1024, "intermediate": 2048} if "scope3" in workload else {"batch": 4}
    found = WORKLOADS[workload]
    runtime = load_runtime("tmr-2026-04")
    submits = submits_of(found.build(**{**found.defaults, **sizes}))
    case = case_of(submits, load_device("a2a3"), runtime)
    path, again = tmp_path / f"g{ending}", tmp_path / f"again{ending}"
    write_graph(case, path)
    assert replayed(read_graph_file(path), case).equals(case.simulate())
    write_graph(read_graph_file(path), again)
    assert parts_but_notes(path) == parts_but_notes(again)


def parts_but_notes(path):
    """What a file of the project's own holds, without the notes that reading adds to."""
    if path.name.endswith(".npz"):
        with np.load(path) as arrays:
            columns = {name: arrays[name].tolist() for name in arrays}
        content = {**columns, "header": json.loads(bytes(columns["header"]))}
        del content["header"]["notes"]
    else:
        content = json.loads(gzip.decompress(path.read_bytes()))
        del content["notes"]
    return content


def test_a_case_that_shares_memory_is_written_with_a_note(tmp_path):
    runtime = load_runtime("tmr-2026-04")
    submits = small()
    case = Case.of(submits, find_graph(submits, runtime), load_device("a2a3"), runtime)
    write_graph(case, tmp_path / "g.json")
    assert any("alone on the device" in n for n in read_graph_file(tmp_path / "g.json").notes)
    trace = case.simulate()
    write_graph(case.as_run(trace), tmp_path / "run.json")
    content = read_graph_file(tmp_path / "run.json")
    assert content.durations_us[trace.task].tolist() == trace.exec_us.tolist()
    assert not any("alone on the device" in n for n in content.notes)


def small():
    o = Orchestration("small")
    scale = kernel_of(Scale, "scale")
    x, y = o.tensor("x", SHAPE, FP32), o.tensor("y", SHAPE, FP32)
    o.submit(scale, x, y)
    o.submit(scale, y, x)
    return o.submits()


@pytest.mark.parametrize("ending", OWN)
def test_scalars_may_be_real(tmp_path, ending):
    submits = submits_of(WORKLOADS["scores"].program())
    graph = find_graph(submits, load_runtime("tmr-2026-04"))
    rows = [tuple(scalar + 0.5 for scalar in row) for row in graph.scalars]
    assert any(rows)
    path = tmp_path / f"g{ending}"
    write_graph(replace(graph, scalars=rows), path, [1.0] * len(graph))
    assert list(read_graph_file(path).graph.scalars) == rows


def test_scalars_of_which_json_has_none_are_refused(tmp_path):
    submits = submits_of(WORKLOADS["scores"].program())
    graph = find_graph(submits, load_runtime("tmr-2026-04"))
    rows = [tuple(float("inf") for _ in row) for row in graph.scalars]
    with pytest.raises(InputError, match=r"submit 0 has the scalars \[inf\].*write \.npz"):
        write_graph(replace(graph, scalars=rows), tmp_path / "g.json", [1.0] * len(graph))
    assert list(tmp_path.iterdir()) == []


def random_case(seed):
    """A graph with every kind of submit, and times with many digits."""
    choose = random.Random(seed)
    count = choose.randint(1, 40)
    cores = "c" + "".join(choose.choice("ccvvmhad") for _ in range(count - 1))
    producers = [
        choose.sample(range(n), 0 if cores[n] == "a" else min(n, choose.choice([0, 1, 2, 5])))
        for n in range(count)
    ]
    launches = {
        n: Launch(choose.randint(1, 3), choose.random() < 0.5, choose.random() < 0.5)
        for n in range(count)
        if cores[n] in "cvmh" and choose.random() < 0.3
    }
    launches = {n: launch for n, launch in launches.items() if launch != Launch()}
    nbytes = [choose.choice([0, 64, 5000]) if core == "a" else 0 for core in cores]
    ends = sorted(choose.randint(n + 1, count) for n in range(count))
    graph = make_graph(cores, producers, ends, nbytes, launches)
    rings = np.array([choose.randint(0, 3) for _ in cores], dtype=np.int8)
    graph = replace(graph, ring=rings)
    times = [0.0 if c in "ad" else choose.choice([0.0, choose.uniform(0, 9)]) for c in cores]
    return graph, times


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**32), ending=st.sampled_from([*OWN, *FOREIGN]))
def test_graphs_and_times_come_back(tmp_path, seed, ending):
    graph, times = random_case(seed)
    write_graph(graph, tmp_path / f"g{ending}", times)
    content = read_graph_file(tmp_path / f"g{ending}")
    assert content.durations_us.tolist() == times
    if ending in OWN:
        same_graph(content.graph, graph)
    else:
        foreign_same(content.graph, graph)
    device, runtime = make_device(4), make_runtime(2, submit_us=0.5)
    runtime = load_runtime("tmr-2026-08") if seed % 2 else runtime
    if ending in OWN:
        original = held(graph, times)
        one = Case(original.submits, graph, original.durations_us, device, runtime)
        assert outcome(one) == outcome(replace(one, submits=content.submits, graph=content.graph))


def outcome(case):
    """A run in comparable form, or why there is none."""
    try:
        trace = case.simulate()
    except InputError as error:
        return str(error)
    return [column.tolist() for column in trace.columns().values()]


def foreign_same(mine, graph):
    """The same tasks and edges; kernels are numbered by first use."""
    names = [*(f"{k.name} {k.core}" for k in graph.kernels), "dummy", "alloc"]
    own = [*(f"{k.name} {k.core}" for k in mine.kernels), "dummy", "alloc"]
    assert [own[k] for k in mine.kernel] == [names[k] for k in graph.kernel]
    for column in ("ring", "fanin_start", "fanin"):
        assert getattr(mine, column).tolist() == getattr(graph, column).tolist()
    assert mine.launches == graph.launches


def test_the_time_of_a_mix_task_divides_between_its_cores_as_before(tmp_path):
    device, runtime = load_device("a2a3"), load_runtime("tmr-2026-08")
    case = case_of(everything(), device, runtime)
    trace = case.simulate()
    for ending in (*OWN, *FOREIGN):
        write_graph(case, tmp_path / f"g{ending}")
        content = read_graph_file(tmp_path / f"g{ending}")
        mix = [k for k in content.graph.kernels if k.core is CoreType.MIX]
        run = replayed(content, case)
        assert len(mix) == 1
        rows = trace.kernel == 3
        assert sorted(
            run.exec_us[content.graph.kernel[run.task] == trace.kernel[rows][0]]
        ) == sorted(trace.exec_us[rows])


def test_other_tools_read_what_is_written(tmp_path):
    graph, times = random_case(5)
    write_graph(graph, tmp_path / "g.graphml", times)
    network = nx.read_graphml(tmp_path / "g.graphml", node_type=int)
    assert [network.nodes[n].get("time_us", 0.0) for n in sorted(network)] == times
    expected = {(int(p), c) for c in range(len(graph)) for p in graph.producers(c)}
    assert set(network.edges) == expected
    write_graph(graph, tmp_path / "g.wfformat.json", times)
    workflow = json.loads((tmp_path / "g.wfformat.json").read_text())["workflow"]
    tasks = workflow["specification"]["tasks"]
    assert {(p, t["id"]) for t in tasks for p in t["parents"]} == {
        (t["id"], c) for t in tasks for c in t["children"]
    }
    assert len(expected) == sum(len(t["parents"]) for t in tasks)


def test_a_workflow_has_what_the_schema_demands(tmp_path):
    """The required fields and patterns of wfcommons-schema.json 1.5."""
    graph, times = random_case(9)
    write_graph(graph, tmp_path / "g.wfformat.json", times)
    instance = json.loads((tmp_path / "g.wfformat.json").read_text())
    assert instance["name"]
    assert instance["schemaVersion"] == "1.5"
    execution = instance["workflow"]["execution"]
    assert execution["executedAt"]
    assert isinstance(execution["makespanInSeconds"], (int, float))
    specified = instance["workflow"]["specification"]["tasks"]
    letters = set("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ-_.")
    assert {len(t["name"]) > 0 for t in specified} == {True}
    assert set("".join(t["id"] for t in specified)) <= letters
    assert [t["id"] for t in specified] == [t["id"] for t in execution["tasks"]]
    assert len({t["id"] for t in specified}) == len(graph)
    assert all(isinstance(t["runtimeInSeconds"], (int, float)) for t in execution["tasks"])


@pytest.mark.parametrize("ending", GRAPH_ENDINGS)
def test_the_same_graph_gives_the_same_bytes(tmp_path, ending):
    graph, times = random_case(3)
    for name in ("a", "b"):
        write_graph(graph, tmp_path / f"{name}{ending}", times)
    assert (tmp_path / f"a{ending}").read_bytes() == (tmp_path / f"b{ending}").read_bytes()


@pytest.mark.parametrize("ending", [*OWN, ".dot", ".graphml", ".wfformat.json"])
@pytest.mark.parametrize(
    "name", ['a "quoted" <b> & \\', "line\nbreak", "\N{GREEK SMALL LETTER MU}\\"]
)
def test_names_of_any_kind_come_back(tmp_path, ending, name):
    graph, times = random_case(2)
    kernels = [replace(k, name=name) for k in graph.kernels]
    write_graph(replace(graph, kernels=kernels), tmp_path / f"g{ending}", times)
    names = {k.name for k in read_graph_file(tmp_path / f"g{ending}").graph.kernels}
    # A text of DOT cannot end with a backslash, and a space follows it.
    assert names == {f"{name} " if ending == ".dot" and name.endswith("\\") else name}


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(name=st.text(min_size=1, max_size=12), ending=st.sampled_from([*OWN, *FOREIGN]))
def test_any_name_makes_a_file_that_can_be_read(tmp_path, name, ending):
    graph, times = random_case(2)
    kernels = [replace(k, name=name) for k in graph.kernels]
    write_graph(replace(graph, name=name, kernels=kernels), tmp_path / f"g{ending}", times)
    names = {k.name for k in read_graph_file(tmp_path / f"g{ending}").graph.kernels}
    assert len(names) == 1
    if name.isprintable() and not name.endswith((" ", "\\")) and name[0] != " ":
        assert names == {name}


def test_keys_may_be_in_any_order(tmp_path):
    graph, times = random_case(1)
    write_graph(graph, tmp_path / "g.json", times)
    content = json.loads((tmp_path / "g.json").read_text())
    text = " " * 100_000 + json.dumps(content, sort_keys=True, indent=1)
    (tmp_path / "sorted.json").write_text(text)
    same_graph(read_graph_file(tmp_path / "sorted.json").graph, graph)


def test_a_changed_graph_is_written_with_its_own_edges(tmp_path):
    runtime = load_runtime("tmr-2026-04")
    case = case_of(small(), load_device("a2a3"), runtime)
    assert case.graph.edge_count == 1
    none = replace(
        case.graph, fanin_start=np.zeros(3, dtype=np.int64), fanin=np.array([], dtype=np.int32)
    )
    write_graph(replace(case, graph=none), tmp_path / "g.json")
    assert read_graph_file(tmp_path / "g.json").graph.edge_count == 0


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_networkx_keeps_graphs_and_times(seed):
    graph, times = random_case(seed)
    network = to_networkx(graph, times)
    assert nx.is_directed_acyclic_graph(network)
    content = from_networkx(network)
    foreign_same(content.graph, graph)
    assert content.durations_us.tolist() == times
    assert content.name == graph.name


def test_networkx_may_have_any_nodes_and_numbers_of_numpy():
    network = nx.DiGraph()
    network.add_node(("b", 1), time_us=np.float64(2.5), blocks=np.int64(2), sync_start=np.True_)
    network.add_node("a", time_us=1, kernel="load", core="aic")
    network.add_edge("a", ("b", 1))
    content = from_networkx(network)
    assert content.durations_us.tolist() == [1.0, 2.5]
    assert content.graph.producers(1).tolist() == [0]
    assert content.graph.launches == {1: Launch(2, sync_start=True)}


def test_a_network_that_is_no_task_graph_is_refused():
    with pytest.raises(InputError, match="undirected"):
        from_networkx(nx.path_graph(3))
    untimed = nx.DiGraph([(0, 1)])
    untimed.nodes[0]["time_us"] = 1.0
    with pytest.raises(InputError, match="node 1: node '1': time_us: is missing"):
        from_networkx(untimed)
    loop = nx.DiGraph([("a", "b"), ("b", "a")])
    nx.set_node_attributes(loop, 1.0, "time_us")
    with pytest.raises(InputError, match="in a circle"):
        from_networkx(loop)


def test_a_graph_without_times_has_none_in_networkx():
    graph, _ = random_case(4)
    assert not nx.get_node_attributes(to_networkx(graph), "time_us")


def test_what_cannot_be_written_is_refused(tmp_path):
    graph, times = random_case(4)
    with pytest.raises(InputError, match=r"\.json, .*\.graphml"):
        write_graph(graph, tmp_path / "g.stg", times)
    with pytest.raises(InputError, match="no kernel times"):
        write_graph(graph, tmp_path / "g.json")
    with pytest.raises(InputError, match="is nan us"):
        write_graph(graph, tmp_path / "g.json", [float("nan")] * len(graph))
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_of_a_file_for_which_there_is_no_room(tmp_path, monkeypatch):
    def full(stream, **_):
        stream.write(b"begun")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(np, "savez", full)
    graph, times = random_case(1)
    path = tmp_path / "g.npz"
    path.write_bytes(b"older")
    with pytest.raises(InputError, match="no space left"):
        write_graph(graph, path, times)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_every_runtime_is_read_back_alike(tmp_path):
    graph, times = random_case(11)
    graph = replace(
        graph, scopes=Scopes(graph.scopes.of, graph.scopes.end, graph.scopes.line), launches={}
    )
    write_graph(graph, tmp_path / "g.json", times)
    content = read_graph_file(tmp_path / "g.json")
    for name in available_runtimes():
        one = Case(content.submits, graph, content.durations_us, make_device(3), load_runtime(name))
        assert outcome(one) == outcome(replace(one, graph=content.graph))
