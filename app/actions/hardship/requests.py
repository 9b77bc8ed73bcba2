"""Take a request for help with payments down, ask for what is missing, decide. Pages and the API call these.

While a request is open a hold stands that no date ends: a late answer is ours, and brings no reminder to the customer.
The decision gives the hold its end: of the help, or of the quiet that follows a refusal.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from sqlmodel import Session

from app.actions.holds import end_hold, keep_open, place_hold, release_on, rest_accounts, review_hold
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.hardship import service
from app.casework.hardship.models import HardshipDocument, HardshipRequest
from app.casework.hardship.queries import (
    documents_of_request,
    get_request,
    open_request,
    request_of_hold,
)
from app.casework.hardship.rules import (
    DocumentState,
    HardshipStatus,
    HelpLimits,
    RefusalReason,
    check_decision,
    require_authority,
)
from app.casework.hardship.service import NewRequest, check_request
from app.casework.holds.queries import get_hold, hold_of_kind
from app.casework.negotiation.household.queries import newest_statement
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE
from app.casework.questions.service import take_up
from app.casework.recognition.cues import Subject
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.queries import is_same_person
from app.core.staff.rules import Role
from app.core.vocabulary import Channel, HoldKind
from app.outreach.planning.in_writing.hardship import write_hardship_letter
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.strategy.tasks import add_task
from app.policy.answers import Answer
from app.policy.composition import packs_for
from app.policy.sections.hardship import HOUSE, HardshipClock

REVIEW = "The help with payments ends soon: ask how things are, and agree on what comes after"
REVIEW_BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class TakenRequest:
    """A request, and the gate's answer for each channel of its letter."""

    request: HardshipRequest
    letter: Mapping[Channel, Answer] = field(default_factory=dict)


def clock_of(session: Session, case: CollectionsCase) -> HardshipClock:
    """The days in which requests of this customer are answered."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    return packs_for(portfolio, session.get_one(Customer, case.customer_id)).hardship or HOUSE


def help_limits(session: Session, case: CollectionsCase) -> HelpLimits:
    """How long help is granted at most for this customer, and what rests: the portfolio's settings within the law's."""
    portfolio, clock = session.get_one(Portfolio, case.portfolio_id), clock_of(session, case)
    longest = min(portfolio.hardship_days, clock.longest_days or portfolio.hardship_days)
    rests = portfolio.hardship_pauses or clock.charges_rest
    return HelpLimits(longest, portfolio.hardship_agent_days, rests)


def take_request(
    session: Session,
    case: CollectionsCase,
    new: NewRequest,
    letters: LetterCatalog,
    *,
    question_id: int | None = None,
    by: Actor,
    now: datetime,
) -> TakenRequest:
    """Take a request down: reminders rest until it is decided, and the customer hears by when. `question_id`: the
    question about the words in which it was heard; this answers it. Invalid names the wrong field, Conflict where one
    is open. The caller holds the customer's lock."""
    today = _today(session, case, now)
    check_request(new, today)
    if (waiting := open_request(session, case.customer_id)) is not None:
        raise Conflict(f"A request is open already, to be answered by {waiting.answer_by}. Add to that one.")
    clock = clock_of(session, case)
    answer_by = max(clock.answer_by(new.received_on, None, None), today + timedelta(days=1))
    why = "asked for help with payments"
    hold = hold_of_kind(session, case.customer_id, HoldKind.HARDSHIP)
    if hold is not None and request_of_hold(session, id_of(hold)) is not None:
        # It is that of an earlier request, whose letters are written.
        end_hold(session, hold, "asked for help again", by=by, now=now)
        hold = None
    if hold is not None:
        keep_open(session, hold, why, answer_by, by=by, now=now)
    else:
        kind = HoldKind.HARDSHIP
        hold = place_hold(session, case, kind, why, answer_by, letters, by_person=True, by=by, now=now).hold
    statement = newest_statement(session, case.customer_id)
    row = service.start_request(
        session, case, new, id_of(hold), clock,
        statement_id=statement.id if statement else None, by=by, now=now,
    )  # fmt: skip
    if question_id is not None:
        take_up(session, case, question_id, Subject.HARDSHIP, by=by, now=now).hardship_id = id_of(row)
    return TakenRequest(row, _tell(session, case, row, letters, today=today, by=by, now=now))


def ask_for_document(
    session: Session, case: CollectionsCase, request_id: int, what: str, *, by: Actor, now: datetime
) -> HardshipDocument:
    """Ask the customer for something. The day for our answer moves as the law says, and the review of the hold with
    it."""
    row, today = _locked(session, case, request_id), _today(session, case, now)
    asked = service.ask_for(session, case, row, what, clock_of(session, case), today=today, by=by, now=now)
    _move_hold(session, row, today, by=by, now=now)
    return asked


def note_document(
    session: Session,
    case: CollectionsCase,
    request_id: int,
    asked_id: int,
    state: DocumentState,
    *,
    document_id: int | None = None,
    lacking: str = "",
    by: Actor,
    now: datetime,
) -> HardshipDocument:
    """Note that what was asked for came, or that it does not show enough. Invalid names the field."""
    row, today = _locked(session, case, request_id), _today(session, case, now)
    asked = service.receive(
        session, case, row, asked_id, state, clock_of(session, case),
        document_id=document_id, lacking=lacking, today=today, by=by, now=now,
    )  # fmt: skip
    _move_hold(session, row, today, by=by, now=now)
    return asked


