"""Points of a sweep: what to run, as plain data, and the row of figures that comes of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from time import perf_counter
from traceback import extract_tb

from devices.errors import InputError
from runtime.bounds import Bounds
from runtime.case import Case
from runtime.noise import Noise
from runtime.statistics import Statistics, summarize
from tilesim.assumptions import read_assumptions
from tilesim.builder import Builder
from tilesim.input_values import read_inputs
from tilesim.memory import check_room
from tilesim.policies import failed_in_policy
from tilesim.setup_words import Value, Words, setup_of
from tilesim.sources import Subject, find_source

__all__ = ["FIGURES", "Figure", "Origin", "Point", "PointRunner", "Row", "figures_of", "run_point"]

Figure = int | float | str
"""A figure of a row; texts are names."""

FIGURES = (
    "tasks",
    "allocs",
    "edges",
    "dropped_edges",
    "wall_clock_us",
    "elapsed_us",
    "avg_exec_us",
    "avg_head_us",
    "avg_tail_us",
    "avg_latency_us",
    "exec_percent",
    "tasks_in_flight",
    "aic_busy",
    "aiv_busy",
    "orchestrator_busy_us",
    "scheduler_busy_us",
    "gm_gbps",
    "hbm_gbps",
    "binding",
    "binding_us",
    "overflows",
)
"""Names of the figures of a row, as in the JSON of replay; `scheduler_busy_us` is the mean over
the threads, `binding` and `binding_us` the name and the value of the largest lower bound,
`overflows` the kernels that do not fit on chip."""


@dataclass(frozen=True)
class Origin:
    """Where a workload comes from, in words that any process can follow.

    Attributes
    ----------
    source : str
        Name or file, as for `find_source`.
    call : str or None
        Name of the program in a file.
    arguments : tuple of str
        What a program file finds in ``sys.argv``.
    inputs, assume : tuple of str
        Texts of ``--input`` and ``--assume``.
    """

    source: str
    call: str | None = None
    arguments: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    assume: tuple[str, ...] = ()

    def find(self) -> Subject:
        """The workload.

        Raises
        ------
        InputError
            As `find_source`.
        """
        return find_source(
            self.source,
            self.call,
            self.arguments,
            read_inputs(self.inputs),
            read_assumptions(self.assume),
        )


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes
    ----------
    number : int
        Its place among the points.
    origin : Origin
        What runs.
    settings : mapping of str to int
        Parameters that are other than by default.
    setup : mapping
        What it runs on, in words (`tilesim.setup_words`).
    values : mapping
        Its value on each axis.
    """

    number: int
    origin: Origin
    settings: Mapping[str, int]
    setup: Words
    values: Mapping[str, Value]

    @property
    def program(self) -> tuple[object, ...]:
        """The same for points of the same program."""
        lowering = self.setup.get("lowering")
        return self.origin, *sorted(self.settings.items()), lowering


@dataclass(frozen=True)
class Row:
    """What a point has come to.

    Attributes
    ----------
    number : int
        Number of the point.
    values : mapping
        Its value on each axis.
    figures : mapping
        The figures of `FIGURES`; none if it has failed.
    error : str or None
        Why it has failed.
    seconds : float
        How long it took.
    """

    number: int
    values: Mapping[str, Value]
    figures: Mapping[str, Figure] = field(default_factory=dict)
    error: str | None = None
    seconds: float = 0.0


class PointRunner:
    """Runs points one after the other; what several share is found once.

    Parameters
    ----------
    admit : callable
        As for `Builder`.
    """

    def __init__(self, admit: Callable[[str, int], None] = check_room) -> None:
        self.builder = Builder(admit)
        self._found: tuple[Origin, Subject] | None = None

    def run(self, point: Point) -> Row:
        """The row of a point; whatever is wrong with it is in its error."""
        began = perf_counter()
        figures: Mapping[str, Figure] = {}
        error = None
        try:
            figures = self._figures(point)
        except InputError as wrong:
            error = str(wrong)
        except MemoryError:
            error = "memory ran out; give smaller sizes"
        except Exception as failed:  # one point must not end the others
            error = _told(failed)
        seconds = perf_counter() - began
        return Row(point.number, dict(point.values), figures, error, seconds)

    def _figures(self, point: Point) -> Mapping[str, Figure]:
        if self._found is None or self._found[0] != point.origin:
            self._found = point.origin, point.origin.find()
        subject = self._found[1]
        setup = setup_of(point.setup)
        case = self.builder.case(subject, subject.parameters(point.settings), setup)
        if "repeat" in point.setup:
            case = replace(case, noise=Noise(setup.estimates.seed, int(point.setup["repeat"])))
        trace = case.simulate()
        overflows = self.builder.overflows(case)
        return figures_of(case, summarize(trace), case.bounds(trace), overflows)


def run_point(point: Point, runner: PointRunner | None = None) -> Row:
    """Run a point.

    Parameters
    ----------
    point : Point
        What to run.
    runner : PointRunner, optional
        What has run others, and may know the graph.

    Returns
    -------
    Row
        Its figures, or what is wrong.
    """
    return (runner or PointRunner()).run(point)


def figures_of(case: Case, found: Statistics, bounds: Bounds, overflows: int) -> dict[str, Figure]:
    """The figures of a run: those of `FIGURES`."""
    graph, binding = case.graph, bounds.binding
    threads = found.scheduler_busy_us
    others: dict[str, Figure] = {
        "tasks": graph.task_count,
        "allocs": graph.alloc_count,
        "edges": graph.edge_count,
        "dropped_edges": graph.dropped,
        "scheduler_busy_us": sum(threads) / len(threads),
        "binding": binding.name,
        "binding_us": binding.us,
        "overflows": overflows,
    }
    return {name: others[name] if name in others else getattr(found, name) for name in FIGURES}


def _told(error: Exception) -> str:
    """What to say of an error that no input explains, or that a user's policy makes."""
    in_policy = failed_in_policy(error)
    if in_policy is not None:
        return str(in_policy)
    last = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({last.name}, line {last.lineno} of {last.filename})"
