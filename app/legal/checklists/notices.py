"""Notices that a jurisdiction wants on record before suit. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from app.book.portfolios.rules import CollectorKind
from app.core.dates import add_months
from app.core.text import counted
from app.legal.checklists.case_file import CaseFile, Portfolio
from app.legal.checklists.items import ChecklistItem


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice a jurisdiction wants on record before suit: a sent letter of this name, or a document of this kind.

    Its days are those of the rule of kind `wait` in the pack, and so is the day that the notice itself names: a test
    compares them.
    """

    id: str
    title: str
    kinds: tuple[str, ...]
    citation: str
    days: int
    """Days from its sending that must have passed, whatever it says."""
    undated_days: int | None = None
    """Days from its sending where its own last day is not known; None = `days`."""
    valid_months: int | None = None
    """Months after which it must be sent again; None = it does not become stale."""
    collector: CollectorKind | None = None
    """None = any collector."""
    of_this_default: bool = True
    """One that was given about an earlier default, cured since, proves nothing; False = it is given once for a debt."""

    def is_over(self, given: _Given, as_of: date) -> bool:
        """True if its time is over on a day, and it is not stale."""
        if given.answer_by is None:
            first = given.on + timedelta(days=self.undated_days or self.days)
        else:
            first = max(given.on + timedelta(days=self.days), given.answer_by + timedelta(days=1))
        stale = self.valid_months is not None and as_of >= add_months(given.on, self.valid_months)
        return first <= as_of and not stale


class _Given(NamedTuple):
    """A notice that was given, and the last day that it leaves the customer."""

    on: date
    answer_by: date | None

    def __str__(self) -> str:
        return self.on.isoformat() + (f" (until {self.answer_by})" if self.answer_by else "")


NOTICES: Mapping[str, tuple[Notice, ...]] = {
    "US": (
        Notice(
            "notice.validation",
            "Validation notice given and its period over",
            ("validation_notice",),
            "12 CFR 1006.34",
            35,
            45,
            collector=CollectorKind.THIRD_PARTY,
            of_this_default=False,
        ),
    ),
    "UK": (
        Notice("notice.default", "Default notice served", ("default_notice",), "CCA 1974 ss.87-88", 14, 21),
        Notice(
            "notice.claim",
            "Letter of claim sent and its reply period over",
            ("letter_of_claim",),
            "Pre-Action Protocol for Debt Claims, para 3",
            30,
        ),
    ),
    "NO": (
        Notice(
            "notice.demand",
            "Written payment demand sent, not stale",
            ("payment_demand", "betalingsoppfordring"),
            "Inkassoloven ss 10-11",
            14,
            valid_months=6,
            of_this_default=False,
        ),
    ),
    "AU": (
        Notice(
            "notice.default",
            "Default notice served",
            ("default_notice", "default_notice_au"),
            "National Credit Code s 88",
            30,
        ),
    ),
}
"""By pack code; 'US-NY' also takes what stands under 'US'. A notice that no pack adds to has only the common items."""


def notices_for(portfolio: Portfolio) -> tuple[Notice, ...]:
    code = portfolio.policy_pack.upper().partition("@")[0]
    country = code.partition("-")[0]
    found = NOTICES.get(country, ()) + (NOTICES.get(code, ()) if code != country else ())
    return tuple(n for n in found if n.collector in (None, portfolio.collector))


def check_notice(case: CaseFile, notice: Notice) -> ChecklistItem:
    """Met when the time that any such notice leaves the customer is over, and it is not stale."""
    title = f"{notice.title} ({notice.citation})"
    given = _given(case, notice)
    if notice.of_this_default and given:
        defaulted = min((a.oldest_due_on for a in case.accounts if a.oldest_due_on), default=None)
        earlier = [each for each in given if defaulted is not None and each.on <= defaulted]
        given = [each for each in given if each not in earlier]
        if not given:
            dates = ", ".join(each.on.isoformat() for each in earlier)
            detail = f"given {dates}, before what is past due now fell due on {defaulted}"
            return ChecklistItem(notice.id, title, False, detail)
    if not given:
        return ChecklistItem(notice.id, title, False, "not on record")
    ok = any(notice.is_over(each, case.as_of) for each in given)
    wanted = f"at least {counted(notice.days, 'day')} old, its own last day over" + (
        f", at most {counted(notice.valid_months, 'month')} old" if notice.valid_months is not None else ""
    )
    dates = ", ".join(map(str, given))
    return ChecklistItem(notice.id, title, ok, f"given {dates}; must be {wanted}")


def _given(case: CaseFile, notice: Notice) -> Sequence[_Given]:
    zone = ZoneInfo(case.portfolio.timezone)
    sent = [
        _Given(m.sent_at.astimezone(zone).date(), m.answer_by)
        for m in case.messages
        if m.sent_at and m.given and m.letter.replace("-", "_") in notice.kinds
    ]
    on_file = [_Given(d.dated_on, d.answer_by) for d in case.documents if d.kind in notice.kinds]
    return sorted(sent + on_file, key=lambda each: each.on)
