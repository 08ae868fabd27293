"""Program files in the style of a library of models: every count worked out by hand.

Each file is executed as it is, at a small size, and compared with the rules of the compiler: tasks
of each kernel with core type and directions, hidden allocs, edges (creator edges to allocs
included), depth in kernel tasks. Numbers are compared with numpy, in an adversarial order where
the edges order everything.
"""

from collections import Counter
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

from runtime.numerics.orders import adversarial_order, program_order
from runtime.numerics.run import compute_numbers
from runtime.tensormap import build_graph
from workloads.program_files import load_program_file

PROGRAMS = Path(__file__).parents[1] / "data" / "programs"
EPS = 1e-6


class Read:
    """A file's program at a size, and its graph."""

    def __init__(self, name, given=None, lookup_cap=16, **settings):
        workload = load_program_file(str(PROGRAMS / f"{name}.py"), given=given)
        self.submits = workload.submits(workload.parameters(settings))
        self.graph = build_graph(self.submits, lookup_cap=lookup_cap, rings=4)
        self.tasks = [t for t, kernel in enumerate(self.graph.kernel.tolist()) if kernel >= 0]

    def kernels(self):
        """Tasks, core and directions of every kernel that runs: o, i, x for out, in, inout."""
        runs = Counter(self.graph.kernel.tolist())
        letters = {"in": "i", "out_existing": "o", "inout": "x", "no_dep": "-"}
        return [
            (runs[number], kernel.core.value, _directions(kernel, letters))
            for number, kernel in enumerate(self.graph.kernels)
            if runs[number]
        ]

    def totals(self):
        """Tasks, allocs, edges, depth."""
        depth = {}
        for task in range(len(self.graph)):
            before = [depth[p] for p in self.graph.producers(task).tolist()]
            depth[task] = max(before, default=0) + (self.graph.kernel[task] >= 0)
        edges = sum(len(self.graph.producers(task)) for task in range(len(self.graph)))
        return len(self.tasks), len(self.graph) - len(self.tasks), edges, max(depth.values())

    def numbers(self, order=adversarial_order, **inputs):
        tasks = [task for task in order(self.graph) if self.graph.kernel[task] >= 0]
        return compute_numbers(self.submits, inputs, tasks)


def _directions(kernel, letters):
    return " ".join(f"{p.name}:{letters[p.direction.value]}" for p in kernel.parameters)


def drawn(seed, *shape, dtype=np.float32, scale=1.0):
    values = np.random.default_rng(seed).uniform(-1, 1, shape) * scale
    return values.astype(dtype)


def bf16(seed, *shape, scale=1.0):
    return drawn(seed, *shape, dtype=ml_dtypes.bfloat16, scale=scale)


def wide(values):
    return np.asarray(values, dtype=np.float32)


def narrow(values):
    """Rounded as a cast to BF16 rounds."""
    return wide(wide(values).astype(ml_dtypes.bfloat16))


def rms_norm(x, gamma):
    x = wide(x)
    return narrow(x / np.sqrt((x * x).mean(axis=1, keepdims=True) + EPS) * gamma)


def close(found, expected, tolerance=2e-2):
    scale = np.abs(expected).max()
    assert scale > 0.0
    np.testing.assert_allclose(wide(found), expected, atol=tolerance * scale, rtol=0)


# Scope 1: normalisation and projections


def scope1_inputs(hidden, kv_hidden, gamma):
    return {
        "hidden_states": bf16(0, 16, hidden),
        gamma: drawn(1, 1, hidden),
        "wq": bf16(2, hidden, hidden),
        "wk": bf16(3, hidden, kv_hidden),
        "wv": bf16(4, hidden, kv_hidden),
    }


def check_scope1(found, inputs, gamma):
    x = rms_norm(inputs["hidden_states"], inputs[gamma])
    for name in "qkv":
        close(found[f"{name}_proj"], x @ wide(inputs[f"w{name}"]))


