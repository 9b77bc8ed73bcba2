"""Lists of categories: the incomes and costs that a statement asks for, one TOML file a country."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.casework.negotiation.household.rules import SavingsRule, Section
from app.core.errors import NotFound
from app.core.kit.toml_text import parse_toml
from app.core.money import to_minor

FOLDER = Path(__file__).with_name("categories")
GENERIC = "generic"
OF_COUNTRY: Mapping[str, str] = {
    "GB": "uk", "US": "us", "NL": "nl", "NO": "no", "CN": "cn", "TW": "tw", "ID": "id",
}  # fmt: skip
"""ISO country of a customer -> name of its list; any other has the generic one."""
DEFAULT_MOST_MINOR = 10**12
"""Largest figure a month, in minor units, where a list gives none in the currency."""


@dataclass(frozen=True, slots=True)
class Category:
    code: str
    """Named as in the published data definition of the Standard Financial Statement."""
    label: str
    section: Section
    group: str
    help: str


@dataclass(frozen=True, slots=True)
class CategoryList:
    """The categories of one country, in the order in which they are asked for."""

    name: str
    title: str
    source: str
    categories: tuple[Category, ...]
    savings: SavingsRule
    review_months: int
    most_minor: int
    """A figure above this a month is a typing error."""

    @property
    def sections(self) -> Mapping[str, Section]:
        return {each.code: each.section for each in self.categories}

    @property
    def labels(self) -> Mapping[str, str]:
        return {each.code: each.label for each in self.categories}

    def of(self, section: Section) -> list[Category]:
        return [each for each in self.categories if each.section is section]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Savings(_Model):
    percent: Annotated[int, Field(ge=0, le=50)]
    most: str = ""
    currency: str = ""
    citation: str = ""


class _Line(_Model):
    code: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", max_length=40)]
    label: Annotated[str, Field(min_length=1, max_length=80)]
    section: Section
    group: Annotated[str, Field(max_length=60)] = ""
    help: Annotated[str, Field(max_length=200)] = ""


class _File(_Model):
    title: str
    source: str
    review_months: Annotated[int, Field(ge=1, le=24)]
    most: str = ""
    currency: str = ""
    savings: _Savings
    figures: Annotated[list[_Line], Field(min_length=1)]


def list_for(country: str, currency: str) -> CategoryList:
    """The list of a customer's country; the generic one where there is none of its own."""
    return named_list(OF_COUNTRY.get(country, GENERIC), currency)


def list_names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


@cache
def named_list(name: str, currency: str) -> CategoryList:
    """A shipped list by its name. Its limits count where they are in this currency. NotFound for another name."""
    if name not in list_names():
        raise NotFound(f"There is no list of categories {name!r}. Lists: {', '.join(list_names())}.")
    file = _read(FOLDER / f"{name}.toml")
    kept = file.savings
    limit = to_minor(kept.most, currency) if kept.most and kept.currency == currency else None
    most = to_minor(file.most, currency) if file.most and file.currency == currency else DEFAULT_MOST_MINOR
    return CategoryList(
        name=name,
        title=file.title,
        source=file.source,
        categories=tuple(
            Category(line.code, line.label, line.section, line.group, line.help) for line in file.figures
        ),
        savings=SavingsRule(kept.percent, limit, kept.citation),
        review_months=file.review_months,
        most_minor=most,
    )


@cache
def _read(path: Path) -> _File:
    try:
        return _File.model_validate(parse_toml(path.read_text("utf-8")))
    except ValidationError as error:  # a list is shipped with the program: its fault is ours
        raise ValueError(f"{path.name} is not a list of categories: {error}") from error
