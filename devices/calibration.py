"""How constants of a description came about that were fitted to measurements."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from devices.description import Text

__all__ = ["CalibrationRecord", "FittedConstant"]


class FittedConstant(Struct, frozen=True, forbid_unknown_fields=True):
    """One constant in a fit.

    Attributes
    ----------
    low, high : float
        Its range.
    start, fitted : float
        Its value before and after.
    sensitivity : float
        Root mean square over the rows of the change of log(simulated) through its range.
    partner : str
        The constant that it is most correlated with.
    correlation : float
        How much, -1 to 1.
    """

    low: float
    high: float
    start: float
    fitted: float
    sensitivity: Annotated[float, Meta(ge=0)]
    partner: Text
    correlation: Annotated[float, Meta(ge=-1, le=1)]


class CalibrationRecord(Struct, frozen=True, forbid_unknown_fields=True):
    """A fit.

    Attributes
    ----------
    date : str
        Day on which it was made.
    rows : list of str
        The published figures that it used.
    constants : dict of str to FittedConstant
        By key.
    """

    date: Annotated[str, Meta(pattern=r"^\d{4}-\d{2}-\d{2}$")]
    rows: list[Text]
    constants: dict[str, FittedConstant]
