"""Whether a run's program is right, in a few words: hazards, what does not fit, numbers."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from runtime.hazards import find_hazards
from runtime.numerics.orders import Order
from tilesim.numeric_check import Against, Tolerances, check_memory, compare_numbers
from tilesim.replay import Report, Run
from tilesim.sources import program_of

__all__ = ["Verdict", "judge"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of a run has found.

    Attributes
    ----------
    words : str
        All of it, in one line.
    problems : tuple of str
        What makes it wrong; hazards are none, as the run may have them in order.
    """

    words: str
    problems: tuple[str, ...]


def judge(run: Run, report: Report, *, with_numbers: bool = False) -> Verdict:
    """Look for hazards and overflows, and compute the numbers if that is asked for.

    Numbers are compared with golden results in the program's order, or, where those are not known,
    in the adversarial order with the program's own.

    Raises
    ------
    InputError
        Numbers are asked for, and an operation has none, or memory is too small.
    """
    report(f"{run.workload.name}: looking for unordered pairs of tasks")
    hazards = find_hazards(run.case.submits, run.graph, run.setup.dependencies)
    kinds: Counter[str] = Counter()
    for hazard in hazards.found:
        kinds[hazard.kind.value] += hazard.count
    words = [f"{count} {kind} hazards" for kind, count in kinds.items()] or ["no hazards"]
    problems = list(run.overflows)
    words += run.overflows or ["fits on chip"]
    if with_numbers:
        said, wrong = _numbers(run, report)
        words.append(said)
        problems += [said] if wrong else []
    return Verdict(", ".join(words), tuple(problems))


def _numbers(run: Run, report: Report) -> tuple[str, bool]:
    """What numbers say, and whether that is a problem."""
    numbers = program_of(run.workload, "compute").numbers
    check_memory(run)
    order = Order.ADVERSARIAL if numbers is None else Order.PROGRAM
    close = Tolerances(0.0, 0.0) if numbers is None else Tolerances(numbers.rtol, numbers.atol)
    compared = compare_numbers(run, order, 0, close, report)
    matched = sum(one.matched for one in compared.matches)
    total = sum(one.total for one in compared.matches)
    what = "golden results" if compared.against is Against.GOLDEN else "program order"
    if matched == total:
        return f"numbers match {what}", False
    return f"{total - matched} of {total} numbers do not match {what}", True
