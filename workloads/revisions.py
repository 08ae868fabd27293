"""Files of a git repository as they were at a revision."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from devices.errors import InputError

__all__ = ["extract_revision", "split_revision"]


def split_revision(text: str) -> tuple[str, str] | None:
    """Revision and path of ``revision:path/file.py``; None where the text is no such pair.

    A text that names a file as it stands is no pair.
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
    root = Path(os.fsdecode(_git("rev-parse", "--show-toplevel", where=None)).strip())
    commit = _resolved(revision)
    inside = _inside(path, root)
    known = os.fsdecode(_git("ls-tree", "-r", "--name-only", "-z", commit, where=root)).split("\0")
    wanted = next((name for name in (inside, path) if name in known), None)
    if wanted is None:
        raise InputError(f"{revision} has no file {path!r} (in the repository {root.name})")
    # Not git archive, which leaves out what .gitattributes tells it to.
    with tempfile.TemporaryDirectory() as index:
        at = {"GIT_INDEX_FILE": str(Path(index) / "index")}
        _git("read-tree", commit, where=root, environment=at)
        names = [name for name in known if name.endswith(".py") or name == wanted]
        listed = b"\0".join(map(os.fsencode, names))
        prefix = f"--prefix={folder}{os.sep}"
        _git("checkout-index", "-z", "--stdin", prefix, where=root, environment=at, given=listed)
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


def _git(
    *arguments: str,
    where: Path | None,
    environment: Mapping[str, str] | None = None,
    given: bytes = b"",
) -> bytes:
    program = shutil.which("git")
    if program is None:
        raise InputError("a file at a revision needs git, which is not installed")
    done = subprocess.run(  # noqa: S603 - no shell
        [program, *arguments],
        cwd=where,
        capture_output=True,
        check=False,
        input=given,
        env={**os.environ, **(environment or {})},
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise InputError(f"git {arguments[0]}: {said[-1] if said else 'failed'}")
    return done.stdout
