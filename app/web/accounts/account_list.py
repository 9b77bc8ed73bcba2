"""Accounts found by reference or name, and overpaid accounts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.delinquency.models import AccountState
from app.book.ledger.models import Account, Customer
from app.book.ledger.queries import find_accounts
from app.book.ledger.references import normal_reference
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.core.database.rows import Query
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.staff.rules import Role, Staff
from app.core.types import Cells
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import CaseReader
from app.http.routes import Router
from app.http.transactions import ReadSession, StreamSession
from app.web.accounts.words import STATUS_WORDS
from app.web.lists import Column, csv_download
from app.web.rendering import Page, Tone, page, redirect

router = Router(prefix="/accounts")
LISTED = 50
LIST_COLUMNS = [
    Column("Account"),
    Column("Customer"),
    Column("Product"),
    Column("Status"),
    Column("Past due", numeric=True),
    Column("Balance", numeric=True),
]


@router.get("")
def accounts(
    request: Request,
    staff: CaseReader,
    session: StreamSession,
    q: str = "",
    cursor: str = "",
    format: str = "",
) -> Response:
    """Accounts by reference or name; without a search those that were paid more than was owed."""
    text = q.replace("\0", "").strip()[:100]
    if format == "csv":
        return csv_download("overpaid.csv", OVERPAID_HEADER, _overpaid_rows(overpaid(session)))
    if text:
        found = find_accounts(session, text, limit=LISTED + 1)
        rows = _listed(session, [id_of(account) for account in found[:LISTED]])
        return _list_page(request, staff, text, rows, more=len(found) > LISTED)
    after = decode_cursor(cursor, 2, int, int)
    shown = overpaid(session, after=(int(after[0]), int(after[1])) if after else None, limit=LISTED + 1)
    last = shown[LISTED - 1] if len(shown) > LISTED else None
    next_cursor = encode_cursor(last.balance_minor, last.account.id) if last else None
    return _list_page(request, staff, "", shown[:LISTED], next_cursor=next_cursor)


@dataclass(frozen=True, slots=True)
class AccountListPage(Page):
    template = "accounts/list.html"
    q: str
    rows: Sequence[ListedAccount]
    columns: Sequence[Column]
    more: bool
    next_cursor: str | None
    status_words: Mapping[AccountStatus, tuple[str, Tone]]
    is_manager: bool


def _list_page(
    request: Request,
    staff: Staff,
    text: str,
    rows: Sequence[ListedAccount],
    *,
    more: bool = False,
    next_cursor: str | None = None,
) -> Response:
    return page(
        request,
        AccountListPage(
            q=text,
            rows=rows,
            columns=LIST_COLUMNS,
            more=more,
            next_cursor=next_cursor,
            status_words=STATUS_WORDS,
            is_manager=staff.role is Role.MANAGER,
        ),
    )


@dataclass(frozen=True, slots=True)
class ListedAccount:
    account: Account
    name: str
    currency: str
    past_due_minor: int | None
    balance_minor: int | None


def _listing() -> Query:
    state = AccountState
    return (
        sa.select(
            Account,
            col(Customer.full_name),
            col(Portfolio.currency),
            col(state.past_due_minor),
            col(state.balance_minor),
        )
        .join(Customer, col(Customer.id) == Account.customer_id)
        .join(Portfolio, col(Portfolio.id) == Account.portfolio_id)
    )


def _listed(session: Session, account_ids: Sequence[int]) -> list[ListedAccount]:
    query = _listing().outerjoin(AccountState, col(AccountState.account_id) == Account.id)
    rows = session.execute(query.where(col(Account.id).in_(account_ids)))
    by_id = {row[0].id: ListedAccount(*row) for row in rows}
    return [by_id[account_id] for account_id in account_ids]


def overpaid(
    session: Session, *, after: tuple[int, int] | None = None, limit: int | None = None
) -> list[ListedAccount]:
    """Accounts with a credit balance at the last close of day, the largest first."""
    state = AccountState
    query = _listing().join(state, col(state.account_id) == Account.id).where(col(state.balance_minor) < 0)
    if after:
        query = query.where(sa.tuple_(col(state.balance_minor), col(Account.id)) > after)
    query = query.order_by(col(state.balance_minor), col(Account.id)).limit(limit)
    return [ListedAccount(*row) for row in session.execute(query)]


OVERPAID_HEADER = ("account_ref", "name", "product", "status", "overpaid", "currency")


def _overpaid_rows(rows: Sequence[ListedAccount]) -> Iterator[Cells]:
    for row in rows:
        yield (
            row.account.reference,
            row.name,
            row.account.product,
            row.account.status.value,
            to_decimal_string(-(row.balance_minor or 0), row.currency),
            row.currency,
        )


@router.get("/by-reference/{reference:path}")
def by_reference(request: Request, reference: str, _staff: CaseReader, session: ReadSession) -> Response:
    """Redirect to the account's page, or to a list where several portfolios use the reference."""
    spellings = (reference[:60], normal_reference(reference)[:60])
    found = list(session.scalars(select(Account.id).where(col(Account.reference).in_(spellings)).limit(2)))
    if not found:
        raise NotFound("There is no account with this reference.")
    return redirect(request, f"/accounts/{found[0]}" if len(found) == 1 else f"/accounts?q={reference[:60]}")
