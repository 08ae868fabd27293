"""Qwen3-32B decode, scope 1: what it computes, however it is cut into tasks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workloads.numbers import Array, Numbers, as_float32, product, through_bf16, uniform

__all__ = ["SCOPE1_NUMBERS"]

RMS_EPSILON = 1e-6


def _inputs(
    rng: np.random.Generator,
    *,
    batch: int,
    hidden: int,
    num_kv_heads: int,
    head_dim: int,
    **_: int,
) -> dict[str, Array]:
    """Activations in [-0.5, 0.5); weights by 1 / sqrt(contracted size); norm weights of one."""
    width, scale = num_kv_heads * head_dim, hidden**-0.5
    return {
        "hidden_states": uniform(rng, (batch, hidden)),
        "input_rms_weight": np.ones((1, hidden), dtype=np.float32),
        "wq": uniform(rng, (hidden, hidden), scale),
        "wk": uniform(rng, (hidden, width), scale),
        "wv": uniform(rng, (hidden, width), scale),
    }


def _golden(inputs: Mapping[str, Array], **_: int) -> dict[str, Array]:
    """RMSNorm, stored as BF16, then three projections to FP32."""
    states = as_float32(inputs["hidden_states"])
    mean_square = np.mean(states * states, axis=1, keepdims=True)
    normed = states / np.sqrt(mean_square + np.float32(RMS_EPSILON))
    normed = through_bf16(normed * inputs["input_rms_weight"])
    return {f"{name}_proj": product(normed, inputs[f"w{name}"]) for name in "qkv"}


SCOPE1_NUMBERS = Numbers(
    inputs=_inputs,
    golden=_golden,
    rtol=3e-3,
    atol=3e-3,
    source="as scope 3 of the same library",
)
