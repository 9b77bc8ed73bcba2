"""The published schema of the analytics files: their tables and columns. Pure.

Within a version a column is only ever added, at the end of its table. No column holds a name, an address, a telephone
number, an e-mail address or words that a person wrote.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.core.types import JsonObject

VERSION = 1


class Kind(StrEnum):
    """Types of columns, by their names in Arrow."""

    INTEGER = "int64"
    TEXT = "string"
    DATE = "date32"
    INSTANT = "timestamp[us, tz=UTC]"
    FLAG = "bool"


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `optional` ones may be empty."""

    name: str
    kind: Kind
    about: str
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One table: a folder of files. With `by_day` one file holds one day of that column; otherwise one file holds all
    rows and is replaced every night."""

    name: str
    about: str
    columns: tuple[Column, ...]
    by_day: str = ""
    settles_in: int = 0
    """Days for which the rows of a day may still change; their files are written again."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(each.name for each in self.columns)


def _id(name: str, about: str, optional: bool = False) -> Column:
    return Column(name, Kind.INTEGER, about, optional)


def _minor(name: str, about: str, optional: bool = False) -> Column:
    return Column(
        f"{name}_minor", Kind.INTEGER, f"{about}, in minor units of the portfolio's currency", optional
    )


def _text(name: str, about: str, optional: bool = False) -> Column:
    return Column(name, Kind.TEXT, about, optional)


def _date(name: str, about: str, optional: bool = False) -> Column:
    return Column(name, Kind.DATE, about, optional)


def _instant(name: str, about: str, optional: bool = False) -> Column:
    return Column(name, Kind.INSTANT, about, optional)


_PORTFOLIO = _text("portfolio", "code of the portfolio")
_ACCOUNT = _id("account_id", "account, as in `accounts`")
_CUSTOMER = _id("customer_id", "customer; a number without a name")
_CASE = _id("case_id", "case, as in `cases`")