def test_chunked_projections_write_whole_tensors():
    # 16 tiles of Q in chunks of 4, and 8 of K and V together.
    program = Read("scope1_chunked", hidden_size=1024, num_kv_heads=4)
    assert program.kernels() == [
        (1, "aiv", "hidden_states:i input_rms_weight:i normed_tile:o"),
        (4, "aic", "normed_tile:i q_proj:o wq:i"),
        (2, "aic", "k_proj:o normed_tile:i v_proj:o wk:i wv:i"),
    ]
    # One alloc; every projection has an edge to it and to the norm.
    assert program.totals() == (7, 1, 1 + 6 * 2, 2)
    inputs = scope1_inputs(1024, 512, "input_rms_weight")
    check_scope1(program.numbers(**inputs), inputs, "input_rms_weight")


def test_the_published_sizes_give_32_and_4_projection_tasks():
    program = Read("scope1_chunked")
    assert [count for count, *_ in program.kernels()] == [1, 32, 4]


def test_kernels_by_hand_are_called_with_views():
    program = Read("scope1_tile", hidden=256, kv_hidden=128)
    assert program.kernels() == [
        (1, "aiv", "hidden_states:i gamma:i normed:o"),
        (4, "aic", "normed:i w:i out:o"),
        (4, "aic", "normed:i w:i out:o"),
    ]
    # The tiles of K are created and assembled once, so they are views of k_proj.
    assert program.totals() == (9, 1, 1 + 8 * 2, 2)
    inputs = scope1_inputs(256, 128, "gamma")
    check_scope1(program.numbers(**inputs), inputs, "gamma")
    assert Read("scope1_tile").totals() == (161, 1, 321, 2)


# Scope 2: rotary embedding, caches, attention

HEADS, GROUPS, DIM = 16, 2, 128


def rotated(x, cos, sin):
    half = DIM // 2
    low, high = x[..., :half], x[..., half:]
    first = low * cos[:half] - high * sin[:half]
    return narrow(np.concatenate([first, high * cos[half:] + low * sin[half:]], axis=-1))


def attention(q, k, v, k_cache, v_cache, lengths, cos, sin, max_seq):
    """Grouped-query attention; queries and new keys are rotated, caches are updated in place."""
    out = np.zeros((len(lengths), HEADS * DIM), np.float32)
    for b, length in enumerate(lengths):
        angle = cos[length - 1], sin[length - 1]
        for g in range(GROUPS):
            first = (b * GROUPS + g) * max_seq
            columns = slice(g * DIM, (g + 1) * DIM)
            k_cache[first + length - 1] = rotated(k[b, columns], *angle)
            v_cache[first + length - 1] = narrow(v[b, columns])
            rows = slice(first, first + length)
            for h in range(g * 8, (g + 1) * 8):
                scores = k_cache[rows] @ rotated(q[b, h * DIM : (h + 1) * DIM], *angle)
                weights = np.exp((scores - scores.max()) / DIM**0.5)
                row = weights @ v_cache[rows] / weights.sum()
                out[b, h * DIM : (h + 1) * DIM] = row
    return out


def scope2(lengths, **settings):
    sizes = {"batch": 2, "max_seq": 128, "num_heads": HEADS, "num_kv_heads": GROUPS}
    return Read("scope2", {"seq_lens": np.array(lengths)}, **sizes, **settings)


