"""Offers and their answers, work handed to other desks, abusive contact."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Query, Request
from pydantic import Field

from app.actions.hand_overs import conduct as conduct_acts
from app.actions.hand_overs import desks as desk_acts
from app.actions.hand_overs import offers as offer_acts
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseWorker, ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, Cursor, Day, Limit, PortfolioCode, RowId
from app.api.shapes import Shape, covered
from app.book.portfolios.days import local_today
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.hand_overs.catalog import offer_label
from app.casework.hand_overs.models import ConductRecord, DeskHandOver, HelpOffer
from app.casework.hand_overs.queries import (
    HandOverFilter,
    after_row,
    conduct_of,
    get_conduct,
    get_hand_over,
    hand_overs_of,
    list_query,
    offers_of,
)
from app.casework.hand_overs.rules import MOST_QUOTED, ConductStep, HandOverKind, HandOverStatus, OfferAnswer
from app.casework.support_needs.sight import sight_of, sight_over
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.text import Line, Paragraph
from app.http.context import Now, ports_of
from app.http.cursors import decode_cursor, encode_cursor

router = api_router("", tags=["cases"])

Code = Annotated[Line, Field(min_length=1, max_length=40)]


class HelpOfferShape(Shape):
    """Help or a product offered to a customer, and the latest answer."""

    id: int
    offer: str = Field(description="A code of the list of offers.")
    label: str
    note: str
    offered_at: datetime
    by: str
    answer: OfferAnswer
    answered_on: date

    @classmethod
    def of(cls, row: HelpOffer) -> Self:
        return cls(
            id=id_of(row), offer=row.code, label=offer_label(row.code), note=row.note, offered_at=row.offered_at,
            by=row.by, answer=row.answer, answered_on=row.answered_on,
        )  # fmt: skip


class HandOverShape(Shape):
    """Work handed to another desk, and what became of it."""

    id: int
    case: str
    help_offer_id: int | None = Field(description="The accepted offer that it is about.")
    desk: str = Field(description="A code of the list of desks.")
    kind: HandOverKind
    words: str
    handed_on: date
    due_on: date
    by: str
    status: HandOverStatus
    received_by: str
    result: str = Field(description="What the desk did, or why it gave the work back.")

    @classmethod
    def of(cls, row: DeskHandOver) -> Self:
        return cls(
            id=id_of(row), case=case_reference(row.case_id), help_offer_id=row.help_offer_id, desk=row.desk,
            kind=row.kind, words=row.words, handed_on=row.handed_on, due_on=row.due_on, by=row.by, status=row.status,
            received_by=row.received_by, result=row.result,
        )  # fmt: skip


class ConductShape(Shape):
    """One step after abusive contact."""

    id: int
    step: ConductStep
    words: str
    was_warned: bool = Field(description="A warning stood before this step.")
    at: datetime
    by: str
    hand_over_id: int | None = Field(description="The supervisor's task after an ended call.")

    @classmethod
    def of(cls, row: ConductRecord) -> Self:
        return cls(
            id=id_of(row), step=row.step, words=row.words, was_warned=row.was_warned, at=row.at, by=row.by,
            hand_over_id=row.hand_over_id,
        )  # fmt: skip


class NewHelpOffer(Input):
    offer: Code
    answer: Annotated[OfferAnswer, Field(strict=False)]
    note: Annotated[Paragraph, Field(max_length=300)] = ""


class LaterAnswer(Input):
    answer: Annotated[OfferAnswer, Field(strict=False, description="accepted or declined.")]


class NewHandOver(Input):
    desk: Code
    kind: Annotated[HandOverKind, Field(strict=False, description="application, sales_interest or help.")]
    words: Annotated[Paragraph, Field(min_length=1, max_length=500)]
    due_on: Annotated[Day | None, Field(description="null = the desk's own time.")] = None


class Receipt(Input):
    received_by: Annotated[Line, Field(min_length=1, max_length=120)]


class HandOverEnd(Input):
    status: Annotated[HandOverStatus, Field(strict=False, description="done or returned.")]
    words: Annotated[Paragraph, Field(min_length=1, max_length=500)]


class NewConduct(Input):
    step: Annotated[ConductStep, Field(strict=False)]
    words: Annotated[Paragraph, Field(min_length=1, max_length=1000, description="What was said.")]


@router.get("/cases/{reference}/help-offers", summary="List what was offered to a customer")
def list_help_offers(reference: CaseRef, caller: ApiCaseWorker, session: ReadSession) -> Page[HelpOfferShape]:
    """The newest first."""
    case = case_named(session, reference)
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    return Page(
        items=[covered(HelpOfferShape.of(row), sight) for row in offers_of(session, case.customer_id)]
    )


@router.post("/cases/{reference}/help-offers", status_code=201, summary="Record an offer and its answer")
def post_help_offer(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewHelpOffer
) -> HelpOfferShape:
    """What is accepted goes to its desk at once. A sale is refused while a hold, a complaint, a need for safety or a
    request for help with payments is open."""
    case = case_named(session, reference, lock=True)
    row = offer_acts.offer_help(
        session, case, body.offer, body.answer, body.note, by=caller.by, role=caller.role, now=now
    )
    return covered(HelpOfferShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))


@router.post("/cases/{reference}/help-offers/{help_offer_id}/answer", summary="Record a later answer")
def post_help_answer(
    reference: CaseRef, help_offer_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now, body: LaterAnswer
) -> HelpOfferShape:  # fmt: skip
    """Of a customer who thought about it."""
    case = case_named(session, reference, lock=True)
    row = offer_acts.answer_offer(
        session, case, help_offer_id, body.answer, by=caller.by, role=caller.role, now=now
    )
    return covered(HelpOfferShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))


@router.get("/cases/{reference}/desk-hand-overs", summary="List what was handed to other desks")
def list_case_desk_hand_overs(
    reference: CaseRef, caller: ApiCaseWorker, session: ReadSession
) -> Page[HandOverShape]:
    """The newest first."""
    case = case_named(session, reference)
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    return Page(
        items=[covered(HandOverShape.of(row), sight) for row in hand_overs_of(session, case.customer_id)]
    )


@router.post("/cases/{reference}/desk-hand-overs", status_code=201, summary="Hand work to another desk")
def post_desk_hand_over(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewHandOver
) -> HandOverShape:
    """It is an open item of the case until the desk has done it or gives it back."""
    case = case_named(session, reference, lock=True)
    row = desk_acts.hand_over(
        session, case, body.desk, body.kind, body.words, body.due_on, by=caller.by, role=caller.role, now=now
    )
    return covered(HandOverShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))


@router.post("/cases/{reference}/desk-hand-overs/{hand_over_id}/receipt", summary="Record a desk's receipt")
def post_hand_over_receipt(
    reference: CaseRef, hand_over_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now, body: Receipt
) -> HandOverShape:  # fmt: skip
    """With the name of the person who has it."""
    case = case_named(session, reference, lock=True)
    _require_of(case, get_hand_over(session, hand_over_id))
    row = desk_acts.receive_hand_over(
        session, hand_over_id, body.received_by, by=caller.by, role=caller.role, now=now
    )
    return covered(HandOverShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))


@router.post("/cases/{reference}/desk-hand-overs/{hand_over_id}/end", summary="Record what a desk did")
def post_hand_over_end(
    reference: CaseRef, hand_over_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now, body: HandOverEnd
) -> HandOverShape:  # fmt: skip
    """Done or given back, with its words."""
    case = case_named(session, reference, lock=True)
    _require_of(case, get_hand_over(session, hand_over_id))
    row = desk_acts.end_hand_over(
        session, hand_over_id, body.status, body.words, by=caller.by, role=caller.role, now=now
    )
    return covered(HandOverShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))


def _require_of(case: CollectionsCase, row: DeskHandOver) -> None:
    if row.customer_id != case.customer_id:
        raise NotFound(f"This customer has no hand-over {row.id}.")


@router.get("/portfolios/{code}/desk-hand-overs", summary="List open hand-overs of a portfolio")
def list_desk_hand_overs(
    code: PortfolioCode, caller: ApiCaseWorker, session: ReadSession, now: Now,
    overdue: Annotated[bool, Query(description="Only those whose day is over.")] = False,
    desk: Annotated[Line, Query(max_length=40)] = "",
    cursor: Cursor = None, limit: Limit = 50,
) -> Page[HandOverShape]:  # fmt: skip
    """The one that is due first is first."""
    portfolio_id = id_of(get_portfolio(session, code))
    wanted = HandOverFilter(is_overdue=overdue, desk=desk)
    query = list_query(portfolio_id, wanted, local_today(session, portfolio_id, now))
    seen = decode_cursor(cursor or "", 2, date.fromisoformat, int)
    if seen is not None:
        query = query.where(after_row(date.fromisoformat(str(seen[0])), int(seen[1])))
    rows = [row for row, _ in session.execute(query.limit(limit + 1))]
    last = rows[limit - 1] if len(rows) > limit else None
    sight = sight_over(session, {row.customer_id for row in rows[:limit]}, caller.role, caller.by)
    return Page(
        items=[covered(HandOverShape.of(row), sight) for row in rows[:limit]],
        next_cursor=encode_cursor(last.due_on.isoformat(), id_of(last)) if last else None,
    )


@router.get("/cases/{reference}/conduct", summary="List abusive contact with a customer")
def list_conduct(reference: CaseRef, caller: ApiCaseWorker, session: ReadSession) -> Page[ConductShape]:
    """The newest first."""
    case = case_named(session, reference)
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    return Page(items=[covered(ConductShape.of(row), sight) for row in conduct_of(session, case.customer_id)])


@router.post("/cases/{reference}/conduct", status_code=201, summary="Record abusive contact")
def post_conduct(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewConduct
) -> ConductShape:
    """A warning, or an ended call, which is a task for a supervisor. No channel and no right of the customer ends."""
    case = case_named(session, reference, lock=True)
    row = conduct_acts.record_conduct(session, case, body.step, body.words, by=caller.by, now=now)
    return covered(ConductShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))


class NewWarning(Input):
    words: Annotated[
        Paragraph,
        Field(min_length=1, max_length=MOST_QUOTED, description="What was said, as the customer reads it."),
    ]


@router.post("/cases/{reference}/conduct/{conduct_id}/letter", summary="Warn a customer in writing")
def post_warning_letter(
    request: Request,
    reference: CaseRef,
    conduct_id: RowId,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewWarning,
) -> ConductShape:
    """After abusive contact, once for a record: what was said, what follows, that no right ends, how to complain.
    Refused where the gate clears neither e-mail nor post."""
    case = case_named(session, reference, lock=True)
    conduct_acts.warn_in_writing(
        session,
        case,
        conduct_id,
        body.words,
        ports_of(request).catalog,
        by=caller.by,
        role=caller.role,
        now=now,
    )
    row = get_conduct(session, case.customer_id, conduct_id)
    return covered(ConductShape.of(row), sight_of(session, case.customer_id, caller.role, caller.by))
