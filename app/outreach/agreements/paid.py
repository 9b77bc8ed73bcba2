"""What a customer paid, as the letters say that nothing more is owed: card, amount and day (23 NYCRR 1.5(b))."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import MONEY_IN, AccountStatus
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.plans.models import Plan, PlanAccount
from app.core.database.engine import table_of
from app.outreach.agreements.reader import Reader
from app.outreach.letters.letter import PaidLine

ACCOUNT, ENTRY, SETTLES = table_of(Account), table_of(Entry), table_of(PlanAccount)


def paid_figures(
    session: Session, case_id: int, plan: Plan | None, reader: Reader, *, today: date
) -> dict[str, str | tuple[PaidLine, ...]]:
    """`paid`: what came while the case was open for each card that it closed with; of a case that closed as settled,
    for those that were settled. Of a settlement whose case did not close so, what came for its own cards until it was
    paid, and `settled_cards`, which are these cards."""
    case = session.get_one(CollectionsCase, case_id)
    plan_id = plan.id if plan is not None else None
    of_plan = ACCOUNT.c.id.in_(sa.select(SETTLES.c.account_id).where(SETTLES.c.plan_id == plan_id))
    is_settled = case.status is CaseStatus.CLOSED and case.outcome is CaseOutcome.SETTLED
    if plan is not None and not is_settled:
        cards = sa.select(ACCOUNT.c.card_last4).where(of_plan).order_by(ACCOUNT.c.id)
        settled_cards = ", ".join(session.connection().execute(cards).scalars())
        until = min(today, plan.ended_on or today)
        return {"paid": _paid(session, case, of_plan, reader, until), "settled_cards": settled_cards}
    ended_so = sa.or_(of_plan, ACCOUNT.c.status == AccountStatus.SETTLED) if is_settled else sa.true()
    return {"paid": _paid(session, case, ended_so, reader, today)}


def _paid(
    session: Session, case: CollectionsCase, accounts: sa.ColumnElement[bool], reader: Reader, until: date
) -> tuple[PaidLine, ...]:
    """What came for these accounts of the customer from the opening of the case to `until`. A payment that came back
    does not count."""
    undone, last = ENTRY.alias("undone"), sa.func.max(ENTRY.c.effective_on, type_=sa.Date())
    query = (
        sa.select(ACCOUNT.c.product, ACCOUNT.c.card_last4, sa.func.sum(-ENTRY.c.amount_minor), last)
        .join(ENTRY, ENTRY.c.account_id == ACCOUNT.c.id)
        .outerjoin(undone, undone.c.reverses_id == ENTRY.c.id)
        .where(
            ACCOUNT.c.customer_id == case.customer_id,
            ACCOUNT.c.portfolio_id == case.portfolio_id,
            accounts,
            ENTRY.c.kind.in_(MONEY_IN),
            ENTRY.c.reverses_id.is_(None),
            undone.c.id.is_(None),
            ENTRY.c.effective_on >= case.opened_on,
            ENTRY.c.effective_on <= until,
        )
        .group_by(ACCOUNT.c.id, ACCOUNT.c.product, ACCOUNT.c.card_last4)
        .order_by(ACCOUNT.c.id)
    )
    return tuple(
        PaidLine(product, last4, reader.money(int(minor)), reader.day(on))
        for product, last4, minor, on in session.execute(query)
    )
