"""Contact points of a case's customer: listed, added, corrected, closed, confirmed, chosen and removed.

Values go in and never out: a list tells only the end of a number, so that contacts leave through the outbox alone.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field
from sqlmodel import Session

from app.actions.people import contact_data as acts
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, Day
from app.api.shapes import Shape
from app.book.customers.contact_points import NewPoint
from app.book.customers.queries import Point, points_of
from app.book.customers.rules import PointKind, PointSource, PointState, PointType
from app.book.ledger.models import Customer
from app.book.portfolios.days import local_today
from app.casework.cases.models import CollectionsCase
from app.core.ids import id_of
from app.core.text import Line
from app.http.context import Now

router = api_router("/cases/{reference}", tags=["contacts"])

PointKey = Annotated[
    str, Field(max_length=20, description="`key` of the list: a number, or the kind of a main point.")
]
Reason = Annotated[
    Line, Field(min_length=1, max_length=200, description="How we know.", examples=["told on the phone"])
]


class PointShape(Shape):
    """A telephone number, e-mail address or postal address. Of the value only its end is told."""

    key: str
    kind: PointKind
    type: PointType
    ending: str = Field(
        description="Last four characters of a number; of an e-mail address its domain; the country."
    )
    is_main: bool = Field(description="Outreach uses it.")
    state: PointState
    employer: bool
    source: PointSource
    noted_on: date | None
    ended_at: datetime | None

    @classmethod
    def of(cls, point: Point) -> Self:
        end = {PointKind.PHONE: point.value[-4:], PointKind.EMAIL: point.value.rpartition("@")[2]}
        return cls(
            key=point.key,
            kind=point.kind,
            type=point.type,
            ending=end.get(point.kind, point.parts["country"]),
            is_main=point.is_main,
            state=point.state,
            employer=point.employer,
            source=point.source,
            noted_on=point.noted_on,
            ended_at=point.ended_at,
        )


class AddressParts(Input):
    address_line1: Annotated[Line, Field(max_length=200)] = ""
    address_line2: Annotated[Line, Field(max_length=200)] = ""
    city: Annotated[Line, Field(max_length=100)] = ""
    region: Annotated[Line, Field(max_length=60)] = ""
    postcode: Annotated[Line, Field(max_length=20)] = ""
    country: Annotated[Line, Field(max_length=2, description="Empty = the customer's.")] = ""


Value = Annotated[
    Line,
    Field(max_length=254, description="Number in any form, or e-mail address.", examples=["(617) 555-0126"]),
]


class NewPointInput(Input):
    kind: Annotated[PointKind, Field(strict=False)]
    type: Annotated[PointType, Field(strict=False)]
    value: Value = ""
    address: Annotated[AddressParts | None, Field(description="For kind `address`, in place of a value.")] = (
        None
    )
    source: Annotated[PointSource, Field(strict=False)]
    employer: Annotated[bool, Field(description="It is the employer's; a work number always is.")] = False
    note: Annotated[Line, Field(max_length=120)] = ""
    noted_on: Annotated[Day | None, Field(description="null = today.")] = None


class PointCorrection(Input):
    """Fields that are left out stay."""

    value: Value | None = None
    address: AddressParts | None = None
    type: Annotated[PointType | None, Field(strict=False)] = None
    employer: bool | None = None
    reason: Reason


class PointReason(Input):
    reason: Reason


@router.get("/contact-points", summary="List a customer's contact points")
def list_contact_points(reference: CaseRef, _caller: ApiCaseReader, session: ReadSession) -> Page[PointShape]:
    """Those in use and those that were removed; the main one of each kind first."""
    customer = _customer(session, case_named(session, reference))
    return Page(items=[PointShape.of(point) for point in points_of(session, customer)])


@router.post("/contact-points", summary="Add a contact point")
def post_contact_point(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewPointInput
) -> PointShape:
    """A second number does not take the place of the first; see `main`."""
    case = case_named(session, reference, lock=True)
    today = local_today(session, case.portfolio_id, now)
    parts = body.address.model_dump() if body.address else {}
    new = NewPoint(
        body.kind, body.type, body.value, parts, body.source, body.note, body.employer, body.noted_on or today
    )
    customer = _customer(session, case)
    row = acts.add_point(session, customer, new, case_id=case.id, by=caller.by, now=now)
    return _shape(session, customer, id_of(row))


@router.post("/contact-points/{point}/correction", summary="Correct a contact point")
def post_contact_point_correction(
    reference: CaseRef,
    point: PointKey,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: PointCorrection,
) -> PointShape:
    """The value before stays in the history."""
    case = case_named(session, reference, lock=True)
    changes = body.address.model_dump() if body.address else {}
    if body.value is not None:
        changes = {"value": body.value}
    customer = _customer(session, case)
    row = acts.correct_point(
        session, customer, point, changes, body.reason,
        type_=body.type, employer=body.employer, case_id=case.id, by=caller.by, now=now,
    )  # fmt: skip
    return _shape(session, customer, id_of(row))


@router.post("/contact-points/{point}/bad", summary="Mark a contact point as bad")
def post_contact_point_bad(
    reference: CaseRef,
    point: PointKey,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: PointReason,
) -> PointShape:
    """It is closed on every channel from now on, until it is confirmed; links sent there only stop messages."""
    case = case_named(session, reference, lock=True)
    customer = _customer(session, case)
    row = acts.mark_bad(session, customer, point, body.reason, case_id=case.id, by=caller.by, now=now)
    return _shape(session, customer, id_of(row))


@router.post("/contact-points/{point}/confirmation", summary="Confirm a contact point")
def post_contact_point_confirmation(
    reference: CaseRef,
    point: PointKey,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: PointReason,
) -> PointShape:
    """It is the customer's, and may be used where the rules and their own wishes permit."""
    case = case_named(session, reference, lock=True)
    customer = _customer(session, case)
    today = local_today(session, case.portfolio_id, now)
    row = acts.confirm_point(
        session, customer, point, body.reason, today=today, case_id=case.id, by=caller.by, now=now
    )
    return _shape(session, customer, id_of(row))


@router.post("/contact-points/{point}/main", summary="Let outreach use a contact point")
def post_contact_point_main(
    reference: CaseRef,
    point: PointKey,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: PointReason,
) -> PointShape:
    """The main one before stays on file. The creditor's file takes it back only when it says something new."""
    case = case_named(session, reference, lock=True)
    customer = _customer(session, case)
    row = acts.make_main(session, customer, point, body.reason, case_id=case.id, by=caller.by, now=now)
    return _shape(session, customer, id_of(row))


@router.post("/contact-points/{point}/removal", summary="Remove a contact point")
def post_contact_point_removal(
    reference: CaseRef,
    point: PointKey,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: PointReason,
) -> PointShape:
    """It is used no more and stays in the history."""
    case = case_named(session, reference, lock=True)
    customer = _customer(session, case)
    row = acts.remove_point(session, customer, point, body.reason, case_id=case.id, by=caller.by, now=now)
    return _shape(session, customer, id_of(row))


def _customer(session: Session, case: CollectionsCase) -> Customer:
    return session.get_one(Customer, case.customer_id)


def _shape(session: Session, customer: Customer, point_id: int) -> PointShape:
    found = next(point for point in points_of(session, customer) if point.id == point_id)
    return PointShape.of(found)
