"""The programming language: names and meaning of ``pypto.language``.

Programs are written with ``from runtime import language as pl``. See the modules
`declarations` (program, function, Tensor), `blocks` (loops and regions) and `operations`.
"""

from devices.dtypes import BY_NAME as _DTYPES
from devices.errors import InputError as _InputError
from runtime.errors import LanguageError
from runtime.language.blocks import (
    at,
    auto_incore,
    chunked_loop_optimizer,
    incore,
    parallel,
    pipeline,
    range,
)
from runtime.language.declarations import (
    Function,
    FunctionType,
    InOut,
    Level,
    Out,
    Program,
    Role,
    Scalar,
    SplitMode,
    Tensor,
    function,
    program,
)
from runtime.language.lowering import Lowering
from runtime.language.operations import (
    add,
    assemble,
    cast,
    col_expand,
    col_expand_div,
    col_expand_mul,
    col_expand_sub,
    concat,
    create_tensor,
    dim,
    div,
    exp,
    expands,
    full,
    matmul,
    matmul_acc,
    max,
    maximum,
    min,
    mul,
    neg,
    recip,
    reshape,
    row_expand,
    row_expand_add,
    row_expand_div,
    row_expand_mul,
    row_expand_sub,
    row_max,
    row_min,
    row_sum,
    rsqrt,
    slice,
    sqrt,
    static_assert,
    static_print,
    sub,
)
from runtime.language.recorder import record

FP32 = _DTYPES["FP32"]
FP16 = _DTYPES["FP16"]
BF16 = _DTYPES["BF16"]
HF8 = _DTYPES["HF8"]
FP8E4M3FN = _DTYPES["FP8E4M3FN"]
FP8E5M2 = _DTYPES["FP8E5M2"]
HF4 = _DTYPES["HF4"]
FP4 = _DTYPES["FP4"]
INT8 = _DTYPES["INT8"]
INT16 = _DTYPES["INT16"]
INT32 = _DTYPES["INT32"]
INT64 = _DTYPES["INT64"]
UINT8 = _DTYPES["UINT8"]
UINT16 = _DTYPES["UINT16"]
UINT32 = _DTYPES["UINT32"]
UINT64 = _DTYPES["UINT64"]
INT4 = _DTYPES["INT4"]
UINT4 = _DTYPES["UINT4"]
BOOL = _DTYPES["BOOL"]
INDEX = _DTYPES["INDEX"]


class _UnsupportedError(AttributeError, _InputError):
    """A name that the module has not, as Python and as a user see it."""


def __getattr__(name: str) -> object:
    """Refuse a name of the language that is not supported, in the user's words."""
    raise _UnsupportedError(f"pl.{name} is not supported; docs/language.md lists what is")


__all__ = [
    "BF16",
    "BOOL",
    "FP4",
    "FP8E4M3FN",
    "FP8E5M2",
    "FP16",
    "FP32",
    "HF4",
    "HF8",
    "INDEX",
    "INT4",
    "INT8",
    "INT16",
    "INT32",
    "INT64",
    "UINT4",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "Function",
    "FunctionType",
    "InOut",
    "LanguageError",
    "Level",
    "Lowering",
    "Out",
    "Program",
    "Role",
    "Scalar",
    "SplitMode",
    "Tensor",
    "add",
    "assemble",
    "at",
    "auto_incore",
    "cast",
    "chunked_loop_optimizer",
    "col_expand",
    "col_expand_div",
    "col_expand_mul",
    "col_expand_sub",
    "concat",
    "create_tensor",
    "dim",
    "div",
    "exp",
    "expands",
    "full",
    "function",
    "incore",
    "matmul",
    "matmul_acc",
    "max",
    "maximum",
    "min",
    "mul",
    "neg",
    "parallel",
    "pipeline",
    "program",
    "range",
    "recip",
    "record",
    "reshape",
    "row_expand",
    "row_expand_add",
    "row_expand_div",
    "row_expand_mul",
    "row_expand_sub",
    "row_max",
    "row_min",
    "row_sum",
    "rsqrt",
    "slice",
    "sqrt",
    "static_assert",
    "static_print",
    "sub",
]
