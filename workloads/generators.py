"""Workloads that are generated: graphs of a known shape, of any size, some drawn from a seed."""

from __future__ import annotations

from workloads.goldens.generators import (
    CHAINS_NUMBERS,
    CHOLESKY_NUMBERS,
    FORK_JOIN_NUMBERS,
    LAYERED_RANDOM_NUMBERS,
    RAGGED_NUMBERS,
    STENCIL_NUMBERS,
)
from workloads.programs.cholesky import build_cholesky
from workloads.programs.layered_random import build_layered_random
from workloads.programs.ragged_attention import build_ragged_attention
from workloads.programs.shapes import build_chains, build_fork_join
from workloads.programs.stencil import build_stencil
from workloads.workload import Group, Workload

__all__ = ["GENERATORS"]

_SEED = {"seed": (0, None)}
_PERCENT = (0, 100)
_DRAWN = (1, 1_000_000)
"""What is drawn, or is the end of what is drawn: it has to fit into numpy's integers and memory."""

GENERATORS = (
    Workload(
        name="layered-random",
        summary="Layers of sums and products that read tiles of the layer before at random",
        group=Group.GENERATORS,
        defaults={
            "layers": 20,
            "width": 48,
            "degree": 3,
            "cube_percent": 50,
            "passes": 4,
            "spread_percent": 50,
            "tile": 64,
            "seed": 0,
        },
        build=build_layered_random,
        ranges={
            "cube_percent": _PERCENT,
            "passes": _DRAWN,
            "spread_percent": _PERCENT,
            **_SEED,
        },
        numbers=LAYERED_RANDOM_NUMBERS,
    ),
    Workload(
        name="chains",
        summary="Chains of sums side by side that share nothing",
        group=Group.GENERATORS,
        defaults={"chains": 48, "length": 20, "tile": 64},
        build=build_chains,
        numbers=CHAINS_NUMBERS,
    ),
    Workload(
        name="fork-join",
        summary="Stages in turn: products of one tile, and a sum that joins them",
        group=Group.GENERATORS,
        defaults={"stages": 20, "width": 48, "tile": 64},
        build=build_fork_join,
        numbers=FORK_JOIN_NUMBERS,
    ),
    Workload(
        name="stencil",
        summary="Means of neighbouring cells, step by step; 1-D or 2-D",
        group=Group.GENERATORS,
        defaults={"dimensions": 2, "tiles": 8, "steps": 8, "halo": 1, "tile": 64},
        build=build_stencil,
        ranges={"dimensions": (1, 2)},
        numbers=STENCIL_NUMBERS,
    ),
    Workload(
        name="cholesky",
        summary="Tiled Cholesky: POTRF and TRSM on vector cores, SYRK and GEMM on cube cores",
        group=Group.GENERATORS,
        defaults={"tiles": 8, "tile": 64},
        build=build_cholesky,
        numbers=CHOLESKY_NUMBERS,
    ),
    Workload(
        name="ragged-attention",
        summary="A chain of QK, softmax, PV and update for each request and head; lengths drawn",
        group=Group.GENERATORS,
        defaults={
            "requests": 16,
            "heads": 4,
            "rows": 16,
            "head_dim": 128,
            "block": 128,
            "fewest": 1,
            "most": 16,
            "seed": 0,
        },
        build=build_ragged_attention,
        ranges={"requests": _DRAWN, "fewest": _DRAWN, "most": _DRAWN, **_SEED},
        numbers=RAGGED_NUMBERS,
    ),
)
