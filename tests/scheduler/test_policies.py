"""What each policy decides, in cases that can be followed by hand.

Where nothing else is said all costs are 0, so that a run is as long as its schedule: at every
moment first all ends, then ready tasks to idle cores.
"""

from dataclasses import dataclass, field, replace
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import make_device, make_graph, make_runtime

from devices.description import with_values
from devices.dtypes import BY_NAME
from devices.errors import InputError
from devices.kernel import Box, CoreType, Direction, Kernel, Parameter, TileOp
from runtime.estimates import Estimates
from runtime.simulation import simulate
from runtime.version import load_runtime
from scheduler.board import ANY_CORE
from scheduler.policies import Fifo, LongestFirst
from scheduler.policy import ListPolicy
from scheduler.registry import POLICIES, make_policy

DEVICES = {clusters: make_device(clusters) for clusters in (1, 2, 3, 4)}
REAL = load_runtime("tmr-2026-04")


def run(policy, graph, durations, *, clusters=1, threads=1, estimates=None, **costs):
    """Run a graph; a policy may be given by its name."""
    return simulate(
        graph,
        DEVICES[clusters],
        make_runtime(threads, **{"idle_loop_us": 0.0, **costs}),
        policy=make_policy(policy) if isinstance(policy, str) else policy,
        profiling=False,
        durations=durations,
        estimates=estimates,
    )


def cubes(count, edges=()):
    """Graph of cube tasks with edges (producer, consumer)."""
    return make_graph("c" * count, [[p for p, c in edges if c == task] for task in range(count)])


def order_of(trace):
    """Tasks in the order of their starts."""
    return trace.task[np.argsort(trace.start_us, kind="stable")].tolist()


# Which task is next


@pytest.mark.parametrize(
    ("policy", "makespan_us"),
    [
        ("runtime", 6.0),  # in program order: 3 3 on one core, 2 2 2 on the other
        ("fifo", 6.0),
        ("lifo", 7.0),  # 2 2 | 3 on one core, 3 2 on the other: the first 3 begins at 4
        ("work-stealing", 7.0),
        ("longest-first", 7.0),  # 3 3, then 2 2, then 2
        ("critical-path", 7.0),
        ("heft", 7.0),
        ("shortest-first", 7.0),  # 2 2, then 2 3, then 3 at 4
        ("peft", 6.0),  # nothing is left after any: in program order
    ],
)
def test_independent_tasks_of_3_2_2_3_2_on_two_cores(policy, makespan_us):
    trace = run(policy, cubes(5), [3.0, 2.0, 2.0, 3.0, 2.0], clusters=2)
    assert trace.wall_clock_us == makespan_us


@pytest.mark.parametrize(
    ("policy", "makespan_us"), [("longest-first", 2.0), ("shortest-first", 3.0)]
)
def test_shortest_first_leaves_the_long_task_for_the_end(policy, makespan_us):
    assert run(policy, cubes(3), [1.0, 1.0, 2.0], clusters=2).wall_clock_us == makespan_us


@pytest.mark.parametrize(
    ("policy", "order", "mean_end_us"),
    [("shortest-first", [1, 2, 0], (1 + 3 + 6) / 3), ("longest-first", [0, 2, 1], (3 + 5 + 6) / 3)],
)
def test_shortest_first_is_best_for_the_mean_end(policy, order, mean_end_us):
    trace = run(policy, cubes(3), [3.0, 1.0, 2.0])
    assert order_of(trace) == order
    assert trace.end_us.mean() == mean_end_us


@pytest.mark.parametrize(
    ("policy", "makespan_us"),
    [
        ("fifo", 6.0),  # 0 and 1 until 2, then 2, and 3 from 3 to 6
        ("critical-path", 4.0),  # 2 is before 4 us of work: 2, 3 on one core, 0, 1 on the other
        ("heft", 4.0),
        ("longest-first", 6.0),
        # Once 2 is done all others are alike: they take 1 before 3, which runs from 2 to 5.
        ("most-successors", 5.0),
        ("peft", 5.0),
    ],
)
def test_critical_path_begins_what_has_the_longest_path_below(policy, makespan_us):
    trace = run(policy, cubes(4, [(2, 3)]), [2.0, 2.0, 1.0, 3.0], clusters=2)
    assert trace.wall_clock_us == makespan_us


