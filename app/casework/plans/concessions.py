"""Concessions of an agreement: fees waived when it is accepted, a lower rate and no late fees while it is kept,
accounts brought current once it is kept.

A rate never changes backwards: when the agreement ends, the accounts' own rate runs from the next day on. Waived fees
stay waived once anything was paid. Of an agreement that ends with nothing paid they are charged again, because
otherwise fees without limit could be waived by agreeing and cancelling (decision 0194). A payment that came back was
never paid, so the same is asked again whenever one does (decision 0220).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import exists
from sqlmodel import Session, col, func, select

from app.book.charges.concessions import (
    end_concessions,
    paused_accounts,
    resume_concessions,
    start_concession,
)
from app.book.charges.statements import late_fees_since
from app.book.delinquency.days import DAY
from app.book.delinquency.lifecycle import ReAgeRefused, re_age_as_agreed, undo_re_age
from app.book.delinquency.models import ReAge
from app.book.delinquency.service import fold_accounts, standing_on
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.corrections.waivers import left_to_waive, waive_as_agreed
from app.book.ledger.models import Account, Entry, Waiver
from app.book.ledger.rules import COLLECTABLE, EntryKind
from app.book.ledger.service import mark_changed
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import worked_accounts
from app.casework.cases.models import CollectionsCase
from app.casework.cases.queries import get_case
from app.casework.cases.service import about_case
from app.casework.holds.queries import at_rest
from app.casework.plans.events import PlanReAgeRefused
from app.casework.plans.models import Plan, PlanReAge, PlanWaiver
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.payments import counted_from, paid_toward
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.core.timeline.service import record
from app.policy.composition import pack_of

_REVERSAL = table_of(Entry).alias("reversal")


def start_concessions(session: Session, plan: Plan, on: date, *, by: Actor, now: datetime) -> None:
    """Let the lower rate run from `on`, and charge no late fees under a hardship plan."""
    without_fees = plan.kind is PlanKind.HARDSHIP
    if plan.apr_millionths is None and not without_fees:
        return
    for account in _accounts(session, plan):
        start_concession(
            session, account, id_of(plan), on, apr_millionths=plan.apr_millionths, without_fees=without_fees,
            by=by, now=now,
        )  # fmt: skip


def concedes(plan: Plan) -> bool:
    """True if the end of the plan brings about more than its status."""
    return plan.kind is PlanKind.HARDSHIP or plan.apr_millionths is not None or plan.re_age


def wind_up(session: Session, plan: Plan, on: date, *, by: Actor, now: datetime) -> None:
    """End what the plan conceded with the day `on`: the own rate runs from the day after, or once a rest of the
    customer's agreements is over (`end_rests`). A plan that was kept brings its accounts current, where that was
    agreed."""
    if plan.status is PlanStatus.KEPT or not at_rest(session, [plan.customer_id]):
        end_concessions(session, id_of(plan), on, by=by, now=now)
    if plan.status is not PlanStatus.KEPT:
        _charge_fees_again(session, plan, on, on, by=by, now=now)
    elif plan.re_age and (refused := _re_age_accounts(session, plan, on, now=now)):
        told = PlanReAgeRefused(id_of(plan), tuple(refused))
        record(session, about_case(get_case(session, plan.case_id), told), by=by, now=now)


def un_keep(session: Session, plan: Plan, *, by: Actor, now: datetime) -> None:
    """Take back what a plan conceded for being kept, now that it is not: its re-ages, and where it is broken and
    nothing is paid any more, the fees that it waived."""
    rows = session.scalars(
        select(PlanReAge).where(PlanReAge.plan_id == plan.id).order_by(col(PlanReAge.re_age_id))
    )
    for row in rows.all():
        made = session.get_one(ReAge, row.re_age_id)
        session.delete(row)
        session.flush()
        undo_re_age(session, made, f"agreement {plan.reference} is not kept any more", by=by, now=now)
    if plan.status is PlanStatus.BROKEN and plan.ended_on is not None:
        _charge_fees_again(session, plan, plan.ended_on, plan.ended_on, by=by, now=now)


def concede_again(session: Session, plan: Plan, *, by: Actor, now: datetime) -> None:
    """Give back what a plan lost by a break that was none: its fees are waived again, its lower rate
    and the absence of late fees have no gap. Interest of the gap is corrected by the night after."""
    waive_again(session, plan, by=by, now=now)
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    gaps = resume_concessions(session, id_of(plan), by=by, now=now)
    if plan.kind is PlanKind.HARDSHIP:
        why = f"agreement {plan.reference} was not broken"
        for account_id, since in gaps.items():
            for fee in late_fees_since(session, account_id, since):
                posted_on = business_date(session, portfolio, now)
                reverse_entry(session, fee, reason=why, posted_on=posted_on, by=by, now=now)
    if portfolio.accrues and plan.apr_millionths is not None:
        # Interest of a day is on the balance of the evening before.
        mark_changed(
            session, id_of(portfolio), {account_id: since - DAY for account_id, since in gaps.items()}
        )


def waive_again(session: Session, plan: Plan, *, by: Actor, now: datetime) -> None:
    """Waive the fees again that the end of a plan charged again: it was paid, as turned out since."""
    undone = (
        select(PlanWaiver, Waiver)
        .join(Waiver, col(Waiver.id) == PlanWaiver.waiver_id)
        .where(PlanWaiver.plan_id == plan.id, exists().where(_REVERSAL.c.reverses_id == Waiver.credit_id))
        .order_by(col(Waiver.id))
    )
    for link, waiver in session.execute(undone).all():
        account, fee = session.get_one(Account, waiver.account_id), session.get_one(Entry, waiver.entry_id)
        was_reversed = session.scalar(select(Entry.id).where(Entry.reverses_id == fee.id)) is not None
        amount = min(waiver.amount_minor, left_to_waive(session, fee))
        if account.status not in COLLECTABLE or was_reversed or amount <= 0:
            continue
        again = waive_as_agreed(session, fee, amount, f"agreement {plan.reference}", by=by, now=now)
        session.delete(link)
        session.add(PlanWaiver(waiver_id=id_of(again), plan_id=id_of(plan)))
        session.flush()


def look_at_waivers_again(
    session: Session, customer_id: int, paid_on: date, on: date, *, by: Actor, now: datetime
) -> None:
    """Charge waived fees again, on the day `on`, where a payment of `paid_on` came back and an agreement that ended
    since has nothing paid any more. Of a renegotiated one they belong to the plan that replaced it."""
    ended = select(Plan).where(
        Plan.customer_id == customer_id,
        col(Plan.status).in_((PlanStatus.BROKEN, PlanStatus.CANCELLED)),
        counted_from() <= paid_on,
        col(Plan.ended_on) >= paid_on,
        exists().where(col(PlanWaiver.plan_id) == col(Plan.id)),
    )
    for plan in session.scalars(ended.order_by(col(Plan.id))).all():
        while plan.ended_on is not None and plan.status is not PlanStatus.KEPT:
            new = session.scalar(
                select(Plan).where(Plan.supersedes_id == plan.id, col(Plan.accepted_on).is_not(None))
            )
            if new is None:
                _charge_fees_again(session, plan, plan.ended_on, on, by=by, now=now)
                break
            pass_on_waivers(session, plan, new, plan.ended_on)
            plan = new


def waive_fees(session: Session, plan: Plan, *, by: Actor, now: datetime) -> None:
    """Waive the fees that the agreement names, the newest first; fewer where a waiver was granted meanwhile."""
    rest, reason = plan.waived_fees_minor, f"agreement {plan.reference}"
    for entry, left in waivable_fees(session, plan.customer_id):
        amount = min(rest, left)
        if amount <= 0:
            return
        waiver = waive_as_agreed(session, entry, amount, reason, by=by, now=now)
        session.add(PlanWaiver(waiver_id=id_of(waiver), plan_id=id_of(plan)))
        rest -= amount


def _charge_fees_again(
    session: Session, plan: Plan, until: date, on: date, *, by: Actor, now: datetime
) -> None:
    """Take the waivers back, on the day `on`, where nothing was paid under the agreement up to `until`. An account that
    owes nothing, has ended or is paused keeps them, and so does a customer whose agreements rest: nothing may be
    charged then."""
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    waivers = select(Waiver).join(PlanWaiver, col(PlanWaiver.waiver_id) == Waiver.id)
    granted = session.scalars(waivers.where(PlanWaiver.plan_id == plan.id).order_by(col(Waiver.id))).all()
    if not granted or paid_toward(session, plan, until) or at_rest(session, [plan.customer_id]):
        return
    ids = [waiver.account_id for waiver in granted]
    stands, paused = standing_on(session, portfolio, ids, on), paused_accounts(session, ids, on)
    for waiver in granted:
        account = session.get_one(Account, waiver.account_id)
        if (
            account.status not in COLLECTABLE
            or account.id in paused
            or stands[waiver.account_id].balance <= 0
        ):
            continue
        credit = session.get_one(Entry, waiver.credit_id)
        if session.scalar(select(Entry.id).where(Entry.reverses_id == credit.id)) is not None:
            continue
        reverse_entry(
            session, credit, reason=f"nothing was paid under agreement {plan.reference}",
            posted_on=business_date(session, portfolio, now), by=by, now=now,
        )  # fmt: skip


def charged_again(session: Session, plan: Plan) -> int:
    """Fees that the agreement had waived and that its end charged again."""
    query = (
        select(func.coalesce(func.sum(Waiver.amount_minor), 0))
        .join(PlanWaiver, col(PlanWaiver.waiver_id) == Waiver.id)
        .where(PlanWaiver.plan_id == plan.id, exists().where(_REVERSAL.c.reverses_id == Waiver.credit_id))
    )
    return int(session.scalar(query) or 0)


def granted_fees(session: Session, plan: Plan) -> tuple[int, int, date | None]:
    """Fees that an accepted agreement waived, in minor units, of these those that were charged again since, and when
    the last of them were. Of one that was renegotiated before anything was paid, those that it names: its waivers are
    the new one's (`pass_on_waivers`)."""
    query = (
        select(
            func.coalesce(func.sum(Waiver.amount_minor), 0),
            func.coalesce(func.sum(Waiver.amount_minor).filter(_REVERSAL.c.id.is_not(None)), 0),
            func.max(_REVERSAL.c.posted_on),
        )
        .join(PlanWaiver, col(PlanWaiver.waiver_id) == Waiver.id)
        .outerjoin(_REVERSAL, _REVERSAL.c.reverses_id == Waiver.credit_id)
        .where(PlanWaiver.plan_id == plan.id)
    )
    granted, again, again_on = session.execute(query).one()
    replaced_it = exists().where(col(Plan.supersedes_id) == plan.id, col(Plan.accepted_on).is_not(None))
    if not granted and plan.waived_fees_minor and session.scalar(select(replaced_it)):
        return plan.waived_fees_minor, 0, None
    return int(granted), int(again), again_on


