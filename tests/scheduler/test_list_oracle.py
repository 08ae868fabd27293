"""Policies against classical list scheduling, at zero overhead: equal to the last digit.

What becomes ready at one moment has an order only where one thread sees it. So with one thread
durations may be sixty-fourths, which tie and add up exactly; with several threads they are reals,
which never tie, or the ranks are all different, so that the order does not matter. The oracle's
runtime policy has one thread: with more, each has a buffer of its own.
"""

import random
from dataclasses import dataclass, replace
from itertools import count
from typing import ClassVar

import numpy as np
import pytest
from list_oracle import (
    Buffered,
    ByRank,
    heft_order,
    insertion_schedule,
    list_schedule,
    longest_paths,
    peft_order,
)
from toys import make_device, make_graph, make_runtime

from runtime.estimates import Estimates
from runtime.simulation import simulate
from scheduler.policy import ListPolicy
from scheduler.registry import make_policy

DEVICES = {clusters: make_device(clusters) for clusters in (1, 2, 3, 4)}
RUNTIMES = {threads: make_runtime(threads, idle_loop_us=0.0) for threads in (1, 2, 3)}
SEEDS = range(120)


def by_arrival(_case):
    return ByRank(lambda _: 0)


def newest_first(_case):
    number = count(0, -1)
    return ByRank(lambda _: next(number))


def by_bottom_level(case):
    below = longest_paths(case.producers, case.durations)
    return ByRank(lambda task: -below[task])


def longest_first(case):
    return ByRank(lambda task: -case.durations[task])


def shortest_first(case):
    return ByRank(lambda task: case.durations[task])


def by_successors(case):
    return ByRank(lambda task: -sum(task in producers for producers in case.producers))


def by_draws(_case):
    draws = random.Random(5)
    return ByRank(lambda _: draws.random())


ORDERS = {
    "fifo": by_arrival,
    "lifo": newest_first,
    "critical-path": by_bottom_level,
    "longest-first": longest_first,
    "shortest-first": shortest_first,
    "most-successors": by_successors,
    "random[seed=5]": by_draws,
}
ONE_THREAD = {
    **ORDERS,
    "runtime": lambda _case: Buffered(),
    "work-stealing": newest_first,  # there is nobody to steal from
}


@dataclass
class Case:
    shapes: str
    producers: list
    durations: list
    clusters: int

    def simulate(self, policy, threads, **options):
        return simulate(
            make_graph(self.shapes, self.producers),
            DEVICES[self.clusters],
            RUNTIMES[threads],
            policy=policy,
            profiling=False,
            durations=self.durations,
            **options,
        )


def random_case(seed, *, ties):
    """A random graph, on 1 to 4 clusters; `ties` makes durations few sixty-fourths."""
    choose = random.Random(seed)
    tasks = choose.randint(1, 30)
    density = choose.choice([0.3, 1.0, 2.0])
    producers = []
    for number in range(tasks):
        wanted = min(number, int(choose.expovariate(1.0) * density))
        producers.append(sorted(choose.sample(range(number), wanted)))
    draw = (lambda: choose.randint(1, 12) / 64) if ties else (lambda: choose.uniform(0.1, 9.0))
    return Case(
        shapes="".join(choose.choice("cccv") for _ in range(tasks)),
        producers=producers,
        durations=[draw() for _ in range(tasks)],
        clusters=choose.randint(1, 4),
    )


def check(case, trace, ready):
    """Compare starts and ends; gives the oracle's cores."""
    shapes, producers = case.shapes, case.producers
    start, end, cores = list_schedule(shapes, producers, case.durations, case.clusters, ready)
    assert trace.start_us.tolist() == start
    assert trace.end_us.tolist() == end
    return cores


def core_number(core, clusters):
    shape, cluster, slot = core
    return cluster if shape == "c" else clusters + 2 * cluster + slot


@pytest.mark.parametrize("ties", [True, False], ids=["ties", "no ties"])
@pytest.mark.parametrize("name", ONE_THREAD)
def test_one_thread_agrees_in_starts_ends_and_cores(name, ties):
    policy = make_policy(name)
    for seed in SEEDS:
        case = random_case(seed, ties=ties)
        trace = case.simulate(policy, 1)
        cores = check(case, trace, ONE_THREAD[name](case))
        assert trace.core.tolist() == [core_number(c, case.clusters) for c in cores]


@pytest.mark.parametrize("threads", [2, 3])
@pytest.mark.parametrize("name", ORDERS)
def test_several_threads_agree_where_nothing_ties(name, threads):
    policy = make_policy(name)
    for seed in SEEDS:
        case = random_case(seed, ties=False)
        check(case, case.simulate(policy, threads), ORDERS[name](case))


@dataclass
class Given(ListPolicy):
    """Ranks that a test gives."""

    name: ClassVar[str] = "given"
    ranks: tuple = ()

    def rank(self, task):
        return self.ranks[task]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_several_threads_agree_in_spite_of_ties_where_all_ranks_differ(threads):
    for seed in SEEDS:
        case = random_case(seed, ties=True)
        ranks = list(range(len(case.shapes)))
        random.Random(seed).shuffle(ranks)
        check(case, case.simulate(Given(ranks=tuple(ranks)), threads), ByRank(ranks.__getitem__))


@pytest.mark.parametrize("name", ["critical-path", "longest-first", "shortest-first"])
def test_wrong_estimates_change_the_order_and_no_duration(name):
    policy = make_policy(name)
    for seed in SEEDS:
        case = random_case(seed, ties=False)
        noise = np.random.default_rng(seed).standard_normal(len(case.durations))
        guesses = (np.array(case.durations) * np.exp(0.5 * noise)).tolist()
        told = replace(case, durations=guesses)
        trace = case.simulate(policy, 2, estimates=Estimates(error=0.5, seed=seed))
        check(case, trace, ORDERS[name](told))


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize(("name", "order"), [("heft", heft_order), ("peft", peft_order)])
def test_what_is_planned_is_carried_out_at_zero_overhead(name, order, threads):
    policy = make_policy(name)
    for seed in SEEDS:
        # Sixty-fourths: what is left after a task would else be a difference that rounds.
        case = random_case(seed, ties=True)
        shapes, producers, durations = case.shapes, case.producers, case.durations
        trace = case.simulate(policy, threads)
        start, end, cores = insertion_schedule(
            shapes, producers, durations, case.clusters, order(producers, durations)
        )
        assert trace.start_us.tolist() == start
        assert trace.end_us.tolist() == end
        numbers = [core_number(c, case.clusters) for c in cores]
        assert trace.core.tolist() == trace.named_core.tolist() == numbers
