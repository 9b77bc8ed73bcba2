"""Reminders of an agreement itself: some days before an instalment is due, on its day, in its grace days.

They leave while ordinary reminders rest. A reminder is one contact of one instalment at one date: it leaves once. One
that the gate refused or made wait is asked for again in the next night, as long as its day is not over. Reminders of
several instalments that are due on one day leave in one message.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.queries import contact_id, contacts_of
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan, PlanChange, PlanInstalment
from app.casework.plans.rules import LIVE, Instalment, InstalmentChange
from app.core.actor import SYSTEM
from app.core.clock import local_date
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.vocabulary import Channel, Purpose
from app.outreach.agreements.figures import paying
from app.outreach.agreements.reader import Reader
from app.outreach.agreements.rules import (
    JOINS_WITHIN,
    DueInstalment,
    ReminderDays,
    reminder_due,
    waits_to_join,
)
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.gate.suppression import reaches
from app.outreach.letters.letter import InstalmentLine
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.batch import ContactBatch
from app.outreach.planning.instalments.facts import (
    REMINDERS,
    InstalmentFacts,
    is_unpaid,
    others_text,
    read_instalments,
)
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

    step: CaseStep
    plan_id: int
    n: int
    by_post: bool
    """Neither a number nor an e-mail address of the customer may be used."""

    @property
    def case_id(self) -> int:
        return self.step.case_id


def reminder_days(portfolio: Portfolio) -> ReminderDays:
    return ReminderDays(
        portfolio.remind_days, portfolio.remind_post_days, portfolio.remind_today, portfolio.remind_grace_days
    )


def reminders_of_night(session: Session, portfolio: Portfolio, on: date) -> list[list[DueReminder]]:
    """The reminders that may leave on the day after `on` and were not written yet, by case, that of the oldest
    instalment first: they leave in one message."""
    days, leaves_on = reminder_days(portfolio), on + timedelta(days=1)
    found: dict[int, list[tuple[DueReminder, DueInstalment]]] = {}
    near = set[int]()  # plans of which an instalment falls due in the next days
    since = leaves_on - timedelta(days=_longest_grace(session, portfolio))
    for row in session.connection().execute(_instalments_near(portfolio, days, leaves_on, since)):
        if leaves_on < row.due_on <= leaves_on + timedelta(days=JOINS_WITHIN):
            near.add(row.plan_id)
        by_post = not row.by_sms_or_email
        known_since = max(row.accepted_on, _local(row.moved_at, portfolio) or row.accepted_on)
        instalment = DueInstalment(row.due_on, row.grace_days, known_since)
        kind = reminder_due(instalment, days, leaves_on, by_post=by_post)
        if kind is not None:
            step = CaseStep(row.case_id, kind, 1 + row.moves, plan_id=row.plan_id, instalment=row.n)
            due = DueReminder(step, row.plan_id, row.n, by_post)
            found.setdefault(row.case_id, []).append((due, instalment))
    written = _written(session, found)
    fresh = {
        case_id: [(due, instalment) for due, instalment in theirs if due.step not in written]
        for case_id, theirs in found.items()
    }
    grace = {
        due.plan_id
        for theirs in fresh.values()
        for due, _ in theirs
        if due.step.step == DeskStep.INSTALMENT_GRACE
    }
    ahead = _unpaid_ahead(session, grace & near, leaves_on)
    ready = (
        [
            due
            for due, instalment in theirs
            if not waits_to_join(
                DeskStep(due.step.step), instalment, days, leaves_on, ahead.get(due.plan_id, ())
            )
        ]
        for theirs in fresh.values()
    )
    return [due for due in ready if due]


def _unpaid_ahead(session: Session, plan_ids: Collection[int], leaves_on: date) -> dict[int, list[date]]:
    """By plan, the due dates of the next days whose instalments are unpaid as of now."""
    facts = read_instalments(session, plan_ids, leaves_on)
    latest = leaves_on + timedelta(days=JOINS_WITHIN)
    return {
        plan_id: [
            line.due_on
            for line in each.instalments
            if leaves_on < line.due_on <= latest and is_unpaid(facts.plans[plan_id], line)
        ]
        for plan_id, each in facts.progress.items()
    }


def _written(session: Session, case_ids: Collection[int]) -> set[CaseStep]:
    return {step for ids in chunked(case_ids, 5000) for step, _ in contacts_of(session, ids, REMINDERS)}


def _is_unpaid(facts: InstalmentFacts, due: DueReminder) -> bool:
    return is_unpaid(facts.plans[due.plan_id], facts.line(due.plan_id, due.n))


def _longest_grace(session: Session, portfolio: Portfolio) -> int:
    """The most grace days of an agreement that is kept: none of an earlier instalment is reminded of."""
    plan = table_of(Plan)
    query = sa.select(sa.func.max(plan.c.grace_days)).where(
        plan.c.portfolio_id == portfolio.id, plan.c.status.in_(LIVE)
    )
    return int(session.connection().execute(query).scalar() or 0)


def _instalments_near(
    portfolio: Portfolio, days: ReminderDays, leaves_on: date, since: date
) -> sa.Select[DbRow]:
    """Instalments of agreements that are kept in open cases, due near the day and not before `since`, the oldest
    first."""
    plan, part, change = table_of(Plan), table_of(PlanInstalment), table_of(PlanChange)
    case, customer = table_of(CollectionsCase), table_of(Customer)
    moved = (
        change.c.plan_id == part.c.plan_id,
        change.c.n == part.c.n,
        change.c.change == InstalmentChange.MOVED,
    )
    moved_at = sa.select(sa.func.max(change.c.at)).where(*moved).scalar_subquery()
    moves = sa.select(sa.func.count()).where(*moved).scalar_subquery()
    return (
        sa.select(
            plan.c.case_id, part.c.plan_id, part.c.n, part.c.due_on, plan.c.grace_days, plan.c.accepted_on,
            sa.or_(reaches(Channel.SMS), reaches(Channel.EMAIL)).label("by_sms_or_email"), moved_at.label("moved_at"),
            moves.label("moves"),
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
            part.c.due_on <= leaves_on + timedelta(days=max(days.longest_ahead, JOINS_WITHIN)),
            part.c.due_on >= since,
        )
        .order_by(plan.c.case_id, part.c.due_on, part.c.n)
    )  # fmt: skip


def _local(at: datetime | None, portfolio: Portfolio) -> date | None:
    return local_date(at, portfolio.timezone) if at else None


def write_reminders(
    session: Session,
    portfolio: Portfolio,
    due: Sequence[Sequence[DueReminder]],
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> int:
    """Queue, for each case, one message with those of its reminders that are still true, if the gate clears it on one
    channel; returns how many. No agreement has two on one day: while one is on its way, the next waits for the next
    night.
    The customers differ, and are locked until the transaction ends."""
    leaves_on = on + timedelta(days=1)
    case_ids = [theirs[0].case_id for theirs in due]
    cases = load_contact_cases(session, portfolio, case_ids, now=now, as_of=on)
    contact_cases = {each.case.id: each for each in cases}
    facts = read_instalments(session, {each.plan_id for theirs in due for each in theirs}, leaves_on)
    known, busy = _written(session, case_ids), _with_one_on_its_way(session, case_ids, on)
    batch = ContactBatch(session, portfolio, catalog, on, now)
    told: list[tuple[LetterRequest, Channel, list[DueReminder]]] = []
    for theirs in due:
        true = [each for each in theirs if each.step not in known and _holds(facts, each)]
        if not true or true[0].case_id in busy:
            continue
        first, *others = true
        request = _request(contact_cases[first.case_id], first, others, facts, portfolio, catalog, batch)
        cleared = (
            channel for channel in request.channels if isinstance(batch.send(request, channel), Clearance)
        )
        if (channel := next(cleared, None)) is not None:
            told.append((request, channel, others))
    batch.write(session, by=SYSTEM)
    for request, channel, others in told:
        _keep_others(session, request, channel, others, now=now)
    return len(told)


def _keep_others(
    session: Session,
    request: LetterRequest,
    channel: Channel,
    others: Sequence[DueReminder],
    *,
    now: datetime,
) -> None:
    """Put on record that the message names these instalments too: each was reminded of."""
    if not others:
        return
    first = session.get_one(PlannedContact, contact_id(session, request.step, channel))
    session.add_all(
        PlannedContact(
            case_id=each.case_id,
            step=str(each.step.step),
            occurrence=each.step.occurrence,
            plan_id=each.plan_id,
            instalment=each.n,
            channel=channel,
            purpose=request.purpose,
            letter=request.letter,
            decision_id=first.decision_id,
            created_at=now,
        )
        for each in others
    )
    session.flush()


def _holds(facts: InstalmentFacts, due: DueReminder) -> bool:
    """True if nothing was moved, skipped, ended or paid since the night looked."""
    is_live = facts.plans[due.plan_id].status in LIVE
    same_date = due.step.occurrence == facts.occurrence(due.plan_id, due.n)
    return is_live and same_date and _is_unpaid(facts, due)


def _with_one_on_its_way(session: Session, case_ids: Collection[int], on: date) -> set[int]:
    """Cases with a reminder of this night, or with one of an earlier night that has not left yet."""
    message, contact = table_of(OutboxMessage), table_of(PlannedContact)
    query = (
        sa.select(contact.c.case_id)
        .join(message, message.c.contact_id == contact.c.id)
        .where(
            among(session, contact.c.case_id, sorted(case_ids)),
            contact.c.step.in_(REMINDERS),
            sa.or_(
                message.c.status.in_((OutboxStatus.QUEUED, OutboxStatus.CLAIMED, OutboxStatus.SENDING)),
                sa.and_(message.c.business_date == on, message.c.status != OutboxStatus.WITHHELD),
            ),
        )
    )
    return set(session.scalars(query))


def _request(
    contact_case: ContactCase,
    due: DueReminder,
    others: Sequence[DueReminder],
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
    also = [facts.line(each.plan_id, each.n) for each in others]
    figures: dict[str, str | tuple[InstalmentLine, ...]] = {
        "others": tuple(
            InstalmentLine(each.n, reader.day(each.due_on), reader.money(each.short)) for each in also
        ),
        "others_minor": others_text({each.n: each.short for each in also}),
        "when": WHEN[DeskStep(due.step.step)],
        "missing": reader.money(line.short),
        "missing_minor": str(line.short),
        "came": reader.money_if_any(line.paid),
        "due_on": reader.day(line.due_on),
        "grace_until": reader.day(line.grace_until),
        **paying(plan, batch.letterhead.payee, unpaid, reader),
    }
    channels = (Channel.POST,) if due.by_post else (Channel.SMS, Channel.EMAIL)
    return LetterRequest(
        contact_case, LETTER, Purpose.REMINDER, channels, due.step, plan=plan, figures=figures
    )
