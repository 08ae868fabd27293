"""Tuning from Python: what is searched, what is pruned, and what is chosen."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toy_programs import NEEDED, SCALED, TWICE

import tilesim as ts
from tilesim import optimizer
from tilesim.axes import Axis
from tilesim.feasibility import Feasibility, Fit, OnChip, Reason
from tilesim.journal import Journal
from tilesim.objective import read_objective
from tilesim.optimizer import Optimizer
from tilesim.pareto import pareto_front
from tilesim.points import Origin, Point, Row
from tilesim.search import Method, Trial
from tilesim.search_space import make_space
from tilesim.tuner import tune, tune_space
from tilesim.tuning_choices import Choices, Numbers

RESTRUCTURED = "qwen3-scope3-restructured"
SMALL = {"hidden": 1024, "intermediate": 2048}
AXES = {"k_chunk": [64, 96, 128, 512], "out_chunk": [32, 64, 128], "mlp_chunk": [64, 256]}
UNCHECKED = Numbers(is_wanted=False)
HERE = Choices(jobs=0)


@pytest.fixture
def program(tmp_path):
    """The path of a program file with some text."""

    def write(text):
        path = tmp_path / "toy.py"
        path.write_text(text)
        return str(path)

    return write


@pytest.fixture(scope="module")
def tuned():
    return tune(RESTRUCTURED, AXES, SMALL, choices=HERE, numbers=UNCHECKED)


def fits(run):
    found = ts.capacity(run.workload, run.parameters, run.setup.device)
    return all(use.is_allocatable for _, uses in found.kernels for use in uses)


def test_every_point_that_can_run_runs_and_the_best_of_them_is_chosen(tuned):
    walls = {}
    for values in product(*AXES.values()):
        try:
            run = ts.replay(RESTRUCTURED, {**SMALL, **dict(zip(AXES, values, strict=True))})
        except ts.InputError:
            continue
        if fits(run):
            walls[values] = run.statistics.wall_clock_us
    assert tuned.is_exhaustive
    found = {tuple(t.row.values.values()): t.wall_clock_us for t in tuned.found.trials.values()}
    assert found == walls
    assert tuple(tuned.best.trial.row.values.values()) == min(walls, key=walls.get)
    assert tuned.gain_percent > 0.0


def test_what_is_pruned_cannot_run(tuned):
    pruned = {p.reason: p.count for p in tuned.pruned}
    assert pruned.keys() == {Reason.SIZES, Reason.OVERFLOW}
    assert pruned[Reason.SIZES] == 6  # 96 divides nothing
    for number, verdict in tuned.found.left_out.items():
        point = tuned.space.plan.point(number)
        run = ts.replay(RESTRUCTURED, point.settings)
        assert run.overflows
        assert verdict.on_chip.largest > 1.0
        assert verdict.told.split()[0] in " ".join(run.overflows)
    assert sum(pruned.values()) + len(tuned.found.rows) == tuned.space.given == 24


def test_a_kernel_that_fits_by_what_is_alive_alone_is_pruned_unless_that_is_asked_for(program):
    # A tile of another shape takes over the place of one that dies, but is not allocated there.
    path = program(
        SCALED.replace(
            "pl.mul(tile, 2.0)",
            "pl.reshape(pl.mul(pl.reshape(pl.mul(tile, 2.0), [cols, chunk]), 1.0), [chunk, cols])",
        )
    )
    space = make_space(Origin(path), {"chunk": [16, 32, 64]})
    verdicts = {
        fit: [Feasibility(space, fit).judge(space.plan.point(n)) for n in range(3)] for fit in Fit
    }
    for alive, allocated in zip(verdicts[Fit.ALIVE], verdicts[Fit.ALLOCATED], strict=True):
        assert alive.on_chip.largest <= allocated.on_chip.largest
    reasons = {verdict.reason for verdict in verdicts[Fit.ALLOCATED]}
    assert reasons == {None, Reason.ALLOCATION}
    assert {verdict.reason for verdict in verdicts[Fit.ALIVE]} == {None}


def proposed(seed, count):
    """Points that the optimiser asks for in a grid whose best is known, and their costs."""
    axes = (
        Axis("a", tuple(range(20)), True),
        Axis("b", tuple(range(19, -1, -1)), True),
        Axis("kind", ("x", "y", "z"), False),
    )
    asked, found = Optimizer(axes, seed), {}
    for _ in range(count):
        ask, number = asked.ask()
        a, b, kind = number // 60, 19 - number // 3 % 20, number % 3
        if number in found:
            asked.forget(ask)
        elif a + b > 25:  # a third of the grid cannot run
            found[number] = None
            asked.refuse(ask, (a + b - 25) / 10)
        else:
            found[number] = (a - 13) ** 2 + (b - 11) ** 2 + 5 * (kind != 1)
            asked.tell(ask, found[number])
    return found


@pytest.mark.parametrize("seed", [0, 1])
def test_the_optimiser_finds_the_best_of_a_grid_with_a_tenth_of_its_points(seed):
    found = proposed(seed, 120)
    assert min(cost for cost in found.values() if cost is not None) == 0
    refused = [number for number, cost in found.items() if cost is None]
    assert len(refused) < 120 / 3  # it learns from those that cannot run
    assert proposed(seed, 120) == found
    assert list(proposed(seed + 2, 120)) != list(found)


def test_a_space_of_more_than_the_budget_is_searched_in_part(program):
    path, over = program(SCALED), {"chunk": "24:100"}
    runs = [
        tune(path, over, choices=Choices(jobs=jobs, budget=24), numbers=UNCHECKED)
        for jobs in (0, 2)
    ]
    for found in runs:
        assert found.found.method is Method.OPTIMIZER
        assert len(found.found.rows) == 24
        (pruned,) = found.pruned
        assert (pruned.reason, pruned.count) == (Reason.OVERFLOW, 8)  # 93 to 100
        assert found.gain_percent > 60.0
    one, other = runs
    assert list(one.found.trials) == list(other.found.trials)
    assert one.best.trial.row.figures == other.best.trial.row.figures


def test_a_space_that_is_too_large_to_be_listed_is_searched_all_the_same():
    over = {"down_step": "1:2048", "zero_chunk": "1:2048"}
    choices = Choices(jobs=0, budget=4)
    found = tune(RESTRUCTURED, over, SMALL, choices=choices, numbers=UNCHECKED)
    assert found.space.given == 2048**2
    assert found.space.listed is None
    assert len(found.found.rows) == 4
    assert all(2048 % int(t.row.values["down_step"]) == 0 for t in found.found.trials.values())


def test_the_numbers_of_the_best_are_checked():
    found = tune(RESTRUCTURED, {"mlp_chunk": [64, 128]}, SMALL, choices=HERE)
    assert found.best.checked.against == "golden results"
    assert found.best.checked.is_full_size
    assert all(one.is_match for one in found.best.checked.matches)
    smaller = Numbers(sizes={"intermediate": 1024})
    found = tune(RESTRUCTURED, {"mlp_chunk": [64, 128]}, SMALL, choices=HERE, numbers=smaller)
    assert not found.best.checked.is_full_size
    assert "intermediate=1024 " in found.best.checked.name


def test_a_faster_point_that_leaves_work_out_is_not_chosen(program):
    found = tune(program(SCALED), {"chunk": [8, 16, 48]}, choices=HERE)
    (rejected,) = found.rejected
    assert rejected.trial.row.values == {"chunk": 48}
    assert "elements of y do not match" in rejected.told
    assert found.best.trial.row.values == {"chunk": 16}
    assert found.best.checked.against == "the baseline's outputs"
    assert [trial.row.values["chunk"] for trial in found.front] == [16, 8]


def test_a_run_in_which_unordered_tasks_overlap_is_not_chosen_unless_allowed(program):
    path = program(TWICE)
    found = tune(path, {"safe": [0, 1]}, choices=HERE)
    (pruned,) = found.pruned
    assert (pruned.reason, pruned.count) == (Reason.RACE, 1)
    assert found.best.trial.row.values == {"safe": 1}
    assert [trial.row.values for trial in found.front] == [{"safe": 1}]
    allowed = tune(path, {"safe": [0, 1]}, choices=Choices(jobs=0, allow_races=True))
    assert allowed.best.trial.row.values == {"safe": 0}
    assert allowed.best.screened.met == 1


def test_a_smaller_problem_is_no_better_cut(program):
    found = tune(program(SCALED), {"cols": [128, 512], "chunk": [16, 32]}, choices=HERE)
    (pruned,) = found.pruned
    assert (pruned.reason, pruned.count) == (Reason.PROBLEM, 2)
    assert pruned.example == "x is FP32[1024, 128] and not FP32[1024, 512]"


def test_without_a_baseline_there_is_a_best_but_no_gain(program):
    found = tune(program(NEEDED), {"chunk": [16, 32]}, choices=HERE)
    assert found.baseline is None
    assert "chunk has no default" in found.no_baseline
    assert found.best.trial.row.values == {"chunk": 32}
    assert (found.gain_percent, found.best.gap) == (None, None)
    assert "neither golden results nor a baseline" in found.best.unchecked


def test_a_baseline_that_does_not_fit_is_beaten_by_what_does(program):
    path = program(SCALED.replace("chunk: int = 16", "chunk: int = 128"))
    found = tune(path, {"chunk": [32, 128]}, choices=HERE)
    assert found.baseline_on_chip.largest > 1.0
    assert found.best.trial.row.values == {"chunk": 32}


def test_what_a_journal_has_is_not_run_again(tmp_path):
    space = make_space(Origin(RESTRUCTURED), {"mlp_chunk": [64, 128]}, SMALL)
    with Journal(tmp_path / "rows.csv", space.plan) as journal:
        first = tune_space(space, HERE, UNCHECKED, journal=journal)
        row = first.found.rows[0]
        journal.add(Row(0, row.values, {**row.figures, "wall_clock_us": 1.0}))
        again = tune_space(space, HERE, UNCHECKED, journal=journal)
    assert again.found.trials[0].wall_clock_us == 1.0
    assert again.best.trial.number == 0


def test_a_figure_can_be_made_large(program):
    path = program(SCALED)
    most = tune(path, {"chunk": [8, 16, 32]}, choices=Choices("tasks:max", jobs=0))
    assert most.best.trial.row.values == {"chunk": 8}
    assert most.gain_percent == pytest.approx(100.0)
    least = tune(path, {"chunk": [8, 16, 32]}, choices=Choices("tasks", jobs=0))
    assert least.best.trial.row.values == {"chunk": 32}


@pytest.mark.parametrize(
    ("text", "figure", "is_maximised"),
    [
        ("wall_clock_us", "wall_clock_us", False),
        ("aic_busy:max", "aic_busy", True),
        ("-aic_busy", "aic_busy", True),
        ("tasks:min", "tasks", False),
    ],
)
def test_objectives_are_read(text, figure, is_maximised):
    found = read_objective(text)
    assert (found.figure, found.is_maximised) == (figure, is_maximised)


@pytest.mark.parametrize("text", ["", "wall_clock", "binding", "tasks:most", "-tasks:max", ":max"])
def test_what_is_no_objective_is_refused(text):
    with pytest.raises(ts.InputError, match=r"figure|--objective"):
        read_objective(text)


def trial(number, wall_us, part):
    point = Point(number, Origin("toy"), {}, {}, {})
    return Trial(point, Row(number, {}, {"wall_clock_us": wall_us}), OnChip({"UB": part}, ""))


@given(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_nothing_beats_the_front_and_the_front_beats_everything(figures):
    trials = [trial(n, float(wall), part / 9) for n, (wall, part) in enumerate(figures)]
    front = pareto_front(trials)
    for one in front:
        for other in trials:
            is_as_good = (
                other.wall_clock_us <= one.wall_clock_us
                and other.on_chip.largest <= one.on_chip.largest
            )
            same = (other.wall_clock_us, other.on_chip) == (one.wall_clock_us, one.on_chip)
            assert same or not is_as_good
    for other in trials:
        assert any(
            one.wall_clock_us <= other.wall_clock_us
            and one.on_chip.largest <= other.on_chip.largest
            for one in front
        )


def test_without_optuna_it_is_said_how_to_get_it(monkeypatch):
    def missing(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(optimizer, "import_module", missing)
    choices = Choices(jobs=0, budget=1)
    with pytest.raises(ts.InputError, match=r"pip install tilesim\[tune\]"):
        tune(RESTRUCTURED, {"mlp_chunk": [64, 128]}, SMALL, choices=choices, numbers=UNCHECKED)
