"""A feed-forward block with a mixture of experts: tokens go to some experts each, as data say."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from devices.errors import InputError
from devices.expression import Scalar
from runtime import language as pl
from runtime.language.values import TensorValue
from workloads.programs.products import accumulated_product

__all__ = ["TOKEN_TILE", "build_moe_layer", "draw_routes", "slot_count"]

TOKEN_TILE = 16
"""Tokens of a tile. Each is sent to an expert by a task of its own, and a lookup of the runtime
finds 16 writers at most."""


def slot_count(tokens: int, experts: int, active: int) -> int:
    """Rows for what is sent to experts, of which each begins a tile; enough for any routes."""
    return (tokens * active // TOKEN_TILE + experts) * TOKEN_TILE


def draw_routes(
    *, tokens: int, experts: int, active: int, skew_percent: int, seed: int, **_: int
) -> dict[str, NDArray[Any]]:
    """What the orchestration reads: which tokens go to which expert.

    A token goes to `active` experts. Expert ``e`` is drawn with a weight of ``(e + 1) ** -s``,
    where ``s`` is ``skew_percent / 100``.

    Returns
    -------
    dict of int32 arrays
        ``expert_tokens`` and ``expert_slots``, shape (experts,): how many tokens an expert gets,
        and its first slot. ``slot_tokens``, shape (slots,): the token in each slot, -1 if none.
        ``token_experts`` and ``token_slots``, shape (tokens, active): where each token went.

    Raises
    ------
    InputError
        There are fewer experts than `active`.
    """
    if active > experts:
        raise InputError(
            f"moe-layer: a token cannot go to {active} (active) of {experts} experts; give fewer "
            "or more"
        )
    rng = np.random.default_rng(seed)
    weights = -skew_percent / 100 * np.log1p(np.arange(experts))
    # The largest of weights with Gumbel noise are a sample without replacement.
    drawn = weights + rng.gumbel(size=(tokens, experts))
    chosen = np.argsort(-drawn, axis=1)[:, :active]
    counts = np.bincount(chosen.reshape(-1), minlength=experts)
    tiles = -(-counts // TOKEN_TILE)
    first = (np.cumsum(tiles) - tiles) * TOKEN_TILE
    slot_tokens = np.full(slot_count(tokens, experts, active), -1)
    token_slots = np.empty_like(chosen)
    for expert in range(experts):
        token, place = np.nonzero(chosen == expert)
        slots = first[expert] + np.arange(len(token))
        slot_tokens[slots] = token
        token_slots[token, place] = slots
    routes = {
        "expert_tokens": counts,
        "expert_slots": first,
        "slot_tokens": slot_tokens,
        "token_experts": chosen,
        "token_slots": token_slots,
    }
    return {name: values.astype(np.int32) for name, values in routes.items()}


def build_moe_layer(
    tokens: int,
    hidden: int,
    intermediate: int,
    experts: int,
    active: int,
    k_chunk: int,
    mlp_chunk: int,
    out_chunk: int,
    skew_percent: int,
    seed: int,
) -> pl.Program:
    """Router, tokens sent to their experts, an MLP per tile of an expert, a weighted sum.

    A shared expert takes all tokens. Which experts a token goes to is not computed: the
    orchestration reads it (see `draw_routes`), and the router weighs what they return.

    Nothing conflicts unordered as long as a tile is written by 16 tasks at most, which is what a
    lookup of the runtime finds: ``intermediate / mlp_chunk`` and ``hidden / out_chunk``.

    Parameters
    ----------
    tokens, hidden, intermediate : int
        Rows of the activations, model width and width of every expert's MLP.
    experts, active : int
        Experts beside the shared one, and to how many of them a token goes.
    k_chunk, mlp_chunk, out_chunk : int
        Step along the model width, columns of a gate or up task and of a down task.
    skew_percent, seed : int
        How routes are drawn; of the program they change nothing.
    """
    del skew_percent, seed
    T, H, M, E, A = tokens, hidden, intermediate, experts, active
    K, F, N = k_chunk, mlp_chunk, out_chunk
    SLOTS = slot_count(tokens, experts, active)

    @pl.inline
    def feed_forward(
        x_tile: TensorValue,
        gate: TensorValue,
        up: TensorValue,
        down: TensorValue,
        target: TensorValue,
        row: Scalar,
    ) -> None:
        mlp_tile = pl.create_tensor([TOKEN_TILE, M], dtype=pl.BF16)
        for ob in pl.range(0, M // F):
            o0 = ob * F
            with pl.incore():
                gate_acc = accumulated_product(x_tile, gate, 0, o0, TOKEN_TILE, K, F, H // K)
            with pl.incore():
                up_acc = accumulated_product(x_tile, up, 0, o0, TOKEN_TILE, K, F, H // K)
            with pl.incore():
                sigmoid = pl.recip(pl.add(pl.exp(pl.neg(gate_acc)), 1.0))
                activated = pl.mul(pl.mul(gate_acc, sigmoid), up_acc)
                activated_bf16 = pl.cast(activated, target_type=pl.BF16)
            mlp_tile = pl.assemble(mlp_tile, activated_bf16, [0, o0])
        for db in pl.range(0, H // N):
            d0 = db * N
            with pl.incore():
                down_acc = accumulated_product(mlp_tile, down, 0, d0, TOKEN_TILE, F, N, M // F)
            target = pl.assemble(target, down_acc, [row, d0])

    @pl.program
    class MoeLayer:
        @pl.function
        def moe_layer(
            self,
            x: pl.Tensor[[T, H], pl.FP32],
            w_router: pl.Tensor[[H, E], pl.BF16],
            shared_gate: pl.Tensor[[H, M], pl.BF16],
            shared_up: pl.Tensor[[H, M], pl.BF16],
            shared_down: pl.Tensor[[M, H], pl.BF16],
            w_gate: pl.Tensor[[E * H, M], pl.BF16],
            w_up: pl.Tensor[[E * H, M], pl.BF16],
            w_down: pl.Tensor[[E * M, H], pl.BF16],
            expert_tokens: pl.Tensor[[E], pl.INT32],
            expert_slots: pl.Tensor[[E], pl.INT32],
            slot_tokens: pl.Tensor[[SLOTS], pl.INT32],
            token_experts: pl.Tensor[[T, A], pl.INT32],
            token_slots: pl.Tensor[[T, A], pl.INT32],
            out: pl.Out[pl.Tensor[[T, H], pl.FP32]],
        ) -> pl.Tensor[[T, H], pl.FP32]:
            weights = pl.create_tensor([T, E], dtype=pl.FP32)
            sent = pl.create_tensor([SLOTS, H], dtype=pl.BF16)
            returned = pl.create_tensor([SLOTS, H], dtype=pl.FP32)

            for t0 in pl.range(0, T, TOKEN_TILE):
                x_tile = pl.create_tensor([TOKEN_TILE, H], dtype=pl.BF16)
                with pl.incore():
                    for kb in pl.range(0, H // K):
                        part = pl.slice(x, [TOKEN_TILE, K], [t0, kb * K])
                        part_bf16 = pl.cast(part, target_type=pl.BF16)
                        x_tile = pl.assemble(x_tile, part_bf16, [0, kb * K])
                with pl.incore():
                    logits = accumulated_product(x_tile, w_router, 0, 0, TOKEN_TILE, K, E, H // K)
                with pl.incore():
                    powers = pl.exp(pl.row_expand_sub(logits, pl.row_max(logits)))
                    shares = pl.row_expand_div(powers, pl.row_sum(powers))
                weights = pl.assemble(weights, shares, [t0, 0])
                feed_forward(x_tile, shared_gate, shared_up, shared_down, out, t0)

            for e in pl.range(E):
                count = pl.tensor.read(expert_tokens, [e])
                first = pl.tensor.read(expert_slots, [e])
                for i in pl.range(count):
                    token = pl.tensor.read(slot_tokens, [first + i])
                    sent_row = pl.create_tensor([1, H], dtype=pl.BF16)
                    with pl.incore():
                        for kb in pl.range(0, H // K):
                            row_part = pl.slice(x, [1, K], [token, kb * K])
                            row_bf16 = pl.cast(row_part, target_type=pl.BF16)
                            sent_row = pl.assemble(sent_row, row_bf16, [0, kb * K])
                    sent = pl.assemble(sent, sent_row, [first + i, 0])
                own_gate = pl.slice(w_gate, [H, M], [e * H, 0])
                own_up = pl.slice(w_up, [H, M], [e * H, 0])
                own_down = pl.slice(w_down, [M, H], [e * M, 0])
                for i0 in pl.range(0, count, TOKEN_TILE):
                    sent_tile = pl.slice(sent, [TOKEN_TILE, H], [first + i0, 0])
                    feed_forward(sent_tile, own_gate, own_up, own_down, returned, first + i0)

            for t in pl.range(T):
                out_row = pl.slice(out, [1, H], [t, 0])
                for a in pl.range(A):
                    e = pl.tensor.read(token_experts, [t, a])
                    slot = pl.tensor.read(token_slots, [t, a])
                    weight = pl.slice(weights, [1, 1], [t, e])
                    from_expert = pl.slice(returned, [1, H], [slot, 0])
                    with pl.incore():
                        share = pl.slice(weight, [1, 1], [0, 0])
                        for db in pl.range(0, H // N):
                            result = pl.slice(from_expert, [1, N], [0, db * N])
                            so_far = pl.slice(out_row, [1, N], [0, db * N])
                            weighted = pl.row_expand_mul(result, share)
                            out_row = pl.assemble(out_row, pl.add(so_far, weighted), [0, db * N])
            return out

    return MoeLayer
