"""Files of a git repository as they were at a revision."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tarfile
from pathlib import Path

from devices.errors import InputError

__all__ = ["extract_revision", "split_revision"]


def split_revision(text: str) -> tuple[str, str] | None:
    """Revision and path of ``revision:path/file.py``; None where the text is no such pair.

    A colon after a single letter is a drive's, not a revision's, where a file of that name exists.
    """
    revision, colon, path = text.partition(":")
    if not colon or not revision or not path or Path(text).exists():
        return None
    return revision, path


def extract_revision(revision: str, path: str, folder: Path) -> Path:
    """Write the Python files of the current repository at a revision into `folder`.

    Parameters
    ----------
    revision : str
        A commit, branch or tag.
    path : str
        The file that is wanted, from the working directory or from the root of the repository.
    folder : path
        An empty folder.

    Returns
    -------
    path
        The wanted file in `folder`.

    Raises
    ------
    InputError
        This is no git repository, it has no such revision, or that has no such file.
    """
    if revision.startswith("-"):
        raise InputError(f"{revision!r} is no git revision")
    root = Path(_git("rev-parse", "--show-toplevel", where=None).decode().strip())
    commit = _resolved(revision)
    inside = _inside(path, root)
    known = _git("ls-tree", "-r", "--name-only", "-z", commit, where=root).decode().split("\0")
    wanted = next((name for name in (inside, path) if name in known), None)
    if wanted is None:
        raise InputError(f"{revision} has no file {path!r} (in the repository {root.name})")
    packed = _git("archive", "--format=tar", commit, "--", ":(glob)**/*.py", wanted, where=root)
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content is not None:  # git keeps no path that leads out of the repository
                target = folder / member.name
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(content.read())
    return folder / wanted


def _inside(path: str, root: Path) -> str:
    """A path from the working directory as one from the root of the repository."""
    return Path(os.path.relpath(Path.cwd() / path, root)).as_posix()


def _resolved(revision: str) -> str:
    try:
        found = _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}", where=None)
    except InputError:
        raise InputError(
            f"this git repository has no revision {revision!r}; git log shows them"
        ) from None
    return found.decode().strip()


def _git(*arguments: str, where: Path | None) -> bytes:
    program = shutil.which("git")
    if program is None:
        raise InputError("a file at a revision needs git, which is not installed")
    done = subprocess.run(  # noqa: S603 - no shell
        [program, *arguments], cwd=where, capture_output=True, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise InputError(f"git {arguments[0]}: {said[-1] if said else 'failed'}")
    return done.stdout
