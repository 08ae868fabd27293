"""Workloads that are parts of language models and whose orchestration reads data."""

from __future__ import annotations

from workloads.goldens.qwen3_scope2 import SCOPE2_NUMBERS
from workloads.programs.qwen3_scope2 import SEQ_TILE, build_scope2, longest_contexts
from workloads.workload import Group, Workload

__all__ = ["MODELS"]

MODELS = (
    Workload(
        name="qwen3-scope2",
        summary="Qwen3-32B decode scope 2: rotary embedding, caches, attention (0d48e70f)",
        group=Group.MODELS,
        defaults={
            "batch": 16,
            "max_seq": 4096,
            "num_heads": 64,
            "num_kv_heads": 8,
            "head_dim": 128,
        },
        build=build_scope2,
        divides=(("max_seq", SEQ_TILE), ("head_dim", 16)),
        numbers=SCOPE2_NUMBERS,
        inputs=longest_contexts,
    ),
)
