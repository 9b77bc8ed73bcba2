"""Event letters: those that an event of a case calls for, once: a plan offered or broken, a hold, a case paid off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.queries import contacts_of
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.holds.models import CaseHold
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import LIVE, PlanKind, PlanStatus
from app.casework.plans.tracking.payments import missed_lines
from app.casework.plans.tracking.references import reference_of
from app.core.actor import Actor
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.vocabulary import HOLD_TRAITS, Channel, Purpose
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.agreements.event_figures import (
    figures_now,
    formatted,
    missed_figures,
    offer_figures,
    why_untrue,
)
from app.outreach.planning.deferred import (
    Figures,
    defer_letter,
    deferred_of,
    deferred_steps,
    figures_of,
    forget_deferred,
    read_deferred,
)
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.models import DeferredLetter
from app.outreach.planning.rows import LetterRequest
from app.outreach.planning.service import request_letters
from app.policy.answers import Answer

WORDED_FROM_PLAN = (
    DeskStep.OFFER, DeskStep.CONFIRMATION, DeskStep.CANCELLED_PLAN, DeskStep.BROKEN_PLAN, DeskStep.MOVED_INSTALMENT,
    DeskStep.SKIPPED_INSTALMENT, DeskStep.FEES_AGAIN,
)  # fmt: skip
"""Steps whose letters quote the plan's payments."""
CONFIRMED_BY: Mapping[PlanKind, str] = {
    PlanKind.PROMISE: "promise_confirmation",
    PlanKind.INSTALMENTS: "plan_confirmation",
    PlanKind.HARDSHIP: "plan_confirmation",
    PlanKind.SETTLEMENT: "settlement_confirmation",
}
MAY_HAVE_LEFT = (OutboxStatus.SENDING, OutboxStatus.SENT, OutboxStatus.DELIVERED, OutboxStatus.UNKNOWN)
"""States of a message that its reader has, or may have: what it says is taken back in writing."""
CLOSING = {CaseOutcome.PAID: "paid_in_full", CaseOutcome.SETTLED: "settlement_completed"}


@dataclass(frozen=True)
class EventLetter:
    """One letter that an event of a case calls for. It is written once."""

    step: CaseStep
    letter: str
    figures: Figures = field(default_factory=dict)
    """Values it adds to those of the letter."""
    plan: Plan | None = None
    channel: Channel | None = None
    """None = e-mail, or post to a customer without an e-mail address."""
    payment_reference: str = ""
    """Of the one instalment that it speaks of."""

    @property
    def case_id(self) -> int:
        return self.step.case_id

    @property
    def channels(self) -> tuple[Channel, ...]:
        """Channels by which it may have been written."""
        return (self.channel,) if self.channel else (Channel.EMAIL, Channel.POST)


