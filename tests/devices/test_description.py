import math
import pickle
from pathlib import Path

import msgspec
import pytest

from devices.description import (
    Count,
    Quantity,
    Rate,
    Text,
    load,
    load_named,
    names,
    settings,
    with_values,
)
from devices.device import available_devices, load_device
from devices.errors import InputError


class Heater(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    warm_up_us: Quantity
    power_gbps: Rate
    rods: Count


class Oven(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    name: Text
    heater: Heater
    cycles: dict[str, Quantity]


GOOD = """\
name = "oven"

[heater]
rods = 2
warm_up_us = { value = 1.5, range = [1, 2], source = "its manual" }
power_gbps = { value = 3, range = [2.5, 4], source = "its label" }

[cycles]
bake = { value = 7, range = [7, 7], source = "counted" }
"""


@pytest.fixture
def written(tmp_path: Path):
    def write(text: str) -> Path:
        path = tmp_path / "oven.toml"
        path.write_text(text)
        return path

    return write


def test_a_good_description_is_read_with_its_evidence(written):
    oven = load(written(GOOD), Oven)
    assert oven.heater.warm_up_us == Quantity(1.5, (1.0, 2.0), "its manual")
    assert oven.heater.power_gbps.value == 3.0
    assert isinstance(oven.heater.power_gbps.value, float)
    assert oven.cycles["bake"].value == 7.0
    assert oven.heater.rods == 2


BAD = [
    ("rods = 2\n", "", "heater.rods: is missing"),
    ("value = 1.5, ", "", "heater.warm_up_us.value: is missing"),
    ("range = [1, 2], ", "", "heater.warm_up_us.range: is missing"),
    (', source = "its manual"', "", "heater.warm_up_us.source: is missing"),
    ('name = "oven"', "", "name: is missing"),
    ('"oven"', '""', "name: Expected `str` of length >= 1"),
    ("rods = 2", "rod = 2", "unknown key in heater 'rod'; did you mean rods?"),
    ('name = "oven"', 'name = "oven"\nnam = "x"', "unknown key 'nam'; did you mean name?"),
    ("value = 1.5", "valu = 1.5", "unknown key in heater.warm_up_us 'valu'; did you mean value?"),
    ("value = 7", "valu = 7", "unknown key in cycles.bake 'valu'; did you mean value?"),
    ("rods = 2", "rods = 2.5", "heater.rods: Expected `int`, got `float`"),
    ("rods = 2", 'rods = "two"', "heater.rods: Expected `int`, got `str`"),
    ("rods = 2", "rods = 0", "heater.rods: Expected `int` >= 1"),
    ("value = 1.5", 'value = "1.5"', "heater.warm_up_us.value: Expected `float`, got `str`"),
    ("value = 1.5", "value = true", "heater.warm_up_us.value: Expected `float`, got `bool`"),
    ("value = 1.5", "value = -1.5", "heater.warm_up_us.value: Expected `float` >= 0.0"),
    ("value = 1.5", "value = nan", "heater.warm_up_us.value: Expected `float` >= 0.0"),
    ("value = 1.5", "value = inf", "heater.warm_up_us.value: is inf; expected a finite number"),
    ("value = 3", "value = 0", "heater.power_gbps.value: Expected `float` > 0.0"),
    ("[1, 2]", "[1, inf]", "heater.warm_up_us.range: is inf; expected a finite number"),
    ("[1, 2]", "[1]", "heater.warm_up_us.range: Expected `array` of length 2, got 1"),
    ("[1, 2]", '[1, "2"]', "heater.warm_up_us.range: Expected `float`, got `str`"),
    ("[1, 2]", "[-1, 2]", "heater.warm_up_us.range: Expected `float` >= 0.0"),
    ("[1, 2]", "[2, 1]", "heater.warm_up_us.range: is [2, 1]; expected [lowest, highest]"),
    ("[1, 2]", "[1.6, 2]", "heater.warm_up_us.value: is 1.5; its range allows 1.6 to 2"),
    ("[7, 7]", "[1, 6]", "cycles.bake.value: is 7; its range allows 1 to 6"),
    ('"its manual"', '""', "heater.warm_up_us.source: Expected `str` of length >= 1"),
    (
        '{ value = 7, range = [7, 7], source = "counted" }',
        "7",
        "cycles.bake: is 7; expected a table with the keys value, range, source",
    ),
    ("[cycles]\nbake = ", "cycles = 3\n#", "unknown key in heater 'cycles'"),
    ("rods = 2", "rods = ", "is not TOML: Invalid value (at line 4"),
]


@pytest.mark.parametrize(("good", "bad", "message"), BAD)
def test_a_bad_description_is_refused_by_file_and_key(written, good, bad, message):
    assert good in GOOD
    path = written(GOOD.replace(good, bad, 1))
    with pytest.raises(InputError) as caught:
        load(path, Oven)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_table_of_constants_is_a_table(written):
    path = written('name = "oven"\ncycles = 3\n' + GOOD[14 : GOOD.index("[cycles]")])
    with pytest.raises(InputError, match="cycles: is 3; expected a table"):
        load(path, Oven)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(InputError, match=r"absent\.toml: cannot be read: No such file"):
        load(tmp_path / "absent.toml", Oven)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"binary\.toml: is not TOML: 'utf-8' codec"):
        load(tmp_path / "binary.toml", Oven)


def test_names_are_files_and_paths_are_paths(written, tmp_path):
    path = written(GOOD)
    assert names(tmp_path) == ["oven"]
    assert load_named("oven", "oven", tmp_path, Oven) == load_named("oven", path, tmp_path, Oven)
    assert load_named("oven", str(path), tmp_path, Oven).name == "oven"
    with pytest.raises(InputError, match=r"unknown oven 'ovn'; did you mean oven\?"):
        load_named("oven", "ovn", tmp_path, Oven)


def test_settings_are_every_number_by_its_dotted_key(written):
    assert list(settings(load(written(GOOD), Oven))) == [
        "heater.warm_up_us",
        "heater.power_gbps",
        "heater.rods",
        "cycles.bake",
    ]


def test_a_setting_replaces_the_value_and_keeps_the_evidence(written):
    oven = load(written(GOOD), Oven)
    other = with_values(oven, {"heater.warm_up_us": 9, "heater.rods": 4.0, "cycles.bake": 0})
    assert other.heater.warm_up_us == Quantity(9.0, (1.0, 2.0), "its manual")
    assert isinstance(other.heater.warm_up_us.value, float)
    assert other.heater.rods == 4
    assert isinstance(other.heater.rods, int)
    assert other.cycles["bake"].value == 0.0
    assert oven.heater.rods == 2
    assert with_values(oven, {}) == oven


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("heater.rod", 1, "unknown setting 'heater.rod'; did you mean heater.rods"),
        ("warm_up_us", 1, "unknown setting 'warm_up_us'; did you mean heater.warm_up_us?"),
        ("heater", 1, "unknown setting 'heater'"),
        ("name", 1, "unknown setting 'name'"),
        ("heater.warm_up_us.value", 1, "did you mean heater.warm_up_us"),
        ("heater.warm_up_us", "1", "setting heater.warm_up_us: is '1'; expected a number"),
        ("heater.warm_up_us", True, "setting heater.warm_up_us: is True; expected a number"),
        ("heater.warm_up_us", -1, "is -1; expected a finite number, 0 or more"),
        ("heater.warm_up_us", math.nan, "is nan; expected a finite number, 0 or more"),
        ("heater.warm_up_us", math.inf, "is inf; expected a finite number, 0 or more"),
        ("heater.rods", 1.5, "setting heater.rods: is 1.5; expected a whole number"),
        ("heater.rods", 0, "setting heater.rods: Expected `int` >= 1"),
        ("heater.power_gbps", 0, "setting heater.power_gbps: is 0; expected more than 0"),
    ],
)
def test_a_bad_setting_is_refused(written, key, value, message):
    with pytest.raises(InputError) as caught:
        with_values(load(written(GOOD), Oven), {key: value})
    assert message in str(caught.value)


