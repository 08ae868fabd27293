import pytest

from devices.device import load_device
from devices.errors import InputError

GOOD = """\
base = "a2a3"

[calibration]
date = "2026-11-26"
rows = ["scope 3, baseline: wall_clock_us"]

[calibration.constants."kernel.start_us"]
low = 0.2
high = 0.8
start = 0.45
fitted = 0.3
sensitivity = 0.2
correlation = -0.9
partner = "kernel.commit_us"
"""


@pytest.fixture
def load(tmp_path):
    def loaded(old="", new=""):
        assert old in GOOD
        path = tmp_path / "mine.toml"
        path.write_text(GOOD.replace(old, new, 1), encoding="utf-8")
        return load_device(path)

    return loaded


def test_a_device_may_say_how_its_constants_came_about(load):
    record = load().calibration
    assert record.date == "2026-11-26"
    assert record.constants["kernel.start_us"].partner == "kernel.commit_us"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('date = "2026-11-26"', 'date = "yesterday"', "calibration.*regex.*date"),
        ("correlation = -0.9", "correlation = -1.9", "calibration.*correlation"),
        ("sensitivity = 0.2", 'sensitivity = "high"', "calibration.*sensitivity"),
        ("start = 0.45", "begin = 0.45", "calibration.*begin"),
    ],
)
def test_a_bad_record_is_refused_with_file_and_key(load, old, new, said):
    with pytest.raises(InputError, match=rf"mine\.toml: {said}"):
        load(old, new)
