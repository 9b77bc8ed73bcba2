"""Plain rows for the proof of casework: read by themselves, with no statement of a figure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.rules import MONEY_IN, AccountStatus
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged
from app.casework.complaints.models import Complaint, ComplaintAnswer, ComplaintLetter
from app.casework.contacts.models import PlannedContact
from app.casework.plans.models import Plan, PlanAccount
from app.casework.plans.rules import PlanKind, PlanStatus
from app.core.clock import local_date, local_instant
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.legal.referrals.models import Referral
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination
from app.outreach.planning.complaints.arrival import NEVER_ARRIVED
from app.reporting.kpis.definitions.contacts import LEFT
from app.reporting.kpis.models import StandingNight
from app.reporting.kpis.proof.casework import (
    DAYS_30,
    ComplaintEnd,
    ComplaintRow,
    Counted,
    PlanRow,
    Tariff,
    count_complaints,
    count_costs,
    count_plans,
)


def count_casework(session: Session, portfolio: Portfolio, on: date, accounts: int) -> Iterator[Counted]:
    """Everything that casework adds to the figures of `on`; `accounts` are those that count at its end."""
    plans = list(session.scalars(select(Plan).where(Plan.portfolio_id == id_of(portfolio))))
    yield from count_plans(_plans(session, portfolio, plans), on)
    yield from count_complaints(_complaints(session, portfolio), accounts, on)
    yield from _costs(session, portfolio, on)


def _plans(session: Session, portfolio: Portfolio, plans: list[Plan]) -> Iterator[PlanRow]:
    kept = [plan for plan in plans if plan.kind is PlanKind.SETTLEMENT and plan.status is PlanStatus.KEPT]
    accounts: dict[int, list[int]] = defaultdict(list)
    own = table_of(PlanAccount)
    query = sa.select(own.c.plan_id, own.c.account_id).where(
        among(session, own.c.plan_id, [id_of(plan) for plan in kept])
    )
    for plan_id, account_id in session.execute(query):
        accounts[plan_id].append(account_id)
    entries = _standing_entries(session, portfolio, {each for ids in accounts.values() for each in ids})
    for plan in plans:
        cash = waived = 0
        since = plan.counts_from or plan.accepted_on
        for entry in (each for account in accounts.get(id_of(plan), ()) for each in entries[account]):
            if plan.ended_on is None or since is None:
                continue
            if entry.kind in MONEY_IN and since <= entry.effective_on <= plan.ended_on:
                cash -= entry.amount_minor
            if entry.ended_as is AccountStatus.SETTLED and entry.effective_on == plan.ended_on:
                waived -= entry.amount_minor
        yield PlanRow(plan.kind, plan.status, plan.offered_by, plan.accepted_on, plan.ended_on, cash, waived)


def _standing_entries(
    session: Session, portfolio: Portfolio, account_ids: set[int]
) -> dict[int, list[Entry]]:
    found: dict[int, list[Entry]] = defaultdict(list)
    query = select(Entry).where(
        Entry.portfolio_id == id_of(portfolio), among(session, table_of(Entry).c.account_id, account_ids)
    )
    seen = _seen(session, portfolio)
    rows = [each for each in session.scalars(query) if seen is None or id_of(each) <= seen]
    reversed_ids = {each.reverses_id for each in rows}
    for each in rows:
        if each.id not in reversed_ids:
            found[each.account_id].append(each)
    return found


def _seen(session: Session, portfolio: Portfolio) -> int | None:
    """The last entry that a night has seen; None where no night says."""
    night = session.get(StandingNight, id_of(portfolio))
    return night.last_entry_id if night and night.last_entry_id else None


def _complaints(session: Session, portfolio: Portfolio) -> list[ComplaintRow]:
    ends: dict[int, list[ComplaintEnd]] = defaultdict(list)
    lost = _lost_answers(session, portfolio)
    answers = select(ComplaintAnswer).where(ComplaintAnswer.portfolio_id == id_of(portfolio))
    for answer in session.scalars(answers):
        on = local_date(answer.answered_at, portfolio.timezone)
        end = ComplaintEnd(answer.kind, on, answer.answer_by, answer.by, lost.get(id_of(answer)))
        ends[answer.complaint_id].append(end)
    rows = select(Complaint).where(Complaint.portfolio_id == id_of(portfolio))
    return [
        ComplaintRow(local_date(row.received_at, portfolio.timezone), tuple(ends[id_of(row)]))
        for row in session.scalars(rows)
    ]


def _lost_answers(session: Session, portfolio: Portfolio) -> dict[int, date]:
    """By answer without a letter on file, the day on which its last message was known not to have arrived."""
    query = (
        select(ComplaintAnswer, OutboxMessage)
        .join(ComplaintLetter, col(ComplaintLetter.answer_id) == ComplaintAnswer.id)
        .join(
            PlannedContact,
            sa.and_(
                col(PlannedContact.case_id) == ComplaintLetter.case_id,
                col(PlannedContact.step) == ComplaintLetter.step,
                col(PlannedContact.occurrence) == ComplaintLetter.occurrence,
            ),
        )
        .join(OutboxMessage, col(OutboxMessage.contact_id) == PlannedContact.id)
        .where(ComplaintAnswer.portfolio_id == id_of(portfolio), col(ComplaintAnswer.document_id).is_(None))
    )
    days: dict[int, list[tuple[bool, date | None]]] = defaultdict(list)
    for answer, message in session.execute(query):
        lost = message.finished_at if message.status in NEVER_ARRIVED else None
        on = local_date(lost, portfolio.timezone) if lost else None
        days[id_of(answer)].append((message.business_date <= answer.answer_by, on))
    found = {}
    for number, messages in days.items():
        known = [on for _, on in messages if on is not None]
        by_its_day = [on for in_time, on in messages if in_time]
        if known and None not in by_its_day:
            found[number] = max([min(known), *(on for on in by_its_day if on is not None)])
    return found


def _costs(session: Session, portfolio: Portfolio, on: date) -> Iterator[Counted]:
    first_on, zone = on - DAYS_30, portfolio.timezone
    begin, end = local_instant(first_on, 0, 0, zone), local_instant(on + timedelta(days=1), 0, 0, zone)
    sent = sa.select(col(OutboxMessage.destination)).where(
        col(OutboxMessage.portfolio_id) == id_of(portfolio),
        col(OutboxMessage.sent_at) >= begin,
        col(OutboxMessage.sent_at) < end,
        col(OutboxMessage.status).in_(LEFT),
        col(OutboxMessage.destination) != Destination.LEGAL_DESK,
        col(OutboxMessage.console_only).is_(False),
    )
    called = (
        sa.select(col(Event.by))
        .join(Customer, col(Customer.id) == Event.customer_id)
        .where(
            col(Customer.portfolio_id) == id_of(portfolio), col(Event.kind) == CallLogged.KIND,
            col(Event.at) >= begin, col(Event.at) < end,
        )
    )  # fmt: skip
    received = sa.select(sa.func.count()).where(
        col(Referral.portfolio_id) == id_of(portfolio),
        col(Referral.delivered_at) >= begin,
        col(Referral.delivered_at) < end,
    )
    yield from count_costs(
        _tariff(portfolio),
        messages=session.scalars(sent),
        callers=session.scalars(called),
        legal_cases=session.scalar(received) or 0,
        cash=_cash(session, portfolio, first_on, on),
    )


def _tariff(portfolio: Portfolio) -> Tariff:
    letter = portfolio.cost_letter_minor
    by_destination = {each: letter for each in Destination}
    by_destination[Destination.SMS] = portfolio.cost_sms_minor
    by_destination[Destination.EMAIL] = portfolio.cost_email_minor
    hour, case = portfolio.cost_agent_hour_minor, portfolio.cost_legal_case_minor
    is_known = any(by_destination.values()) or hour > 0 or case > 0
    return Tariff(by_destination, hour * portfolio.cost_call_minutes // 60, case, is_known)


def _cash(session: Session, portfolio: Portfolio, first_on: date, on: date) -> int:
    """Payments and recoveries of these days that stand, as far as the last night has seen."""
    entry, account = table_of(Entry), table_of(Account)
    query = (
        sa.select(entry.c.id, entry.c.reverses_id, entry.c.kind, entry.c.effective_on, entry.c.amount_minor)
        .join(account, account.c.id == entry.c.account_id)
        .where(
            account.c.portfolio_id == id_of(portfolio),
            sa.or_(entry.c.effective_on.between(first_on, on), entry.c.reverses_id.is_not(None)),
        )
    )
    seen = _seen(session, portfolio)
    rows = [row for row in session.execute(query) if seen is None or row.id <= seen]
    reversed_ids = {row.reverses_id for row in rows}
    return -sum(
        int(row.amount_minor)
        for row in rows
        if row.kind in MONEY_IN and first_on <= row.effective_on <= on and row.id not in reversed_ids
    )
