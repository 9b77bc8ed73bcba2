"""Fields that a caller may send: checked at the door, so that no service gets a value it cannot store."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Annotated, TypeVar

from fastapi import Path, Query
from pydantic import BeforeValidator, Field, WithJsonSchema

from app.book.portfolios.models import Portfolio
from app.core.errors import DeskError, Invalid
from app.core.money import BadAmount, to_minor
from app.core.text import Line
from app.http.cursors import decode_cursor, encode_cursor

T = TypeVar("T")
MAX_ID = 2**63 - 1
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?([Zz]|[+-][0-9]{2}:[0-9]{2})"
)


def _day(value: object) -> date:
    if isinstance(value, str) and _DAY.fullmatch(value):
        try:
            on = date.fromisoformat(value)
        except ValueError:
            on = None
        if on is not None and 1950 <= on.year <= 2199:
            return on
    raise ValueError("this is not a date like 2026-01-31")


def _instant(value: object) -> datetime:
    if isinstance(value, str) and _INSTANT.fullmatch(value):
        try:
            at = datetime.fromisoformat(value.upper())
        except ValueError:
            at = None
        if at is not None and 1950 <= at.year <= 2199:
            return at.astimezone(UTC)
    raise ValueError(
        "this is not an RFC 3339 instant like 2026-01-31T21:30:00+08:00 (in a query, + is written %2B)"
    )


Day = Annotated[
    date,
    BeforeValidator(_day, json_schema_input_type=str),
    WithJsonSchema({"type": "string", "format": "date"}),
]
Instant = Annotated[
    datetime,
    BeforeValidator(_instant, json_schema_input_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Amount = Annotated[
    str,
    Field(
        max_length=24,
        pattern=r"^[0-9]+(\.[0-9]+)?$",
        description="Positive, in currency units, with at most the currency's decimals.",
        examples=["125.00"],
    ),
]
Currency = Annotated[
    str,
    Field(
        pattern=r"^[A-Z]{3}$",
        description="ISO 4217; must be the portfolio's, so that a wrong assumption is refused.",
        examples=["USD"],
    ),
]

PortfolioCode = Annotated[Line, Path(min_length=1, max_length=40, description="Portfolio code.")]
AccountRef = Annotated[Line, Path(min_length=1, max_length=60, description="Account reference.")]
CaseRef = Annotated[
    str, Path(pattern=r"^C-[0-9]{6,15}$", description="Case reference.", examples=["C-000012"])
]
BundleRef = Annotated[
    str,
    Path(pattern=r"^C-[0-9]{6,15}-[0-9]{2,6}$", description="Bundle reference.", examples=["C-000012-01"]),
]
PlanRef = Annotated[
    str, Path(pattern=r"^P-[0-9]{6,15}$", description="Reference of a plan.", examples=["P-000003"])
]
RowId = Annotated[int, Path(ge=1, le=MAX_ID)]

Cursor = Annotated[
    str | None, Query(max_length=200, description="`next_cursor` of the page before; leave it out at first.")
]
Limit = Annotated[int, Query(ge=1, le=200, description="Items a page, at most 200.")]


def minor_of(amount: str, currency: str, portfolio: Portfolio) -> int:
    """Positive minor units of an amount a caller sent. Invalid names the field that is wrong."""
    if currency != portfolio.currency:
        raise Invalid(f"The currency of this portfolio is {portfolio.currency}.", "currency")
    try:
        minor = to_minor(amount, currency)
    except BadAmount as error:
        raise Invalid(str(error), "amount") from None
    if minor <= 0:
        raise Invalid("The amount must be positive.", "amount")
    return minor


@contextmanager
def naming(**members: str) -> Iterator[None]:
    """A refusal names the member of the body: the name that an act gives a value -> the member that holds it."""
    try:
        yield
    except DeskError as refused:
        refused.field = members.get(refused.field or "", refused.field)
        raise


def case_id_of(reference: str) -> int:
    """The id in a `CaseRef`."""
    return int(reference.removeprefix("C-"))


def plan_id_of(reference: str) -> int:
    """The id in a `PlanRef`."""
    return int(reference.removeprefix("P-"))


def after(cursor: str | None) -> int:
    """The id after which the page starts: 0 for the first one."""
    values = decode_cursor(cursor, 1)
    if values is None:
        return 0
    position = values[0]
    if type(position) is not int or not 0 <= position <= MAX_ID:
        raise Invalid("This page link is damaged; start again from the first page.", "cursor")
    return position


def page_of(rows: Sequence[T], limit: int, position: Callable[[T], int]) -> tuple[Sequence[T], str | None]:
    """The rows to show and the next page's cursor; `rows` holds one more than `limit` where there is a next page."""
    if len(rows) <= limit:
        return rows, None
    shown = rows[:limit]
    return shown, encode_cursor(position(shown[-1]))