@pytest.mark.parametrize(
    ("policy", "makespan_us"), [("most-successors", 6.0), ("critical-path", 7.0)]
)
def test_most_successors_begins_what_makes_most_ready(policy, makespan_us):
    # 12 us of work on two cores. Task 2 has five consumers but only 2 us below it; if 0 and 1
    # (3 us each) come first, it runs alone from 3 to 4, and five tasks of 1 us take 3 us more.
    graph = cubes(8, [(2, task) for task in range(3, 8)])
    trace = run(policy, graph, [3.0, 3.0, *[1.0] * 6], clusters=2)
    assert trace.wall_clock_us == makespan_us


@pytest.mark.parametrize(
    ("policy", "order"),
    [
        # 0 and 3 are submitted ready; 0 makes 2 and 1 ready, in this order: newest first.
        ("fifo", [0, 3, 2, 1]),
        ("lifo", [3, 0, 1, 2]),
        ("work-stealing", [3, 0, 1, 2]),
        ("runtime", [0, 1, 3, 2]),  # 1 from the local buffer, whose rest goes behind 3
    ],
)
def test_what_is_ready_first_or_last_on_one_core(policy, order):
    assert order_of(run(policy, cubes(4, [(0, 1), (0, 2)]), [1.0] * 4)) == order


def test_random_draws_again_for_another_seed_and_not_for_the_same():
    def of_seed(seed):
        return run(f"random[seed={seed}]", cubes(30), [1.0] * 30)

    assert of_seed(3).equals(of_seed(3))
    assert order_of(of_seed(3)) != order_of(of_seed(4))
    assert sorted(order_of(of_seed(3))) == list(range(30))
    assert order_of(run("random", cubes(30), [1.0] * 30)) == order_of(of_seed(0))


def test_a_random_policy_object_draws_the_same_in_every_run():
    policy = make_policy("random[seed=3]")
    first, second = (run(policy, cubes(30), [1.0] * 30) for _ in range(2))
    assert first.equals(second)


# Planned in advance


def test_heft_fills_a_gap():
    # By what is below them: 0 (9), 1 (7), 2 (4), 3 (3). 0 (cube) takes 0 to 2, 1 (vector) 2 to 5,
    # 2 (cube) 5 to 9; so the cube core has a gap from 2 to 5, which 3 fits exactly.
    graph = make_graph("cvcc", [[], [0], [1], []])
    trace = run("heft", graph, [2.0, 3.0, 4.0, 3.0])
    assert trace.start_us.tolist() == [0.0, 2.0, 5.0, 2.0]
    # What does not fit waits, although the core is idle from 2 to 5.
    trace = run("heft", graph, [2.0, 3.0, 4.0, 3.5])
    assert trace.start_us.tolist() == [0.0, 2.0, 5.0, 9.0]


def test_peft_puts_what_is_followed_by_more_before_what_is_longer():
    # Upward ranks: 8, 8, 7, 5. What is left after them: 0, 0, 5, 0.
    graph, durations = cubes(4, [(2, 3)]), [8.0, 8.0, 2.0, 5.0]
    heft = run("heft", graph, durations, clusters=2)
    assert heft.start_us.tolist() == [0.0, 0.0, 8.0, 10.0]
    peft = run("peft", graph, durations, clusters=2)
    assert peft.start_us.tolist() == [0.0, 2.0, 0.0, 8.0]
    assert peft.core.tolist() == [1, 0, 0, 1]


def test_a_planned_core_waits_for_the_next_task_of_the_plan():
    # 1 and 2 wait for 0 and 5 is ready at once; on core 1 it is planned after 2.
    graph = cubes(6, [(0, 1), (0, 2), (1, 4), (2, 4)])
    trace = run("heft", graph, [1.0, 2.0, 2.0, 2.0, 4.0, 3.0], clusters=2)
    assert trace.core.tolist() == [0, 0, 1, 1, 0, 1]
    assert trace.start_us.tolist() == [0.0, 1.0, 1.0, 6.0, 3.0, 3.0]


