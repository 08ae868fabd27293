"""Scales the rows of each request: one task for all rows that the request has."""

import pypto.language as pl
from pypto.runtime import RunConfig, TensorSpec, run

REQUESTS, ROWS, COLS = 16, 64, 512


def build_decode_rows_program(requests: int = REQUESTS, rows: int = ROWS, cols: int = COLS):
    @pl.program
    class DecodeRows:
        @pl.function(type=pl.FunctionType.Opaque)
        def decode_rows(
            self,
            lengths: pl.Tensor[[requests], pl.INT32],
            x: pl.Tensor[[requests * rows, cols], pl.FP32],
            y: pl.Out[pl.Tensor[[requests * rows, cols], pl.FP32]],
        ) -> pl.Tensor[[requests * rows, cols], pl.FP32]:
            for r in pl.parallel(requests):
                length = pl.tensor.read(lengths, [r])
                with pl.incore():
                    for i in pl.range(length):
                        row = pl.slice(x, [1, cols], [r * rows + i, 0])
                        y = pl.assemble(y, pl.mul(row, 0.5), [r * rows + i, 0])
            return y

    return DecodeRows


def build_tensor_specs(requests: int = REQUESTS, rows: int = ROWS, cols: int = COLS):
    import torch

    return [
        TensorSpec("lengths", [requests], torch.int32, init_value=32),
        TensorSpec("x", [requests * rows, cols], torch.float32, init_value=torch.randn),
        TensorSpec("y", [requests * rows, cols], torch.float32, is_output=True),
    ]


def golden(tensors, params):
    tensors["y"][:] = tensors["x"] * 0.5


if __name__ == "__main__":
    config = RunConfig(platform="a2a3sim")
    result = run(build_decode_rows_program(), build_tensor_specs(), golden, config)
    raise SystemExit(not result.passed)
