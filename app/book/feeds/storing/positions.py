"""The `positions` feed: a placing creditor's report on accounts whose statements we do not get."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.feeds.cells import (
    CONFLICT,
    BadCell,
    Cells,
    Layout,
    Reject,
    Row,
    Stored,
    amount_cell,
    date_cell,
    reference_cell,
)
from app.book.feeds.reading.dates import DATE_RULES, refusal
from app.book.ledger.accounts import accounts_by_reference
from app.book.ledger.models import Account, Position
from app.book.ledger.positions import reconcile_positions
from app.book.ledger.rules import FeedKind
from app.book.ledger.service import mark_changed
from app.book.portfolios.days import first_open_day
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import DelinquencySource, posting_date
from app.core.clock import local_date
from app.core.database.bulk import among, insert_rows
from app.core.database.engine import table_of
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.types import JsonObject, Values


def check_source(portfolio: Portfolio, kind: FeedKind) -> None:
    """Positions and statements exclude each other: past due is either reported or computed. Raises Invalid."""
    is_reported = portfolio.source is DelinquencySource.REPORTED
    if kind is FeedKind.POSITIONS and not is_reported:
        raise Invalid(
            f"{portfolio.code} computes past due from its statements (source ledger). Positions are for "
            "portfolios opened with --source reported."
        )
    if kind is FeedKind.STATEMENTS and is_reported:
        raise Invalid(
            f"{portfolio.code} takes past due from the creditor's positions (source reported). Statements are for "
            "portfolios of source ledger."
        )


def parse_position(row: Cells, portfolio: Portfolio) -> JsonObject:
    as_of = date_cell(row, "as_of")
    assert as_of is not None
    past_due = amount_cell(row, "past_due_amount", portfolio)
    if past_due < 0:
        raise BadCell("past_due_amount", "is negative")
    oldest_due_on = date_cell(row, "oldest_due_on", required=past_due > 0)
    if oldest_due_on and not past_due:
        raise BadCell("oldest_due_on", "is given although nothing is past due")
    if oldest_due_on and oldest_due_on >= as_of:
        raise BadCell("oldest_due_on", "is not before as_of: on the due date itself nothing is late yet")
    return {
        "account_ref": reference_cell(row, "account_ref", 60),
        "as_of": as_of,
        "balance_minor": amount_cell(row, "balance", portfolio),
        "past_due_minor": past_due,
        "oldest_due_on": oldest_due_on,
    }


def store_positions(session: Session, portfolio: Portfolio, rows: list[Row], now: datetime) -> Stored:
    """Store the positions of accounts that exist and make the ledger agree with the balances they report."""
    stored = Stored()
    accounts = accounts_by_reference(session, id_of(portfolio), [r.values["account_ref"] for r in rows])
    known = _known(session, [account_id for account_id, _ in accounts.values()])
    open_on = first_open_day(session, id_of(portfolio))
    opened = _opened(session, [account_id for account_id, _ in accounts.values()])
    today = local_date(now, portfolio.timezone)
    fresh: list[JsonObject] = []
    changed: dict[int, date] = {}
    for row in rows:
        account = accounts.get(row.values["account_ref"])
        if account is None:
            reason = "no such account in this portfolio"
            stored.rejects.append(Reject(row.line, "account_ref", reason, row.cells))
            continue
        account_id, as_of = account[0], row.values["as_of"]
        (rule,) = DATE_RULES[FeedKind.POSITIONS]
        if why := refusal(rule, row.values, today, opened[account_id]):
            stored.rejects.append(Reject(row.line, rule.column, why, row.cells))
            continue
        data = {k: v for k, v in row.values.items() if k != "account_ref"} | {"account_id": account_id}
        other = known.setdefault((account_id, as_of), data)
        differing = [name for name, value in data.items() if other[name] != value]
        if differing:
            reason = (
                f"{CONFLICT}the position of this day is already loaded with another {', '.join(differing)}"
            )
            stored.rejects.append(Reject(row.line, "as_of", reason, row.cells))
        elif other is not data:
            stored.unchanged += 1
        else:
            fresh.append({**data, "portfolio_id": portfolio.id, "posted_on": posting_date(as_of, open_on)})
            changed[account_id] = min(as_of, changed.get(account_id, as_of))
    insert_rows(session, Position, fresh)
    marked = reconcile_positions(session, portfolio, list(changed), now=now)
    late = {account_id: on for account_id, on in changed.items() if on < marked.get(account_id, date.max)}
    mark_changed(session, id_of(portfolio), late)
    stored.loaded += len(fresh)
    return stored


def _opened(session: Session, account_ids: Sequence[int]) -> dict[int, date]:
    """account id -> the day it was opened."""
    table = table_of(Account)
    query = sa.select(table.c.id, table.c.opened_on).where(among(session, table.c.id, account_ids))
    return {account_id: on for account_id, on in session.connection().execute(query)}


def _known(session: Session, account_ids: Sequence[int]) -> dict[tuple[int, date], Values]:
    table = table_of(Position)
    query = sa.select(table).where(among(session, table.c.account_id, account_ids))
    rows = session.connection().execute(query).mappings()
    return {(row["account_id"], row["as_of"]): dict(row) for row in rows}


POSITIONS = Layout(
    ("account_ref", "as_of", "balance", "past_due_amount", "oldest_due_on"),
    (),
    parse_position,
    store_positions,
)
