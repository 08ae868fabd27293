"""Exact makespans of toy graphs on a runtime whose steps take no time, and what policies may do."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toys import make_device, make_graph, make_runtime

from devices.description import with_values
from devices.errors import InputError
from runtime.estimates import Estimates
from runtime.simulation import simulate
from runtime.version import load_runtime
from scheduler.policy import ListPolicy
from scheduler.registry import POLICIES, make_policy


def run(
    policy,
    cores,
    durations,
    producers=None,
    clusters=1,
    threads=1,
    estimates=None,
    **costs,
):
    return simulate(
        make_graph(cores, producers),
        make_device(clusters),
        make_runtime(threads, **{"idle_loop_us": 0.0, **costs}),
        policy=make_policy(policy) if isinstance(policy, str) else policy,
        profiling=False,
        durations=durations,
        estimates=estimates,
    )


def order(trace):
    """Tasks by start."""
    return np.argsort(trace.start_us, kind="stable").tolist()


# Independent tasks of 2, 2, 2, 3, 3 on two cores: 3+3 | 2+2+2 is the optimum, 6.
PACKING = [2.0, 2.0, 2.0, 3.0, 3.0]


@pytest.mark.parametrize(
    ("policy", "makespan"),
    [
        ("fifo", 7.0),  # 2+2+3 | 2+3
        ("lifo", 7.0),  # 3+2+2 | 3+2
        ("longest-first", 7.0),  # 3+2+2 | 3+2
        ("shortest-first", 7.0),  # 2+2+3 | 2+3
        ("critical-path", 7.0),  # as longest-first: there is no edge
        ("heft", 7.0),
        ("peft", 7.0),  # nothing is left after any task, so in program order
    ],
)
def test_packing_two_cores(policy, makespan):
    assert run(policy, "ccccc", PACKING, clusters=2).wall_clock_us == makespan


# Task 0 and 1 are short and ready first, but 2 heads a chain of 1 + 6.
CHAIN = ("cccc", [2.0, 2.0, 1.0, 6.0], [[], [], [], [2]])


@pytest.mark.parametrize(
    ("policy", "makespan"),
    [
        ("fifo", 9.0),  # 0 | 1, then 2, then 3
        ("lifo", 7.0),  # 2, 3 | 1, 0
        ("critical-path", 7.0),
        ("longest-first", 9.0),
        ("shortest-first", 8.0),  # 2 | 0, then 1 before 3
        ("most-successors", 8.0),  # likewise: 3 has no consumer
        ("heft", 7.0),
        ("peft", 8.0),  # likewise: nothing is left after 3
    ],
)
def test_a_chain_that_should_begin_first(policy, makespan):
    cores, durations, producers = CHAIN
    assert run(policy, cores, durations, producers, clusters=2).wall_clock_us == makespan


# 1 has two consumers but the longer path begins with 0.
FORK = ("ccccc", [1.0, 1.0, 4.0, 1.0, 1.0], [[], [], [0], [1], [1]])


@pytest.mark.parametrize(
    ("policy", "first"), [("most-successors", 1), ("critical-path", 0), ("heft", 0), ("peft", 0)]
)
def test_what_counts_consumers_and_what_counts_time(policy, first):
    cores, durations, producers = FORK
    assert order(run(policy, cores, durations, producers))[0] == first


def test_heft_puts_a_short_task_into_a_gap():
    # 0 (4) then 2 (6) on its core; 1 (3) on the other; 3 (1) follows 1 and fits before ... 4.
    producers = [[], [], [0], [0, 1], []]
    trace = run("heft", "ccccc", [4.0, 3.0, 6.0, 5.0, 1.0], producers, clusters=2)
    # 2 and 3 both begin at 4; the second core idles from 3 to 4, and 4 goes there.
    assert trace.start_us.tolist() == [0.0, 0.0, 4.0, 4.0, 3.0]
    assert trace.wall_clock_us == 10.0


def test_heft_keeps_to_its_plan_though_another_task_is_ready_first():
    # 0 is planned before 2 on core 0; the estimates are right, so the run is the plan.
    trace = run("heft", "ccc", [2.0, 2.0, 5.0], [[], [0], [1]], clusters=1)
    assert trace.start_us.tolist() == [0.0, 2.0, 4.0]


def test_peft_looks_at_what_is_left_after_a_task_and_heft_at_the_task_as_well():
    # 0 takes 5 and has nothing after it; 1 takes 1 and has 3 after it.
    producers = [[], [], [1]]
    assert order(run("heft", "ccc", [5.0, 1.0, 3.0], producers)) == [0, 1, 2]
    assert order(run("peft", "ccc", [5.0, 1.0, 3.0], producers))[0] == 1


def test_locality_runs_a_consumer_on_the_core_of_its_producer():
    producers = [[], [], [], [2], [0]]
    trace = run("locality", "ccccc", [1.0, 1.0, 1.0, 1.0, 1.0], producers, clusters=3)
    assert trace.core[3] == trace.core[2]
    assert trace.core[4] == trace.core[0]


def test_locality_stays_in_the_cluster_when_the_core_type_changes():
    trace = run("locality", "ccv", [1.0, 2.0, 1.0], [[], [], [1]], clusters=2)
    assert trace.core[1] == 1
    assert trace.core[2] in (4, 5)  # the vector cores of cluster 1


def test_locality_goes_elsewhere_when_the_core_is_busy():
    # Both consumers come from core 0; one gets it, the other does not wait.
    trace = run("locality", "ccc", [1.0, 3.0, 3.0], [[], [0], [0]], clusters=2)
    assert sorted(trace.core[1:].tolist()) == [0, 1]
    assert trace.wall_clock_us == 4.0


def test_work_stealing_runs_its_own_newest_first_and_steals_the_oldest():
    # One thread per cluster. 0 releases 1, 2, 3 on thread 0; the other thread steals.
    durations = [1.0, 1.0, 1.0, 1.0]
    trace = run("work-stealing", "cccc", durations, [[], [0], [0], [0]], clusters=2, threads=2)
    own = trace.thread[0]
    # Consumers become ready newest first: 3, 2, 1; so 1 is the newest of the queue, 3 the oldest.
    assert trace.thread[1] == own
    assert trace.thread[3] != own


def test_random_draws_depend_on_the_seed_alone():
    def starts(policy):
        return run(policy, "c" * 20, [1.0] * 20).start_us.tolist()

    assert starts("random[seed=3]") == starts("random[seed=3]")
    assert starts("random[seed=3]") != starts("random[seed=4]")


@dataclass
class Pinned(ListPolicy):
    """Everything on one core; ranks as given."""

    target: int = 0
    backwards: bool = False

    def core(self, task):
        return self.target if task >= 0 else -1

    def rank(self, task):
        return -task if self.backwards else task


def test_a_task_for_another_threads_core_waits_in_that_threads_queue():
    # Three clusters of three threads; every task is for core 2, which thread 2 owns.
    trace = run(Pinned(target=2), "ccc", [2.0, 2.0, 2.0], clusters=3, threads=3)
    assert trace.core.tolist() == [2, 2, 2]
    assert trace.thread.tolist() == [2, 2, 2]
    assert trace.named_core.tolist() == [2, 2, 2]
    assert trace.wall_clock_us == 6.0


def test_tasks_that_wait_for_one_core_run_in_the_order_of_their_rank():
    assert order(run(Pinned(), "cccc", [1.0] * 4)) == [0, 1, 2, 3]
    assert order(run(Pinned(backwards=True), "cccc", [1.0] * 4)) == [3, 2, 1, 0]


def test_a_core_that_cannot_run_the_task_is_refused():
    with pytest.raises(InputError, match=r"names core 1 for task 0 \(cube\), which runs on AIC"):
        run(Pinned(target=1), "c", [1.0])


def test_a_declared_cost_is_spent_before_every_dispatch():
    free = run("fifo", "ccc", [1.0, 1.0, 1.0], dispatch_us=0.5)
    costly = run("fifo[decision_us=0.25]", "ccc", [1.0, 1.0, 1.0], dispatch_us=0.5)
    assert free.dispatch_us.tolist() == [0.5, 2.0, 3.5]
    assert costly.dispatch_us.tolist() == [0.75, 2.5, 4.25]
    assert costly.decision_us == 0.25


def test_the_users_priority_comes_before_the_rank():
    # One cluster: vector tasks first change nothing for the cube core, so give two cube kernels.
    graph_first = run("fifo", "cvc", [1.0, 1.0, 1.0])
    assert order(graph_first) == [0, 1, 2]
    with pytest.raises(InputError, match=r"unknown kernel of toy 'cub'; did you mean cube"):
        run("fifo", "cc", [1.0, 1.0], estimates=Estimates(priorities={"cub": 1}))


def test_estimates_may_be_wrong_and_kernel_times_are_not():
    durations = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]
    right = run("longest-first", "c" * 6, durations)
    wrong = run("longest-first", "c" * 6, durations, estimates=Estimates(error=3.0, seed=1))
    again = run("longest-first", "c" * 6, durations, estimates=Estimates(error=3.0, seed=1))
    assert order(right) == [5, 4, 3, 2, 1, 0]
    assert order(wrong) != order(right)
    assert wrong.exec_us.tolist() == right.exec_us.tolist()
    assert wrong.equals(again)


@pytest.mark.parametrize("error", [-0.1, float("inf"), float("nan")])
def test_an_error_that_is_none_is_refused(error):
    with pytest.raises(InputError, match="estimate error"):
        Estimates(error=error)


@settings(max_examples=120, deadline=None)
@given(
    policy=st.sampled_from(sorted(POLICIES)),
    cores=st.text("ccv", min_size=1, max_size=40),
    seed=st.integers(0, 2**16),
    clusters=st.integers(1, 5),
    threads=st.integers(1, 4),
    error=st.sampled_from([0.0, 0.5]),
)
def test_every_policy_keeps_the_rules_of_a_trace(policy, cores, seed, clusters, threads, error):
    random = np.random.default_rng(seed)
    producers = [
        sorted(random.choice(t, size=min(t, int(random.integers(0, 4))), replace=False).tolist())
        for t in range(len(cores))
    ]
    durations = random.uniform(0.0, 8.0, len(cores)).tolist()
    graph, chosen = make_graph(cores, producers), make_policy(policy)
    runtime = with_values(load_runtime("tmr-2026-04"), {"scheduler_threads": threads})
    device = make_device(clusters)

    def once():
        return simulate(
            graph,
            device,
            runtime,
            policy=chosen,
            durations=durations,
            estimates=Estimates(error),
        )

    trace = once()
    for task, before in enumerate(producers):
        for producer in before:
            assert trace.dispatch_us[task] > trace.observe_us[producer]
    assert ((trace.core < trace.aic_count) == [core == "c" for core in cores]).all()
    for core in set(trace.core.tolist()):
        rows = np.flatnonzero(trace.core == core)
        rows = rows[np.argsort(trace.dispatch_us[rows])]
        assert (trace.dispatch_us[rows[1:]] > trace.observe_us[rows[:-1]]).all()
    assert trace.latency_us == pytest.approx(trace.exec_us + trace.head_us + trace.tail_us)
    assert once().equals(trace)
