"""Notices that a jurisdiction wants on record before suit. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.book.portfolios.rules import CollectorKind
from app.legal.checklists.case_file import CaseFile, Portfolio
from app.legal.checklists.items import ChecklistItem


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice a jurisdiction wants on record before suit: a sent letter of this name, or a document of this kind."""

    id: str
    title: str
    kinds: tuple[str, ...]
    citation: str
    min_age_days: int
    max_age_days: int | None = None
    collector: CollectorKind | None = None
    """None = any collector."""
    of_this_default: bool = True
    """One that was given about an earlier default, cured since, proves nothing; False = it is given once for a debt."""


NOTICES: Mapping[str, tuple[Notice, ...]] = {
    "US": (
        Notice(
            "notice.validation",
            "Validation notice given and its period over",
            ("validation_notice",),
            "12 CFR 1006.34",
            30,
            collector=CollectorKind.THIRD_PARTY,
            of_this_default=False,
        ),
    ),
    "UK": (
        Notice("notice.default", "Default notice served", ("default_notice",), "CCA 1974 ss.87-88", 14),
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
            max_age_days=183,
            of_this_default=False,
        ),
    ),
    "AU": (
        Notice(
            "notice.default", "Default notice served", ("default_notice",), "National Credit Code s 88", 30
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
    """Met when any such notice is old enough for its period to be over, and young enough not to be stale."""
    title = f"{notice.title} ({notice.citation})"
    sent = [
        m.sent_at.date()
        for m in case.messages
        if m.sent_at and m.given and m.letter.replace("-", "_") in notice.kinds
    ]
    given = sorted(sent + [d.dated_on for d in case.documents if d.kind in notice.kinds])
    if notice.of_this_default and given:
        defaulted = min((a.oldest_due_on for a in case.accounts if a.oldest_due_on), default=None)
        earlier = [on for on in given if defaulted is not None and on <= defaulted]
        given = [on for on in given if on not in earlier]
        if not given:
            dates = ", ".join(on.isoformat() for on in earlier)
            detail = f"given {dates}, before what is past due now fell due on {defaulted}"
            return ChecklistItem(notice.id, title, False, detail)
    if not given:
        return ChecklistItem(notice.id, title, False, "not on record")
    longest = notice.max_age_days
    ages = [(case.as_of - on).days for on in given]
    ok = any(age >= notice.min_age_days and (longest is None or age <= longest) for age in ages)
    wanted = f"at least {notice.min_age_days} days old" + (
        f", at most {longest}" if longest is not None else ""
    )
    dates = ", ".join(on.isoformat() for on in given)
    return ChecklistItem(notice.id, title, ok, f"given {dates}; must be {wanted}")
