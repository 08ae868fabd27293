# Copyright (c) example.
# -----------------------------------------------------------------------------------------------------------
"""Qwen3-32B decode scope 1: RMSNorm, then Q, K and V projections.

Projections are chunked parallel loops of 4 output tiles over a K chunk of 512.
"""
from __future__ import annotations

import pypto.language as pl

BATCH = 16
HIDDEN = 8192
NUM_HEADS = 64
NUM_KV_HEADS = 8
HEAD_DIM = 128
EPS = 1e-6
HIDDEN_INV = 1.0 / HIDDEN

K_CHUNK = 512
Q_OUT_CHUNK = 64
KV_OUT_CHUNK = 64
BATCH_TILE = 16


def build_qwen3_scope1_program(
    batch: int = BATCH,
    hidden_size: int = HIDDEN,
    num_kv_heads: int = NUM_KV_HEADS,
    head_dim: int = HEAD_DIM,
    k_chunk: int = K_CHUNK,
):
    hidden = hidden_size
    kv_hidden = num_kv_heads * head_dim
    hidden_blocks = (hidden + k_chunk - 1) // k_chunk
    q_out_blocks = hidden // Q_OUT_CHUNK
    kv_out_blocks = kv_hidden // KV_OUT_CHUNK

    @pl.program
    class Qwen3Scope1:
        """Projections."""

        @pl.function(type=pl.FunctionType.Opaque)
        def qwen3_scope1(
            self,
            hidden_states: pl.Tensor[[batch, hidden], pl.BF16],
            input_rms_weight: pl.Tensor[[1, hidden], pl.FP32],
            wq: pl.Tensor[[hidden, hidden], pl.BF16],
            wk: pl.Tensor[[hidden, kv_hidden], pl.BF16],
            wv: pl.Tensor[[hidden, kv_hidden], pl.BF16],
            q_proj: pl.Out[pl.Tensor[[batch, hidden], pl.FP32]],
            k_proj: pl.Out[pl.Tensor[[batch, kv_hidden], pl.FP32]],
            v_proj: pl.Out[pl.Tensor[[batch, kv_hidden], pl.FP32]],
        ) -> tuple[
            pl.Tensor[[batch, hidden], pl.FP32],
            pl.Tensor[[batch, kv_hidden], pl.FP32],
            pl.Tensor[[batch, kv_hidden], pl.FP32],
        ]:
            """Docstring of the function.

            Several lines.
            """
            for b0 in pl.range(0, batch, BATCH_TILE):
                normed_tile = pl.create_tensor([BATCH_TILE, hidden], dtype=pl.BF16)

                # Stage 1: RMSNorm.
                with pl.at(level=pl.Level.CORE_GROUP):
                    partial_sq = pl.full([1, BATCH_TILE], dtype=pl.FP32, value=0.0)
                    for kb in pl.range(hidden_blocks):
                        k0 = kb * k_chunk
                        x_chunk = pl.cast(
                            pl.slice(hidden_states, [BATCH_TILE, k_chunk], [b0, k0]),
                            target_type=pl.FP32,
                        )
                        partial_sq = pl.add(
                            partial_sq,
                            pl.reshape(pl.row_sum(pl.mul(x_chunk, x_chunk)), [1, BATCH_TILE]),
                        )
                    # Back to a column.
                    variance = pl.reshape(
                        pl.add(pl.mul(partial_sq, 1.0 / hidden), EPS), [BATCH_TILE, 1]
                    )
                    inv_rms = pl.recip(pl.sqrt(variance))

                    for kb in pl.range(hidden_blocks):
                        k0 = kb * k_chunk
                        x_chunk = pl.cast(
                            pl.slice(hidden_states, [BATCH_TILE, k_chunk], [b0, k0]),
                            target_type=pl.FP32,
                        )
                        gamma = pl.slice(input_rms_weight, [1, k_chunk], [0, k0])
                        normed = pl.col_expand_mul(pl.row_expand_mul(x_chunk, inv_rms), gamma)
                        normed_tile = pl.assemble(
                            normed_tile, pl.cast(normed, target_type=pl.BF16), [0, k0]
                        )

                # Stage 2: Q projection.
                with pl.at(level=pl.Level.CORE_GROUP, optimization=pl.chunked_loop_optimizer):
                    for ob in pl.parallel(0, q_out_blocks, chunk=4):
                        q0 = ob * Q_OUT_CHUNK
                        tile_a = pl.slice(normed_tile, [BATCH_TILE, k_chunk], [0, 0])
                        tile_b = pl.slice(wq, [k_chunk, Q_OUT_CHUNK], [0, q0])
                        q_acc = pl.matmul(tile_a, tile_b, out_dtype=pl.FP32)
                        for kb in pl.range(1, hidden_blocks):
                            k0 = kb * k_chunk
                            tile_a_i = pl.slice(normed_tile, [BATCH_TILE, k_chunk], [0, k0])
                            tile_b_i = pl.slice(wq, [k_chunk, Q_OUT_CHUNK], [k0, q0])
                            q_acc = pl.matmul_acc(q_acc, tile_a_i, tile_b_i)
                        q_proj = pl.assemble(q_proj, q_acc, [b0, q0])

                # Stage 3: K and V projections, fused.
                with pl.at(level=pl.Level.CORE_GROUP, optimization=pl.chunked_loop_optimizer):
                    for ob in pl.parallel(0, kv_out_blocks, chunk=4):
                        kv0 = ob * KV_OUT_CHUNK
                        tile_a = pl.slice(normed_tile, [BATCH_TILE, k_chunk], [0, 0])
                        tile_wk = pl.slice(wk, [k_chunk, KV_OUT_CHUNK], [0, kv0])
                        k_acc = pl.matmul(tile_a, tile_wk, out_dtype=pl.FP32)
                        for kb in pl.range(1, hidden_blocks):
                            k0 = kb * k_chunk
                            tile_a_i = pl.slice(normed_tile, [BATCH_TILE, k_chunk], [0, k0])
                            tile_wk_i = pl.slice(wk, [k_chunk, KV_OUT_CHUNK], [k0, kv0])
                            k_acc = pl.matmul_acc(k_acc, tile_a_i, tile_wk_i)
                        k_proj = pl.assemble(k_proj, k_acc, [b0, kv0])

                        tile_a = pl.slice(normed_tile, [BATCH_TILE, k_chunk], [0, 0])
                        tile_wv = pl.slice(wv, [k_chunk, KV_OUT_CHUNK], [0, kv0])
                        v_acc = pl.matmul(tile_a, tile_wv, out_dtype=pl.FP32)
                        for kb in pl.range(1, hidden_blocks):
                            k0 = kb * k_chunk
                            tile_a_i = pl.slice(normed_tile, [BATCH_TILE, k_chunk], [0, k0])
                            tile_wv_i = pl.slice(wv, [k_chunk, KV_OUT_CHUNK], [k0, kv0])
                            v_acc = pl.matmul_acc(v_acc, tile_a_i, tile_wv_i)
                        v_proj = pl.assemble(v_proj, v_acc, [b0, kv0])

            return q_proj, k_proj, v_proj

    return Qwen3Scope1


