"""The functions of a source file, which is parsed once for all programs in it."""

from __future__ import annotations

import ast
import linecache
import warnings
from collections.abc import Iterable, Iterator
from typing import Any

__all__ = ["Definition", "Definitions", "definitions"]

Definition = ast.FunctionDef | ast.AsyncFunctionDef
Definitions = dict[tuple[str, int], Definition]

_FILES: dict[str, tuple[list[str], Definitions]] = {}
"""Lines of each file as they were last read, and its functions."""


def definitions(file: str, names: dict[str, Any]) -> Definitions:
    """Every function of a file, by its name and first line, that of a decorator if it has one.

    Parameters
    ----------
    file : str
        Its path, or what `linecache` knows it by; of one that cannot be read there are none.
    names : dict
        Globals of a module in it, by which `linecache` finds what is not on a disk.
    """
    linecache.checkcache(file)
    lines = linecache.getlines(file, names)
    known = _FILES.get(file)
    if known is None or known[0] is not lines:  # as long as the file stays, they do
        known = _FILES[file] = lines, _parsed("".join(lines), file)
    return known[1]


def _parsed(text: str, file: str) -> Definitions:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Python has given them as it imported the file
            tree = ast.parse(text, file)
    except (SyntaxError, ValueError):  # not what Python has imported
        return {}
    found = {}
    for node in _functions(tree.body):
        begins = [node.lineno, *(decorator.lineno for decorator in node.decorator_list)]
        found[node.name, min(begins)] = node
    return found


def _functions(nodes: Iterable[ast.AST]) -> Iterator[Definition]:
    """The functions among statements and in them."""
    for node in nodes:
        if isinstance(node, Definition):
            yield node
        for inside in ("body", "orelse", "finalbody", "handlers", "cases"):
            yield from _functions(getattr(node, inside, ()))
