"""Settling of duties: met by a letter that left, fallen away, or overdue."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.models import AccountState
from app.book.ledger.models import Entry
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import OF_DISPUTES
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import DisputeKind, DisputeOutcome
from app.casework.documents.models import CaseDocument
from app.casework.documents.rules import letter_of
from app.core.actor import SYSTEM
from app.core.clock import local_date
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.payload import Payload
from app.core.timeline.service import NewEvent, about_customer, lock_customers, record_many
from app.outreach.duties.events import DutyEnded, DutyOverdue
from app.outreach.duties.making import residents_of
from app.outreach.duties.models import Duty
from app.outreach.duties.sources import ACCOUNT
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LEFT
from app.policy.composition import packs_for
from app.policy.kinds.duty import DutyEvent, counts_since

LONGEST_WHY = 200
OF_BILLING_ERRORS = (DutyEvent.BILLING_ERROR, DutyEvent.BILLING_ERROR_ANSWER)
"""Events whose letters are about one dispute, and met by a letter about that one alone. They outlive their case."""


def settle_duties(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> dict[str, int]:
    """End the duties whose letter left, whose case is closed, whose missed payments were made, or whose customer moved
    away; say once of each that it is overdue on the day after `on`. Returns counts.

    Most open duties stay as they are: they are looked at without a lock, and those that change once more under it.
    """
    today = on + timedelta(days=1)
    changing = [duty for duty, _ in _changes(session, portfolio, open_duties(session, portfolio), today)]
    if not changing:
        return {}
    lock_customers(session, sorted({duty.customer_id for duty in changing}))
    locked = open_duties(session, portfolio, [id_of(duty) for duty in changing])
    told: list[NewEvent] = []
    counts = {"duties_met": 0, "duties_overdue": 0}
    for duty, change in list(_changes(session, portfolio, locked, today)):
        if isinstance(change, DutyOverdue):
            duty.overdue_on = today
            counts["duties_overdue"] += 1
            told.append(_about(duty, change))
        else:
            why, met_on = change
            counts["duties_met"] += met_on is not None
            duty.met_on, duty.ended_on, duty.ended_why = met_on, today, why[:LONGEST_WHY]
            told.append(_about(duty, DutyEnded(id_of(duty), duty.rule, duty.letter, met_on is not None, why)))
    record_many(session, told, by=SYSTEM, now=now)
    return {name: n for name, n in counts.items() if n}


def open_duties(session: Session, portfolio: Portfolio, ids: Sequence[int] | None = None) -> list[Duty]:
    """The open duties of a portfolio, or those of them with these ids, as they are now; the oldest due day first."""
    query = (
        select(Duty)
        .where(Duty.portfolio_id == portfolio.id, col(Duty.ended_on).is_(None))
        .order_by(col(Duty.due_on), col(Duty.id))
    )
    if ids is not None:
        query = query.where(among(session, table_of(Duty).c.id, ids))
    return list(session.scalars(query.execution_options(populate_existing=True)))


def met_among(session: Session, portfolio: Portfolio, duties: Sequence[Duty]) -> Mapping[int, date]:
    """By duty the local day on which the letter that fulfils it left, of those whose letter did."""
    left, since = _left(session, portfolio, duties), portfolio.assigned_on or date.max
    met = (
        (id_of(duty), next((day for day in left[_key(duty)] if _counts(duty, day, since)), None))
        for duty in duties
        if duty.event not in (*OF_BILLING_ERRORS, DutyEvent.DEFAULT_SUM)
    )
    found = {duty_id: day for duty_id, day in met if day is not None}
    found |= _sums_told(session, portfolio, [each for each in duties if each.event is DutyEvent.DEFAULT_SUM])
    return found | _answered(session, portfolio, [each for each in duties if each.event in OF_BILLING_ERRORS])


def _sums_told(session: Session, portfolio: Portfolio, duties: Sequence[Duty]) -> dict[int, date]:
    """By duty of a default sum the local day on which a notice left that was written when its fee was posted, or later:
    an earlier one of the same day does not name the fee."""
    if not duties:
        return {}
    entry, message = table_of(Entry), table_of(OutboxMessage)
    posted = sa.select(entry.c.id, entry.c.created_at).where(
        among(session, entry.c.id, {duty.occasion for duty in duties})
    )
    posted_at: dict[int, datetime] = {entry_id: at for entry_id, at in session.execute(posted)}
    sent = (
        sa.select(message.c.customer_id, message.c.letter, message.c.created_at, message.c.sent_at)
        .where(
            among(session, message.c.customer_id, {duty.customer_id for duty in duties}),
            message.c.letter.in_({name for duty in duties for name in duty.letters.split()}),
            message.c.status.in_(LEFT),
            message.c.console_only.is_(False),
        )
        .order_by(message.c.sent_at)
    )
    rows = session.execute(sent).all()
    found: dict[int, date] = {}
    for duty in duties:
        names, since = duty.letters.split(), posted_at.get(duty.occasion)
        for row in rows if since is not None else ():
            if row.customer_id == duty.customer_id and row.letter in names and row.created_at >= since:
                found.setdefault(id_of(duty), local_date(row.sent_at, portfolio.timezone))
    return found


def _answered(session: Session, portfolio: Portfolio, duties: Sequence[Duty]) -> dict[int, date]:
    """By duty of a billing error the local day on which a letter about that very dispute left."""
    if not duties:
        return {}
    message, contact, dispute = table_of(OutboxMessage), table_of(PlannedContact), table_of(Dispute)
    sent = (
        sa.select(dispute.c.id, message.c.letter, message.c.sent_at)
        .join(
            contact,
            sa.and_(contact.c.case_id == dispute.c.case_id, contact.c.occurrence == dispute.c.n),
        )
        .join(message, message.c.contact_id == contact.c.id)
        .where(
            among(session, dispute.c.id, {duty.occasion for duty in duties}),
            contact.c.step.in_(OF_DISPUTES),
            message.c.status.in_(LEFT),
            message.c.console_only.is_(False),
        )
        .order_by(message.c.sent_at)
    )
    left: dict[tuple[int, str], date] = {}
    for dispute_id, letter, at in session.execute(sent):
        left.setdefault((dispute_id, letter), local_date(at, portfolio.timezone))
    days = {
        id_of(duty): [left[key] for name in duty.letters.split() if (key := (duty.occasion, name)) in left]
        for duty in duties
    }
    return {duty_id: min(found) for duty_id, found in days.items() if found}


def _withdrawn(session: Session, duties: Sequence[Duty]) -> set[int]:
    """Ids of the duties of billing errors that were withdrawn, or are no billing errors after all."""
    occasions = {duty.occasion for duty in duties if duty.event in OF_BILLING_ERRORS}
    if not occasions:
        return set()
    dispute = table_of(Dispute)
    query = sa.select(dispute.c.id).where(
        among(session, dispute.c.id, occasions),
        sa.or_(dispute.c.outcome == DisputeOutcome.WITHDRAWN, dispute.c.kind != DisputeKind.BILLING_ERROR),
    )
    over = set(session.scalars(query))
    return {id_of(duty) for duty in duties if duty.event in OF_BILLING_ERRORS and duty.occasion in over}


def _changes(
    session: Session, portfolio: Portfolio, duties: Sequence[Duty], today: date
) -> Iterator[tuple[Duty, DutyOverdue | tuple[str, date | None]]]:
    """What became of duties: that one is overdue, or why it ended and on which day it was met."""
    if not duties:
        return
    met = met_among(session, portfolio, duties)
    closed, paid, withdrawn = _closed(session, duties), _paid(session, duties), _withdrawn(session, duties)
    moved = _moved_away(session, portfolio, duties)
    for duty in duties:
        met_on = met.get(id_of(duty))
        if met_on is not None:
            yield duty, (f"it left on {met_on}", met_on)
        elif duty.id in withdrawn:
            yield duty, ("the dispute was withdrawn, or turned out to be another one", None)
        elif duty.case_id in closed and duty.event not in OF_BILLING_ERRORS:
            yield duty, ("the case is closed", None)
        elif duty.id in paid:
            yield duty, ("nothing is past due any more", None)
        elif duty.id in moved:
            yield duty, ("another place's law holds where the customer lives now", None)
        elif duty.due_on < today and duty.overdue_on is None:
            yield duty, DutyOverdue(id_of(duty), duty.rule, duty.letter, duty.due_on)


def _key(duty: Duty) -> tuple[int, str]:
    return duty.customer_id, duty.letters


def _counts(duty: Duty, left_on: date, assigned_on: date) -> bool:
    """A notice that is given once for a debt counts whenever it left, one that comes before all contacts if that is not
    too long ago; an answer only after what it answers."""
    if duty.event is DutyEvent.CASE_OPEN:
        return left_on > counts_since(duty.arose_on)
    if duty.event is DutyEvent.DEBT_ASSIGNED:
        return left_on >= assigned_on
    return duty.event is DutyEvent.FIRST_CONTACT or left_on >= duty.arose_on


def _left(
    session: Session, portfolio: Portfolio, duties: Sequence[Duty]
) -> Mapping[tuple[int, str], Sequence[date]]:
    """The local days on which letters that fulfil these duties left, or that documents of them bear."""
    by_customer: dict[int, dict[str, list[date]]] = defaultdict(lambda: defaultdict(list))
    ids = {duty.customer_id for duty in duties}
    names = {name for duty in duties for name in duty.letters.split()}
    message, document = table_of(OutboxMessage), table_of(CaseDocument)
    sent = sa.select(message.c.customer_id, message.c.letter, message.c.sent_at).where(
        among(session, message.c.customer_id, ids),
        message.c.letter.in_(names),
        message.c.status.in_(LEFT),
        message.c.console_only.is_(False),
    )
    for customer_id, letter, at in session.execute(sent):
        by_customer[customer_id][letter].append(local_date(at, portfolio.timezone))
    filed = sa.select(document.c.customer_id, document.c.kind, document.c.dated_on).where(
        among(session, document.c.customer_id, ids), document.c.withdrawn_at.is_(None)
    )
    for customer_id, kind, dated_on in session.execute(filed):
        by_customer[customer_id][letter_of(kind)].append(dated_on)
        # The verification of a debt may be given outside the desk, as a document of its own kind.
        by_customer[customer_id][f"debt_{kind.value}"].append(dated_on)
    return {
        _key(duty): sorted(
            day for name in duty.letters.split() for day in by_customer[duty.customer_id][name]
        )
        for duty in duties
    }


def _closed(session: Session, duties: Sequence[Duty]) -> set[int]:
    case = table_of(CollectionsCase)
    query = sa.select(case.c.id).where(
        among(session, case.c.id, {duty.case_id for duty in duties}), case.c.status == CaseStatus.CLOSED
    )
    return set(session.scalars(query))


def _paid(session: Session, duties: Sequence[Duty]) -> set[int]:
    """Ids of the duties that follow missed payments of an account on which nothing is past due any more."""
    account_of = {
        id_of(duty): duty.occasion // ACCOUNT
        for duty in duties
        if duty.event is DutyEvent.TWO_PAYMENTS_BEHIND
    }
    state = table_of(AccountState)
    query = sa.select(state.c.account_id).where(
        among(session, state.c.account_id, set(account_of.values())),
        sa.or_(state.c.past_due_minor <= 0, state.c.balance_minor <= 0),
    )
    paid = set(session.scalars(query))
    return {duty_id for duty_id, account_id in account_of.items() if account_id in paid}


def _moved_away(session: Session, portfolio: Portfolio, duties: Sequence[Duty]) -> set[int]:
    """Ids of the duties to begin with a notice that the law of the customer's place does not know: they moved."""
    firsts = [duty for duty in duties if duty.event in (DutyEvent.CASE_OPEN, DutyEvent.DEBT_ASSIGNED)]
    where = residents_of(session, {duty.customer_id for duty in firsts}) if firsts else {}
    return {
        id_of(duty)
        for duty in firsts
        if all(rule.id != duty.rule for rule in packs_for(portfolio, where[duty.customer_id]).rules)
    }


def _about(duty: Duty, payload: Payload) -> NewEvent:
    return about_customer(duty.customer_id, payload, case_id=duty.case_id)
