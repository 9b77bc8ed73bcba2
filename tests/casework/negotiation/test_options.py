"""The solver: which offers a household gets, in which order, and the sentence for each kind that it does not get."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from app.casework.negotiation.facts import (
    Affordability,
    Basis,
    NotOffered,
    Option,
    OptionKind,
    Solution,
    SolverFacts,
)
from app.casework.negotiation.options import MOST_OF_A_KIND, judge_counter, solve
from app.casework.negotiation.solver.chance import BaseChance
from app.casework.negotiation.solver.counter import Counter
from app.casework.plans.rules import Cadence, PlanKind
from app.casework.plans.terms import Limit, Payday, Portion, Reduced
from app.core.kit.frozen_json import digest_of
from tests.casework.negotiation.solver_facts import ACCOUNT, AGENT, LIMITS, MANAGER, MONTHLY, facts, said

FAR_BEHIND = replace(ACCOUNT, past_due_minor=280_000)


def solved(given: SolverFacts) -> Solution:
    return solve(given, BaseChance())


def of(kind: OptionKind, given: SolverFacts) -> list[Option]:
    return [option for option in solved(given).options if option.kind is kind]


def why(kind: OptionKind, given: SolverFacts) -> str:
    return next(each.why for each in solved(given).not_offered if each.kind is kind)


def test_each_kind_has_an_offer_or_one_reason() -> None:
    for given in (facts(said(50_000, 100_000)), facts(said(5_000)), facts(Affordability(Basis.UNKNOWN))):
        solution = solved(given)
        offered = {option.kind for option in solution.options}
        refused = [each.kind for each in solution.not_offered]
        assert offered | set(refused) == set(OptionKind)
        assert not offered & set(refused)
        assert len(refused) == len(set(refused))
        assert all(each.why.endswith(".") and each.rule for each in solution.not_offered)


@pytest.mark.parametrize(
    ("once", "amounts"), [(39_999, []), (40_000, [40_000]), (299_999, [40_000]), (300_000, [300_000, 40_000])]
)
def test_pays_now_what_can_be_paid_at_once(once: int, amounts: list[int]) -> None:
    assert [option.total_cost_minor for option in of(OptionKind.PAY_NOW, facts(said(0, once)))] == amounts


@pytest.mark.parametrize(("monthly", "offered"), [(19_999, [3, 4]), (20_000, [2, 3]), (40_000, [1, 2])])
def test_promises_on_paydays_and_never_more_than_was_said(monthly: int, offered: list[int]) -> None:
    given = facts(said(monthly), limits=replace(LIMITS, promise_days=Limit(120, "promise_days")))
    options = of(OptionKind.PROMISE, given)
    assert sorted(len(option.parts) for option in options) == offered
    assert all(part.amount <= monthly for option in options for part in option.parts)
    assert options[0].parts[0].due_on == date(2026, 12, 1)  # the working day after the payday


@pytest.mark.parametrize(("days", "offered"), [(33, False), (34, True)])
def test_a_promise_ends_within_its_days(days: int, offered: bool) -> None:
    given = facts(said(20_000), limits=replace(LIMITS, promise_days=Limit(days, "promise_days")))
    assert bool(of(OptionKind.PROMISE, given)) is offered  # two paydays: 1 and 31 December
    if not offered:
        assert "within 33 days" in why(OptionKind.PROMISE, given)


def test_a_short_plan_leaves_room_for_minimum_payments() -> None:
    need = 40_000 // 6  # six paydays
    assert of(OptionKind.SHORT_PLAN, facts(said(need + 1 + ACCOUNT.minimum_minor)))
    refused = facts(said(need + ACCOUNT.minimum_minor))
    assert not of(OptionKind.SHORT_PLAN, refused)
    assert "USD 400.00" in why(OptionKind.SHORT_PLAN, refused)
    assert "USD 60.00" in why(OptionKind.SHORT_PLAN, refused)


def test_a_debt_that_would_grow_is_said_so() -> None:
    given = facts(said(6_000))
    assert not of(OptionKind.LONG_PLAN, given)
    sentence = why(OptionKind.LONG_PLAN, given)
    assert "23.99 % a year bears USD 60.56 of interest a month" in sentence
    assert "would grow" in sentence
    refused = next(e for e in solved(given).not_offered if e.kind is OptionKind.LONG_PLAN)
    assert (refused.rule, refused.citation) == ("us.amortise", "FFIEC 2003")


def test_concessions_come_in_order_and_only_where_they_are_needed() -> None:
    options = of(OptionKind.HARDSHIP, facts(said(10_000)))
    assert 1 <= len(options) <= MOST_OF_A_KIND
    assert all(option.plan_kind is PlanKind.HARDSHIP for option in options)
    rates = sorted({option.terms.apr_millionths for option in options}, reverse=True)  # type: ignore[type-var]
    assert rates == [239_900, 119_950, 0]
    assert all(option.terms.waived_fees_minor == ACCOUNT.fees_minor for option in options)
    assert "without a concession" in why(OptionKind.HARDSHIP, facts(said(40_000), FAR_BEHIND))


def test_a_longer_term_alone_is_no_concession() -> None:
    plain = replace(ACCOUNT, apr_millionths=0, fees_minor=0)
    assert "longer term alone" in why(OptionKind.HARDSHIP, facts(said(10_000), plain))


def test_nobody_lowers_a_rate_where_no_role_may() -> None:
    given = facts(said(10_000), manager=replace(MANAGER, may_lower_rate=False))
    assert {option.terms.apr_millionths for option in of(OptionKind.HARDSHIP, given)} == {239_900}


@pytest.mark.parametrize(
    ("discount", "who"), [(0, ""), (20, "two"), (26, "two"), (27, "manager"), (60, "manager")]
)
def test_a_settlement_names_who_may_grant_it(discount: int, who: str) -> None:
    owed = replace(ACCOUNT, is_charged_off=True, past_due_minor=300_000)
    manager = replace(MANAGER, max_discount_percent=discount)
    no_plan = replace(LIMITS, longest_months=Limit(1, "us.workout"))
    given = facts(
        said(20_000, 160_000), owed, manager=manager, limits=no_plan
    )  # 220,000 of 300,000 in four payments
    options = [o for o in of(OptionKind.SETTLEMENT, given) if o.total_cost_minor == 220_000]
    if not who:
        assert "Nobody in this portfolio" in why(OptionKind.SETTLEMENT, given)
    else:
        assert [option.may_grant for option in options] == [who]
        assert options[0].waived_minor == 80_000


def test_an_agent_settles_within_the_own_limit() -> None:
    owed = replace(ACCOUNT, is_charged_off=True, past_due_minor=300_000)
    within = of(OptionKind.SETTLEMENT, facts(said(0, 270_000), owed))
    beyond = of(OptionKind.SETTLEMENT, facts(said(0, 269_999), owed))
    assert [option.may_grant for option in within] == ["agent"]
    assert [option.may_grant for option in beyond] == ["manager"]


def test_settles_nothing_that_the_household_can_repay() -> None:
    assert "nothing needs to be waived" in why(OptionKind.SETTLEMENT, facts(said(50_000), FAR_BEHIND))


@pytest.mark.parametrize(("monthly", "catches_up"), [(12_666, False), (12_667, True)])
def test_who_catches_up_needs_no_plan_for_the_whole_debt(monthly: int, catches_up: bool) -> None:
    """40,000 past due within six months, beside minimum payments of 6,000."""
    solution = solved(facts(said(monthly)))
    told = {each.kind for each in solution.not_offered if "goes on as agreed" in each.why}
    whole = {OptionKind.LONG_PLAN, OptionKind.HARDSHIP, OptionKind.SETTLEMENT, OptionKind.RE_AGE}
    assert told == (whole if catches_up else set())
    assert any(option.kind is OptionKind.LONG_PLAN for option in solution.options) is not catches_up
    charged_off = replace(ACCOUNT, is_charged_off=True, past_due_minor=300_000)
    assert of(OptionKind.LONG_PLAN, facts(said(monthly), charged_off))


def test_two_managers_are_not_asked_for_less_than_a_plan_brings() -> None:
    owed = replace(ACCOUNT, is_charged_off=True, past_due_minor=300_000, apr_millionths=0)
    given = facts(said(15_000), owed)
    assert not of(OptionKind.SETTLEMENT, given)
    assert "needs two managers" in why(OptionKind.SETTLEMENT, given)
    assert "a plan for the whole debt is expected to bring" in why(OptionKind.SETTLEMENT, given)


def test_a_re_age_needs_its_rule_its_accounts_and_somebody_who_may() -> None:
    late = replace(ACCOUNT, past_due_minor=200_000)
    assert [len(option.parts) for option in of(OptionKind.RE_AGE, facts(said(10_000), late))] == [3]
    assert "no rule" in why(OptionKind.RE_AGE, facts(said(10_000), late, re_age_payments=None))
    young = replace(late, may_re_age=False, why_not_re_age="opened on 2026-06-01: too young")
    assert "too young." in why(OptionKind.RE_AGE, facts(said(10_000), young))
    nobody = replace(MANAGER, may_re_age=False)
    assert "Nobody" in why(OptionKind.RE_AGE, facts(said(10_000), late, manager=nobody))
    assert "household can pay USD 59.99" in why(OptionKind.RE_AGE, facts(said(5_999), late))


def test_asks_first_where_nobody_knows_what_can_be_paid() -> None:
    solution = solved(facts(Affordability(Basis.UNKNOWN)))
    assert {o.kind for o in solution.options} == {
        OptionKind.PAY_NOW,
        OptionKind.PROMISE,
        OptionKind.SHORT_PLAN,
    }
    assert solution.floor_minor == 0
    assert all(option.share_of_disposable is None for option in solution.options)
    assert "Ask what it can pay and when it is paid" in why(
        OptionKind.HARDSHIP, facts(Affordability(Basis.UNKNOWN))
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (facts(said(0)), "The customer can pay nothing."),
        (facts(Affordability(Basis.STATEMENT)), "Nothing is left to the household"),
        (facts(said(1), replace(ACCOUNT, balance_minor=0)), "Nothing is owed."),
        (facts(said(1), replace(ACCOUNT, balance_minor=-500)), "Nothing is owed."),
        (facts(said(1), replace(ACCOUNT, held="Account 1 is disputed.")), "Account 1 is disputed."),
        (facts(said(50_000), blocked="Case C-1 is with the legal team."), "with the legal team"),
    ],
)
def test_offers_nothing_and_says_why(given: SolverFacts, sentence: str) -> None:
    solution = solved(given)
    assert not solution.options
    assert all(sentence in each.why for each in solution.not_offered)
    assert [each.kind for each in solution.not_offered] == list(OptionKind)


def test_leaves_a_held_account_out() -> None:
    other = replace(ACCOUNT, account_id=2, held="Account 2 is disputed.")
    assert solved(facts(said(50_000), ACCOUNT, other)) == solved(facts(said(50_000)))


def test_weekly_pay_gives_weekly_or_four_weekly_payments() -> None:
    payday = Payday(date(2026, 12, 4), Cadence.WEEKLY, 2)
    options = of(OptionKind.LONG_PLAN, facts(said(20_000, payday=payday), FAR_BEHIND))
    assert {option.terms.cadence for option in options} <= {Cadence.WEEKLY, Cadence.FOUR_WEEKLY}
    assert options[0].parts[0].due_on == date(2026, 12, 8)


def test_a_payday_that_passed_is_the_next_one() -> None:
    given = facts(said(40_000, payday=Payday(date(2026, 9, 30))))
    assert of(OptionKind.PROMISE, given)[0].parts[0].due_on == date(2026, 12, 1)


def test_who_may_grant_long_terms_and_concessions() -> None:
    by_agent = facts(said(40_000), authority=replace(AGENT, may_lower_rate=True))
    assert {option.may_grant for option in of(OptionKind.LONG_PLAN, by_agent)} <= {"agent", "manager"}
    short = facts(said(10_000), manager=replace(MANAGER, max_payments=12))
    assert {option.may_grant for option in of(OptionKind.LONG_PLAN, short)} == {"two"}


def test_the_same_facts_give_the_same_answer() -> None:
    given = facts(said(12_345, 678))
    assert solved(given) == solved(given)


def test_money_that_is_there_is_not_promised() -> None:
    given = facts(said(0, once=40_000))
    assert "USD 400.00 that is past due at once" in why(OptionKind.PROMISE, given)
    assert "USD 400.00 that is past due at once" in why(OptionKind.SHORT_PLAN, given)
    assert "nothing a month and USD 399.99 at once" in why(OptionKind.PROMISE, facts(said(0, once=39_999)))


@pytest.mark.parametrize(
    ("counter", "sentence"),
    [
        (
            Counter(OptionKind.PROMISE, 30_000, payments=1),
            "1 × USD 300.00 is USD 300.00 in all. What comes closest is 2 × USD 200.00, USD 400.00 in all.",
        ),
        (
            Counter(OptionKind.PROMISE, 15_000, down_payment_minor=5_000, payments=2),
            "2 × USD 150.00 and USD 50.00 at once is USD 350.00 in all. What comes closest is USD 50.00 at once, "
            "then 3 × USD 116.67, USD 400.00 in all.",
        ),
        (
            Counter(OptionKind.PROMISE, 100),
            "what is offered does not pay the USD 400.00 that is past due: the customer offers USD 1.00 a month",
        ),
    ],
)
def test_names_the_payments_that_come_closest(counter: Counter, sentence: str) -> None:
    given = facts(said(5_000), limits=replace(LIMITS, promise_days=Limit(120, "promise_days")))
    judged = judge_counter(given, counter, BaseChance())
    assert isinstance(judged, NotOffered)
    assert sentence in judged.why


@pytest.mark.parametrize(
    "counter",
    [
        Counter(OptionKind.PAY_NOW, 100),
        Counter(OptionKind.PROMISE, 100),
        Counter(OptionKind.SHORT_PLAN, 100),
        Counter(OptionKind.SHORT_PLAN, 100, down_payment_minor=60_000),
        Counter(OptionKind.LONG_PLAN, 100),
        Counter(OptionKind.LONG_PLAN, 200_000),
        Counter(OptionKind.HARDSHIP, 200_000),
        Counter(OptionKind.RE_AGE, 100),
    ],
    ids=lambda counter: f"{counter.kind.value}-{counter.payment_minor}-{counter.down_payment_minor}",
)
def test_a_reason_against_a_proposal_claims_nothing_of_the_household(counter: Counter) -> None:
    judged = judge_counter(facts(said(5_000)), counter, BaseChance())
    assert isinstance(judged, NotOffered), judged
    assert "household can" not in judged.why.lower()


@pytest.mark.parametrize(
    ("payment", "payments", "down", "total"),
    [(200_000, 1, 0, 200_000), (60_000, 3, 0, 180_000), (50_000, 2, 80_000, 180_000)],
)
def test_a_settlement_is_of_the_sum_that_the_customer_names(
    payment: int, payments: int, down: int, total: int
) -> None:
    counter = Counter(OptionKind.SETTLEMENT, payment, down_payment_minor=down, payments=payments)
    judged = judge_counter(facts(said(5_000)), counter, BaseChance())
    assert isinstance(judged, Option), judged
    assert (judged.total_cost_minor, judged.waived_minor) == (total, 300_000 - total)


@pytest.mark.parametrize(
    ("payment", "payments", "sentence"),
    [
        (60_000, 9, "A settlement is paid in at most 4 payments within 120 days."),
        (300_000, 1, "This pays the whole USD 3000.00: nothing needs to be waived."),
        (100, 1, "USD 1.00 of USD 3000.00 is proposed; the least that is accepted is USD"),
    ],
)
def test_a_settlement_that_cannot_be_is_refused_for_what_was_proposed(
    payment: int, payments: int, sentence: str
) -> None:
    counter = Counter(OptionKind.SETTLEMENT, payment, payments=payments)
    judged = judge_counter(facts(said(5_000)), counter, BaseChance())
    assert isinstance(judged, NotOffered)
    assert sentence in judged.why


def test_a_statement_bounds_payments_of_a_settlement_but_not_one_sum() -> None:
    given = facts(Affordability(Basis.STATEMENT, 5_000, 8_000, payday=MONTHLY))
    once = judge_counter(given, Counter(OptionKind.SETTLEMENT, 200_000, payments=1), BaseChance())
    monthly = judge_counter(given, Counter(OptionKind.SETTLEMENT, 60_000, payments=3), BaseChance())
    assert isinstance(once, Option), once
    assert isinstance(monthly, NotOffered)
    assert "the statement leaves the household USD 50.00" in monthly.why


# --- several rates ----------------------------------------------------------------------------------------

SECOND = replace(ACCOUNT, account_id=2, balance_minor=100_000, apr_millionths=120_000, past_due_minor=90_000)


def test_each_account_of_a_plan_bears_its_own_rate_and_an_agent_grants_it() -> None:
    given = facts(said(30_000), FAR_BEHIND, SECOND, rates_apart=True)
    option = of(OptionKind.LONG_PLAN, given)[0]
    assert option.terms.apr_millionths == 239_900
    assert option.terms.portions == (Portion(100_000, 120_000), Portion(300_000, 239_900))
    at_one_rate = of(OptionKind.LONG_PLAN, replace(given, rates_apart=False))[0]
    assert at_one_rate.terms.apr_millionths == 120_000, "the lowest, as solver 2 had it"
    assert option.total_cost_minor > at_one_rate.total_cost_minor
    assert all(part.amount <= 30_000 for part in option.parts)
    short = replace(given, affordability=said(60_000))
    assert of(OptionKind.LONG_PLAN, short)[0].may_grant == "agent", "no rate is lowered"


@pytest.mark.parametrize(
    ("given", "digest"),
    [
        (facts(said(30_000), FAR_BEHIND, SECOND), "2edb21ee15b1cfbe"),
        (facts(said(2_000), FAR_BEHIND), "97f81717e9ccd012"),
        (facts(said(9_000, 20_000), FAR_BEHIND), "cd0533e595aaaad5"),
    ],
)
def test_facts_of_solver_2_replay_to_the_answer_of_solver_2(given: SolverFacts, digest: str) -> None:
    """The digests were computed by solver 2."""
    assert digest_of(solved(given)).startswith(digest)


# --- a little, and nothing that repays the debt -----------------------------------------------------------

RELIEF = replace(
    LIMITS, token_months=Limit(6, "token-months"), reduced_months=Limit(6, "reduced-months"),
    longest_months=Limit(60, "us.workout", "FFIEC 2003"),
)  # fmt: skip


def test_a_household_that_can_pay_a_little_is_offered_token_payments() -> None:
    given = facts(said(1_000), FAR_BEHIND, limits=RELIEF, rates_apart=True)
    [first, *others] = solved(given).options
    assert first.kind is OptionKind.HARDSHIP
    assert first.terms.is_token
    assert [part.amount for part in first.parts] == [1_000] * 6
    assert (first.terms.apr_millionths, first.may_grant) == (0, "manager")
    assert all(option.terms.is_token for option in others), "half an instalment now would be too little"
    assert OptionKind.HARDSHIP not in {each.kind for each in solved(given).not_offered}


def test_half_an_instalment_now_is_offered_after_token_payments() -> None:
    """3,000.00 in 60 months without interest and fees takes 49.42 a month: 45.00 is too little, unless it grows."""
    given = facts(said(4_500), FAR_BEHIND, limits=RELIEF, rates_apart=True)
    options = solved(given).options
    assert options[0].terms.is_token
    reduced = next(option for option in options if option.terms.reduced)
    assert reduced.terms.reduced == Reduced(6, 4_500)
    amounts = [part.amount for part in reduced.parts]
    assert amounts[:6] == [4_500] * 6
    assert 4_500 < amounts[6] <= 9_000
    assert sum(amounts) == 300_000 - 3_500


@pytest.mark.parametrize(
    ("monthly", "changes"),
    [
        (20_000, {}),
        (0, {}),
        (1_000, {"limits": replace(RELIEF, token_months=Limit(0, "x"), reduced_months=None)}),
        (1_000, {"limits": replace(RELIEF, min_apr_millionths=Limit(10_000, "lowest-rate"))}),
    ],
)
def test_no_token_payments_where_more_can_be_paid_or_nothing_or_interest_would_run(
    monthly: int, changes: dict[str, object]
) -> None:
    given = replace(facts(said(monthly), FAR_BEHIND, limits=RELIEF, rates_apart=True), **changes)  # type: ignore[arg-type]
    assert not any(option.terms.is_token for option in solved(given).options)


def test_the_customers_own_little_sum_is_a_token_offer() -> None:
    given = facts(said(20_000), FAR_BEHIND, limits=RELIEF, rates_apart=True)
    judged = judge_counter(given, Counter(OptionKind.HARDSHIP, 800), BaseChance())
    assert isinstance(judged, Option)
    assert judged.terms.is_token
    assert {part.amount for part in judged.parts} == {800}
