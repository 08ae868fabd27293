"""The recorded runs in tests/data, and what the device's own converter printed for them."""

import json
from pathlib import Path

DATA = Path(__file__).parents[2] / "data"
TRACES = DATA / "traces"
EXPECTED = json.loads((TRACES / "expected.json").read_text(encoding="utf-8"))
RUNS = sorted(EXPECTED)
FOLDERS = [name for name in RUNS if name.startswith("head_")]
FILES = [name for name in RUNS if name not in FOLDERS]


def run_path(name):
    """A folder of the newest form, or a file of version 2."""
    if name in FOLDERS:
        return TRACES / name
    plain = TRACES / f"{name}.json"
    return plain if plain.exists() else TRACES / f"{name}.json.gz"


def write_names(name, folder):
    """A name map with the names that the converter printed."""
    names = {str(f["func_id"]): f["name"] for f in EXPECTED[name]["functions"]}
    path = folder / f"name_map_{name}.json"
    path.write_text(json.dumps({"level": 2, "callable_id_to_name": names}), encoding="utf-8")
    return path
