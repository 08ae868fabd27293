"""Every command in the documents runs as written, and prints what is shown."""

import doctest
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(document):
    """Commands of tilesim in a document, each with the lines that are shown after it."""
    found = []
    for block in CONSOLE.findall(document.read_text()):
        for line in block.splitlines():
            if line.startswith("$ tilesim"):
                found.append((line.removeprefix("$ ").split("  #")[0], []))
            elif not line.startswith("$ ") and found:
                found[-1][1].append(line)
    return found


def plain(text):
    """Words with one space between them, so that column widths do not matter."""
    return " ".join(text.split())


def every_command():
    """Commands of all documents, each once, with all lines that are shown for it anywhere."""
    shown = {}
    for document in DOCUMENTS:
        for command, lines in commands(document):
            shown.setdefault(command, []).extend(lines)
    return shown.items()


def prepare(folder):
    """Put what commands name into a folder, which is a git repository."""
    shutil.copy(ROOT / "devices" / "a2a3.toml", folder / "mine.toml")
    (policy,) = PYTHON.findall((ROOT / "docs" / "extending.md").read_text())
    (folder / "widest.py").write_text(policy)
    for example in (ROOT / "docs" / "examples").glob("*.py"):
        shutil.copy(example, folder)
    recorded = ROOT / "tests" / "data" / "traces" / "head_benchmark_bgemm-Case1"
    shutil.copytree(recorded, folder / "bgemm-run")
    git = [shutil.which("git"), "-c", "user.name=n", "-c", "user.email=n@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "examples"]):
        subprocess.run([*git, *words], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize(("command", "shown"), every_command())
def test_command_prints_what_the_document_shows(command, shown, tmp_path):
    prepare(tmp_path)
    words = shlex.split(command)[1:]
    done = subprocess.run(
        [sys.executable, "-m", "tilesim", *words],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    # A check that fails says so on the page, too.
    fails = any(line.startswith("check failed") or "does not fit on chip" in line for line in shown)
    assert done.returncode == (1 if fails else 0), done.stderr
    printed = [plain(line) for line in done.stdout.splitlines()]
    for line in shown:
        assert plain(line) in printed


def test_python_of_the_readme_runs(tmp_path):
    (program,) = PYTHON.findall((ROOT / "README.md").read_text())
    (tmp_path / "scale.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "scale.py"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r"TaskGraph\(scale: 64 tasks, .* us\n", done.stdout)


@pytest.mark.parametrize("page", ["check.md", "runtime.md", "tuning.md"])
def test_the_python_of_a_page_gives_what_it_shows(page):
    outcome = doctest.testfile(str(ROOT / "docs" / page), module_relative=False)
    assert outcome.attempted > 0
    assert outcome.failed == 0


def test_the_table_of_policies_is_what_the_benchmark_prints():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.policy_quality", "100"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout in (ROOT / "docs" / "policies.md").read_text()


def test_the_page_of_conformance_is_what_its_command_prints():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.conformance"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == (ROOT / "docs" / "conformance.md").read_text()
    assert "differs" not in done.stdout


def test_links_between_documents_lead_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)\)", document.read_text()):
            if not target.startswith("http"):
                assert (document.parent / target).exists(), f"{document.name}: {target}"
