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
    numpy_name : str or None
        The dtype of numpy or ml_dtypes that computes it, None where neither has one.
    is_float : bool
        Whether arithmetic on it is floating point.
    """

    name: str
    bits: int
    numpy_name: str | None
    is_float: bool

    def nbytes(self, elements: int) -> int:
        """Bytes that `elements` packed elements take."""
        return -(-elements * self.bits // 8)

    def __repr__(self) -> str:
        return self.name


BY_NAME: dict[str, DType] = {
    dtype.name: dtype
    for dtype in (
        DType("FP32", 32, "float32", is_float=True),
        DType("FP16", 16, "float16", is_float=True),
        DType("BF16", 16, "bfloat16", is_float=True),
        DType("HF8", 8, None, is_float=True),
        DType("FP8E4M3FN", 8, "float8_e4m3fn", is_float=True),
        DType("FP8E5M2", 8, "float8_e5m2", is_float=True),
        DType("HF4", 4, None, is_float=True),
        DType("FP4", 4, "float4_e2m1fn", is_float=True),
        DType("INT8", 8, "int8", is_float=False),
        DType("INT16", 16, "int16", is_float=False),
        DType("INT32", 32, "int32", is_float=False),
        DType("INT64", 64, "int64", is_float=False),
        DType("UINT8", 8, "uint8", is_float=False),
        DType("UINT16", 16, "uint16", is_float=False),
        DType("UINT32", 32, "uint32", is_float=False),
        DType("UINT64", 64, "uint64", is_float=False),
        DType("INT4", 4, "int4", is_float=False),
        DType("UINT4", 4, "uint4", is_float=False),
        DType("BOOL", 8, "bool", is_float=False),
        DType("INDEX", 64, "int64", is_float=False),
    )
}