def test_devices_are_found_by_name_or_path():
    assert "a2a3" in available_devices()
    assert load_device("a2a3").name == "a2a3"
    path = Path(load_device.__code__.co_filename).with_name("a2a3.toml")
    assert load_device(path) == load_device(str(path)) == load_device("a2a3")
    with pytest.raises(InputError, match=r"unknown device 'a2a4'; did you mean a2a3\?"):
        load_device("a2a4")


def test_the_a2a3_is_what_its_data_sheet_says():
    device = load_device("a2a3")
    assert (device.aic_count, device.aiv_count) == (24, 48)
    assert device.cores.clock_mhz.value == 1850
    assert device.cycles_us(1850) == 1.0
    kib = 1024
    assert device.buffers.l1_bytes == 512 * kib
    assert device.buffers.l0a_bytes == device.buffers.l0b_bytes == 64 * kib
    assert device.buffers.l0c_bytes == 128 * kib
    assert (device.buffers.ub_bytes, device.buffers.ub_usable_bytes) == (192 * kib, 184 * kib)
    assert (device.l2.capacity_bytes, device.l2.line_bytes) == (192 * kib**2, 512)
    assert device.memory.capacity_bytes == 64 * kib**3


@pytest.mark.parametrize("name", available_devices())
def test_every_device_has_its_files_name_and_can_be_sent_to_another_process(name):
    device = load_device(name)
    assert device.name == name
    assert pickle.loads(pickle.dumps(device)) == device  # noqa: S301 - made on this line
