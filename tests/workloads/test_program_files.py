"""Program files as they are: what is found in them, and what goes wrong in them."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

from devices.errors import InputError
from workloads.program_files import load_program_file
from workloads.revisions import split_revision

no_torch = pytest.mark.skipif(
    importlib.util.find_spec("torch") is not None, reason="torch itself is used, not its stand-in"
)

HEAD = """\
'''Adds one.'''
import pypto.language as pl
import torch
from pypto.runtime import RunConfig, TensorSpec, run
from pypto.backend import BackendType
from pypto.ir.pass_manager import OptimizationStrategy

ROWS = 8
"""

BUILDER = """
def build_adder_program(rows: int = ROWS, cols: int = 64, name: str = "adder"):
    @pl.program
    class Adder:
        @pl.function(type=pl.FunctionType.Opaque)
        def main(
            self,
            n: pl.Tensor[[4], pl.INT32],
            x: pl.Tensor[[rows, cols], pl.FP32],
            y: pl.Out[pl.Tensor[[rows, cols], pl.FP32]],
        ) -> pl.Tensor[[rows, cols], pl.FP32]:
            k = pl.tensor.read(n, [1])
            for i in pl.range(k):
                with pl.incore():
                    y = pl.assemble(y, pl.add(pl.slice(x, [1, cols], [i, 0]), 1.0), [i, 0])
            return y

    return Adder
"""

SPECS = """
def build_tensor_specs(rows: int = ROWS):
    def drawn():
        return torch.randint(0, rows, (4,))

    return [
        TensorSpec("x", [rows, 64], torch.float32, init_value=torch.randn),
        TensorSpec("n", [4], torch.int32, init_value={value}),
        TensorSpec("y", [rows, 64], torch.float32, is_output=True),
    ]
"""

MAIN = """
if __name__ == "__main__":
    result = run(
        program=build_adder_program(),
        tensor_specs=build_tensor_specs(),
        golden=None,
        config=RunConfig(platform="a2a3sim", strategy=OptimizationStrategy.Default,
                         backend_type=BackendType.Ascend910B),
    )
    raise SystemExit(not result.passed)
"""


@pytest.fixture
def program_file(tmp_path):
    """Writes a program file; gives its path."""

    def write(*parts, name="kernel.py"):
        path = tmp_path / name
        path.write_text("\n".join(map(dedent, parts)), encoding="utf-8")
        return str(path)

    return write


def rows_of(workload, **settings):
    submits = workload.submits(workload.parameters(settings))
    return [scalars[0] for scalars in submits.scalars]


def test_a_file_is_a_workload_with_the_builder_s_parameters(program_file):
    workload = load_program_file(program_file(HEAD, BUILDER, SPECS.format(value=3), MAIN))
    assert workload.summary == "Adds one."
    assert workload.defaults == {"rows": 8, "cols": 64}
    assert rows_of(workload) == [0, 1, 2]
    submits = workload.submits(workload.parameters({"rows": 16}))
    assert submits.arguments[1].shape == (16, 64)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("3", [0, 1, 2]), ("[9, 2, 9, 9]", [0, 1]), ("None", None), ("lambda: [0, 1, 0, 0]", [0])],
)
def test_what_is_read_comes_from_the_specs(program_file, value, expected):
    workload = load_program_file(program_file(HEAD, BUILDER, SPECS.format(value=value)))
    if expected is None:  # zeros: the loop does not run
        with pytest.raises(InputError, match="submits nothing"):
            rows_of(workload)
    else:
        assert rows_of(workload) == expected


@no_torch
def test_what_specs_make_of_floats_has_to_be_given(program_file):
    path = program_file(HEAD, BUILDER, SPECS.format(value="(torch.rand(4) * 9).int()"))
    with pytest.raises(InputError, match="--input n=NUMBER"):
        rows_of(load_program_file(path))
    assert rows_of(load_program_file(path, given={"n": np.array([0, 4, 0, 0])})) == [0, 1, 2, 3]


def test_given_values_win_over_specs(program_file):
    path = program_file(HEAD, BUILDER, SPECS.format(value=3))
    assert rows_of(load_program_file(path, given={"n": 1})) == [0]


def test_the_stand_ins_are_gone_afterwards(program_file):
    before = set(sys.modules), list(sys.path), list(sys.argv)
    load_program_file(program_file(HEAD, BUILDER))
    assert before == (set(sys.modules), list(sys.path), list(sys.argv))
    with pytest.raises(ModuleNotFoundError):
        __import__("pypto")


PROGRAM = """
@pl.program
class {name}:
    @pl.function
    def main(self, x: pl.Tensor[[8, 64], pl.FP32], y: pl.Out[pl.Tensor[[8, 64], pl.FP32]]):
        with pl.incore():
            y = pl.assemble(y, pl.add(x, {number}), [0, 0])
        return y
