"""Scopes of recorded programs: what each holds, where it begins and when it ends."""

import inspect

from runtime import language as pl
from runtime.language import record
from runtime.scopes import one_scope
from runtime.tensormap import build_graph


def nested_program():
    @pl.program
    class Nested:
        @pl.function
        def nested(
            self, x: pl.Tensor[[8, 64], pl.FP32], y: pl.Out[pl.Tensor[[8, 64], pl.FP32]]
        ) -> pl.Tensor[[8, 64], pl.FP32]:
            with pl.incore():  # submit 0
                y = pl.assemble(y, pl.neg(x), [0, 0])
            for _row in pl.range(0, 2):  # each time: one inside, then two further inside
                with pl.incore():
                    y = pl.assemble(y, pl.neg(x), [0, 0])
                for _ in pl.range(0, 2):
                    with pl.incore():
                        y = pl.assemble(y, pl.exp(x), [0, 0])
            return y

    return Nested


def test_every_loop_body_is_a_scope_of_its_own_that_ends_with_the_iteration():
    scopes = record(nested_program()).scopes
    assert scopes.of.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert scopes.end.tolist() == [7, 4, 3, 4, 7, 6, 7]


def test_a_scope_begins_at_its_line():
    first = inspect.getsourcelines(nested_program)[1]
    lines = (record(nested_program()).scopes.line - first).tolist()
    assert lines == [4, 9, 12, 12, 9, 12, 12]


def test_the_graph_keeps_the_scopes():
    submits = record(nested_program())
    graph = build_graph(submits, lookup_cap=None, rings=4)
    assert graph.scopes.of.tolist() == submits.scopes.of.tolist()
    assert graph.ring.tolist() == [1, 2, 3, 3, 2, 3, 3]


def test_a_merged_submit_lies_in_the_scope_of_its_first_member():
    scopes = record(nested_program()).scopes
    merged = scopes.regrouped([(0,), (1, 2), (3,), (4, 5, 6)])
    assert merged.of.tolist() == [0, 1, 3, 4]
    assert merged.end[[0, 1, 3, 4]].tolist() == [4, 3, 3, 4]


def test_a_scope_does_not_end_before_what_it_holds():
    merged = one_scope(3).regrouped([(2,), (0,), (1,)])
    assert merged.of.tolist() == [0, 0, 0]
    assert merged.end.tolist() == [3]
