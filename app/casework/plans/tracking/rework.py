"""The schedule of a running agreement worked out again, after an instalment was moved or skipped. Pure.

Amounts stay as agreed; the last instalment takes the interest that the change brings or saves. Money that came counts
on the day on which it came, the rest on its due date: the schedule is again what the ledger will post.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from app.book.charges.rules import LowerRate, rate_on
from app.casework.plans.rules import Instalment
from app.casework.plans.schedule import interest_between, shared
from app.casework.plans.terms import AgreementTerms, Portion
from app.casework.plans.tracking.assessing import Payments, as_owed
from app.policy.sections.charges import MILLION

_DAY = timedelta(days=1)


@dataclass(slots=True)
class _Debt:
    """One portion of the debt from day to day."""

    balance: int
    apr_millionths: int
    weight: int
    """Its part of each payment, beside those of the others."""
    carry: int = 0


@dataclass(slots=True)
class _Run:
    """A debt from the day on which its interest begins, through payments."""

    debts: list[_Debt]
    day_count: int
    on: date
    lower: Sequence[LowerRate] = ()
    interest: int = field(default=0)

    @property
    def owed(self) -> int:
        return sum(each.balance for each in self.debts)

    def pass_to(self, day: date) -> None:
        while self.on < day:
            changes = (
                each for lower in self.lower for each in (lower.from_on, lower.to_on) if each is not None
            )
            until = min([day, *(each - _DAY for each in changes if each - _DAY > self.on)])
            for each in self.debts:
                if each.balance > 0:
                    rate = rate_on(self.on + _DAY, each.apr_millionths, self.lower)
                    added, each.carry = interest_between(
                        each.balance, self.on, until, rate, self.day_count, each.carry
                    )
                    each.balance, self.interest = each.balance + added, self.interest + added
            self.on = until

    def pay(self, day: date, amount: int) -> None:
        self.pass_to(day)
        parts = shared(amount, [each.weight for each in self.debts])
        for each, part in zip(self.debts, parts, strict=True):
            each.balance -= part


def reworked(
    parts: Sequence[Instalment],
    terms: AgreementTerms,
    payments: Payments,
    *,
    lower: Sequence[LowerRate] = (),
    today: date,
    grace_days: int,
    tolerance: int,
) -> list[Instalment]:
    """The same instalments with the interest of their dates as they are now. Without a rate they stay as they are.

    `terms`: those of the offer. The principal is what the instalments pay beside their interest. `lower`: days on which
    the law permits no interest, or less.
    """
    if not terms.apr_millionths:
        return list(parts)
    order = as_owed(parts, payments, today=today, grace_days=grace_days, tolerance=tolerance)
    amounts = {part.n: part.amount for part in parts}
    run = _begin(parts, terms, lower)
    for day, amount in sorted(payments):
        if day <= today:
            run.pay(day, amount)
    run.pass_to(today)  # what is late comes today at the earliest
    paid = sum(amount for day, amount in payments if day <= today)
    owed, interest_by = 0, dict[int, int]()
    skipped = [part.n for part in parts if part.is_skipped]
    for at, part in enumerate(order):
        owed += part.amount
        later = len(order) - at - 1
        run.pass_to(part.due_on)
        need = max(0, owed - paid)
        due = need if later else max(0, run.owed)
        if later and need:
            # Interest that was saved may leave less than was agreed; each instalment keeps a minor unit.
            due = max(1, min(need, run.owed - later - len(skipped)))
            amounts[part.n] = max(1, amounts[part.n] - (need - due))
            owed -= need - due
        if need or part.due_on > today:
            interest_by[part.n] = run.interest
        run.pay(part.due_on, due)
        paid += due
    last = order[-1].n
    others = sum(amount for n, amount in amounts.items() if n != last)
    overpaid = max(0, -run.owed)  # money beyond the debt is no interest
    rest = paid - overpaid - others
    for n in reversed(skipped):  # they fall due with the last
        saved = min(amounts[n] - 1, max(0, 1 - rest))
        amounts[n] -= saved
        rest += saved
    amounts[last] = max(1, rest)
    return _with_interest(parts, order, amounts, interest_by)


def _begin(parts: Sequence[Instalment], terms: AgreementTerms, lower: Sequence[LowerRate]) -> _Run:
    """The debt on the day after whose end interest runs, with the portions that the terms name."""
    principal = sum(part.amount - part.interest for part in parts)
    begin = terms.interest_from or terms.first_due_on
    portions = terms.portions or (Portion(principal, terms.apr_millionths or 0),)
    days = [part.agreed_on or part.due_on for part in parts]
    debts = []
    for portion in portions:
        daily = 1 + portion.apr_millionths / (MILLION * terms.day_count)
        level = portion.minor / sum(daily ** -(day - begin).days for day in days)
        debts.append(_Debt(portion.minor, portion.apr_millionths, max(1, round(level))))
    return _Run(debts, terms.day_count, begin, lower)


def _with_interest(
    parts: Sequence[Instalment],
    order: Sequence[Instalment],
    amounts: dict[int, int],
    interest_by: dict[int, int],
) -> list[Instalment]:
    """Divide the interest among the instalments: what is paid stays as it is while its interest has run, each
    other pays first what has run."""
    principal = sum(part.amount - part.interest for part in parts)
    total = sum(amounts.values()) - principal
    told: dict[int, int] = {}
    for part in order[:-1]:
        run = interest_by.get(part.n, sum(told.values()) + part.interest)
        told[part.n] = min(amounts[part.n], max(0, run - sum(told.values())))
    rest = total - sum(told.values())
    for n in (order[-1].n, *(part.n for part in parts if part.is_skipped)):
        told[n] = max(0, min(amounts[n], rest))
        rest -= told[n]
    # Too much came so early that less interest runs than was agreed: the latest instalments had the least of it.
    for part in reversed(order):
        saved = min(told[part.n], max(0, -rest))
        told[part.n] -= saved
        rest += saved
    return [replace(part, amount=amounts[part.n], interest=told[part.n]) for part in parts]
