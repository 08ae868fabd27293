"""Workloads that are parts of language models and whose orchestration reads data."""

from __future__ import annotations

from workloads.goldens.moe import MOE_NUMBERS
from workloads.goldens.qwen3_decode import DECODE_NUMBERS
from workloads.goldens.qwen3_layer import LAYER_NUMBERS
from workloads.goldens.qwen3_scope2 import SCOPE2_NUMBERS
from workloads.programs.moe import TOKEN_TILE, build_moe_layer, draw_routes
from workloads.programs.qwen3_decode import build_decode
from workloads.programs.qwen3_layer import build_decode_layer
from workloads.programs.qwen3_scope2 import SEQ_TILE, build_scope2, longest_contexts
from workloads.programs.qwen3_scope3 import BATCH_TILE
from workloads.workload import Group, Workload

__all__ = ["MODELS"]

_HEADS = {"batch": 16, "max_seq": 4096, "num_heads": 64, "num_kv_heads": 8, "head_dim": 128}
_CONTEXT_DIVIDES: tuple[tuple[str, str | int], ...] = (("max_seq", SEQ_TILE), ("head_dim", 16))
_LAYER = {
    **_HEADS,
    "intermediate": 25600,
    "k_chunk": 128,
    "out_chunk": 64,
    "mlp_chunk": 256,
}
_LAYER_DIVIDES = (
    *_CONTEXT_DIVIDES,
    ("batch", BATCH_TILE),
    ("head_dim", "k_chunk"),
    ("head_dim", "out_chunk"),
    ("intermediate", "mlp_chunk"),
)

MODELS = (
    Workload(
        name="qwen3-scope2",
        summary="Qwen3-32B decode scope 2: rotary embedding, caches, attention (0d48e70f)",
        group=Group.MODELS,
        defaults=_HEADS,
        build=build_scope2,
        divides=_CONTEXT_DIVIDES,
        numbers=SCOPE2_NUMBERS,
        inputs=longest_contexts,
    ),
    Workload(
        name="qwen3-decode-layer",
        summary="Qwen3-32B decode layer: scopes 1, 2 and 3 in one program (e663c143)",
        group=Group.MODELS,
        defaults=_LAYER,
        build=build_decode_layer,
        divides=_LAYER_DIVIDES,
        numbers=LAYER_NUMBERS,
        inputs=longest_contexts,
    ),
    Workload(
        name="qwen3-decode",
        summary="Qwen3-32B decode: layers one after the other, each with weights of its own",
        group=Group.MODELS,
        defaults={"layers": 4, **_LAYER},
        build=build_decode,
        divides=_LAYER_DIVIDES,
        numbers=DECODE_NUMBERS,
    ),
    Workload(
        name="moe-layer",
        summary="Mixture of experts, of tilesim's own: router, experts by tiles, a shared expert",
        group=Group.MODELS,
        defaults={
            "tokens": 64,
            "hidden": 2048,
            "intermediate": 768,
            "experts": 16,
            "active": 4,
            "k_chunk": 128,
            "mlp_chunk": 128,
            "out_chunk": 256,
            "skew_percent": 50,
            "seed": 0,
        },
        build=build_moe_layer,
        divides=(
            ("tokens", TOKEN_TILE),
            ("experts", 16),
            ("hidden", "k_chunk"),
            ("hidden", "out_chunk"),
            ("intermediate", "mlp_chunk"),
        ),
        ranges={"tokens": (1, 1 << 20), "skew_percent": (0, 1000), "seed": (0, None)},
        numbers=MOE_NUMBERS,
        inputs=draw_routes,
    ),
)
