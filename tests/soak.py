"""A thousand random workloads, each of which has to keep every rule of a trace.

Run with ``make soak``, or ``PYTHONPATH=tests python -m soak [--count N] [--first N] [--jobs N]``. A
case that breaks a rule is told with its number, and ``make soak SEED=NUMBER`` runs it alone. Exit
code 1 if there is one.
"""

import argparse
import os
import signal
import sys
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import replace

import numpy as np
from soak_cases import soak_case
from trace_rules import check_bounds, check_durations, check_trace

from devices.description import with_values
from devices.errors import InputError
from runtime.deadlock import DeadlockError
from runtime.demand import Resource
from tilesim.progress import progress

COUNT = 1000
MOST_S = 120
"""After so long a case hangs: the largest takes a few seconds."""

KNOWN_REFUSALS = ("choose another --runtime", "more than the device has")
"""What a runtime or device may refuse at once, however the case came about."""

PLANNED = ("heft", "peft")
"""Policies whose tasks may wait for such as are not submitted yet, however large a ring is."""


class HangError(Exception):
    """A case that does not end."""


@contextmanager
def time_limit(seconds):
    """Raise HangError after so many seconds."""

    def stop(*_):
        raise HangError(f"still running after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def run(seed):
    """What became of a case: run, deadlock or refused. AssertionError where a rule is broken."""
    try:
        case = soak_case(seed).case
        trace = case.simulate()
    except DeadlockError as error:
        check_deadlock(case, error)
        return "deadlock"
    except InputError as error:
        if not any(known in str(error) for known in KNOWN_REFUSALS):
            raise
        return "refused"
    check_trace(trace, case.graph)
    check_bounds(trace, case.bounds(trace))
    if case.uses is None:
        times_us = case.durations_us
        if case.noise is not None:
            times_us = times_us * case.noise.kernel_factors(len(case.graph))
        check_durations(trace, case.graph, times_us)
    again = soak_case(seed).case
    assert np.array_equal(again.graph.fanin, case.graph.fanin)
    assert again.simulate().equals(trace), "the same input gives another trace"
    return "run"


def check_deadlock(case, error):
    """A deadlock is told for what is full, and the size that it names passes it.

    Not so of the heap: what straddles its end depends on where that is.
    """
    if error.resource is Resource.HEAP or case.policy.name in PLANNED:
        return
    assert error.smallest > getattr(case.runtime, error.resource.key)
    larger = with_values(case.runtime, {error.resource.key: error.smallest})
    try:
        replace(case, runtime=larger).simulate()
    except DeadlockError as second:
        if second.resource is error.resource:
            raise AssertionError(f"{error.smallest} is not enough: {second}") from second


def outcome(seed):
    """Number of a case, what became of it, and what is wrong with it, if anything is."""
    try:
        with time_limit(MOST_S):
            return seed, run(seed), ""
    except Exception:  # whatever it is, it is what is looked for
        return seed, "failed", traceback.format_exc()


def soak(seeds, jobs):
    """Run cases by processes, and tell those that fail; gives how many ended in which way."""
    found = Counter()
    with progress() as report, ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(outcome, seed) for seed in seeds]
        for done, future in enumerate(as_completed(futures), 1):
            seed, how, wrong = future.result()
            found[how] += 1
            report(f"{done} of {len(seeds)} cases, {found['failed']} failed")
            if wrong:
                print(f"case {seed} failed; alone: make soak SEED={seed}\n{wrong}")
    return found


def alone(seed):
    """Run one case and say what it is; gives the exit code."""
    try:
        print(soak_case(seed).words)
    except InputError as error:
        print(f"refused: {error}")
    _, how, wrong = outcome(seed)
    print(f"case {seed}: {how}\n{wrong}".rstrip())
    return int(how == "failed")


def main(arguments=None):
    """Run what the command line says; gives the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=COUNT, help="how many cases")
    parser.add_argument("--first", type=int, default=0, help="number of the first one")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many processes")
    parser.add_argument("--seed", type=int, help="run the case of this number alone")
    options = parser.parse_args(arguments)
    if options.seed is not None:
        return alone(options.seed)
    found = soak(range(options.first, options.first + options.count), options.jobs)
    told = ", ".join(f"{count} {how}" for how, count in found.most_common())
    print(f"{options.count} cases: {told}")
    return int(found["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
