"""Qwen3-32B decode scope 1 with explicit InCore kernels in tile language."""

import pypto.language as pl
import torch
from pypto.runtime import RunConfig, TensorSpec, run

BATCH, HIDDEN, KV_HIDDEN = 16, 8192, 1024
K_CHUNK = 128
OUT_CHUNK = 64
EPS = 1e-6


def build_qwen3_scope1_tile_program(batch=BATCH, hidden=HIDDEN, kv_hidden=KV_HIDDEN):
    K_BLOCKS = hidden // K_CHUNK
    q_blocks, kv_blocks = hidden // OUT_CHUNK, kv_hidden // OUT_CHUNK
    inv = 1.0 / hidden

    @pl.program
    class Scope1Tile:
        @pl.function(type=pl.FunctionType.InCore)
        def rmsnorm(
            self,
            hidden_states: pl.Tensor[[batch, hidden], pl.BF16],
            gamma: pl.Tensor[[1, hidden], pl.FP32],
            normed: pl.Out[pl.Tensor[[batch, hidden], pl.BF16]],
        ) -> pl.Tensor[[batch, hidden], pl.BF16]:
            sq_sum: pl.Tile[[1, batch], pl.FP32] = pl.load(gamma, [0, 0], [1, batch])
            sq_sum_z = pl.mul(sq_sum, 0.0)
            tmp = pl.create_tile([batch, K_CHUNK], dtype=pl.FP32, target_memory=pl.Mem.Vec)
            for kb, (acc,) in pl.range(K_BLOCKS, init_values=(sq_sum_z,)):
                x = pl.cast(pl.load(hidden_states, [0, kb * K_CHUNK], [batch, K_CHUNK]), target_type=pl.FP32)
                row = pl.row_sum(pl.mul(x, x), tmp)
                acc_next = pl.add(acc, pl.reshape(row, [1, batch]))
                total = pl.yield_(acc_next)
            mean = pl.mul(total, inv)
            inv_rms = pl.reshape(pl.rsqrt(pl.add(mean, EPS)), [batch, 1])
            for kb in pl.range(K_BLOCKS):
                x = pl.cast(pl.load(hidden_states, [0, kb * K_CHUNK], [batch, K_CHUNK]), target_type=pl.FP32)
                g = pl.load(gamma, [0, kb * K_CHUNK], [1, K_CHUNK], target_memory=pl.MemorySpace.Vec)
                y = pl.col_expand_mul(pl.row_expand_mul(x, inv_rms), g)
                normed = pl.store(pl.cast(y, target_type=pl.BF16, mode="rint"), [0, kb * K_CHUNK], normed)
            return normed

        @pl.function(type=pl.FunctionType.InCore)
        def q_proj_kernel(
            self,
            normed: pl.Tensor[[batch, hidden], pl.BF16],
            w: pl.Tensor[[hidden, hidden], pl.BF16],
            o0: pl.Scalar[pl.INDEX],
            out: pl.Out[pl.Tensor[[batch, OUT_CHUNK], pl.FP32]],
        ) -> pl.Tensor[[batch, OUT_CHUNK], pl.FP32]:
            a_l1 = pl.load(normed, [0, 0], [batch, K_CHUNK], target_memory=pl.MemorySpace.Mat)
            b_l1 = pl.load(w, [0, o0], [K_CHUNK, OUT_CHUNK], target_memory=pl.MemorySpace.Mat)
            a = pl.move(a_l1, target_memory=pl.MemorySpace.Left)
            b = pl.move(b_l1, target_memory=pl.MemorySpace.Right)
            acc = pl.matmul(a, b)
            for kb in pl.range(1, K_BLOCKS):
                a_l1 = pl.load(normed, [0, kb * K_CHUNK], [batch, K_CHUNK], target_memory=pl.MemorySpace.Mat)
                b_l1 = pl.load(w, [kb * K_CHUNK, o0], [K_CHUNK, OUT_CHUNK], target_memory=pl.MemorySpace.Mat)
                a = pl.move(a_l1, target_memory=pl.MemorySpace.Left)
                b = pl.move(b_l1, target_memory=pl.MemorySpace.Right)
                acc = pl.matmul_acc(acc, a, b)
            out = pl.store(acc, [0, 0], out)
            return out

        @pl.function(type=pl.FunctionType.InCore)
        def kv_proj_kernel(
            self,
            normed: pl.Tensor[[batch, hidden], pl.BF16],
            w: pl.Tensor[[hidden, kv_hidden], pl.BF16],
            o0: pl.Scalar[pl.INDEX],
            out: pl.Out[pl.Tensor[[batch, OUT_CHUNK], pl.FP32]],
        ) -> pl.Tensor[[batch, OUT_CHUNK], pl.FP32]:
            a_l1 = pl.load(normed, [0, 0], [batch, K_CHUNK], target_memory=pl.MemorySpace.Mat)
            b_l1 = pl.load(w, [0, o0], [K_CHUNK, OUT_CHUNK], target_memory=pl.MemorySpace.Mat)
            acc = pl.matmul(pl.move(a_l1, target_memory=pl.MemorySpace.Left),
                            pl.move(b_l1, target_memory=pl.MemorySpace.Right))
            for kb, (acc_i,) in pl.range(1, K_BLOCKS, init_values=(acc,)):
                a_l1 = pl.load(normed, [0, kb * K_CHUNK], [batch, K_CHUNK], target_memory=pl.MemorySpace.Mat)
                b_l1 = pl.load(w, [kb * K_CHUNK, o0], [K_CHUNK, OUT_CHUNK], target_memory=pl.MemorySpace.Mat)
                a = pl.move(a_l1, target_memory=pl.MemorySpace.Left)
                b = pl.move(b_l1, target_memory=pl.MemorySpace.Right)
                acc_n = pl.matmul_acc(acc_i, a, b)
                acc_out = pl.yield_(acc_n)
            out = pl.store(acc_out, [0, 0], out)
            return out

        @pl.function(type=pl.FunctionType.Orchestration)
        def scope1(
            self,
            hidden_states: pl.Tensor[[batch, hidden], pl.BF16],
            gamma: pl.Tensor[[1, hidden], pl.FP32],
            wq: pl.Tensor[[hidden, hidden], pl.BF16],
            wk: pl.Tensor[[hidden, kv_hidden], pl.BF16],
            wv: pl.Tensor[[hidden, kv_hidden], pl.BF16],
            q_proj: pl.Out[pl.Tensor[[batch, hidden], pl.FP32]],
            k_proj: pl.Out[pl.Tensor[[batch, kv_hidden], pl.FP32]],
            v_proj: pl.Out[pl.Tensor[[batch, kv_hidden], pl.FP32]],
        ) -> tuple[pl.Tensor[[batch, hidden], pl.FP32], pl.Tensor[[batch, kv_hidden], pl.FP32],
                   pl.Tensor[[batch, kv_hidden], pl.FP32]]:
            normed = pl.create_tensor([batch, hidden], dtype=pl.BF16)
            normed = self.rmsnorm(hidden_states, gamma, normed)
            for ob in pl.parallel(q_blocks):
                q0 = ob * OUT_CHUNK
                q_tile = q_proj[:, q0 : q0 + OUT_CHUNK]
                q_tile = self.q_proj_kernel(normed, wq, q0, q_tile)
            for ob in pl.parallel(kv_blocks):
                kv0 = ob * OUT_CHUNK
                k_tile = pl.create_tensor([batch, OUT_CHUNK], dtype=pl.FP32)
                k_tile = self.kv_proj_kernel(normed, wk, kv0, k_tile)
                k_proj = pl.assemble(k_proj, k_tile, [0, kv0])
            for ob in pl.parallel(kv_blocks):
                kv0 = ob * OUT_CHUNK
                v_view = pl.slice(v_proj, [batch, OUT_CHUNK], [0, kv0])
                v_view = self.kv_proj_kernel(normed, wv, kv0, v_view)
            return q_proj, k_proj, v_proj

    return Scope1Tile


def build_tensor_specs(batch=BATCH, hidden=HIDDEN, kv_hidden=KV_HIDDEN):
    return [
        TensorSpec("hidden_states", [batch, hidden], torch.bfloat16, init_value=torch.randn),
        TensorSpec("gamma", [1, hidden], torch.float32, init_value=torch.ones),
    ]


def main():
    run(program=build_qwen3_scope1_tile_program(), tensor_specs=build_tensor_specs(), golden=None,
        config=RunConfig(platform="a2a3", enable_profiling=True))


if __name__ == "__main__":
    main()
