import sys

import pytest
from outcomes import Outcome

from tilesim.cli import main


@pytest.fixture
def tilesim(monkeypatch, capsys, tmp_path):
    """The command in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    for name in ("NO_COLOR", "FORCE_COLOR", "PY_COLORS", "CLICOLOR_FORCE", "GITHUB_ACTIONS"):
        monkeypatch.delenv(name, raising=False)

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["tilesim", *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            main()
        written = capsys.readouterr()
        return Outcome(ended.value.code or 0, written.out, written.err)

    return run