def test_a_plan_counts_what_passes_around_kernels():
    # Paths of 1 + 1 us and of 4 us; with 4 us around each kernel, of 5 + 5 us and of 8 us.
    graph, durations = cubes(3, [(0, 1)]), [1.0, 1.0, 4.0]
    assert order_of(run("heft", graph, durations)) == [2, 0, 1]
    assert order_of(run("heft", graph, durations, core_prepare_us=4.0)) == [0, 2, 1]


# Near the data


def test_a_task_runs_on_the_core_of_its_producer():
    trace = run("locality", cubes(3, [(1, 2)]), [1.0, 2.0, 1.0], clusters=2)
    assert trace.core.tolist() == [0, 1, 1]  # at 2.0 both cores are idle
    assert trace.named_core.tolist() == [ANY_CORE, ANY_CORE, 1]
    assert run("fifo", cubes(3, [(1, 2)]), [1.0, 2.0, 1.0], clusters=2).core[2] == 0


def test_a_task_of_the_other_type_runs_in_the_cluster_of_its_producer():
    trace = run("locality", make_graph("ccv", [[], [], [1]]), [1.0, 2.0, 1.0], clusters=2)
    assert trace.core.tolist() == [0, 1, 4]  # cluster 1 has cube core 1, vector cores 4 and 5


def test_a_task_runs_elsewhere_if_the_core_of_its_producer_is_busy():
    # Consumers are told newest first: 3 gets core 1, and 2 any.
    trace = run("locality", cubes(4, [(1, 2), (1, 3)]), [1.0, 2.0, 5.0, 5.0], clusters=2)
    assert trace.core.tolist() == [0, 1, 0, 1]
    assert trace.start_us.tolist() == [0.0, 0.0, 2.0, 2.0]


def test_a_task_runs_elsewhere_if_the_cluster_of_its_producer_is_busy():
    graph = make_graph("ccvvv", [[], [], [1], [1], [1]])
    trace = run("locality", graph, [1.0, 2.0, 5.0, 5.0, 5.0], clusters=2)
    assert trace.core.tolist() == [0, 1, 2, 5, 4]
    assert trace.start_us.tolist() == [0.0, 0.0, 2.0, 2.0, 2.0]


@pytest.mark.parametrize(("stored", "core"), [((8, 4), 0), ((4, 8), 1), ((8, 8), 1)])
def test_the_producer_that_stores_most_decides_and_of_equal_ones_the_last(stored, core):
    graph = cubes(3, [(0, 2), (1, 2)])
    kernels = [storing(rows) for rows in (*stored, 1)]
    graph = replace(graph, kernels=kernels, kernel=np.arange(3, dtype=np.int32))
    assert run("locality", graph, [1.0, 1.0, 1.0], clusters=2).core[2] == core


def storing(rows):
    """A cube kernel that stores some rows."""
    dtype = BY_NAME["FP32"]
    target = Parameter("y", (64, 64), dtype, Direction.OUT_EXISTING)
    store = TileOp("tile.store", None, (), 1, Box(0, (rows, 64), (0, 0)))
    return Kernel(f"store{rows}", CoreType.AIC, (target,), (), (store,), rows)


# Stealing


def test_a_thread_runs_its_newest_task_first_and_then_steals_the_oldest():
    # The orchestrator deals in turn: 0, 2, 4 to thread 1 and 1, 3, 5 to thread 0.
    durations = [1.0, 1.0, 1.0, 1.0, 1.0, 9.0]
    trace = run("work-stealing", cubes(6), durations, clusters=2, threads=2)
    assert trace.core.tolist() == [1, 1, 1, 1, 1, 0]
    assert trace.start_us.tolist() == [2.0, 3.0, 1.0, 4.0, 0.0, 0.0]


def test_what_becomes_ready_belongs_to_the_thread_that_completed_its_producer():
    # 0 runs on thread 1, 1 on thread 0, each followed by two tasks.
    graph = cubes(6, [(0, 2), (0, 3), (1, 4), (1, 5)])
    trace = run("work-stealing", graph, [1.0] * 6, clusters=2, threads=2)
    assert trace.thread.tolist() == [1, 0, 1, 1, 0, 0]


# A policy that names cores