def decide_request(
    session: Session,
    case: CollectionsCase,
    request_id: int,
    decision: HardshipStatus,
    letters: LetterCatalog,
    *,
    until: date | None = None,
    refusals: Collection[RefusalReason] = (),
    words: str = "",
    plan_id: int | None = None,
    by: Actor,
    role: Role,
    now: datetime,
) -> TakenRequest:
    """Decide: grant help until a day, wholly or in part, or refuse it; the customer has it in writing. Invalid names
    the field that its letter lacks; Forbidden for what a second person decides; Conflict where it was decided."""
    row, today = _locked(session, case, request_id), _today(session, case, now)
    clock = clock_of(session, case)
    every = documents_of_request(session, request_id)
    waits = timedelta(days=clock.unanswered_days)
    over = any(each.state is DocumentState.ASKED and each.asked_on + waits < today for each in every)
    limits = help_limits(session, case)
    check_decision(decision, until, refusals, words, asked_for=over, limits=limits, today=today)
    same = is_same_person(session, row.by, by)
    require_authority(decision, until, role, same_person=same, limits=limits, today=today)
    _check_plan(session, case, plan_id, decision)
    service.close_request(
        session, case, row, decision, until=until, refusals=refusals, words=words, plan_id=plan_id,
        today=today, by=by, now=now,
    )  # fmt: skip
    quiet = today + timedelta(days=max(clock.after_refusal_days, 1) + 1)
    ends = quiet if until is None else until + timedelta(days=1)
    _end_on(session, case, row, f"help with payments: {decision.value}", ends, letters, by=by, now=now)
    if until is not None:
        if limits.charges_rest:
            hold = get_hold(session, row.customer_id, row.hold_id, lock=True)
            rest_accounts(session, hold, until + timedelta(days=1), by=by, now=now)
        add_task(
            session, case, DeskStep.HARDSHIP, REVIEW, max(today, until - REVIEW_BEFORE),
            plan_id=plan_id, by=by, now=now,
        )  # fmt: skip
    return TakenRequest(row, _tell(session, case, row, letters, today=today, by=by, now=now))


def withdraw_request(
    session: Session, case: CollectionsCase, request_id: int, reason: str, *, by: Actor, now: datetime
) -> HardshipRequest:
    """The customer takes the request back: the hold ends tomorrow. Conflict where it was decided."""
    row, today = _locked(session, case, request_id), _today(session, case, now)
    if not reason.strip():
        raise Invalid("Say what the customer said.", "reason")
    withdrawn = HardshipStatus.WITHDRAWN
    service.close_request(session, case, row, withdrawn, words=reason, today=today, by=by, now=now)
    hold = get_hold(session, row.customer_id, row.hold_id, lock=True)
    if hold.ended_at is None:
        release_on(
            session, hold, "the customer took the request back", today + timedelta(days=1), by=by, now=now
        )
    return row


def _end_on(
    session: Session, case: CollectionsCase, row: HardshipRequest, why: str, ends: date,
    letters: LetterCatalog, *, by: Actor, now: datetime,
) -> None:  # fmt: skip
    """Give the hold its end; where it has ended already, another stands until then, so that nobody reminds a customer
    who has our word in writing."""
    hold = get_hold(session, row.customer_id, row.hold_id, lock=True)
    if hold.ended_at is not None:
        standing = hold_of_kind(session, row.customer_id, HoldKind.HARDSHIP)
        if standing is None:
            kind = HoldKind.HARDSHIP
            placed = place_hold(session, case, kind, why, ends, letters, acknowledge=False, by=by, now=now)
            row.hold_id = id_of(placed.hold)
            return
        hold, ends = standing, max(ends, standing.until)
        row.hold_id = id_of(hold)
    if not hold.by_person:
        if hold.until < ends:
            review_hold(session, hold, why, ends, by=by, now=now)
        return
    release_on(session, hold, why, ends, by=by, now=now)


def _check_plan(
    session: Session, case: CollectionsCase, plan_id: int | None, decision: HardshipStatus
) -> None:
    if plan_id is None:
        return
    plan = session.get(Plan, plan_id)
    if (
        decision is HardshipStatus.REFUSED
        or plan is None
        or plan.case_id != case.id
        or plan.status not in LIVE
    ):
        raise Invalid("Name the agreement of this case that runs, or none.", "plan_id")


def _move_hold(session: Session, row: HardshipRequest, today: date, *, by: Actor, now: datetime) -> None:
    hold = get_hold(session, row.customer_id, row.hold_id, lock=True)
    review_on = max(row.answer_by, today + timedelta(days=1))
    if hold.ended_at is None and hold.until != review_on:
        keep_open(session, hold, "the day for our answer moved", review_on, by=by, now=now)


def _tell(
    session: Session, case: CollectionsCase, row: HardshipRequest, letters: LetterCatalog,
    *, today: date, by: Actor, now: datetime,
) -> Mapping[Channel, Answer]:  # fmt: skip
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    return write_hardship_letter(session, portfolio, row, letters, on=today, by=by, now=now)


def _locked(session: Session, case: CollectionsCase, request_id: int) -> HardshipRequest:
    return get_request(session, case.customer_id, request_id, lock=True)


def _today(session: Session, case: CollectionsCase, now: datetime) -> date:
    return local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
