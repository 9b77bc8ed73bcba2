"""Statements that were wrong: replaced by the right one, or withdrawn. Figures known before stay known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime

from sqlmodel import Session, col, select

from app.book.ledger.events import StatementReplaced, StatementWithdrawn
from app.book.ledger.models import Account, ReplacedStatement, Statement
from app.book.ledger.service import lock_account, mark_changed, record_on_account
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.core.ids import id_of
from app.core.staff.rules import MANAGEMENT, Role
from app.core.text import clean_reason, refuse_card_number

MAX_REFERENCE = 60
LAST_DAY = date(2199, 12, 31)


@dataclass(frozen=True, slots=True)
class StatementFigures:
    """Figures of a statement; amounts in minor units. `reference` may stay the same."""

    reference: str
    closing_on: date
    due_on: date
    balance_minor: int
    minimum_due_minor: int


def figures_of(statement: Statement | ReplacedStatement) -> StatementFigures:
    return StatementFigures(
        statement.reference,
        statement.closing_on,
        statement.due_on,
        statement.balance_minor,
        statement.minimum_due_minor,
    )


def find_statement(session: Session, portfolio: Portfolio, reference: str) -> Statement:
    found = session.scalar(
        select(Statement).where(Statement.portfolio_id == portfolio.id, Statement.reference == reference)
    )
    if found is None:
        raise NotFound(f"There is no statement {reference!r} in portfolio {portfolio.code}.")
    return found


def replaced_statements(session: Session, account_id: int) -> Sequence[ReplacedStatement]:
    """Replaced statements of an account, the latest replacement first."""
    query = select(ReplacedStatement).where(ReplacedStatement.account_id == account_id)
    return session.scalars(query.order_by(col(ReplacedStatement.id).desc())).all()


def correct_statement(
    session: Session,
    statement: Statement,
    right: StatementFigures | None,
    reason: str,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> ReplacedStatement:
    """Put the right figures in a statement's place, or withdraw it (`right` is None). Managers only.

    Known from the open business day on: until then the old one was known, and is still answered for. Delinquency is
    folded anew from the earlier closing day. Its late fee is looked after by `app.book.charges.statements`.
    """
    if role not in MANAGEMENT:
        raise Forbidden("Your role may not replace or withdraw statements. Ask a manager.")
    account = lock_account(session, session.get_one(Account, statement.account_id))
    found = session.get(Statement, statement.id, populate_existing=True)
    if found is None:
        raise Conflict(f"Statement {statement.reference} was withdrawn already.")
    reason = clean_reason(reason)
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    today, old = business_date(session, portfolio, now), figures_of(found)
    if right is not None:
        _require_right(session, account, found, right, old, today)
    replaced = ReplacedStatement(
        portfolio_id=found.portfolio_id,
        account_id=found.account_id,
        statement_id=found.id if right else None,
        **asdict(old),
        posted_on=found.posted_on,
        replaced_on=today,
        reason=reason,
        by=by,
        created_at=now,
    )
    session.add(replaced)
    if right is None:
        session.delete(found)
    else:
        found.sqlmodel_update({**asdict(right), "posted_on": today})
    session.flush()
    since = min(old.closing_on, right.closing_on if right else old.closing_on)
    mark_changed(session, account.portfolio_id, {id_of(account): since})
    corrected = StatementReplaced if right else StatementWithdrawn
    payload = corrected(asdict(old), asdict(right) if right else None, reason)
    record_on_account(session, account, payload, by=by, now=now)
    return replaced


def _require_right(
    session: Session,
    account: Account,
    statement: Statement,
    right: StatementFigures,
    old: StatementFigures,
    today: date,
) -> None:
    """Invalid names the figure that cannot be."""
    if right == old:
        raise Conflict(f"Statement {old.reference} says this already.")
    if not right.reference.strip() or len(right.reference) > MAX_REFERENCE:
        raise Invalid(f"The reference of a statement has 1 to {MAX_REFERENCE} characters.", "statement_ref")
    refuse_card_number(right.reference, "statement_ref")
    if right.closing_on > today:
        raise Invalid("The closing day lies in the future.", "closing_on")
    if right.closing_on < account.opened_on:
        raise Invalid(f"The account was opened on {account.opened_on}, after this day.", "closing_on")
    if not right.closing_on < right.due_on <= LAST_DAY:
        raise Invalid("A statement is due after its closing day.", "due_on")
    if right.minimum_due_minor < 0:
        raise Invalid("The minimum cannot be negative.", "minimum_due")
    others = select(Statement).where(col(Statement.id) != statement.id)
    same = others.where(
        Statement.portfolio_id == account.portfolio_id, Statement.reference == right.reference
    )
    if session.scalar(same):
        raise Conflict(f"There is a statement {right.reference} already. Withdraw one of the two.")
    day = others.where(Statement.account_id == account.id, Statement.closing_on == right.closing_on)
    # Of several that were loaded for one day, each can be put right or withdrawn where it stands.
    if right.closing_on != old.closing_on and (twin := session.scalar(day)):
        raise Conflict(f"The account has statement {twin.reference} of {right.closing_on} already.")
