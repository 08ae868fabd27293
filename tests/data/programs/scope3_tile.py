"""Scope 3 in tile language: gate and up fused in one cube task, two column tiles per down task."""

import pypto.language as pl

BATCH, HIDDEN, INTER = 16, 8192, 25600
K = 128
TILE = 64
EPS = 1e-6
_MEM = pl.MemorySpace


@pl.inline
def silu(gate, up):
    """gate * sigmoid(gate) * up."""
    sig = pl.recip(pl.add(pl.exp(pl.neg(gate)), 1.0))
    return pl.mul(pl.mul(gate, sig), up)


def build_scope3_tile_program(batch=BATCH, hidden=HIDDEN, inter=INTER, k=K):
    h_blocks, i_blocks = hidden // k, inter // k
    o_tiles = hidden // TILE
    m_tiles = inter // TILE
    act_shape = [batch, inter]

    @pl.program
    class Scope3Tile:
        @pl.function(type=pl.FunctionType.InCore)
        def out_proj(
            self,
            attn: pl.Tensor[[batch, hidden], pl.BF16],
            wo: pl.Tensor[[hidden, hidden], pl.BF16],
            o0: pl.Scalar[pl.INDEX],
            res: pl.Out[pl.Tensor[[batch, hidden], pl.FP32]],
        ) -> pl.Tensor[[batch, hidden], pl.FP32]:
            a_mat = pl.load(attn, [0, 0], [batch, k], target_memory=pl.MemorySpace.Mat)
            w_mat = pl.load(wo, [0, o0], [k, TILE], target_memory=pl.MemorySpace.Mat)
            a_l = pl.move(a_mat, target_memory=pl.MemorySpace.Left)
            w_r = pl.move(w_mat, target_memory=pl.MemorySpace.Right)
            acc = pl.matmul(a_l, w_r)
            for kb in pl.range(1, h_blocks):
                k0 = kb * k
                a_mat = pl.load(attn, [0, k0], [batch, k], target_memory=pl.MemorySpace.Mat)
                w_mat = pl.load(wo, [k0, o0], [k, TILE], target_memory=pl.MemorySpace.Mat)
                a_l = pl.move(a_mat, target_memory=pl.MemorySpace.Left)
                w_r = pl.move(w_mat, target_memory=pl.MemorySpace.Right)
                acc = pl.matmul_acc(acc, a_l, w_r)
            return pl.store(acc, [0, o0], res)

        @pl.function(type=pl.FunctionType.InCore)
        def add_resid(
            self,
            x: pl.Tensor[[batch, hidden], pl.BF16],
            o0: pl.Scalar[pl.INDEX],
            res: pl.InOut[pl.Tensor[[batch, hidden], pl.FP32]],
        ) -> pl.Tensor[[batch, hidden], pl.FP32]:
            a = pl.load(res, [0, o0], [batch, TILE])
            b = pl.cast(pl.load(x, [0, o0], [batch, TILE]), target_type=pl.FP32)
            res = pl.store(pl.add(a, b), [0, o0], res)
            return res

        @pl.function(type=pl.FunctionType.InCore)
        def gate_up(
            self,
            x: pl.Tensor[[batch, hidden], pl.BF16],
            w_gate: pl.Tensor[[hidden, inter], pl.BF16],
            w_up: pl.Tensor[[hidden, inter], pl.BF16],
            o0: pl.Scalar[pl.INDEX],
            gate: pl.Out[pl.Tensor[[batch, TILE], pl.FP32]],
            up: pl.Out[pl.Tensor[[batch, TILE], pl.FP32]],
        ) -> tuple[pl.Tensor[[batch, TILE], pl.FP32], pl.Tensor[[batch, TILE], pl.FP32]]:
            xm = pl.load(x, [0, 0], [batch, k], target_memory=pl.Mem.Mat)
            g_acc = pl.matmul(pl.move(xm, target_memory=pl.Mem.Left),
                              pl.move(pl.load(w_gate, [0, o0], [k, TILE], target_memory=pl.Mem.Mat), target_memory=pl.Mem.Right))
            u_acc = pl.matmul(pl.move(xm, target_memory=pl.Mem.Left),
                              pl.move(pl.load(w_up, [0, o0], [k, TILE], target_memory=pl.Mem.Mat), target_memory=pl.Mem.Right))
            for kb, (g_i, u_i) in pl.range(1, h_blocks, init_values=(g_acc, u_acc)):
                xm = pl.load(x, [0, kb * k], [batch, k], target_memory=pl.Mem.Mat)
                xl = pl.move(xm, target_memory=pl.Mem.Left)
                wg = pl.move(pl.load(w_gate, [kb * k, o0], [k, TILE], target_memory=pl.Mem.Mat), target_memory=pl.Mem.Right)
                wu = pl.move(pl.load(w_up, [kb * k, o0], [k, TILE], target_memory=pl.Mem.Mat), target_memory=pl.Mem.Right)
                g_n = pl.matmul_acc(g_i, xl, wg)
                u_n = pl.matmul_acc(u_i, xl, wu)
                g_out, u_out = pl.yield_(g_n, u_n)
            gate = pl.store(g_out, [0, 0], gate)
            up = pl.store(u_out, [0, 0], up)
            return gate, up

        @pl.function(type=pl.FunctionType.InCore)
        def silu_kernel(
            self,
            gate: pl.Tensor[[batch, TILE], pl.FP32],
            up: pl.Tensor[[batch, TILE], pl.FP32],
            o0: pl.Scalar[pl.INDEX],
            act: pl.Out[pl.Tensor[act_shape, pl.BF16]],
        ) -> pl.Tensor[act_shape, pl.BF16]:
            g = pl.load(gate, [0, 0], [batch, TILE])
            u = pl.load(up, [0, 0], [batch, TILE])
            y = silu(g, u)
            act = pl.store(pl.cast(y, target_type=pl.BF16), [0, o0], act)
            return act

        @pl.function(type=pl.FunctionType.InCore)
        def down(
            self,
            act: pl.Tensor[act_shape, pl.BF16],
            w_down: pl.Tensor[[inter, hidden], pl.BF16],
            o0: pl.Scalar[pl.INDEX],
            y: pl.Out[pl.Tensor[[batch, hidden], pl.FP32]],
        ) -> pl.Tensor[[batch, hidden], pl.FP32]:
            for t in pl.range(2):
                c0 = o0 + t * TILE
                acc = pl.matmul(
                    pl.move(pl.load(act, [0, 0], [batch, k], target_memory=pl.Mem.Mat), target_memory=pl.Mem.Left),
                    pl.move(pl.load(w_down, [0, c0], [k, TILE], target_memory=pl.Mem.Mat), target_memory=pl.Mem.Right))
                for kb in pl.range(1, i_blocks):
                    acc = pl.matmul_acc(
                        acc,
                        pl.move(pl.load(act, [0, kb * k], [batch, k], target_memory=pl.Mem.Mat), target_memory=pl.Mem.Left),
                        pl.move(pl.load(w_down, [kb * k, c0], [k, TILE], target_memory=pl.Mem.Mat), target_memory=pl.Mem.Right))
                y = pl.store(acc, [0, c0], y)
            return y

        @pl.function(type=pl.FunctionType.Opaque)
        def scope3(
            self,
            attn_out: pl.Tensor[[batch, hidden], pl.BF16],
            hidden_states: pl.Tensor[[batch, hidden], pl.BF16],
            wo: pl.Tensor[[hidden, hidden], pl.BF16],
            gamma: pl.Tensor[[1, hidden], pl.FP32],
            w_gate: pl.Tensor[[hidden, inter], pl.BF16],
            w_up: pl.Tensor[[hidden, inter], pl.BF16],
            w_down: pl.Tensor[[inter, hidden], pl.BF16],
            out: pl.Out[pl.Tensor[[batch, hidden], pl.BF16]],
        ) -> pl.Tensor[[batch, hidden], pl.BF16]:
            resid1 = pl.create_tensor([batch, hidden], dtype=pl.FP32)
            for ob in pl.parallel(0, o_tiles):
                o0 = ob * TILE
                resid1 = self.out_proj(attn_out, wo, o0, resid1)
                resid1 = self.add_resid(hidden_states, o0, resid1)

            normed = pl.create_tensor([batch, hidden], dtype=pl.BF16)
            with pl.at(level=pl.Level.CORE_GROUP):
                sq = pl.full([1, batch], dtype=pl.FP32, value=0.0)
                for kb in pl.range(h_blocks):
                    x = resid1[:, kb * k : (kb + 1) * k]
                    sq = pl.add(sq, pl.reshape(pl.row_sum(pl.mul(x, x)), [1, batch]))
                inv = pl.reshape(pl.rsqrt(pl.add(pl.mul(sq, 1.0 / hidden), EPS)), [batch, 1])
                for kb in pl.range(h_blocks):
                    x = resid1[:, kb * k : (kb + 1) * k]
                    g = gamma[:, kb * k : (kb + 1) * k]
                    normed = pl.assemble(
                        normed, pl.cast(pl.col_expand_mul(pl.row_expand_mul(x, inv), g), target_type=pl.BF16), [0, kb * k])

            act = pl.create_tensor(act_shape, dtype=pl.BF16)
            for mb in pl.parallel(m_tiles):
                gate = pl.create_tensor([batch, TILE], dtype=pl.FP32)
                up = pl.create_tensor([batch, TILE], dtype=pl.FP32)
                gate, up = self.gate_up(normed, w_gate, w_up, mb * TILE, gate, up)
                act = self.silu_kernel(gate, up, mb * TILE, act)

            down_out = pl.create_tensor([batch, hidden], dtype=pl.FP32)
            for ob in pl.parallel(0, o_tiles, 2):
                down_out = self.down(act, w_down, ob * TILE, down_out)

            for ob in pl.parallel(0, o_tiles, 2):
                with pl.incore():
                    for t in pl.range(2):
                        c0 = (ob + t) * TILE
                        y = pl.add(pl.slice(down_out, [batch, TILE], [0, c0]), pl.slice(resid1, [batch, TILE], [0, c0]))
                        out = pl.assemble(out, pl.cast(y, target_type=pl.BF16), [0, c0])
            return out

    return Scope3Tile
