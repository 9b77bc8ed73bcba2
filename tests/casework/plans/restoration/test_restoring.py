"""A payment that was made in time and is posted after its agreement broke restores the agreement: status, waived fees,
lower rate, late fees, the worklist. One that was made too late, or is too small, restores nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.reversals import reverse_entry
from app.actions.agreements import agree, offer
from app.book.charges.models import Concession
from app.book.delinquency.service import stale_accounts
from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind
from app.book.ledger.service import post_entry
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseOutcome, CaseStatus
from app.casework.plans.models import Plan, PlanChange, PlanReAge
from app.casework.plans.queries import instalments_of
from app.casework.plans.restoration.models import PlanRestoration
from app.casework.plans.restoration.service import restore_plans
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.core.actor import SYSTEM
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.worklist.books import books_at
from app.worklist.items import items_among
from app.worklist.rules import Section
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

DUE = ON + 6 * DAY
PROMISE = AgreementTerms(PlanKind.PROMISE, 5_000, DUE)


def broken(
    session: Session, terms: AgreementTerms = PROMISE, **settings: object
) -> tuple[CollectionsCase, Plan]:
    """An agreement whose first payment has not come by the night after its grace days."""
    case = a_case(session, **settings)
    plan = agree(session, case, terms, LETTERS, **AS_MANAGER).plan
    assess(session, case, broken_on(plan))
    assert (plan.status, case.broken_promises) == (PlanStatus.BROKEN, 1)
    return case, plan


def broken_on(plan: Plan) -> date:
    return DUE + (plan.grace_days + 1) * DAY


def pay(session: Session, amount: int, on: date, posted_on: date) -> Entry:
    return builders.payment(
        session, the_card(session), amount, on, posted_on=posted_on, now=builders.at(posted_on, 10)
    )


def night(session: Session, case: CollectionsCase, on: date) -> int:
    """The part of the night that judges agreements; returns how many were restored."""
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    restored = restore_plans(session, portfolio, on, now=builders.night_after(on))
    assess(session, case, on)
    session.flush()
    return restored


def section(session: Session, case: CollectionsCase, now: datetime) -> Section:
    return items_among(session, books_at(session, now), [id_of(case)], now)[id_of(case)].section


@pytest.mark.parametrize(("late", "restored"), [(0, 1), (1, 0)])
def test_a_promise_paid_in_time_is_kept_though_it_was_posted_late(
    engine: Engine, late: int, restored: int
) -> None:
    with transaction(engine) as session:
        case, plan = broken(session)
        paid_on, posted_on = DUE + (plan.grace_days + late) * DAY, broken_on(plan) + 2 * DAY
        entry = pay(session, 5_000, paid_on, posted_on)
        case.next_contact_on = None
        assert night(session, case, posted_on) == restored
        if not restored:
            assert (plan.status, case.broken_promises) == (PlanStatus.BROKEN, 1)
            return
        assert (plan.status, plan.ended_on, plan.broken_instalment) == (PlanStatus.KEPT, posted_on, None)
        assert (case.broken_promises, case.next_contact_on) == (0, posted_on)
        [row] = session.scalars(select(PlanRestoration)).all()
        assert (row.plan_id, row.entry_id, row.broken_on) == (plan.id, entry.id, broken_on(plan))
        [told] = builders.events(session, "plan.restored")
        assert entry.reference in told["why"]
        assert night(session, case, posted_on) == 0, "once"
        assert night(session, case, posted_on + DAY) == 0


def test_a_plan_runs_on_and_leaves_the_worklist(engine: Engine) -> None:
    with transaction(engine) as session:
        case, plan = broken(session, PLAN)
        posted_on = broken_on(plan) + DAY
        now = builders.at(posted_on + DAY, 9)
        case.now_past_due_minor = 5_000
        session.flush()
        assert section(session, case, now) is Section.PROMISE_MISSED
        pay(session, 10_000, DUE, posted_on)
        assert night(session, case, posted_on) == 1
        following = instalments_of(session, [id_of(plan)])[id_of(plan)][1].due_on
        assert (plan.status, plan.assess_on, plan.ended_on) == (PlanStatus.ACTIVE, following, None)
        assert section(session, case, now) is Section.PROMISE_RUNNING


def test_less_than_was_agreed_restores_nothing(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case, plan = broken(session, PLAN)
        posted_on = broken_on(plan) + DAY
        pay(session, 9_999, DUE, posted_on)
        assert night(session, case, posted_on) == 0
        pay(session, 1, DUE, posted_on + 20 * DAY)
        assert night(session, case, posted_on + 20 * DAY) == 1, "the rest of it turned up, too"


def test_concessions_have_no_gap_and_late_fees_of_the_gap_are_taken_back(engine: Engine) -> None:
    with transaction(engine) as session:
        case, plan = broken(session, HARDSHIP)
        gap = broken_on(plan) + DAY
        card = the_card(session)
        assert balance(session, gap) == 100_000, "its fees are charged again"
        for on, reference in ((DUE, "late-fee:before"), (gap, "late-fee:S-9"), (gap + DAY, "fee:abroad")):
            post_entry(
                session, card, EntryKind.FEE, 700, effective_on=on, posted_on=on, reference=reference,
                by=SYSTEM if "late" in reference else MEI, now=builders.at(on),
            )  # fmt: skip
        first = instalments_of(session, [id_of(plan)])[id_of(plan)][0]
        posted_on = gap + 5 * DAY
        pay(session, first.amount, DUE, posted_on)
        assert night(session, case, posted_on) == 1
        assert plan.status is PlanStatus.ACTIVE
        assert balance(session, posted_on + DAY) == 97_000 + 2 * 700 - first.amount
        rates = session.scalars(select(Concession).order_by(col(Concession.id))).all()
        assert [(each.from_on, each.to_on) for each in rates] == [(ON, gap), (gap, None)]
        assert rates[1].without_fees
        # It breaks in earnest: something was paid, so the fees stay waived.
        assess(session, case, posted_on + 90 * DAY)
        assert plan.status is PlanStatus.BROKEN
        assert balance(session, posted_on + 90 * DAY) == 97_000 + 2 * 700 - first.amount


def test_interest_of_the_gap_is_corrected_by_the_next_night(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case, plan = broken(session, replace(HARDSHIP, apr_millionths=0, waived_fees_minor=0))
        portfolio = session.get_one(Portfolio, case.portfolio_id)
        portfolio.accrues = True
        posted_on = broken_on(plan) + DAY
        pay(session, 10_000, DUE, posted_on)
        assert night(session, case, posted_on) == 1
        assert stale_accounts(session, id_of(portfolio), posted_on) == [id_of(the_card(session))]


def test_a_kept_plan_brings_its_accounts_up_to_date(engine: Engine) -> None:
    """Four minimums missed, three of them paid in time under the plan, and posted late."""
    with transaction(engine) as session:
        case = a_case(session, pack="us-first-party")
        card = the_card(session)
        for days in (100, 70, 40):
            builders.statement(session, card, ON - (days + 20) * DAY, ON - days * DAY, 5_000)
        terms = replace(PLAN, total_minor=15_000, payments=3, cadence=Cadence.WEEKLY, re_age=True)
        plan = agree(session, case, terms, LETTERS, **AS_MANAGER).plan
        assess(session, case, broken_on(plan))
        assert plan.status is PlanStatus.BROKEN
        posted_on = broken_on(plan) + DAY
        pay(session, 15_000, DUE, posted_on)
        assert night(session, case, posted_on) == 1
        assert plan.status is PlanStatus.KEPT
        assert session.scalars(select(PlanReAge.plan_id)).one() == plan.id


def test_instalments_that_fell_due_meanwhile_get_a_new_date(engine: Engine) -> None:
    with transaction(engine) as session:
        case, plan = broken(session, replace(PLAN, cadence=Cadence.WEEKLY))
        posted_on = DUE + 16 * DAY  # two further payments fell due; the grace of the second is over
        pay(session, 10_000, DUE, posted_on)
        assert night(session, case, posted_on) == 1
        parts = {part.n: part for part in instalments_of(session, [id_of(plan)])[id_of(plan)]}
        new = posted_on + 14 * DAY
        assert (parts[2].due_on, parts[2].agreed_on) == (new, DUE + 7 * DAY)
        assert plan.status is PlanStatus.ACTIVE
        changes = session.scalars(select(PlanChange).order_by(col(PlanChange.n))).all()
        # The fifth would have had to be paid within the two weeks; the sixth has its day after them.
        assert [(each.n, each.to_on, each.by) for each in changes] == [(n, new, SYSTEM) for n in (2, 3, 4)]
        assess(session, case, posted_on + DAY)
        assert plan.status is PlanStatus.ACTIVE


def test_another_agreement_stays_in_its_place(engine: Engine) -> None:
    with transaction(engine) as session:
        case, plan = broken(session, HARDSHIP)
        on = broken_on(plan)
        other = agree(
            session, case, AgreementTerms(PlanKind.PROMISE, 2_000, on + 9 * DAY), LETTERS,
            **{**AS_MANAGER, "now": builders.at(on + DAY)},
        ).plan  # fmt: skip
        first = instalments_of(session, [id_of(plan)])[id_of(plan)][0]
        pay(session, first.amount, DUE, on + 3 * DAY)
        assert night(session, case, on + 3 * DAY) == 1
        assert (plan.status, plan.why) == (PlanStatus.CANCELLED, f"{other.reference} took its place")
        assert (other.status, case.broken_promises) == (PlanStatus.ACTIVE, 0)
        assert balance(session, on + 4 * DAY) == 97_000 - first.amount, "its fees stay waived"
        open_rates = session.scalars(select(Concession).where(col(Concession.to_on).is_(None))).all()
        assert open_rates == []


def test_a_settlement_that_was_paid_in_time_settles_though_another_agreement_runs(engine: Engine) -> None:
    with transaction(engine) as session:
        case, plan = broken(session, AgreementTerms(PlanKind.SETTLEMENT, 60_000, DUE))
        on = broken_on(plan)
        agree(
            session, case, AgreementTerms(PlanKind.PROMISE, 2_000, on + 9 * DAY), LETTERS,
            **{**AS_MANAGER, "now": builders.at(on + DAY)},
        )  # fmt: skip
        pay(session, 60_000, DUE, on + 3 * DAY)
        assert night(session, case, on + 3 * DAY) == 1
        assert (plan.status, balance(session, on + 3 * DAY)) == (PlanStatus.KEPT, 0)


def test_a_case_that_was_closed_stays_closed(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case, plan = broken(session, PLAN)
        on = broken_on(plan)
        case.status, case.outcome, case.closed_on = CaseStatus.CLOSED, CaseOutcome.CURED, on
        pay(session, 10_000, DUE, on + 3 * DAY)
        assert night(session, case, on + 3 * DAY) == 1
        assert (plan.status, case.status) == (PlanStatus.CANCELLED, CaseStatus.CLOSED)


def test_what_was_offered_since_takes_the_place_of_the_plan_that_runs_on(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case, plan = broken(session, PLAN)
        on = broken_on(plan)
        settlement = AgreementTerms(PlanKind.SETTLEMENT, 50_000, on + 20 * DAY)
        made = offer(session, case, settlement, LETTERS, **{**AS_MANAGER, "now": builders.at(on + DAY)}).plan
        pay(session, 10_000, DUE, on + 2 * DAY)
        assert night(session, case, on + 2 * DAY) == 1
        assert (plan.status, made.supersedes_id) == (PlanStatus.ACTIVE, plan.id)
        pay(session, 50_000, on + 5 * DAY, on + 5 * DAY)
        assess(session, case, on + 5 * DAY)
        assert (plan.status, made.status) == (PlanStatus.CANCELLED, PlanStatus.KEPT)


def test_a_plan_can_break_again_and_be_restored_again(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case, plan = broken(session, PLAN)
        posted_on = broken_on(plan) + DAY
        pay(session, 10_000, DUE, posted_on)
        assert night(session, case, posted_on) == 1
        second = instalments_of(session, [id_of(plan)])[id_of(plan)][1].due_on
        again = second + (plan.grace_days + 1) * DAY
        assess(session, case, again)
        assert (plan.status, plan.broken_instalment) == (PlanStatus.BROKEN, 2)
        pay(session, 10_000, second, again + DAY)
        assert night(session, case, again + DAY) == 1
        assert plan.status is PlanStatus.ACTIVE
        assert len(session.scalars(select(PlanRestoration)).all()) == 2


def test_a_settlement_that_broke_for_a_payment_from_before_its_offer_is_not_restored_by_a_later_one(
    engine: Engine,
) -> None:
    """Its own payment covers it; the debt that it was offered on was a higher one than was known."""
    with transaction(engine) as session:
        case = a_case(session)
        cheque = pay(session, 1_000, ON - 5 * DAY, ON - 5 * DAY)
        plan = agree(
            session, case, AgreementTerms(PlanKind.SETTLEMENT, 60_000, DUE), LETTERS, **AS_MANAGER
        ).plan
        pay(session, 60_000, DUE, DUE)
        assess(session, case, DUE)
        assert plan.status is PlanStatus.KEPT
        back = DUE + 4 * DAY
        reverse_entry(session, cheque, reason="no funds", posted_on=back, by=MEI, now=builders.at(back))
        assert plan.status is PlanStatus.BROKEN
        owed = balance(session, back + DAY)
        assert owed > 0
        pay(session, 500, back + DAY, back + DAY)
        assert night(session, case, back + DAY) == 0
        assert (plan.status, balance(session, back + DAY)) == (PlanStatus.BROKEN, owed - 500)
