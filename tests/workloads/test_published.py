import pytest

from devices.errors import InputError
from runtime.handwritten import submits_of
from runtime.version import available_runtimes
from workloads.catalogue import find_workload
from workloads.published import FIGURES, default_published, load_published

CASES = default_published().cases
GOOD = """\
[[case]]
name = "one"
source = "a report"
workload = "bgemm"
published = { elapsed_us = 728.8 }

[[case]]
name = "two"
source = "a report"
workload = "empty"
kernel = "empty"
published = { exec_us = 0.5 }

[[pair]]
name = "both"
before = "one"
after = "two"
"""


@pytest.fixture
def load(tmp_path):
    """Load GOOD with some text replaced."""

    def loaded(old="", new=""):
        assert old in GOOD
        path = tmp_path / "mine.toml"
        path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
        return load_published(path)

    return loaded


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_every_published_case_names_a_run_that_exists(case):
    program = find_workload(case.workload).program(case.settings)
    assert case.runtime in available_runtimes()
    assert set(case.published) <= set(FIGURES)
    if case.kernel:
        assert case.kernel in [kernel.name for kernel in submits_of(program).kernels]


def test_the_figures_of_the_restructuring_are_those_of_its_pull_request():
    (before,) = default_published().of("qwen3-scope3-baseline")
    (after,) = default_published().of("qwen3-scope3-restructured")
    assert before.published == {"wall_clock_us": 63044.26, "avg_latency_us": 3.93}
    assert after.published == {"wall_clock_us": 3284.44, "avg_latency_us": 44.58}
    assert (before.tasks, after.tasks) == (33411, 1651)
    assert before.profiling
    assert after.profiling


def test_a_file_of_ones_own_is_read(load):
    mine = load()
    assert [case.name for case in mine.cases] == ["one", "two"]
    assert mine.cases[0].settings == {}
    assert (mine.cases[0].fit, mine.cases[0].weight, mine.cases[0].profiling) == (True, 1.0, False)
    assert [(pair.before, pair.after) for pair in mine.pairs] == [("one", "two")]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('source = "a report"\n', "", r"mine\.toml: case 1 \('one'\): .*missing.*source"),
        ("728.8", "-1.0", r"case 1 \('one'\): .*> 0"),
        ("728.8", '"fast"', r"case 1 \('one'\): .*float"),
        ("elapsed_us", "elapsed", r"case 1 \('one'\): published: unknown figure 'elapsed'; did"),
        ('workload = "empty"', 'workloda = "empty"', r"case 2 \('two'\): .*workloda"),
        ('kernel = "empty"\n', "", r"case 2 \('two'\): exec_us and kernel belong together"),
        ('name = "two"', 'name = "one"', r"case 2: there is a case 'one' already"),
        (
            'after = "two"',
            'after = "tow"',
            r"pair 1 \('both'\): unknown case 'tow'; did you mean two",
        ),
        ("[[pair]]", "[[pairs]]", r"unknown table 'pairs'; did you mean pair"),
        ('[[case]]\nname = "one"', '[case]\nname = "one"', r"is not TOML"),
        ('name = "one"', "name = 1", r"mine\.toml: case 1: .*name"),
    ],
)
def test_a_bad_row_is_refused_with_file_and_row(load, old, new, said):
    with pytest.raises(InputError, match=said):
        load(old, new)


def test_a_file_that_is_missing_or_empty_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"none\.toml: cannot be read"):
        load_published(tmp_path / "none.toml")
    (tmp_path / "empty.toml").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"empty\.toml: has no \[\[case\]\]"):
        load_published(tmp_path / "empty.toml")
