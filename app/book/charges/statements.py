"""A statement put right by a manager, and the late fee that followed from the wrong one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.charges.rules import is_missed
from app.book.delinquency.history import StatementStory, statement_view
from app.book.ledger.corrections.reversals import reverse_entry, standing_waivers
from app.book.ledger.corrections.statements import StatementFigures, correct_statement, figures_of
from app.book.ledger.models import Account, Entry, ReplacedStatement, Statement
from app.book.ledger.rules import EntryKind
from app.book.ledger.service import post_entry
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import table_of
from app.core.staff.rules import Role

ON_DISPUTED_PART = "late fee on a part that is in dispute"
"""Reason of the waiver of what a late fee is too high because a part of the account is in dispute."""


def replace_statement(
    session: Session,
    statement: Statement,
    right: StatementFigures | None,
    reason: str,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> ReplacedStatement:
    """Replace a statement by the right one, or withdraw it (`right` is None); see `correct_statement`.

    One violation bears one late fee, at most the minimum that was missed. A fee of ours that the right figures do not
    bear is reversed with the statement. A fee that a person waived, wholly or in part, is left to people.
    """
    account_id, old = statement.account_id, figures_of(statement)
    names = _fee_names(session, statement, old, right)
    replaced = correct_statement(session, statement, right, reason, by=by, role=role, now=now)
    account = session.get_one(Account, account_id)
    portfolio = session.get_one(Portfolio, account.portfolio_id)
    today = business_date(session, portfolio, now)
    fees = _standing_fees(session, account_id, names)
    if not fees:
        return replaced
    small = portfolio.small_debt_minor
    missed = [
        story
        for story in statement_view(session, account_id, today)
        if _same_violation(story, old, right)
        and is_missed(story.unpaid_when_due, story.late_from, today, small)
    ]
    most = max((story.minimum_minor for story in missed), default=0)
    why = f"statement {old.reference} was {'replaced' if right else 'withdrawn'}: {reason}"[:200]
    for number, fee in enumerate(fees):
        if number == 0 and fee.amount_minor <= most:
            continue  # the one fee of the one violation
        reverse_entry(session, fee, reason=why, posted_on=today, by=by, now=now)
        if number == 0 and most:
            post_entry(
                session,
                account,
                EntryKind.FEE,
                most,
                effective_on=fee.effective_on,
                posted_on=today,
                reference=f"late-fee:{missed[0].reference}:{replaced.id}",
                description=f"late fee, statement {missed[0].reference}, as it should have been",
                by=by,
                now=now,
            )
    return replaced


def _same_violation(story: StatementStory, old: StatementFigures, right: StatementFigures | None) -> bool:
    days = {figures.closing_on for figures in (old, right) if figures}
    dues = {figures.due_on for figures in (old, right) if figures}
    return story.closing_on in days or story.due_on in dues


def _fee_names(
    session: Session, statement: Statement, old: StatementFigures, right: StatementFigures | None
) -> list[str]:
    """References that the late fee of this violation may have: of the statement as it was at any time, and of others
    of the same closing day or due date."""
    figures = [each for each in (old, right) if each is not None]
    names = {figure.reference for figure in figures}
    for table in (table_of(Statement), table_of(ReplacedStatement)):
        same: list[sa.ColumnElement[bool]] = [
            table.c.closing_on.in_([figure.closing_on for figure in figures]),
            table.c.due_on.in_([figure.due_on for figure in figures]),
        ]
        if table.name == "replaced_statement":
            same.append(table.c.statement_id == statement.id)
        query = sa.select(table.c.reference).where(table.c.account_id == statement.account_id, sa.or_(*same))
        names.update(session.scalars(query))
    return sorted(names)


def _standing_fees(session: Session, account_id: int, names: Sequence[str]) -> list[Entry]:
    """Late fees of ours for one of these statements that count in full, the oldest first."""
    reversal = table_of(Entry).alias("reversal")
    query = select(Entry).where(
        Entry.account_id == account_id,
        Entry.kind == EntryKind.FEE,
        sa.or_(*(col(Entry.reference) == f"late-fee:{name}" for name in names),
               *(col(Entry.reference).startswith(f"late-fee:{name}:", autoescape=True) for name in names)),
        ~sa.exists().where(reversal.c.reverses_id == Entry.id),
    )  # fmt: skip
    found = session.scalars(query.order_by(col(Entry.effective_on), col(Entry.id))).all()
    return [fee for fee in found if session.scalar(standing_waivers(fee)) is None]


def late_fees_since(session: Session, account_id: int, since: date) -> list[Entry]:
    """Late fees of ours since that day, the oldest first. One that a person waived, wholly or in part, is left to
    people; one that was lowered because of a dispute may still be too high."""
    reversal = table_of(Entry).alias("reversal")
    query = select(Entry).where(
        Entry.account_id == account_id,
        Entry.kind == EntryKind.FEE,
        Entry.source == SYSTEM,
        col(Entry.reference).startswith("late-fee:"),
        col(Entry.effective_on) >= since,
        ~sa.exists().where(reversal.c.reverses_id == Entry.id),
    )
    found = session.scalars(query.order_by(col(Entry.effective_on), col(Entry.id))).all()
    return [
        fee
        for fee in found
        if all(waiver.reason == ON_DISPUTED_PART for waiver in session.scalars(standing_waivers(fee)))
    ]


def bears_fee_already(statement: sa.Table) -> sa.ColumnElement[bool]:
    """SQL: the violation of a row of `statement` has borne a late fee, under any reference the statement ever had."""
    entry, other, old = (
        table_of(Entry).alias("fee"),
        table_of(Statement).alias("other"),
        table_of(ReplacedStatement).alias("old"),
    )

    def borne_by(version: sa.FromClause, *same: sa.ColumnElement[bool]) -> sa.ColumnElement[bool]:
        return sa.exists().where(
            version.c.account_id == statement.c.account_id,
            sa.or_(
                version.c.closing_on == statement.c.closing_on, version.c.due_on == statement.c.due_on, *same
            ),
            entry.c.portfolio_id == statement.c.portfolio_id,  # with the reference, a unique key
            entry.c.account_id == statement.c.account_id,
            entry.c.kind == EntryKind.FEE,
            entry.c.reference == sa.literal("late-fee:").concat(version.c.reference),
        )

    return sa.or_(borne_by(other), borne_by(old, old.c.statement_id == statement.c.id))


def once_a_violation(
    rows: Iterator[tuple[int, str, int, date, date]],
) -> Iterator[tuple[int, str, int, date]]:
    """(account, reference, minimum, due date) of lapsing statements, one for an account's closing day and due date."""
    seen: set[tuple[int, str, date]] = set()
    for account_id, reference, minimum, closing_on, due_on in rows:
        keys = {(account_id, "closing", closing_on), (account_id, "due", due_on)}
        if not seen & keys:
            yield account_id, reference, minimum, due_on
        seen |= keys
