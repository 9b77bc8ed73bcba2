"""What only some letters show: dates to answer by, costs, how a debt came to be. Read when a letter asks for it."""

from __future__ import annotations

from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session

from app.db import table_of
from app.ledger.models import Entry, Statement
from app.ledger.rules import EntryKind
from app.outreach.folders import AccountRow, Folder
from app.outreach.letters import BadLetter, ItemLine, Letter, format_amount, format_date
from app.outreach.notices import COSTS_CURRENCY, Itemization, collection_costs, itemize

FIGURES = frozenset({"balance_total", "collection_costs", "itemization"})
"""Variables that are worked out here, besides the day to answer by."""


def figures_for(
    session: Session, folder: Folder, letter: Letter, currency: str, language: str, *, today: date
) -> dict[str, Any]:
    """Values of those of the letter's variables that are not the same for all letters, by name.

    Raises BadLetter where the law gives no figure (Dutch costs of a debt that is not in euros, or of nothing).
    """
    found: dict[str, Any] = {}
    if letter.answer is not None:
        found["answer_by"] = format_date(letter.answer.ends(today), language)
    if "balance_total" in letter.variables:
        balance = sum(account.balance_minor for account in folder.accounts if account.asked > 0)
        found["balance_total"] = format_amount(balance, currency, language)
    if "collection_costs" in letter.variables:
        if currency != COSTS_CURRENCY or folder.to_ask <= 0:
            raise BadLetter(
                f"{letter.name}: the law gives collection costs for debts in {COSTS_CURRENCY} only"
            )
        costs = collection_costs(folder.to_ask)
        found["collection_costs"] = format_amount(costs, currency, language)
        found["total_with_costs"] = format_amount(folder.to_ask + costs, currency, language)
    if "itemization" in letter.variables:
        late = [account for account in folder.accounts if account.asked > 0]
        found["itemization"] = tuple(_line(session, each, currency, language, today) for each in late)
        total = sum(account.balance_minor for account in late)
        found["balance_total"] = format_amount(total, currency, language)
    return found


def _line(session: Session, account: AccountRow, currency: str, language: str, today: date) -> ItemLine:
    since = _itemization_date(session, account.id, today)
    entry = table_of(Entry)
    before: list[tuple[str, int]] = []
    after: list[tuple[str, int]] = []
    query = sa.select(entry.c.effective_on, entry.c.kind, entry.c.amount_minor).where(
        entry.c.account_id == account.id, entry.c.effective_on <= today
    )
    for effective_on, kind, amount in session.execute(query):
        (after if effective_on > since else before).append((kind.value, amount))
    shown = _closing(itemize(sum(amount for _, amount in before), after), account.balance_minor)

    def money(minor: int) -> str:
        return format_amount(minor, currency, language)

    return ItemLine(
        product=account.product,
        last4=account.card_last4,
        since=format_date(since, language),
        owed=money(shown.owed),
        interest=money(shown.interest),
        fees=money(shown.fees),
        other=money(shown.other) if shown.other else "",
        paid=money(shown.paid),
        now=money(account.balance_minor),
    )


def _closing(found: Itemization, balance: int) -> Itemization:
    """So that the table adds up to the balance where that is not the ledger's own (a creditor that reports it)."""
    gap = balance - found.now
    return Itemization(
        found.owed, found.interest, found.fees, found.other + max(gap, 0), found.paid + max(-gap, 0)
    )


def _itemization_date(session: Session, account_id: int, today: date) -> date:
    """The last statement's date; without statements the last payment's, or else the first entry's: all of them
    reference dates of 12 CFR 1006.34(b)(3)."""
    statement, entry = table_of(Statement), table_of(Entry)
    own = entry.c.account_id == account_id
    for query in (
        sa.select(sa.func.max(statement.c.closing_on)).where(
            statement.c.account_id == account_id, statement.c.closing_on <= today
        ),
        sa.select(sa.func.max(entry.c.effective_on)).where(own, entry.c.kind == EntryKind.PAYMENT),
        sa.select(sa.func.min(entry.c.effective_on)).where(own),
    ):
        if (found := session.execute(query).scalar()) is not None:
            return date.fromisoformat(str(found))
    return today
