"""Record, review, confirm and end a support need, with all that it brings: preferences and holds that the gate obeys,
and numbers and addresses that are taken off every page. Pages, the API and the result of a call use these.

What a need places says nothing of it: a preference and a hold are read by people who may not see the need.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.actions.holds import end_hold, knows_crisis, place_hold
from app.actions.preferences import replace_links
from app.book.customers.models import WithheldPlace
from app.book.customers.withheld import release_places, withhold_place
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.contacts.rules import DeskStep
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import get_hold
from app.casework.questions.service import take_up
from app.casework.recognition.cues import Subject
from app.casework.support_needs.catalog import need_named
from app.casework.support_needs.effects import NoChannel, PlaceHold, QuietTime
from app.casework.support_needs.events import SupportNeedsDisclosed
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.queries import get_need, needs_of
from app.casework.support_needs.rules import Basis, NeedCode, may_see
from app.casework.support_needs.service import NewNeed, close_need, due_reviews, keep_need, start_need
from app.core.actor import SYSTEM, Actor
from app.core.clock import local_date
from app.core.database.bulk import chunked
from app.core.database.engine import table_of
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.text import clean_reason
from app.core.timeline.service import record
from app.core.vocabulary import HoldKind
from app.outreach.gate.events import ARRANGED
from app.outreach.gate.models import ContactPreference
from app.outreach.gate.preferences import end_preference, set_preference
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.strategy.tasks import NewTask, add_task, add_tasks
from app.policy.composition import packs_for
from app.policy.facts import PreferenceKind

MORATORIUM = "moratorium; its end is not known yet"
"""The reason of a hold that the law brings; of another it is `ARRANGED`, which tells no more."""
CONFIRM, REVIEW = "Ask the customer about what another person told us", "Look again at what was agreed"
FORGET_AT_ONCE = 500


def record_need(
    session: Session,
    case: CollectionsCase,
    new: NewNeed,
    letters: LetterCatalog,
    *,
    places: Sequence[str] = (),
    question_id: int | None = None,
    by: Actor,
    now: datetime,
) -> SupportNeed:
    """Put a support need on file and place what it brings. `places`: the keys of the contact points that are withheld
    with it, where the need withholds any. One told by another person gives a task: ask the customer. `question_id`: the
    words in which it was heard, whose question this answers; the need keeps none of them.

    Invalid names the wrong field, Conflict where the customer has this need already. The caller holds the customer's
    lock."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    customer = session.get_one(Customer, case.customer_id)
    today = local_date(now, portfolio.timezone)
    need = need_named(new.code)
    if need.by_law and not knows_crisis(packs_for(portfolio, customer)):
        raise Invalid("No pack of the customer's place knows such a moratorium. Choose another need.", "code")
    if need.withholds and not places:
        raise Invalid("Say which numbers and addresses are withheld.", "places")
    if places and not need.withholds:
        raise Invalid(f"“{need.label}” withholds no number or address. Name none.", "places")
    if question_id is not None:
        take_up(session, case, question_id, Subject.SUPPORT_NEED, by=by, now=now)
    row = start_need(session, case, new, today=today, by=by, now=now)
    for key in dict.fromkeys(places):
        withhold_place(session, customer, key, need_id=id_of(row), case_id=case.id, by=by, now=now)
    if places:
        replace_links(session, customer, by=by, now=now)  # links in earlier messages are in other hands
    _place(session, case, customer, need, id_of(row), letters, today=today, by=by, now=now)
    if new.basis is Basis.UNCONFIRMED:
        add_task(session, case, DeskStep.SUPPORT_NEED, CONFIRM, today + timedelta(days=1), by=by, now=now)
    return row


def _place(
    session: Session, case: CollectionsCase, customer: Customer, need: NeedCode, need_id: int,
    letters: LetterCatalog, *, today: date, by: Actor, now: datetime,
) -> None:  # fmt: skip
    for effect in need.effects:
        match effect:
            case QuietTime(channels, start, end):
                kind = PreferenceKind.TIME
            case NoChannel(channels):
                kind, start, end = PreferenceKind.PLACE, 0, 1440
            case PlaceHold():
                _hold(session, case, effect, need_id, letters, today=today, by=by, now=now)
                continue
            case _:
                continue
        for channel in channels:
            set_preference(
                session, customer, kind, channel=channel, start_minute=start, end_minute=end,
                need_id=need_id, source=ARRANGED, case_id=case.id, by=by, now=now,
            )  # fmt: skip


