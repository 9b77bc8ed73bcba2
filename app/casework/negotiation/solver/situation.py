"""Figures that every kind of offer is made from: what is owed, what can be paid, and when. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from app.casework.negotiation.facts import AccountFacts, Basis, NotOffered, OptionKind, SolverFacts
from app.casework.plans.rules import PERIODS_A_YEAR, Cadence, period_on
from app.casework.plans.terms import Limit, Payday
from app.core.money import with_code

SHORT_MONTHS = 6
"""Months within which a short plan ends."""

FIRST_AFTER = 14
"""Days to the first instalment where no payday is known."""

AT_ONCE_DAYS = 3
"""Working days to a payment of what can be paid at once: the money is there, the transfer takes its time."""


@dataclass(frozen=True, slots=True)
class Situation:
    """A debt and a household, in minor units. Accounts that are held are left out."""

    facts: SolverFacts
    accounts: tuple[AccountFacts, ...]
    balance: int
    past_due: int
    late_balance: int
    """Balances of the accounts on which something is past due: what a settlement settles."""
    minimum: int
    """Minimum payments that go on falling due beside a plan for the arrears."""
    fees: int
    payday: Payday | None
    """The next payday whose due date has not passed."""
    is_proposed: bool = False
    """What is paid is what the customer proposes: nobody says that the household can pay it, or no more."""

    @property
    def pays(self) -> str:
        """How a reason begins that names what is paid."""
        return "the customer offers" if self.is_proposed else "the household can pay"

    @property
    def is_known(self) -> bool:
        """True if the household, or its statement, says what it can pay."""
        return self.facts.affordability.basis is not Basis.UNKNOWN

    @property
    def monthly(self) -> int:
        return self.facts.affordability.monthly_minor

    @property
    def once(self) -> int:
        return self.facts.affordability.once_minor

    @property
    def cadence(self) -> Cadence:
        return self.payday.cadence if self.payday else Cadence.MONTHLY

    @property
    def cadences(self) -> tuple[Cadence, ...]:
        """Each payday, and every fourth week for those who are paid more often: fewer payments to grant."""
        if self.cadence in (Cadence.WEEKLY, Cadence.FORTNIGHTLY):
            return (self.cadence, Cadence.FOUR_WEEKLY)
        return (self.cadence,)

    @property
    def monthly_left(self) -> int:
        """The amount a month leaves for the arrears, after the minimum payments that fall due beside them."""
        return max(0, self.monthly - self.minimum)

    @property
    def catches_up(self) -> bool:
        """True if the household can pay what is past due within the months of a short plan and its minimum payments
        beside it: then the rest of the debt goes on by contract. A debt that was charged off has no such rest."""
        months = min(SHORT_MONTHS, self.facts.limits.longest_months.value)
        return (
            self.is_known
            and any(not each.is_charged_off for each in self.accounts)
            and self.monthly >= self.minimum
            and self.past_due < self.balance
            and self.once + self.monthly_left * months >= self.past_due
        )

    def not_needed(self, kind: OptionKind) -> NotOffered:
        """The reason against a plan for the whole debt, a concession or a re-age where the household catches up."""
        who = "What the customer offers pays" if self.is_proposed else "The household can pay"
        why = (
            f"{who} the {self.money(self.past_due)} that is past due within {SHORT_MONTHS} months beside the minimum "
            "payments. The rest of the debt goes on as agreed."
        )
        return self.not_offered(kind, why, "need")

    def per_period(self, cadence: Cadence, monthly: int | None = None) -> int:
        """The payment of one period that a month's amount covers; a month's own where it is not given."""
        a_year = 12 * (self.monthly if monthly is None else monthly)
        return max(0, a_year) // PERIODS_A_YEAR[cadence]

    def blended(self, agreed: int | None) -> int:
        """The rate of the whole debt under an agreed one: the accounts' own, none above it, weighted by balance and
        rounded up."""
        if not agreed or not self.facts.rates_apart:
            return agreed or 0
        weighted = sum(each.balance_minor * min(each.apr_millionths, agreed) for each in self.accounts)
        return -(-weighted // self.balance)

    def money(self, minor: int) -> str:
        return with_code(minor, self.facts.currency)

    def sum(self, minor: int) -> str:
        """The amount, or `nothing`."""
        return self.money(minor) if minor else "nothing"

    def first_due(self, days: int = FIRST_AFTER) -> date:
        """The due date after the payday, or `days` from today where none is known, on a working day."""
        holidays = self.facts.holidays
        if self.payday is None:
            return working_days_after(self.facts.today + timedelta(days=days - 1), 1, holidays)
        return working_days_after(self.payday.next_on, self.payday.days_after, holidays)

    def at_once(self) -> date:
        """The day by which money arrives that can be paid at once."""
        return working_days_after(self.facts.today, AT_ONCE_DAYS, self.facts.holidays)

    def not_offered(self, kind: OptionKind, why: str, rule: Limit | str, citation: str = "") -> NotOffered:
        if isinstance(rule, Limit):
            return NotOffered(kind, why, rule.rule, rule.citation)
        return NotOffered(kind, why, rule, citation)

    def unasked(self, kind: OptionKind) -> NotOffered:
        """The reason where nobody has asked the household."""
        why = "Nobody knows what the household can pay. Ask what it can pay and when it is paid, or take a statement."
        return self.not_offered(kind, why, "affordability")


def situation_of(facts: SolverFacts) -> Situation:
    """Add up the accounts that are not held."""
    accounts = tuple(each for each in facts.accounts if not each.held and each.balance_minor > 0)
    balance = sum(each.balance_minor for each in accounts)
    late = [each for each in accounts if each.past_due_minor > 0]
    return Situation(
        facts,
        accounts,
        balance,
        past_due=sum(min(each.past_due_minor, each.balance_minor) for each in late),
        late_balance=sum(each.balance_minor for each in late),
        minimum=sum(each.minimum_minor for each in accounts if not each.is_charged_off),
        fees=sum(min(each.fees_minor, each.balance_minor) for each in accounts),
        payday=_coming(facts),
    )


def _coming(facts: SolverFacts) -> Payday | None:
    """The payday that was told, moved on by whole periods to one whose due date lies after today."""
    payday = facts.affordability.payday
    if payday is None or payday.cadence not in PERIODS_A_YEAR:
        return None
    n = 0
    while (
        working_days_after(period_on(payday.next_on, payday.cadence, n), payday.days_after, facts.holidays)
        <= facts.today
    ):
        n += 1
    return Payday(period_on(payday.next_on, payday.cadence, n), payday.cadence, payday.days_after)


def working_days_after(on: date, days: int, holidays: frozenset[date]) -> date:
    """The `days`-th day after `on` that is neither at a weekend nor a holiday."""
    while days > 0:
        on += timedelta(days=1)
        if on.weekday() < 5 and on not in holidays:
            days -= 1
    return on


def periods_within(months: int, cadence: Cadence) -> int:
    """Payments that fit between the first and the last of a plan of so many months."""
    return max(1, months * PERIODS_A_YEAR[cadence] // 12 + (0 if cadence is Cadence.MONTHLY else 1))


def joined(texts: Sequence[str]) -> str:
    return ", ".join(texts[:-1]) + " and " + texts[-1] if len(texts) > 1 else "".join(texts)
