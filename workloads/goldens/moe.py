"""A mixture of experts: what it computes, however it is cut into tasks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workloads.numbers import Array, Numbers, as_float32, product, through_bf16, uniform
from workloads.programs.moe import draw_routes

__all__ = ["MOE_NUMBERS"]


def _inputs(
    rng: np.random.Generator, *, tokens: int, hidden: int, intermediate: int, **others: int
) -> dict[str, Array]:
    """Activations in [-1, 1); a sharp router; other weights by 2 / sqrt(contracted size)."""
    experts = others["experts"]
    by_hidden, by_intermediate = 2 * hidden**-0.5, 2 * intermediate**-0.5
    into, back = (hidden, intermediate), (intermediate, hidden)
    return {
        "x": uniform(rng, (tokens, hidden), 2.0, np.dtype(np.float32)),
        "w_router": uniform(rng, (hidden, experts), 4 * by_hidden),
        "shared_gate": uniform(rng, into, by_hidden),
        "shared_up": uniform(rng, into, by_hidden),
        "shared_down": uniform(rng, back, by_intermediate),
        "w_gate": uniform(rng, (experts * hidden, intermediate), by_hidden),
        "w_up": uniform(rng, (experts * hidden, intermediate), by_hidden),
        "w_down": uniform(rng, (experts * intermediate, hidden), by_intermediate),
        **draw_routes(tokens=tokens, **others),
    }


def _feed_forward(x: Array, gate: Array, up: Array, down: Array) -> Array:
    """Gate and up, SiLU, stored as BF16, down; float32 of the shape of `x`."""
    gated = product(x, gate)
    activated = gated / (np.float32(1.0) + np.exp(-gated)) * product(x, up)
    return product(through_bf16(activated), down)


def _golden(
    inputs: Mapping[str, Array], *, hidden: int, intermediate: int, experts: int, **_: int
) -> dict[str, Array]:
    """The shared expert of every token, and the others weighed by a softmax over all experts."""
    x = through_bf16(inputs["x"])
    logits = product(x, as_float32(inputs["w_router"]))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    weights = powers / powers.sum(axis=1, keepdims=True)
    out = _feed_forward(x, inputs["shared_gate"], inputs["shared_up"], inputs["shared_down"])
    for expert in range(experts):
        tokens = np.flatnonzero((inputs["token_experts"] == expert).any(axis=1))
        into = slice(expert * hidden, (expert + 1) * hidden)
        back = slice(expert * intermediate, (expert + 1) * intermediate)
        own = inputs["w_gate"][into], inputs["w_up"][into], inputs["w_down"][back]
        out[tokens] += weights[tokens, expert, None] * _feed_forward(x[tokens], *own)
    return {"out": out}


MOE_NUMBERS = Numbers(
    inputs=_inputs,
    golden=_golden,
    rtol=1e-3,
    atol=1e-3,
    source=(
        "golden function of tilesim's own; a sum in another order may round an activation to the "
        "BF16 next to it, 2**-8 of it apart, which the down projection averages out"
    ),
)
