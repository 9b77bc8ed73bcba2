"""Options of the solver as a page lists them: in words and figures of the reader. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from app.casework.negotiation.facts import NotOffered, Option, OptionKind
from app.casework.plans.rules import Cadence, Instalment
from app.casework.plans.terms import AgreementTerms
from app.core.labels import OPTION_LABELS
from app.web.cases.plan.rates import rate_words
from app.web.cases.plan.words import read_back
from app.web.timeline import PageReader

GRANT_WORDS: Mapping[str, str] = {"agent": "An agent", "manager": "A manager", "two": "Two managers"}
EVERY: Mapping[Cadence, str] = {
    Cadence.WEEKLY: "a week",
    Cadence.FORTNIGHTLY: "every two weeks",
    Cadence.FOUR_WEEKLY: "every four weeks",
    Cadence.MONTHLY: "a month",
}
KEYS = "123456789"
"""Keys that choose an option, in the order of the list."""


@dataclass(frozen=True, slots=True)
class Shown:
    """An option, and what a form sends of it: `o12` for an offer on record, otherwise a mark of its terms."""

    option: Option
    mark: str
    done: str = ""
    """What was done with it before, in words; '' = nothing yet."""


@dataclass(frozen=True, slots=True)
class OptionRow:
    """An option as a line of the list."""

    option: Option
    mark: str
    key: str
    """The key that chooses it; '' = it is folded."""
    name: str
    words: str
    """Its payments in words."""
    days: str
    """From the first payment to the last."""
    levers: Sequence[str]
    """What the customer is granted, each in some words."""
    read_back: str
    """The sentence that is read to the customer, who says yes to it."""
    grants: str
    may_alone: bool
    """The person who negotiates may grant it alone."""
    done: str
    """What was done with it before, in words; '' = nothing yet."""

    @property
    def percent_kept(self) -> int:
        return round(100 * self.option.chance_kept)


@dataclass(frozen=True, slots=True)
class RowWriter:
    """Writes options for one reader and the role of one person."""

    reader: PageReader
    role: str
    own_rate: int
    """The highest rate that runs on the accounts now."""

    def rows(
        self, options: Sequence[Shown], counter: Shown | None
    ) -> tuple[list[OptionRow], list[OptionRow]]:
        """The customer's own offer and the best option of each kind, in the solver's order; and the others."""
        first = [self.row(counter, KEYS[0], "Their offer")] if counter else []
        others: list[OptionRow] = []
        seen: set[OptionKind] = set()
        for each in options:
            if each.option.kind in seen or len(first) == len(KEYS):
                others.append(self.row(each, ""))
                continue
            seen.add(each.option.kind)
            first.append(self.row(each, KEYS[len(first)]))
        return first, others

    def row(self, shown: Shown, key: str, name: str = "") -> OptionRow:
        option = shown.option
        may_alone = option.may_grant in ("agent", self.role)
        return OptionRow(
            option,
            shown.mark,
            key,
            name or OPTION_LABELS[option.kind],
            payment_words(option.parts, option.terms, self.reader),
            day_words(option.parts, self.reader),
            lever_words(option.terms, self.reader, self.own_rate),
            read_back(option.parts, option.terms, self.reader),
            "You" if may_alone else GRANT_WORDS.get(option.may_grant, option.may_grant),
            may_alone,
            shown.done,
        )


def mark_of(option: Option) -> str:
    return hashlib.sha256(repr((option.kind.value, option.terms)).encode()).hexdigest()[:12]


def payment_words(parts: Sequence[Instalment], terms: AgreementTerms, reader: PageReader) -> str:
    """The amounts in words: `100.00 down, then 12 × 50.00 a month`; the schedule has the days."""
    rest = [part.amount for part in parts if part.n > 0]
    down = next((part.amount for part in parts if part.n == 0), 0)
    every = EVERY.get(terms.cadence, "on agreed days")
    if len(rest) == 1:
        said = reader.money(rest[0])
    elif (reduced := terms.reduced) is not None:
        later = rest[reduced.payments :]
        said = (
            f"{reduced.payments} × {reader.money(reduced.amount_minor)} {every}, then {len(later)} × "
            f"{reader.money(later[0])}"
        )
    elif len(set(rest[:-1])) == 1:
        said = f"{len(rest)} × {reader.money(rest[0])} {every}"
    else:
        said = ", ".join(reader.money(amount) for amount in rest)
    return f"{reader.money(down)} down, then {said}" if down else said


def day_words(parts: Sequence[Instalment], reader: PageReader) -> str:
    """From the first payment to the last."""
    first, last = parts[0].due_on, parts[-1].due_on
    return reader.day(first) if first == last else f"{reader.day(first)} to {reader.day(last)}"


def lever_words(terms: AgreementTerms, reader: PageReader, own_rate: int) -> list[str]:
    """The concessions beyond time, the levers in their order: fees, the rate, the debt. `own_rate`: the highest
    rate that runs on the accounts now."""
    said: list[str] = []
    if terms.waived_fees_minor:
        said.append(f"fees of {reader.money(terms.waived_fees_minor)} waived")
    if terms.apr_millionths is not None and terms.apr_millionths < own_rate:
        free = terms.apr_millionths == 0
        rate = "no interest" if free else f"{rate_words(terms.apr_millionths)} a year"
        said.append(f"{rate} instead of {rate_words(own_rate)}")
    if terms.waived_minor:
        share = 100 * terms.waived_minor / (terms.waived_minor + terms.total_minor)
        said.append(f"{reader.money(terms.waived_minor)}, {share:.0f} %, of the debt waived")
    if terms.skips_allowed:
        said.append(f"{terms.skips_allowed} {'skip' if terms.skips_allowed == 1 else 'skips'}")
    if terms.re_age:
        said.append("brought current when kept")
    if terms.is_token:
        said.append("token payments: the rest of the debt is agreed on when they end")
    if terms.reduced:
        said.append(
            "larger payments later: only if they expect to be able to pay them, looked at again before"
        )
    return said


def reasons(not_offered: Sequence[NotOffered]) -> list[tuple[str, NotOffered]]:
    return [(OPTION_LABELS[each.kind], each) for each in not_offered]
