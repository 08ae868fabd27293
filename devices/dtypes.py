"""Element types that kernels move and compute."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BY_NAME", "DType"]


@dataclass(frozen=True, slots=True)
class DType:
    """An element type.

    Attributes
    ----------
    name : str
        Its name in ``pypto.language``, such as ``"BF16"``.
    bits : int
        Size of one element.
    is_float : bool
        Whether arithmetic on it is floating point.
    """

    name: str
    bits: int
    is_float: bool

    def nbytes(self, elements: int) -> int:
        """Bytes that `elements` packed elements take."""
        return -(-elements * self.bits // 8)

    def __repr__(self) -> str:
        return self.name


BY_NAME: dict[str, DType] = {
    dtype.name: dtype
    for dtype in (
        DType("FP32", 32, is_float=True),
        DType("FP16", 16, is_float=True),
        DType("BF16", 16, is_float=True),
        DType("HF8", 8, is_float=True),
        DType("FP8E4M3FN", 8, is_float=True),
        DType("FP8E5M2", 8, is_float=True),
        DType("HF4", 4, is_float=True),
        DType("FP4", 4, is_float=True),
        DType("INT8", 8, is_float=False),
        DType("INT16", 16, is_float=False),
        DType("INT32", 32, is_float=False),
        DType("INT64", 64, is_float=False),
        DType("UINT8", 8, is_float=False),
        DType("UINT16", 16, is_float=False),
        DType("UINT32", 32, is_float=False),
        DType("UINT64", 64, is_float=False),
        DType("INT4", 4, is_float=False),
        DType("UINT4", 4, is_float=False),
        DType("BOOL", 8, is_float=False),
        DType("INDEX", 64, is_float=False),
    )
}
