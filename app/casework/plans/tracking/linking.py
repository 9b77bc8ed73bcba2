"""Payments that name an instalment by its reference: the account they go to, and the link to the instalment.

A payment is posted to an account of the plan's customer and to no other. Where the reference names no agreement of this
portfolio, or no account of the customer can take the money, a person decides.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.models import AccountState
from app.book.feeds.bank.queries import known_accounts
from app.book.feeds.bank.rules import Known, NamedInstalment
from app.book.ledger.models import Account, Entry
from app.book.ledger.queries import worked
from app.book.ledger.service import touched_accounts
from app.casework.plans.models import InstalmentPayment, Plan, PlanAccount, PlanInstalment
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.payments import counted_from
from app.casework.plans.tracking.references import named_by, named_in
from app.core.database.bulk import among, chunked, upsert
from app.core.database.engine import table_of

PLAN, PART, LINK = table_of(Plan), table_of(PlanInstalment), table_of(InstalmentPayment)
ENTRY, ACCOUNT, STATE, SETTLED = (
    table_of(Entry),
    table_of(Account),
    table_of(AccountState),
    table_of(PlanAccount),
)
OPEN = (PlanStatus.OFFERED, PlanStatus.ACCEPTED, PlanStatus.ACTIVE)


# --- the account ----------------------------------------------------------------------------------------------


def find_instalments(
    session: Session, portfolio_id: int, bodies: Collection[str]
) -> dict[str, NamedInstalment]:
    """By the body of a reference whose check digits are right: the instalment that it names. Others are left out."""
    named = {body: part for body in bodies if (part := named_by(body)) is not None}
    if not named:
        return {}
    known = _parts(session, portfolio_id, {plan_id for plan_id, _ in named.values()})
    accounts = _accounts(session, {plan_id for plan_id, _ in known})
    found: dict[str, NamedInstalment] = {}
    for body, (plan_id, n) in named.items():
        words = f"instalment {n} of P-{plan_id:06d}"
        if (plan_id, n) in known:
            found[body] = NamedInstalment(words, plan_id, accounts.get(plan_id, ()))
        else:
            found[body] = NamedInstalment(
                words, plan_id, obstacle=f"{words} is named; this portfolio has none such"
            )
    return found


def _parts(session: Session, portfolio_id: int, plan_ids: Collection[int]) -> set[tuple[int, int]]:
    query = (
        sa.select(PART.c.plan_id, PART.c.n)
        .join(PLAN, PLAN.c.id == PART.c.plan_id)
        .where(among(session, PART.c.plan_id, plan_ids), PLAN.c.portfolio_id == portfolio_id)
    )
    return {(plan_id, n) for plan_id, n in session.connection().execute(query)}


def _accounts(session: Session, plan_ids: Collection[int]) -> Mapping[int, Sequence[tuple[Known, int]]]:
    """By plan, the accounts that its money may go to with their balances, the longest overdue first: those that a
    settlement settles, of others the customer's that are worked, or all where none is."""
    query = (
        sa.select(PLAN.c.id, ACCOUNT.c.id, worked(), STATE.c.balance_minor, STATE.c.oldest_due_on)
        .join(ACCOUNT, ACCOUNT.c.customer_id == PLAN.c.customer_id)
        .outerjoin(STATE, STATE.c.account_id == ACCOUNT.c.id)
        .outerjoin(SETTLED, sa.and_(SETTLED.c.plan_id == PLAN.c.id, SETTLED.c.account_id == ACCOUNT.c.id))
        .where(
            among(session, PLAN.c.id, plan_ids),
            sa.or_(PLAN.c.kind != PlanKind.SETTLEMENT, SETTLED.c.account_id.is_not(None)),
        )
        .order_by(PLAN.c.id, STATE.c.oldest_due_on.is_(None), STATE.c.oldest_due_on, ACCOUNT.c.id)
    )
    rows = session.connection().execute(query).all()
    known = known_accounts(session, [account_id for _, account_id, *_ in rows])
    found: dict[int, list[tuple[Known, int]]] = {}
    for is_wanted in (True, False):
        missing = {plan_id for plan_id, *_ in rows} - found.keys()
        for plan_id, account_id, is_worked, balance, _ in rows:
            if plan_id in missing and bool(is_worked) is is_wanted:
                found.setdefault(plan_id, []).append((known[account_id], balance or 0))
    return found


# --- the link -------------------------------------------------------------------------------------------------


def link_touched(session: Session) -> int:
    """Link payments on the accounts that this transaction touched to the instalments that they name. Returns how many.
    To be asked before `refresh_touched`."""
    count = 0
    for account_ids in touched_accounts(session).values():
        for ids in chunked(sorted(account_ids), 5000):
            count += _link(session, ids)
    return count


def _link(session: Session, account_ids: Sequence[int]) -> int:
    session.flush()
    query = (
        sa.select(ENTRY.c.id, ENTRY.c.description, PLAN.c.id)
        .join(ACCOUNT, ACCOUNT.c.customer_id == PLAN.c.customer_id)
        .join(ENTRY, ENTRY.c.account_id == ACCOUNT.c.id)
        .outerjoin(LINK, LINK.c.entry_id == ENTRY.c.id)
        .where(
            among(session, ACCOUNT.c.id, account_ids),
            PLAN.c.status.in_(OPEN),
            sa.or_(PLAN.c.accepted_on.is_(None), ENTRY.c.effective_on >= counted_from()),
            ENTRY.c.amount_minor < 0,
            sa.func.upper(ENTRY.c.description).like("%RF%"),
            LINK.c.entry_id.is_(None),
        )
    )
    found = [
        {"entry_id": entry_id, "plan_id": plan_id, "n": n}
        for entry_id, description, plan_id in session.connection().execute(query).all()
        for named_plan, n in named_in(description)[:1]
        if named_plan == plan_id
    ]
    if not found:
        return 0
    parts = sa.select(PART.c.plan_id, PART.c.n).where(
        among(session, PART.c.plan_id, {row["plan_id"] for row in found})
    )
    issued = {(plan_id, n) for plan_id, n in session.connection().execute(parts)}
    rows = [row for row in found if (row["plan_id"], row["n"]) in issued]
    if rows:
        session.connection().execute(upsert(session, InstalmentPayment).on_conflict_do_nothing(), rows)
    return len(rows)