@dataclass(frozen=True, slots=True)
class FeesAgain:
    """Fees that an ended agreement had waived, charged again on a day, in minor units."""

    plan_id: int
    posted_on: date
    minor: int
    charged_at: datetime
    occurrence: int
    """1 for the first day on which fees of the agreement were charged again: accounts may owe again on another."""


def fees_charged_again(
    session: Session, portfolio_id: int, since: date, until: date, *, plan_id: int | None = None
) -> list[FeesAgain]:
    """What was charged again in these days, by agreement and day, because nothing is paid under it. A waiver that a
    person took back under an agreement with payments is theirs to explain. `plan_id`: of one agreement alone."""
    reversal = table_of(Entry).alias("reversal")
    query = (
        select(Plan, reversal.c.posted_on, func.sum(Waiver.amount_minor), func.max(reversal.c.created_at))
        .join(PlanWaiver, col(PlanWaiver.plan_id) == Plan.id)
        .join(Waiver, col(Waiver.id) == PlanWaiver.waiver_id)
        .join(reversal, reversal.c.reverses_id == Waiver.credit_id)
        .where(
            Plan.portfolio_id == portfolio_id,
            col(Plan.status).in_((PlanStatus.BROKEN, PlanStatus.CANCELLED)),
            reversal.c.posted_on.between(since, until),
        )
        .group_by(col(Plan.id), reversal.c.posted_on)
        .order_by(col(Plan.id), reversal.c.posted_on)
    )
    if plan_id is not None:
        query = query.where(Plan.id == plan_id)
    return [
        FeesAgain(id_of(plan), posted_on, int(minor), charged_at, _days_charged(session, plan, posted_on))
        for plan, posted_on, minor, charged_at in session.execute(query).all()
        if plan.ended_on is not None and not paid_toward(session, plan, plan.ended_on)
    ]