@dataclass
class Named(ListPolicy):
    """Runs tasks on the cores that a test names, in the order of the ranks that it gives."""

    name: ClassVar[str] = "named"
    cores: dict[int, int] = field(default_factory=dict)
    ranks: dict[int, float] = field(default_factory=dict)

    def core(self, task):
        return self.cores.get(task, ANY_CORE)

    def rank(self, task):
        return self.ranks.get(task, 0.0)


def test_a_task_for_another_threads_core_waits_in_that_threads_queue():
    # Thread 0 completes 0 at 1.0 and has an idle core; the loop of thread 1 is half a us behind.
    trace = run(
        Named(cores={0: 0, 1: 1}), cubes(2, [(0, 1)]), [1.0, 1.0], clusters=2, threads=2,
        idle_loop_us=1.0,
    )  # fmt: skip
    assert trace.ready_us[1] == 1.0
    assert trace.dispatch_us[1] == 1.5
    assert trace.thread.tolist() == trace.core.tolist() == trace.named_core.tolist() == [0, 1]


def test_a_task_waits_for_its_core_while_others_are_idle():
    trace = run(Named(cores={0: 1, 1: 1}), cubes(3), [3.0, 1.0, 1.0], clusters=4, threads=2)
    assert trace.core.tolist() == [1, 1, 0]
    assert trace.start_us.tolist() == [0.0, 3.0, 0.0]
    assert trace.named_core.tolist() == [1, 1, ANY_CORE]


def test_tasks_that_wait_for_one_core_run_by_rank_and_then_as_they_became_ready():
    policy = Named(cores=dict.fromkeys(range(5), 0), ranks={1: 2.0, 2: 1.0, 3: 1.0, 4: -1.0})
    assert order_of(run(policy, cubes(5), [1.0] * 5)) == [4, 0, 2, 3, 1]


def test_the_vector_core_that_is_named_is_the_one_that_runs():
    policy = Named(cores={0: 3, 1: 3, 2: 2})
    trace = run(policy, make_graph("vvv"), [1.0] * 3, clusters=2)
    assert trace.core.tolist() == [3, 3, 2]
    assert trace.start_us.tolist() == [0.0, 1.0, 0.0]


def test_what_has_a_core_of_its_own_comes_before_what_may_run_anywhere():
    # Both are ready at 1.0, as core 0 becomes idle.
    policy = Named(cores={2: 0}, ranks={2: 9.0})
    assert order_of(run(policy, cubes(3), [1.0] * 3)) == [2, 0, 1]
    assert order_of(run(policy, cubes(3, [(0, 2)]), [1.0] * 3)) == [0, 2, 1]


@pytest.mark.parametrize(
    ("cores", "core", "message"),
    [
        ("cv", 2, "core 2 for task 0 (cube), which runs on aic cores: 0 to 1"),
        ("vc", 1, "core 1 for task 0 (vector), which runs on aiv cores: 2 to 5"),
        ("vc", 6, "core 6 for task 0 (vector), which runs on aiv cores: 2 to 5"),
        ("cv", -2, "core -2 for task 0 (cube), which runs on aic cores: 0 to 1"),
    ],
)
def test_a_core_that_cannot_run_the_task_is_refused(cores, core, message):
    with pytest.raises(InputError) as error:
        run(Named(cores={0: core}), make_graph(cores), [1.0, 1.0], clusters=2)
    wanted = f"policy named names {message}"
    assert str(error.value).lower() == wanted.lower()


# What deciding costs


@pytest.mark.parametrize("name", POLICIES)
def test_deciding_delays_every_dispatch_by_what_is_declared(name):
    trace = run(f"{name}[decision_us=0.25]", cubes(3), [1.0] * 3, clusters=4)
    assert sorted(trace.dispatch_us) == [0.25, 0.5, 0.75]  # one thread decides one by one
    assert trace.decision_us == trace.dispatch_cost_us == 0.25
    assert trace.policy == f"{name}[decision_us=0.25]"


def test_deciding_adds_to_the_cost_of_a_dispatch():
    graph = cubes(2, [(0, 1)])
    trace = run(Fifo(decision_us=0.25), graph, [1.0] * 2, dispatch_us=0.5)
    assert trace.dispatch_us.tolist() == [0.75, 2.5]
    assert (trace.decision_us, trace.dispatch_cost_us) == (0.25, 0.75)


