"""The next attempt of a call that reached no person: n of m, in another part of the day, when the gate clears it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from app.actions.results.report import CallEffects
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged, unanswered_of
from app.casework.cases.models import CallTask, CollectionsCase
from app.casework.cases.service import finish_calls, set_callback
from app.casework.contacts.rules import DeskStep
from app.casework.plans.queries import owed_on_late_accounts, plans_of
from app.casework.plans.rules import PlanStatus
from app.casework.results.effects import Retry
from app.casework.results.rules import ResultCode
from app.casework.results.slots import slot_of, stretches
from app.core.actor import Actor
from app.core.clock import local_date, local_instant
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.timeline.service import customer_stream
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.facts import address_of, gather_facts
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import add_task
from app.policy.answers import Clearance
from app.policy.composition import packs_for
from app.policy.facts import Contact
from app.policy.review import review_within

LOOK_AHEAD = timedelta(days=7)
LOOK_BACK = timedelta(days=30)
MISSED_FOR = timedelta(days=7)
"""Time for which a broken promise is work of the desk."""
MISSED = "Call again about the missed promise"


def try_again(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    customer: Customer,
    code: ResultCode,
    effects: CallEffects,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Keep the task of an unanswered call, and a callback that was due, for the next attempt. After the last one they
    are done, and the strategy goes on."""
    retry = code.effect(Retry)
    assert retry is not None
    waiting = select(CallTask).where(CallTask.case_id == case.id, col(CallTask.done_at).is_(None))
    tasks = session.scalars(waiting).all()
    is_due = case.callback_at is not None and case.callback_at <= now
    if not tasks and not is_due:
        _keep_missed_promise(session, portfolio, case, retry, effects, by=by, now=now)
        return
    since = min([now - LOOK_BACK if is_due else now, *(task.created_at for task in tasks)])
    before = unanswered(session, case, since)
    effects.attempt, effects.attempts = max(1, len(before)), retry.attempts
    if effects.attempt >= retry.attempts:
        finish_calls(session, case, code.code, now=now)
        return
    effects.task_kept = True
    session.flush()
    effects.retry_at = _next_time(session, portfolio, customer, retry, before, now)
    if effects.retry_at is None:
        return
    zone = customer.timezone or portfolio.timezone
    for task in tasks:
        task.not_before = effects.retry_at
        task.due_on = local_date(effects.retry_at, zone)
    if is_due:
        tried = f"{code.label}, attempt {effects.attempt} of {effects.attempts}"
        set_callback(session, case, effects.retry_at, reason=tried, by=by, now=now)


def _keep_missed_promise(
    session: Session, portfolio: Portfolio, case: CollectionsCase, retry: Retry, effects: CallEffects,
    *, by: Actor, now: datetime,
) -> None:  # fmt: skip
    """A promise that was broken leaves the worklist with the first call. A call that reached nobody leaves a task, so
    that the customer is still asked about it."""
    plan = next(iter(plans_of(session, [id_of(case)])), None)
    today = local_date(now, portfolio.timezone)
    if plan is None or plan.status is not PlanStatus.BROKEN or plan.ended_on is None:
        return
    if plan.ended_on < today - MISSED_FOR or owed_on_late_accounts(session, case, today) <= 0:
        return
    since = local_instant(plan.ended_on, 0, 0, portfolio.timezone)
    waits = select(StrategyTask.id).where(
        StrategyTask.case_id == case.id, StrategyTask.text == MISSED, col(StrategyTask.done_at).is_(None)
    )
    effects.attempt, effects.attempts = max(1, len(unanswered(session, case, since))), retry.attempts
    effects.task_kept = effects.attempt < retry.attempts
    if not effects.task_kept or session.scalar(waits) is not None:
        return
    add_task(session, case, DeskStep.CALL_RESULT, MISSED, today + timedelta(days=1), by=by, now=now)
    effects.tasks.append(MISSED)


def unanswered(session: Session, case: CollectionsCase, since: datetime) -> Sequence[datetime]:
    """Times of the calls we made since then and since the last conversation, newest first."""
    query = (
        select(Event.data, Event.at)
        .where(
            Event.stream == customer_stream(case.customer_id),
            Event.kind == CallLogged.KIND,
            col(Event.at) >= since,
        )
        .order_by(col(Event.seq).desc())
        .limit(50)
    )
    return unanswered_of((text, at) for text, at in session.execute(query))


def _next_time(
    session: Session,
    portfolio: Portfolio,
    customer: Customer,
    retry: Retry,
    before: Sequence[datetime],
    now: datetime,
) -> datetime | None:
    """The first moment of a week at which the gate clears a call, in a part of the day not tried yet if there is one;
    None = there is none."""
    pack = packs_for(portfolio, customer)
    facts = gather_facts(session, [customer], pack, now=now)[id_of(customer)]
    contact = Contact(Channel.CALL, Purpose.REMINDER, address_of(customer, Channel.CALL))
    zone = customer.timezone or portfolio.timezone
    earliest, latest = now + timedelta(minutes=retry.after_minutes), now + LOOK_AHEAD
    tried = {slot_of(at, zone) for at in (now, *before)} if retry.other_slot else set()
    for start, end in [*stretches(earliest, latest, zone, tried), (earliest, latest)]:
        answer = review_within(contact, facts, pack, start, end)
        if isinstance(answer, Clearance) and answer.not_before < end:
            return answer.not_before
    return None
