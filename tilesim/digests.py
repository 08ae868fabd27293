"""The files that a sweep names, and what tells their content from any other."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from tilesim.sweep_plan import Plan
from workloads.program_files import is_program_file
from workloads.revisions import extract_revision, split_revision

__all__ = ["digest", "named_files"]


def named_files(plan: Plan) -> dict[str, str]:
    """Digests of the files and folders that the words of a plan name, by name."""
    origin = plan.origin
    values = [*plan.setup.values(), *(value for axis in plan.axes for value in axis.values)]
    words = [origin.source, *origin.inputs, *origin.assume]
    words += [value for value in values if isinstance(value, str)]
    names = sorted({name for word in words for name in _names(word)})
    found = {name: digest(name) for name in names}
    return {name: known for name, known in found.items() if known is not None}


def digest(name: str) -> str | None:
    """What tells the content of a file, a folder or ``REVISION:FILE.py``; None if there is none."""
    at_revision = split_revision(name) if is_program_file(name) else None
    if at_revision is not None:
        with TemporaryDirectory() as folder:
            return digest(str(extract_revision(*at_revision, Path(folder))))
    path = Path(name)
    if not path.exists():
        return None
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    found = sha256()
    for file in files:
        if file.is_file():
            found.update(str(file.relative_to(path)).encode())
            found.update(sha256(file.read_bytes()).digest())
    return found.hexdigest()


def _names(word: str) -> list[str]:
    """What a word may name a file by: itself, ``NAME=FILE`` or ``FILE.py:CLASS``."""
    file, is_policy, _ = word.rpartition(".py:")
    candidates = [word.rpartition("=")[2], f"{file}.py" if is_policy else word]
    return [name for name in candidates if name and (Path(name).suffix or Path(name).is_dir())]
