"""Results of an experiment's participants by the arm they were drawn for, and earlier rates for planning one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import accumulate

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import MONEY_IN
from app.book.portfolios.days import first_day
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.complaints.models import Complaint
from app.casework.holds.models import CaseHold
from app.core.clock import local_date
from app.core.database.engine import table_of
from app.core.vocabulary import HoldKind
from app.outreach.gate.models import Consent
from app.outreach.strategy.experiments import WITHIN_DAYS, Arm
from app.outreach.strategy.models import Experiment, Participant, StopRule
from app.reporting.experiments.arms import Moments
from app.reporting.experiments.rules import ArmResult, Comparison, compare, is_cure
from app.reporting.experiments.safeguards import Guardrail, GuardrailResult, Incident, watch

SPAN_OF_A_RATE = 14
"""Days from which on a number of new cases is told as one a month."""


@dataclass(frozen=True, slots=True)
class PastRate:
    """Outcomes of earlier cases, for planning an experiment: opened in the year before, their 30 days over."""

    cases: int
    cured: int
    per_month: int
    """New cases in 30 days; 0 while too few days have been lived to say."""


def past_cure_rate(session: Session, portfolio: Portfolio, on: date) -> PastRate:
    """Cases opened from a year to 30 days before `on`, and how many of them were cured within 30 days.

    The first night of a portfolio opens its whole backlog at once: it says nothing about a usual month and is left out.
    """
    case = table_of(CollectionsCase)
    first = max(on - timedelta(days=365), first_day(session, portfolio) or on)
    query = sa.select(case.c.opened_on, case.c.closed_on, case.c.outcome).where(
        case.c.portfolio_id == portfolio.id,
        case.c.opened_on > first,
        case.c.opened_on <= on - timedelta(days=WITHIN_DAYS),
    )
    cases = cured = 0
    for opened_on, closed_on, outcome in session.connection().execute(query):
        cases += 1
        cured += is_cure(opened_on, closed_on, outcome)
    span = (on - timedelta(days=WITHIN_DAYS) - first).days
    return PastRate(cases, cured, cases * 30 // span if span >= SPAN_OF_A_RATE else 0)


def compare_arms(session: Session, experiment: Experiment, on: date) -> Comparison:
    """Results of all who took part, by the arm they were given, regardless of the letters sent (intention to treat).

    Counted are those who joined at least 30 days before `on`, the last closed day; guardrails count everybody.
    """
    tallies = {arm: _Tally() for arm in Arm}
    ripe = on - timedelta(days=WITHIN_DAYS)
    who, case = table_of(Participant), table_of(CollectionsCase)
    query = (
        sa.select(
            who.c.customer_id, who.c.arm, who.c.since, who.c.past_due_minor, case.c.closed_on, case.c.outcome
        )
        .join(case, case.c.id == who.c.case_id)
        .where(who.c.experiment_id == experiment.id)
    )
    paid = _paid(session, experiment, ripe)
    for customer_id, arm, since, before, closed_on, outcome in session.connection().execute(query):
        tally = tallies[arm]
        tally.joined[since] += 1
        if since <= ripe:
            tally.cured.append((int(is_cure(since, closed_on, outcome)), before))
            tally.recovered.append((paid.get(customer_id, 0), before))
    champion, challenger = (tallies[arm].result for arm in Arm)
    rule = session.get_one(StopRule, experiment.id)
    guardrails = _guardrails(session, experiment, tallies, on)
    return compare(
        champion, challenger, experiment.share_percent, experiment.cases_wanted, rule.primary_figure, guardrails
    )  # fmt: skip


@dataclass
class _Tally:
    joined: Counter[date] = field(default_factory=Counter)
    cured: list[tuple[int, int]] = field(default_factory=list)
    recovered: list[tuple[int, int]] = field(default_factory=list)

    @property
    def result(self) -> ArmResult:
        paying = sum(amount > 0 for amount, _ in self.recovered)
        return ArmResult(self.joined.total(), Moments.of(self.cured), Moments.of(self.recovered), paying)


def _paid(session: Session, experiment: Experiment, ripe: date) -> dict[int, int]:
    """customer id -> payments in the 30 days after they joined, those that were taken back left out."""
    who, account, entry = table_of(Participant), table_of(Account), table_of(Entry)
    reversal = entry.alias("reversal")
    query = (
        sa.select(who.c.customer_id, who.c.since, entry.c.effective_on, -entry.c.amount_minor)
        .join(account, account.c.customer_id == who.c.customer_id)
        .join(entry, entry.c.account_id == account.c.id)
        .where(
            who.c.experiment_id == experiment.id,
            who.c.since <= ripe,
            entry.c.kind.in_(MONEY_IN),
            entry.c.effective_on > who.c.since,
            ~sa.exists().where(reversal.c.reverses_id == entry.c.id),
        )
    )
    found: dict[int, int] = {}
    for customer_id, since, paid_on, amount in session.connection().execute(query):
        if paid_on <= since + timedelta(days=WITHIN_DAYS):
            found[customer_id] = found.get(customer_id, 0) + int(amount)
    return found


# --- guardrails ---------------------------------------------------------------------------------------------


def _guardrails(
    session: Session, experiment: Experiment, tallies: dict[Arm, _Tally], on: date
) -> Sequence[GuardrailResult]:
    """Results of participants within 30 days of joining, up to the end of `on`."""
    exposed = {arm: _Exposed(tally.joined, on) for arm, tally in tallies.items()}
    portfolio = session.get_one(Portfolio, experiment.portfolio_id)
    return [
        watch(
            guardrail,
            (
                Incident(arm is Arm.CHALLENGER, exposed[Arm.CHAMPION].at(day), exposed[Arm.CHALLENGER].at(day))
                for day, arm in _incidents(session, experiment, guardrail, portfolio.timezone, on)
            ),
        )
        for guardrail in Guardrail
    ]  # fmt: skip


class _Exposed:
    """The participants of an arm at risk of an incident on a day: joined before it, and within 30 days."""

    def __init__(self, joined: Counter[date], on: date) -> None:
        self.first = min(joined, default=on)
        days = max(0, (on - self.first).days) + 1
        self.until = list(accumulate(joined[self.first + timedelta(days=n)] for n in range(days)))

    def at(self, day: date) -> int:
        behind = (day - self.first).days - 1
        return self._joined_by(behind) - self._joined_by(behind - WITHIN_DAYS)

    def _joined_by(self, n: int) -> int:
        return 0 if n < 0 else self.until[min(n, len(self.until) - 1)]


def _incidents(
    session: Session, experiment: Experiment, guardrail: Guardrail, zone: str, on: date
) -> Iterator[tuple[date, Arm]]:
    """The first incident of each participant after joining, in order of time; their local day and arm."""
    who = table_of(Participant)
    match guardrail:
        case Guardrail.COMPLAINTS:
            source = table_of(Complaint)
            at, found = source.c.received_at, source.c.customer_id == who.c.customer_id
        case Guardrail.HARDSHIP:
            source = table_of(CaseHold)
            at = source.c.started_at
            found = sa.and_(source.c.customer_id == who.c.customer_id, source.c.kind == HoldKind.HARDSHIP)
        case Guardrail.OPT_OUTS:
            source = table_of(Consent)
            at, found = source.c.at, sa.and_(source.c.customer_id == who.c.customer_id, ~source.c.allowed)
    query = (
        sa.select(who.c.customer_id, who.c.arm, who.c.since, at)
        .join(source, found)
        .where(who.c.experiment_id == experiment.id)
        .order_by(at, source.c.id)
    )
    seen: set[int] = set()
    for customer_id, arm, since, moment in session.connection().execute(query):
        day = local_date(moment, zone)
        if customer_id not in seen and since < day <= min(on, since + timedelta(days=WITHIN_DAYS)):
            seen.add(customer_id)
            yield day, arm
