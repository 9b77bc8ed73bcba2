"""Layouts of the feeds that are loaded by columns: accounts, statements, transactions and payments.

A new column is one field of a layout; `fields.py` has the common kinds, the others stand here.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

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
from app.book.feeds.cells import BadCell, Cells, amount_cell, date_cell, one_of, text_cell
from app.book.feeds.columns import Columns
from app.book.feeds.fields import (
    DAY,
    MONEY,
    NUMBER,
    TEXT,
    Field,
    day,
    layout_of,
    member,
    reference,
    text,
    text_if_there,
)
from app.book.ledger.rules import AccountStatus, EntryKind, SignError, signed
from app.book.portfolios.models import Portfolio
from app.core.types import JsonObject
from app.policy.zones import PLACES, is_clock_only

STATUSES = frozenset(status.value for status in AccountStatus)
KINDS = frozenset(kind.value for kind in EntryKind)
LOADABLE = KINDS - {EntryKind.REVERSAL.value}


# --- fields of the accounts feed ------------------------------------------------------------------------------


def _card_last4(row: Cells, _: Portfolio) -> JsonObject:
    last4 = text_cell(row, "card_last4", 4)
    if not (len(last4) == 4 and last4.isascii() and last4.isdigit()):
        raise BadCell("card_last4", "is not four digits")
    return {"card_last4": last4}


def _currency(row: Cells, portfolio: Portfolio) -> JsonObject:
    if row["currency"] != portfolio.currency:
        raise BadCell("currency", f"is {row['currency'][:8]!r}, the portfolio's is {portfolio.currency}")
    return {}


def _apr(row: Cells, _: Portfolio) -> JsonObject:
    try:
        apr = Decimal(row["apr"] or "0")
        is_rate = 0 <= apr <= 10  # before anything is computed: 1e99999999 is a valid Decimal
    except InvalidOperation:
        is_rate = False
    if not is_rate:
        raise BadCell("apr", "is not a rate like 0.1500 between 0 and 10")
    return {"apr_millionths": int(apr.scaleb(6))}


def _contact(row: Cells, column: str, read: Read) -> JsonObject:
    """The value of a contact point. A row whose contact point cannot be read is loaded without it, as if the file had
    said nothing of it, and a person is told."""
    row.tell(column, read.word)
    return {column: read.value}


def _postcode(row: Cells, _: Portfolio) -> JsonObject:
    value = text_cell(row, "postcode", 20, required=False)
    try:
        return _contact(row, "postcode", read_postcode(value, row.get("country", "")))
    except BadPostcode as error:
        raise BadCell("postcode", str(error)) from None


def _zone(row: Cells, _: Portfolio) -> JsonObject:
    value = row.get("timezone", "")
    read = read_zone(value)
    if read.value is None and not (is_clock_only(value) or is_not_given(value)):
        raise BadCell("timezone", read.word)
    return _contact(row, "timezone", read)


def _mobile(row: Cells, _: Portfolio) -> JsonObject:
    return _contact(row, "mobile", read_telephone(row.get("mobile", ""), row.get("country", "")))


def _email(row: Cells, _: Portfolio) -> JsonObject:
    return _contact(row, "email", read_email(row.get("email", "")))


def _language(row: Cells, _: Portfolio) -> JsonObject:
    return {"language": text_cell(row, "language", 8).lower()}


def _status(row: Cells, _: Portfolio) -> JsonObject:
    """None where the file says nothing of it: a new account is active, a known one stays as it is."""
    return {"status": one_of(row, "status", STATUSES, "an account status") if row.get("status") else None}


def _status_columns(columns: Columns) -> None:
    columns.one_of("status", STATUSES | {""})
    columns.empty_is_none("status")


# --- amounts --------------------------------------------------------------------------------------------------


def _amount(column: str, *, negative: bool = False) -> Field:
    """An amount in minor units, kept as `<column>_minor`."""
    value = f"{column}_minor"

    def read(row: Cells, portfolio: Portfolio) -> JsonObject:
        amount = amount_cell(row, column, portfolio)
        if amount < 0 and not negative:
            raise BadCell(column, "is negative")
        return {value: amount}

    def read_columns(columns: Columns) -> None:
        amounts = columns.amount(column)
        if not negative:
            columns.sure_where(amounts >= 0)

    return Field((column,), read, read_columns, {value: MONEY})


def _kind_and_amount(row: Cells, portfolio: Portfolio) -> JsonObject:
    """The kind gives the amount its sign in the ledger."""
    kind = EntryKind(one_of(row, "kind", KINDS, "an entry kind"))
    try:
        amount = signed(kind, amount_cell(row, "amount", portfolio))
    except SignError as error:
        raise BadCell("kind" if kind is EntryKind.REVERSAL else "amount", str(error)) from None
    return {"kind": kind.value, "amount_minor": amount}


def _kind_and_amount_columns(columns: Columns) -> None:
    columns.signed_amount(columns.one_of("kind", LOADABLE), columns.amount("amount"))


def _payment_amount(row: Cells, portfolio: Portfolio) -> JsonObject:
    amount = amount_cell(row, "amount", portfolio)
    if amount <= 0:
        raise BadCell("amount", "of a payment must be positive")
    return {"kind": EntryKind.PAYMENT.value, "amount_minor": -amount}


def _payment_amount_columns(columns: Columns) -> None:
    columns.sure_where(columns.amount("amount") > 0)
    columns.constant("kind", EntryKind.PAYMENT.value)
    columns.negate("amount_minor")


def _closing_and_due(row: Cells, _: Portfolio) -> JsonObject:
    closing_on, due_on = date_cell(row, "closing_on"), date_cell(row, "due_on")
    assert closing_on is not None
    assert due_on is not None
    if due_on <= closing_on:
        raise BadCell("due_on", "is not after closing_on")
    return {"closing_on": closing_on, "due_on": due_on}


def _closing_and_due_columns(columns: Columns) -> None:
    columns.sure_where(columns.date("closing_on") < columns.date("due_on"))


# --- the layouts ----------------------------------------------------------------------------------------------

ACCOUNTS = layout_of(
    reference("account_ref", 60, name="reference"),
    reference("customer_ref", 60),
    text("full_name", 200),
    Field(("language",), _language, lambda c: c.matching("language", r"^[a-z-]{1,8}$"), {"language": TEXT}),
    member("country", COUNTRIES, "an ISO 3166 country code"),
    text_if_there("region", 60),
    Field(("timezone",), _zone, lambda c: c.one_of("timezone", PLACES | {""}), {"timezone": TEXT}),
    text("address_line1", 200, required=False),
    text_if_there("address_line2", 200),
    text("city", 100, required=False),
    Field(("postcode",), _postcode, lambda c: c.postcode("postcode", "country", 20), {"postcode": TEXT}),
    Field(("mobile",), _mobile, lambda c: c.mobile("mobile"), {"mobile": TEXT}),
    Field(("email",), _email, lambda c: c.email("email"), {"email": TEXT}),
    Field(
        ("card_last4",), _card_last4, lambda c: c.matching("card_last4", r"^[0-9]{4}$"), {"card_last4": TEXT}
    ),
    text("product", 60),
    Field(("currency",), _currency, lambda c: c.one_of("currency", [c.portfolio.currency], keep=False)),
    _amount("credit_limit"),
    Field(("apr",), _apr, lambda c: c.rate("apr", name="apr_millionths"), {"apr_millionths": NUMBER}),
    day("opened_on"),
    Field(("status",), _status, _status_columns, {"status": TEXT}, is_optional=True),
    day("placed_on", required=False, is_optional=True),
    first=(
        "card_last4",
        "currency",
        "apr",
        "credit_limit",
    ),
)

STATEMENTS = layout_of(
    reference("statement_ref", 60, name="reference"),
    reference("account_ref", 60),
    Field(
        ("closing_on", "due_on"),
        _closing_and_due,
        _closing_and_due_columns,
        {"closing_on": DAY, "due_on": DAY},
    ),
    _amount("balance", negative=True),
    _amount("minimum_due"),
    first=(
        "closing_on",
        "minimum_due",
    ),
)

_ENTRY_VALUES = {"kind": TEXT, "amount_minor": MONEY}

TRANSACTIONS = layout_of(
    reference("transaction_ref", 80, name="reference"),
    reference("account_ref", 60),
    day("posted_on", name="effective_on"),
    Field(("kind", "amount"), _kind_and_amount, _kind_and_amount_columns, _ENTRY_VALUES),
    text("description", 200, required=False),
    first=("kind",),
)

PAYMENTS = layout_of(
    reference("payment_ref", 80, name="reference"),
    reference("account_ref", 60),
    day("paid_on", name="effective_on"),
    Field(("amount",), _payment_amount, _payment_amount_columns, _ENTRY_VALUES),
    text("method", 200, required=False, name="description"),
    first=("amount",),
)
