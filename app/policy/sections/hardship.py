"""`[hardship]`: the days in which a request for help with payments is answered. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Annotated

from pydantic import Field

from app.core.kit.frozen_json import later
from app.policy.schema import SourcedTable


@dataclass(frozen=True, slots=True)
class HardshipClock:
    """Days for the answer to a request, and days of quiet after a refusal. The last day counts."""

    answer_days: int
    """From the day of the request, where nothing more is asked of the customer."""
    ask_within_days: int
    """From the day of the request: more can be asked of the customer until then."""
    unanswered_days: int
    """From the day on which more was asked, where it does not come."""
    informed_days: int
    """From the day on which it came."""
    after_refusal_days: int
    """No step of collection so long after the day of a refusal."""
    force: str
    citation: str
    source: str
    verified: bool
    longest_days: int | None = later(None)
    """Help is granted for so long at most; None = the place names no length."""
    charges_rest: bool = later(False)  # noqa: FBT003
    """While granted help lasts, nothing is charged and days past due stand still."""

    def answer_by(self, received_on: date, asked_on: date | None, informed_on: date | None) -> date:
        """The last day for the answer. Information that comes late never makes it earlier."""
        if informed_on is not None:
            return informed_on + timedelta(days=self.informed_days)
        if asked_on is not None:
            return asked_on + timedelta(days=self.unanswered_days)
        return received_on + timedelta(days=self.answer_days)


HOUSE = HardshipClock(
    14, 14, 21, 14, 14, "operator choice",
    "house rule: an answer in two weeks, and two weeks of quiet after a refusal", "house rule", True,
)  # fmt: skip
"""Where no pack has a clock."""


class HardshipTable(SourcedTable):
    answer_days: Annotated[int, Field(ge=1, le=92)]
    ask_within_days: Annotated[int, Field(ge=1, le=92)]
    unanswered_days: Annotated[int, Field(ge=1, le=92)]
    informed_days: Annotated[int, Field(ge=1, le=92)]
    after_refusal_days: Annotated[int, Field(ge=0, le=92)]
    longest_days: Annotated[int, Field(ge=1, le=366)] | None = None
    charges_rest: bool = False

    def section(self) -> HardshipClock:
        return HardshipClock(
            self.answer_days, self.ask_within_days, self.unanswered_days, self.informed_days,
            self.after_refusal_days, **self.sourced(), longest_days=self.longest_days,
            charges_rest=self.charges_rest,
        )  # fmt: skip


def strictest_hardship(clocks: Sequence[HardshipClock]) -> HardshipClock | None:
    """The clocks of several packs in one: the shortest time for us, the longest quiet for the customer. None without
    any."""
    if len(clocks) < 2:
        return clocks[0] if clocks else None
    return HardshipClock(
        min(clock.answer_days for clock in clocks),
        min(clock.ask_within_days for clock in clocks),
        min(clock.unanswered_days for clock in clocks),
        min(clock.informed_days for clock in clocks),
        max(clock.after_refusal_days for clock in clocks),
        "; ".join(dict.fromkeys(clock.force for clock in clocks)),
        "; ".join(dict.fromkeys(clock.citation for clock in clocks)),
        "; ".join(dict.fromkeys(clock.source for clock in clocks)),
        all(clock.verified for clock in clocks),
        min((clock.longest_days for clock in clocks if clock.longest_days is not None), default=None),
        any(clock.charges_rest for clock in clocks),
    )
