import ast
import importlib.util
import os

import pytest

from runtime.errors import LanguageError
from runtime.language.operators import with_operators
from runtime.language.recorder import record
from runtime.language.trees import replaced

PROGRAM = """\
from runtime import language as pl

@pl.program
class Program:
    @pl.function
    def added(self, x: pl.Tensor[[16, 64], pl.FP32], y: pl.Tensor[[16, 64], pl.FP32]):
        for i in pl.range(4):
            if not i == 3 and i != 2:
                with pl.incore():
                    y = pl.assemble(y, pl.add(x, 1.0), [0, 0])
"""


def expression(text):
    return ast.parse(text, mode="eval").body


def test_a_tree_with_others_in_place_of_names_leaves_the_old_one_and_shares_the_rest():
    old = expression("f(a * 2, b[i], key=i)")
    before = ast.dump(old)
    new = replaced(old, {"i": ast.Constant(7), "a": ast.Name("c", ast.Load())})
    assert ast.unparse(new) == "f(c * 2, b[7], key=7)"
    assert ast.dump(old) == before
    assert new.args[0].right is old.args[0].right
    assert replaced(old, {"z": ast.Constant(7)}) is old


def test_what_takes_a_names_place_is_at_the_place_of_the_name():
    new = replaced(expression("first +\\\n  second"), {"second": ast.Constant(1)})
    assert (new.right.lineno, new.right.col_offset) == (2, 2)


def test_constants_that_are_equal_but_of_other_types_stay_apart():
    old = expression("x + y")
    changed = [ast.unparse(replaced(old, {"y": ast.Constant(c)})) for c in (1, 1.0, True)]
    assert changed == ["x + 1", "x + 1.0", "x + True"]


def test_operators_become_calls_in_a_tree_of_their_own():
    old = expression("not a == b or c != d and e < f")
    before = ast.dump(old)
    assert "'<or>'" in ast.dump(with_operators(old))
    assert ast.dump(old) == before
    plain = expression("a + b < c")
    assert with_operators(plain) is plain


def load(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_program_that_is_traced_again_gives_the_same(tmp_path):
    path = tmp_path / "again.py"
    path.write_text(PROGRAM)
    first, second = (record(load(path).Program) for _ in range(2))
    assert first.kernel == second.kernel
    assert repr(first.kernels[0].body) == repr(second.kernels[0].body)


def test_a_file_that_has_changed_is_read_anew(tmp_path):
    path = tmp_path / "changing.py"
    path.write_text(PROGRAM)
    old = load(path).Program
    assert len(record(old)) == 2
    path.write_text(PROGRAM.replace("range(4)", "range(16)"))
    os.utime(path, (1, 1))  # another time of change than before, however fast this runs
    assert len(record(load(path).Program)) == 14
    path.write_text("# The program is gone.\n")
    os.utime(path, (2, 2))
    with pytest.raises(LanguageError, match="the source of added cannot be read"):
        record(old)


WRAPPED = """\
import functools

def noted(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)
    return wrapper

"""


def test_a_function_in_a_decorator_of_its_author_is_read(tmp_path):
    path = tmp_path / "wrapped.py"
    path.write_text(WRAPPED + PROGRAM.replace("@pl.function\n", "@pl.function\n    @noted\n"))
    assert len(record(load(path).Program)) == 2


def test_what_is_beside_a_program_is_not_warned_of_again(tmp_path, recwarn):
    path = tmp_path / "beside.py"
    path.write_text('AWAY = "\\d"\n' + PROGRAM)
    program = load(path).Program
    recwarn.clear()
    record(program)
    assert not recwarn.list