PORTFOLIOS = Table(
    "portfolios",
    "Portfolios and their settings that give other columns their meaning.",
    (
        _PORTFOLIO,
        _text("currency", "ISO 4217 code of all its amounts"),
        Column("decimals", Kind.INTEGER, "digits of the minor unit: an amount of 1234 with 2 is 12.34"),
        _text("timezone", "time zone of its business days"),
        _text(
            "source",
            "source of past-due amounts: `ledger` = computed from statements, `reported` = by the creditor",
        ),
        _date("through", "the last closed business day that the files hold"),
    ),
)
ACCOUNTS = Table(
    "accounts",
    "Accounts as they stood at the end of the last closed day.",
    (
        _PORTFOLIO,
        _id("account_id", "account"),
        _CUSTOMER,
        _text("account_reference", "the creditor's reference; never a card number"),
        _text("product", "product"),
        _date("opened_on", "day of opening"),
        _date("placed_on", "day of placement", optional=True),
        _text("status", "status, such as `active` or `charged_off`"),
        _date("ended_on", "day of charge-off, settlement or another end", optional=True),
        _minor("credit_limit", "credit limit"),
        Column("apr_millionths", Kind.INTEGER, "interest a year in millionths: 189000 is 18.9 %"),
        _text("bucket", "bucket by days past due"),
        _date("oldest_due_on", "due date of the oldest amount past due", optional=True),
        _minor("past_due", "past-due amount"),
        _minor("balance", "balance; below 0 = in the customer's favour"),
    ),
)
SPELLS = Table(
    "spells",
    "Times that accounts spent in a bucket past due. An account without a spell on a day was current.",
    (
        _PORTFOLIO,
        _ACCOUNT,
        _date("from_on", "first day"),
        _date("to_on", "first day after it; empty = it goes on", optional=True),
        _text("bucket", "bucket"),
        _date("oldest_due_on", "due date of the oldest amount past due"),
        _minor("past_due", "past-due amount at its beginning"),
    ),
)
MEMBERS = Table(
    "members",
    "Members of accounts in the dimensions of figures, with their history.",
    (
        _PORTFOLIO,
        _ACCOUNT,
        _date("from_on", "first day"),
        _date("to_on", "first day after it; empty = it goes on", optional=True),
        _text("product", "product"),
        _text("agent", "username of the case's owner; empty = none"),
        _text("team", "team of the owner; empty = none"),
        _text("strategy", "strategy version; empty = no case"),
        _text("arm", "experiment and arm; empty = no experiment"),
        _text("placement", "month of placement, or else of opening: `2026-03`"),
        _text("segment", "segment of the strategy; empty = none"),
    ),
)
ENTRIES = Table(
    "entries",
    "Entries of the ledger. A file is final: the business day of an entry is never closed again.",
    (
        _PORTFOLIO,
        _id("entry_id", "entry"),
        _ACCOUNT,
        _text("kind", "kind, such as `payment` or `fee`"),
        _minor("amount", "amount; above 0 adds to the debt"),
        _date("effective_on", "day from which it counts"),
        _date("posted_on", "business day on which it was posted"),
        _id("reverses_id", "entry that it reverses", optional=True),
    ),
    by_day="posted_on",
)
CASES = Table(
    "cases",
    "Cases as known when the files were written.",
    (
        _PORTFOLIO,
        _id("case_id", "case"),
        _CUSTOMER,
        _text("status", "`open` or `closed`"),
        _text("outcome", "how it ended", optional=True),
        _text("agent", "username of the owner; empty = none"),
        _text("segment", "segment of the strategy; empty = none"),
        _date("opened_on", "day of opening"),
        _date("closed_on", "day of closing", optional=True),
        Column("broken_promises", Kind.INTEGER, "broken promises to pay"),
        _instant("with_legal_since", "since when the legal team has it", optional=True),
    ),
)
AGREEMENTS = Table(
    "agreements",
    "Promises to pay, repayment plans and settlements as known when the files were written.",
    (
        _PORTFOLIO,
        _id("plan_id", "agreement"),
        _CASE,
        _CUSTOMER,
        _text("kind", "`promise`, `instalments`, `settlement` or `hardship`"),
        _text("status", "status, such as `offered`, `active`, `kept` or `broken`"),
        _minor("total", "total to be paid"),
        _text("cadence", "how often an instalment falls due"),
        _minor("waived_fees", "fees that it waives"),
        Column("apr_millionths", Kind.INTEGER, "agreed interest a year in millionths", optional=True),
        _instant("offered_at", "instant of the offer"),
        _date("accepted_on", "day of acceptance", optional=True),
        _date("ended_on", "day on which it was kept, broken or ended otherwise", optional=True),
    ),
)
INSTALMENTS = Table(
    "instalments",
    "Instalments of agreements.",
    (
        _PORTFOLIO,
        _id("plan_id", "agreement, as in `agreements`"),
        Column("n", Kind.INTEGER, "its number within the agreement, from 1"),
        _date("due_on", "due date"),
        _minor("amount", "amount"),
        _minor("interest", "interest within it"),
        Column("is_skipped", Kind.FLAG, "skipped as agreed"),
    ),
)
MESSAGES = Table(
    "messages",
    "SMS, e-mails and letters: sent, waiting and withheld. The last 35 days are written again every night.",
    (
        _PORTFOLIO,
        _id("message_id", "message"),
        _CASE,
        _CUSTOMER,
        _text("channel", "`sms`, `email` or `post`"),
        _text("purpose", "purpose, such as `reminder`"),
        _text("letter", "name of the letter"),
        _text("language", "language of the text"),
        _text("status", "status, such as `delivered` or `bounced`"),
        _date("business_date", "business day that planned it"),
        _instant("sent_at", "instant of hand-over to the provider", optional=True),
        _instant("finished_at", "instant of the final status", optional=True),
    ),
    by_day="business_date",
    settles_in=35,
)
CALLS = Table(
    "calls",
    "Calls as people logged them.",
    (
        _PORTFOLIO,
        _id("call_id", "call"),
        _id("case_id", "case, as in `cases`", optional=True),
        _CUSTOMER,
        _instant("at", "instant"),
        _text("direction", "`out`, or `in` for a call from the customer"),
        _text("result", "result code"),
        _text("counts", "the person reached: `conversation` is the cardholder"),
        _text("agent", "username of who logged it; empty = a program"),
    ),
)
FIGURES = Table(
    "figures",
    "Key figures, as docs/key-figures.md defines them. A file holds all that one night computed: its own day and the "
    "days that it restated. The highest version of a day counts.",
    (
        _PORTFOLIO,
        _date("night", "business day whose close computed it"),
        _date("business_date", "day of the figure"),
        _text("figure", "name"),
        _text("definition", "version of the definition"),
        _text("dimension", "dimension of the slice; empty = the whole portfolio"),
        _text("member", "member of the dimension"),
        Column("version", Kind.INTEGER, "1, and one more with each restatement"),
        Column("numerator", Kind.INTEGER, "numerator: a count, days, or minor units"),
        Column("denominator", Kind.INTEGER, "denominator; 0 = the figure has no value"),
        _instant("computed_at", "instant of the computation"),
    ),
    by_day="night",
)
TABLES = (
    PORTFOLIOS, ACCOUNTS, SPELLS, MEMBERS, ENTRIES, CASES, AGREEMENTS, INSTALMENTS, MESSAGES, CALLS, FIGURES,
)  # fmt: skip


def described() -> JsonObject:
    """The schema as `schema.json` holds it."""
    return {
        "schema": "arrears-desk-analytics",
        "version": VERSION,
        "tables": {
            table.name: {
                "about": table.about,
                "file_of_each": table.by_day or None,
                "columns": [
                    {"name": c.name, "type": c.kind.value, "optional": c.optional, "about": c.about}
                    for c in table.columns
                ],
            }
            for table in TABLES
        },
    }
