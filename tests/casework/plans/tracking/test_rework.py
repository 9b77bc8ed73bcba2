"""The schedule worked out again after a move or a skip: what the ledger posts on the new dates."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

from hypothesis import assume, example, given
from hypothesis import strategies as st

from app.book.charges.rules import accrue
from app.casework.plans.rules import Cadence, Instalment, PlanKind
from app.casework.plans.schedule import schedule
from app.casework.plans.terms import AgreementTerms
from app.casework.plans.tracking.assessing import Payments, as_due
from app.casework.plans.tracking.rework import reworked

FIRST = date(2026, 6, 1)
DAY = timedelta(days=1)


def terms(total: int = 120_000, apr: int = 120_000, payments: int = 3) -> AgreementTerms:
    return AgreementTerms(
        PlanKind.HARDSHIP, total, FIRST, payments, Cadence.MONTHLY, apr_millionths=apr,
        interest_from=FIRST - 20 * DAY,
    )  # fmt: skip


def again(
    parts: list[Instalment], of: AgreementTerms, paid: Payments = (), today: date = FIRST - 10 * DAY
) -> list[Instalment]:
    return reworked(parts, of, paid, today=today, grace_days=3, tolerance=0)


def moved(parts: list[Instalment], n: int, days: int) -> list[Instalment]:
    return [
        replace(part, due_on=part.due_on + days * DAY, agreed_on=part.due_on) if part.n == n else part
        for part in parts
    ]


def skipped(parts: list[Instalment], n: int) -> list[Instalment]:
    return [replace(part, is_skipped=part.n == n) for part in parts]


def test_without_a_change_nothing_changes() -> None:
    parts = schedule(terms(), [])
    assert again(parts, terms()) == parts
    paid = [(part.due_on, part.amount) for part in parts[:2]]
    assert again(parts, terms(), paid, today=parts[1].due_on) == parts


def test_a_later_payment_costs_its_interest_and_an_earlier_one_saves_it() -> None:
    """12 % of 407.49 for 10 days is 1.34, which bears interest until the last payment two months later."""
    parts = schedule(terms(), [])
    late, early = again(moved(parts, 1, 10), terms()), again(moved(parts, 2, -10), terms())
    assert [part.amount for part in late[:2]] == [part.amount for part in parts[:2]]
    assert late[2].amount - parts[2].amount in (136, 137)
    assert early[2].amount - parts[2].amount in (-135, -136)
    assert sum(part.interest for part in late) - sum(part.interest for part in parts) in (136, 137)


def test_a_skipped_payment_bears_interest_until_the_last() -> None:
    """12 % of 407.49 for the 61 days from 1 June to 3 August, when the last is due."""
    parts = schedule(terms(), [])
    after = again(skipped(parts, 1), terms())
    months = (parts[2].due_on - parts[0].due_on).days
    expected = parts[0].amount * 0.12 * months / 365
    more = after[2].amount - parts[2].amount
    assert expected < more < expected * 1.02
    assert as_due(after)[-1].amount == parts[0].amount + parts[2].amount + more


def test_no_rate_no_interest() -> None:
    for rate in (0, None):
        free = replace(terms(), apr_millionths=rate)
        parts = skipped(schedule(free, []), 1)
        assert again(parts, free) == parts


def test_what_was_paid_beyond_the_debt_is_no_interest() -> None:
    """At 0.0001 % nothing accrues; 71 and 130 % of two payments came, 300 more than is owed."""
    of = terms(60_000, 1, 2)
    parts = schedule(of, [])
    paid = [(parts[0].due_on, 21_300), (parts[1].due_on, 39_000)]
    assert sum(part.interest for part in again(parts, of, paid, parts[1].due_on)) == 0


changes = st.lists(st.tuples(st.booleans(), st.integers(1, 30), st.integers(-12, 12)), max_size=4)


PAID_EARLY = [(-5, 123), (-5, 98), (-5, 96)]


@example(60_000, 360_000, 12, [(True, 2, 0)], 1, [(-5, 990)])
@example(60_000, 360_000, 12, [(True, 2, 0), (True, 4, 0), (False, 7, 5)], 1, [(-5, 1000)])
@example(60_000, 126_758, 4, [], 3, PAID_EARLY)
@example(60_000, 126_758, 4, [(True, 3, 0)], 2, PAID_EARLY)
@given(
    st.integers(60_000, 10**8), st.integers(1, 360_000), st.integers(2, 30), changes, st.integers(0, 12),
    st.lists(st.tuples(st.integers(-5, 3), st.one_of(st.integers(50, 130), st.integers(200, 1000))), max_size=12),
)  # fmt: skip
def test_the_ledger_owes_nothing_after_the_last_whatever_was_changed_and_paid(
    total: int,
    apr: int,
    payments: int,
    changed: list[tuple[bool, int, int]],
    done: int,
    habits: list[tuple[int, int]],
) -> None:
    """Some instalments are paid early or late, with too little or too much; some are moved or skipped."""
    of = terms(total, apr, payments)
    parts = schedule(of, [])
    principal = sum(part.amount - part.interest for part in parts)
    today = parts[min(done, payments) - 1].due_on if done else FIRST - 10 * DAY
    paid = [
        (part.due_on + days * DAY, part.amount * percent // 100)
        for part, (days, percent) in zip(parts, habits, strict=False)
        if part.due_on + days * DAY <= today
    ]
    if any(percent > 130 for _, percent in habits):
        assume(
            sum(amount for _, amount in paid) < total
        )  # of a debt that is gone there is nothing to work out
    for is_skip, n, days in changed:
        if n < payments and parts[n - 1].due_on > today + 12 * DAY and parts[n - 1].agreed_on is None:
            parts = skipped(parts, n) if is_skip else moved(parts, n, days)
    after = again(parts, of, paid, today)

    assert sum(part.amount - part.interest for part in after) == principal
    assert all(part.amount > 0 and 0 <= part.interest <= part.amount for part in after)
    assert [(part.n, part.due_on) for part in after] == [(part.n, part.due_on) for part in parts]
    assert of.interest_from is not None
    flows, owed, came = list(paid), 0, sum(amount for _, amount in paid)
    for part in as_due(after):
        owed += part.amount
        if owed > came:
            flows.append((max(part.due_on, today), owed - came))
            came = owed
    if came > owed:
        return  # more was paid than all of it: there is no schedule any more
    last = max(parts[-1].due_on, today)
    found = accrue(
        [(of.interest_from, of.total_minor), *[(on, -amount) for on, amount in sorted(flows)]],
        first_on=of.interest_from + DAY, through=last, apr_millionths=apr, day_count=of.day_count,
    )  # fmt: skip
    assert of.total_minor + found.before + found.last == sum(amount for _, amount in flows)
