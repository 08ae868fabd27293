"""Policies against known optima, on identical cores and a runtime whose steps take no time."""

from itertools import permutations

import pytest

from benchmarks import policy_quality
from benchmarks.known_optima import cut_schedule, makespan, searched_graph, shortest_makespan
from scheduler.registry import POLICIES, make_policy

CUT = [cut_schedule(seed) for seed in range(30)]
SEARCHED = [searched_graph(seed) for seed in range(60)]
PLANNED = {"heft", "peft"}


@pytest.mark.parametrize("policy", POLICIES)
def test_nothing_beats_the_optimum_and_list_policies_keep_grahams_bound(policy):
    for case in (*CUT, *SEARCHED):
        for error in (0.0, 0.3):
            length = makespan(case, make_policy(policy), error)
            assert length >= case.optimum - 1e-9
            if policy not in PLANNED:
                assert length <= (2 - 1 / case.cores) * case.optimum + 1e-9


def test_the_longest_path_first_is_nearer_to_the_optimum_than_chance():
    def mean_distance(policy):
        return sum(policy_quality.distances([*CUT, *SEARCHED], policy, 0.0))

    assert mean_distance("critical-path") < mean_distance("random")


@pytest.mark.parametrize("seed", range(20))
def test_the_searched_optimum_is_that_of_all_orders_of_the_tasks(seed):
    """On identical cores some order, started as early as possible task by task, is optimal."""
    case = searched_graph(seed)
    count = min(len(case.durations), 6)
    producers, durations = case.producers[:count], case.durations[:count]

    def length(order):
        end, free = {}, [0.0] * case.cores
        for task in order:
            if any(producer not in end for producer in producers[task]):
                return float("inf")
            core = min(range(case.cores), key=free.__getitem__)
            ready = max((end[producer] for producer in producers[task]), default=0.0)
            end[task] = free[core] = max(ready, free[core]) + durations[task]
        return max(end.values())

    best = min(length(order) for order in permutations(range(count)))
    assert shortest_makespan(producers, durations, case.cores) == best


def test_a_cut_schedule_has_no_idle_time():
    for case in CUT:
        assert sum(case.durations) == pytest.approx(case.cores * case.optimum)


def test_the_table_has_a_line_for_every_policy(capsys, monkeypatch):
    monkeypatch.setattr("sys.argv", ["policy_quality", "3"])
    policy_quality.main()
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[-len(POLICIES) :]] == list(POLICIES)
