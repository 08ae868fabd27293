"""Choices that programs make by name: kinds of functions, memories, levels, modes."""

from __future__ import annotations

from enum import Enum

from devices.kernel import Memory

__all__ = [
    "FunctionType",
    "Level",
    "MemorySpace",
    "PadValue",
    "Role",
    "SplitMode",
    "TensorLayout",
]


class FunctionType(Enum):
    """What a function of a program is; see ``function``."""

    Opaque = "opaque"
    Orchestration = "orchestration"
    InCore = "incore"
    AIC = "aic"
    AIV = "aiv"
    Group = "group"


class Level(Enum):
    """Where an ``at`` block runs; programs use CORE_GROUP."""

    AIV = "aiv"
    AIC = "aic"
    CORE_GROUP = "core_group"
    CHIP_DIE = "chip_die"
    CHIP = "chip"
    HOST = "host"


class Role(Enum):
    """Who runs a hierarchy function."""

    Orchestrator = "orchestrator"
    Worker = "worker"


class SplitMode(Enum):
    """How a region with cube and vector work divides its vector side between two cores."""

    NONE = 0
    UP_DOWN = 1
    LEFT_RIGHT = 2


class MemorySpace(Enum):
    """Where a tile lives; the values are the device's names of these memories."""

    DDR = Memory.GM
    Vec = Memory.UB
    Mat = Memory.L1
    Left = Memory.L0A
    Right = Memory.L0B
    Acc = Memory.L0C


class PadValue(Enum):
    """What ``fillpad`` writes outside the valid part of a tile."""

    null = "null"
    zero = "zero"
    max = "max"
    min = "min"


class TensorLayout(Enum):
    """Layout of a tensor in memory; accepted as the compiler accepts it, always taken as ND."""

    ND = "nd"
    DN = "dn"
    NZ = "nz"
