"""Event letters: those that an event of a case calls for, once: a plan offered or broken, a hold, a case paid off."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.contacts.queries import contacts_of
from app.casework.contacts.rules import OF_DISPUTES, CaseStep, DeskStep
from app.casework.holds.models import CaseHold
from app.casework.plans.models import Plan
from app.casework.plans.queries import instalments_of
from app.casework.plans.restoration.queries import times_restored
from app.casework.plans.rules import LIVE, PlanKind, PlanStatus
from app.casework.plans.tracking.payments import missed_lines
from app.core.actor import Actor
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.vocabulary import HOLD_TRAITS, Channel, Purpose
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.planning.agreements.ends import untold_ends
from app.outreach.planning.agreements.event_figures import (
    figures_now,
    formatted,
    missed_figures,
    why_untrue,
)
from app.outreach.planning.agreements.truth import why_false
from app.outreach.planning.complaints.figures import why_complaint_false
from app.outreach.planning.complaints.lost import tell_of_lost_letter, why_refused
from app.outreach.planning.deferred import (
    Figures,
    defer_letter,
    deferred_of,
    deferred_steps,
    figures_of,
    forget_deferred,
    read_deferred,
)
from app.outreach.planning.disputes_told.figures import why_not_of_dispute
from app.outreach.planning.in_writing.holds import hold_figures
from app.outreach.planning.in_writing.rules import (
    IN_FULL,
    OF_COMPLAINTS,
    OUTLIVES_CASE,
    has_no_words,
    is_told,
    tells_all,
)
from app.outreach.planning.in_writing.told import is_on_its_way
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.rows import LetterRequest
from app.outreach.planning.service import request_letters
from app.policy.answers import Answer

WORDED_FROM_PLAN = (
    DeskStep.OFFER, DeskStep.CONFIRMATION, DeskStep.CANCELLED_PLAN, DeskStep.BROKEN_PLAN, DeskStep.MOVED_INSTALMENT,
    DeskStep.SKIPPED_INSTALMENT, DeskStep.FEES_AGAIN, DeskStep.RESTORED_PLAN, DeskStep.OVER_PLAN, DeskStep.CLOSED,
    DeskStep.RESUMED_PLAN,
)  # fmt: skip
"""Steps whose letters quote the plan's payments."""
CLOSING = {CaseOutcome.PAID: "paid_in_full", CaseOutcome.SETTLED: "settlement_completed"}


@dataclass(frozen=True)
class EventLetter:
    """One letter that an event of a case calls for. It is written once."""

    step: CaseStep
    letter: str
    figures: Figures = field(default_factory=dict)
    """Values it adds to those of the letter."""
    plan: Plan | None = None
    channels: tuple[Channel, ...] = (Channel.EMAIL,)
    """Channels that are asked one beside the other. Where none of them tells the customer all of it, post is asked."""

    @property
    def case_id(self) -> int:
        return self.step.case_id

    @property
    def enough(self) -> tuple[Channel, ...]:
        """The channels of which one tells all of it."""
        return tells_all(self.step.step, self.plan.kind if self.plan else None)

    @property
    def kept_as(self) -> set[Channel | None]:
        """The names under which it is kept while it waits."""
        return {self.kept_by(channel) for channel in self.channels}

    def kept_by(self, channel: Channel) -> Channel | None:
        """The channel by which it is asked for again after its wait; None = e-mail or post, whichever is permitted by
        then."""
        return channel if channel is Channel.SMS or self.channels == (Channel.POST,) else None


