"""Faults of a household statement that stop it from being stored, each at its field. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from app.casework.negotiation.household.categories import CategoryList
from app.casework.negotiation.household.rules import (
    LONGEST_NAME,
    LONGEST_NOTE,
    MOST_DEBTS,
    MOST_PEOPLE,
    Debt,
    Figure,
    Household,
    monthly,
)
from app.casework.plans.rules import REGULAR
from app.casework.plans.terms import Payday
from app.core.card_numbers import holds_card_number
from app.core.dates import add_months
from app.core.text import HOLDS_CARD_NUMBER

_MEMBER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,39}")
OLDEST_MONTHS = 12
"""A statement that is older than this when it is taken down tells nothing of today."""
LONGEST_REVIEW_MONTHS = 24


@dataclass(frozen=True, slots=True)
class Fault:
    """A value that cannot be stored: its field, and a sentence."""

    field: str
    """Its name in `Household` (`review_on`), the code of a figure (`rent`), or `debts.2.owed` of a debt."""
    text: str


def shown(member: str) -> str:
    """The name of a stranger's member as a fault may repeat it: nothing that could be a card number or a text."""
    return member if _MEMBER.fullmatch(member) and not holds_card_number(member) else "(not shown)"


def faults_of(household: Household, categories: CategoryList, today: date) -> list[Fault]:
    """Every fault of a statement; none where it may be stored."""
    return [
        *_of_dates(household, today),
        *_of_people(household),
        *_of_figures(household, categories),
        *_of_debts(household.debts, categories),
        *payday_faults(household.payday, today),
        *_of_text("notes", household.notes, 10 * LONGEST_NOTE),
    ]


def _of_dates(household: Household, today: date) -> Iterator[Fault]:
    taken = household.taken_on
    if taken > today:
        yield Fault("taken_on", "The statement's day is in the future.")
    elif taken < add_months(today, -OLDEST_MONTHS):
        yield Fault("taken_on", f"The statement is older than {OLDEST_MONTHS} months. Take a new one.")
    review = household.review_on
    if review is not None and not taken < review <= add_months(taken, LONGEST_REVIEW_MONTHS):
        yield Fault(
            "review_on",
            f"The review is after the statement's day and at most {LONGEST_REVIEW_MONTHS} months later.",
        )


def _of_people(household: Household) -> Iterator[Fault]:
    people = household.people
    if not 1 <= people.adults <= 2:
        yield Fault("adults", "A statement is of one adult, or of two together.")
    for name in ("children_under_16", "children_16_18", "other_dependants", "non_dependants", "vehicles"):
        if not 0 <= getattr(people, name) <= MOST_PEOPLE:
            yield Fault(name, f"Write a number from 0 to {MOST_PEOPLE}.")


def _of_figures(household: Household, categories: CategoryList) -> Iterator[Fault]:
    known, most = categories.labels, categories.most_minor
    for code, times in Counter(figure.code for figure in household.figures).items():
        if code not in known:
            yield Fault(code, f"There is no figure {code!r} in the list of {categories.title}.")
        if times > 1:
            yield Fault(code, "This figure is given twice.")
    for figure in household.figures:
        yield from _of_figure(figure, household.taken_on, most)
    savings = household.savings_minor
    if savings is not None and not 0 <= savings <= most:
        yield Fault("savings", _absurd(savings))


def _of_figure(figure: Figure, taken_on: date, most: int) -> Iterator[Fault]:
    if not 0 <= monthly(figure.amount_minor, figure.frequency) <= most or figure.amount_minor < 0:
        yield Fault(figure.code, _absurd(figure.amount_minor))
    if figure.as_of is not None and figure.as_of > taken_on:
        yield Fault(figure.code, "Its source is dated after the statement.")
    yield from _of_text(figure.code, figure.note, LONGEST_NOTE)


def _absurd(minor: int) -> str:
    if minor < 0:
        return "An amount is not negative."
    return "This is too much for one household. Check the amount and how often it comes."


def _of_debts(debts: Sequence[Debt], categories: CategoryList) -> Iterator[Fault]:
    if len(debts) > MOST_DEBTS:
        yield Fault("debts", f"A statement has at most {MOST_DEBTS} debts. Add small ones up.")
    most = 1_000 * categories.most_minor
    for n, debt in enumerate(debts, 1):
        if not debt.creditor.strip():
            yield Fault(f"debts.{n}.creditor", "Name the creditor.")
        yield from _of_text(f"debts.{n}.creditor", debt.creditor, LONGEST_NAME)
        yield from _of_text(f"debts.{n}.note", debt.note, LONGEST_NOTE)
        if not 0 <= debt.owed_minor <= most:
            yield Fault(f"debts.{n}.owed", _absurd(debt.owed_minor))
        if not 0 <= debt.offer_minor <= categories.most_minor:
            yield Fault(f"debts.{n}.offer", _absurd(debt.offer_minor))
        elif 0 <= debt.owed_minor < debt.offer_minor and not debt.is_priority:
            yield Fault(f"debts.{n}.offer", "The offer is more than what is owed.")
        if debt.is_ours and debt.is_priority:
            yield Fault(f"debts.{n}.creditor", "A debt to us is no priority debt.")


def payday_faults(payday: Payday | None, today: date) -> Iterator[Fault]:
    """Faults of a payday, of a statement or as the customer says it."""
    if payday is None:
        return
    if payday.cadence not in REGULAR:
        yield Fault("payday_cadence", "Choose how often the pay comes: a week, two, four, or a month.")
    if not add_months(today, -12) <= payday.next_on <= add_months(today, 3):
        yield Fault("payday_on", "Choose a payday of the last year or the next three months.")
    if not 1 <= payday.days_after <= 3:
        yield Fault(
            "payday_days_after", "An instalment falls due one to three working days after the payday."
        )


def _of_text(field: str, text: str, most: int) -> Iterator[Fault]:
    if len(text) > most:
        yield Fault(field, f"This is longer than {most} characters.")
    if holds_card_number(text):
        yield Fault(field, HOLDS_CARD_NUMBER)
