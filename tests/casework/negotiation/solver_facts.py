"""Facts for tests of the solver: a card debt of one household, and random ones."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import strategies as st

from app.casework.negotiation.facts import AccountFacts, Affordability, Basis, SolverFacts
from app.casework.plans.rules import Cadence
from app.casework.plans.terms import AgreementLimits, Authority, Limit, Payday

TODAY = date(2026, 11, 27)
"""A Friday."""

LIMITS = AgreementLimits(
    promise_days=Limit(60, "promise_days"),
    settlement_days=Limit(120, "us.settlement", "OCC Bulletin"),
    settlement_payments=Limit(4, "us.settlement", "OCC Bulletin"),
    longest_months=Limit(60, "us.workout", "FFIEC 2003"),
    first_within_days=Limit(90, "first_within_days"),
    must_amortise=Limit(1, "us.amortise", "FFIEC 2003"),
)
AGENT = Authority("agent", 12, 10, 2_500, may_lower_rate=False, may_re_age=False)
MANAGER = Authority("manager", 60, 40, 20_000, may_lower_rate=True, may_re_age=True)
ACCOUNT = AccountFacts(1, 300_000, 40_000, 239_900, 3_500, 45, minimum_minor=6_000, may_re_age=True)
MONTHLY = Payday(date(2026, 11, 30))


def said(monthly: int, once: int = 0, payday: Payday | None = MONTHLY) -> Affordability:
    return Affordability(Basis.SAID, monthly, once_minor=once, payday=payday)


def facts(affordability: Affordability, *accounts: AccountFacts, **other: object) -> SolverFacts:
    plain = SolverFacts(
        TODAY,
        "USD",
        accounts or (ACCOUNT,),
        affordability,
        LIMITS,
        AGENT,
        MANAGER,
        re_age_payments=Limit(3, "ffiec.re_age", "65 FR 36903"),
    )
    return replace(plain, **other)  # type: ignore[arg-type]


_amounts = st.integers(0, 3_000_000)
_limit = st.integers(1, 120)

accounts = st.builds(
    lambda n, balance, share, apr, fees, off, re_age, minimum, held: AccountFacts(
        n,
        balance,
        max(0, balance) if off else max(0, balance) * share // 100,
        apr,
        fees,
        share,
        off,
        re_age,
        "" if re_age else "Account is too young.",
        minimum,
        "Account is disputed." if held else "",
    ),
    st.integers(1, 99),
    st.integers(-5_000, 3_000_000),
    st.integers(0, 100),
    st.sampled_from([0, 1, 99_000, 239_900, 1_000_000]),
    st.integers(0, 20_000),
    st.booleans(),
    st.booleans(),
    st.integers(0, 30_000),
    st.sampled_from([False, False, False, True]),
)
paydays = st.none() | st.builds(
    lambda days, cadence, after: Payday(TODAY + timedelta(days=days), cadence, after),
    st.integers(-40, 40),
    st.sampled_from([Cadence.WEEKLY, Cadence.FORTNIGHTLY, Cadence.FOUR_WEEKLY, Cadence.MONTHLY]),
    st.integers(1, 3),
)
affordabilities = st.builds(
    lambda basis, monthly, once, payday: Affordability(
        basis,
        *((0, 0, 100, 0) if basis is Basis.UNKNOWN else (monthly, monthly * 2, 50, once)),
        payday=payday,
    ),
    st.sampled_from(Basis),
    st.integers(0, 200_000),
    st.one_of(st.just(0), _amounts),
    paydays,
)
limits = st.builds(
    lambda promise, settle, payments, months, first: AgreementLimits(
        *(Limit(n, f"rule-{n}") for n in (promise, settle, payments, months, first))
    ),
    _limit,
    _limit,
    st.integers(1, 25),
    st.integers(1, 60),
    _limit,
)


def authorities(role: str) -> st.SearchStrategy[Authority]:
    return st.builds(
        Authority,
        st.just(role),
        st.integers(1, 60),
        st.integers(0, 60),
        st.integers(0, 20_000),
        st.booleans(),
        st.booleans(),
    )


random_facts = st.builds(
    SolverFacts,
    st.just(TODAY),
    st.sampled_from(["JPY", "USD", "KWD"]),
    st.lists(accounts, max_size=5).map(tuple),
    affordabilities,
    limits,
    authorities("agent"),
    authorities("manager"),
    st.frozensets(st.integers(0, 400).map(lambda n: TODAY + timedelta(days=n)), max_size=10),
    st.sampled_from([360, 365]),
    st.none() | st.just(Limit(3, "re_age")),
    st.sampled_from(["", "", "", "Case C-000001 is closed."]),
)
