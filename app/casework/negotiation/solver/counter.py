"""The customer's own figures, judged as the solver's own offers are. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from app.casework.negotiation.facts import (
    Affordability,
    Basis,
    Chance,
    NotOffered,
    Option,
    OptionKind,
    SolverFacts,
)
from app.casework.negotiation.solver.candidates import Candidate, Found
from app.casework.negotiation.solver.pricing import price
from app.casework.negotiation.solver.relief import relief
from app.casework.negotiation.solver.settlements import settlement_of
from app.casework.negotiation.solver.situation import Situation, situation_of
from app.casework.plans.rules import PERIODS_A_YEAR, Cadence
from app.casework.plans.terms import Payday


@dataclass(frozen=True, slots=True)
class Counter:
    """The customer's own offer, in minor units."""

    kind: OptionKind
    payment_minor: int
    """Each payment; of a payment now, its amount."""
    cadence: Cadence = Cadence.MONTHLY
    down_payment_minor: int = 0
    first_on: date | None = None
    """The day of the first payment; None = after the payday."""
    payments: int | None = None
    """None = as many as it takes. A settlement names them."""


def judge(
    facts: SolverFacts,
    counter: Counter,
    chance: Chance,
    finders: Mapping[OptionKind, Callable[[Situation], Found]],
) -> Option | NotOffered:
    """The offer that comes closest to what the customer proposes and pays what the kind must pay, or the reason why
    there is none. A household statement bounds what is proposed; earlier words do not, because these are newer."""
    s = situation_of(facts)
    if reason := _beyond_statement(s, counter):
        return reason
    proposed = situation_of(replace(facts, affordability=_as_affordability(s, counter)))
    proposed = replace(proposed, is_proposed=True)
    is_settlement = counter.kind is OptionKind.SETTLEMENT
    found = settlement_of(s, proposed, counter.payments) if is_settlement else finders[counter.kind](proposed)
    wanted = [each for each in found.candidates if _matches(each, counter)]
    options = [option for each in wanted if (option := price(proposed, each, chance)) is not None]
    if not options:
        others = [
            option for each in found.candidates if (option := price(proposed, each, chance)) is not None
        ]
        if others:
            return _not_so(s, counter, others)
        options = _relief(proposed, counter, chance)
    if not options:
        return found.otherwise
    best = min(options, key=lambda each: (each.waived_minor, each.ends_on, -each.expected_kept_minor))
    return replace(best, share_of_disposable=_share(facts.affordability, best))


def _relief(proposed: Situation, counter: Counter, chance: Chance) -> list[Option]:
    """Token or reduced payments of the amount that the customer proposes, where nothing else is possible with it."""
    if counter.kind is not OptionKind.HARDSHIP or counter.down_payment_minor:
        return []
    wanted = [each for each in relief(proposed) if _matches(each, counter)]
    return [option for each in wanted if (option := price(proposed, each, chance)) is not None]


def _not_so(s: Situation, counter: Counter, others: Sequence[Option]) -> NotOffered:
    """The reason where enough is proposed, but not in payments that are possible."""
    closest = min(others, key=lambda each: (*_gap(counter, each), each.waived_minor, each.ends_on))
    down = f" and {s.money(counter.down_payment_minor)} at once" if counter.down_payment_minor else ""
    proposed = f"Payments of {s.money(counter.payment_minor)}{down} are not possible as they are proposed"
    if counter.payments is not None:
        total = counter.payments * counter.payment_minor + counter.down_payment_minor
        proposed = f"{counter.payments} × {s.money(counter.payment_minor)}{down} is {s.money(total)} in all"
    rest = [part.amount for part in closest.parts if part.n > 0]
    first = closest.terms.down_payment_minor
    begin = f"{s.money(first)} at once, then " if first else ""
    why = (
        f"{proposed}. What comes closest is {begin}{len(rest)} × {s.money(rest[0])}, "
        f"{s.money(closest.total_cost_minor)} in all."
    )
    return s.not_offered(counter.kind, why, "affordability")


def _gap(counter: Counter, option: Option) -> tuple[bool, int]:
    """The distance of an option from the proposal: in the down payment, then in the number of payments."""
    terms = option.terms
    more = abs(terms.count - counter.payments) if counter.payments is not None else 0
    return terms.down_payment_minor != counter.down_payment_minor, more


def _beyond_statement(s: Situation, counter: Counter) -> NotOffered | None:
    able = s.facts.affordability
    if able.basis is not Basis.STATEMENT:
        return None
    monthly = _monthly(s, counter)
    # One sum is not of a month's income: it is saved, lent or the price of a car.
    is_once = counter.kind is OptionKind.SETTLEMENT and counter.payments == 1
    if counter.kind is not OptionKind.PAY_NOW and not is_once and monthly > able.monthly_minor:
        beside = f" with the minimum payments of {s.money(s.minimum)}" if _beside(s, counter) else ""
        why = (
            f"This takes {s.money(monthly)} a month{beside}, and the statement leaves the household "
            f"{s.money(able.monthly_minor)} for us. Propose less, or correct the statement."
        )
        return s.not_offered(counter.kind, why, "affordability")
    return None


def _as_affordability(s: Situation, counter: Counter) -> Affordability:
    """The proposal as words: what is paid each time, at once, and on which days."""
    once = counter.down_payment_minor
    monthly = _monthly(s, counter)
    if counter.kind is OptionKind.PAY_NOW:
        once, monthly = counter.payment_minor, 0
    payday = s.payday if s.payday and s.payday.cadence is counter.cadence else None
    if counter.first_on is not None and counter.cadence in PERIODS_A_YEAR:
        payday = Payday(counter.first_on - timedelta(days=1), counter.cadence)
    elif payday is None and counter.cadence in PERIODS_A_YEAR:
        payday = Payday(s.first_due() - timedelta(days=1), counter.cadence)
    disposable = s.facts.affordability.disposable_minor
    return Affordability(Basis.SAID, monthly, disposable, once_minor=once, payday=payday)


def _monthly(s: Situation, counter: Counter) -> int:
    """A month of the payments, rounded up, with the minimum payments that a short plan leaves to be paid."""
    a_year = counter.payment_minor * PERIODS_A_YEAR.get(counter.cadence, 12)
    return -(-a_year // 12) + _beside(s, counter)


def _beside(s: Situation, counter: Counter) -> int:
    return s.minimum if counter.kind is OptionKind.SHORT_PLAN else 0


def _matches(candidate: Candidate, counter: Counter) -> bool:
    """The cadence, the down payment and the number of payments are those proposed."""
    terms = candidate.terms
    if counter.kind is OptionKind.PAY_NOW:
        return terms.total_minor == counter.payment_minor
    return (
        (terms.cadence is counter.cadence or terms.count == 1)
        and terms.down_payment_minor in (0, counter.down_payment_minor)
        and (terms.down_payment_minor > 0 or counter.down_payment_minor == 0 or terms.count == 1)
        and (counter.payments is None or terms.count == counter.payments)
    )


def _share(able: Affordability, option: Option) -> int | None:
    return option.share_of_disposable if able.disposable_minor > 0 else None