# What a policy is told


def two_kernels(letters):
    """Cube tasks of kernel "low" (l) and "high" (h)."""
    graph = make_graph(letters.replace("l", "c").replace("h", "v"))
    return replace(graph, kernels=[Kernel(n, CoreType.AIC, (), (), (), 1) for n in ("low", "high")])


@pytest.mark.parametrize(
    ("policy", "without", "with_priority"),
    [
        ("fifo", [0, 1, 2, 3], [1, 3, 0, 2]),
        ("lifo", [3, 2, 1, 0], [3, 1, 2, 0]),
        ("longest-first", [2, 0, 3, 1], [3, 1, 2, 0]),
        ("shortest-first", [1, 3, 0, 2], [1, 3, 0, 2]),
        ("critical-path", [2, 0, 3, 1], [3, 1, 2, 0]),
        ("most-successors", [0, 1, 2, 3], [1, 3, 0, 2]),
        ("locality", [0, 1, 2, 3], [1, 3, 0, 2]),
        ("runtime", [0, 1, 2, 3], [0, 1, 2, 3]),  # it knows no priorities
        ("work-stealing", [3, 2, 1, 0], [3, 2, 1, 0]),  # nor does this
    ],
)
def test_priorities_come_before_the_rank(policy, without, with_priority):
    graph, durations = two_kernels("lhlh"), [3.0, 1.0, 4.0, 2.0]
    assert order_of(run(policy, graph, durations)) == without
    told = Estimates(priorities={"high": 1})
    assert order_of(run(policy, graph, durations, estimates=told)) == with_priority
    told = Estimates(priorities={"low": -1})
    assert order_of(run(policy, graph, durations, estimates=told)) == with_priority


def test_priorities_order_what_waits_for_one_core_too():
    policy = Named(cores=dict.fromkeys(range(4), 0), ranks={3: -1.0})
    told = Estimates(priorities={"high": 1})
    assert order_of(run(policy, two_kernels("llhl"), [1.0] * 4, estimates=told)) == [2, 3, 0, 1]


def test_a_rank_may_be_a_tuple_with_priorities_as_well():
    @dataclass
    class Tuples(ListPolicy):
        name: ClassVar[str] = "tuples"

        def rank(self, task):
            return (task % 2, -task)

    graph = two_kernels("lhlhl")
    assert order_of(run(Tuples(), graph, [1.0] * 5)) == [4, 2, 0, 3, 1]
    told = Estimates(priorities={"high": 1})
    assert order_of(run(Tuples(), graph, [1.0] * 5, estimates=told)) == [3, 1, 4, 2, 0]


def test_a_priority_of_an_unknown_kernel_is_refused():
    with pytest.raises(InputError, match=r"unknown kernel of toy 'hihg'; did you mean high\?"):
        run("fifo", two_kernels("lh"), [1.0] * 2, estimates=Estimates(priorities={"hihg": 1}))


def test_wrong_estimates_change_what_a_policy_is_told_and_not_what_happens():
    durations = [1.0 + number / 8 for number in range(40)]
    wrong = Estimates(error=0.5, seed=7)
    policy = LongestFirst()
    trace = run(policy, cubes(40), durations, estimates=wrong)
    told = policy.tasks.estimate_us.tolist()
    assert trace.exec_us.tolist() == durations
    assert told != durations
    assert order_of(trace) == sorted(range(40), key=lambda task: -told[task])
    assert order_of(run(policy, cubes(40), durations)) == list(range(39, -1, -1))


def told_of(durations, **options):
    """What a policy is told of independent tasks."""
    policy = LongestFirst()
    run(policy, cubes(len(durations)), durations, estimates=Estimates(**options))
    return policy.tasks.estimate_us


def test_errors_are_drawn_from_the_seed():
    told = told_of([2.0] * 20, error=0.5, seed=7).tolist()
    assert told == told_of([2.0] * 20, error=0.5, seed=7).tolist()
    assert told != told_of([2.0] * 20, error=0.5, seed=8).tolist()
    assert len(set(told)) == 20  # each task has one of its own
    assert told_of([2.0] * 20, seed=7).tolist() == [2.0] * 20


