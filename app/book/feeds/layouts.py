"""What each kind of feed means: its columns and how a row is understood, twice.

The row-by-row functions are the definition, with every reason to reject. The columnar ones beside them say the same of
whole columns for the rows they are sure of (see `columns.py`); the others take the row-by-row way. A property test
holds the two together.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

import polars as pl

from app.book.customers.people import (
    COUNTRIES,
    BadPostcode,
    Read,
    is_not_given,
    read_email,
    read_postcode,
    read_telephone,
    read_zone,
)
from app.book.feeds.cells import (
    BadCell,
    Cells,
    Layout,
    amount_cell,
    date_cell,
    if_there,
    one_of,
    reference_cell,
    text_cell,
)
from app.book.ledger.rules import AccountStatus, EntryKind, SignError, signed
from app.book.portfolios.models import Portfolio
from app.core.types import JsonObject
from app.policy.zones import PLACES, is_clock_only

if TYPE_CHECKING:
    from app.book.feeds.columns import Columns


# --- cells --------------------------------------------------------------------------------------------------


STATUSES = frozenset(status.value for status in AccountStatus)
LOADABLE = frozenset(kind.value for kind in EntryKind if kind is not EntryKind.REVERSAL)


def _contact(row: Cells, column: str, read: Read) -> str | None:
    """What was read of a contact point. A debt is never kept out of the book by one that cannot be read: then the
    file has said nothing of it, and a person is told."""
    row.tell(column, read.word)
    return read.value


def _postcode(row: Cells) -> str | None:
    value = text_cell(row, "postcode", 20, required=False)
    try:
        return _contact(row, "postcode", read_postcode(value, row.get("country", "")))
    except BadPostcode as error:
        raise BadCell("postcode", str(error)) from None


def _zone(row: Cells) -> str | None:
    value = row.get("timezone", "")
    read = read_zone(value)
    if read.value is None and not (is_clock_only(value) or is_not_given(value)):
        raise BadCell("timezone", read.word)
    return _contact(row, "timezone", read)


# --- accounts -----------------------------------------------------------------------------------------------


def _parse_account(row: Cells, portfolio: Portfolio) -> JsonObject:
    last4 = text_cell(row, "card_last4", 4)
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
    limit = amount_cell(row, "credit_limit", portfolio)
    if limit < 0:
        raise BadCell("credit_limit", "is negative")
    return {
        "customer_ref": reference_cell(row, "customer_ref", 60),
        "full_name": text_cell(row, "full_name", 200),
        "language": text_cell(row, "language", 8).lower(),
        "country": one_of(row, "country", COUNTRIES, "an ISO 3166 country code"),
        "region": if_there(row, "region", 60),
        "timezone": _zone(row),
        "address_line1": text_cell(row, "address_line1", 200, required=False),
        "address_line2": if_there(row, "address_line2", 200),
        "city": text_cell(row, "city", 100, required=False),
        "postcode": _postcode(row),
        "mobile": _contact(row, "mobile", read_telephone(row.get("mobile", ""), row.get("country", ""))),
        "email": _contact(row, "email", read_email(row.get("email", ""))),
        "reference": reference_cell(row, "account_ref", 60),
        "card_last4": last4,
        "product": text_cell(row, "product", 60),
        "credit_limit_minor": limit,
        "apr_millionths": int(apr.scaleb(6)),
        "opened_on": date_cell(row, "opened_on"),
        "placed_on": date_cell(row, "placed_on", required=False),
        # None where the file says nothing of it: a new account is active, a known one stays what it is.
        "status": one_of(row, "status", STATUSES, "an account status") if row.get("status") else None,
    }


def _account_columns(columns: Columns) -> None:
    columns.one_of("currency", [columns.portfolio.currency], keep=False)
    columns.reference("customer_ref", 60)
    columns.text("full_name", 200)
    columns.matching("language", r"^[a-z-]{1,8}$")
    columns.one_of("country", COUNTRIES)
    columns.text("region", 60, required=False)
    columns.one_of("timezone", PLACES | {""})
    for column, limit in (("address_line1", 200), ("address_line2", 200), ("city", 100)):
        columns.text(column, limit, required=False)
    columns.postcode("postcode", "country", 20)
    columns.missing_is_none("region")
    columns.missing_is_none("address_line2")
    columns.mobile("mobile")
    columns.email("email")
    columns.reference("account_ref", 60, name="reference")
    columns.matching("card_last4", r"^[0-9]{4}$")
    columns.text("product", 60)
    columns.rate("apr", name="apr_millionths")
    columns.sure_where(columns.amount("credit_limit") >= 0)
    columns.date("opened_on")
    columns.date("placed_on", required=False)
    columns.one_of("status", STATUSES | {""})
    columns.empty_is_none("status")


# --- statements, transactions, payments -----------------------------------------------------------------------


def _parse_statement(row: Cells, portfolio: Portfolio) -> JsonObject:
    closing_on, due_on = date_cell(row, "closing_on"), date_cell(row, "due_on")
    assert closing_on is not None
    assert due_on is not None
    if due_on <= closing_on:
        raise BadCell("due_on", "is not after closing_on")
    minimum = amount_cell(row, "minimum_due", portfolio)
    if minimum < 0:
        raise BadCell("minimum_due", "is negative")
    return {
        "reference": reference_cell(row, "statement_ref", 60),
        "account_ref": reference_cell(row, "account_ref", 60),
        "closing_on": closing_on,
        "due_on": due_on,
        "balance_minor": amount_cell(row, "balance", portfolio),
        "minimum_due_minor": minimum,
    }


def _statement_columns(columns: Columns) -> None:
    columns.reference("statement_ref", 60, name="reference")
    columns.reference("account_ref", 60)
    columns.sure_where(columns.date("closing_on") < columns.date("due_on"))
    columns.amount("balance")
    columns.sure_where(columns.amount("minimum_due") >= 0)


def _parse_transaction(row: Cells, portfolio: Portfolio) -> JsonObject:
    kinds = {kind.value for kind in EntryKind}
    kind = EntryKind(one_of(row, "kind", kinds, "an entry kind"))
    try:
        amount = signed(kind, amount_cell(row, "amount", portfolio))
    except SignError as error:
        raise BadCell("kind" if kind is EntryKind.REVERSAL else "amount", str(error)) from None
    return _entry(row, "transaction_ref", "posted_on", kind, amount, "description")


def _transaction_columns(columns: Columns) -> None:
    columns.reference("transaction_ref", 80, name="reference")
    columns.reference("account_ref", 60)
    columns.signed_amount(columns.one_of("kind", LOADABLE), columns.amount("amount"))
    columns.date("posted_on", name="effective_on")
    columns.text("description", 200, required=False)


def _parse_payment(row: Cells, portfolio: Portfolio) -> JsonObject:
    amount = amount_cell(row, "amount", portfolio)
    if amount <= 0:
        raise BadCell("amount", "of a payment must be positive")
    return _entry(row, "payment_ref", "paid_on", EntryKind.PAYMENT, -amount, "method")


def _payment_columns(columns: Columns) -> None:
    columns.reference("payment_ref", 80, name="reference")
    columns.reference("account_ref", 60)
    columns.sure_where(columns.amount("amount") > 0)
    columns.constant("kind", EntryKind.PAYMENT.value)
    columns.negate("amount_minor")
    columns.date("paid_on", name="effective_on")
    columns.text("method", 200, required=False, name="description")


def _entry(row: Cells, reference: str, on: str, kind: EntryKind, amount: int, description: str) -> JsonObject:
    return {
        "reference": reference_cell(row, reference, 80),
        "account_ref": reference_cell(row, "account_ref", 60),
        "kind": kind.value,
        "amount_minor": amount,
        "effective_on": date_cell(row, on),
        "description": text_cell(row, description, 200, required=False),
    }


_TEXT, _MONEY = pl.String, pl.Int64
_ENTRY = {
    "reference": _TEXT,
    "account_ref": _TEXT,
    "kind": _TEXT,
    "amount_minor": _MONEY,
    "effective_on": pl.Date,
    "description": _TEXT,
}

ACCOUNTS = Layout(
    (
        "account_ref", "customer_ref", "full_name", "language", "country", "timezone", "address_line1", "city",
        "postcode", "mobile", "email", "card_last4", "product", "currency", "credit_limit", "apr", "opened_on",
    ),
    ("region", "address_line2", "status", "placed_on"),
    _parse_account,
    schema={
        "customer_ref": _TEXT, "full_name": _TEXT, "language": _TEXT, "country": _TEXT, "region": _TEXT,
        "timezone": _TEXT, "address_line1": _TEXT, "address_line2": _TEXT, "city": _TEXT, "postcode": _TEXT,
        "mobile": _TEXT, "email": _TEXT, "reference": _TEXT, "card_last4": _TEXT, "product": _TEXT,
        "credit_limit_minor": _MONEY, "apr_millionths": pl.Int64, "opened_on": pl.Date, "placed_on": pl.Date,
        "status": _TEXT,
    },
    columns=_account_columns,
)  # fmt: skip

STATEMENTS = Layout(
    ("statement_ref", "account_ref", "closing_on", "due_on", "balance", "minimum_due"),
    (),
    _parse_statement,
    schema={
        "reference": _TEXT,
        "account_ref": _TEXT,
        "closing_on": pl.Date,
        "due_on": pl.Date,
        "balance_minor": _MONEY,
        "minimum_due_minor": _MONEY,
    },
    columns=_statement_columns,
)

TRANSACTIONS = Layout(
    ("transaction_ref", "account_ref", "posted_on", "kind", "amount", "description"),
    (),
    _parse_transaction,
    schema=_ENTRY,
    columns=_transaction_columns,
)

PAYMENTS = Layout(
    ("payment_ref", "account_ref", "paid_on", "amount", "method"),
    (),
    _parse_payment,
    schema=_ENTRY,
    columns=_payment_columns,
)
