"""Reading the shipped strategies."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path

from app.errors import NotFound
from app.strategy.rules import Strategy, parse_strategy

SHIPPED = Path(__file__).parent


@lru_cache
def get_strategy(code: str) -> Strategy:
    """The shipped strategy `code`. NotFound if there is none; BadStrategy if its file is wrong."""
    path = SHIPPED / f"{code}.toml"
    if not code.replace("-", "").isalnum() or not path.is_file():
        raise NotFound(f"no strategy {code!r}")
    return parse_strategy(code, tomllib.loads(path.read_text(encoding="utf-8")))
