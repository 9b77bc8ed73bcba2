"""Contact points for pages, the API and the gate: main ones from the customer's columns, others from rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.customers.models import ContactPoint
from app.book.customers.rules import (
    ADDRESS,
    MAIN_COLUMNS,
    MAIN_TYPES,
    NO_ADDRESS,
    PointKind,
    PointSource,
    PointState,
    PointType,
    main_value,
    on_one_line,
)
from app.book.ledger.models import Customer
from app.core.ids import id_of


@dataclass(frozen=True, slots=True)
class Point:
    """A contact point, with or without a row of its own."""

    id: int | None
    """None = the main point of its kind, of which nothing but the value is known."""
    kind: PointKind
    type: PointType
    value: str
    parts: Mapping[str, str]
    is_main: bool
    """Outreach uses it."""
    state: PointState = PointState.USABLE
    employer: bool = False
    source: PointSource = PointSource.CREDITOR
    note: str = ""
    noted_on: date | None = None
    by: str = ""
    ended_at: datetime | None = None
    ended_by: str = ""
    end_reason: str = ""

    @property
    def shown(self) -> str:
        return on_one_line(self.value)

    @property
    def key(self) -> str:
        """Name of the point in addresses of pages and of the API: the row's number, or the kind of a main point."""
        return self.kind.value if self.id is None else str(self.id)


def columns_of(customer: Customer) -> dict[str, str]:
    """The columns of a customer that hold main points."""
    names = {name for columns in MAIN_COLUMNS.values() for name in columns}
    return {name: str(getattr(customer, name)) for name in names}


def points_of(session: Session, customer: Customer) -> list[Point]:
    """Every contact point of a customer: by kind, the main one first, ended ones last, otherwise the newest first."""
    query = select(ContactPoint).where(ContactPoint.customer_id == id_of(customer))
    return list_points(customer, session.scalars(query).all())


def list_points(customer: Customer, rows: Sequence[ContactPoint]) -> list[Point]:
    """The points of a customer, whose rows are at hand."""
    columns = columns_of(customer)
    mains = {kind: main_value(kind, columns) for kind in PointKind}
    points = [_point(row, row.ended_at is None and row.value == mains[row.kind]) for row in rows]
    known = {point.kind for point in points if point.is_main}
    for kind, value in mains.items():
        if value and kind not in known:
            parts = columns if kind is PointKind.ADDRESS else NO_ADDRESS
            shown = {name: parts[name] for name in ADDRESS}
            points.append(Point(None, kind, MAIN_TYPES[kind], value, shown, is_main=True))
    order = list(PointKind)
    return sorted(
        points,
        key=lambda p: (
            order.index(p.kind),
            p.ended_at is not None,
            not p.is_main,
            0 if p.id is None else -p.id,
        ),
    )


def phones_of(session: Session, customer_id: int) -> list[Point]:
    """Return the customer's telephone numbers that have not ended, the main one first."""
    customer = session.get_one(Customer, customer_id)
    return [p for p in points_of(session, customer) if p.kind is PointKind.PHONE and p.ended_at is None]


def open_row(session: Session, customer_id: int, kind: PointKind, value: str) -> ContactPoint | None:
    """The row of a point that has not ended; None where it has none."""
    query = select(ContactPoint).where(
        ContactPoint.customer_id == customer_id,
        ContactPoint.kind == kind,
        ContactPoint.value == value,
        col(ContactPoint.ended_at).is_(None),
    )
    return session.scalar(query)


def _point(row: ContactPoint, is_main: bool) -> Point:
    return Point(
        id=row.id,
        kind=row.kind,
        type=row.type,
        value=row.value,
        parts={name: str(getattr(row, name)) for name in ADDRESS},
        is_main=is_main,
        state=row.state,
        employer=row.employer,
        source=row.source,
        note=row.note,
        noted_on=row.noted_on,
        by=row.by,
        ended_at=row.ended_at,
        ended_by=row.ended_by,
        end_reason=row.end_reason,
    )