def test_the_error_is_the_standard_deviation_of_the_logarithm():
    count = 4000
    logarithm = np.log(told_of([2.0] * count, error=0.3, seed=1) / 2.0)
    # Three standard errors of the mean and of the standard deviation.
    assert logarithm.mean() == pytest.approx(0.0, abs=3 * 0.3 / count**0.5)
    assert logarithm.std() == pytest.approx(0.3, abs=3 * 0.3 / (2 * count) ** 0.5)


@pytest.mark.parametrize("error", [-0.1, 10.5, float("inf"), float("nan")])
def test_an_error_that_is_no_deviation_is_refused(error):
    with pytest.raises(InputError, match=f"the estimate error is from 0 to 10, not {error}"):
        Estimates(error=error)


def test_estimates_that_cannot_be_made_are_refused():
    with pytest.raises(InputError, match="the seed of the estimates is 0 or more, not -1"):
        Estimates(seed=-1)
    with pytest.raises(InputError, match=r"the priority of cube is 2000000000; at most 1,000,"):
        Estimates(priorities={"cube": 2 * 10**9})


# Whatever the policy


@st.composite
def cases(draw):
    """A random graph, its durations, a machine of 1 to 4 clusters with real costs."""
    count = draw(st.integers(1, 25))
    letters = draw(st.lists(st.sampled_from("ccvva"), min_size=count, max_size=count))
    letters[0] = draw(st.sampled_from("cv"))  # one task at the least
    producers = [
        sorted(draw(st.sets(st.integers(0, number - 1), max_size=3))) if number else []
        for number in range(count)
    ]
    durations = draw(st.lists(st.floats(0.0, 30.0), min_size=count, max_size=count))
    return make_graph("".join(letters), producers), durations, draw(st.sampled_from([1, 2, 4]))


REAL_RUNTIMES = [with_values(REAL, {"scheduler_threads": n}) for n in (1, 2, 3, 4)]


@pytest.mark.parametrize("name", POLICIES)
@settings(max_examples=30, deadline=None)
@given(case=cases(), runtime=st.sampled_from(REAL_RUNTIMES), error=st.sampled_from([0.0, 0.5]))
def test_every_policy_keeps_to_the_rules(name, case, runtime, error):
    graph, durations, clusters = case
    policy = make_policy(name)

    def again(policy):
        return simulate(
            graph,
            DEVICES[clusters],
            runtime,
            policy=policy,
            durations=durations,
            estimates=Estimates(error=error),
        )

    trace = again(policy)
    assert again(policy).equals(trace)  # a policy object forgets its last run
    assert again(make_policy(name)).equals(trace)
    check_tasks(trace, graph, durations)
    check_edges(trace, graph)
    check_cores(trace)


def check_tasks(trace, graph, durations):
    """Every task has run, once, on a core of its type, as long as it takes."""
    is_task = np.flatnonzero(graph.kernel >= 0)
    assert trace.task.tolist() == is_task.tolist()
    assert trace.exec_us == pytest.approx(np.array(durations)[is_task], abs=1e-9)
    assert (trace.core < trace.aic_count).tolist() == graph.is_aic[is_task].tolist()
    assert np.all(trace.core >= 0)
    assert np.all(trace.core < trace.aic_count + trace.aiv_count)
    whole = trace.exec_us + trace.head_us + trace.tail_us
    assert whole == pytest.approx(trace.latency_us, abs=1e-9)
    named = trace.named_core != ANY_CORE
    assert trace.core[named].tolist() == trace.named_core[named].tolist()


def check_edges(trace, graph):
    """No task is dispatched before the ends of its producers have been seen."""
    row_of = {task: row for row, task in enumerate(trace.task.tolist())}
    for task, row in row_of.items():
        for producer in graph.producers(task).tolist():
            if producer in row_of:  # nobody waits for an alloc
                assert trace.dispatch_us[row] >= trace.observe_us[row_of[producer]]


def check_cores(trace):
    """No core gets a task before the end of the last one has been seen."""
    for core in set(trace.core.tolist()):
        rows = np.flatnonzero(trace.core == core)
        rows = rows[np.argsort(trace.start_us[rows])]
        assert np.all(trace.start_us[rows][1:] >= trace.observe_us[rows][:-1])
