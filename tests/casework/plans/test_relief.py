"""Token and reduced payments: what nobody may grant, and what one person may not grant alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from app.casework.plans.limits import beyond, check_partial, check_relief, check_token, is_partial
from app.casework.plans.rules import Cadence, Instalment, PlanKind
from app.casework.plans.schedule import schedule
from app.casework.plans.terms import AgreementTerms, Authority, Limit, Reduced, read_terms, stored_terms
from app.core.errors import Invalid
from tests.casework.negotiation.solver_facts import LIMITS

FIRST = date(2026, 6, 1)
PERMITTED = replace(
    LIMITS,
    token_months=Limit(6, "uk.token_payments", "CONC 7.3.5G"),
    reduced_months=Limit(3, "reduced-months"),
)
TOKEN = AgreementTerms(PlanKind.HARDSHIP, 3_000, FIRST, 6, Cadence.MONTHLY, apr_millionths=0, is_token=True)
HALF = AgreementTerms(PlanKind.HARDSHIP, 90_000, FIRST, 12, Cadence.MONTHLY, reduced=Reduced(3, 4_000))


def parts(terms: AgreementTerms) -> list[Instalment]:
    return schedule(terms, [])


def test_what_is_permitted_is_not_refused() -> None:
    check_relief(TOKEN, parts(TOKEN), PERMITTED)
    check_relief(HALF, parts(HALF), PERMITTED)
    reviewed = replace(TOKEN, review_on=date(2026, 8, 1))
    check_relief(reviewed, parts(reviewed), PERMITTED)
    assert read_terms(stored_terms(HALF)) == HALF


@pytest.mark.parametrize(
    ("terms", "changes", "field", "says"),
    [
        (TOKEN, {"payments": 7, "total_minor": 3_500}, "token", "at most 6 months. (CONC 7.3.5G)"),
        (TOKEN, {"payments": 27, "cadence": Cadence.WEEKLY}, "token", "at most 6 months"),
        (TOKEN, {"kind": PlanKind.INSTALMENTS}, "token", "Only a hardship plan"),
        (TOKEN, {"re_age": True}, "token", "bring no account current"),
        (TOKEN, {"review_on": date(2026, 12, 1)}, "review_on", "between the first payment and the last"),
        (TOKEN, {"is_token": False, "review_on": FIRST}, "review_on", "Only token or reduced payments"),
        (HALF, {"reduced": Reduced(4, 4_000)}, "reduced_payments", "reduced for at most 3 months."),
        (HALF, {"kind": PlanKind.INSTALMENTS}, "reduced_payments", "Only a hardship plan"),
    ],
)
def test_what_nobody_may_grant_is_refused_at_its_field(
    terms: AgreementTerms, changes: dict[str, Any], field: str, says: str
) -> None:
    terms = replace(terms, **changes)
    with pytest.raises(Invalid) as refused:
        check_relief(terms, parts(terms), PERMITTED)
    assert refused.value.field == field
    assert says in str(refused.value)


@pytest.mark.parametrize("terms", [TOKEN, HALF])
def test_without_a_limit_there_is_none(terms: AgreementTerms) -> None:
    for limits in (LIMITS, replace(LIMITS, token_months=Limit(0, "x"), reduced_months=Limit(0, "x"))):
        with pytest.raises(Invalid, match="payments are agreed on here"):
            check_relief(terms, parts(terms), limits)


def test_a_debt_does_not_grow_under_token_payments_and_they_are_a_part_of_it() -> None:
    check_token(TOKEN, 100_000, 240_000)
    check_token(replace(TOKEN, apr_millionths=None), 100_000, 0)
    for rate in (None, 10_000):
        with pytest.raises(Invalid, match="the debt grows") as refused:
            check_token(replace(TOKEN, apr_millionths=rate), 100_000, 240_000)
        assert refused.value.field == "apr"
    with pytest.raises(Invalid, match="a small part of the debt"):
        check_token(TOKEN, 3_000, 240_000)


@pytest.mark.parametrize(("months", "may"), [(6, True), (5, False)])
def test_one_person_grants_so_many_months_alone(months: int, may: bool) -> None:
    authority = Authority("agent", 60, 0, 0, may_lower_rate=True, may_re_age=False, max_relief_months=months)
    refused = beyond(TOKEN, authority, owed_minor=100_000, own_apr_millionths=240_000, currency="GBP")
    assert (refused is None) is may
    assert refused is None or (refused.field, refused.why) == (
        "token",
        "6 months of token payments are beyond the 5 that an agent may grant alone. Ask a manager to offer it.",
    )  # fmt: skip


# --- an ordinary plan of a tiny sum ----------------------------------------------------------------------------

TINY = AgreementTerms(PlanKind.INSTALMENTS, 3_000, FIRST, 6, Cadence.MONTHLY)


@pytest.mark.parametrize(
    ("terms", "past_due", "partial"),
    [
        (TINY, 3_001, True),
        (TINY, 3_000, False),
        (replace(TINY, kind=PlanKind.HARDSHIP, waived_fees_minor=1), 3_001, False),
        (replace(TINY, re_age=True), 9_000, False),
        (TOKEN, 9_000, False),
        (replace(TINY, kind=PlanKind.SETTLEMENT), 9_000, False),
        (replace(TINY, kind=PlanKind.PROMISE), 9_000, False),
    ],
)
def test_a_plan_of_less_than_the_arrears_is_of_a_part(
    terms: AgreementTerms, past_due: int, partial: bool
) -> None:
    assert is_partial(terms, past_due) is partial


@pytest.mark.parametrize(
    ("changes", "field", "says"),
    [
        ({}, "", ""),
        ({"payments": 7}, "payments", "at most 6 months, as token payments do. (CONC 7.3.5G)"),
        ({"payments": 27, "cadence": Cadence.WEEKLY}, "payments", "at most 6 months"),
        (
            {"cadence": Cadence.CUSTOM, "parts": (Instalment(1, FIRST, 1_500), Instalment(2, date(2027, 1, 1), 1_500))},
            "payments", "at most 6 months",
        ),
    ],
)  # fmt: skip
def test_it_lasts_no_longer_than_token_payments(changes: dict[str, Any], field: str, says: str) -> None:
    terms = replace(TINY, **changes)
    if not field:
        check_partial(terms, parts(terms), PERMITTED, {0: 100_000}, FIRST)
        return
    with pytest.raises(Invalid) as refused:
        check_partial(terms, parts(terms), PERMITTED, {0: 100_000}, FIRST)
    assert refused.value.field == field
    assert says in str(refused.value)


def test_the_debt_does_not_grow_while_it_is_kept_and_some_portfolio_agrees_on_none() -> None:
    """Five months until the last payment: 30,00 is the interest of 60 days at 18 % on 1,000.00."""
    for balance, grows in ((39_000, False), (40_000, True)):
        owed = {180_000: balance, 0: 500_000}
        if grows:
            with pytest.raises(Invalid, match="the debt would grow") as refused:
                check_partial(TINY, parts(TINY), PERMITTED, owed, FIRST)
            assert refused.value.field == "amount"
        else:
            check_partial(TINY, parts(TINY), PERMITTED, owed, FIRST)
    with pytest.raises(Invalid, match="no such payments are agreed on here"):
        check_partial(TINY, parts(TINY), LIMITS, {}, FIRST)


@pytest.mark.parametrize(
    ("payments", "past_due", "field"), [(3, 3_001, ""), (4, 3_001, "payments"), (4, 3_000, "")]
)
def test_one_person_grants_it_for_as_long_as_token_payments(payments: int, past_due: int, field: str) -> None:
    authority = Authority("agent", 12, 0, 0, False, False, max_relief_months=3)
    terms = replace(TINY, payments=payments)
    found = beyond(
        terms, authority, owed_minor=100_000, own_apr_millionths=0, currency="GBP", past_due_minor=past_due
    )  # fmt: skip
    assert (found.field if found else "") == field
