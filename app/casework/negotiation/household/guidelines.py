"""Guideline figures: the file that an operator loads, read and stored. None are shipped."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from tomllib import TOMLDecodeError
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from sqlmodel import Session, select

from app.casework.negotiation.household.categories import list_names, named_list
from app.casework.negotiation.household.events import GuidelinesLoaded
from app.casework.negotiation.household.models import Guideline, GuidelineLine
from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.kit.toml_text import parse_toml
from app.core.money import BadAmount, exponent, to_minor
from app.core.timeline.service import NewEvent, record

LARGEST = 64 * 1024
STREAM = "guidelines"


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Line(_Model):
    code: str
    first_adult: str
    further_adult: str
    child_under_16: str
    child_16_18: str


class _File(_Model):
    categories: str
    currency: str
    source: Annotated[str, Field(min_length=3, max_length=200)]
    dated_on: date
    valid_from: date
    figures: Annotated[list[_Line], Field(min_length=1, max_length=100)]


@dataclass(frozen=True, slots=True)
class GuidelineFile:
    """A file of guideline figures, as read."""

    categories: str
    currency: str
    source: str
    dated_on: date
    valid_from: date
    lines: tuple[GuidelineLine, ...]
    sha256: str


def read_guidelines(path: Path) -> GuidelineFile:
    """Read a file of guideline figures. Invalid says what is wrong and where in the file."""
    content = path.read_bytes()
    if len(content) > LARGEST:
        raise Invalid(f"{path.name} is larger than {LARGEST // 1024} kB. It is no file of guideline figures.")
    try:
        file = _File.model_validate(parse_toml(content.decode("utf-8")))
    except (UnicodeDecodeError, TOMLDecodeError) as error:
        raise Invalid(f"{path.name} is not a TOML file: {error}.") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise Invalid(f"{path.name}: {place}: {first['msg']}. See docs/household.md.", place) from None
    if file.categories not in list_names():
        raise Invalid(
            f"{path.name}: there is no list of categories {file.categories!r}. Lists: {', '.join(list_names())}.",
            "categories",
        )
    try:
        exponent(file.currency)
    except BadAmount as error:
        raise Invalid(f"{path.name}: {error}.", "currency") from None
    known = named_list(file.categories, file.currency).labels
    twice = [code for code, times in Counter(line.code for line in file.figures).items() if times > 1]
    if twice:
        raise Invalid(f"{path.name}: {twice[0]} is given twice.", twice[0])
    lines = tuple(_read_line(path.name, line, file.currency, known) for line in file.figures)
    digest = hashlib.sha256(content).hexdigest()
    return GuidelineFile(
        file.categories, file.currency, file.source, file.dated_on, file.valid_from, lines, digest
    )


def _read_line(name: str, line: _Line, currency: str, known: Mapping[str, str]) -> GuidelineLine:
    if line.code not in known:
        raise Invalid(f"{name}: there is no figure {line.code!r} in this list of categories.", line.code)
    amounts = {}
    for field in ("first_adult", "further_adult", "child_under_16", "child_16_18"):
        try:
            amounts[f"{field}_minor"] = to_minor(getattr(line, field), currency)
        except BadAmount as error:
            raise Invalid(f"{name}: {line.code}, {field}: {error}.", line.code) from None
        if amounts[f"{field}_minor"] < 0:
            raise Invalid(f"{name}: {line.code}, {field}: an amount is not negative.", line.code)
    return GuidelineLine(guideline_id=0, code=line.code, **amounts)


def store_guidelines(
    session: Session, file: GuidelineFile, *, by: Actor, now: datetime
) -> tuple[Guideline, bool]:
    """Store an edition, and say whether it is new: the same file again changes nothing. Statements taken before keep
    the edition with which they were compared."""
    known = session.scalars(select(Guideline).where(Guideline.sha256 == file.sha256)).first()
    if known is not None:
        return known, False
    row = Guideline(
        categories=file.categories,
        currency=file.currency,
        source=file.source,
        dated_on=file.dated_on,
        valid_from=file.valid_from,
        sha256=file.sha256,
        loaded_at=now,
        by=by,
    )
    session.add(row)
    session.flush()
    session.add_all(
        GuidelineLine.model_validate({**line.model_dump(), "guideline_id": id_of(row)}) for line in file.lines
    )
    told = GuidelinesLoaded(id_of(row), row.categories, row.source, row.valid_from)
    record(session, NewEvent(STREAM, told), by=by, now=now)
    return row, True
