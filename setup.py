"""Compiles the modules in which a simulation spends its time, where there is a C compiler.

mypyc translates them as they stand, from their type hints; what they do is the same either way,
bit for bit, and a test holds it to that. Without a compiler, or with ``TILESIM_PURE=1`` in the
environment, they stay Python, and a simulation takes four to thirteen times as long.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

COMPILED = [
    "devices/cores.py",
    "devices/events.py",
    "devices/fair_share.py",
    "devices/l2.py",
    "devices/recency.py",
    "devices/shared_memory.py",
    "devices/traffic.py",
    "runtime/chains.py",
    "runtime/orchestrator.py",
    "runtime/rings.py",
    "runtime/view_rows.py",
    "scheduler/board.py",
    "scheduler/clusters.py",
    "scheduler/completion.py",
    "scheduler/dispatcher.py",
    "scheduler/early.py",
    "scheduler/poller.py",
    "scheduler/rules.py",
    "scheduler/sweep.py",
    "scheduler/thread.py",
    "scheduler/together.py",
]


class OptionalBuild(build_ext):
    """Builds all extensions or none: half of them would not work together."""

    def run(self) -> None:
        """Build; without a compiler that works, go on without."""
        try:
            super().run()
            for extension in self.extensions:  # else a new comment would make them look outdated
                Path(self.get_ext_fullpath(extension.name)).touch()
        except Exception as error:  # whatever a foreign compiler ends with
            logging.warning("simulations will be slow: modules are not compiled: %s", error)
            self.extensions = []


def extensions() -> list[Extension]:
    """What to compile."""
    if os.environ.get("TILESIM_PURE"):
        return []
    # Imported here: what is not compiled needs no compiler.
    from mypyc.build import mypycify  # noqa: PLC0415

    options = ["--config-file=", "--strict", "--follow-imports=silent", "--ignore-missing-imports"]
    return mypycify([*options, *COMPILED], group_name="tilesim", opt_level="3", debug_level="0")


setup(ext_modules=extensions(), cmdclass={"build_ext": OptionalBuild})
