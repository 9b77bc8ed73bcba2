"""`[complaints]`: by when a complaint is answered, and who decides where we do not agree. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated

from pydantic import Field

from app.policy.schema import SourcedTable, Table, Text


@dataclass(frozen=True, slots=True)
class ComplaintsBody:
    """An ombudsman or another body outside the house to which a complaint may be taken."""

    name: str
    names: Mapping[str, str]
    """Its name in further languages of our letters."""
    website: str
    months: int | None
    """Months from our final response in which it takes a complaint; None = no figure is told."""
    days: int | None
    """The same in days from the receipt of our response, where the law counts in days."""
    consents_to_late: bool | None
    """Whether we consent to its looking at a complaint that comes later (DISP 1.6.2R); None = the law does not ask."""

    def name_in(self, language: str) -> str:
        """Its name for readers of this language."""
        return self.names.get(language, self.name)


@dataclass(frozen=True, slots=True)
class ComplaintRules:
    """The clocks of a complaint, and who decides after us."""

    answer_days: int
    """Days after that of receipt in which the final response is owed."""
    resolve_business_days: int | None = None
    """Business days after that of receipt in which a summary resolution communication is enough; None = nowhere."""
    holding_letter: bool = False
    """Where the final response is late, a letter is owed by then that says so."""
    portal_first_days: int | None = None
    """Days for the first response to a complaint that came through a regulator's portal; None = as any other."""
    portal_answer_days: int | None = None
    body: ComplaintsBody | None = None
    force: str = "operator choice"
    citation: str = (
        "house rule: a complaint is answered within 30 days where no figure of the law is known to us"
    )
    source: str = "house rule"
    verified: bool = False


HOUSE = ComplaintRules(answer_days=30)
"""The rules where no pack of the place has some."""


class _BodyTable(Table):
    name: Text
    names: dict[str, Text] = {}
    website: Text
    months: Annotated[int, Field(ge=1, le=60)] | None = None
    days: Annotated[int, Field(ge=1, le=366)] | None = None
    consents_to_late: bool | None = None

    def body(self) -> ComplaintsBody:
        return ComplaintsBody(
            self.name, dict(self.names), self.website, self.months, self.days, self.consents_to_late
        )


Days = Annotated[int, Field(ge=1, le=366)]


class ComplaintsTable(SourcedTable):
    answer_days: Days
    resolve_business_days: Annotated[int, Field(ge=1, le=30)] | None = None
    holding_letter: bool = False
    portal_first_days: Days | None = None
    portal_answer_days: Days | None = None
    body: _BodyTable | None = None

    def section(self) -> ComplaintRules:
        return ComplaintRules(
            self.answer_days,
            self.resolve_business_days,
            self.holding_letter,
            self.portal_first_days,
            self.portal_answer_days,
            self.body.body() if self.body else None,
            **self.sourced(),
        )


def strictest_complaints(sections: Sequence[ComplaintRules]) -> ComplaintRules | None:
    """The clocks that end first, a holding letter where any section wants one, and the first body. None without any."""
    if len(sections) < 2:
        return sections[0] if sections else None
    first = min(sections, key=lambda section: section.answer_days)
    return replace(
        first,
        resolve_business_days=_least(section.resolve_business_days for section in sections),
        holding_letter=any(section.holding_letter for section in sections),
        portal_first_days=_least(section.portal_first_days for section in sections),
        portal_answer_days=_least(section.portal_answer_days for section in sections),
        body=next((section.body for section in sections if section.body), None),
        citation="; ".join(dict.fromkeys(section.citation for section in sections)),
        source="; ".join(dict.fromkeys(section.source for section in sections)),
        verified=all(section.verified for section in sections),
    )


def _least(days: Iterable[int | None]) -> int | None:
    return min((each for each in days if each is not None), default=None)