def test_attention_has_a_task_for_every_group_and_stage():
    program = scope2([100, 64])
    queries = "all_q_padded:o cos_hi:i cos_lo:i k_cache:o k_proj:i q_proj:i sin_hi:i sin_lo:i"
    assert program.kernels() == [
        (1, "aiv", "all_q_padded:o"),
        (2, "aiv", f"{queries} v_cache:o v_proj:i"),
        # No length fills a chunk of 64 blocks: what runs are the remainders.
        (4, "aic", "all_raw_scores:o k_cache:i q_padded:i"),
        (4, "aiv", "all_cur_li:o all_cur_mi:o all_exp_padded:o all_raw_scores:i"),
        (4, "aic", "all_exp_padded:i all_oi_tmp:o v_cache:i"),
        (4, "aiv", "all_cur_li:i all_cur_mi:i all_oi_tmp:i attn_row:o"),
    ]
    # Allocs: the padded queries, and one for each of four groups; attn_row is a view.
    # Edges: padding 1, rotary 1 each; in a group of the first item 4, 2, 3, 3: scores to their
    # alloc, that of the queries, padding and rotary; softmax to alloc and scores; values to alloc,
    # softmax and cache; the sum to alloc, softmax and values. The second item has one more writer
    # of queries and keys, which is also the one of values.
    first, second = 4 + 2 + 3 + 3, 5 + 2 + 4 + 3
    assert program.totals() == (19, 5, 1 + 2 + 2 * first + 2 * second, 5)


def test_a_chunk_of_one_block_has_a_task_for_each_and_an_empty_remainder():
    # 2 blocks and 1, in each of two groups and three chunked stages; a remainder each time.
    program = scope2([100, 64], sb_batch=1)
    blocks = [count for count, *_ in program.kernels()[2:]]
    assert blocks == [6, 4, 6, 4, 6, 4, 4]
    assert len(program.tasks) == 1 + 2 + sum(blocks)


@pytest.mark.parametrize("sb_batch", [1, 64])
def test_attention_computes_what_numpy_does(sb_batch):
    lengths = [100, 64]
    inputs = {
        "q_proj": drawn(0, 2, HEADS * DIM),
        "k_proj": drawn(1, 2, GROUPS * DIM),
        "v_proj": drawn(2, 2, GROUPS * DIM),
        "seq_lens": np.array(lengths, np.int32),
        "rope_cos": drawn(3, 128, DIM),
        "rope_sin": drawn(4, 128, DIM),
        "k_cache": bf16(5, 2 * GROUPS * 128, DIM),
        "v_cache": bf16(6, 2 * GROUPS * 128, DIM),
    }
    found = scope2(lengths, sb_batch=sb_batch).numbers(**inputs)
    q, k, v, _, cos, sin, k_cache, v_cache = map(wide, inputs.values())
    expected = attention(q, k, v, k_cache, v_cache, lengths, cos, sin, 128)
    close(found["attn_out"], expected)
    assert np.array_equal(wide(found["k_cache"]), k_cache)
    assert np.array_equal(wide(found["v_cache"]), v_cache)


# Scope 3: output projection and MLP


def scope3_inputs(hidden, inter, gamma):
    return {
        "attn_out": bf16(0, 16, hidden),
        "hidden_states": bf16(1, 16, hidden),
        "wo": bf16(2, hidden, hidden, scale=0.1),
        gamma: drawn(3, 1, hidden),
        "w_gate": bf16(4, hidden, inter, scale=0.1),
        "w_up": bf16(5, hidden, inter, scale=0.1),
        "w_down": bf16(6, inter, hidden, scale=0.1),
    }


def mlp_block(attn_out, hidden_states, wo, gamma, w_gate, w_up, w_down):
    residual = attn_out @ wo + hidden_states
    x = rms_norm(residual, gamma)
    gate = x @ w_gate
    return narrow(gate / (1.0 + np.exp(-gate)) * (x @ w_up)) @ w_down + residual