def write_event_letters(
    session: Session,
    portfolio: Portfolio,
    letters: Sequence[EventLetter],
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> dict[int, dict[Channel, Answer]]:
    """Queue each of these letters that the gate clears; its answers by case id and channel.

    The letters are of different customers. One that was written before is left out. One that the gate makes wait
    longer than the planning horizon is kept, and written by the night before its wait ends (`write_deferred`).
    """
    forget_deferred(
        session, deferred_of(session, [(each.step, name) for each in letters for name in each.kept_as])
    )
    known = contacts_of(session, {each.case_id for each in letters}, {each.step.step for each in letters})
    fresh = {each.case_id: (each, channels) for each in letters if (channels := _unwritten(each, known))}
    if not fresh:
        return {}
    asked: list[_Asked] = []
    for contact_case in load_contact_cases(session, portfolio, list(fresh), now=now, as_of=on):
        each, channels = fresh[contact_case.case.id]
        letter = catalog.letters[each.letter]
        if letter.purpose == Purpose.REMINDER and contact_case.to_ask <= 0:
            continue  # nothing is owed that it could ask for
        if channels == (Channel.EMAIL,) and not contact_case.customer.email:
            channels = (Channel.POST,)
        figures = formatted(each.figures, portfolio, letter, contact_case, step=each.step, plan=each.plan)
        purpose = Purpose(letter.purpose)
        request = LetterRequest(contact_case, each.letter, purpose, channels, each.step, each.plan, figures)
        asked.append(_Asked(each, request))
    ask = partial(_ask, session, portfolio, catalog=catalog, on=on, by=by, now=now)
    ask(asked)
    ask([each.by_post() for each in asked if _needs_post(session, each)])
    return {each.letter.case_id: each.answers for each in asked}


@dataclass(slots=True)
class _Asked:
    """A letter that the gate was asked about, and its answers."""

    letter: EventLetter
    request: LetterRequest
    answers: dict[Channel, Answer] = field(default_factory=dict)

    def by_post(self) -> _Asked:
        """The same by post, whose answer joins the others."""
        return _Asked(self.letter, replace(self.request, channels=(Channel.POST,)), self.answers)


def _unwritten(letter: EventLetter, known: Collection[tuple[CaseStep, Channel]]) -> tuple[Channel, ...]:
    """The channels by which it was not written before. E-mail and post tell the same: one of the two is used, unless
    post is asked for because an e-mail could not arrive."""

    def is_known(channel: Channel) -> bool:
        one_of = IN_FULL if channel is Channel.EMAIL else (channel,)
        return any((step, each) in known for step in _names_of(letter.step) for each in one_of)

    return tuple(channel for channel in letter.channels if not is_known(channel))


def _names_of(step: CaseStep) -> tuple[CaseStep, ...]:
    """The step, and as it is on record where the agreement of the end of a case was not kept yet."""
    return (step, step._replace(plan_id=None)) if step.step == DeskStep.CLOSED and step.plan_id else (step,)


def _ask(
    session: Session,
    portfolio: Portfolio,
    asked: Sequence[_Asked],
    *,
    catalog: LetterCatalog,
    on: date,
    by: Actor,
    now: datetime,
) -> None:
    """Ask the gate, queue what it clears, keep what it makes wait."""
    requests = [each.request for each in asked]
    answers = request_letters(session, portfolio, requests, catalog, on=on, by=by, now=now) if asked else []
    for each, theirs in zip(asked, answers, strict=True):
        letter = each.letter
        for channel, answer in zip(each.request.channels, theirs, strict=True):
            each.answers[channel] = answer
            defer_letter(
                session, id_of(portfolio), each.request.contact_case.case, answer,
                step=letter.step, letter=letter.letter, channel=letter.kept_by(channel), figures=letter.figures,
            )  # fmt: skip


def _needs_post(session: Session, asked: _Asked) -> bool:
    """True if nothing that tells the customer all of it leaves or waits, and post was not asked."""
    answers, letter = asked.answers, asked.letter
    if Channel.POST in answers or is_told(answers, letter.enough):
        return False
    if any(has_no_words(answers[channel]) for channel in IN_FULL if channel in answers):
        return False  # by post it would have none either
    return not is_on_its_way(session, letter.step, letter.enough)


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
    true = [row for row in kept if still_true(session, row.case_step, row.letter, on)]
    forget_deferred(session, [id_of(row) for row in kept])
    letters = [
        EventLetter(
            row.case_step,
            row.letter,
            figures_now(session, row.case_step, on, figures_of(row)),
            session.get_one(Plan, row.plan_id) if row.plan_id and row.step in WORDED_FROM_PLAN else None,
            (Channel(row.channel),) if row.channel else (Channel.EMAIL,),
        )
        for row in true
    ]
    answers = write_event_letters(session, portfolio, letters, catalog, on=on, by=by, now=now)
    for letter in letters:
        if (theirs := answers.get(letter.case_id)) and not is_told(theirs, letter.enough):
            why = why_refused(theirs)
            tell_of_lost_letter(session, letter.step, letter.letter, why, on=on + timedelta(days=1), now=now)


def still_true(session: Session, step: CaseStep, letter: str, on: date) -> bool:
    """True if a letter of this step still says something that holds for its reader after `on`."""
    case = session.get_one(CollectionsCase, step.case_id)
    if step.step == DeskStep.CLOSED:
        is_closed_so = CLOSING.get(case.outcome or CaseOutcome.CURED) == letter
        return not why_false(session, step, on) and (is_closed_so or step.plan_id is not None)
    if step.step in OF_COMPLAINTS:
        return not why_complaint_false(session, step)
    if step.step in OF_DISPUTES:
        return not why_not_of_dispute(session, step)
    if step.step in OUTLIVES_CASE:
        return not why_false(session, step, on)
    if case.status is not CaseStatus.OPEN:
        return False
    if step.hold_id is not None:
        hold = session.get_one(CaseHold, step.hold_id)
        if step.step == DeskStep.HARDSHIP and not hold.by_person:
            return False  # the request was decided meanwhile
        return hold.ended_at is None and (hold.by_person or hold.until > on)
    if why_untrue(session, step, on + timedelta(days=1)):
        return False
    plan = session.get_one(Plan, step.plan_id)
    parts = instalments_of(session, [id_of(plan)])[id_of(plan)]
    if step.step == DeskStep.CANCELLED_PLAN:
        return plan.status is PlanStatus.CANCELLED and not why_false(session, step, on)
    if step.step in (DeskStep.CONFIRMATION, DeskStep.MOVED_INSTALMENT, DeskStep.SKIPPED_INSTALMENT):
        return plan.status in LIVE and parts[-1].due_on > on
    return True


def acknowledge_hold(
    session: Session,
    portfolio: Portfolio,
    hold: CaseHold,
    catalog: LetterCatalog,
    *,
    on: date,
    by: Actor,
    now: datetime,
) -> Mapping[Channel, Answer]:
    """Tell the customer that a dispute or complaint was received, and when they hear of it. Returns the gate's answers;
    none for other holds."""
    letter = HOLD_TRAITS[hold.kind].letter
    if not letter:
        return {}
    figures = hold_figures(session, portfolio, hold)
    event_letter = EventLetter(CaseStep(hold.case_id, DeskStep.HOLD, hold_id=id_of(hold)), letter, figures)
    written = write_event_letters(session, portfolio, [event_letter], catalog, on=on, by=by, now=now)
    return written.get(hold.case_id, {})


def letters_of_night(session: Session, portfolio: Portfolio, on: date) -> list[list[EventLetter]]:
    """Letters for plans broken on `on` and for cases paid or settled on that day. Customers differ within each list.
    A night that runs again leaves out those that it made wait before it was cut off."""
    found = [_broken_plans(session, portfolio, on), _paid_off(session, portfolio, on)]
    waiting = deferred_steps(
        session, (name for some in found for each in some for name in _names_of(each.step))
    )
    return [[each for each in some if waiting.isdisjoint(_names_of(each.step))] for some in found]


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
    plans = session.scalars(select(Plan).where(among(session, plan.c.id, ids)).order_by(col(Plan.id))).all()
    missed, before = missed_lines(session, plans, on), times_restored(session, ids)
    steps = {
        id_of(each): CaseStep(
            each.case_id, DeskStep.BROKEN_PLAN, 1 + before.get(id_of(each), 0), plan_id=id_of(each)
        )
        for each in plans
        if id_of(each) in missed
    }
    over = known_steps(session, [step._replace(step=DeskStep.OVER_PLAN) for step in steps.values()])
    told = {step.plan_id for step in over}
    return [
        EventLetter(steps[plan_id], "plan_broken", missed_figures(missed[plan_id]), broken)
        for broken in plans
        if (plan_id := id_of(broken)) in steps and plan_id not in told
    ]


def closing_says_it(case: CollectionsCase, plan: Plan) -> bool:
    """True if the case closed with a letter that nothing more is owed, when the agreement ended or later."""
    is_closed = case.status is CaseStatus.CLOSED and case.outcome in CLOSING
    return is_closed and case.closed_on is not None and case.closed_on >= (plan.ended_on or case.closed_on)


def in_rounds(session: Session, letters: Iterable[EventLetter]) -> list[list[EventLetter]]:
    """Letters about agreements in lists within which customers differ, without those that wait already."""
    rounds: list[dict[int, EventLetter]] = []
    for letter in letters:
        assert letter.plan is not None
        customer_id = letter.plan.customer_id
        free = next((each for each in rounds if customer_id not in each), None)
        if free is None:
            rounds.append(free := {})
        free[customer_id] = letter
    waiting = deferred_steps(session, [each.step for some in rounds for each in some.values()])
    return [[each for each in some.values() if each.step not in waiting] for some in rounds]


def known_steps(session: Session, steps: Sequence[CaseStep]) -> set[CaseStep]:
    """Those of these steps whose letter was written, or waits to be."""
    if not steps:
        return set()  # a database reads all contacts to find those of no case
    contacts = contacts_of(session, {each.case_id for each in steps}, {each.step for each in steps})
    return ({step for step, _ in contacts} & set(steps)) | deferred_steps(session, steps)


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
    closed = session.execute(query).all()
    settled = _settlements(session, [row.id for row in closed if row.outcome == CaseOutcome.SETTLED])
    earlier = {plan.id for plan in settled.values() if plan.ended_on != on}
    told = earlier - {plan.id for plan in untold_ends(session, portfolio, on)} if earlier else set()
    letters = []
    for row in closed:
        plan = settled.get(row.id)
        if plan is not None and plan.id in told:
            continue  # it was complete before the case closed, and had its letter then (`over_letters`)
        # A case that was opened again may have to be told a second time that it closed.
        step = CaseStep(row.id, DeskStep.CLOSED, row.occurrence, plan_id=id_of(plan) if plan else None)
        letters.append(EventLetter(step, CLOSING[row.outcome], plan=plan))
    return letters


def _settlements(session: Session, case_ids: Collection[int]) -> dict[int, Plan]:
    """By case, the settlement that was kept last. Left out: a case in which a person settled accounts, after it or
    without any."""
    settled_later = sa.exists().where(
        col(Account.customer_id) == Plan.customer_id,
        col(Account.portfolio_id) == Plan.portfolio_id,
        col(Account.status) == AccountStatus.SETTLED,
        col(Account.ended_on) > col(Plan.ended_on),
    )
    query = select(Plan).where(
        ~settled_later,
        among(session, table_of(Plan).c.case_id, case_ids),
        Plan.kind == PlanKind.SETTLEMENT,
        Plan.status == PlanStatus.KEPT,
    )
    return {plan.case_id: plan for plan in session.scalars(query.order_by(col(Plan.ended_on), col(Plan.id)))}
