"""What each kind of feed means: its columns, how a row is understood, and how understood rows are stored."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Any
from zoneinfo import available_timezones

import phonenumbers
import sqlalchemy as sa
from email_validator import EmailNotValidError, validate_email
from sqlmodel import Session, SQLModel

from app.db import chunked, insert_rows, table_of
from app.ledger.models import Account, Customer, Entry, Portfolio, Statement
from app.ledger.rules import AccountStatus, EntryKind, FeedKind, SignError, posting_date, signed
from app.ledger.service import accounts_by_reference, first_open_day, mark_changed
from app.money import BadAmount, to_minor

CONFLICT = "conflict: "


class BadCell(ValueError):
    """A cell is not acceptable; carries the column."""

    def __init__(self, column: str, reason: str) -> None:
        super().__init__(reason)
        self.column = column


@dataclass(frozen=True, slots=True)
class Reject:
    line: int
    column: str
    reason: str
    row: Sequence[str]

    @property
    def is_conflict(self) -> bool:
        return self.reason.startswith(CONFLICT)


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    cells: Sequence[str]
    values: Mapping[str, Any]


@dataclass
class Stored:
    loaded: int = 0
    unchanged: int = 0
    rejects: list[Reject] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """Columns of a feed kind, how a row is understood, and how understood rows are stored."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    parse: Callable[[Mapping[str, str], Portfolio], dict[str, Any]]
    store: Callable[[Session, Portfolio, list[Row], datetime], Stored]


# --- cells --------------------------------------------------------------------------------------------------


def _text(row: Mapping[str, str], column: str, limit: int, *, required: bool = True) -> str:
    value = row.get(column, "")
    if required and not value:
        raise BadCell(column, "is empty")
    if len(value) > limit:
        raise BadCell(column, f"is longer than {limit} characters")
    return value


def _date(row: Mapping[str, str], column: str, *, required: bool = True) -> date | None:
    value = row.get(column, "")
    if not value and not required:
        return None
    try:
        on = date.fromisoformat(value) if len(value) == 10 else None
    except ValueError:
        on = None
    if on is None or not 1950 <= on.year <= 2199:
        raise BadCell(column, f"is not a date like 2026-01-31: {value[:20]!r}")
    return on


def _amount(row: Mapping[str, str], column: str, portfolio: Portfolio) -> int:
    try:
        return to_minor(row.get(column, ""), portfolio.currency)
    except BadAmount as error:
        raise BadCell(column, str(error)) from None


def _one_of(row: Mapping[str, str], column: str, allowed: frozenset[str] | set[str], what: str) -> str:
    value = row.get(column, "")
    if value not in allowed:
        raise BadCell(column, f"is not {what}: {value[:30]!r}")
    return value


_ZONES = frozenset(available_timezones())
_COUNTRIES = frozenset(phonenumbers.SUPPORTED_REGIONS)


