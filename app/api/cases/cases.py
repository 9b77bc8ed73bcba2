"""Cases: finding and reading them, and putting on record what people and dialers did."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import sqlalchemy as sa
from fastapi import Query
from pydantic import Field
from sqlmodel import col, select
from starlette.requests import Request

from app.actions.assignment import add_note
from app.actions.holds import end_hold, place_hold, review_hold
from app.api.accounts.shapes import AccountShape
from app.api.cases.agreement_shapes import PlanShape
from app.api.cases.lookup import case_named, found_events
from app.api.cases.shapes import CaseDetail, CaseShape, EventShape, HoldShape, last_event_of
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import (
    CaseRef,
    Cursor,
    Day,
    Limit,
    RowId,
    after,
    page_of,
)
from app.book.delinquency.days import CURRENT, bucket_labels
from app.book.delinquency.service import edges_of, standing_on
from app.book.ledger.models import Customer
from app.book.ledger.queries import accounts_of
from app.book.ledger.rules import is_worked
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.debt import (
    CustomerDebt,
    debt_of,
    debts_now,
)
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.holds.queries import get_hold, holds_of, impersonal_holds
from app.casework.holds.rules import EndsBy
from app.casework.plans.queries import instalments_of, plans_of
from app.casework.search.story import read_sought
from app.casework.support_needs.sight import sight_of
from app.core.clock import local_date
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.staff.rules import CASEWORK
from app.core.text import LONGEST_NOTE, Line, Paragraph
from app.core.timeline.models import Event
from app.core.timeline.service import customer_stream
from app.core.vocabulary import HoldKind
from app.http.context import Now, ports_of

router = api_router("/cases", tags=["cases"])


# --- reading ------------------------------------------------------------------------------------------------


@router.get("", summary="List cases")
def list_cases(
    _caller: ApiCaseReader,
    session: ReadSession,
    now: Now,
    status: CaseStatus | None = None,
    owner: Annotated[
        Line | None, Query(max_length=60, description="Username; empty for cases without an owner.")
    ] = None,
    portfolio: Annotated[Line | None, Query(max_length=40, description="Portfolio code.")] = None,
    bucket: Annotated[
        Line | None, Query(max_length=20, description="Label such as 30-59; needs `portfolio`.")
    ] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[CaseShape]:
    """Cases in the order in which they were opened, so that walking the pages misses none and repeats none. Their
    figures are of this moment, and `bucket` goes by them."""
    query = (
        select(CollectionsCase, Customer, Portfolio)
        .join(Customer, col(Customer.id) == CollectionsCase.customer_id)
        .join(Portfolio, col(Portfolio.id) == CollectionsCase.portfolio_id)
        .where(col(CollectionsCase.id) > after(cursor))
    )
    if status is not None:
        query = query.where(CollectionsCase.status == status)
    if owner is not None:
        query = query.where(CollectionsCase.owner == owner)
    if portfolio is not None:
        book = get_portfolio(session, portfolio)
        query = query.where(CollectionsCase.portfolio_id == book.id)
        if bucket is not None:
            query = query.where(_in_bucket(book, bucket, local_date(now, book.timezone)))
    elif bucket is not None:
        raise Invalid("Name the portfolio too: each has its own buckets.", "portfolio")
    rows = session.execute(query.order_by(col(CollectionsCase.id)).limit(limit + 1)).all()
    shown, next_cursor = page_of(rows, limit, lambda row: id_of(row[0]))
    owes: dict[int, CustomerDebt] = {}
    for book in {book.id: book for _, _, book in shown}.values():
        theirs = [customer.id for _, customer, its in shown if its.id == book.id]
        owes |= debts_now(session, book, theirs, local_date(now, book.timezone))
    return Page(
        items=[
            CaseShape.of(
                book, customer, case, owes.get(customer.id, CustomerDebt()), local_date(now, book.timezone)
            )
            for case, customer, book in shown
        ],
        next_cursor=next_cursor,
    )


def _in_bucket(portfolio: Portfolio, label: str, on: date) -> sa.ColumnElement[bool]:
    """Cases whose oldest unpaid due date puts them into this bucket on a day."""
    edges = edges_of(portfolio)
    labels = bucket_labels(edges)
    if label not in labels:
        raise Invalid(f"The buckets of this portfolio are {', '.join(labels)}.", "bucket")
    oldest = col(CollectionsCase.now_oldest_due_on)
    n = labels.index(label)
    late_enough = oldest <= on - timedelta(days=edges[n - 1]) if n else sa.true()
    if n == len(edges):
        return late_enough
    not_too_late = oldest > on - timedelta(days=edges[n])
    return sa.or_(oldest.is_(None), not_too_late) if label == CURRENT else sa.and_(late_enough, not_too_late)


@router.get("/{reference}", summary="Get a case")
def get_one_case(reference: CaseRef, caller: ApiCaseReader, session: ReadSession, now: Now) -> CaseDetail:
    """The case with the customer's accounts, plans and holds. All figures are of this moment."""
    case = case_named(session, reference)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    customer = session.get_one(Customer, case.customer_id)
    today = local_date(now, portfolio.timezone)
    accounts = accounts_of(session, case.customer_id)
    stands = standing_on(session, portfolio, [id_of(account) for account in accounts], today)
    owes = debt_of(stands[id_of(a)] for a in accounts if is_worked(a.status, a.ended_on))
    plans = plans_of(session, [id_of(case)])
    parts = instalments_of(session, [id_of(plan) for plan in plans])
    holds = holds_of(session, case.customer_id)
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    return CaseDetail(
        **dict(CaseShape.of(portfolio, customer, case, owes, today)),
        accounts=[AccountShape.of(portfolio, customer, a, stands[id_of(a)], today) for a in accounts],
        plans=[PlanShape.of(portfolio, plan, parts[id_of(plan)]) for plan in plans],
        holds=[
            shape.model_copy(update={"reason": sight.cover(shape.reason)})
            for shape in map(HoldShape.of, holds if caller.role in CASEWORK else impersonal_holds(holds))
        ],
    )


