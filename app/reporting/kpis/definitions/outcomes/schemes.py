"""Schemes of supervisory classes, read from `schemes.toml`: an account's class by its days past due. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.core.kit.toml_text import parse_toml
from app.reporting.kpis.rules import Dimension


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SupervisoryClass(_Table):
    """A class, from so many days past due on."""

    name: Annotated[str, Field(min_length=1, max_length=64)]
    from_day: Annotated[int, Field(ge=1)]


class Scheme(_Table):
    """A named scheme, with the text it is from. Its classes are in order, the first from day 1 on."""

    dimension: Dimension
    title: str
    citation: str
    source: str
    verified: bool
    classified_from: int
    version: str = "1"
    """Raised with every change of a class: the figures that go by it have it, too."""
    classes: tuple[SupervisoryClass, ...]

    @model_validator(mode="after")
    def _is_in_order(self) -> Scheme:
        days = [each.from_day for each in self.classes]
        if not days or days[0] != 1 or days != sorted(set(days)):
            raise ValueError(f"{self.title}: classes begin on day 1, each later than the one before")
        if self.classified_from not in days:
            raise ValueError(f"{self.title}: no class begins on day {self.classified_from}")
        return self

    @property
    def label(self) -> str:
        """Its name with the text it is from, as figures show it."""
        return f"{self.title} ({self.citation})"

    @property
    def classified(self) -> Sequence[str]:
        """Names of the classes that count as classified."""
        return [each.name for each in self.classes if each.from_day >= self.classified_from]

    def class_of(self, days: int) -> str:
        """The class of an account so many days past due; '' where none is."""
        return next((each.name for each in reversed(self.classes) if days >= each.from_day), "")


class _File(_Table):
    schemes: tuple[Scheme, ...]


@cache
def schemes() -> Mapping[Dimension, Scheme]:
    """All schemes, by their dimension, in the order of the file."""
    text = Path(__file__).with_name("schemes.toml").read_text("utf-8")
    return {each.dimension: each for each in _File.model_validate(parse_toml(text)).schemes}
