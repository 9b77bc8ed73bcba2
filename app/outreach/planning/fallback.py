"""Fallback: the step of a message that cannot arrive goes on by the next channel that the strategy names; a letter that
its reader is to have in writing goes by post, and one to an adviser by the other channel. A message that was withheld
because its reader had moved, a notice because of a hold, or the letter of an agreement because what it tells has
changed, is written again; so is a notice that states another amount than is past due. One that is owed by a day is left
to the night, which writes it for as long as it is owed."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.rules import CaseStatus
from app.casework.contacts.queries import steps_of
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.plans.models import Plan
from app.casework.plans.queries import live_plan
from app.casework.plans.rules import PlanStatus
from app.core.actor import SYSTEM
from app.core.clock import Clock, local_date
from app.core.database.engine import reading, retrying, table_of, transaction
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import ContactCase, load_contact_cases
from app.outreach.outbox.claims import Claim, locked_rows
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import (
    ANSWERS,
    MOVED,
    REFUSED_AT_DELIVERY,
    RESTATED,
    TO_ADVISERS,
    TOO_OLD,
    WRITTEN_AGAIN,
    WRITTEN_AS_OF_NOW,
    OutboxStatus,
)
from app.outreach.planning.agreements.event_figures import NO_OFFER, formatted, why_untrue
from app.outreach.planning.complaints.figures import figures_of_step
from app.outreach.planning.complaints.lost import tell_of_lost_letter
from app.outreach.planning.event_letters import still_true
from app.outreach.planning.in_writing.again import figures_again
from app.outreach.planning.in_writing.rules import (
    IN_WRITING,
    LETTERS,
    OF_COMPLAINTS,
    OUTLIVES_CASE,
    tells_all,
)
from app.outreach.planning.in_writing.told import ON_ITS_WAY, is_on_its_way, messages_of
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.on_demand import HELP_LETTER
from app.outreach.planning.representatives.again import write_again
from app.outreach.planning.rows import LetterRequest, ReplacedMessage
from app.outreach.planning.service import report_unsent, request_letters
from app.outreach.strategy.facts import gather_case_facts
from app.outreach.strategy.ladders import ChosenLadder, load_ladders
from app.outreach.strategy.rules import Step
from app.policy.answers import Clearance, WaitUntil

AT_ONCE = 200
GIVE_UP_AFTER = timedelta(days=3)
"""A step whose other channel would be open only later than that is left to the next step."""
OWED_FOR = timedelta(days=366)
"""Time for which a notice that was withheld, or what is to be had in writing, is asked for again."""
ASK_AGAIN_AFTER = timedelta(days=1)


def fall_back_due(engine: Engine, catalog: LetterCatalog, *, clock: Clock) -> int:
    """Queue messages in place of those that cannot arrive; returns how many. Safe to run in many processes, because a
    contact is unique."""
    message = table_of(OutboxMessage)
    due = (
        sa.select(message.c.id, message.c.customer_id)
        .where(message.c.fallback_at <= clock.now())
        .order_by(message.c.fallback_at)
        .limit(AT_ONCE)
    )
    with reading(engine) as session:
        found = [Claim(*row) for row in session.execute(due)]
    queued = 0
    for claimed in found:

        def work(one: Claim = claimed) -> bool:
            with transaction(engine) as session:
                [row] = locked_rows(session, [one])
                if row.fallback_at is None:
                    return False
                return fall_back(session, row, catalog, now=clock.now())

        queued += retrying(work)
    return queued


def fall_back(session: Session, row: OutboxMessage, catalog: LetterCatalog, *, now: datetime) -> bool:
    """Ask the gate about the channels by which the message may go instead, one after the other, and queue the first
    that it clears; every answer is on record. True if one was queued."""
    row.fallback_at = None
    portfolio = session.get_one(Portfolio, row.portfolio_id)
    on = local_date(now, portfolio.timezone)
    if row.destination in TO_ADVISERS.values():
        return write_again(session, portfolio, row, catalog, on=on, by=SYSTEM, now=now)
    [contact_case] = load_contact_cases(session, portfolio, [row.case_id], now=now, as_of=on)
    of = steps_of(session, [row.contact])[row.contact]
    if row.letter in IN_WRITING.get(of.step, ()):
        return _write_again(session, portfolio, contact_case, row, of, catalog, on=on, now=now)
    if contact_case.case.status is not CaseStatus.OPEN:
        return False
    known = messages_of(session, of)
    if any(status in ON_ITS_WAY for _, status in known) and not _is_owed(row):
        return False
    step, chosen = _step_of(session, portfolio, contact_case, of, now)
    if of.step == DeskStep.DUTY and row.status is OutboxStatus.WITHHELD:
        return False
    by_hand = of.step == DeskStep.MANUAL and row.error == RESTATED
    if step is None and not by_hand:
        _leave_to_a_person(session, portfolio, contact_case, row, of, catalog, on=on, now=now)
        return False
    if contact_case.to_ask <= 0 or (live_plan(session, row.case_id) is not None and not _is_owed(row)):
        return False
    held_back = _is_owed(row) and bool(contact_case.facts.holds)
    if held_back and row.error != MOVED:
        return _wait(row, now + ASK_AGAIN_AFTER)  # a letter that a hold keeps back is due when it ends
    about = {"strategy": chosen.ref, "instead_of": id_of(row)}
    tried = {channel for channel, _ in known}
    own = (Channel(row.destination.value),) if row.status is OutboxStatus.WITHHELD else ()
    for channel in (*own, *(each for each in (step.otherwise if step else ()) if each not in tried)):
        # As the message that did not arrive: a first letter does not become one that says that we wrote before.
        other = LetterRequest(
            contact_case, row.letter, row.purpose, (channel,), of, about=about,
            instead_of=ReplacedMessage(id_of(row), row.contact) if channel in tried else None,
        )  # fmt: skip
        [[answer]] = request_letters(session, portfolio, [other], catalog, on=on, by=SYSTEM, now=now)
        if isinstance(answer, Clearance):
            return True
        if isinstance(answer, WaitUntil):
            return _wait(row, answer.at)
    if held_back:
        row.error = f"{row.error}; a hold keeps back what takes its place"
        return _wait(row, now + ASK_AGAIN_AFTER)
    return False


def _write_again(
    session: Session,
    portfolio: Portfolio,
    contact_case: ContactCase,
    row: OutboxMessage,
    of: CaseStep,
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> bool:
    """Write again what its reader is to have in writing: by the same channel, to the address or with the figures of
    now, where these have changed; otherwise by post. True if it was queued. A person has the task where nothing may go,
    or an offer would be false."""
    if of.step not in OUTLIVES_CASE and contact_case.case.status is not CaseStatus.OPEN:
        return False
    if row.error in WRITTEN_AS_OF_NOW:
        row.error = why_untrue(session, of, on) or row.error
        if row.error not in WRITTEN_AS_OF_NOW:
            if session.get_one(Plan, of.plan_id).status is PlanStatus.OFFERED and row.error != NO_OFFER:
                _leave_to_a_person(session, portfolio, contact_case, row, of, catalog, on=on, now=now)
            return False
    elif not still_true(session, of, row.letter, on):
        return False
    plan = session.get_one(Plan, of.plan_id) if of.plan_id else None
    enough = tells_all(of.step, plan.kind if plan else None)
    now_so = (
        figures_of_step(session, of, catalog.letters[row.letter], portfolio, contact_case.customer)
        if of.step in OF_COMPLAINTS
        else figures_again(session, of, portfolio, on)
    )
    figures = formatted(now_so, portfolio, catalog.letters[row.letter], contact_case, step=of, plan=plan)
    own = Channel(row.destination.value)
    again = (own,) if row.error in WRITTEN_AGAIN or _waited_once(session, row) else ()
    for channel in (*again, *((Channel.POST,) if own is not Channel.POST else ())):
        is_again = channel in again
        if not is_again and is_on_its_way(session, of, enough):
            return False
        other = LetterRequest(
            contact_case, row.letter, row.purpose, (channel,), of, plan=plan,
            figures=figures, about={"instead_of": id_of(row)},
            instead_of=ReplacedMessage(id_of(row), row.contact) if is_again else None,
        )  # fmt: skip
        [[answer]] = request_letters(session, portfolio, [other], catalog, on=on, by=SYSTEM, now=now)
        if isinstance(answer, Clearance):
            return True
        if isinstance(answer, WaitUntil):
            return _wait(row, answer.at)
    _leave_to_a_person(session, portfolio, contact_case, row, of, catalog, on=on, now=now)
    return False


def _waited_once(session: Session, row: OutboxMessage) -> bool:
    """True for a message that waited too long, unless that it replaces did so too: its channel stands still, and other
    channels or a person are better than a third one."""
    before = session.get(OutboxMessage, row.instead_of_id) if row.instead_of_id else None
    return row.error.startswith(TOO_OLD) and not (before and before.error.startswith(TOO_OLD))


def _is_owed(row: OutboxMessage) -> bool:
    """True for a notice that did not leave: the law asks for it, even if something else was written or agreed."""
    return row.purpose is Purpose.NOTICE and row.status is OutboxStatus.WITHHELD


def _wait(row: OutboxMessage, until: datetime) -> bool:
    """Ask again at that time, unless the next step comes before."""
    patience = OWED_FOR if _is_owed(row) or row.letter in LETTERS else GIVE_UP_AFTER
    if until < (row.finished_at or until) + patience:
        row.fallback_at = until
    return False


def _leave_to_a_person(
    session: Session,
    portfolio: Portfolio,
    contact_case: ContactCase,
    row: OutboxMessage,
    step: CaseStep,
    catalog: LetterCatalog,
    *,
    on: date,
    now: datetime,
) -> None:
    """Give a person the task to write the message again. What asks for money and was stopped by the gate is not made up
    for. A letter of a complaint is its owner's, who sends it again."""
    if tell_of_lost_letter(session, step, row.letter, row.error or row.status.value, on=on, now=now):
        return
    if row.letter in LETTERS:
        is_lost = row.purpose is not Purpose.REMINDER or not row.error.startswith(REFUSED_AT_DELIVERY)
    else:
        is_answer = row.letter in (*ANSWERS, HELP_LETTER)  # to a message from the address they had
        is_lost = row.status is OutboxStatus.WITHHELD and not is_answer
    if is_lost and row.letter in catalog.letters:
        why = f"{row.error.rstrip('.')}. Write it again, if it still has to be said."
        report_unsent(session, portfolio, contact_case, row, step, why, catalog, on=on, now=now)


def _step_of(
    session: Session, portfolio: Portfolio, contact_case: ContactCase, of: CaseStep, now: datetime
) -> tuple[Step | None, ChosenLadder]:
    """The step on the customer's ladder of today; None = it is not there any more."""
    live = load_ladders(session, portfolio)
    today = local_date(now, portfolio.timezone)
    facts = gather_case_facts(session, portfolio, live, [of.case_id], on=today)
    chosen = live.of(contact_case.case.customer_id, facts[of.case_id])
    return next((step for step in chosen.ladder.steps if step.id == of.step), None), chosen
