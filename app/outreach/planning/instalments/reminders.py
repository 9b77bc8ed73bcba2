"""Reminders of an agreement itself: some days before an instalment is due, on its day, in its grace days.

They leave while ordinary reminders rest. A reminder is one contact of one instalment at one date: it leaves once. One
that the gate refused or made wait is asked for again in the next night, as long as its day is not over.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.queries import contacts_of
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan, PlanChange, PlanInstalment
from app.casework.plans.rules import LIVE, Instalment, InstalmentChange
from app.core.actor import SYSTEM
from app.core.clock import local_date
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.vocabulary import Channel, Purpose
from app.outreach.agreements.figures import Reader, paying
from app.outreach.agreements.rules import DueInstalment, ReminderDays, reminder_due
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.planning.batch import ContactBatch
from app.outreach.planning.instalments.facts import REMINDERS, UNPAID, InstalmentFacts, read_instalments
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.rows import LetterRequest
from app.policy.answers import Clearance

LETTER = "instalment_reminder"
WHEN = {
    DeskStep.INSTALMENT_AHEAD: "ahead",
    DeskStep.INSTALMENT_TODAY: "today",
    DeskStep.INSTALMENT_GRACE: "grace",
}


@dataclass(frozen=True, slots=True)
class DueReminder:
    """A reminder that is due to leave on the day after a night."""

    case_id: int
    plan_id: int
    n: int
    step: DeskStep
    by_post: bool
    """The customer has neither a mobile number nor an e-mail address."""


def reminder_days(portfolio: Portfolio) -> ReminderDays:
    return ReminderDays(
        portfolio.remind_days, portfolio.remind_post_days, portfolio.remind_today, portfolio.remind_grace_days
    )


def reminders_of_night(session: Session, portfolio: Portfolio, on: date) -> list[DueReminder]:
    """The reminders that leave on the day after `on`, one a case: of the oldest instalment that is unpaid."""
    days, leaves_on = reminder_days(portfolio), on + timedelta(days=1)
    found: dict[int, list[DueReminder]] = {}
    for row in session.connection().execute(_instalments_near(portfolio, days, leaves_on)):
        by_post = not row.mobile and not row.email
        known_since = max(row.accepted_on, _local(row.moved_at, portfolio) or row.accepted_on)
        instalment = DueInstalment(row.due_on, row.grace_days, known_since)
        step = reminder_due(instalment, days, leaves_on, by_post=by_post)
        if step is not None:
            due = DueReminder(row.case_id, row.plan_id, row.n, step, by_post)
            found.setdefault(row.case_id, []).append(due)
    # One that is paid must not stand before the next: its grace days may reach as far as the next due date.
    facts = read_instalments(session, {due[0].plan_id for due in found.values() if len(due) > 1}, leaves_on)
    return [
        next((each for each in due if len(due) == 1 or _is_unpaid(facts, each)), due[0])
        for due in found.values()
    ]


def _is_unpaid(facts: InstalmentFacts, due: DueReminder) -> bool:
    line = facts.line(due.plan_id, due.n)
    return line.short > 0 and line.state in UNPAID


def _instalments_near(portfolio: Portfolio, days: ReminderDays, leaves_on: date) -> sa.Select[DbRow]:
    """Instalments of agreements that are kept in open cases, due near the day, the oldest first."""
    plan, part, change = table_of(Plan), table_of(PlanInstalment), table_of(PlanChange)
    case, customer = table_of(CollectionsCase), table_of(Customer)
    moved_at = (
        sa.select(sa.func.max(change.c.at))
        .where(
            change.c.plan_id == part.c.plan_id,
            change.c.n == part.c.n,
            change.c.change == InstalmentChange.MOVED,
        )
        .scalar_subquery()
    )
    return (
        sa.select(
            plan.c.case_id, part.c.plan_id, part.c.n, part.c.due_on, plan.c.grace_days, plan.c.accepted_on,
            customer.c.mobile, customer.c.email, moved_at.label("moved_at"),
        )
        .join(part, part.c.plan_id == plan.c.id)
        .join(case, case.c.id == plan.c.case_id)
        .join(customer, customer.c.id == plan.c.customer_id)
        .where(
            plan.c.portfolio_id == portfolio.id,
            plan.c.status.in_(LIVE),
            plan.c.accepted_on.is_not(None),
            case.c.status == CaseStatus.OPEN,
            part.c.is_skipped.is_(False),
            part.c.due_on <= leaves_on + timedelta(days=days.longest_ahead),
            part.c.due_on >= leaves_on - timedelta(days=60),
        )
        .order_by(plan.c.case_id, part.c.due_on, part.c.n)
    )  # fmt: skip


def _local(at: datetime | None, portfolio: Portfolio) -> date | None:
    return local_date(at, portfolio.timezone) if at else None


def write_reminders(
    session: Session,
    portfolio: Portfolio,
    due: Sequence[DueReminder],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> int:
    """Queue those of these reminders that are still true and that the gate clears on one channel; returns how many. Of
    different customers, who are locked until the transaction ends."""
    leaves_on = on + timedelta(days=1)
    cases = load_contact_cases(session, portfolio, [each.case_id for each in due], now=now, as_of=on)
    contact_cases = {each.case.id: each for each in cases}
    facts = read_instalments(session, {each.plan_id for each in due}, leaves_on)
    known = {step for step, _ in contacts_of(session, [each.case_id for each in due], REMINDERS)}
    batch = ContactBatch(session, portfolio, catalog, on, now)
    written = 0
    for each in due:
        step = _step_of(each, facts)
        if step in known or not _is_unpaid(facts, each):
            continue
        request = _request(contact_cases[each.case_id], each, step, facts, portfolio, catalog, batch)
        written += any(isinstance(batch.send(request, channel), Clearance) for channel in request.channels)
    batch.write(session, by=SYSTEM)
    return written


def _step_of(due: DueReminder, facts: InstalmentFacts) -> CaseStep:
    return CaseStep(
        due.case_id, due.step, facts.occurrence(due.plan_id, due.n), plan_id=due.plan_id, instalment=due.n
    )


def _request(
    contact_case: ContactCase,
    due: DueReminder,
    step: CaseStep,
    facts: InstalmentFacts,
    portfolio: Portfolio,
    catalog: LetterCatalog,
    batch: ContactBatch,
) -> LetterRequest:
    plan, line = facts.plans[due.plan_id], facts.line(due.plan_id, due.n)
    customer = contact_case.customer
    reader = Reader(
        catalog.letters[LETTER].locale_for(customer.language, customer.country), portfolio.currency
    )
    unpaid = Instalment(line.n, line.due_on, line.short)
    figures: dict[str, str] = {
        "when": WHEN[due.step],
        "missing": reader.money(line.short),
        "missing_minor": str(line.short),
        "came": reader.money_if_any(line.paid),
        "due_on": reader.day(line.due_on),
        "grace_until": reader.day(line.grace_until),
        **paying(plan, batch.letterhead.payee, unpaid, reader),
    }
    channels = (Channel.POST,) if due.by_post else (Channel.SMS, Channel.EMAIL)
    return LetterRequest(contact_case, LETTER, Purpose.REMINDER, channels, step, plan=plan, figures=figures)
