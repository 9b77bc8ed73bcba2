"""Bank payments without a matching account: the oldest first, until a person decides.

Agents match it, as they take payments; sending it back is up to a manager.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Annotated

import sqlalchemy as sa
from fastapi import Form
from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.actions.accounts.corrections import match_payment, return_payment
from app.book.delinquency.history import AccountOn, as_known
from app.book.feeds.bank.candidates import Candidate, candidates
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.accounts import find_account
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.references import normal_reference
from app.book.ledger.rules import AccountStatus, UnmatchedStatus
from app.book.portfolios.models import Portfolio
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.money import BadAmount, known_currencies, typed_minor
from app.core.staff.rules import Role, Staff
from app.core.text import sentence
from app.core.types import JsonObject
from app.http.context import Now
from app.http.cursors import RowId, decode_cursor, encode_cursor
from app.http.doors import CaseWorker, Manager
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.accounts.words import STATUS_WORDS
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.rendering import Page, Tone, page, redirect
from app.web.timeline import PageReader

router = Router(prefix="/unmatched")

PAGE = 50
COLUMNS = [
    Column("Paid"),
    Column("Payer"),
    Column("Amount", numeric=True),
    Column("What they wrote"),
    Column("Why it waits"),
]
DECIDED_COLUMNS = [
    Column("Paid"),
    Column("Payer"),
    Column("Amount", numeric=True),
    Column("What became of it"),
    Column("By"),
]


# --- the list -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UnmatchedPage(Page):
    template = "accounts/unmatched.html"
    rows: Sequence[Mapping[str, object]]
    waits: bool
    q: str
    status: str
    columns: Sequence[Column]
    tabs: Sequence[tuple[str, str, bool]]
    ages: Mapping[int, int]
    accounts: Mapping[int, Account]
    names: Mapping[str, str]
    next_cursor: str | None


@router.get("")
def unmatched(
    request: Request,
    _staff: CaseWorker,
    session: ReadSession,
    now: Now,
    status: str = "",
    cursor: str = "",
    q: str = "",
) -> Response:
    """Waiting payments of all portfolios, the oldest first; `?status=matched` and `returned` show earlier ones."""
    wanted = UnmatchedStatus(status) if status in set(UnmatchedStatus) else UnmatchedStatus.WAITING
    waits = wanted is UnmatchedStatus.WAITING
    after = decode_cursor(cursor, 1, int)
    key = col(UnmatchedPayment.id)
    query = (
        select(UnmatchedPayment, Portfolio)
        .join(Portfolio, col(Portfolio.id) == UnmatchedPayment.portfolio_id)
        .where(col(UnmatchedPayment.status) == wanted)
    )
    q = normal_reference(q)[:80]
    if q:
        query = query.where(_mentions(q))
    if waits:
        # Few enough to be shown at once, because people work on them every day.
        query = query.order_by(col(UnmatchedPayment.paid_on), key).limit(500)
    else:
        query = query.where(key < int(after[0])) if after else query
        query = query.order_by(key.desc()).limit(PAGE + 1)
    rows = [{"payment": payment, "portfolio": portfolio} for payment, portfolio in session.execute(query)]
    more = not waits and len(rows) > PAGE
    found = counts(session)
    return page(
        request,
        UnmatchedPage(
            rows=rows[:PAGE] if not waits else rows,
            waits=waits,
            q=q,
            status=wanted.value,
            columns=COLUMNS if waits else DECIDED_COLUMNS,
            tabs=[
                (f"{label} ({found.get(each, 0):,})", f"/unmatched?status={each.value}", each is wanted)
                for each, label in LABELS.items()
            ],
            ages={row["payment"].id: _age(row["payment"], row["portfolio"], now) for row in rows},
            accounts=_posted_to(session, rows),
            names=staff_names(session),
            next_cursor=encode_cursor(rows[PAGE - 1]["payment"].id) if more else None,
        ),
    )


def _mentions(text: str) -> sa.ColumnElement[bool]:
    """Payments with this text in reference, payer or what they wrote, or of this amount in any currency of ours."""
    parts = [
        col(column).icontains(text, autoescape=True)
        for column in (
            UnmatchedPayment.reference,
            UnmatchedPayment.payer_name,
            UnmatchedPayment.remittance,
            UnmatchedPayment.payer_account,
        )
    ]
    for currency in known_currencies():
        with suppress(BadAmount):
            of_currency = col(Portfolio.currency) == currency
            amount = col(UnmatchedPayment.amount_minor) == typed_minor(text, currency)
            parts.append(sa.and_(of_currency, amount))
    return sa.or_(*parts)


NO_ACCOUNT = "There is no account with this reference in this portfolio."
LABELS = {
    UnmatchedStatus.WAITING: "Waiting",
    UnmatchedStatus.MATCHED: "Matched by hand",
    UnmatchedStatus.RETURNED: "Returned",
    UnmatchedStatus.SPLIT: "Split",
}


def counts(session: Session) -> dict[UnmatchedStatus, int]:
    query = sa.select(col(UnmatchedPayment.status), sa.func.count()).group_by(col(UnmatchedPayment.status))
    return {status: n for status, n in session.execute(query)}


def _age(payment: UnmatchedPayment, portfolio: Portfolio, now: Now) -> int:
    return max(0, (local_date(now, portfolio.timezone) - payment.paid_on).days)


def _posted_to(session: Session, rows: Sequence[JsonObject]) -> dict[int, Account]:
    """entry id -> the account it is on, for the payments that were matched."""
    ids = [row["payment"].entry_id for row in rows if row["payment"].entry_id]
    query = (
        sa.select(col(Entry.id), Account)
        .join(Account, col(Account.id) == Entry.account_id)
        .where(col(Entry.id).in_(ids))
    )
    return {entry_id: account for entry_id, account in session.execute(query)}


# --- one payment --------------------------------------------------------------------------------------------


@router.get("/{payment_id}")
def payment_page(
    request: Request,
    payment_id: RowId,
    staff: CaseWorker,
    session: ReadSession,
    now: Now,
    account: str = "",
) -> Response:
    """Show a waiting payment. `?account=` looks an account up: its holder and standing, before anything is posted."""
    return _page(request, session, staff, _payment(session, payment_id), account.strip()[:60], now=now)


@dataclass(frozen=True, slots=True)
class UnmatchedPaymentPage(Page):
    template = "accounts/unmatched_payment.html"
    payment: UnmatchedPayment
    portfolio: Portfolio
    currency: str
    waits: bool
    age: int
    candidates: Sequence[Candidate]
    wanted: str
    chosen: Account | None
    holder: Customer | None
    stands: AccountOn | None
    posted_to: Account | None
    status_words: Mapping[AccountStatus, tuple[str, Tone]]
    labels: Mapping[UnmatchedStatus, str]
    reader: PageReader
    is_manager: bool
    errors: Mapping[str, str]
    note: str


def _page(
    request: Request,
    session: Session,
    staff: Staff,
    payment: UnmatchedPayment,
    wanted: str,
    *,
    now: Now,
    errors: dict[str, str] | None = None,
    note: str = "",
    status: int = 200,
) -> Response:
    portfolio = session.get_one(Portfolio, payment.portfolio_id)
    waits = payment.status is UnmatchedStatus.WAITING
    errors = errors or {}
    chosen = _account(session, payment, wanted) if wanted and waits else None
    if wanted and waits and chosen is None:
        errors = {"account": NO_ACCOUNT, **errors}
    today = local_date(now, portfolio.timezone)
    return page(
        request,
        UnmatchedPaymentPage(
            payment=payment,
            portfolio=portfolio,
            currency=portfolio.currency,
            waits=waits,
            age=_age(payment, portfolio, now),
            candidates=candidates(session, payment) if waits else [],
            wanted=wanted,
            chosen=chosen,
            holder=session.get(Customer, chosen.customer_id) if chosen else None,
            stands=as_known(session, portfolio, id_of(chosen), today) if chosen else None,
            posted_to=next(iter(_posted_to(session, [{"payment": payment}]).values()), None),
            status_words=STATUS_WORDS,
            labels=LABELS,
            reader=PageReader(
                reader_locale(request), portfolio.currency, portfolio.timezone, staff_names(session)
            ),
            is_manager=staff.role is Role.MANAGER,
            errors=errors,
            note=note,
        ),
        status,
    )


def _payment(session: Session, payment_id: int) -> UnmatchedPayment:
    payment = session.get(UnmatchedPayment, payment_id)
    if payment is None:
        raise NotFound(f"There is no unmatched payment {payment_id}. Choose one from the list.")
    return payment


def _account(session: Session, payment: UnmatchedPayment, reference: str) -> Account | None:
    return find_account(session, payment.portfolio_id, reference)


# --- what a person decides ----------------------------------------------------------------------------------


@router.post("/{payment_id}/match")
def match(
    request: Request,
    payment_id: RowId,
    staff: CaseWorker,
    session: WriteSession,
    now: Now,
    account: Annotated[str, Form(max_length=60)] = "",
) -> Response:
    """Post the payment to the account that was looked up."""
    payment = _payment(session, payment_id)
    chosen = _account(session, payment, account.strip())
    if chosen is None:
        errors = {"account": NO_ACCOUNT}
        return _page(request, session, staff, payment, "", now=now, errors=errors, status=422)
    try:
        with session.begin_nested():
            match_payment(session, payment, chosen, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        errors = {"": sentence(refused.message)}
        return _page(request, session, staff, payment, account, now=now, errors=errors, status=refused.status)
    return redirect(request, "/unmatched", f"The payment is posted to {chosen.reference}.")


@router.post("/{payment_id}/return")
def give_back(
    request: Request,
    payment_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    note: Annotated[str, Form(max_length=300)] = "",
) -> Response:
    """Mark the payment as not for an account of ours; the money itself is sent outside the desk."""
    payment = _payment(session, payment_id)
    try:
        with session.begin_nested():
            return_payment(session, payment, note, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        errors = {getattr(refused, "field", "") or "": sentence(refused.message)}
        return _page(
            request, session, staff, payment, "", now=now, errors=errors, note=note, status=refused.status
        )
    return redirect(request, "/unmatched", "On record as returned to the payer.")
