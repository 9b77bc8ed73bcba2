"""Every reason for which an open case stands in the worklist, as one statement from the small side of each relation.

Tasks, promises, replies and holds are few beside cases, so each reason begins at its own table and looks its case up.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlmodel import Session

from app.casework.cases.events import CallLogged
from app.casework.cases.listing import Condition, PortfolioToday, in_any
from app.casework.cases.models import CallTask, CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.correspondence.queries import waiting_matches
from app.casework.holds.models import CaseHold, no_date_ends
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import LIVE, PlanKind, PlanStatus
from app.casework.plans.tracking.open_instalments import is_open
from app.core.database.engine import UtcDateTime, table_of
from app.core.database.rows import Query
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, HoldKind
from app.outreach.gate.models import Consent
from app.outreach.strategy.models import StrategyTask
from app.worklist.rules import BROKEN_DAYS, Item, Section

CASE, CALL, TASK = table_of(CollectionsCase), table_of(CallTask), table_of(StrategyTask)
PLAN, PART, HOLD = table_of(Plan), table_of(PlanInstalment), table_of(CaseHold)
NO_INSTANT, NO_DAY = sa.cast(sa.null(), UtcDateTime), sa.cast(sa.null(), sa.Date)


def chosen(books: Sequence[PortfolioToday], owner: str | None) -> list[Condition]:
    """Open cases of these portfolios and of this owner; None = anybody's."""
    where = [CASE.c.status == CaseStatus.OPEN, CASE.c.portfolio_id.in_([book.portfolio_id for book in books])]
    return where if owner is None else [*where, CASE.c.owner == owner]


def _unindexed(books: Sequence[PortfolioToday], owner: str | None) -> list[Condition]:
    """`chosen`, spelled so that no index fits: a planner that begins at the cases of an owner, instead of at the few
    tasks or replies, looks at all of them once for each reason. Joins add 0 for the same purpose."""
    status, whose = sa.type_coerce(CASE.c.status, sa.Text) + "", CASE.c.owner + ""
    ids = [book.portfolio_id for book in books]
    where: list[Condition] = [status == CaseStatus.OPEN.value, (CASE.c.portfolio_id + 0).in_(ids)]
    return where if owner is None else [*where, whose == owner]


def all_items(
    books: Sequence[PortfolioToday],
    owner: str | None,
    now: datetime,
    also: Sequence[Condition] = (),
    *,
    only_work: bool = False,
) -> sa.CTE:
    """(case_id, section, at, on, weight): each case once, by the first section that it fits."""
    today, ids = _today(books), [book.portfolio_id for book in books]
    reasons = [
        _callbacks(books, now),
        _replies(),
        _overdue(today, books),
        _broken(books),
        _due(today, books),
        _calls(today, books, now),
        _reviews(today),
    ]
    if not only_work:
        reasons += [_with_legal(), _holds(books), _running(today, ids), _hindered(today, now)]
    where = [*_unindexed(books, owner), *also]
    tasks = _tasks(today, owner).where(*_unindexed(books, None), *also)
    found = sa.union_all(*(reason.where(*where) for reason in reasons), tasks).subquery("reasons")
    order = (found.c.section, found.c.at, found.c.on)
    rank = sa.func.row_number().over(partition_by=found.c.case_id, order_by=order).label("rank")
    ranked = sa.select(found, rank).subquery("ranked")
    names = ("case_id", "section", "at", "on", "weight")
    return sa.select(*(ranked.c[name] for name in names)).where(ranked.c.rank == 1).cte("items")


def items_among(
    session: Session, books: Sequence[PortfolioToday], case_ids: Sequence[int], now: datetime
) -> dict[int, Item]:
    """By case, why it stands in the worklist; cases without a reason are left out."""
    if not case_ids:
        return {}
    items = all_items(books, None, now, [CASE.c.id.in_(case_ids)])
    rows = session.connection().execute(sa.select(items))
    return {row.case_id: Item(row.case_id, Section(row.section), row.at, row.on) for row in rows}


def _reason(
    section: Section | sa.ColumnElement[int],
    *,
    at: sa.ColumnElement[datetime] | None = None,
    on: sa.ColumnElement[date] | None = None,
) -> Query:
    number = sa.literal(int(section)) if isinstance(section, Section) else section
    return sa.select(
        CASE.c.id.label("case_id"),
        number.label("section"),
        (NO_INSTANT if at is None else at).label("at"),
        (NO_DAY if on is None else on).label("on"),
        CASE.c.now_past_due_minor.label("weight"),
    ).select_from(CASE)


def _today(books: Sequence[PortfolioToday]) -> sa.ColumnElement[date]:
    """The present day of a case's portfolio."""
    days = {book.today for book in books}
    if len(days) <= 1:
        return sa.literal(days.pop() if days else date.max, sa.Date)
    whens = [(CASE.c.portfolio_id == book.portfolio_id, sa.literal(book.today, sa.Date)) for book in books]
    return sa.case(*whens, else_=sa.literal(date.max, sa.Date))


