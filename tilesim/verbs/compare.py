"""The verbs compare and demo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from devices.errors import InputError
from tilesim.arguments import Gantt, Json, Names, Options, Repeat, takes_options
from tilesim.comparison import Comparison, compare, differing_parameters
from tilesim.console import output_console
from tilesim.gate import find_slower, read_percent
from tilesim.markdown import comparison_markdown
from tilesim.outputs import check_outputs, make_folder, plots, print_json
from tilesim.policy_report import print_policy_comparison
from tilesim.progress import progress
from tilesim.records import comparison_record
from tilesim.repeats import Repeats, repeat
from tilesim.repeats_report import print_repeats, repeats_record
from tilesim.replay import Report, Run
from tilesim.report import print_caveat, print_comparison
from tilesim.verbs.replay import bound_lines
from tilesim.verdicts import Verdict, judge

__all__ = ["compare_workloads", "demo"]

_DEMO = ("qwen3-scope3-baseline", "qwen3-scope3-restructured")


@takes_options
def compare_workloads(
    workloads: Names,
    options: Options,
    like_for_like: Annotated[
        bool,
        typer.Option(help="Also run workloads of different sizes at each other's sizes."),
    ] = True,
    gantt: Gantt = None,
    repeats: Repeat = 0,
    fail_if_slower: Annotated[
        str | None,
        typer.Option(
            metavar="PERCENT",
            help="End with exit code 1 if a run is slower than the first one by more: 5%.",
            show_default="no gate",
        ),
    ] = None,
    markdown: Annotated[
        bool,
        typer.Option("--markdown", "-m", help="Print Markdown for a pull request."),
    ] = False,
    numbers: Annotated[
        bool,
        typer.Option(
            "--numbers",
            help="With --markdown, compute the numbers as check does; wrong ones give exit code 1.",
        ),
    ] = False,
    as_json: Json = False,
) -> None:
    """Run workloads, policies or kinds of dependences side by side.

    Several policies or kinds of dependences are separated by commas; each workload runs with each.

    Examples: `tilesim compare qwen3-scope3-baseline qwen3-scope3-restructured --gantt both.png`,
    `tilesim compare qwen3-scope3-restructured --policy runtime,critical-path,heft`,
    `tilesim compare qwen3-scope3-restructured --policy runtime,lifo --repeat 20 --seed 1`,
    `tilesim compare main:scope3.py scope3.py --markdown --fail-if-slower 5%`
    """
    names, settings = options.workloads(workloads)
    if not names:
        raise InputError("compare takes the names of workloads; tilesim list shows them")
    if markdown and (as_json or repeats):
        raise InputError("--markdown prints no JSON and no repeats; leave out the other option")
    if numbers and not markdown:
        raise InputError("--numbers is for --markdown; tilesim check computes numbers by itself")
    limit = None if fail_if_slower is None else read_percent(fail_if_slower)
    setups = options.setups()
    check_outputs(pictures=[gantt])
    with progress() as report:
        sources = [options.source(name) for name in names]
        comparison = compare(sources, settings, setups, report, like_for_like=like_for_like)
        if gantt is not None:
            report(f"drawing {gantt}")
            _draw(comparison.runs, gantt)
        repeated = repeat(comparison.runs, repeats, options.seed, report) if repeats else ()
        verdicts = _judged(comparison, report, numbers=numbers) if markdown else {}
    slower = [] if limit is None else find_slower(comparison, limit)
    if as_json:
        noisy = {"repeats": repeats_record(repeated)} if repeated else {}
        print_json({**comparison_record(comparison), **noisy})
    elif markdown:
        typer.echo(comparison_markdown(comparison, verdicts, slower, limit))
    else:
        _print(comparison, repeated)
    wrong = [problem for verdict in verdicts.values() for problem in verdict.problems]
    if numbers and wrong:
        typer.echo(f"check failed: {'; '.join(wrong)}", err=True)
        raise typer.Exit(1)
    if slower:
        worst = max(slower, key=lambda one: one.percent)
        typer.echo(
            f"{worst.run.full_name} is {worst.percent:.1f} % slower than {worst.first.full_name}; "
            f"allowed are {limit:g} %",
            err=True,
        )
        raise typer.Exit(1)


def _judged(comparison: Comparison, report: Report, *, numbers: bool) -> dict[int, Verdict]:
    """What a check says of each run; numbers are computed at the sizes that were asked for."""
    alike = [run for group in comparison.like_for_like for run in group]
    verdicts = {id(run): judge(run, report, with_numbers=numbers) for run in comparison.runs}
    verdicts.update((id(run), judge(run, report)) for run in alike if id(run) not in verdicts)
    return verdicts


def _print(comparison: Comparison, repeated: Sequence[Repeats] = ()) -> None:
    console = output_console()
    if not _differ_in_policy_only(comparison.runs):
        print_comparison(console, comparison)
    for group in (comparison.runs, *comparison.like_for_like):
        by_workload: dict[tuple[str, str], list[Run]] = {}
        for run in group:
            by_workload.setdefault((run.workload.name, str(run.parameters)), []).append(run)
        for runs in by_workload.values():
            if any(run.setup.policy != runs[0].setup.policy for run in runs):
                print_policy_comparison(console, runs)
    if repeated:
        print_repeats(console, repeated)
    print_caveat(console, comparison.runs[0])


def _differ_in_policy_only(runs: Sequence[Run]) -> bool:
    """Whether a table of policies says all, for the graphs are the same."""
    first = runs[0]
    return len(runs) > 1 and all(
        run.workload is first.workload
        and run.setup.has_graph_of(first.setup)
        and run.setup.policy != first.setup.policy
        for run in runs[1:]
    )


def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Folder for the figures; made if missing.")
    ] = Path("tilesim-demo"),
    as_json: Json = False,
) -> None:
    """Show what the published restructuring of Qwen3-32B decode scope 3 did.

    Runs both programs, at their own and at equal sizes, with the dependences that the runtime
    tracks and with those of the accessed tiles, and draws the figures.

    Example: `tilesim demo --out figures`
    """
    make_folder(out)
    pictures = [out / f"{name}.png" for name in ("comparison", *_DEMO)]
    traces = [out / f"{name}.json.gz" for name in _DEMO]
    check_outputs(pictures, traces)
    setups = Options(dependencies="tensor,tile").setups()
    with progress() as report:
        comparison = compare(_DEMO, None, setups, report)
        as_run = [run for run in comparison.runs if run.published]
        report("drawing")
        _draw(as_run, pictures[0])
        for run, picture, trace in zip(as_run, pictures[1:], traces, strict=True):
            plots().draw_gantt(
                run.trace,
                picture,
                title=run.full_name,
                bounds=bound_lines(run.bounds),
                rings=run.rings,
            )
            plots().write_chrome_trace(run.trace, trace)
    figures = [*pictures, *traces]
    if as_json:
        print_json({**comparison_record(comparison), "figures": [str(f) for f in figures]})
    else:
        _print(comparison)
        console = output_console()
        console.print("Figures and traces (open the traces in Perfetto):")
        for figure in figures:
            console.print(f"  {figure}", highlight=False, soft_wrap=True)


def _draw(runs: Sequence[Run], picture: Path) -> None:
    sizes = differing_parameters(runs)
    plots().draw_comparison([(run.describe(sizes), run.trace) for run in runs], picture)