"""


def test_a_program_of_the_module_is_taken(program_file):
    workload = load_program_file(program_file(HEAD, PROGRAM.format(name="One", number="1.0")))
    assert len(workload.submits({})) == 1


def test_several_programs_are_named_and_one_chosen(program_file):
    first, second = (PROGRAM.format(name=n, number="2.0") for n in ("One", "Two"))
    path = program_file(HEAD, first, second, BUILDER)
    with pytest.raises(InputError, match=r"several programs.*it has: One, Two\); choose with"):
        load_program_file(path)
    assert len(load_program_file(path, "Two").submits({})) == 1
    assert load_program_file(path, "build_adder_program").defaults == {"rows": 8, "cols": 64}
    with pytest.raises(InputError, match=r"unknown program of .* 'Three'"):
        load_program_file(path, "Three")


def test_a_function_of_another_name_is_found_by_what_it_holds(program_file):
    renamed = BUILDER.replace("build_adder_program", "make")
    assert "rows" in load_program_file(program_file(HEAD, renamed)).defaults


def test_a_file_without_a_program_is_refused(program_file):
    with pytest.raises(InputError, match="has no program"):
        load_program_file(program_file("import pypto.language as pl\nx = 1\n"))


def test_neighbours_are_imported_from_the_file_s_folder(program_file):
    program_file("ROWS_OF_ALL = 4\n", name="sizes_of_mine.py")
    path = program_file("from sizes_of_mine import ROWS_OF_ALL\n", HEAD, BUILDER)
    assert load_program_file(path, given={"n": 2}).defaults["rows"] == 8
    assert "sizes_of_mine" not in sys.modules


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("import pypto.language as pl\nx = (\n", r"kernel.py:2: '\(' was never closed"),
        ("import nothing_of_that_name\n", r"kernel.py:1: ModuleNotFoundError"),
        ("x = 1\ny = x / 0\n", r"kernel.py:2: ZeroDivisionError"),
        ("import sys\nsys.exit(4)\n", r"ended by itself \(exit code 4\)"),
        ("def f():\n    return f()\nf()\n", r"kernel.py:2: RecursionError"),
        pytest.param(
            "import torch\nx = int(torch.zeros(3))\n",
            r"kernel.py:2: the file asks for elements that only torch knows",
            marks=no_torch,
        ),
        ("from pypto.ir import nothing\n", "cannot import name 'nothing' from 'pypto.ir'"),
        ("import pypto.ir\npypto.ir.nothing\n", "pypto.ir.nothing is not supported"),
        ("x = 1\0\n", "null bytes"),
        ("class Stop(BaseException): pass\nraise Stop\n", "kernel.py:2: Stop"),
        ("import pypto.language as pl\npl.nothing\n", r"kernel.py:2: pl.nothing is not supported"),
        ("import pypto.debug\n", "ModuleNotFoundError"),
    ],
)
def test_what_goes_wrong_in_a_file_names_its_line(program_file, source, words):
    with pytest.raises(InputError, match=words):
        load_program_file(program_file(source))


def test_a_builder_that_fails_names_its_line(program_file):
    checked = BUILDER.replace("    @pl.program", "    assert rows < 10\n    @pl.program", 1)
    path = program_file(HEAD, checked)
    workload = load_program_file(path, given={"n": 1})
    with pytest.raises(InputError, match=r"kernel.py:\d+: AssertionError"):
        rows_of(workload, rows=16)


def test_misuse_of_the_language_names_the_file_s_line(program_file):
    path = program_file(HEAD, BUILDER.replace("pl.add(", "pl.abs("))
    with pytest.raises(InputError) as caught:
        rows_of(load_program_file(path, given={"n": 1}))
    line = int(re.search(r"kernel.py:(\d+): pl.abs is not supported", str(caught.value))[1])
    assert "pl.abs" in Path(path).read_text(encoding="utf-8").splitlines()[line - 1]


@pytest.mark.parametrize("name", ["missing.py", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path, name):
    with pytest.raises(InputError, match="cannot read"):
        load_program_file(str(tmp_path / name))


def test_a_file_that_is_no_text_is_refused(tmp_path):
    path = tmp_path / "binary.py"
    path.write_bytes(b"x = '\xff'")
    with pytest.raises(InputError, match="not UTF-8, and no other encoding"):
        load_program_file(str(path))


def test_a_file_may_declare_its_encoding(tmp_path):
    text = HEAD + BUILDER
    (tmp_path / "bom.py").write_bytes(b"\xef\xbb\xbf" + text.encode())
    latin = "# -*- coding: latin-1 -*-\nNAME = '\xe9'\n" + text
    (tmp_path / "latin.py").write_bytes(latin.encode("latin-1"))
    for name in ("bom.py", "latin.py"):
        assert rows_of(load_program_file(str(tmp_path / name), given={"n": 1})) == [0]


def test_annotations_of_a_file_are_its_own(program_file):
    check = """
    from dataclasses import dataclass, fields

    @dataclass
    class Sizes:
        rows: int = 3

    assert fields(Sizes)[0].type is int
    """
    assert load_program_file(program_file(HEAD, check, BUILDER)).defaults["rows"] == 8


def test_what_a_file_does_to_python_is_undone(program_file, capsys):
    mess = """
    import io, os, sys
    print("said")
    os.chdir("/")
    sys.stdout = io.StringIO()
    """
    place, out = Path.cwd(), sys.stdout
    load_program_file(program_file(HEAD, mess, BUILDER))
    assert (Path.cwd(), sys.stdout) == (place, out)
    assert capsys.readouterr() == ("", "said\n")


def test_optional_names_may_be_missing(program_file):
    optional = """
    import pypto.runtime as R

    try:
        from pypto.runtime import Worker
    except ImportError:
        Worker = None
    assert not hasattr(R, "Other")
    """
    assert load_program_file(program_file(HEAD, optional, BUILDER)).defaults["rows"] == 8


def test_parameters_without_a_default_are_asked_for(program_file):
    path = program_file(HEAD, BUILDER.replace("rows: int = ROWS, cols: int = 64", "rows, cols=0"))
    path = program_file(
        HEAD, BUILDER.replace("rows: int = ROWS, cols: int = 64", "rows, shift=0, cols=64")
    )
    workload = load_program_file(path, given={"n": 2})
    with pytest.raises(InputError, match="rows has no default; give it with --set rows=NUMBER"):
        workload.parameters({})
    assert workload.parameters({"rows": 4, "shift": 0})["rows"] == 4
    assert rows_of(workload, rows=4, shift=-1) == [0, 1]


def test_specs_draw_the_same_each_time_and_say_what_is_wrong(program_file):
    drawn = SPECS.format(value="lambda: np.random.randint(1, 9, 4)")
    workload = load_program_file(program_file("import numpy as np\n", HEAD, BUILDER, drawn))
    assert rows_of(workload) == rows_of(workload)
    again = load_program_file(program_file("import numpy as np\n", HEAD, BUILDER, drawn))
    assert rows_of(again) == rows_of(workload)
    wrong = load_program_file(program_file(HEAD, BUILDER, SPECS.format(value="nothing")))
    with pytest.raises(InputError, match=r"kernel.py:\d+: NameError: name 'nothing'"):
        rows_of(wrong)


# Revisions


def git(folder, *words):
    identity = ["-c", "user.name=n", "-c", "user.email=n@example.org"]
    command = [shutil.which("git"), *identity, *words]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)


def commit_all(folder):
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "all")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A git repository with two versions of a program, the later one not committed."""

    folder = tmp_path / "kernels"
    folder.mkdir()
    file = folder / "adder.py"
    (folder / "sizes_here.py").write_text("START = 1\n")
    text = HEAD + "from sizes_here import START\n" + BUILDER.replace("range(k)", "range(START, k)")
    git(tmp_path, "init", "-q")
    file.write_text(text)
    commit_all(tmp_path)
    file.write_text(text.replace("START, k", "0, k"))
    (folder / "sizes_here.py").write_text("START = 2\n")
    monkeypatch.chdir(tmp_path)
    return folder