# --- work -----------------------------------------------------------------------------------------------------


def _callbacks(books: Sequence[PortfolioToday], now: datetime) -> Query:
    at = CASE.c.callback_at
    today = in_any(books, lambda book: at < book.day_ends)
    section = sa.case(
        (at <= now, int(Section.CALLBACK_DUE)),
        (today, int(Section.CALLBACK_LATER)),
        else_=int(Section.COMES_BACK),
    )
    return _reason(section, at=at).where(at.is_not(None))


def _replies() -> Query:
    waiting = waiting_matches()
    return _reason(Section.REPLY, at=waiting.c.received_at).join(waiting, CASE.c.id == waiting.c.case_id + 0)


def _overdue(today: sa.ColumnElement[date], books: Sequence[PortfolioToday]) -> Query:
    """A live agreement whose last payment that fell due is short: it is in its grace days, or not judged yet."""
    ids = [book.portfolio_id for book in books]
    again = PART.alias()
    last = sa.select(sa.func.max(PART.c.due_on)).where(
        PART.c.plan_id == PLAN.c.id, PART.c.due_on < today, _falls_due()
    )
    runs = sa.exists().where(
        again.c.plan_id == PLAN.c.id, again.c.due_on == PLAN.c.assess_on, again.c.is_skipped.is_(False)
    )
    due_on = last.correlate(PLAN, CASE).scalar_subquery()
    short = sa.or_(PLAN.c.assess_on < today, ~runs)
    reason = _reason(Section.PROMISE_MISSED, on=due_on).join(PLAN, PLAN.c.case_id == CASE.c.id)
    return reason.where(*_live(ids), due_on.is_not(None), short, _owing(), *_workable(books))


def _broken(books: Sequence[PortfolioToday]) -> Query:
    since = min((book.today for book in books), default=date.max) - timedelta(days=BROKEN_DAYS)
    event, other = table_of(Event), PLAN.alias()
    called = sa.exists().where(
        event.c.customer_id == CASE.c.customer_id,
        event.c.kind == CallLogged.KIND,
        event.c.at >= PLAN.c.ended_on,
    )
    due_on = (
        sa.select(PART.c.due_on)
        .where(PART.c.plan_id == PLAN.c.id, PART.c.n == PLAN.c.broken_instalment)
        .correlate(PLAN)
        .scalar_subquery()
    )
    return (
        _reason(Section.PROMISE_MISSED, on=sa.func.coalesce(due_on, PLAN.c.ended_on))
        .join(PLAN, PLAN.c.case_id == CASE.c.id)
        .where(
            PLAN.c.portfolio_id.in_([book.portfolio_id for book in books]),
            PLAN.c.status == PlanStatus.BROKEN,
            PLAN.c.ended_on >= since,
            ~sa.exists().where(other.c.case_id == CASE.c.id, other.c.status.in_(LIVE)),
            ~called,
            CASE.c.now_past_due_minor > 0,
            *_workable(books),
        )
    )


def _due(today: sa.ColumnElement[date], books: Sequence[PortfolioToday]) -> Query:
    ids = [book.portfolio_id for book in books]
    return (
        _reason(Section.PROMISE_DUE, on=PART.c.due_on)
        .join(PLAN, PLAN.c.case_id == CASE.c.id)
        .join(PART, PART.c.plan_id == PLAN.c.id)
        .where(*_live(ids), PART.c.due_on == today, is_open(), _owing(), *_workable(books))
    )


def _calls(today: sa.ColumnElement[date], books: Sequence[PortfolioToday], now: datetime) -> Query:
    due = sa.and_(CALL.c.due_on <= today, sa.or_(CALL.c.not_before.is_(None), CALL.c.not_before <= now))
    clear = (due, ~_has_live_plan(), ~_opted_out(), CASE.c.now_past_due_minor > 0, *_workable(books))
    return _open_calls(Section.CALL).where(*clear)


def _tasks(today: sa.ColumnElement[date], owner: str | None) -> Query:
    """Tasks of the owner's cases (also those for the absent colleague whose case the owner covers), and those for the
    owner in person on anybody's: an answer, a hand-over."""
    query = (
        _reason(Section.TASK, on=TASK.c.due_on)
        .join(TASK, CASE.c.id == TASK.c.case_id + 0)
        .where(TASK.c.done_at.is_(None), TASK.c.due_on <= today)
    )
    if owner is None:
        return query
    for_owner = sa.or_(TASK.c.for_username == "", TASK.c.for_username == CASE.c.covered_for)
    own = sa.and_(CASE.c.owner == owner, for_owner)
    return query.where(sa.or_(own, sa.and_(TASK.c.for_username != "", TASK.c.for_username == owner)))


