"""Days that a feed may name: events are not dated ahead, and none is earlier than it can be. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

from app.book.ledger.rules import FeedKind
from app.core.text import counted

MONTH, YEAR = timedelta(days=31), timedelta(days=366)


@dataclass(frozen=True, slots=True)
class DateRule:
    """The days a column of a feed may have: at most `ahead` of today, none before the account was opened, and none
    later than `longest` after `after`, another column of the row."""

    column: str
    value: str
    """The column's name among the values that a row is understood as."""
    ahead: timedelta | None = timedelta(0)
    since_opening: bool = True
    after: str = ""
    longest: timedelta = timedelta(0)


DATE_RULES: Mapping[FeedKind, tuple[DateRule, ...]] = {
    FeedKind.ACCOUNTS: (
        DateRule("opened_on", "opened_on", since_opening=False),
        # A creditor says on Friday what it places on Monday.
        DateRule("placed_on", "placed_on", ahead=MONTH, since_opening=False),
    ),
    FeedKind.STATEMENTS: (
        # Statements are printed some days before they close; none is a month early.
        DateRule("closing_on", "closing_on", ahead=MONTH),
        DateRule("due_on", "due_on", ahead=None, since_opening=False, after="closing_on", longest=YEAR),
    ),
    FeedKind.TRANSACTIONS: (DateRule("posted_on", "effective_on"),),
    FeedKind.PAYMENTS: (DateRule("paid_on", "effective_on"),),
    FeedKind.POSITIONS: (DateRule("as_of", "as_of"),),
}


def refusal(rule: DateRule, values: Mapping[str, date | None], today: date, opened_on: date | None) -> str:
    """Reason why a row may not have its day, or ''. `opened_on` is None where the account is not known."""
    on = values.get(rule.value)
    if on is None:
        return ""
    if rule.ahead is not None and (why := date_refusal(on, date.min, today + rule.ahead, today)):
        return why
    if rule.since_opening and opened_on and on < opened_on:
        return before_opening(on, opened_on)
    start = values.get(rule.after) if rule.after else None
    if start and on > start + rule.longest:
        return f"{on} is more than {counted(rule.longest.days, 'day')} after {rule.after} {start}"
    return ""


def before_opening(on: date, opened_on: date) -> str:
    return f"{on} is before the account was opened on {opened_on}"


def date_refusal(on: date, earliest: date, latest: date | None, today: date | None = None) -> str:
    """Reason why a day is not between two others, or ''; `latest` may be open."""
    if latest is not None and on > latest:
        today = today or latest
        return f"{on} is in the future: today is {today}" + (
            f", and a day until {latest} is taken" if latest > today else ""
        )
    if on < earliest:
        return f"{on} is implausibly early: the first day that is taken is {earliest}"
    return ""
