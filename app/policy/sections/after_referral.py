"""`[after_referral]`: reminders go on, or end, once the legal team has the case. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from app.policy.schema import SourcedTable


@dataclass(frozen=True, slots=True)
class AfterReferral:
    """Rule for a debt that the legal team has: reminders about it go on, or end."""

    reminders: bool
    """Ordinary reminders go on."""
    force: str
    citation: str
    source: str
    verified: bool


class AfterReferralTable(SourcedTable):
    reminders: bool

    def section(self) -> AfterReferral:
        return AfterReferral(self.reminders, **self.sourced())


def strictest_after_referral(sections: Sequence[AfterReferral]) -> AfterReferral | None:
    """The first section that stops reminders, else the first; None without any."""
    stopping = [section for section in sections if not section.reminders]
    return next(iter([*stopping, *sections]), None)