def test_a_down_projection_on_one_inout_tensor_is_a_chain():
    # 4 column tiles of the output, 2 of the MLP.
    program = Read("scope3_inout", hidden_size=256, intermediate_size=128)
    assert program.kernels() == [
        (1, "aiv", "resid1_tile:o"),
        (4, "aic", "attn_out:i wo:i ret0__out:o"),
        (4, "aiv", "hidden_states:i o_acc:i resid1_tile:o"),
        (1, "aiv", "post_norm_tile:o post_rms_weight:i resid1_tile:i"),
        (1, "aiv", "down_proj_tile:o"),
        (2, "aic", "post_norm_tile:i w_gate:i ret0__out:o"),
        (2, "aic", "post_norm_tile:i w_up:i ret0__out:o"),
        (2, "aiv", "gate_acc:i up_acc:i ret0__out:o"),
        (8, "aic", "mlp_chunk_bf16:i w_down:i ret0__out:o"),
        (8, "aiv", "down_part:i down_proj_tile:x"),
        (4, "aiv", "down_proj_tile:i out:o resid1_tile:i"),
    ]
    # Allocs: one of the batch tile, 4 in the output loop, 2 in the MLP's, 8 in the innermost.
    allocs = 1 + 4 + 2 + 8
    # Edges: zero 1; projections 4 x 1; residuals 4 x (two allocs, projection); norm to alloc, zero
    # and 4 residuals; zero 1; gate and up 4 x (two allocs, norm); SiLU 2 x (alloc, gate, up);
    # products 8 x (two allocs, SiLU); sums 8 x (two allocs, product, the one before); the end
    # 4 x (alloc, last sum, zero, 4 residuals).
    edges = 1 + 4 + 12 + 6 + 1 + 12 + 6 + 24 + 32 + 28
    # Projection, residual, norm, gate, SiLU, product, 8 sums - the first sum waits for zero and
    # for the first product - and the end.
    assert program.totals() == (37, allocs, edges, 6 + 8 + 1)
    inputs = scope3_inputs(256, 128, "post_rms_weight")
    # Residuals only write resid1_tile, so nothing orders them behind the zeros.
    found = program.numbers(program_order, **inputs)
    close(found["out"], mlp_block(*map(wide, inputs.values())))


def test_helpers_by_hand_and_regions_share_one_program():
    program = Read("scope3_tile", hidden=256, inter=128)
    assert program.kernels() == [
        (4, "aic", "attn:i wo:i res:o"),
        (4, "aiv", "x:i res:x"),
        (1, "aiv", "gamma:i normed:o resid1:i"),
        (2, "aic", "x:i w_gate:i w_up:i gate:o up:o"),
        (2, "aiv", "gate:i up:i act:o"),
        (2, "aic", "act:i w_down:i y:o"),
        (2, "aiv", "down_out:i out:o resid1:i"),
    ]
    # Projections 4 x 1; residuals 2, then 3 each: alloc, projection, the residual before; norm 2;
    # gate and up 2 x (two allocs, norm); SiLU 2 x (two allocs, gate); down 2 x (alloc, 2 SiLU);
    # the end 2 x (alloc, 2 down, last residual).
    edges = 4 + (2 + 3 * 3) + 2 + 6 + 6 + 6 + 8
    # The first projection, 4 residuals in a row, norm, gate, SiLU, down, the end.
    assert program.totals() == (17, 1 + 2, edges, 1 + 4 + 5)
    inputs = scope3_inputs(256, 128, "gamma")
    found = program.numbers(**inputs)
    close(found["out"], mlp_block(*map(wide, inputs.values())))


# A whole layer of MIX tasks


def layer(lengths, **options):
    sizes = {"max_seq": 128, "hidden_size": 2048, "intermediate_size": 128}
    heads = {"num_heads": HEADS, "num_kv_heads": GROUPS}
    return Read("tilelet", {"seq_lens": np.array(lengths)}, **sizes, **heads, **options)


LENGTHS = [128, 1, 64, 65] * 4