def _reviews(today: sa.ColumnElement[date]) -> Query:
    return (
        _reason(Section.TASK, on=HOLD.c.until)
        .join(HOLD, _its_open_case())
        .where(HOLD.c.ended_at.is_(None), no_date_ends(HOLD), HOLD.c.until <= today)
    )


# --- rest -----------------------------------------------------------------------------------------------------


def _with_legal() -> Query:
    return _reason(Section.WITH_LEGAL).where(CASE.c.with_legal_since.is_not(None))


def _holds(books: Sequence[PortfolioToday]) -> Query:
    return (
        _reason(Section.ON_HOLD, on=HOLD.c.until)
        .join(HOLD, _its_open_case())
        .where(HOLD.c.ended_at.is_(None), *_rests(books))
    )


def _running(today: sa.ColumnElement[date], portfolio_ids: Sequence[int]) -> Query:
    following = sa.select(sa.func.min(PART.c.due_on)).where(
        PART.c.plan_id == PLAN.c.id, PART.c.due_on >= today, _falls_due(), _unpaid()
    )
    on = following.correlate(PLAN, CASE).scalar_subquery()
    reason = _reason(Section.PROMISE_RUNNING, on=on).join(PLAN, PLAN.c.case_id == CASE.c.id)
    return reason.where(*_live(portfolio_ids))


def _hindered(today: sa.ColumnElement[date], now: datetime) -> Query:
    """Calls that are asked for and are not made now."""
    section = sa.case(
        (_opted_out(), int(Section.OPTED_OUT)),
        (CASE.c.now_past_due_minor <= 0, int(Section.NOTHING_OWED)),
        else_=int(Section.COMES_BACK),
    )
    waits = sa.or_(CALL.c.due_on > today, CALL.c.not_before > now)
    stopped = sa.or_(CASE.c.now_past_due_minor <= 0, _opted_out())
    return _open_calls(section, at=CALL.c.not_before).where(sa.or_(waits, stopped))


# --- parts ----------------------------------------------------------------------------------------------------


def _open_calls(
    section: Section | sa.ColumnElement[int], at: sa.ColumnElement[datetime] | None = None
) -> Query:
    reason = _reason(section, at=at, on=CALL.c.due_on).join(CALL, CASE.c.id == CALL.c.case_id + 0)
    return reason.where(CALL.c.done_at.is_(None))


def _its_open_case() -> Condition:
    """The open case of a hold's customer; the status is spelled as the unique index of open cases has it."""
    return sa.and_(CASE.c.customer_id == HOLD.c.customer_id + 0, CASE.c.status == sa.literal_column("'open'"))


def _live(portfolio_ids: Sequence[int]) -> tuple[Condition, ...]:
    """Live agreements, by the index of portfolio and status."""
    return PLAN.c.portfolio_id.in_(portfolio_ids), PLAN.c.status.in_(LIVE)


def _falls_due() -> Condition:
    """An instalment that was not skipped as agreed."""
    return PART.c.is_skipped.is_(False)


def _unpaid() -> Condition:
    """An instalment that the last night did not find paid ahead: it looks at a plan next on the date of its first
    unpaid instalment. In grace days it looks at their end instead, on which as a rule none falls due."""
    first = PART.alias()
    is_ahead = sa.exists().where(
        first.c.plan_id == PLAN.c.id, first.c.due_on == PLAN.c.assess_on, first.c.is_skipped.is_(False)
    )
    return sa.or_(PLAN.c.assess_on.is_(None), PART.c.due_on >= PLAN.c.assess_on, ~is_ahead)


def _has_live_plan() -> Condition:
    plan = PLAN.alias()
    return sa.exists().where(plan.c.case_id == CASE.c.id, plan.c.status.in_(LIVE))


def _owing() -> Condition:
    """A promise is about what is past due; an instalment stays due when nothing is."""
    return sa.or_(PLAN.c.kind != PlanKind.PROMISE, CASE.c.now_past_due_minor > 0)


def _workable(books: Sequence[PortfolioToday]) -> tuple[Condition, ...]:
    open_hold = (HOLD.c.customer_id == CASE.c.customer_id, HOLD.c.ended_at.is_(None))
    return CASE.c.with_legal_since.is_(None), ~sa.exists().where(*open_hold, *_rests(books))


def _rests(books: Sequence[PortfolioToday]) -> tuple[Condition, ...]:
    """A hold for which its case rests. A complaint is none where the portfolio lets reminders pass meanwhile: the gate
    judges each call, also where a law stops it."""
    lenient = [book.portfolio_id for book in books if book.complaints_let_pass]
    if not lenient:
        return ()
    return (sa.or_(HOLD.c.kind != HoldKind.COMPLAINT, CASE.c.portfolio_id.not_in(lenient)),)


def _opted_out() -> Condition:
    consent = table_of(Consent)
    return sa.exists().where(
        consent.c.customer_id == CASE.c.customer_id,
        consent.c.channel == Channel.CALL,
        consent.c.allowed.is_(False),
    )
