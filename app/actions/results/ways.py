"""The way of a contact against its code: what a call, a letter, an e-mail or a visit can be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from app.actions.results.report import CallReport
from app.book.portfolios.models import Portfolio
from app.casework.results.rules import ContactWay, Counts, Direction, ResultCode
from app.core.clock import local_date
from app.core.errors import Invalid

OLDEST_CONTACT_DAYS = 366
"""A letter or visit that is put on record now was at most so long ago."""
WAY_NAMES: Mapping[ContactWay, str] = {
    ContactWay.CALL: "a call",
    ContactWay.EMAIL: "an e-mail",
    ContactWay.POST: "a letter",
    ContactWay.VISIT: "a visit",
}


def require_way(portfolio: Portfolio, code: ResultCode, call: CallReport, now: datetime) -> None:
    """Invalid for a code that is of another way, words of a customer in a letter of ours, a telephone number of a
    visit, or a day that cannot be."""
    if call.way not in code.ways:
        raise Invalid(f"{code.label} is no result of {WAY_NAMES[call.way]}. Choose another.", "result")
    if call.is_call:
        if call.on is not None:
            raise Invalid("A call is logged on its day. Leave the day out.", "on")
        return
    if call.way.is_written and call.direction is Direction.OUT and code.counts is not Counts.ATTEMPT:
        raise Invalid(f"{code.label} is what the customer writes, and this was written by us.", "result")
    if call.number.strip():
        raise Invalid(f"{WAY_NAMES[call.way].capitalize()} has no telephone number. Leave it out.", "number")
    today = local_date(now, portfolio.timezone)
    if call.on is not None and not today - timedelta(days=OLDEST_CONTACT_DAYS) <= call.on <= today:
        raise Invalid("The day is today or lies in the year before it.", "on")
