"""Whatever the facts: every option is feasible by a checker that knows nothing of the solver, and ranks fall."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import HealthCheck, given, settings

from app.casework.negotiation.facts import Basis, Option, OptionKind, SolverFacts
from app.casework.negotiation.options import MOST_OF_A_KIND, solve
from app.casework.negotiation.solver.chance import BaseChance
from app.casework.plans.limits import beyond, check_limits
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.schedule import schedule
from app.casework.plans.terms import AgreementTerms, Authority
from app.core.dates import add_months
from tests.casework.negotiation.solver_facts import random_facts

A_YEAR = {Cadence.WEEKLY: 52, Cadence.FORTNIGHTLY: 26, Cadence.FOUR_WEEKLY: 13, Cadence.MONTHLY: 12}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_facts)
def test_every_option_is_feasible(facts: SolverFacts) -> None:
    solution = solve(facts, BaseChance())
    assert solution == solve(facts, BaseChance())
    expected = [option.expected_kept_minor for option in solution.options]
    assert expected == sorted(expected, reverse=True)
    kinds = [option.kind for option in solution.options]
    assert all(kinds.count(kind) <= MOST_OF_A_KIND for kind in kinds)
    assert set(kinds).isdisjoint(each.kind for each in solution.not_offered)
    assert set(kinds) | {each.kind for each in solution.not_offered} == set(OptionKind)
    assert len(set(solution.options)) == len(solution.options)
    for option in solution.options:
        check(facts, option)


def check(facts: SolverFacts, option: Option) -> None:
    terms, parts = option.terms, option.parts
    accounts = [each for each in facts.accounts if not each.held and each.balance_minor > 0]
    balance = sum(each.balance_minor for each in accounts)
    assert not facts.blocked
    assert balance > 0
    # sums
    assert list(parts) == schedule(terms, facts.holidays)
    assert all(part.amount > 0 and part.interest >= 0 for part in parts)
    assert sum(part.amount - part.interest for part in parts) == terms.total_minor
    assert option.total_cost_minor == sum(part.amount for part in parts)
    assert terms.total_minor + option.waived_minor <= balance
    assert 0 <= option.expected_kept_minor <= option.total_cost_minor
    assert 0 <= option.chance_kept <= 1
    # dates
    days = [part.due_on for part in parts]
    assert days == sorted(set(days))
    assert days[0] >= facts.today
    assert option.ends_on == days[-1]
    limits = facts.limits
    if option.kind is OptionKind.PAY_NOW:
        assert days == [facts.today]
    elif option.kind is OptionKind.PROMISE:
        assert days[-1] <= facts.today + timedelta(days=limits.promise_days.value)
    elif option.kind is OptionKind.SETTLEMENT:
        assert days[-1] <= facts.today + timedelta(days=limits.settlement_days.value)
        assert len(parts) <= limits.settlement_payments.value
        assert days[0] <= facts.today + timedelta(days=limits.first_within_days.value)
        late = sum(each.balance_minor for each in accounts if each.past_due_minor > 0)
        assert terms.total_minor + terms.waived_minor == late
        assert terms.waived_minor > 0
    else:
        assert days[-1] <= add_months(days[0], limits.longest_months.value)
        assert days[0] <= facts.today + timedelta(days=limits.first_within_days.value)
    assert all(part.interest < part.amount for part in parts)
    affordable(facts, option)
    granted(facts, option)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(random_facts)
def test_whoever_makes_the_agreement_judges_as_the_solver_does(facts: SolverFacts) -> None:
    """The limits and the authority that `app.casework.plans.limits` checks when a plan is made are the solver's."""
    late = sum(each.balance_minor for each in facts.accounts if not each.held and each.past_due_minor > 0)
    own = max(
        (each.apr_millionths for each in facts.accounts if not each.held and each.balance_minor > 0),
        default=0,
    )
    for option in solve(facts, BaseChance()).options:
        check_limits(option.terms, option.parts, facts.limits, facts.today)

        def refused(who: Authority, terms: AgreementTerms = option.terms) -> bool:
            found = beyond(terms, who, owed_minor=late, own_apr_millionths=own, currency=facts.currency)
            return found is not None

        expected = (
            "agent" if not refused(facts.authority) else "manager" if not refused(facts.manager) else "two"
        )
        assert option.may_grant == expected


def affordable(facts: SolverFacts, option: Option) -> None:
    able = facts.affordability
    if able.basis is Basis.UNKNOWN:
        assert option.kind in (OptionKind.PAY_NOW, OptionKind.PROMISE, OptionKind.SHORT_PLAN)
        return
    for part in option.parts:
        if part.n == 0 or part.due_on == facts.today:
            assert part.amount <= able.once_minor
        elif len(option.parts) == 1:
            assert part.amount <= max(able.once_minor, able.monthly_minor)
        else:
            assert part.amount * A_YEAR[option.terms.cadence] <= 12 * able.monthly_minor


def granted(facts: SolverFacts, option: Option) -> None:
    """Nobody named grants more than they may."""
    if option.may_grant == "two" or option.plan_kind is PlanKind.PROMISE:
        return
    who = {"agent": facts.authority, "manager": facts.manager}[option.may_grant]
    terms = option.terms
    assert option.plan_kind is PlanKind.SETTLEMENT or terms.count <= who.max_payments
    assert terms.waived_fees_minor <= who.max_waived_fees_minor
    owed = terms.total_minor + terms.waived_minor
    assert 100 * terms.waived_minor <= who.max_discount_percent * owed
    accounts = [each for each in facts.accounts if not each.held and each.balance_minor > 0]
    if terms.apr_millionths is not None and any(a.apr_millionths > terms.apr_millionths for a in accounts):
        assert who.may_lower_rate
    assert who.may_re_age or not terms.re_age
