"""Workloads by name: how to build a program, and with which parameters."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from devices.errors import unknown_name
from runtime.language import Program
from workloads.generators import GENERATORS
from workloads.goldens.attention import PAGED_NUMBERS
from workloads.goldens.benchmarks import ALTERNATING_NUMBERS
from workloads.goldens.bgemm import BGEMM_NUMBERS
from workloads.goldens.examples import EXAMPLE_NUMBERS
from workloads.goldens.kernels import (
    PROJECTION_NUMBERS,
    PROJECTION_TRANSPOSED_NUMBERS,
    RESCALE_NUMBERS,
    SCORES_NUMBERS,
    WEIGHTED_VALUES_NUMBERS,
)
from workloads.goldens.qwen3_scope1 import SCOPE1_NUMBERS
from workloads.goldens.qwen3_scope3 import SCOPE3_NUMBERS
from workloads.goldens.zero_init import ZERO_INIT_NUMBERS
from workloads.models import MODELS
from workloads.programs import examples
from workloads.programs.benchmarks import build_alternating_matmul_add
from workloads.programs.bgemm import build_bgemm
from workloads.programs.kernels import (
    build_empty,
    build_projection,
    build_projection_transposed,
    build_rescale,
    build_scores,
    build_weighted_values,
)
from workloads.programs.paged_attention import (
    build_batch_paged_attention,
    build_paged_attention,
    build_paged_attention_unroll,
)
from workloads.programs.qwen3_scope1 import build_scope1
from workloads.programs.qwen3_scope3 import BATCH_TILE, build_baseline, build_restructured
from workloads.programs.zero_init import build_zero_init
from workloads.workload import Group, Workload

__all__ = ["WORKLOADS", "find_workload"]

_SCOPE3_SIZES = {
    "batch": 16,
    "intermediate": 25600,
    "k_chunk": 128,
    "out_chunk": 64,
    "mlp_chunk": 64,
}
_SCOPE3_DIVIDES = (
    ("batch", BATCH_TILE),
    ("hidden", "k_chunk"),
    ("hidden", "out_chunk"),
    ("intermediate", "mlp_chunk"),
)
_RESTRUCTURED_SIZES = {
    **_SCOPE3_SIZES,
    "norm_chunk": 128,
    "down_chunk": 128,
    "down_step": 64,
    "zero_chunk": 8,
}
_RESTRUCTURED_FOLLOWS = {"norm_chunk": "k_chunk", "down_chunk": "k_chunk", "down_step": "mlp_chunk"}
_RESTRUCTURED_DIVIDES = (
    *_SCOPE3_DIVIDES,
    ("hidden", "norm_chunk"),
    ("hidden", "down_chunk"),
    ("intermediate", "down_step"),
)
_ATTENTION = {"batch": 64, "heads": 16, "head_dim": 128, "block": 128, "context": 8193}
_PROJECTION = {
    "m": 16,
    "k": 8192,
    "n": 8192,
    "n_tile": 64,
    "k_step": 128,
    "tiles": 1,
    "tile_stride": 1,
    "stages": 2,
    "element_bytes": 2,
}
_PROJECTION_DIVIDES = (("k", "k_step"), ("n", "n_tile"))
_SCORES = {"tasks": 24, "rows": 16, "keys": 4096, "head_dim": 128, "block": 64, "stages": 2}

_MATRIX = {"m": 256, "n": 256, "k": 256}


def _example(
    name: str,
    summary: str,
    defaults: Mapping[str, int],
    build: Callable[..., Program],
    divides: tuple[tuple[str, str | int], ...] = (),
) -> Workload:
    return Workload(
        name, summary, Group.EXAMPLES, defaults, build, divides, numbers=EXAMPLE_NUMBERS[name]
    )


WORKLOADS: dict[str, Workload] = {
    workload.name: workload
    for workload in (
        Workload(
            name="qwen3-scope3-baseline",
            summary="Qwen3-32B decode scope 3 before its restructuring (d91af0f)",
            group=Group.MODELS,
            defaults={"hidden": 5120, **_SCOPE3_SIZES},
            build=build_baseline,
            divides=_SCOPE3_DIVIDES,
            numbers=SCOPE3_NUMBERS,
        ),
        Workload(
            name="qwen3-scope3-restructured",
            summary="Qwen3-32B decode scope 3 after its restructuring (4f729f38)",
            group=Group.MODELS,
            defaults={"hidden": 8192, **_RESTRUCTURED_SIZES},
            build=build_restructured,
            divides=_RESTRUCTURED_DIVIDES,
            numbers=SCOPE3_NUMBERS,
            follows=_RESTRUCTURED_FOLLOWS,
        ),
        Workload(
            name="qwen3-scope3-resident",
            summary="The restructured scope 3 with its residual tile whole on chip: overflows UB",
            group=Group.MODELS,
            defaults={"hidden": 8192, **_SCOPE3_SIZES, "norm_chunk": 8192},
            build=build_restructured,
            divides=(*_SCOPE3_DIVIDES, ("hidden", "norm_chunk")),
            numbers=SCOPE3_NUMBERS,
        ),
        Workload(
            name="qwen3-scope1",
            summary="Qwen3-32B decode scope 1: RMSNorm, Q, K and V projections (0d48e70f)",
            group=Group.MODELS,
            defaults={
                "batch": 16,
                "hidden": 8192,
                "num_kv_heads": 8,
                "head_dim": 128,
                "k_chunk": 128,
                "out_chunk": 64,
            },
            build=build_scope1,
            divides=(
                ("batch", BATCH_TILE),
                ("hidden", "k_chunk"),
                ("hidden", "out_chunk"),
                ("head_dim", "out_chunk"),
            ),
            numbers=SCOPE1_NUMBERS,
        ),
        _example(
            "hello-world",
            "y = x + 1 by rows",
            {"rows": 1024, "cols": 512, "row_chunk": 128},
            examples.build_hello_world,
        ),
        _example(
            "matmul",
            "c = a b in tiles, all of k in one product",
            {**_MATRIX, "m_tile": 64, "n_tile": 64, "m_chunk": 2, "n_chunk": 2},
            examples.build_matmul,
            (("m", "m_tile"), ("n", "n_tile")),
        ),
        _example(
            "gemm",
            "c = a b in tiles, k in steps that accumulate",
            {**_MATRIX, "m_tile": 64, "n_tile": 64, "k_tile": 64, "m_chunk": 2, "n_chunk": 2},
            examples.build_gemm,
            (("m", "m_tile"), ("n", "n_tile"), ("k", "k_tile")),
        ),
        _example(
            "layer-norm",
            "Rows less their mean, over their deviation, times gamma, plus beta",
            {"rows": 512, "hidden": 256, "row_chunk": 32},
            examples.build_layer_norm,
            (("rows", "row_chunk"),),
        ),
        _example(
            "rms-norm",
            "Rows over their root mean square, times gamma; reads a tile that nothing wrote",
            {"rows": 512, "hidden": 512, "row_chunk": 64, "hidden_chunk": 64},
            examples.build_rms_norm,
            (("rows", "row_chunk"), ("hidden", "hidden_chunk")),
        ),
        _example(
            "rope",
            "Rotary embedding at one position",
            {"batch": 16, "num_heads": 8, "head_dim": 128, "batch_chunk": 4},
            examples.build_rope,
            (("head_dim", 2),),
        ),
        _example(
            "softmax",
            "Softmax of each row",
            {"rows": 512, "cols": 256, "row_chunk": 64},
            examples.build_softmax,
            (("rows", "row_chunk"),),
        ),
        Workload(
            name="alternating-matmul-add",
            summary="Products and sums in turn, independent: measures the submits of the runtime",
            group=Group.BENCHMARKS,
            defaults={
                "batch": 500,
                "matmuls": 4,
                "adds": 4,
                "matmul_batch": 4,
                "add_batch": 4,
                "tile": 128,
            },
            build=build_alternating_matmul_add,
            divides=(("matmuls", "matmul_batch"), ("adds", "add_batch")),
            numbers=ALTERNATING_NUMBERS,
        ),
        Workload(
            name="bgemm",
            summary="Products added up in groups, each a scope, by hand: 1000 tasks, 750 edges",
            group=Group.BENCHMARKS,
            defaults={"groups": 250, "steps": 2, "tile": 128},
            build=build_bgemm,
            numbers=BGEMM_NUMBERS,
        ),
        Workload(
            name="paged-attention",
            summary="Attention of one query a request over its cache, by hand: 4 tasks a block",
            group=Group.ATTENTION,
            defaults=_ATTENTION,
            build=build_paged_attention,
            numbers=PAGED_NUMBERS,
        ),
        Workload(
            name="paged-attention-unroll",
            summary="The same with 4 tasks for several blocks",
            group=Group.ATTENTION,
            defaults={**_ATTENTION, "unroll": 8},
            build=build_paged_attention_unroll,
            numbers=PAGED_NUMBERS,
        ),
        Workload(
            name="batch-paged-attention",
            summary="The same with 4 tasks for a block of each request of a chunk",
            group=Group.ATTENTION,
            defaults={**_ATTENTION, "chunk": 16},
            build=build_batch_paged_attention,
            numbers=PAGED_NUMBERS,
        ),
        Workload(
            name="projection",
            summary="Activations times a weight, a task for every few tiles of columns",
            group=Group.KERNELS,
            defaults=_PROJECTION,
            build=build_projection,
            divides=_PROJECTION_DIVIDES,
            numbers=PROJECTION_NUMBERS,
        ),
        Workload(
            name="projection-transposed",
            summary="The same with a weight stored by columns",
            group=Group.KERNELS,
            defaults=_PROJECTION,
            build=build_projection_transposed,
            divides=_PROJECTION_DIVIDES,
            numbers=PROJECTION_TRANSPOSED_NUMBERS,
        ),
        Workload(
            name="scores",
            summary="QK: queries times keys, block by block",
            group=Group.KERNELS,
            defaults={**_SCORES, "element_bytes": 2},
            build=build_scores,
            divides=(("keys", "block"),),
            numbers=SCORES_NUMBERS,
        ),
        Workload(
            name="weighted-values",
            summary="SV: weights times values, block by block",
            group=Group.KERNELS,
            defaults=_SCORES,
            build=build_weighted_values,
            divides=(("keys", "block"),),
            numbers=WEIGHTED_VALUES_NUMBERS,
        ),
        Workload(
            name="rescale",
            summary="Update of an online softmax: an accumulator rescaled and added to, per block",
            group=Group.KERNELS,
            defaults={"tasks": 24, "rows": 8, "columns": 128, "blocks": 16, "stages": 2},
            build=build_rescale,
            numbers=RESCALE_NUMBERS,
        ),
        Workload(
            name="empty",
            summary="Tasks that do nothing, on vector cores",
            group=Group.KERNELS,
            defaults={"tasks": 48},
            build=build_empty,
        ),
        Workload(
            name="zero-init",
            summary="x + a b in three tasks, two of which write one tile in no certain order",
            group=Group.EXAMPLES,
            defaults={"rows": 16, "inner": 128, "columns": 64},
            build=build_zero_init,
            numbers=ZERO_INIT_NUMBERS,
        ),
        *MODELS,
        *GENERATORS,
    )
}


def find_workload(name: str) -> Workload:
    """The workload of that name.

    Raises
    ------
    InputError
        There is none; the message has the names nearest to it.
    """
    if name not in WORKLOADS:
        raise unknown_name("workload", name, WORKLOADS)
    return WORKLOADS[name]
