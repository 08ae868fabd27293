"""Every policy with every kind of task: on one core, on several, on none."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import make_device, make_graph, make_runtime
from trace_rules import check_cores, check_edges, check_parts

from devices.device import load_device
from devices.errors import InputError
from runtime.case import Case
from runtime.explanation import explain
from runtime.launch import Launch
from runtime.simulation import simulate
from runtime.version import load_runtime
from scheduler.board import ANY_CORE
from scheduler.policy import ListPolicy
from scheduler.queues import JointQueue, PlannedQueue
from scheduler.registry import POLICIES, make_policy
from workloads.formats.swimlane import read_swimlane

TRACES = Path(__file__).parents[1] / "data" / "traces"
PLANNED = ("heft", "peft")

KNOWING = ("tmr-2026-02", "tmr-2026-04", "tmr-2026-08", "aicpu-build-graph")
"""Runtimes that know tasks on several cores."""

ON_ONE_CORE = {
    "plain": make_graph("cvcvc", [[], [0], [1], [0], [2, 3]]),
    "allocs": make_graph("acavv", [[], [0], [], [1, 2], [1]]),
}
ON_NONE = {
    "dummy": make_graph("cvdvc", [[], [], [0, 1], [2], [2]]),
    "dummy first": make_graph("dcv", [[], [0], [0, 1]]),
    "dummy last": make_graph("cvd", [[], [0], [0, 1]]),
    "dummies in a row": make_graph("cdddv", [[], [0], [1], [2], [3]]),
}
ON_SEVERAL = {
    "mix": make_graph("cmvmv", [[], [0], [1], [0], [3]]),
    "mix only": make_graph("mmmm", [[], [], [0], [1, 2]]),
    "half mix": make_graph("vhvhc", [[], [0], [0], [1], [3]]),
    "cube blocks": make_graph("ccvc", [[], [0], [1], []], launches={1: Launch(5)}),
    "vector blocks": make_graph("cvvv", [[], [0], [1], []], launches={1: Launch(7)}),
    "mix blocks": make_graph("cmvm", [[], [0], [1], []], launches={1: Launch(3)}),
    "together": make_graph(
        "cvvmc",
        [[], [0], [1], [0], []],
        launches={1: Launch(4, sync_start=True), 3: Launch(2, sync_start=True)},
    ),
    "one block together": make_graph("vm", [[], [0]], launches={1: Launch(1, sync_start=True)}),
    "early": make_graph(
        "ccvvm", [[], [0], [0], [1, 2], [1]], launches={0: Launch(1, allows_early=True)}
    ),
    "all": make_graph(
        "acvmdhvc",
        [[], [0], [1], [1, 2], [2, 3], [4], [4, 5], [6]],
        launches={2: Launch(3), 6: Launch(2, sync_start=True)},
    ),
}
KINDS = {**ON_ONE_CORE, **ON_NONE, **ON_SEVERAL}


def run(policy, graph, durations=None, clusters=2, runtime=None):
    """Run a graph, by default with times that differ, on a runtime without costs."""
    if durations is None:
        durations = [1.0 + n % 3 if kernel >= 0 else 0.0 for n, kernel in enumerate(graph.kernel)]
    return simulate(
        graph,
        make_device(clusters),
        runtime or make_runtime(),
        policy=make_policy(policy) if isinstance(policy, str) else policy,
        profiling=False,
        durations=durations,
    )


def check(trace, graph):
    check_parts(trace, graph)
    check_cores(trace)
    check_edges(trace, graph)
    is_named = trace.named_core != ANY_CORE
    assert trace.core[is_named].tolist() == trace.named_core[is_named].tolist()


# Whatever the policy


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("runtime", KNOWING)
def test_every_policy_runs_every_kind_of_task(policy, kind, runtime):
    graph = KINDS[kind]
    trace = run(policy, graph, runtime=load_runtime(runtime))
    check(trace, graph)
    assert explain(trace).part_us.sum() == pytest.approx(trace.wall_clock_us, abs=1e-6)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", [*ON_ONE_CORE, *ON_NONE])
def test_every_policy_runs_tasks_on_one_core_or_none_where_the_host_submits(policy, kind):
    graph = KINDS[kind]
    check(run(policy, graph, runtime=load_runtime("host-build-graph")), graph)


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("kind", ON_SEVERAL)
def test_a_runtime_that_knows_no_such_tasks_is_what_is_refused(policy, kind):
    with pytest.raises(InputError, match="choose another --runtime"):
        run(policy, KINDS[kind], runtime=load_runtime("host-build-graph"))


@st.composite
def cases(draw):
    """A random graph of all kinds, its times, clusters, threads and runtime."""
    count, clusters = draw(st.integers(1, 16)), draw(st.integers(1, 4))
    letters = draw(st.sampled_from("cvmh"))
    letters += "".join(draw(st.sampled_from("ccvvmhda")) for _ in range(count - 1))
    producers = [
        sorted(draw(st.sets(st.integers(0, n - 1), max_size=3))) if n else [] for n in range(count)
    ]
    launches = {}
    for number, letter in enumerate(letters):
        if letter in "cvmh" and draw(st.booleans()):
            blocks = draw(st.sampled_from([1, 1, 2, 3, 6]))
            fits = blocks <= (2 * clusters if letter == "v" else clusters)
            launches[number] = Launch(
                blocks, sync_start=fits and draw(st.booleans()), allows_early=draw(st.booleans())
            )
    times = st.sampled_from([0.0, 0.5, 1.0, 3.0, 20.0])
    durations = [draw(times) if letter in "cvmh" else 0.0 for letter in letters]
    threads = draw(st.integers(1, 3))
    runtime = draw(
        st.one_of(
            st.just(make_runtime(threads)),
            st.builds(load_runtime, st.sampled_from(KNOWING)),
        )
    )
    return make_graph(letters, producers, launches=launches), durations, clusters, runtime


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_every_policy_keeps_the_rules_with_tasks_of_all_kinds(name, case):
    graph, durations, clusters, runtime = case
    policy = make_policy(name)
    trace = run(policy, graph, durations, clusters, runtime)
    check(trace, graph)
    assert run(policy, graph, durations, clusters, runtime).equals(trace)  # it forgets its last run


def test_no_thread_looks_before_what_it_finds_is_there():
    # Thread 1 looks after many periods of 1/1024 us from 1/3 of one on, when the producer is done.
    graph = make_graph(
        "cm" + 6 * "c" + "vdccc", [[]] * 12 + [[0, 1, 2]], launches={8: Launch(3, sync_start=True)}
    )
    durations = [0.0, 0.0, 3.0, *5 * [0.0], 1.0, *4 * [0.0]]
    trace = run(make_policy("fifo"), graph, durations, 3, make_runtime(3))
    check(trace, graph)
    assert (trace.dispatch_us >= trace.ready_us).all()


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize(
    "file",
    [
        "mixed_example-case1.json.gz",
        "spmd_multiblock_mix-Case1.json.gz",
        "head_dummy_task-DenseFanoutFanin",
        "head_spmd_multiblock_mix-Case1",
        "vector_example-Default.json",
    ],
)
def test_every_policy_replays_what_was_recorded(name, file):
    read = read_swimlane(TRACES / file)
    device, runtime = load_device("a2a3"), load_runtime("tmr-2026-08")
    case = Case(read.submits, read.graph, read.durations_us, device, runtime, make_policy(name))
    trace = case.simulate()
    assert set(trace.task.tolist()) == set(np.flatnonzero(read.graph.kernel >= 0).tolist())
    check_cores(trace)
    check_edges(trace, read.graph)


# Where and when, on a runtime without costs


def exact(policy, letters, producers, durations, clusters=2, launches=None):
    """Start of each task, and the cores that were named for it."""
    graph = make_graph(letters, producers, launches=launches)
    trace = run(policy, graph, durations, clusters, make_runtime(idle_loop_us=0.0))
    check(trace, graph)
    rows = [np.flatnonzero(trace.task == task) for task in range(len(letters))]
    starts_us = [float(trace.start_us[row].min()) for row in rows]
    return starts_us, [sorted(set(trace.named_core[row].tolist())) for row in rows]


@pytest.mark.parametrize(
    ("policy", "starts_us"),
    [
        ("heft", [0.0, 3.0, 0.0]),  # by length: the mix task is before the cube task of 2 us
        ("peft", [0.0, 0.0, 2.0]),  # nothing is left after any: in program order
    ],
)
def test_a_mix_task_is_planned_on_the_cluster_where_it_ends_first(policy, starts_us):
    assert exact(policy, "ccm", None, [9.0, 2.0, 3.0]) == (starts_us, [[0], [1], [1, 4, 5]])


def test_cores_of_a_cluster_keep_to_the_turn_of_a_mix_task():
    # By rank 0, 1, 3, 2. The vector task has no room before the mix task, from 5 to 10.
    case = "cmcv", [[], [0], [1], []], [5.0, 5.0, 5.0, 7.0]
    starts_us, named = exact("heft", *case, clusters=1)
    assert starts_us == [0.0, 5.0, 10.0, 10.0]
    assert named == [[0], [0, 1, 2], [0], [1]]
    assert exact("fifo", *case, clusters=1)[0] == [0.0, 7.0, 12.0, 0.0]


def test_a_gap_before_a_mix_task_is_used():
    case = "cmcv", [[], [0], [1], []], [5.0, 5.0, 5.0, 4.0]
    assert exact("heft", *case, clusters=1)[0] == [0.0, 5.0, 10.0, 0.0]


@pytest.mark.parametrize(("clusters", "core"), [(2, 0), (3, 2)])
@pytest.mark.parametrize("policy", PLANNED)
def test_blocks_are_planned_on_a_core_each_and_run_on_any(policy, clusters, core):
    launches = {0: Launch(blocks=2)}
    _, named = exact(policy, "cc", None, [4.0, 4.0], clusters, launches)
    assert named == [[ANY_CORE], [core]]


@pytest.mark.parametrize(("gap_us", "core"), [(6.0, 1), (5.0, 0)])
def test_blocks_that_start_together_are_planned_after_what_their_cores_do(gap_us, core):
    # By rank 0, until `gap_us` on core 0; then both blocks; 2 has room before them on core 1, or
    # follows them on the first core.
    launches, producers = {1: Launch(2, sync_start=True)}, [[], [], [], [0], [1]]
    _, named = exact("heft", "cccvv", producers, [gap_us, 9.0, 5.5, 20.0, 9.0], 2, launches)
    assert named[:3] == [[0], [ANY_CORE], [core]]


@pytest.mark.parametrize(("policy", "named"), [("locality", [1, 4, 5]), ("fifo", [ANY_CORE])])
def test_a_mix_task_runs_in_the_cluster_of_its_producer(policy, named):
    # When 1 ends on core 1, both clusters are idle.
    assert exact(policy, "ccm", [[], [], [1]], [1.0, 2.0, 1.0])[1][2] == named


def test_a_mix_task_runs_elsewhere_if_a_core_of_that_cluster_is_busy():
    case = "ccvvvm", [[], [], [], [], [], [1]], [1.0, 2.0, 3.0, 3.0, 9.0, 1.0]
    starts_us, named = exact("locality", *case)
    assert named[5] == [ANY_CORE]
    assert starts_us[5] == 3.0  # in cluster 0


# A policy that names cores


@dataclass
class Named(ListPolicy):
    """Names the cores that a test gives, in the order of its ranks; notes what it is asked."""

    name: ClassVar[str] = "named"
    cores: dict[int, int] = field(default_factory=dict)
    ranks: dict[int, float] = field(default_factory=dict)
    asked: list[int] = field(default_factory=list)

    def core(self, task):
        self.asked.append(task)
        return self.cores.get(task, ANY_CORE)

    def rank(self, task):
        return self.ranks.get(task, 0.0)


def test_mix_tasks_wait_by_rank_for_the_cluster_that_is_named_while_another_is_idle():
    policy = Named(cores={0: 1, 1: 1, 2: 1}, ranks={1: 2.0, 2: 1.0})
    starts_us, named = exact(policy, "cmm", [[], [0], [0]], [5.0, 1.0, 1.0])
    assert starts_us == [0.0, 6.0, 5.0]
    assert named == [[1], [1, 4, 5], [1, 4, 5]]


def test_a_vector_core_is_no_name_of_a_cluster():
    message = (
        r"policy named names core 2 for task 0 \(mix\), which runs on a cluster, named by its cube "
        r"core: 0 to 1"
    )
    with pytest.raises(InputError, match=message):
        run(Named(cores={0: 2}), make_graph("m"))


def test_a_policy_is_not_asked_for_dummies_and_blocks():
    policy = Named()
    run(policy, make_graph("cdvm", [[], [0], [1], [2]], launches={2: Launch(3)}))
    assert policy.asked == [0, 3]


def test_no_core_gets_a_task_early_where_a_policy_names_cores():
    graph = make_graph("cc", [[], [0]], launches={0: Launch(1, allows_early=True)})
    runtime = load_runtime("tmr-2026-08")
    early, named = (run(policy, graph, [9.0, 1.0], 2, runtime) for policy in ("fifo", "heft"))
    assert early.linked.tolist() == named.linked.tolist() == [0, 1]
    assert early.start_us[1] - early.end_us[0] < named.start_us[1] - named.end_us[0]


# The queue of a cluster


def test_a_joint_queue_gives_a_task_when_it_is_next_on_all_cores():
    one, other = PlannedQueue([1, 9, 2]), PlannedQueue([9, 3])
    joint = JointQueue([one, other])
    joint.append(9)
    other.append(3)
    assert (len(joint), len(one), len(other)) == (0, 0, 0)
    one.append(1)
    assert one.popleft() == 1
    assert (len(joint), len(one), len(other)) == (1, 0, 0)
    assert joint.popleft() == 9
    assert (len(joint), len(one), len(other)) == (0, 0, 1)
    assert other.popleft() == 3
    assert other.next_task == -1
