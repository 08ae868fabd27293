"""How far the simulator is from what others have measured."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from statistics import median

from devices.device import Device
from tilesim.experiment import Experiment
from workloads.published import FIGURES, Published

__all__ = ["FigureError", "Lever", "Rank", "Validation", "validate"]


@dataclass(frozen=True)
class FigureError:
    """One published figure and what is simulated.

    Attributes
    ----------
    case, figure, source : str
        Which, and where it was published.
    published_us, simulated_us : float
        Both.
    spread_percent : float or None
        Published spread from run to run, either way.
    fitted : bool
        Whether constants were fitted to it.
    """

    case: str
    figure: str
    source: str
    published_us: float
    simulated_us: float
    spread_percent: float | None
    fitted: bool

    @property
    def error(self) -> float:
        """Relative: 0.1 is 10 % too slow."""
        return self.simulated_us / self.published_us - 1.0


@dataclass(frozen=True)
class Lever:
    """What a change of a kernel did to its time, as measured and as simulated.

    Attributes
    ----------
    name : str
        What was changed.
    published, simulated : float
        Time after over time before.
    """

    name: str
    published: float
    simulated: float

    @property
    def agrees(self) -> bool:
        """Whether the simulated time moved the same way."""
        return (self.published < 1.0) == (self.simulated < 1.0)


@dataclass(frozen=True)
class Rank:
    """How often two figures of one kind are simulated in the order in which they were measured."""

    figure: str
    agreeing: int
    pairs: int


@dataclass(frozen=True)
class Validation:
    """Everything that was published, against the simulator.

    Attributes
    ----------
    rows : tuple of FigureError
        Every figure.
    levers : tuple of Lever
        Every change of a kernel of which both times were published.
    """

    rows: tuple[FigureError, ...]
    levers: tuple[Lever, ...]

    @cached_property
    def median_error(self) -> float:
        """Median of the absolute errors."""
        return median(abs(row.error) for row in self.rows)

    @cached_property
    def largest_error(self) -> FigureError:
        """The figure that is farthest off."""
        return max(self.rows, key=lambda row: abs(row.error))

    @cached_property
    def ranks(self) -> tuple[Rank, ...]:
        """Agreement of orders for each kind of figure."""
        found = []
        for figure in FIGURES:
            rows = [row for row in self.rows if row.figure == figure]
            pairs = [(a, b) for a, b in combinations(rows, 2) if a.published_us != b.published_us]
            agreeing = sum(
                (a.published_us < b.published_us) == (a.simulated_us < b.simulated_us)
                for a, b in pairs
            )
            if pairs:
                found.append(Rank(figure, agreeing, len(pairs)))
        return tuple(found)


def validate(
    published: Published,
    device: Device,
    report: Callable[[str], None] | None = None,
) -> Validation:
    """Simulate every published case; figures are means over its `Experiment.noises`.

    Parameters
    ----------
    published : Published
        The cases, each with the runtime that it ran on.
    device : Device
        What they run on.
    report : callable, optional
        Told each case that begins.

    Raises
    ------
    InputError
        A case names what does not exist, or cannot be simulated.
    """
    rows = []
    simulated: dict[str, Mapping[str, float]] = {}
    for case in published.cases:
        if report is not None:
            report(f"simulating {case.name}")
        experiment = Experiment.of(case, device, published.file)
        figures = simulated[case.name] = experiment.figures(device, noises=experiment.noises)
        rows += [
            FigureError(
                case.name,
                figure,
                case.source,
                published_us,
                figures[figure],
                None if place else case.spread_percent,
                case.fit,
            )
            for place, (figure, published_us) in enumerate(case.published.items())
        ]
    by_name = {case.name: case for case in published.cases}
    levers = []
    for pair in published.pairs:
        before, after = by_name[pair.before].published, by_name[pair.after].published
        was, becomes = simulated[pair.before], simulated[pair.after]
        figure = next(name for name in before if name in after)
        levers.append(
            Lever(pair.name, after[figure] / before[figure], becomes[figure] / was[figure])
        )
    return Validation(tuple(rows), tuple(levers))
