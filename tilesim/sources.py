"""What a verb works on: a workload by name, or a program in a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from devices.errors import InputError
from runtime.host_memory import InputValue
from workloads.catalogue import find_workload
from workloads.program_files import is_program_file, load_program_file
from workloads.workload import Workload

__all__ = ["Source", "find_source"]

Source = str | Workload
"""A workload, or what `find_source` finds one by."""


def find_source(
    source: Source,
    call: str | None = None,
    arguments: Sequence[str] = (),
    given: Mapping[str, InputValue] | None = None,
) -> Workload:
    """The workload that a text names.

    Parameters
    ----------
    source : str or Workload
        Name of a workload; a program file, which is executed; or ``revision:file`` for one of the
        current git repository. A workload is given back.
    call : str, optional
        Name of the program in the file, or of the function that builds it.
    arguments : sequence of str
        What the file finds in ``sys.argv``.
    given : mapping, optional
        What the orchestration reads, by the name of the tensor.

    Raises
    ------
    InputError
        There is no such workload or file, or it cannot be used.
    """
    if isinstance(source, Workload):
        return source
    if is_program_file(source):
        return load_program_file(source, call, arguments, given)
    if Path(source).is_file():
        raise InputError(f"cannot tell what {source!r} is; a program file ends in .py")
    found = find_workload(source)
    if call is not None:
        raise InputError(f"--call names a program in a file, and {source} is a workload")
    return replace(found, given=dict(given)) if given else found