def test_a_file_at_a_revision_is_read_with_its_neighbours(repository, monkeypatch):
    given = {"n": 3}
    assert rows_of(load_program_file("HEAD:kernels/adder.py", given=given)) == [1, 2]
    assert rows_of(load_program_file("kernels/adder.py", given=given)) == [0, 1, 2]
    monkeypatch.chdir(repository)
    assert rows_of(load_program_file("HEAD:adder.py", given=given)) == [1, 2]
    assert rows_of(load_program_file("HEAD:kernels/adder.py", given=given)) == [1, 2]


def test_errors_in_a_revision_name_it(repository):
    assert repository.is_dir()
    with pytest.raises(InputError, match=r"^HEAD:kernels/adder.py:\d+: .*--input"):
        rows_of(load_program_file("HEAD:kernels/adder.py"))


def test_each_revision_has_its_own_neighbours_also_above_and_later(repository):
    root = repository.parent
    (root / "lib").mkdir()
    (root / "lib" / "count_of.py").write_text("ROWS_NOW = 3\n")
    above = (
        "import sys\nfrom pathlib import Path\n"
        "sys.path.insert(0, str(Path(__file__).resolve().parents[1]))\n"
        "from lib.count_of import ROWS_NOW\n"
    )
    late = BUILDER.replace("    @pl.program", "    import sizes_here\n    @pl.program", 1)
    late = late.replace("range(k)", "range(sizes_here.START, ROWS_NOW)")
    (repository / "above.py").write_text(HEAD + above + late)
    (root / ".gitattributes").write_text("*.py export-ignore\n")
    commit_all(root)
    (root / "lib" / "count_of.py").write_text("ROWS_NOW = 5\n")
    given = {"n": 1}
    for _ in range(2):
        assert rows_of(load_program_file("HEAD:kernels/above.py", given=given)) == [2]
        assert rows_of(load_program_file("kernels/above.py", given=given)) == [2, 3, 4]
    assert "lib" not in sys.modules


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nowhere:kernels/adder.py", "no revision 'nowhere'"),
        ("HEAD:kernels/other.py", "HEAD has no file 'kernels/other.py'"),
        ("--upload-pack=x:kernels/adder.py", "is no git revision"),
    ],
)
def test_revisions_and_files_that_are_not_there_are_refused(repository, text, words):
    assert repository.is_dir()
    with pytest.raises(InputError, match=re.escape(words)):
        load_program_file(text)


def test_a_revision_needs_a_repository(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match="not a git repository"):
        load_program_file("HEAD:adder.py")


def test_a_file_whose_name_has_a_colon_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:b.py").write_text("")
    assert split_revision("a:b.py") is None
    assert split_revision("a:c.py") == ("a", "c.py")
    assert split_revision("plain.py") is None
