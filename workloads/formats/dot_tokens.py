"""Words and symbols of a DOT file, and where they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass

from devices.errors import InputError
from workloads.formats.content import shown

__all__ = ["Token", "Tokens"]

_TOKEN = re.compile(
    r"\s*(?:(?P<symbol>->|--|[{}\[\];,=:+])"
    r"|(?P<word>[^\W\d]\w*)"
    r"|(?P<number>-?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?))"
    r"|(?P<text>\")"
    r"|(?P<line>//[^\n]*|^\#[^\n]*)"
    r"|(?P<comment>/\*)"
    r"|(?P<markup><)"
    r"|(?P<end>\Z))",
    re.MULTILINE,
)
_TEXT = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL)
_ANGLE = re.compile(r"[<>]")
_KEYWORDS = frozenset({"strict", "graph", "digraph", "node", "edge", "subgraph"})


@dataclass(slots=True)
class Token:
    """A word, text or symbol.

    Attributes
    ----------
    kind : str
        ``"id"`` for words, numbers and texts, ``"end"`` behind the last one, else the symbol.
    text : str
        What it says, without quotes.
    place : int
        The character at which it begins.
    keyword : str
        The keyword that it is, in lower case, or nothing.
    """

    kind: str
    text: str
    place: int
    keyword: str = ""

    @property
    def is_id(self) -> bool:
        """Whether it can name something."""
        return self.kind == "id" and not self.keyword


class Tokens:
    """The tokens of a file, one after the other.

    Parameters
    ----------
    text : str
        What the file holds.
    file : str
        Its name, for messages.
    """

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._at = 0
        self._again: Token | None = None

    def where(self, place: int) -> str:
        """Where a character stands, in words."""
        return f"line {self._text.count(chr(10), 0, place) + 1}"

    def error(self, token: Token, why: str) -> InputError:
        """The error of a token."""
        return InputError(f"{self._file}: {self.where(token.place)}: {why}")

    def give_back(self, token: Token) -> None:
        """Have the next `take` return this token again."""
        self._again = token

    def take(self) -> Token:
        """The next token; texts that are joined by ``+`` are one.

        Raises
        ------
        InputError
            What stands there belongs to no DOT file, or a text or comment does not end.
        """
        if self._again is not None:
            token, self._again = self._again, None
            return token
        token, is_text = self._next()
        if not is_text:
            return token
        parts = [token.text]
        while True:
            following, _ = self._next()
            if following.kind != "+":
                self._again = following
                break
            part, is_text = self._next()
            if not is_text:
                raise self.error(part, f"{shown(part.text)} follows +; a text in quotes has to")
            parts.append(part.text)
        return Token("id", "".join(parts), token.place)

    def _next(self) -> tuple[Token, bool]:
        """The next token, and whether it is a text in quotes."""
        while True:
            match = _TOKEN.match(self._text, self._at)
            kind = match.lastgroup if match else None
            if match is None or kind is None:
                raise self._unknown()
            place, self._at = match.start(kind), match.end()
            text = match[kind]
            if kind in ("symbol", "end"):
                return Token(text or kind, text, place), False
            if kind in ("word", "number"):
                keyword = text.lower() if text.lower() in _KEYWORDS else ""
                return Token("id", text, place, keyword), False
            if kind == "text":
                return self._quoted(place), True
            if kind == "markup":
                return self._markup(place), False
            if kind == "comment":
                self._at = self._text.find("*/", self._at) + 2
                if self._at < 2:
                    raise self._at_place(place, "the comment does not end")

    def _unknown(self) -> InputError:
        """The error of what is no token."""
        place = self._at
        while self._text[place].isspace():
            place += 1
        return self._at_place(place, f"{shown(self._text[place])} belongs to no DOT file")

    def _at_place(self, place: int, why: str) -> InputError:
        return self.error(Token("", "", place), why)

    def _quoted(self, place: int) -> Token:
        match = _TEXT.match(self._text, place)
        if match is None:
            raise self._at_place(place, "the text does not end; its last quote is missing")
        self._at = match.end()
        # A backslash stands for itself but before a quote or the end of a line.
        text = match.group(1).replace('\\"', '"').replace("\\\n", "")
        return Token("id", text, place)

    def _markup(self, place: int) -> Token:
        """Text in angle brackets, which may hold others."""
        depth = 0
        for match in _ANGLE.finditer(self._text, place):
            depth += 1 if match.group() == "<" else -1
            if not depth:
                self._at = match.end()
                return Token("id", self._text[place + 1 : match.start()], place)
        raise self._at_place(place, "the text in <> does not end")