@router.get("/{reference}/timeline", summary="Read the timeline")
def get_case_timeline(
    reference: CaseRef,
    caller: ApiCaseReader,
    session: ReadSession,
    cursor: Cursor = None,
    limit: Limit = 50,
    find: Annotated[Line, Query(max_length=100, description="Words; only events that have them all.")] = "",
) -> Page[EventShape]:
    """Everything on record about the customer of this case, oldest first: including events of no case (payments,
    consents) and of earlier cases, because a hash chain with a link left out cannot be checked. An event that is not
    for this role has `{"withheld": true}` for its data and keeps its hash. `find` looks into the data and the words of
    messages; a page of it may have fewer events than `limit` and still a `next_cursor`."""
    case = case_named(session, reference)
    sight = sight_of(session, case.customer_id, caller.role, caller.by)
    if (sought := read_sought(find)).words:
        found, next_cursor = found_events(session, case, sought, sight, since=after(cursor), limit=limit)
        return Page(items=found, next_cursor=next_cursor)
    stream = customer_stream(case.customer_id)
    query = select(Event).where(Event.stream == stream, col(Event.seq) > after(cursor))
    rows = session.scalars(query.order_by(col(Event.seq)).limit(limit + 1)).all()
    shown, next_cursor = page_of(rows, limit, lambda event: event.seq)
    return Page(items=[EventShape.seen_with(event, sight) for event in shown], next_cursor=next_cursor)


# --- working ------------------------------------------------------------------------------------------------


class NewNote(Input):
    note: Annotated[Paragraph, Field(min_length=1, max_length=LONGEST_NOTE)]


@router.post("/{reference}/notes", status_code=201, summary="Add a note")
def post_note(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewNote
) -> EventShape:
    """Put a note on record. Answers the event."""
    case = case_named(session, reference, lock=True)
    add_note(session, case, body.note, by=caller.by, now=now)
    return last_event_of(session, case)


class NewHold(Input):
    kind: Annotated[HoldKind, Field(strict=False)]
    reason: Annotated[Paragraph, Field(min_length=1, max_length=500)]
    until: Annotated[Day, Field(description="End or review date, in the future, at most ten years away.")]
    since: Annotated[
        Day | None,
        Field(description="First day of military service, from which the law caps the rate; none = today."),
    ] = None


@router.post("/{reference}/holds", status_code=201, summary="Place a hold")
def post_hold(
    request: Request, reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewHold
) -> HoldShape:
    """Leave the customer alone until a day. A dispute, bankruptcy, death, attorney, fraud or wish for no contact stays
    until a person ends it; the day is when it comes up for review. Which contacts it stops is the policy pack's to say.
    A dispute or complaint is acknowledged in writing where the gate clears it."""
    case = case_named(session, reference, lock=True)
    letters = ports_of(request).catalog
    placed = place_hold(
        session, case, body.kind, body.reason, body.until, letters, since=body.since, by=caller.by, now=now
    )
    return HoldShape.of(placed.hold)


class HoldEnd(Input):
    reason: Annotated[Paragraph, Field(max_length=400, description="Why it ends.")] = ""
    decided_by: Annotated[Line, Field(max_length=80, description="The person who decided it.")] = ""
    because: Annotated[
        EndsBy,
        Field(
            strict=False,
            description="A person's decision, or the event on record that ends it: the verification of a disputed debt"
            " was sent, an attorney did not answer.",
        ),
    ] = EndsBy.DECISION


NO_REASON = HoldEnd()


@router.post("/{reference}/holds/{hold_id}/end", summary="End a hold")
def post_hold_end(
    reference: CaseRef,
    hold_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: HoldEnd = NO_REASON,
) -> HoldShape:
    """End a hold before its day; the strategy is asked again on the next business day. A hold that no date ends
    (`for_good`) needs the reason and the person who decided it, or the event that ends it."""
    case = case_named(session, reference, lock=True)
    hold = get_hold(session, case.customer_id, hold_id)
    end_hold(session, hold, body.reason, body.decided_by, because=body.because, by=caller.by, now=now)
    return HoldShape.of(hold)


class HoldReview(Input):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=500, description="What was found.")]
    until: Annotated[Day, Field(description="When to look again, in the future, at most ten years away.")]


@router.post("/{reference}/holds/{hold_id}/review", summary="Keep a hold after review")
def post_hold_review(
    reference: CaseRef,
    hold_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: HoldReview,
) -> HoldShape:
    """The hold stays, and comes up for review, or ends by itself, on another day."""
    case = case_named(session, reference, lock=True)
    hold = get_hold(session, case.customer_id, hold_id)
    review_hold(session, hold, body.reason, body.until, by=caller.by, now=now)
    return HoldShape.of(hold)
