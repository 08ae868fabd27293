"""A comparison in Markdown: what belongs in a pull request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from tilesim.comparison import Comparison, differing_parameters
from tilesim.gate import Slower
from tilesim.replay import Run
from tilesim.verdicts import Verdict

__all__ = ["comparison_markdown"]

_HEADINGS = ("", "Tasks", "Wall-clock us", "Speed-up", "Avg latency us", "Bound by", "Check")


def comparison_markdown(
    comparison: Comparison,
    verdicts: Mapping[int, Verdict],
    slower: Sequence[Slower] = (),
    limit_percent: float | None = None,
) -> str:
    """Tables of the runs, at their own sizes and at equal ones, and the gate's verdict.

    Parameters
    ----------
    comparison : Comparison
        The runs.
    verdicts : mapping of int to Verdict
        What a check says of each run, by its ``id``.
    slower : sequence of Slower
        What the gate has found.
    limit_percent : float, optional
        What the gate allows; None if there is no gate.
    """
    sizes = differing_parameters(comparison.runs)
    first = comparison.runs[0]
    lines = ["### Simulated on " + f"{first.setup.device.name}, {first.setup.runtime.name}", ""]
    lines += _table(comparison.runs, sizes, verdicts)
    for group in comparison.like_for_like:
        shared = ", ".join(f"{name} {group[0].parameters[name]}" for name in sizes)
        lines += ["", f"At equal size ({shared}):", "", *_table(group, (), verdicts)]
    lines += ["", *_caveat(first, comparison, sizes)]
    if limit_percent is not None:
        lines += ["", *_verdict(slower, limit_percent)]
    return "\n".join(lines)


def _table(
    runs: Sequence[Run], sizes: Sequence[str], verdicts: Mapping[int, Verdict]
) -> Iterator[str]:
    yield _row(_HEADINGS)
    yield _row(["---", *["---:"] * 4, "---", "---"])
    first = runs[0]
    for run in runs:
        figures = run.statistics
        bound = run.bounds.binding
        alike = all(run.parameters.get(n) == first.parameters.get(n) for n in sizes)
        speed_up = first.statistics.wall_clock_us / figures.wall_clock_us
        yield _row(
            (
                f"`{run.describe(sizes)}`",
                f"{run.graph.task_count}",
                f"{figures.wall_clock_us:.2f}",
                f"{speed_up:.2f}x" + ("" if alike else " (other size)"),
                f"{figures.avg_latency_us:.2f}",
                f"{bound.name}, {run.bounds.ratio(bound):.0%}",
                verdicts[id(run)].words,
            )
        )


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _caveat(run: Run, comparison: Comparison, sizes: Sequence[str]) -> Iterator[str]:
    uncertainty = run.setup.device.uncertainty
    yield (
        "Bound by: the largest lower bound, as a part of the wall-clock. Kernel times are good to "
        f"{uncertainty.cube_serial_percent} to {uncertainty.vector_percent} %."
    )
    if sizes and not comparison.like_for_like:
        yield "Sizes differ, so the speed-up is not like for like."


def _verdict(slower: Sequence[Slower], limit_percent: float) -> Iterator[str]:
    if not slower:
        yield f"**Not slower** by more than {limit_percent:g} %."
    for one in slower:
        yield (
            f"**Slower by {one.percent:.1f} %**: `{one.run.full_name}` than "
            f"`{one.first.full_name}`, where {limit_percent:g} % are allowed."
        )
