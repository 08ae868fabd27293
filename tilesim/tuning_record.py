"""Tuning as plain values for ``--json``, and as a picture."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

from runtime.explanation import explain
from tilesim.feasibility import OnChip, Reason
from tilesim.outputs import plots
from tilesim.records import run_record
from tilesim.screening import Screened
from tilesim.search import Trial
from tilesim.sweep_files import row_record
from tilesim.sweep_report import described
from tilesim.tuning import Best, Tuning
from tilesim.validated import outside_validated

__all__ = ["draw_tuning", "tuning_record"]


def tuning_record(tuning: Tuning) -> dict[str, Any]:
    """Tuning as a JSON object; times in us, parts of memories from 0 to 1."""
    plan, baseline = tuning.space.plan, tuning.baseline
    return {
        "workload": plan.name,
        "settings": dict(plan.settings),
        "setup": dict(plan.setup),
        "axes": [{"name": axis.name, "values": list(axis.values)} for axis in plan.axes],
        "objective": tuning.objective.figure,
        "maximise": tuning.objective.is_maximised,
        "fit": tuning.fit.value,
        "exhaustive": tuning.is_exhaustive,
        "budget": tuning.budget,
        "seed": tuning.seed,
        "points": tuning.space.given,
        "simulated": len(tuning.found.rows),
        "not_looked_at": tuning.not_looked_at,
        "pruned": [asdict(pruned) for pruned in tuning.pruned],
        "baseline": None
        if baseline is None or tuning.baseline_on_chip is None
        else _screened_record(baseline, tuning.baseline_on_chip),
        "no_baseline": tuning.no_baseline or None,
        "best": None if tuning.best is None else _best_record(tuning.best),
        "gain_percent": tuning.gain_percent,
        "rejected": [{**_trial_record(r.trial), "why": r.told} for r in tuning.rejected],
        "front": [_trial_record(trial) for trial in tuning.front],
        "seconds": tuning.seconds,
    }


def _trial_record(trial: Trial) -> dict[str, Any]:
    return {**row_record(trial.row), "on_chip": _on_chip_record(trial.on_chip)}


def _on_chip_record(on_chip: OnChip) -> dict[str, Any]:
    return {"largest": on_chip.largest, "worst": on_chip.worst, **on_chip.parts}


def _screened_record(screened: Screened, on_chip: OnChip) -> dict[str, Any]:
    explanation = explain(screened.run.trace)
    return {
        **run_record(screened.run),
        "by_reason_us": {r.label: us for r, us in explanation.by_reason_us.items()},
        "on_chip": _on_chip_record(on_chip),
        "hazards": {
            "pairs": screened.pairs,
            "not_in_order": screened.met,
            "nearest_us": screened.nearest_us,
        },
        "outside_validated": list(outside_validated(screened.run.graph.kernels)),
    }


def _best_record(best: Best) -> dict[str, Any]:
    checked = best.checked
    return {
        "values": dict(best.trial.row.values),
        **_screened_record(best.screened, best.trial.on_chip),
        "check": None
        if checked is None
        else {
            "name": checked.name,
            "against": checked.against,
            "full_size": checked.is_full_size,
            "outputs": [asdict(match) for match in checked.matches],
            "rtol": checked.tolerances.rtol,
            "atol": checked.tolerances.atol,
            "seconds": checked.seconds,
        },
        "unchecked": best.unchecked or None,
        "gap": None if best.gap is None else asdict(best.gap),
    }


def draw_tuning(tuning: Tuning, picture: Path) -> None:
    """Draw all runs and the front of wall-clock against on-chip memory.

    Raises
    ------
    InputError
        No point has run, or the file cannot be written.
    """
    drawing, plan = plots(), tuning.space.plan

    def point(trial: Trial) -> Any:
        name = described(trial.row.values)
        return drawing.FrontPoint(name, 100.0 * trial.on_chip.largest, trial.wall_clock_us)

    found, on_front = tuning.found, {trial.number for trial in tuning.front}
    races = [n for n, verdict in found.left_out.items() if verdict.reason is Reason.RACE]
    baseline = None
    if tuning.baseline is not None and tuning.baseline_on_chip is not None:
        run = tuning.baseline.run
        values = {a.name: run.parameters[a.name] for a in plan.axes if a.is_parameter}
        part = 100.0 * tuning.baseline_on_chip.largest
        baseline = drawing.FrontPoint(described(values), part, run.trace.wall_clock_us)
    best = None if tuning.best is None else point(tuning.best.trial)
    how = "every point that can run" if tuning.is_exhaustive else str(found.method)
    drawing.draw_front(
        picture,
        title=" ".join([plan.name, *(f"{k}={v}" for k, v in plan.settings.items())]),
        subtitle=f"{len(found.rows):,} runs of {tuning.space.given:,} points ({how}); axes: "
        f"{', '.join(axis.name for axis in plan.axes)}",
        points=[point(trial) for trial in found.eligible if trial.number not in on_front],
        front=[point(trial) for trial in tuning.front],
        races=[point(found.trials[number]) for number in races],
        baseline=baseline,
        best=best,
    )
