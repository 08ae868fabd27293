"""Sweeps: a workload at every point of a product of axes."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import ExitStack, closing
from itertools import chain
from pathlib import Path

from devices.errors import InputError
from tilesim.cluster import run_on_cluster
from tilesim.journal import Journal
from tilesim.local_pool import LocalPool, run_here, usable_cores
from tilesim.point_queue import PointQueue
from tilesim.points import Origin, Row
from tilesim.setup_words import Value, Words
from tilesim.sweep_files import check_results, write_results
from tilesim.sweep_plan import Plan, make_plan
from tilesim.sweep_table import SweepTable, table_of

__all__ = ["SweepTable", "run_plan", "run_sweep", "sweep", "table_of"]


def sweep(
    source: str,
    axes: Mapping[str, Iterable[Value] | str] | Sequence[str],
    settings: Mapping[str, int] | None = None,
    setup: Words | None = None,
    *,
    call: str | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    out: str | os.PathLike[str] | None = None,
    on_row: Callable[[Row], None] | None = None,
) -> SweepTable:
    """Simulate a workload at every point of a product of axes.

    Parameters
    ----------
    source : str
        Name of a workload, a program file, or a recorded run or graph.
    axes : mapping or sequence of str
        What is varied: values by name, or texts as for ``--vary``. Names are parameters of the
        workload and words of the setup (see `tilesim.setup_words.setup_of`).
    settings : mapping, optional
        Parameters that differ from the defaults at all points.
    setup : mapping, optional
        Words of the setup at all points, such as ``{"policy": "heft"}``.
    call : str, optional
        Name of the program in a file that has several.
    jobs : int, optional
        Processes, by default one for each core; 0 runs everything in this one.
    cluster : str, optional
        Address of a Dask scheduler, to run on its workers instead.
    out : path, optional
        File of the rows, ending in ``.parquet``, ``.csv``, ``.csv.gz`` or ``.jsonl``. What an
        interrupted sweep has left there is gone on with.
    on_row : callable, optional
        Told each row as it comes, in any order.

    Raises
    ------
    InputError
        Something does not exist or fit. What is wrong with one point only is in its row.
    KeyboardInterrupt
        Ctrl-C; what is done is in the file.
    """
    plan = make_plan(Origin(source, call), axes, settings, setup)
    path = None if out is None else Path(out)
    if path is not None:
        check_results(path)
    table, interrupted = run_sweep(plan, jobs, cluster, path, on_row)
    if interrupted:
        raise KeyboardInterrupt
    return table


def run_sweep(
    plan: Plan,
    jobs: int | None = None,
    cluster: str | None = None,
    out: Path | None = None,
    on_row: Callable[[Row], None] | None = None,
    on_known: Callable[[Sequence[Row]], None] | None = None,
) -> tuple[SweepTable, bool]:
    """Run a plan from where an interrupted sweep has left it, and write its rows.

    Parameters
    ----------
    plan : Plan
        What to run.
    jobs, cluster, out, on_row
        As for `sweep`.
    on_known : callable, optional
        Told at first, and at once, of the rows that an interrupted sweep has left; otherwise
        `on_row` is.

    Returns
    -------
    SweepTable, bool
        The rows, and whether Ctrl-C has come before all of them had.

    Raises
    ------
    InputError
        As `run_plan`, `run_on_cluster` and `Journal`; or the rows cannot be written.
    """
    rows: list[Row] = []
    interrupted = False
    with ExitStack() as stack:
        journal = None if out is None else stack.enter_context(Journal(out, plan))
        known = list(journal.rows.values()) if journal is not None else []
        done = {row.number for row in known}
        runs = (
            run_plan(plan, jobs, done) if cluster is None else run_on_cluster(plan, cluster, done)
        )
        try:
            if on_known is not None:
                on_known(known)
            with closing(runs):
                for row in chain(known, runs):
                    is_new = row.number not in done
                    if journal is not None and is_new:
                        journal.add(row)  # before the next one is waited for
                    rows.append(row)
                    if on_row is not None and (is_new or on_known is None):
                        on_row(row)
        except KeyboardInterrupt:
            interrupted = True
            before = signal.signal(
                signal.SIGINT, signal.SIG_IGN
            )  # what is done is written in peace
            stack.callback(signal.signal, signal.SIGINT, before)
        table = table_of(plan, rows)
        if out is not None and rows:
            write_results(table, out)
        if journal is not None and not interrupted:
            journal.remove()
    return table, interrupted


def run_plan(plan: Plan, jobs: int | None = None, done: Iterable[int] = ()) -> Generator[Row]:
    """Run the points of a plan that are not done, on this machine.

    Parameters
    ----------
    plan : Plan
        What to run.
    jobs : int, optional
        As for `sweep`.
    done : iterable of int
        Numbers of points that have run already.

    Raises
    ------
    InputError
        The number of processes is negative, or none can be started.
    """
    finished = set(done)
    queue = PointQueue(plan.groups(finished))
    if jobs is not None and jobs < 0:
        raise InputError(f"--jobs is the number of processes, 0 for none but this, not {jobs}")
    if jobs == 0:
        yield from run_here(queue)
        return
    left = max(1, plan.count - len(finished))
    with LocalPool(min(jobs or usable_cores(), left)) as pool:
        yield from pool.run(queue)
