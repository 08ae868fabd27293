"""Qwen3-32B decode, scope 3: what it computes, however it is cut into tasks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workloads.numbers import BF16, Array, Numbers, as_float32, product, through_bf16, uniform

__all__ = ["SCOPE3_NUMBERS"]

RMS_EPSILON = 1e-6


def _inputs(
    rng: np.random.Generator, *, batch: int, hidden: int, intermediate: int, **_: int
) -> dict[str, Array]:
    """Activations in [-0.5, 0.5); weights by 1 / sqrt(contracted size); norm weights of one."""
    by_hidden, by_intermediate = hidden**-0.5, intermediate**-0.5
    return {
        "attn_out": uniform(rng, (batch, hidden)),
        "hidden_states": uniform(rng, (batch, hidden)),
        "wo": uniform(rng, (hidden, hidden), by_hidden),
        "post_rms_weight": np.ones((1, hidden), dtype=np.float32),
        "w_gate": uniform(rng, (hidden, intermediate), by_hidden),
        "w_up": uniform(rng, (hidden, intermediate), by_hidden),
        "w_down": uniform(rng, (intermediate, hidden), by_intermediate),
    }


def _golden(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    """Output projection, residual, RMSNorm, gate and up, SiLU, down projection, residual."""
    residual = product(as_float32(inputs["attn_out"]), inputs["wo"])
    residual += as_float32(inputs["hidden_states"])
    mean_square = np.mean(residual * residual, axis=1, keepdims=True)
    normed = residual / np.sqrt(mean_square + np.float32(RMS_EPSILON))
    normed = through_bf16(normed * inputs["post_rms_weight"])
    gate, up = product(normed, inputs["w_gate"]), product(normed, inputs["w_up"])
    activated = through_bf16(gate / (np.float32(1.0) + np.exp(-gate)) * up)
    return {"out": (product(activated, inputs["w_down"]) + residual).astype(BF16)}


SCOPE3_NUMBERS = Numbers(
    inputs=_inputs,
    golden=_golden,
    rtol=3e-3,
    atol=3e-3,
    source="pypto-lib, examples/models/qwen3/qwen3_32b_decode_scope3.py",
)