def write_event_letters(
    session: Session,
    portfolio: Portfolio,
    letters: Sequence[EventLetter],
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> dict[int, Answer]:
    """Queue each of these letters that the gate clears; answers by case id.

    The letters are of different customers. One that was written before is left out. One that the gate makes wait
    longer than the planning horizon is kept, and written by the night before its wait ends (`write_deferred`).
    """
    forget_deferred(session, deferred_of(session, [(each.step, each.channel) for each in letters]))
    known = contacts_of(session, {each.case_id for each in letters}, {each.step.step for each in letters})
    fresh = [each for each in letters if not any((each.step, channel) in known for channel in each.channels)]
    if not fresh:
        return {}
    opened = load_contact_cases(session, portfolio, [each.case_id for each in fresh], now=now, as_of=on)
    contact_cases = {contact_case.case.id: contact_case for contact_case in opened}
    asked, outgoing = [], []
    for each in fresh:
        contact_case = contact_cases[each.case_id]
        letter = catalog.letters[each.letter]
        if letter.purpose == Purpose.REMINDER and contact_case.to_ask <= 0:
            continue  # nothing is owed that it could ask for
        channel = each.channel or (Channel.EMAIL if contact_case.customer.email else Channel.POST)
        figures = formatted(each.figures, portfolio, letter, contact_case)
        if each.payment_reference:
            figures["payment_reference"] = each.payment_reference
        asked.append(each)
        outgoing.append(
            LetterRequest(
                contact_case, each.letter, Purpose(letter.purpose), (channel,), each.step, each.plan, figures
            )
        )
    answers = request_letters(session, portfolio, outgoing, catalog, on=on, by=by, now=now)
    found = {}
    for each, [answer] in zip(asked, answers, strict=True):
        found[each.case_id] = answer
        defer_letter(
            session, id_of(portfolio), contact_cases[each.case_id].case, answer,
            step=each.step, letter=each.letter, channel=each.channel, figures=each.figures,
        )  # fmt: skip
    return found


def write_deferred(
    session: Session,
    portfolio: Portfolio,
    ids: Sequence[int],
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> None:
    """Write those of these letters that still say something true, of different customers; forget the others."""
    kept = read_deferred(session, ids)
    true = [row for row in kept if _still_true(session, row, on)]
    forget_deferred(session, [id_of(row) for row in kept])
    letters = [
        EventLetter(
            row.case_step,
            row.letter,
            figures_now(session, row.case_step, on, figures_of(row)),
            session.get_one(Plan, row.plan_id) if row.plan_id and row.step in WORDED_FROM_PLAN else None,
            Channel(row.channel) if row.channel else None,
            reference_of(row.plan_id, row.instalment) if row.plan_id and row.instalment is not None else "",
        )
        for row in true
    ]
    write_event_letters(session, portfolio, letters, catalog, on=on, by=by, now=now)


def _still_true(session: Session, row: DeferredLetter, on: date) -> bool:
    """True if the letter still says something that holds for its reader after `on`."""
    case = session.get_one(CollectionsCase, row.case_id)
    if row.step == DeskStep.CLOSED:
        return case.outcome is not None and CLOSING.get(case.outcome) == row.letter
    if row.step == DeskStep.FEES_AGAIN:
        return True
    if case.status is not CaseStatus.OPEN:
        return False
    if row.hold_id is not None:
        hold = session.get_one(CaseHold, row.hold_id)
        return hold.ended_at is None and hold.until > on
    if why_untrue(session, row.case_step, on + timedelta(days=1)):
        return False
    plan = session.get_one(Plan, row.plan_id)
    parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
    if row.step == DeskStep.CANCELLED_PLAN:
        return plan.status is PlanStatus.CANCELLED
    if row.step in (DeskStep.CONFIRMATION, DeskStep.MOVED_INSTALMENT, DeskStep.SKIPPED_INSTALMENT):
        return plan.status in LIVE and parts[-1].due_on > on
    return True


def offer_in_writing(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Answer | None:
    """The plan as offered, to be answered by the offer's last day; a settlement is answered by paying it. None =
    it was written before."""
    letter = "settlement_offer" if plan.kind is PlanKind.SETTLEMENT else "plan_offer"
    step = CaseStep(plan.case_id, DeskStep.OFFER, plan_id=id_of(plan))
    event_letter = EventLetter(step, letter, offer_figures(session, plan, on), plan=plan)
    written = write_event_letters(session, portfolio, [event_letter], catalog, on=on, by=by, now=now)
    return written.get(plan.case_id)


def acknowledge_hold(
    session: Session,
    portfolio: Portfolio,
    hold: CaseHold,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Answer | None:
    """Tell the customer that a dispute or complaint was received, and when they hear of it; None for other holds."""
    letter = HOLD_TRAITS[hold.kind].letter
    if not letter:
        return None
    figures = {"received_on": on, "review_on": hold.until}
    event_letter = EventLetter(CaseStep(hold.case_id, DeskStep.HOLD, hold_id=id_of(hold)), letter, figures)
    written = write_event_letters(session, portfolio, [event_letter], catalog, on=on, by=by, now=now)
    return written.get(hold.case_id)


def letters_of_night(session: Session, portfolio: Portfolio, on: date) -> list[list[EventLetter]]:
    """Letters for plans broken on `on` and for cases paid or settled on that day. Customers differ within each list.
    A night that runs again leaves out those that it made wait before it was cut off."""
    found = [_broken_plans(session, portfolio, on), _paid_off(session, portfolio, on)]
    waiting = deferred_steps(session, (each.step for letters in found for each in letters))
    return [[each for each in letters if each.step not in waiting] for letters in found]


def _broken_plans(session: Session, portfolio: Portfolio, on: date) -> list[EventLetter]:
    plan, case = table_of(Plan), table_of(CollectionsCase)
    query = (
        sa.select(plan.c.id)
        .join(case, sa.and_(case.c.id == plan.c.case_id, case.c.status == CaseStatus.OPEN))
        .where(
            plan.c.portfolio_id == portfolio.id, plan.c.status == PlanStatus.BROKEN, plan.c.ended_on == on,
            case.c.past_due_minor > 0,
        )
        .order_by(plan.c.id)
    )  # fmt: skip
    ids = list(session.scalars(query))
    plans = session.scalars(select(Plan).where(col(Plan.id).in_(ids)).order_by(col(Plan.id))).all()
    missed = missed_lines(session, plans, on)
    return [
        EventLetter(
            CaseStep(broken.case_id, DeskStep.BROKEN_PLAN, plan_id=id_of(broken)),
            "plan_broken",
            missed_figures(missed[id_of(broken)]),
            broken,
        )
        for broken in plans
        if id_of(broken) in missed
    ]


def _paid_off(session: Session, portfolio: Portfolio, on: date) -> list[EventLetter]:
    case = table_of(CollectionsCase)
    query = (
        sa.select(case.c.id, case.c.outcome, case.c.occurrence)
        .where(
            case.c.portfolio_id == portfolio.id, case.c.status == CaseStatus.CLOSED, case.c.closed_on == on,
            case.c.outcome.in_(list(CLOSING)),
        )
        .order_by(case.c.id)
    )  # fmt: skip
    # A case that was opened again may have to be told a second time that it closed.
    return [
        EventLetter(CaseStep(row.id, DeskStep.CLOSED, row.occurrence), CLOSING[row.outcome])
        for row in session.execute(query)
    ]


def confirm_plan(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    catalog: LetterCatalog,
    *,
    channels: Sequence[Channel] = (),
    on: date,
    by: Actor,
    now: datetime,
) -> dict[Channel, Answer]:
    """Queue the written confirmation of an accepted promise or plan, on each channel the gate clears; its answers.
    `channels`: () = `writing_channels`."""
    channels = channels or writing_channels(session, plan)
    [contact_case] = load_contact_cases(session, portfolio, [plan.case_id], now=now, as_of=on)
    letter = CONFIRMED_BY[plan.kind]
    step = CaseStep(plan.case_id, DeskStep.CONFIRMATION, plan_id=plan.id)
    confirmation = LetterRequest(contact_case, letter, Purpose.CONFIRMATION, channels, step, plan=plan)
    [answers] = request_letters(session, portfolio, [confirmation], catalog, on=on, by=by, now=now)
    for channel, answer in zip(channels, answers, strict=True):
        defer_letter(
            session,
            id_of(portfolio),
            contact_case.case,
            answer,
            step=step,
            letter=letter,
            channel=channel,
            figures={},
        )
    return dict(zip(channels, answers, strict=True))


def writing_channels(session: Session, plan: Plan) -> tuple[Channel, ...]:
    """Channels on which an agreement and its changes are confirmed: SMS and e-mail; post to a customer with neither."""
    customer = session.get_one(Customer, plan.customer_id)
    return (Channel.SMS, Channel.EMAIL) if customer.mobile or customer.email else (Channel.POST,)


def left_in_writing(session: Session, plan: Plan, step: DeskStep) -> list[Channel]:
    """Channels by which the plan's letter of this step left, or may have left."""
    message, contact = table_of(OutboxMessage), table_of(PlannedContact)
    query = sa.select(contact.c.channel).join(message, message.c.contact_id == contact.c.id)
    left = query.where(
        contact.c.plan_id == plan.id, contact.c.step == step, message.c.status.in_(MAY_HAVE_LEFT)
    )
    session.flush()
    return [Channel(channel) for channel in session.scalars(left.order_by(contact.c.channel))]


def take_back_confirmation(
    session: Session,
    portfolio: Portfolio,
    plan: Plan,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> dict[Channel, Answer]:
    """Tell the customer that a cancelled agreement is no longer in force, on each channel by which its confirmation
    left or may have left. One that is queued or claimed needs no letter: the recheck before sending withholds it."""
    step = CaseStep(plan.case_id, DeskStep.CANCELLED_PLAN, plan_id=plan.id)
    answers = {}
    for channel in left_in_writing(session, plan, DeskStep.CONFIRMATION):
        letter = EventLetter(step, "plan_cancelled", plan=plan, channel=channel)
        written = write_event_letters(session, portfolio, [letter], catalog, on=on, by=by, now=now)
        if plan.case_id in written:
            answers[channel] = written[plan.case_id]
    return answers