def _mobile(row: Mapping[str, str]) -> str:
    """Normalised to E.164; possible is enough, since reserved ranges are not 'valid' to the library."""
    value = row.get("mobile", "")
    if not value:
        return ""
    try:
        number = phonenumbers.parse(value, row.get("country") or None)
    except phonenumbers.NumberParseException:
        raise BadCell("mobile", "is not a phone number") from None
    if not phonenumbers.is_possible_number(number):
        raise BadCell("mobile", "is not a possible phone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _email(row: Mapping[str, str]) -> str:
    value = row.get("email", "")
    if not value:
        return ""
    try:
        return validate_email(value, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError:
        raise BadCell("email", "is not an e-mail address") from None


# --- accounts -----------------------------------------------------------------------------------------------


def _parse_account(row: Mapping[str, str], portfolio: Portfolio) -> dict[str, Any]:
    last4 = _text(row, "card_last4", 4)
    if not (len(last4) == 4 and last4.isascii() and last4.isdigit()):
        raise BadCell("card_last4", "is not four digits")
    if row["currency"] != portfolio.currency:
        raise BadCell("currency", f"is {row['currency'][:8]!r}, the portfolio's is {portfolio.currency}")
    try:
        apr = Decimal(row["apr"] or "0")
        is_rate = 0 <= apr <= 10  # before anything is computed: 1e99999999 is a valid Decimal
    except InvalidOperation:
        is_rate = False
    if not is_rate:
        raise BadCell("apr", "is not a rate like 0.1500 between 0 and 10")
    limit = _amount(row, "credit_limit", portfolio)
    if limit < 0:
        raise BadCell("credit_limit", "is negative")
    statuses = {status.value for status in AccountStatus}
    return {
        "customer": {
            "reference": _text(row, "customer_ref", 60),
            "full_name": _text(row, "full_name", 200),
            "language": _text(row, "language", 8).lower(),
            "country": _one_of(row, "country", _COUNTRIES, "an ISO 3166 country code"),
            "region": _text(row, "region", 60, required=False),
            "timezone": _one_of(row, "timezone", _ZONES, "an IANA time zone") if row["timezone"] else "",
            "address_line1": _text(row, "address_line1", 200, required=False),
            "address_line2": _text(row, "address_line2", 200, required=False),
            "city": _text(row, "city", 100, required=False),
            "postcode": _text(row, "postcode", 20, required=False),
            "mobile": _mobile(row),
            "email": _email(row),
        },
        "account": {
            "reference": _text(row, "account_ref", 60),
            "card_last4": last4,
            "product": _text(row, "product", 60),
            "credit_limit_minor": limit,
            "apr_millionths": int(apr.scaleb(6)),
            "opened_on": _date(row, "opened_on"),
            "placed_on": _date(row, "placed_on", required=False),
            "status": AccountStatus(_one_of(row, "status", statuses, "an account status"))
            if row.get("status")
            else AccountStatus.ACTIVE,
        },
    }


def _store_accounts(session: Session, portfolio: Portfolio, rows: list[Row], now: datetime) -> Stored:
    """Customers first, then accounts. A customer or account known with other data is a conflict."""
    del now
    stored = Stored()
    customers, agreeing = _store_customers(session, portfolio, rows, stored)
    fresh: dict[str, Row] = {}
    known = _existing(session, Account, portfolio, [r.values["account"]["reference"] for r in agreeing])
    for row in agreeing:
        data = {**row.values["account"], "customer_id": customers[row.values["customer"]["reference"]]}
        reference = data["reference"]
        if reference in known or reference in fresh:
            other = known.get(reference) or _account_row(portfolio, fresh[reference], customers)
            _settle_duplicate(stored, row, data, other, "account_ref")
        else:
            fresh[reference] = row
    insert_rows(session, Account, [_account_row(portfolio, row, customers) for row in fresh.values()])
    found = accounts_by_reference(session, portfolio.id or 0, list(fresh))
    changed = {found[ref][0]: row.values["account"]["opened_on"] for ref, row in fresh.items()}
    mark_changed(session, portfolio.id or 0, changed)
    stored.loaded += len(fresh)
    return stored


def _account_row(portfolio: Portfolio, row: Row, customers: Mapping[str, int]) -> dict[str, Any]:
    customer_id = customers[row.values["customer"]["reference"]]
    return {**row.values["account"], "customer_id": customer_id, "portfolio_id": portfolio.id}


def _store_customers(
    session: Session, portfolio: Portfolio, rows: list[Row], stored: Stored
) -> tuple[dict[str, int], list[Row]]:
    """Insert new customers; returns reference -> id and the rows whose customer data agree with what is known."""
    references = [row.values["customer"]["reference"] for row in rows]
    known = _existing(session, Customer, portfolio, references)
    fresh: dict[str, Mapping[str, Any]] = {}
    agreeing = []
    for row in rows:
        data = row.values["customer"]
        other = known.get(data["reference"]) or fresh.setdefault(data["reference"], data)
        differing = [name for name, value in data.items() if other[name] != value]
        if differing:
            reason = f"{CONFLICT}customer is already known with another {', '.join(differing)}"
            stored.rejects.append(Reject(row.line, differing[0], reason, row.cells))
        else:
            agreeing.append(row)
    insert_rows(session, Customer, [{**data, "portfolio_id": portfolio.id} for data in fresh.values()])
    ids = {ref: data["id"] for ref, data in _existing(session, Customer, portfolio, references).items()}
    return ids, agreeing


# --- statements, transactions, payments -----------------------------------------------------------------------


def _parse_statement(row: Mapping[str, str], portfolio: Portfolio) -> dict[str, Any]:
    closing_on, due_on = _date(row, "closing_on"), _date(row, "due_on")
    assert closing_on is not None
    assert due_on is not None
    if due_on <= closing_on:
        raise BadCell("due_on", "is not after closing_on")
    minimum = _amount(row, "minimum_due", portfolio)
    if minimum < 0:
        raise BadCell("minimum_due", "is negative")
    return {
        "reference": _text(row, "statement_ref", 60),
        "account_ref": _text(row, "account_ref", 60),
        "closing_on": closing_on,
        "due_on": due_on,
        "balance_minor": _amount(row, "balance", portfolio),
        "minimum_due_minor": minimum,
    }


def _parse_transaction(row: Mapping[str, str], portfolio: Portfolio) -> dict[str, Any]:
    kinds = {kind.value for kind in EntryKind}
    kind = EntryKind(_one_of(row, "kind", kinds, "an entry kind"))
    try:
        amount = signed(kind, _amount(row, "amount", portfolio))
    except SignError as error:
        raise BadCell("kind" if kind is EntryKind.REVERSAL else "amount", str(error)) from None
    return _entry(row, "transaction_ref", "posted_on", kind, amount, "description")


def _parse_payment(row: Mapping[str, str], portfolio: Portfolio) -> dict[str, Any]:
    amount = _amount(row, "amount", portfolio)
    if amount <= 0:
        raise BadCell("amount", "of a payment must be positive")
    return _entry(row, "payment_ref", "paid_on", EntryKind.PAYMENT, -amount, "method")


def _entry(
    row: Mapping[str, str], reference: str, on: str, kind: EntryKind, amount: int, description: str
) -> dict[str, Any]:
    effective_on = _date(row, on)
    return {
        "reference": _text(row, reference, 80),
        "account_ref": _text(row, "account_ref", 60),
        "kind": kind,
        "amount_minor": amount,
        "effective_on": effective_on,
        "description": _text(row, description, 200, required=False),
    }


def _store_dated(
    model: type[SQLModel],
    dated_by: str,
    reference_column: str,
    extra: Mapping[str, Any],
    session: Session,
    portfolio: Portfolio,
    rows: list[Row],
    now: datetime,
) -> Stored:
    """Store statements or entries of accounts that exist, and note from when on each account changed."""
    stored = Stored()
    accounts = accounts_by_reference(session, portfolio.id or 0, [r.values["account_ref"] for r in rows])
    known = _existing(session, model, portfolio, [r.values["reference"] for r in rows])
    open_on = first_open_day(session, portfolio.id or 0)
    fresh: dict[str, dict[str, Any]] = {}
    changed: dict[int, date] = {}
    for row in rows:
        account = accounts.get(row.values["account_ref"])
        if account is None:
            stored.rejects.append(
                Reject(row.line, "account_ref", "no such account in this portfolio", row.cells)
            )
            continue
        data = {k: v for k, v in row.values.items() if k != "account_ref"} | {"account_id": account[0]}
        reference = data["reference"]
        other = known.get(reference) or fresh.get(reference)
        if other is not None:
            _settle_duplicate(stored, row, data, other, reference_column)
            continue
        fresh[reference] = {**data, "posted_on": posting_date(data[dated_by], open_on)}
        changed[account[0]] = min(data[dated_by], changed.get(account[0], data[dated_by]))
    created = {"created_at": now} if "created_at" in table_of(model).c else {}
    insert_rows(
        session, model, [{**d, **extra, **created, "portfolio_id": portfolio.id} for d in fresh.values()]
    )
    mark_changed(session, portfolio.id or 0, changed)
    stored.loaded += len(fresh)
    return stored


def _existing(
    session: Session, model: type[SQLModel], portfolio: Portfolio, references: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Rows of `model` in this portfolio by reference, as plain dictionaries."""
    table = table_of(model)
    found: dict[str, dict[str, Any]] = {}
    for names in chunked(references, 5000):
        query = sa.select(table).where(table.c.portfolio_id == portfolio.id, table.c.reference.in_(names))
        found.update({r["reference"]: dict(r) for r in session.connection().execute(query).mappings()})
    return found


def _settle_duplicate(
    stored: Stored, row: Row, data: Mapping[str, Any], other: Mapping[str, Any], reference_column: str
) -> None:
    differing = [name for name, value in data.items() if other[name] != value]
    if differing:
        reason = f"{CONFLICT}this reference is already loaded with another {', '.join(differing)}"
        stored.rejects.append(Reject(row.line, reference_column, reason, row.cells))
    else:
        stored.unchanged += 1


ACCOUNT_COLUMNS = (
    "account_ref customer_ref full_name language country timezone address_line1 city postcode mobile email "
    "card_last4 product currency credit_limit apr opened_on"
)

LAYOUTS: Mapping[FeedKind, Layout] = {
    FeedKind.ACCOUNTS: Layout(
        tuple(ACCOUNT_COLUMNS.split(" ")),
        ("region", "address_line2", "status", "placed_on"),
        _parse_account,
        _store_accounts,
    ),
    FeedKind.STATEMENTS: Layout(
        ("statement_ref", "account_ref", "closing_on", "due_on", "balance", "minimum_due"),
        (),
        _parse_statement,
        partial(_store_dated, Statement, "closing_on", "statement_ref", {}),
    ),
    FeedKind.TRANSACTIONS: Layout(
        ("transaction_ref", "account_ref", "posted_on", "kind", "amount", "description"),
        (),
        _parse_transaction,
        partial(_store_dated, Entry, "effective_on", "transaction_ref", {"source": "feed:transactions"}),
    ),
    FeedKind.PAYMENTS: Layout(
        ("payment_ref", "account_ref", "paid_on", "amount", "method"),
        (),
        _parse_payment,
        partial(_store_dated, Entry, "effective_on", "payment_ref", {"source": "feed:payments"}),
    ),
}