def test_a_layer_in_tilelets_has_a_task_for_every_block():
    program = layer(LENGTHS)
    blocks = 4 * (2 + 1 + 1 + 2) * GROUPS
    found = program.kernels()
    assert [(count, core) for count, core, _ in found] == [
        (1, "aiv"),
        (2048 // 64, "mix"),
        (256 // 64, "mix"),
        (16 * GROUPS, "aiv"),
        (16 * GROUPS, "aiv"),
        (16 * GROUPS, "aiv"),
        (blocks, "aic"),
        (blocks, "aiv"),
        (blocks, "aic"),
        (blocks, "aiv"),
        (16 * GROUPS, "aiv"),
        (2048 // 64, "mix"),
        (1, "aiv"),
        (2048 // 64 // 8, "aiv"),
        (128 // 64, "mix"),
        (128 // 64 * 2048 // 512, "mix"),
        (2048 // 64 // 4, "aiv"),
    ]
    directions = [text for *_, text in found]
    assert directions[1] == "hidden_states:i normed_tile:i q_proj:o wq:i __gm_pipe_buffer:-"
    # Three results that the loop carries: they stay in the tensors that carry them.
    assert directions[9] == "cur_li:i cur_mi:i li:x mi:x oi:x oi_tmp:i"
    assert directions[15] == "down_acc:x mlp_chunk_bf16:i w_down:i __gm_pipe_buffer:-"
    # The function, two loops over batch tiles, each group, each block, each MLP tile.
    allocs = 1 + 2 + 16 * GROUPS + blocks + 2
    assert program.totals()[:2] == (sum(count for count, *_ in found), allocs)


def test_a_layer_in_tilelets_computes_what_numpy_does():
    hidden, kv_hidden, inter, rows = HEADS * DIM, GROUPS * DIM, 128, 16 * GROUPS * 128
    first = scope1_inputs(hidden, kv_hidden, "input_rms_weight")
    inputs = {
        **first,
        **{name: bf16(7, *first[name].shape, scale=0.1) for name in ("wq", "wk", "wv")},
        **scope3_inputs(hidden, inter, "post_rms_weight"),
        "seq_lens": np.array(LENGTHS, np.int32),
        "rope_cos": drawn(10, 128, DIM),
        "rope_sin": drawn(11, 128, DIM),
        "k_cache": bf16(12, rows, DIM),
        "v_cache": bf16(13, rows, DIM),
    }
    del inputs["attn_out"]
    # With the cap the output projections would miss 16 of the 32 writers of attn_out.
    found = layer(LENGTHS, lookup_cap=None).numbers(**inputs)
    given = {name: wide(values) for name, values in inputs.items()}
    x = rms_norm(given["hidden_states"], given["input_rms_weight"])
    q, k, v = (x @ given[name] for name in ("wq", "wk", "wv"))
    caches, angles = (given["k_cache"], given["v_cache"]), (given["rope_cos"], given["rope_sin"])
    attended = attention(q, k, v, *caches, LENGTHS, *angles, 128)
    names = ("hidden_states", "wo", "post_rms_weight", "w_gate", "w_up", "w_down")
    close(found["out"], mlp_block(narrow(attended), *(given[name] for name in names)), 4e-2)


# Spelling


def test_odd_spellings_mean_what_they_say():
    program = Read("odd_spellings")
    assert program.kernels() == [
        (9, "aiv", "x:i y:o"),
        (1, "aiv", "h:i y:o"),  # two kernels of one unrolled loop
        (1, "aiv", "h:i y:o"),
        (1, "aiv", "h:i y:o"),  # the side of row 0, for the specs say that n[1] is 3
        (1, "aiv", "h:i y:o"),
        (2, "aiv", "h:i y:o"),
        (1, "aiv", "x:i y:o"),
    ]
    # 8 halves have the alloc; 6 regions read h, so have the alloc and 8 halves; softmax a half.
    assert program.totals() == (16, 1, 8 + 6 * 9 + 1, 2)
    x = drawn(0, 8, 64)
    found = program.numbers(x=x)
    h = x / 2
    expected = np.full((8, 64), np.nan, np.float32)
    for i in (0, 4):
        expected[i] = h[i] / np.sqrt((h[i] * h[i]).sum() + EPS)
        expected[i + 3] = -h[i + 3]
    expected[1], expected[2] = h[:4].sum(axis=0), np.maximum(h[:4].max(axis=0), -1.0)
    expected[5], expected[6] = 0.0, h[4] / 8
    np.testing.assert_allclose(found["y"], expected, rtol=1e-5, atol=1e-6)
    weights = np.exp(x[0] - x[0].max())
    np.testing.assert_allclose(found["z"][0], weights / weights.sum(), rtol=1e-5)
