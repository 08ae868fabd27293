"""What workloads run on: chip, runtime, policy, and how dependences are found."""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.description import Quantity
from devices.description import settings as figures_of
from devices.device import Device, available_devices, load_device
from runtime.dependencies import RUNTIME_LIMIT, Dependencies, lookup_limit
from runtime.estimates import Estimates
from runtime.language import Lowering
from runtime.version import RuntimeVersion, available_runtimes, load_runtime
from scheduler.policy import Policy, RuntimePolicy, full_name
from tilesim.ideals import IDEALS
from workloads.published import PublishedCase

__all__ = ["DEFAULT_DEVICE", "DEFAULT_RUNTIME", "Setup"]

DEFAULT_DEVICE = "a2a3"
DEFAULT_RUNTIME = "tmr-2026-04"


@dataclass(frozen=True)
class Setup:
    """What a workload runs on.

    Attributes
    ----------
    device, runtime : Device, RuntimeVersion
        The chip and its software.
    dependencies : Dependencies
        What dependences are tracked on.
    lookup_cap : int or None
        Most producers of one TensorMap lookup, None for all, `RUNTIME_LIMIT` for the runtime's.
    profiling : bool
        Whether the run writes the records that the device tools read.
    policy : Policy
        Which ready task runs next, and where.
    estimates : Estimates
        What the policy is told of kernel times and priorities.
    lowering : Lowering
        The compiler whose rules for the directions of arguments apply.
    ideals : tuple of str
        What device and runtime have as ideals (`tilesim.ideals`); only names what was done.
    """

    device: Device = field(default_factory=lambda: load_device(DEFAULT_DEVICE))
    runtime: RuntimeVersion = field(default_factory=lambda: load_runtime(DEFAULT_RUNTIME))
    dependencies: Dependencies = Dependencies.TENSOR
    lookup_cap: int | None = RUNTIME_LIMIT
    profiling: bool = True
    policy: Policy = field(default_factory=RuntimePolicy)
    estimates: Estimates = field(default_factory=Estimates)
    lowering: Lowering = Lowering.APRIL
    ideals: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        lookup_limit(self.runtime, self.lookup_cap)  # refuses what is no cap

    @property
    def effective_lookup_cap(self) -> int | None:
        """The limit that applies, None for no limit."""
        return lookup_limit(self.runtime, self.lookup_cap)

    def differences(self) -> list[str]:
        """What differs from the default setup, in words."""
        words = []
        if self.device.name != DEFAULT_DEVICE:
            words.append(f"on {self.device.name}")
        if self.runtime.name != DEFAULT_RUNTIME:
            words.append(f"with {self.runtime.name}")
        if self.lowering is not Lowering.APRIL:
            words.append(f"(lowering {self.lowering})")
        words += [f"(ideal {name})" for name in self.ideals]
        words += self._changed_figures()
        if self.dependencies is not Dependencies.TENSOR:
            words.append(f"({self.dependencies} dependencies)")
        if self.effective_lookup_cap != self.runtime.lookup_limit:
            cap = self.effective_lookup_cap
            words.append("(no lookup cap)" if cap is None else f"(lookup cap {cap})")
        if not self.profiling:
            words.append("(no profiling)")
        if self.policy != RuntimePolicy():
            words.append(full_name(self.policy))
        if self.estimates.error:
            seed = f", seed {self.estimates.seed}" if self.estimates.seed else ""
            words.append(f"(estimate error {self.estimates.error:g}{seed})")
        words += [f"(priority {k} {n})" for k, n in self.estimates.priorities.items()]
        return words

    def _changed_figures(self) -> list[str]:
        """Figures that are not those of the device and the runtime of these names, in words."""
        words = []
        ideal = {key: value for name in self.ideals for key, value in IDEALS[name][1].items()}
        for described, known, load in (
            (self.device, available_devices(), load_device),
            (self.runtime, available_runtimes(), load_runtime),
        ):
            if described.name in known:
                before, now = figures_of(load(described.name)), figures_of(described)
                words += [
                    f"({key}={_number(value):g})"
                    for key, value in now.items()
                    if (key not in before or _number(before[key]) != _number(value))
                    and ideal.get(key) != _number(value)
                ]
        return words

    def has_graph_of(self, other: Setup) -> bool:
        """Whether programs have the same graph and kernel times with both."""
        return (
            self.device == other.device
            and self.runtime == other.runtime
            and self.dependencies is other.dependencies
            and self.lowering is other.lowering
            and self.effective_lookup_cap == other.effective_lookup_cap
        )

    def is_as_published(self, case: PublishedCase) -> bool:
        """Whether a case was measured like this."""
        return (
            self.device == load_device(DEFAULT_DEVICE)
            and self.runtime == load_runtime(case.runtime)
            and self.dependencies is Dependencies.TENSOR
            and self.lowering is Lowering.APRIL
            and self.effective_lookup_cap == self.runtime.lookup_limit
            and self.profiling == case.profiling
            and self.policy == RuntimePolicy()
        )


def _number(figure: Quantity | int) -> float:
    return figure.value if isinstance(figure, Quantity) else figure