def _hold(
    session: Session, case: CollectionsCase, effect: PlaceHold, need_id: int, letters: LetterCatalog,
    *, today: date, by: Actor, now: datetime,
) -> None:  # fmt: skip
    """Place the hold, also beside another of its kind: that one may end before the need does."""
    until = today + timedelta(days=effect.days)
    reason = MORATORIUM if effect.kind is HoldKind.BREATHING_SPACE else ARRANGED
    place_hold(
        session, case, effect.kind, reason, until, letters,
        by_person=effect.by_person, need_id=need_id, by=by, now=now,
    )  # fmt: skip


def keep_support_need(
    session: Session,
    case: CollectionsCase,
    need_id: int,
    *,
    basis: Basis | None = None,
    review_on: date | None = None,
    by: Actor,
    role: Role,
    now: datetime,
) -> SupportNeed:
    """Keep a need after a look at it; with `basis`, the customer has been asked. Invalid names the wrong field,
    NotFound where the person may not see it."""
    row = _seen_need(session, case, need_id, role, by)
    today = local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
    keep_need(session, case, row, basis=basis, review_on=review_on, today=today, by=by, now=now)
    return row


def end_need(
    session: Session,
    case: CollectionsCase,
    need_id: int,
    reason: str,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> SupportNeed:
    """End a need and all that it placed, and nothing else. A place that was withheld may be put on file again; none
    comes back by itself. Conflict where it has ended, NotFound where the person may not see it."""
    row = _seen_need(session, case, need_id, role, by)
    close_need(session, case, row, reason, by=by, now=now)
    placed = select(ContactPreference).where(
        ContactPreference.need_id == need_id, col(ContactPreference.ended_at).is_(None)
    )
    for preference in session.scalars(placed).all():
        end_preference(session, preference, case_id=case.id, by=by, now=now)
    holds = select(CaseHold).where(CaseHold.need_id == need_id, col(CaseHold.ended_at).is_(None))
    for hold in session.scalars(holds).all():
        end_hold(session, hold, "what was agreed has ended", by.name, with_need=True, by=by, now=now)
    release_places(session, need_id, by=by, now=now)
    return row


def seen_hold(session: Session, case: CollectionsCase, hold_id: int, role: Role, by: Actor) -> CaseHold:
    """A hold of the case's customer, locked. NotFound where a need placed it that this person may not see: its name
    would tell of the need."""
    hold = get_hold(session, case.customer_id, hold_id, lock=True)
    if hold.need_id is not None:
        need = session.get_one(SupportNeed, hold.need_id)
        if not may_see(role, need.audience, recorded_it=need.by == by):
            raise NotFound(f"This customer has no hold {hold_id}.")
    return hold


def _seen_need(session: Session, case: CollectionsCase, need_id: int, role: Role, by: Actor) -> SupportNeed:
    row = get_need(session, case.customer_id, need_id, lock=True)
    if not may_see(role, row.audience, recorded_it=row.by == by):
        raise NotFound(f"This customer has no support need {need_id}.")
    return row


def disclose_needs(
    session: Session, case: CollectionsCase, reason: str, *, by: Actor, now: datetime
) -> list[SupportNeed]:
    """Show the open needs to somebody who works no case, for a reason that is put on record. Invalid without one."""
    reason = clean_reason(reason)
    shown = [need for need in needs_of(session, case.customer_id) if need.ended_at is None]
    told = SupportNeedsDisclosed(reason, tuple(id_of(need) for need in shown))
    record(session, about_case(case, told), by=by, now=now)
    return shown


def raise_reviews(session: Session, portfolio: Portfolio, on: date, *, now: datetime) -> int:
    """Give the owners of cases a task for each customer with a need to be looked at on the day after `on`; how many.
    The caller holds their locks, or takes them: a need that is reviewed at this moment is due no more."""
    due = {id_of(each.case): each.case for each in due_reviews(session, portfolio, on)}
    tasks = [NewTask(case, REVIEW, on + timedelta(days=1)) for case in due.values()]
    add_tasks(session, DeskStep.SUPPORT_NEED, tasks, by=SYSTEM, now=now)
    return len(tasks)


def forget(session: Session, need_ids: Sequence[int]) -> int:
    """Delete ended needs with the places withheld by them; preferences and holds stay, and say nothing of them."""
    place, need = table_of(WithheldPlace), table_of(SupportNeed)
    for some in chunked(list(need_ids), FORGET_AT_ONCE):
        for table in (table_of(ContactPreference), table_of(CaseHold)):
            session.execute(sa.update(table).where(table.c.need_id.in_(some)).values(need_id=None))
        session.execute(sa.delete(place).where(place.c.need_id.in_(some)))
        session.execute(sa.delete(need).where(need.c.id.in_(some)))
    return len(need_ids)
