"""Swimlane traces of the Ascend device runtime: reading a recorded run."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from devices.errors import InputError
from runtime.garbage import garbage_collection_paused
from workloads.formats.blocks import DEFAULT_LIMITS, FileLimits
from workloads.formats.deps import Dependences, read_dependences
from workloads.formats.imported import Imported
from workloads.formats.json_pieces import Nesting, json_pieces
from workloads.formats.name_map import NAMES_KEY, read_names
from workloads.formats.recorded_graph import build_recorded_graph
from workloads.formats.recorded_rows import RecordedRun, find_run
from workloads.formats.recorded_trace import build_recorded_trace
from workloads.formats.records import decode_value
from workloads.formats.swimlane_raw import read_raw_recording
from workloads.formats.swimlane_us import read_us_recording

__all__ = ["read_swimlane"]

_RECORD_FILES = (
    "chip_swimlane_records.json",
    "l2_swimlane_records.json",
    "l2_perf_records.json",
)
"""What the runtime has called the records in a folder, the newest first."""

_SEED_FILES = "perf_swimlane_*.json"
_DEPS, _NAMES = "deps.json", "name_map*.json"

_LEVELS = ("chip_swimlane_level", "l2_swimlane_level")
"""Keys that say how much was recorded; before them there was `version`."""

_NO_NAMES = "There is no name map for the records; functions are called by their ids."

_RAW, _US = "aicore_tasks", "tasks"


@dataclass(frozen=True, slots=True)
class _Files:
    """The files of one run."""

    records: Path
    dependences: Path | None
    names: Path | None
    notes: tuple[str, ...]


def read_swimlane(
    path: str | os.PathLike[str],
    *,
    name_map: str | os.PathLike[str] | None = None,
    dependences: str | os.PathLike[str] | None = None,
    limits: FileLimits = DEFAULT_LIMITS,
) -> Imported:
    """Read a run that the device runtime recorded.

    Read are versions 1 and 2 (``perf_swimlane_*.json``, ``l2_perf_records.json``), what followed
    (``l2_swimlane_records.json``), and the newest form (``chip_swimlane_records.json``), plain or
    packed with gzip. Records are read in blocks, so that a file may be larger than memory.

    Parameters
    ----------
    path : path
        The file of records, or the folder that has it.
    name_map : path, optional
        Names of functions; by default the one ``name_map*.json`` beside the records, if there is
        one. Without it, functions are called ``func_<id>``.
    dependences : path, optional
        The full graph with its tensors; by default ``deps.json`` beside records of the newest form.
    limits : FileLimits
        How large files may be.

    Returns
    -------
    Imported
        With the recorded run; its tensors are known if `dependences` are.

    Raises
    ------
    InputError
        A file is missing, of an unknown version, too large, damaged, or of another run. The message
        names the file, the record and the field.
    """
    records = _records_file(Path(path))
    version, is_raw = _version(records, limits)
    files = _files(records, name_map, dependences, beside=is_raw)
    read = read_raw_recording if is_raw else read_us_recording
    with garbage_collection_paused():  # a million small objects, none of them garbage
        graph = None if files.dependences is None else read_dependences(files.dependences, limits)
        # No name for what was read: as soon as its rows are in order, it is let go.
        run = find_run(read(records, version, limits), graph)
        names = run.recording.names if files.names is None else read_names(files.names, limits)
        return _imported(run, graph, names, files)


def _imported(
    run: RecordedRun, dependences: Dependences | None, names: dict[int, str], files: _Files
) -> Imported:
    recording = run.recording
    built = build_recorded_graph(_name(recording.path), run, dependences, names)
    trace, trace_notes = build_recorded_trace(built.graph, run)
    unnamed = () if names else (_NO_NAMES,)
    notes = (
        *recording.notes,
        *files.notes,
        *unnamed,
        *run.cores.notes,
        *run.tasks.notes,
        *run.executed.notes,
        *built.notes,
        *trace_notes,
    )
    return Imported(
        name=built.graph.name,
        format=recording.format,
        submits=built.submits,
        graph=built.graph,
        durations_us=built.durations_us,
        trace=trace,
        has_tensors=dependences is not None,
        notes=notes,
    )


def _name(path: Path) -> str:
    """What to call a run: its file, or the folder of a file that is called as all are."""
    name = path.name.removesuffix(".gz")
    if name in _RECORD_FILES:
        return path.resolve().parent.name or name
    return name.removesuffix(".json")


def _records_file(path: Path) -> Path:
    """The file of records that a path stands for."""
    if not path.is_dir():
        return path
    for name in _RECORD_FILES:
        found = _packed_or_plain(path, name)
        if found is not None:
            return found
    several = _matching(path, _SEED_FILES)
    if len(several) == 1:
        return several[0]
    if several:
        raise InputError(
            f"{path}: holds {len(several)} swimlanes, {several[0].name} to {several[-1].name}; "
            "name one of them"
        )
    raise InputError(f"{path}: holds no swimlane; it would be called {', '.join(_RECORD_FILES)}")


def _packed_or_plain(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)


def _matching(folder: Path, pattern: str) -> list[Path]:
    return sorted({*folder.glob(pattern), *folder.glob(f"{pattern}.gz")})


def _files(
    records: Path,
    name_map: str | os.PathLike[str] | None,
    dependences: str | os.PathLike[str] | None,
    *,
    beside: bool,
) -> _Files:
    folder, notes = records.parent, []
    deps = None if dependences is None else Path(dependences)
    if deps is None and beside:
        deps = _packed_or_plain(folder, _DEPS)
        if deps is None:
            notes.append(
                "There is no deps.json beside the records, so edges and functions are not known."
            )
    if name_map is not None:
        return _Files(records, deps, Path(name_map), tuple(notes))
    maps = _matching(folder, _NAMES)
    if len(maps) > 1:
        notes.append(f"There are {len(maps)} name maps beside the records; none of them was used.")
    return _Files(records, deps, maps[0] if len(maps) == 1 else None, tuple(notes))


def _version(path: Path, limits: FileLimits) -> tuple[str, bool]:
    """What a file says of its version, and whether its records are tuples of cycles."""
    nesting = dict.fromkeys((_RAW, _US), Nesting.ARRAY) | dict.fromkeys(
        ("aicpu_scheduler_phases", "aicpu_orchestrator_phases"), Nesting.ARRAYS
    )
    seen: list[str] = []
    version = ""
    for piece in json_pieces(path, nesting, limits):
        seen += [piece.key] if piece.key not in seen else []
        if piece.key == "version" or piece.key in _LEVELS:
            version = _checked_version(path, piece.key, piece.content)
        kinds = [key for key in seen if key in (_RAW, _US)]
        if version and kinds:
            return version, kinds[0] == _RAW
    raise InputError(f"{path}: {_unknown(seen, version)}")


def _checked_version(path: Path, key: str, content: bytes) -> str:
    number = decode_value(path, key, content, int)
    known = (1, 2) if key == "version" else (1, 2, 3, 4)
    if number not in known:
        raise InputError(
            f"{path}: {key}: is {number}; known are {', '.join(map(str, known))}. It is newer than "
            "this reader, or no swimlane"
        )
    return f"version {number}" if key == "version" else f"{key} {number}"


def _unknown(seen: Sequence[str], version: str) -> str:
    """Say why a file is no swimlane."""
    if version:
        return f"tasks: is empty or missing; there is neither {_US} nor {_RAW}"
    if "traceEvents" in seen:
        return "is a trace for viewers, which does not say what the device recorded"
    if "edges" in seen or NAMES_KEY in seen:
        return "belongs to a swimlane; name the file of records, or the folder that has both"
    if {_RAW, _US} & set(seen):
        return f"has no version: neither version nor {' nor '.join(_LEVELS)}"
    return f"is no swimlane; it has {', '.join(seen[:6]) or 'no field'}"
