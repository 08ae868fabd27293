"""What a command leaves behind."""

import json
from dataclasses import dataclass


@dataclass(frozen=True)
class Outcome:
    code: int
    out: str
    err: str

    @property
    def json(self):
        assert (self.code, self.err) == (0, "")
        return json.loads(self.out)

    @property
    def text(self):
        """What is printed, without the layout of tables and lines."""
        assert (self.code, self.err) == (0, "")
        return " ".join(self.out.split())


def assert_refused(outcome, *named):
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert "Traceback" not in outcome.err
    for part in named:
        assert part in outcome.err
