"""Program files of which it is known what runs best."""

SCALED = """
import pypto.language as pl


def build_scaled_program(rows: int = 1024, chunk: int = 16, cols: int = 512):
    @pl.program
    class Scaled:
        @pl.function
        def scaled(
            self, x: pl.Tensor[[rows, cols], pl.FP32], y: pl.Out[pl.Tensor[[rows, cols], pl.FP32]]
        ):
            for c in pl.range(0, rows // chunk):
                with pl.incore():
                    tile = pl.slice(x, [chunk, cols], [c * chunk, 0])
                    y = pl.assemble(y, pl.mul(tile, 2.0), [c * chunk, 0])
            return y

    return Scaled
"""
"""The larger a chunk, the fewer tasks and the faster, up to 92 rows in UB; what a chunk does not
divide stays unwritten."""

TWICE = """
import pypto.language as pl


def build_twice_program(safe: int = 1):
    @pl.program
    class Safe:
        @pl.function
        def twice(
            self, x: pl.Tensor[[64, 512], pl.FP32], y: pl.Out[pl.Tensor[[64, 512], pl.FP32]]
        ):
            with pl.incore():
                y = pl.assemble(y, pl.mul(pl.slice(x, [64, 512], [0, 0]), 2.0), [0, 0])
            with pl.incore():
                y = pl.assemble(y, pl.mul(pl.slice(y, [64, 512], [0, 0]), 1.0), [0, 0])
            return y

    @pl.program
    class Racing:
        @pl.function
        def twice(
            self, x: pl.Tensor[[64, 512], pl.FP32], y: pl.Out[pl.Tensor[[64, 512], pl.FP32]]
        ):
            with pl.incore():
                y = pl.assemble(y, pl.mul(pl.slice(x, [64, 512], [0, 0]), 2.0), [0, 0])
            with pl.incore():
                y = pl.assemble(y, pl.mul(pl.slice(x, [64, 512], [0, 0]), 2.0), [0, 0])
            return y

    return Safe if safe else Racing
"""
"""Unsafe, two tasks write one tile at the same time, and the run is faster."""

NEEDED = SCALED.replace("rows: int = 1024, chunk: int = 16", "chunk: int, rows: int = 1024")
"""The first one without a baseline."""
