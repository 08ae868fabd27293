"""Qwen3-32B decode, the whole layer: the golden functions of its scopes one after another.

Nothing orders the fill of a group's tensors with zeroes and the tasks that write them (WAW): the
fill has nothing to wait for and so runs long before them, unless vector cores are short.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from workloads.goldens.qwen3_scope1 import SCOPE1_NUMBERS
from workloads.goldens.qwen3_scope2 import attend_over_caches, context_inputs
from workloads.goldens.qwen3_scope3 import SCOPE3_NUMBERS
from workloads.numbers import Array, Numbers

__all__ = ["LAYER_NUMBERS"]


def _inputs(
    rng: np.random.Generator, *, num_heads: int, head_dim: int, **sizes: int
) -> dict[str, Array]:
    """What the scopes draw, but for what passes between them."""
    sizes |= {"hidden": num_heads * head_dim, "head_dim": head_dim}
    last = SCOPE3_NUMBERS.inputs(rng, **sizes)
    del last["attn_out"]
    # Scope 1 draws the same hidden states as scope 3 adds to the projection.
    return {**last, **SCOPE1_NUMBERS.inputs(rng, **sizes), **context_inputs(rng, **sizes)}


def _golden(inputs: Mapping[str, Array], **sizes: int) -> dict[str, Array]:
    """Projections, attention, MLP."""
    projections = SCOPE1_NUMBERS.golden(inputs, **sizes)
    attended = attend_over_caches(projections, inputs, **sizes)
    attention = {"attn_out": attended.pop("attn_out")}
    return {**attended, **SCOPE3_NUMBERS.golden({**inputs, **attention}, **sizes)}


LAYER_NUMBERS = Numbers(
    inputs=_inputs,
    golden=_golden,
    rtol=1e-2,
    atol=3e-3,
    source=(
        "golden functions of the scopes; results are BF16, whose neighbours are 2**-7 of a number "
        "apart at most, and scope 3 was published with 0.003"
    ),
)
