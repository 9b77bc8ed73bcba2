"""Limits of agreements: below, at and above each, of the portfolio and of the packs; and who may grant what alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine

from app.book.ledger.models import Customer
from app.casework.plans.limits import authority_of, beyond, check_limits, holidays_of, limits_of
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.schedule import schedule
from app.casework.plans.terms import AgreementLimits, AgreementTerms, Authority, Limit, Payday
from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.staff.rules import Role
from tests import builders

TODAY = date(2026, 3, 20)
LIMITS = AgreementLimits(
    promise_days=Limit(60, "setting"),
    settlement_days=Limit(183, "us.settlement_window", "OCC"),
    settlement_payments=Limit(4, "setting"),
    longest_months=Limit(60, "us.workout_months", "FIL-2-2003"),
    first_within_days=Limit(45, "setting"),
    min_apr_millionths=Limit(59_000, "setting"),
    must_amortise=Limit(1, "us.no_negative_amortisation", "FIL-2-2003"),
    skips=Limit(1, "setting"),
)
PROMISE = AgreementTerms(PlanKind.PROMISE, 10_000, TODAY + timedelta(days=60))
MONTHLY = AgreementTerms(PlanKind.INSTALMENTS, 600_000, TODAY, payments=60, cadence=Cadence.MONTHLY)
SETTLEMENT = AgreementTerms(PlanKind.SETTLEMENT, 40_000, TODAY, payments=4, cadence=Cadence.MONTHLY)
HARDSHIP = replace(MONTHLY, kind=PlanKind.HARDSHIP, apr_millionths=59_000, interest_from=TODAY)


@pytest.mark.parametrize(
    ("terms", "field", "said"),
    [
        (PROMISE, None, ""),
        (replace(PROMISE, first_due_on=TODAY), None, ""),
        (replace(PROMISE, first_due_on=TODAY - timedelta(days=1)), "due_on", "past"),
        (replace(PROMISE, first_due_on=TODAY + timedelta(days=61)), "due_on", "at most 60 days"),
        (replace(PROMISE, apr_millionths=0), "apr", "Only a plan"),
        (replace(PROMISE, waived_fees_minor=1), "waived_fees", "Only a hardship plan"),
        (replace(PROMISE, re_age=True), "re_age", "Only a plan"),
        (SETTLEMENT, None, ""),
        (replace(SETTLEMENT, payments=5), "payments", "at most 4 payments"),
        (replace(SETTLEMENT, payments=4, down_payment_minor=1), "payments", "at most 4 payments"),
        (replace(SETTLEMENT, payments=1, first_due_on=TODAY + timedelta(days=46)), "due_on", "within 45 days"),
        (replace(SETTLEMENT, first_due_on=TODAY + timedelta(days=45)), None, ""),
        (replace(SETTLEMENT, payments=4, cadence=Cadence.CUSTOM, total_minor=2, parts=()), "parts", "at least one"),
        (replace(SETTLEMENT, apr_millionths=100), "apr", "Only a plan"),
        (MONTHLY, None, ""),
        (replace(MONTHLY, first_due_on=date.min), "due_on", "past"),
        (replace(MONTHLY, first_due_on=date.min, payday=Payday(date.min)), "due_on", "past"),
        (replace(MONTHLY, payments=62), "payments", r"within 60 months. \(FIL-2-2003\)"),
        (replace(MONTHLY, payments=10_000), "payments", "1 to 600"),
        (replace(MONTHLY, first_due_on=TODAY + timedelta(days=45)), None, ""),
        (replace(MONTHLY, first_due_on=TODAY + timedelta(days=46)), "due_on", "within 45 days"),
        (replace(MONTHLY, skips_allowed=1), None, ""),
        (replace(MONTHLY, skips_allowed=2), "skips", "At most one payment"),
        (replace(MONTHLY, skips_allowed=-1), "skips", "At most one payment"),
        (replace(MONTHLY, waived_fees_minor=100), "waived_fees", "Only a hardship plan"),
        (HARDSHIP, None, ""),
        (replace(HARDSHIP, waived_fees_minor=100), None, ""),
        (replace(HARDSHIP, waived_fees_minor=-1), "waived_fees", "negative"),
        (replace(HARDSHIP, apr_millionths=58_999), "apr", "lowest rate is 5.9 %"),
        (replace(HARDSHIP, apr_millionths=360_000), None, ""),
        (
            replace(HARDSHIP, apr_millionths=600_000, first_due_on=TODAY + timedelta(days=45)),
            "payments", "Payment 1 is no more than the interest",
        ),
    ],
)  # fmt: skip
def test_what_nobody_may_agree_on(terms: AgreementTerms, field: str | None, said: str) -> None:
    if field is None:
        check_limits(terms, schedule(terms, []), LIMITS, TODAY)
        return
    with pytest.raises(Invalid, match=said) as refused:
        check_limits(terms, schedule(terms, []), LIMITS, TODAY)
    assert refused.value.field == field


def test_a_settlement_in_two_payments_ends_within_its_window() -> None:
    two = replace(SETTLEMENT, payments=2, cadence=Cadence.FOUR_WEEKLY)
    short = replace(LIMITS, settlement_days=Limit(28, "setting"))
    check_limits(two, schedule(two, []), short, TODAY)
    with pytest.raises(Invalid, match="within 27 days"):
        check_limits(two, schedule(two, []), replace(LIMITS, settlement_days=Limit(27, "x")), TODAY)


AGENT = Authority("agent", 12, 10, 5_000, may_lower_rate=False, may_re_age=False)
MANAGER = Authority("manager", 600, 50, 20_000, may_lower_rate=True, may_re_age=True)


@pytest.mark.parametrize(
    ("terms", "authority", "field"),
    [
        (replace(MONTHLY, payments=12), AGENT, None),
        (replace(MONTHLY, payments=13), AGENT, "payments"),
        (replace(MONTHLY, payments=13), MANAGER, None),
        (replace(SETTLEMENT, total_minor=90_000), AGENT, None),
        (replace(SETTLEMENT, total_minor=89_999), AGENT, "amount"),
        (replace(SETTLEMENT, total_minor=50_000), MANAGER, None),
        (replace(SETTLEMENT, total_minor=49_999), MANAGER, "amount"),
        (replace(HARDSHIP, payments=12, apr_millionths=200_000, waived_fees_minor=5_000), AGENT, None),
        (replace(HARDSHIP, payments=12, apr_millionths=None, waived_fees_minor=5_001), AGENT, "waived_fees"),
        (replace(HARDSHIP, payments=12, waived_fees_minor=20_000), MANAGER, None),
        (replace(HARDSHIP, payments=12, waived_fees_minor=20_001), MANAGER, "waived_fees"),
        (replace(HARDSHIP, payments=12, apr_millionths=199_999), AGENT, "apr"),
        (replace(HARDSHIP, payments=12, apr_millionths=0), MANAGER, None),
        (replace(HARDSHIP, payments=12, apr_millionths=None, re_age=True), AGENT, "re_age"),
        (replace(HARDSHIP, payments=12, re_age=True), MANAGER, None),
        (PROMISE, AGENT, None),
    ],
)
def test_what_one_person_may_grant_alone(
    terms: AgreementTerms, authority: Authority, field: str | None
) -> None:
    found = beyond(terms, authority, owed_minor=100_000, own_apr_millionths=200_000, currency="USD")
    assert (found.field if found else None) == field


def test_the_stricter_of_portfolio_and_pack_holds_with_its_rule(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        portfolio = builders.portfolio(session)
        customer = builders.customer(session, portfolio)
        portfolio.pack, customer.country = "us-third-party", "US"
        portfolio.settlement_days, portfolio.plan_months, portfolio.settlement_payments = 365, 120, 2
        limits = limits_of(session, portfolio, customer.id or 0)
        assert (limits.settlement_days.value, limits.settlement_days.rule) == (183, "us.settlement_window")
        assert "OCC" in limits.settlement_days.citation
        assert (limits.longest_months.value, limits.longest_months.rule) == (60, "us.workout_months")
        assert limits.settlement_payments == Limit(2, "portfolio setting settlement-payments")
        assert limits.must_amortise is not None
        assert limits.stops_collection is None


def test_a_customer_in_china_brings_the_stop_of_article_70(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        portfolio = builders.portfolio(session)
        customer = builders.customer(session, portfolio)
        session.get_one(Customer, customer.id).country = "CN"
        limits = limits_of(session, portfolio, customer.id or 0)
        assert limits.stops_collection is not None
        assert limits.stops_collection.rule == "cn.plan_stop"
        assert "art 70" in limits.stops_collection.citation


def test_authority_is_of_the_role_and_the_portfolio(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        portfolio = builders.portfolio(session)
        portfolio.agent_waive_minor, portfolio.agent_lowers_rate = 700, True
        agent, manager = authority_of(portfolio, Role.AGENT), authority_of(portfolio, Role.MANAGER)
        assert (agent.max_waived_fees_minor, agent.may_lower_rate, agent.may_re_age) == (700, True, False)
        assert (manager.max_waived_fees_minor, manager.may_lower_rate, manager.may_re_age) == (
            portfolio.waive_limit_minor, True, True,
        )  # fmt: skip


def test_holidays_are_those_of_the_customers_country(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        portfolio = builders.portfolio(session)
        customer = builders.customer(session, portfolio)
        session.get_one(Customer, customer.id).country = "US"
        found = holidays_of(session, portfolio, customer.id or 0, TODAY)
        assert date(2026, 7, 3) in found or date(2026, 7, 4) in found
        assert date(2031, 12, 25) in found
        assert date(2026, 5, 1) not in found
