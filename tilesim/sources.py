"""What a verb works on: a workload by name, a program in a file, or a recorded run or graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from devices.errors import InputError
from runtime.host_memory import InputValue
from tilesim.assumptions import Assumptions
from workloads.catalogue import WORKLOADS, find_workload
from workloads.program_files import is_program_file, load_program_file
from workloads.recorded_workload import RecordedWorkload, load_recorded
from workloads.workload import Workload

__all__ = ["Source", "Subject", "find_source", "program_of"]

Subject = Workload | RecordedWorkload
"""What can be simulated: a program, or a graph with kernel times."""

Source = str | Subject
"""A subject, or what `find_source` finds one by."""


def find_source(
    source: Source,
    call: str | None = None,
    arguments: Sequence[str] = (),
    given: Mapping[str, InputValue] | None = None,
    assumptions: Assumptions | None = None,
) -> Subject:
    """The workload, program or recording that a text names.

    Parameters
    ----------
    source : str, Workload or RecordedWorkload
        Name of a workload; a program file, which is executed; ``revision:file`` for one of the
        current git repository; a folder or file of a trace; or a file of a task graph. What is no
        text is given back.
    call : str, optional
        Name of the program in the file, or of the function that builds it.
    arguments : sequence of str
        What a program file finds in ``sys.argv``.
    given : mapping, optional
        What the orchestration reads, by the name of the tensor.
    assumptions : Assumptions, optional
        What is assumed of a recording whose file does not say it.

    Raises
    ------
    InputError
        There is no such workload or file, or it cannot be used.
    """
    if not isinstance(source, str):
        return source
    if is_program_file(source):
        return load_program_file(source, call, arguments, given)
    if arguments:
        raise InputError(f"what follows -- is for a program in a FILE.py, and {source} is none")
    is_recorded = source not in WORKLOADS and _exists(source)
    if call is not None:
        what = "a recording" if is_recorded else "a workload"
        raise InputError(f"--call names a program in a FILE.py, and {source} is {what}")
    if not is_recorded:
        if assumptions not in (None, Assumptions()):
            raise InputError(f"--assume is for recordings, and {source} is a workload")
        if source not in WORKLOADS and (Path(source).suffix or Path(source).name != source):
            raise InputError(f"there is no file {source!r}, and no workload of that name")
        found = find_workload(source)
        return replace(found, given=dict(given)) if given else found
    if given:
        raise InputError(f"--input is for programs, and {source} is a recording")
    assumed = assumptions or Assumptions()
    return load_recorded(source, assumed.graph, assumed.names, assumed.deps)


def _exists(source: str) -> bool:
    try:
        return Path(source).exists()
    except OSError:  # no file can have such a name
        return False


def program_of(subject: Subject, purpose: str) -> Workload:
    """The subject, if it is a program.

    Raises
    ------
    InputError
        It is a recording; `purpose` says what cannot be done with it.
    """
    if isinstance(subject, RecordedWorkload):
        raise InputError(
            f"{subject.name} has no operations of its kernels, so there is nothing to {purpose}"
        )
    return subject