def golden(tensors: dict, params: dict | None = None) -> None:
    """Reference."""
    import torch

    x = tensors["hidden_states"].float()
    variance = x.pow(2).mean(dim=-1, keepdim=True) + EPS
    normed = (x * torch.rsqrt(variance) * tensors["input_rms_weight"].float()).bfloat16()
    tensors["q_proj"][:] = (normed.float() @ tensors["wq"].float()).float()
    tensors["k_proj"][:] = (normed.float() @ tensors["wk"].float()).float()
    tensors["v_proj"][:] = (normed.float() @ tensors["wv"].float()).float()


def build_tensor_specs(batch: int = BATCH, hidden_size: int = HIDDEN, num_kv_heads=NUM_KV_HEADS,
                       head_dim: int = HEAD_DIM):
    import torch
    from pypto.runtime import TensorSpec

    kv_hidden = num_kv_heads * head_dim

    def init_hidden_states():
        return torch.rand(batch, hidden_size) - 0.5

    def init_w():
        return torch.rand(hidden_size, hidden_size) / hidden_size ** 0.5

    return [
        TensorSpec("hidden_states", [batch, hidden_size], torch.bfloat16, init_value=init_hidden_states),
        TensorSpec("input_rms_weight", [1, hidden_size], torch.float32, init_value=torch.rand),
        TensorSpec("wq", [hidden_size, hidden_size], torch.bfloat16, init_value=init_w),
        TensorSpec("wk", [hidden_size, kv_hidden], torch.bfloat16, init_value=torch.rand),
        TensorSpec("wv", [hidden_size, kv_hidden], torch.bfloat16, init_value=torch.rand),
        TensorSpec("q_proj", [batch, hidden_size], torch.float32, is_output=True),
        TensorSpec("k_proj", [batch, kv_hidden], torch.float32, is_output=True),
        TensorSpec("v_proj", [batch, kv_hidden], torch.float32, is_output=True),
    ]


def compile_and_run(
    batch: int = BATCH,
    hidden_size: int = HIDDEN,
    platform: str = "a2a3",
    device_id: int = 0,
    dump_passes: bool = True,
    runtime_profiling: bool = False,
):
    from pypto.backend import BackendType
    from pypto.ir.pass_manager import OptimizationStrategy
    from pypto.runtime import RunConfig, run

    backend = BackendType.Ascend950 if platform.startswith("a5") else BackendType.Ascend910B
    program = build_qwen3_scope1_program(batch=batch, hidden_size=hidden_size)
    result = run(
        program=program,
        tensor_specs=build_tensor_specs(batch=batch, hidden_size=hidden_size),
        golden=golden,
        config=RunConfig(
            platform=platform,
            device_id=device_id,
            rtol=1e-3,
            atol=1e-3,
            strategy=OptimizationStrategy.Default,
            dump_passes=dump_passes,
            backend_type=backend,
            runtime_profiling=runtime_profiling,
        ),
    )
    return result


if __name__ == "__main__":
    import argparse

    parser = argparse.ArgumentParser()
    parser.add_argument("-p", "--platform", type=str, default="a2a3sim",
                        choices=["a2a3", "a2a3sim", "a5", "a5sim"])
    parser.add_argument("-d", "--device", type=int, default=0)
    parser.add_argument("--runtime-profiling", action="store_true", default=False)
    args = parser.parse_args()

    result = compile_and_run(platform=args.platform, device_id=args.device,
                             runtime_profiling=args.runtime_profiling)
    if not result.passed:
        if result.error:
            print(f"Result: {result.error}")
        raise SystemExit(1)
