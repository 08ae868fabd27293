"""How far each policy is from the optimum, where that is known.

Run with ``python -m benchmarks.policy_quality [GRAPHS]``. Cores are identical and the runtime
costs nothing, so that the figures are those of the ordering rules alone.
"""

from __future__ import annotations

import sys
from statistics import mean

from benchmarks.known_optima import KnownOptimum, cut_schedule, makespan, searched_graph
from scheduler.policies import RandomOrder
from scheduler.registry import POLICIES, make_policy

ERROR = 0.3


def distances(cases: list[KnownOptimum], policy: str, error: float) -> list[float]:
    """Makespan over optimum, less 1, for each graph, whose number seeds errors and draws."""
    found = []
    for seed, case in enumerate(cases):
        chosen = make_policy(policy)
        if isinstance(chosen, RandomOrder):
            chosen.seed = seed
        found.append(makespan(case, chosen, error, seed) / case.optimum - 1.0)
    return found


def main() -> None:
    """Measure and print the table."""
    graphs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    cut = [cut_schedule(seed) for seed in range(graphs)]
    searched = [searched_graph(seed) for seed in range(graphs)]
    print(f"distance from the optimum in %: mean and worst of {graphs} graphs each;")
    print("32 tasks cut out of a full schedule of 4 cores; 3 to 8 tasks on 2 or 3 cores,")
    print(f"optimum by exhaustive search; with estimates off by {ERROR} (mean alone)")
    print(f"{'policy':16}{'cut':>8}{'worst':>8}{'errors':>8}{'small':>10}{'worst':>8}{'errors':>8}")
    for policy in POLICIES:
        row = f"{policy:16}"
        for cases, width in ((cut, 8), (searched, 10)):
            exact = distances(cases, policy, 0.0)
            wrong = distances(cases, policy, ERROR)
            row += f"{100 * mean(exact):{width}.1f}{100 * max(exact):8.1f}{100 * mean(wrong):8.1f}"
        print(row)


if __name__ == "__main__":
    main()
