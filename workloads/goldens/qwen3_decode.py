"""Qwen3-32B decode, layers one after the other: the golden function of the layer, repeated."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workloads.goldens.qwen3_layer import LAYER_NUMBERS
from workloads.numbers import Array, Numbers
from workloads.programs.qwen3_decode import SHARED

__all__ = ["DECODE_NUMBERS"]

_ONCE = (*SHARED, "hidden_states")


def _inputs(rng: np.random.Generator, *, layers: int, **sizes: int) -> dict[str, Array]:
    """What each layer draws; of what all have, that of the first one."""
    drawn: dict[str, Array] = {}
    for number in range(layers):
        for name, values in LAYER_NUMBERS.inputs(rng, **sizes).items():
            drawn.setdefault(name if name in _ONCE else f"{name}_{number}", values)
    return drawn


def _golden(inputs: Mapping[str, Array], *, layers: int, **sizes: int) -> dict[str, Array]:
    """One layer after the other."""
    results: dict[str, Array] = {}
    hidden = inputs["hidden_states"]
    for number in range(layers):
        suffix = f"_{number}"
        own = {n.removesuffix(suffix): v for n, v in inputs.items() if n.endswith(suffix)}
        shared = {name: inputs[name] for name in SHARED}
        found = LAYER_NUMBERS.golden({**own, **shared, "hidden_states": hidden}, **sizes)
        hidden = found.pop("out")
        results |= {f"{name}{suffix}": values for name, values in found.items()}
        results["out" if number == layers - 1 else f"out{suffix}"] = hidden
    return results


DECODE_NUMBERS = Numbers(
    inputs=_inputs,
    golden=_golden,
    rtol=LAYER_NUMBERS.rtol,
    atol=LAYER_NUMBERS.atol,
    source=LAYER_NUMBERS.source,
)
