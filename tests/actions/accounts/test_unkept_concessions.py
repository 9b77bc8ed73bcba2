"""A payment that came back was never paid: fees that stayed waived because of it are charged again, and a re-age that a
kept agreement brought about is taken back."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.accounts.reversals import reverse_entry
from app.actions.agreements import agree, supersede
from app.book.delinquency.history import as_known
from app.book.delinquency.models import ReAge
from app.book.delinquency.service import standing_on
from app.book.ledger.models import Entry
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import PlanReAge
from app.casework.plans.rules import Cadence, PlanStatus
from app.core.database.engine import transaction
from app.core.ids import id_of
from tests import builders
from tests.actions.test_agreements import (
    AS_MANAGER,
    DAY,
    HARDSHIP,
    LETTERS,
    MEI,
    ON,
    PLAN,
    a_case,
    assess,
    balance,
    the_card,
)

MUCH_LATER = ON + 200 * DAY


def bounce(session: Session, entry: Entry, on: date) -> None:
    reverse_entry(session, entry, reason="no funds", posted_on=on, by=MEI, now=builders.at(on))


def past_due(session: Session, on: date) -> int:
    card = the_card(session)
    book = session.get_one(Portfolio, card.portfolio_id)
    return standing_on(session, book, [id_of(card)], on)[id_of(card)].past_due


@pytest.mark.parametrize(("other", "left"), [(0, 100_000), (1, 96_999)])
def test_a_kept_plan_whose_payments_all_came_back_loses_its_waived_fees(
    engine: Engine, other: int, left: int
) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        paid = builders.payment(session, the_card(session), plan.total_minor, ON + DAY)
        if other:
            builders.payment(session, the_card(session), other, ON + 2 * DAY)
        assess(session, case, ON + 2 * DAY)
        assert plan.status is PlanStatus.KEPT
        bounce(session, paid, MUCH_LATER)
        assert (plan.status, balance(session, MUCH_LATER)) == (PlanStatus.BROKEN, left)


@pytest.mark.parametrize(("other", "left"), [(0, 100_000), (1, 96_999)])
def test_a_broken_plan_loses_its_waived_fees_once_nothing_is_paid_any_more(
    sqlite_engine: Engine, other: int, left: int
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        paid = builders.payment(session, the_card(session), 1_000, ON + DAY)
        if other:
            builders.payment(session, the_card(session), other, ON + DAY)
        assess(session, case, ON + 12 * DAY)
        assert (plan.status, balance(session, ON + 13 * DAY)) == (PlanStatus.BROKEN, 96_000 - other)
        # What is paid after its end is not paid under it.
        builders.payment(session, the_card(session), 500, ON + 20 * DAY)
        bounce(session, paid, MUCH_LATER)
        assert balance(session, MUCH_LATER) == left - 500


@pytest.mark.parametrize("first_breaks", [False, True])
def test_fees_of_a_renegotiated_plan_belong_to_its_successor_once_its_payment_came_back(
    engine: Engine, first_breaks: bool
) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        before = {**AS_MANAGER, "now": builders.at(ON - 2 * DAY)}
        old = agree(session, case, HARDSHIP, LETTERS, **before).plan
        paid = builders.payment(session, the_card(session), 1_000, ON - DAY)
        new = supersede(session, old, replace(HARDSHIP, waived_fees_minor=0), LETTERS, **AS_MANAGER).plan
        if not first_breaks:
            bounce(session, paid, ON + DAY)
            assert (new.status, balance(session, ON + DAY)) == (PlanStatus.ACTIVE, 97_000)
        assess(session, case, ON + 20 * DAY)
        assert new.status is PlanStatus.BROKEN
        if first_breaks:
            assert balance(session, ON + 21 * DAY) == 96_000
            bounce(session, paid, ON + 21 * DAY)
        assert balance(session, ON + 21 * DAY) == 100_000


def test_a_re_age_is_taken_back_with_the_plan_that_it_was_for(engine: Engine) -> None:
    """Four minimums missed, three of them paid under the plan; the payment comes back while there is time to pay."""
    with transaction(engine) as session:
        case = a_case(session, pack="us-first-party")
        card = the_card(session)
        for days in (100, 70, 40):
            builders.statement(session, card, ON - (days + 20) * DAY, ON - days * DAY, 5_000)
        terms = replace(PLAN, total_minor=15_000, payments=3, cadence=Cadence.WEEKLY, re_age=True)
        plan = agree(session, case, terms, LETTERS, **AS_MANAGER).plan
        paid = builders.payment(session, card, 15_000, ON + DAY)
        assess(session, case, ON + DAY)
        assert (plan.status, past_due(session, ON + 2 * DAY)) == (PlanStatus.KEPT, 0)
        re_aged_on = session.scalars(select(ReAge)).one().on
        bounce(session, paid, ON + 3 * DAY)
        assert (plan.status, past_due(session, ON + 3 * DAY)) == (PlanStatus.ACTIVE, 20_000)
        assert session.scalars(select(ReAge)).all() == []
        [told] = builders.events(session, "account.re_age_undone")
        assert (told["past_due_minor"], told["reason"]) == (
            5_000, f"agreement {plan.reference} is not kept any more",
        )  # fmt: skip
        book = session.get_one(Portfolio, card.portfolio_id)
        known = [
            as_known(session, book, id_of(card), re_aged_on, ON + days * DAY).past_due for days in (0, 2, 3)
        ]
        assert known == [20_000, 0, 20_000], "what was known before stays known"
        builders.payment(session, card, 15_000, ON + 4 * DAY)
        assess(session, case, ON + 4 * DAY)
        assert (plan.status, past_due(session, ON + 5 * DAY)) == (PlanStatus.KEPT, 0)
        assert session.scalars(select(PlanReAge.plan_id)).one() == plan.id
