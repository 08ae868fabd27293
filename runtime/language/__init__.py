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
    cluster,
    cond,
    incore,
    parallel,
    pipeline,
    range,
    unroll,
    while_,
    yield_,
)
from runtime.language.declarations import (
    Function,
    Inline,
    InOut,
    Out,
    Program,
    Scalar,
    Tensor,
    Tile,
    function,
    inline,
    program,
)
from runtime.language.enumerations import (
    FunctionType,
    Level,
    MemorySpace,
    PadValue,
    Role,
    SplitMode,
    TensorLayout,
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
    const,
    create_tensor,
    dim,
    div,
    exp,
    expands,
    fillpad,
    full,
    is_operation,
    matmul,
    matmul_acc,
    max,
    maximum,
    min,
    mul,
    neg,
    read,
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
    scatter_update,
    slice,
    sqrt,
    static_assert,
    static_print,
    sub,
    transpose,
    write,
)
from runtime.language.recorder import record
from runtime.language.tile_operations import create_tile, load, move, store

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


Mem = MemorySpace
ND, DN, NZ = TensorLayout.ND, TensorLayout.DN, TensorLayout.NZ


class _UnsupportedError(AttributeError, _InputError):
    """A name that the module has not, as Python and as a user see it."""


def __getattr__(name: str) -> object:
    """Refuse a name of the language that is not supported, in the user's words."""
    raise _UnsupportedError(f"pl.{name} is not supported; docs/language.md lists what is")


class _Operations:
    """The operations once more, under a name of their own: ``pl.tensor.read``."""

    def __init__(self, name: str, aliases: dict[str, object]) -> None:
        self._name = name
        self._aliases = aliases

    def __getattr__(self, name: str) -> object:
        if name in self._aliases:
            return self._aliases[name]
        operation = globals().get(name)
        if is_operation(operation) or operation in (load, store, move, create_tile):
            return operation
        raise _UnsupportedError(
            f"pl.{self._name}.{name} is not supported; docs/language.md lists what is"
        )


tensor = _Operations("tensor", {"create": create_tensor})
tile = _Operations(
    "tile", {"create": create_tile, "adds": add, "subs": sub, "muls": mul, "divs": div}
)


__all__ = [
    "BF16",
    "BOOL",
    "DN",
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
    "ND",
    "NZ",
    "UINT4",
    "UINT8",
    "UINT16",
    "UINT32",
    "UINT64",
    "Function",
    "FunctionType",
    "InOut",
    "Inline",
    "LanguageError",
    "Level",
    "Lowering",
    "Mem",
    "MemorySpace",
    "Out",
    "PadValue",
    "Program",
    "Role",
    "Scalar",
    "SplitMode",
    "Tensor",
    "TensorLayout",
    "Tile",
    "add",
    "assemble",
    "at",
    "auto_incore",
    "cast",
    "chunked_loop_optimizer",
    "cluster",
    "col_expand",
    "col_expand_div",
    "col_expand_mul",
    "col_expand_sub",
    "concat",
    "cond",
    "const",
    "create_tensor",
    "create_tile",
    "dim",
    "div",
    "exp",
    "expands",
    "fillpad",
    "full",
    "function",
    "incore",
    "inline",
    "load",
    "matmul",
    "matmul_acc",
    "max",
    "maximum",
    "min",
    "move",
    "mul",
    "neg",
    "parallel",
    "pipeline",
    "program",
    "range",
    "read",
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
    "scatter_update",
    "slice",
    "sqrt",
    "static_assert",
    "static_print",
    "store",
    "sub",
    "tensor",
    "tile",
    "transpose",
    "unroll",
    "while_",
    "write",
    "yield_",
]
