"""The shipped letters, read once a process: checking them takes more than a second."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from app.outreach.letters.catalog import load_letters
from app.outreach.letters.letter import Letter
from app.programs.ports import LETTERS

_read = cache(load_letters)


def letters(directory: Path = LETTERS) -> Mapping[str, Letter]:
    return _read(directory)
