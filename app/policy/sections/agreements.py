"""`[agreements]`: what a promise, plan or settlement may be, whoever grants it, and what it must contain. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from app.policy.schema import RuleId, SourcedTable, Table


class Content(StrEnum):
    """Parts that a written agreement must have, as CBRC Order 2011 No.2, art 70 lists them."""

    BALANCE = "balance"
    """What is owed, of what it consists, and in which currency."""
    SCHEDULE = "schedule"
    """How often, by which method, in which currency, on which dates and how much is paid."""
    CHARGES = "charges"
    """Whether the annual fee, interest and other fees go on."""
    NO_NEW_CARD = "no_new_card"
    """The promise to apply for no bank's card until everything is paid."""
    BREACH = "breach"
    """Rights and duties of both sides, and what follows when it is broken."""
    OTHER = "other"
    """Anything else that was agreed."""

    @property
    def block(self) -> str:
        """The block of a letter that says it."""
        return f"agreed_{self.value}"


WRITTEN_AGREEMENTS = frozenset({"plan_confirmation", "agreement"})
"""Letters that are the agreement in writing: they have its required contents."""


@dataclass(frozen=True, slots=True)
class Provenance:
    """The source of a rule."""

    id: str
    force: str
    citation: str
    source: str
    verified: bool
    pack: str
    """`code@version` of its pack."""


@dataclass(frozen=True, slots=True)
class Figure(Provenance):
    """The most that is permitted."""

    most: int


@dataclass(frozen=True, slots=True)
class Duty(Provenance):
    """A rule without a figure: it applies, or it does not."""


@dataclass(frozen=True, slots=True)
class RequiredContents(Provenance):
    parts: tuple[Content, ...]


@dataclass(frozen=True, slots=True)
class AgreementRules:
    """The rules about agreements of one pack, or of several; None = the pack says nothing."""

    promise_days: Figure | None = None
    settlement_days: Figure | None = None
    settlement_payments: Figure | None = None
    plan_months: Figure | None = None
    must_amortise: Duty | None = None
    """Each instalment pays more than the interest of its period."""
    contents: tuple[RequiredContents, ...] = ()
    token_months: Figure | None = None
    """Months of token payments."""
    reduced_months: Figure | None = None
    """Months for which the instalments of a plan are reduced."""

    @property
    def required(self) -> tuple[Content, ...]:
        """The parts that a written agreement must have, in the order of the law."""
        wanted = {part for rule in self.contents for part in rule.parts}
        return tuple(part for part in Content if part in wanted)


class _RuleTable(SourcedTable):
    id: RuleId


class _MostTable(_RuleTable):
    most: Annotated[int, Field(ge=1, le=3660)]

    def figure(self, pack: str) -> Figure:
        return Figure(id=self.id, pack=pack, most=self.most, **self.sourced())


class _DutyTable(_RuleTable):
    def duty(self, pack: str) -> Duty:
        return Duty(id=self.id, pack=pack, **self.sourced())


class _ContentsTable(_RuleTable):
    parts: Annotated[list[Annotated[Content, Field(strict=False)]], Field(min_length=1)]

    def contents(self, pack: str) -> RequiredContents:
        return RequiredContents(id=self.id, pack=pack, parts=tuple(self.parts), **self.sourced())


class AgreementsTable(Table):
    promise_days: _MostTable | None = None
    settlement_days: _MostTable | None = None
    settlement_payments: _MostTable | None = None
    plan_months: _MostTable | None = None
    must_amortise: _DutyTable | None = None
    contents: _ContentsTable | None = None
    token_months: _MostTable | None = None
    reduced_months: _MostTable | None = None

    def section(self, pack: str) -> AgreementRules:
        def figure(table: _MostTable | None) -> Figure | None:
            return table.figure(pack) if table else None

        return AgreementRules(
            figure(self.promise_days),
            figure(self.settlement_days),
            figure(self.settlement_payments),
            figure(self.plan_months),
            self.must_amortise.duty(pack) if self.must_amortise else None,
            (self.contents.contents(pack),) if self.contents else (),
            figure(self.token_months),
            figure(self.reduced_months),
        )


def strictest_agreements(sections: Sequence[AgreementRules]) -> AgreementRules | None:
    """The rules of several packs in one: the lowest figure, every duty, all contents. None without any."""
    if not sections:
        return None
    return AgreementRules(
        _lowest(section.promise_days for section in sections),
        _lowest(section.settlement_days for section in sections),
        _lowest(section.settlement_payments for section in sections),
        _lowest(section.plan_months for section in sections),
        next((section.must_amortise for section in sections if section.must_amortise), None),
        tuple(dict.fromkeys(rule for section in sections for rule in section.contents)),
        _lowest(section.token_months for section in sections),
        _lowest(section.reduced_months for section in sections),
    )


def _lowest(figures: Iterable[Figure | None]) -> Figure | None:
    return min((figure for figure in figures if figure), key=lambda figure: figure.most, default=None)