def _days_charged(session: Session, plan: Plan, until: date) -> int:
    query = (
        select(func.count(func.distinct(Entry.posted_on)))
        .join(Waiver, col(Waiver.credit_id) == Entry.reverses_id)
        .join(PlanWaiver, col(PlanWaiver.waiver_id) == Waiver.id)
        .where(PlanWaiver.plan_id == plan.id, Entry.posted_on <= until)
    )
    return int(session.scalar(query) or 0)


def waived_fees(session: Session, plan: Plan) -> int:
    """Fees that an agreement waives: of an offer those that it names; else those that it waived, which may be fewer,
    with those that the plan before it passed on, as far as they still are."""
    if plan.status in (PlanStatus.DRAFT, PlanStatus.OFFERED):
        return plan.waived_fees_minor
    query = (
        select(func.coalesce(func.sum(Waiver.amount_minor), 0))
        .join(PlanWaiver, col(PlanWaiver.waiver_id) == Waiver.id)
        .where(PlanWaiver.plan_id == plan.id, ~exists().where(_REVERSAL.c.reverses_id == Waiver.credit_id))
    )
    return int(session.scalar(query) or 0)


def pass_on_waivers(session: Session, old: Plan, new: Plan, on: date) -> None:
    """The waivers of a renegotiated plan belong to the plan that replaces it, unless something was paid under the old
    one: then they stay waived, whatever becomes of the new one."""
    if paid_toward(session, old, on):
        return
    for row in session.scalars(select(PlanWaiver).where(PlanWaiver.plan_id == old.id)):
        row.plan_id = id_of(new)
    session.flush()


