"""Optuna, asked for one point after the other."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from types import ModuleType
from typing import Any

from devices.errors import InputError
from tilesim.axes import Axis

__all__ = ["Ask", "Optimizer"]

_VIOLATION = "violation"

Ask = Any
"""A trial of Optuna, to be told what came of it."""


class Optimizer:
    """Proposes points of a grid; learns from their costs, and from those that cannot run.

    A tree-structured Parzen estimator: it takes names and integers alike, models how they act
    together, learns from violated constraints how far a point is from one that can run, needs few
    hundred runs and no other package. Proposals depend on the seed and on what was told alone.

    Parameters
    ----------
    axes : sequence of Axis
        The grid, the last one varying fastest in the numbers of points.
    seed : int
        Of what is drawn.

    References
    ----------
    Watanabe: Tree-Structured Parzen Estimator: Understanding Its Algorithm Components and Their
    Roles for Better Empirical Performance. arXiv:2304.11127, 2023.

    Raises
    ------
    InputError
        Optuna is not installed.
    """

    def __init__(self, axes: Sequence[Axis], seed: int) -> None:
        self._optuna = _optuna()
        self._axes = axes
        # Of numbers it is told the rank, so that 64, 128 and 256 are equally far from each other.
        self._ranks = [
            sorted(range(len(axis.values)), key=lambda n, axis=axis: axis.values[n])  # type: ignore[misc]  # all are numbers
            if axis.is_numeric
            else list(range(len(axis.values)))
            for axis in axes
        ]
        with _quiet(self._optuna):
            sampler = self._optuna.samplers.TPESampler(
                multivariate=True,
                seed=seed,
                constraints_func=lambda trial: (trial.user_attrs.get(_VIOLATION, 0.0),),
            )
            self._study = self._optuna.create_study(sampler=sampler)

    def ask(self) -> tuple[Ask, int]:
        """A proposal and the number of its point."""
        with _quiet(self._optuna):
            trial = self._study.ask()
            number = 0
            for axis, ranks in zip(self._axes, self._ranks, strict=True):
                number = number * len(axis.values) + ranks[self._place(trial, axis)]
        return trial, number

    def propose(self, number: int) -> None:
        """Have the next proposal be this point."""
        places: dict[str, int] = {}
        for axis, ranks in zip(reversed(self._axes), reversed(self._ranks), strict=True):
            number, which = divmod(number, len(axis.values))
            places[axis.name] = ranks.index(which)
        with _quiet(self._optuna):
            self._study.enqueue_trial(places)

    def tell(self, ask: Ask, cost: float) -> None:
        """Say what a point costs."""
        with _quiet(self._optuna):
            self._study.tell(ask, cost)

    def refuse(self, ask: Ask, violation: float) -> None:
        """Say that a point cannot run, and how far it is from one that can, above 0."""
        ask.set_user_attr(_VIOLATION, violation)
        with _quiet(self._optuna):
            self._study.tell(ask, state=self._optuna.trial.TrialState.PRUNED)

    def forget(self, ask: Ask) -> None:
        """Take a proposal back, as its point is known."""
        with _quiet(self._optuna):
            self._study.tell(ask, state=self._optuna.trial.TrialState.FAIL)

    @staticmethod
    def _place(trial: Ask, axis: Axis) -> int:
        """Rank of the value on an axis that a trial takes."""
        last = len(axis.values) - 1
        if axis.is_numeric:
            return int(trial.suggest_int(axis.name, 0, last))
        return int(trial.suggest_categorical(axis.name, list(range(last + 1))))


def _optuna() -> ModuleType:
    try:
        return import_module("optuna")  # only where a space is too large to be searched whole
    except ModuleNotFoundError as error:
        raise InputError(
            "a space of more points than the budget is searched with Optuna, which is not "
            "installed: pip install tilesim[tune]; or give a larger --budget or fewer values"
        ) from error


@contextmanager
def _quiet(optuna: ModuleType) -> Iterator[None]:
    """Without its log and its warnings of what may change in later versions."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            optuna.logging.set_verbosity(before)
