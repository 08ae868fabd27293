"""What is assumed of a task graph whose file does not say it."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal, DecimalException

from devices.errors import InputError
from devices.kernel import CoreType

__all__ = ["Assumed"]

_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,6})?")
_MOST_DIGITS = 400
_EXACT = Context(prec=2 * _MOST_DIGITS)


@dataclass(frozen=True)
class Assumed:
    """How to read what a foreign file leaves open.

    Attributes
    ----------
    core : CoreType
        The core that runs a kernel of which nothing is said.
    cores : mapping of str to CoreType
        Cores of the kernels whose names begin so; the longest of those that fit counts. A core
        that the file itself gives counts more.
    time_attribute : str
        The attribute of DOT and GraphML nodes that has the kernel time.
    unit_us : float or None
        How long a unit of the file's times is, in us. None is the unit of the format: a second in
        WfFormat, 1 us in all others.

    Raises
    ------
    InputError
        The unit is not above 0.
    """

    core: CoreType = CoreType.AIV
    cores: Mapping[str, CoreType] = field(default_factory=dict)
    time_attribute: str = "time_us"
    unit_us: float | None = None

    def __post_init__(self) -> None:
        if self.unit_us is not None and not 0.0 < self.unit_us < math.inf:
            raise InputError(f"the unit of times is {self.unit_us} us; it has to be above 0")

    def core_of(self, kernel: str) -> CoreType:
        """The core of a kernel of which the file does not say it."""
        fitting = [prefix for prefix in self.cores if kernel.startswith(prefix)]
        return self.cores[max(fitting, key=len)] if fitting else self.core

    def time_us(self, text: str, format_unit_us: float = 1.0) -> float:
        """A time of the file in us: the float that is nearest to the decimal number in the text.

        Parameters
        ----------
        text : str
            The number as the file has it.
        format_unit_us : float
            The unit of the format.

        Raises
        ------
        ValueError
            It is no number, below 0 or not finite; says which.
        """
        if len(text) > _MOST_DIGITS or not _NUMBER.fullmatch(text.strip()):
            raise ValueError("is no number")
        unit_us = format_unit_us if self.unit_us is None else self.unit_us
        try:
            # Decimal, because 3.9e-6 s times a million is not 3.9 us in binary floats.
            time_us = float(_EXACT.multiply(Decimal(text.strip()), Decimal(repr(float(unit_us)))))
        except (DecimalException, OverflowError) as error:
            raise ValueError("is no time: too large or too small") from error
        if not math.isfinite(time_us):
            raise ValueError("is too large")
        if time_us < 0.0:
            raise ValueError("is below 0")
        return abs(time_us)  # -0 is 0