def waived_by_agreements(session: Session, case: CollectionsCase, after: datetime | None = None) -> int:
    """Fees that agreements waived since the case opened, and that still are. `after`: only waivers later than that."""
    query = (
        select(func.coalesce(func.sum(Waiver.amount_minor), 0))
        .join(PlanWaiver, col(PlanWaiver.waiver_id) == Waiver.id)
        .join(Plan, col(Plan.id) == PlanWaiver.plan_id)
        .join(Entry, col(Entry.id) == Waiver.credit_id)
        .where(
            Plan.case_id == case.id,
            Entry.effective_on >= case.opened_on,
            ~exists().where(_REVERSAL.c.reverses_id == Waiver.credit_id),
        )
    )
    if after is not None:
        query = query.where(col(Waiver.requested_at) > after)
    return int(session.scalar(query) or 0)


def _re_age_accounts(session: Session, plan: Plan, on: date, *, now: datetime) -> list[str]:
    """Bring the accounts current now that the agreement is kept. Returns the reasons where the pack refuses it."""
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    rule, refused, done = pack_of(portfolio).re_age, [], []
    stands = standing_on(session, portfolio, [id_of(each) for each in _accounts(session, plan)], on)
    for account in _accounts(session, plan):
        if stands[id_of(account)].past_due <= 0:
            continue
        try:
            made = re_age_as_agreed(
                session, account, rule, f"agreement {plan.reference} was kept", by=SYSTEM, now=now
            )
            session.add(PlanReAge(re_age_id=id_of(made), plan_id=id_of(plan)))
            done.append(id_of(account))
        except ReAgeRefused as why:
            refused.append(f"{account.reference}: {why}")
    if done:
        fold_accounts(session, portfolio, done, through=on)
    return refused


def waivable_fees(session: Session, customer_id: int) -> list[tuple[Entry, int]]:
    """Fees of the customer's worked accounts with what is left to waive of each, the newest first."""
    ids = [account_id for account_id, _ in worked_accounts(session, [customer_id])]
    fees = select(Entry).where(
        col(Entry.account_id).in_(ids), Entry.kind == EntryKind.FEE, col(Entry.amount_minor) > 0
    )
    reversed_ids = set(
        session.scalars(
            select(Entry.reverses_id).where(
                col(Entry.account_id).in_(ids), col(Entry.reverses_id).is_not(None)
            )
        )
    )
    found = session.scalars(fees.order_by(col(Entry.effective_on).desc(), col(Entry.id).desc()))
    standing = ((entry, left_to_waive(session, entry)) for entry in found if entry.id not in reversed_ids)
    return [(entry, left) for entry, left in standing if left > 0]


def _accounts(session: Session, plan: Plan) -> list[Account]:
    ids = [account_id for account_id, _ in worked_accounts(session, [plan.customer_id])]
    query = select(Account).where(col(Account.id).in_(ids), Account.portfolio_id == plan.portfolio_id)
    return list(session.scalars(query.order_by(col(Account.id))))
