"""Result code files: TOML in, a `ResultSet` or every problem with its line out. See docs/result-codes.md."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import ValidationError

from app.casework.results.protection import faults
from app.casework.results.rules import CallResult, ResultCode, ResultSet
from app.casework.results.tables import FileTable
from app.core.card_numbers import holds_card_number
from app.core.errors import Invalid
from app.core.kit.toml_text import parse_toml

LONGEST_TEXT = 60_000
HEADER = re.compile(r"\s*\[\[\s*(codes|texts)\s*\]\]")


@dataclass(frozen=True, slots=True)
class CodeProblem:
    """One problem: its line (None = the file as a whole), the code and field, and the sentence."""

    line: int | None
    where: str
    message: str

    def __str__(self) -> str:
        at = f"line {self.line}" if self.line else ""
        return ": ".join(filter(None, (at, self.where, self.message)))


class BadCodes(Invalid):
    """The text of the codes is wrong; `problems` says where and why, all of them."""

    def __init__(self, problems: Sequence[CodeProblem]) -> None:
        super().__init__("; ".join(map(str, problems)), "text")
        self.problems = list(problems)


@lru_cache(maxsize=1)
def shipped_text() -> str:
    return Path(__file__).with_name("shipped.toml").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def shipped_codes() -> ResultSet:
    return FileTable.model_validate(parse_toml(shipped_text())).result_set()


@lru_cache(maxsize=1)
def shipped_conversations() -> frozenset[str]:
    """Shipped codes that are right-party contact; no version of a portfolio makes less of them."""
    return frozenset(each.code for each in shipped_codes().codes if each.conversation)


def shipped(result: CallResult) -> ResultCode:
    """A code as the desk ships it, for programs that know it by name."""
    code = shipped_codes().named(result)
    assert code is not None
    return code


@lru_cache(maxsize=64)
def read_codes(text: str) -> ResultSet:
    """The codes written in `text`. BadCodes with every fault, each with its line."""
    if len(text) > LONGEST_TEXT:
        raise BadCodes([CodeProblem(None, "", f"longer than {LONGEST_TEXT:,} characters")])
    if holds_card_number(text):
        said = "this looks like it holds a full card number, which is never stored"
        raise BadCodes([CodeProblem(None, "", said)])
    try:
        data = parse_toml(text.replace("\r\n", "\n"))
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"at line (\d+)", str(error))
        found = int(line[1]) if line else text.count("\n") + 1
        raise BadCodes([CodeProblem(found, "", f"not TOML: {error}")]) from None
    lines = _Lines(text)
    try:
        codes = FileTable.model_validate(data).result_set()
    except ValidationError as error:
        raise BadCodes([lines.problem(each["loc"], _plain(each["msg"])) for each in error.errors()]) from None
    wrong = [
        lines.problem(("codes", n, field) if n >= 0 else (), said)
        for n, field, said in faults(codes, shipped_codes())
    ]
    if wrong:
        raise BadCodes(wrong)
    return codes


def _plain(message: str) -> str:
    """Pydantic's sentence about an input, as one about a field."""
    said = message.replace("Input should be", "must be").replace("Field required", "is missing")
    said = said.replace("Extra inputs are not permitted", "is not known here")
    return re.sub(r"^(String|List|Value) should", "should", said)


class _Lines:
    """Finds the line of a field in the text."""

    def __init__(self, text: str) -> None:
        self.text = text.replace("\r\n", "\n").split("\n")
        self.blocks: dict[str, list[int]] = {"codes": [], "texts": []}
        for number, line in enumerate(self.text):
            if header := HEADER.match(line):
                self.blocks[header[1]].append(number)

    def problem(self, place: Sequence[str | int], message: str) -> CodeProblem:
        if len(place) < 2 or not isinstance(place[1], int):
            return CodeProblem(None, str(place[0]) if place else "", message)
        blocks, n, field = self.blocks[str(place[0])], place[1], str(place[2]) if len(place) > 2 else ""
        if n >= len(blocks):  # written as an inline list
            return CodeProblem(None, f"{place[0]} {n + 1} {field}".strip(), message)
        ends = min((each for many in self.blocks.values() for each in many if each > blocks[n]), default=None)
        block = self.text[blocks[n] : ends]
        named = next(
            (m[1] for line in block if (m := re.match(r'\s*(?:code|name)\s*=\s*"([^"]*)"', line))), ""
        )
        at = next((i for i, line in enumerate(block) if re.match(rf"\s*{re.escape(field)}\s*=", line)), 0)
        return CodeProblem(blocks[n] + at + 1, ", ".join(filter(None, (named[:40], field))), message)
