"""How fast engines simulate one task graph, and that they agree on it.

Run with ``python -m benchmarks.peers [REPEATS]``: 33 003 tasks on 72 workers. The makespans of all
engines that have the same model have to be equal; the command fails if they are not.
"""

from __future__ import annotations

import gc
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import list_scheduling, simgrid_engine, simpy_engines, tilesim_engine
from benchmarks.markdown import markdown_table
from benchmarks.peer_graph import AIC_COUNT, AIV_COUNT, PeerGraph, peer_graph
from benchmarks.simulation_rate import bare_simpy, best_seconds

__all__ = ["Measured", "check_agreement", "engines", "measure", "peers_table", "simgrid_row"]

DEBIAN_PYTHON = "/usr/bin/python3"
"""Where Debian's package python3-simgrid can be imported."""

SIMGRID = "SimGrid (Python binding), an actor for each core"
NO_SIMGRID = "not installed; on Debian: apt-get install python3-simgrid"
BARE = "SimPy, five empty callbacks a task"


@dataclass(frozen=True)
class Measured:
    """A row of the table.

    Attributes
    ----------
    engine : str
        What ran.
    seconds : float or None
        Best time of several runs; None if it could not run.
    makespan_us : float or None
        What it found, if it schedules.
    is_same_model : bool
        Whether its makespan has to be that of the others.
    note : str
        Why it could not run.
    """

    engine: str
    seconds: float | None
    makespan_us: float | None
    is_same_model: bool = True
    note: str = ""


def engines(graph: PeerGraph) -> dict[str, Callable[[], float]]:
    """Engines that run in this process and have the same model; each gives the makespan in us."""
    tasks = tilesim_engine.task_graph(graph)

    def free() -> float:
        run = tilesim_engine.free_run(tasks, graph.durations_us)
        return tilesim_engine.makespan_us(run)

    return {
        "heapq, no trace": lambda: list_scheduling.schedule(graph),
        "heapq, a row for each task": lambda: list_scheduling.schedule_with_trace(graph)[0],
        "SimPy, a callback a task": lambda: simpy_engines.callbacks(graph),
        "SimPy, five callbacks a task": lambda: simpy_engines.five_events(graph),
        "SimPy, a process a task": lambda: simpy_engines.processes(graph),
        "tilesim, runtime costs 0": free,
    }


def measure(graph: PeerGraph, repeats: int) -> list[Measured]:
    """Run all engines, each several times."""
    found = []
    for name, run in engines(graph).items():
        makespan_us = run()
        found.append(Measured(name, best_seconds(run, repeats), makespan_us))
    tasks = tilesim_engine.task_graph(graph)
    trace = tilesim_engine.full_run(tasks, graph.durations_us)
    full_s = best_seconds(lambda: tilesim_engine.full_run(tasks, graph.durations_us), repeats)
    makespan_us = tilesim_engine.makespan_us(trace)
    found.append(Measured("tilesim, full fidelity", full_s, makespan_us, is_same_model=False))
    bare_s = best_seconds(lambda: bare_simpy(len(graph)), repeats)
    found.append(Measured(BARE, bare_s, None, is_same_model=False))
    found.append(simgrid_row(graph))
    return found


def simgrid_row(graph: PeerGraph) -> Measured:
    """SimGrid's row; it runs once, in the Python that has its binding, and takes time in there."""
    content = asdict(graph) | {"aic_count": AIC_COUNT, "aiv_count": AIV_COUNT}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "graph.json"
        path.write_text(json.dumps(content))
        try:
            done = subprocess.run(  # noqa: S603 - a file of this folder
                [DEBIAN_PYTHON, simgrid_engine.__file__, str(path)],
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            return Measured(SIMGRID, None, None, note=NO_SIMGRID)
    if done.returncode:
        if "No module named 'simgrid'" in done.stderr:
            return Measured(SIMGRID, None, None, note=NO_SIMGRID)
        raise RuntimeError(f"SimGrid failed: {done.stderr[-2000:]}")
    figures = json.loads(done.stdout)
    return Measured(SIMGRID, figures["seconds"], figures["makespan_us"])


def check_agreement(found: Sequence[Measured]) -> None:
    """Refuse figures of engines that have the same model and do not find the same makespan.

    Raises
    ------
    RuntimeError
        Two differ, in whatever digit.
    """
    same = {m.engine: m.makespan_us for m in found if m.is_same_model and m.seconds is not None}
    if len(set(same.values())) != 1:
        listed = "; ".join(f"{engine}: {makespan_us!r} us" for engine, makespan_us in same.items())
        raise RuntimeError(f"engines with the same model do not agree: {listed}")


def peers_table(repeats: int) -> str:
    """Measure all engines, check that they agree, and give the table as Markdown."""
    graph = peer_graph()
    gc.disable()  # as the simulation does; the same for all
    try:
        found = measure(graph, repeats)
    finally:
        gc.enable()
    check_agreement(found)
    (bare_s,) = (m.seconds for m in found if m.engine == BARE)
    rows = []
    for m in sorted(found, key=lambda m: m.seconds or float("inf")):
        makespan = "" if m.makespan_us is None else f"{m.makespan_us:.3f}"
        if m.seconds is None or bare_s is None:
            rows.append([m.engine, makespan, m.note, "", ""])
            continue
        rate, ratio = f"{len(graph) / m.seconds:,.0f}", f"{bare_s / m.seconds:.2f}"
        rows.append([m.engine, makespan, f"{m.seconds:.3f}", rate, ratio])
    head = ["engine", "makespan us", "seconds", "tasks/s", "rate / bare SimPy"]
    return markdown_table(head, rows)


def main() -> None:
    """Measure and print the table."""
    print(peers_table(int(sys.argv[1]) if len(sys.argv) > 1 else 3))


if __name__ == "__main__":
    main()
