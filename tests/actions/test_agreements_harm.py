"""What must not count, be waived or be accepted twice: payments from before an offer, of another plan, fees beyond one
person's authority, offers of a case that is with the legal team."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.actions.agreements import accept_offer, agree, cancel_agreement, offer, supersede
from app.actions.plans.with_legal import tell_of_paid_settlements
from app.book.ledger.models import Customer
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.plans.limits import Grantor
from app.casework.plans.models import InstalmentPayment
from app.casework.plans.rules import Cadence, PlanKind, PlanStatus
from app.casework.plans.terms import AgreementTerms
from app.casework.plans.tracking.payments import progress_of
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.agreements.figures import agreement_figures
from app.outreach.agreements.payment_code import Payee
from app.outreach.agreements.reader import Reader
from app.outreach.strategy.queries import open_tasks
from tests import builders
from tests.actions.test_agreements import (
    AS_AGENT,
    AS_MANAGER,
    BEN,
    DAY,
    HARDSHIP,
    LETTERS,
    MEI,
    NOW,
    ON,
    PLAN,
    a_case,
    assess,
    balance,
    the_card,
)

MORNING = builders.at(ON, 9)
IN_THREE = AgreementTerms(PlanKind.SETTLEMENT, 30_000, ON + 6 * DAY, 3, Cadence.FOUR_WEEKLY)


def paid_this_morning(session: Session, amount: int) -> None:
    builders.payment(session, the_card(session), amount, ON, now=MORNING)


def test_a_payment_from_before_its_offer_takes_no_settlement_up(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        session.get_one(Portfolio, case.portfolio_id).manager_max_discount_percent = 97
        paid_this_morning(session, 4_000)
        terms = AgreementTerms(PlanKind.SETTLEMENT, 4_000, ON + 6 * DAY)
        plan = offer(session, case, terms, LETTERS, **AS_MANAGER).plan
        assess(session, case, ON)
        assert (plan.status, balance(session)) == (PlanStatus.OFFERED, 96_000)
        accept_offer(session, plan, LETTERS, by=MEI, now=NOW)
        assess(session, case, ON + DAY)
        assert (plan.status, balance(session, ON + DAY)) == (PlanStatus.ACTIVE, 96_000)
        builders.payment(session, the_card(session), 4_000, ON + 6 * DAY)
        assess(session, case, ON + 6 * DAY)
        assert plan.status is PlanStatus.KEPT


def test_a_payment_of_the_same_morning_keeps_no_promise_of_the_rest(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        paid_this_morning(session, 3_000)
        terms = AgreementTerms(PlanKind.PROMISE, 2_000, ON + 6 * DAY)
        plan = agree(session, case, terms, LETTERS, **AS_MANAGER).plan
        assess(session, case, ON)
        assert plan.status is PlanStatus.ACTIVE
        builders.payment(session, the_card(session), 2_000, ON)
        assess(session, case, ON)
        assert plan.status is PlanStatus.KEPT


def test_what_was_paid_under_the_old_plan_that_day_does_not_count_for_the_new_one(
    sqlite_engine: Engine,
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        before = {**AS_AGENT, "now": builders.at(ON - 2 * DAY)}
        plan = agree(session, case, PLAN, LETTERS, **before).plan
        paid_this_morning(session, 50_000)
        new = supersede(
            session, plan, replace(PLAN, total_minor=50_000, payments=2), LETTERS, **AS_MANAGER
        ).plan
        assess(session, case, ON)
        assert new.status is PlanStatus.ACTIVE


@pytest.mark.parametrize(
    ("amount", "named", "status"),
    [
        (10_000, None, PlanStatus.OFFERED),
        (10_000, "settlement", PlanStatus.ACTIVE),
        (12_000, "plan", PlanStatus.OFFERED),
        (12_000, None, PlanStatus.ACTIVE),
    ],
)
def test_paying_on_a_plan_as_agreed_does_not_accept_a_settlement_in_its_place(
    sqlite_engine: Engine, amount: int, named: str | None, status: PlanStatus
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, PLAN, LETTERS, **AS_MANAGER).plan
        settlement = offer(session, case, IN_THREE, LETTERS, replaces=plan, **AS_MANAGER).plan
        entry = builders.payment(session, the_card(session), amount, ON + 6 * DAY)
        if named:
            to = plan if named == "plan" else settlement
            session.add(InstalmentPayment(entry_id=id_of(entry), plan_id=id_of(to), n=1))
            session.flush()
        assess(session, case, ON + 6 * DAY)
        runs = PlanStatus.ACTIVE if status is PlanStatus.OFFERED else PlanStatus.CANCELLED
        assert (settlement.status, plan.status) == (status, runs)


@pytest.mark.parametrize("named", [False, True])
def test_paying_on_a_plan_that_was_agreed_after_a_settlement_was_offered_accepts_no_settlement(
    engine: Engine, named: bool
) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        settlement = offer(session, case, IN_THREE, LETTERS, **AS_MANAGER).plan
        plan = agree(session, case, PLAN, LETTERS, **AS_MANAGER).plan
        entry = builders.payment(session, the_card(session), 10_000, ON + 6 * DAY)
        if named:
            session.add(InstalmentPayment(entry_id=id_of(entry), plan_id=id_of(settlement), n=1))
        assess(session, case, ON + 6 * DAY)
        assert (settlement.status, plan.status) == (PlanStatus.OFFERED, PlanStatus.ACTIVE)
        assert progress_of(session, plan, ON + 6 * DAY).paid == 10_000, "it is for what was agreed"
        assess(session, case, ON + (7 + settlement.grace_days) * DAY)
        assert (settlement.why, plan.status) == ("the offer was not taken up", PlanStatus.ACTIVE)


def test_an_offer_is_not_accepted_for_more_than_is_owed_once_its_fees_are_waived(
    sqlite_engine: Engine,
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        made = offer(session, case, replace(HARDSHIP, total_minor=97_000), LETTERS, **AS_MANAGER).plan
        builders.entry(session, the_card(session), EntryKind.ADJUSTMENT, -1, ON)
        with pytest.raises(Conflict, match="Less is owed now"):
            accept_offer(session, made, LETTERS, by=MEI, now=NOW)


@pytest.mark.parametrize(("corrected", "refused"), [(70_000, False), (70_001, True)])
def test_a_settlement_is_not_accepted_for_more_than_its_accounts_owe_since_a_correction(
    sqlite_engine: Engine, corrected: int, refused: bool
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        session.get_one(Portfolio, case.portfolio_id).manager_max_discount_percent = 97
        made = offer(session, case, IN_THREE, LETTERS, **AS_MANAGER).plan
        builders.entry(session, the_card(session), EntryKind.ADJUSTMENT, -corrected, ON)
        if refused:
            with pytest.raises(Conflict, match="Less is owed now"):
                accept_offer(session, made, LETTERS, by=MEI, now=NOW)
            return
        accept_offer(session, made, LETTERS, by=MEI, now=NOW)
        assert made.status is PlanStatus.ACTIVE


def renegotiated(session: Session, case: CollectionsCase, paid: int) -> int:
    """The balance after a plan that waived 30.00 was renegotiated, and the new one broke."""
    before = {**AS_MANAGER, "now": builders.at(ON - 2 * DAY)}
    plan = agree(session, case, HARDSHIP, LETTERS, **before).plan
    if paid:
        builders.payment(session, the_card(session), paid, ON - DAY)
    new = supersede(session, plan, replace(HARDSHIP, waived_fees_minor=0), LETTERS, **AS_MANAGER).plan
    assess(session, case, ON + 20 * DAY)
    assert new.status is PlanStatus.BROKEN
    figures = agreement_figures(session, new, Reader("en-GB", "CNY"), Payee("", ""), no_new_card=False)
    assert bool(figures["waived_fees"]) is not bool(paid), "the letter says which fees are charged again"
    return balance(session, ON + 21 * DAY)


@pytest.mark.parametrize(("paid", "left"), [(0, 100_000), (1_000, 96_000)])
def test_waived_fees_stay_waived_once_anything_was_paid_under_a_renegotiated_plan(
    sqlite_engine: Engine, paid: int, left: int
) -> None:
    with transaction(sqlite_engine) as session:
        assert renegotiated(session, a_case(session), paid) == left


def test_a_broken_plan_under_which_something_was_paid_tells_of_no_fee(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, HARDSHIP, LETTERS, **AS_MANAGER).plan
        builders.payment(session, the_card(session), 1, ON + DAY)
        assess(session, case, ON + 12 * DAY)
        assert plan.status is PlanStatus.BROKEN
        figures = agreement_figures(session, plan, Reader("en-GB", "CNY"), Payee("", ""), no_new_card=False)
        assert figures["waived_fees"] == ""


@pytest.mark.parametrize("paid", [0, 1])
def test_nobody_waives_beyond_their_limit_by_one_agreement_after_another(
    sqlite_engine: Engine, paid: int
) -> None:
    terms = replace(HARDSHIP, apr_millionths=None, waived_fees_minor=2_000)
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        plan = agree(session, case, terms, LETTERS, **AS_AGENT).plan
        if paid:
            builders.payment(session, the_card(session), paid, ON)
        with pytest.raises(Forbidden, match="waived CNY 20.00 before") as refused:
            supersede(session, plan, replace(terms, waived_fees_minor=1), LETTERS, **AS_AGENT)
        assert refused.value.field == "waived_fees"
        none = replace(terms, waived_fees_minor=0)
        assert supersede(session, plan, none, LETTERS, **AS_AGENT).plan.status is PlanStatus.ACTIVE


def test_nobody_waives_beyond_their_limit_by_two_offers_at_once(engine: Engine) -> None:
    terms = replace(HARDSHIP, apr_millionths=None, waived_fees_minor=2_000)
    with transaction(engine) as session:
        case = a_case(session)
        first, second = (offer(session, case, terms, LETTERS, **AS_AGENT).plan for _ in range(2))
        later = builders.at(ON, 20)
        accept_offer(session, first, LETTERS, by=MEI, now=later)
        builders.payment(session, the_card(session), 1, ON)
        cancel_agreement(session, first, "They want the other one.", LETTERS, by=MEI, now=later)
        with pytest.raises(Conflict, match="waived fees since this was offered"):
            accept_offer(session, second, LETTERS, by=MEI, now=later)


def test_an_offer_from_before_is_not_accepted_once_the_legal_team_has_the_case(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session)
        made = offer(session, case, PLAN, LETTERS, **AS_MANAGER).plan
        case.with_legal_since = NOW
        session.flush()
        with pytest.raises(Conflict, match="with the legal team"):
            accept_offer(session, made, LETTERS, by=BEN, now=NOW)


@pytest.mark.parametrize("terms", [replace(PLAN, total_minor=98_000), replace(HARDSHIP, total_minor=95_000)])
def test_what_came_since_an_offer_counts_whenever_it_is_accepted(
    engine: Engine, terms: AgreementTerms
) -> None:
    """Three days before, 20.00 came before the offer of the rest and 10.00 after it; then 7.00 and, on the morning of
    the acceptance, 3.00."""
    offered_on = ON - 3 * DAY
    with transaction(engine) as session:
        case, card = a_case(session), the_card(session)
        builders.payment(session, card, 2_000, offered_on, now=builders.at(offered_on, 9))
        made = offer(session, case, terms, LETTERS, **{**AS_MANAGER, "now": builders.at(offered_on, 12)}).plan
        builders.payment(session, card, 1_000, offered_on, now=builders.at(offered_on, 15))
        builders.payment(session, card, 700, ON - DAY)
        paid_this_morning(session, 300)
        accept_offer(session, made, LETTERS, by=MEI, now=NOW)
        assert made.accepted_on == ON
        stands = progress_of(session, made, ON)
        assert (stands.paid, stands.left) == (2_000, made.total_minor - 2_000)
        assert progress_of(session, made, ON - DAY).paid == 1_700
        assert balance(session) == terms.total_minor - 2_000, "what is left of it pays the debt off"


def test_an_offer_of_the_whole_debt_is_refused_where_a_correction_lowered_it_since(
    sqlite_engine: Engine,
) -> None:
    with transaction(sqlite_engine) as session:
        case, card = a_case(session), the_card(session)
        before = {**AS_MANAGER, "now": builders.at(ON - 2 * DAY)}
        made = offer(session, case, replace(PLAN, total_minor=100_000), LETTERS, **before).plan
        builders.payment(session, card, 4_000, ON - DAY)
        builders.entry(session, card, EntryKind.ADJUSTMENT, -1, ON)
        with pytest.raises(Conflict, match="Less is owed now"):
            accept_offer(session, made, LETTERS, by=MEI, now=NOW)


def test_a_settlement_paid_while_the_legal_team_has_the_case_is_not_accepted_and_a_person_is_told(
    engine: Engine,
) -> None:
    with transaction(engine) as session:
        case = a_case(session)
        book = session.get_one(Portfolio, case.portfolio_id)
        made = offer(session, case, IN_THREE, LETTERS, **AS_MANAGER).plan
        case.with_legal_since = NOW
        builders.payment(session, the_card(session), 10_000, ON + DAY)
        for days in (1, 2, 30):  # the grace days of its first payment end, and it was paid in time
            on = ON + days * DAY
            assess(session, case, on)
            told = tell_of_paid_settlements(session, book, on, now=builders.night_after(on))
            assert (made.status, told) == (PlanStatus.OFFERED, int(days == 1))
        [task] = open_tasks(session, id_of(case))
        assert made.reference in task.text
        assert (task.plan_id, balance(session, on)) == (made.id, 90_000)
        case.with_legal_since = None
        session.flush()
        assess(session, case, on)
        assert made.status is PlanStatus.ACTIVE, "the legal team gave it back"


@pytest.mark.parametrize(("payments", "refused"), [(36, False), (60, True)])
def test_no_debt_grows_under_a_plan_at_its_own_rate(
    sqlite_engine: Engine, payments: int, refused: bool
) -> None:
    with transaction(sqlite_engine) as session:
        case = a_case(session, pack="us-first-party")
        the_card(session).apr_millionths = 240_000
        terms = replace(PLAN, total_minor=100_000, payments=payments)
        if not refused:
            assert offer(session, case, terms, LETTERS, grantor=Grantor(MEI, Role.MANAGER), now=NOW).plan.id
            return
        with pytest.raises(Invalid, match="no more than the interest") as told:
            offer(session, case, terms, LETTERS, grantor=Grantor(MEI, Role.MANAGER), now=NOW)
        assert told.value.field == "payments"


@pytest.mark.parametrize(("rate", "other", "refused"), [(0, 240_000, False), (240_000, 0, True)])
def test_each_account_of_a_plan_bears_its_own_rate(
    engine: Engine, rate: int, other: int, refused: bool
) -> None:
    """1,000.00 and 100.00 in 60 payments: at 24 % on both they would grow."""
    with transaction(engine) as session:
        case = a_case(session, pack="us-first-party")
        the_card(session).apr_millionths = rate
        second = builders.account(session, session.get_one(Customer, case.customer_id), apr_millionths=other)
        builders.entry(session, second, EntryKind.OPENING_BALANCE, 10_000, ON - 60 * DAY)
        terms = replace(PLAN, total_minor=110_000, payments=60)
        if not refused:
            assert offer(session, case, terms, LETTERS, **AS_MANAGER).plan.id
            return
        with pytest.raises(Invalid, match="Payment 2 is no more than the interest") as told:
            offer(session, case, terms, LETTERS, **AS_MANAGER)
        assert told.value.field == "payments"
