"""Reads of break risk: the model in use, a customer's standing, and the outcomes that a model is trained on."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import accumulate
from typing import NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.models import Spell
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.queries import keeps_agreements
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.rules import Instalment, PlanStatus
from app.casework.risk.features import RECENT_DAYS, Promised, Standing
from app.casework.risk.models import RiskModelVersion
from app.casework.risk.outcomes import AgreementOutcome, decided
from app.casework.risk.rules import BaseRate, RiskChance, RiskModel, Scorecard
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.ids import id_of

CHUNK = 5000


def risk_model(session: Session, portfolio_id: int) -> RiskModel:
    """The model that a portfolio uses now: its latest version's scorecard if that was good enough, else the base rate
    of that version; the prior alone before the first training."""
    row = latest_version(session, portfolio_id)
    return RiskModel(BaseRate()) if row is None else model_of(row)


def model_of(row: RiskModelVersion) -> RiskModel:
    """The model of one version, whether it is in use or not; for a replay."""
    card = Scorecard.of_json(row.scorecard) if row.is_used else None
    base = BaseRate(row.breaks, row.trials, row.ended, row.first_breaks, row.first_trials, row.later_days)
    return RiskModel(base, card, row.version)


def latest_version(session: Session, portfolio_id: int) -> RiskModelVersion | None:
    query = select(RiskModelVersion).where(RiskModelVersion.portfolio_id == portfolio_id)
    return session.scalar(query.order_by(col(RiskModelVersion.version).desc()).limit(1))


def versions_of(session: Session, portfolio_id: int, most: int = 20) -> list[RiskModelVersion]:
    """The latest first."""
    query = select(RiskModelVersion).where(RiskModelVersion.portfolio_id == portfolio_id)
    return list(session.scalars(query.order_by(col(RiskModelVersion.version).desc()).limit(most)))


def chance_for(session: Session, portfolio: Portfolio, customer_id: int, today: date) -> RiskChance:
    """The chances of agreements that this customer makes today. Pure once made."""
    model = risk_model(session, id_of(portfolio))
    # A base rate looks at no customer: their history is read for a model alone.
    standing = standing_of(session, customer_id, today) if model.card is not None else Standing()
    return RiskChance(model, standing, today)


class _Day(NamedTuple):
    """A customer on a day."""

    customer_id: int
    on: date


def standing_of(session: Session, customer_id: int, on: date) -> Standing:
    day = _Day(customer_id, on)
    return _standings(session, [day])[day]


def outcomes_of(session: Session, portfolio: Portfolio, through: date) -> list[AgreementOutcome]:
    """Every accepted agreement of a portfolio as of the closed day `through`, in order of acceptance."""
    plan, customer = table_of(Plan), table_of(Customer)
    query = (
        sa.select(
            plan.c.id, plan.c.customer_id, plan.c.kind, plan.c.status, plan.c.accepted_on, plan.c.ended_on,
            plan.c.broken_instalment, plan.c.apr_millionths, plan.c.waived_fees_minor, plan.c.grace_days,
            customer.c.language, customer.c.country, customer.c.postcode,
        )
        .join(customer, customer.c.id == plan.c.customer_id)
        .where(plan.c.portfolio_id == portfolio.id, plan.c.accepted_on.is_not(None), plan.c.accepted_on <= through)
        .order_by(plan.c.accepted_on, plan.c.id)
    )  # fmt: skip
    rows = session.connection().execute(query).all()
    parts = _parts_at_risk(session, portfolio)
    standings = _standings(session, [_Day(row.customer_id, row.accepted_on) for row in rows])
    found = []
    for row in rows:
        theirs = parts[row.id]
        if not theirs:
            continue
        concession = row.apr_millionths is not None or row.waived_fees_minor > 0
        found.append(
            AgreementOutcome(
                row.id,
                Promised(row.kind, row.accepted_on, theirs, concession),
                standings[_Day(row.customer_id, row.accepted_on)],
                decided(
                    theirs,
                    row.status,
                    broken_instalment=row.broken_instalment,
                    ended_on=row.ended_on,
                    grace_days=row.grace_days,
                    through=through,
                ),
                row.status in (PlanStatus.KEPT, PlanStatus.BROKEN),
                row.grace_days,
                row.language,
                row.country,
                row.postcode[:2],
            )
        )
    return found


def _parts_at_risk(session: Session, portfolio: Portfolio) -> dict[int, list[Instalment]]:
    """By plan, in order, without those that were skipped as agreed."""
    part, plan = table_of(PlanInstalment), table_of(Plan)
    query = (
        sa.select(part.c.plan_id, part.c.n, part.c.due_on, part.c.amount_minor)
        .join(plan, plan.c.id == part.c.plan_id)
        .where(plan.c.portfolio_id == portfolio.id, ~part.c.is_skipped)
        .order_by(part.c.plan_id, part.c.n)
    )
    found: dict[int, list[Instalment]] = defaultdict(list)
    for plan_id, n, due_on, amount in session.connection().execute(query):
        found[plan_id].append(Instalment(n, due_on, amount))
    return found


# --- standings: a customer on the day of an agreement ----------------------------------------------------


def _standings(session: Session, days: Sequence[_Day]) -> dict[_Day, Standing]:
    """Each from what was known before that day: the agreement's own payments and outcome do not count."""
    found: dict[_Day, Standing] = {}
    for some in chunked(sorted({day.customer_id for day in days}), CHUNK):
        wanted = set(some)
        late = _oldest_dues(session, some)
        paid = _payments(session, some)
        ended = _ended(session, some)
        for day in days:
            if day.customer_id not in wanted:
                continue
            oldest = [
                due
                for begin, end, due in late[day.customer_id]
                if begin < day.on and (end is None or day.on <= end)
            ]
            outcomes = [status for on, status in ended[day.customer_id] if on < day.on]
            found[day] = Standing(
                days_past_due=(day.on - min(oldest)).days if oldest else 0,
                broken_before=outcomes.count(PlanStatus.BROKEN),
                kept_before=outcomes.count(PlanStatus.KEPT),
                paid_recently_minor=paid[day.customer_id].between(
                    day.on - timedelta(days=RECENT_DAYS), day.on
                ),
            )
    return found


def _oldest_dues(
    session: Session, customer_ids: Sequence[int]
) -> dict[int, list[tuple[date, date | None, date]]]:
    """By customer, the spells past due of their accounts: (from, to, oldest due date)."""
    spell, account = table_of(Spell), table_of(Account)
    query = (
        sa.select(account.c.customer_id, spell.c.from_on, spell.c.to_on, spell.c.oldest_due_on)
        .join(account, account.c.id == spell.c.account_id)
        .where(among(session, account.c.customer_id, customer_ids))
    )
    found: dict[int, list[tuple[date, date | None, date]]] = defaultdict(list)
    for customer_id, begin, end, oldest in session.connection().execute(query):
        found[customer_id].append((begin, end, oldest))
    return found


class _Payments:
    """Payments of one customer, summed from the first on."""

    def __init__(self, lines: Sequence[tuple[date, int]]) -> None:
        self.days = [on for on, _ in lines]
        self.sums = [0, *accumulate(amount for _, amount in lines)]

    def between(self, begin: date, end: date) -> int:
        """From `begin` on, before `end`."""
        return self.sums[bisect_left(self.days, end)] - self.sums[bisect_left(self.days, begin)]


def _payments(session: Session, customer_ids: Sequence[int]) -> dict[int, _Payments]:
    entry, account = table_of(Entry), table_of(Account)
    query = (
        sa.select(account.c.customer_id, entry.c.effective_on, entry.c.amount_minor)
        .join(account, account.c.id == entry.c.account_id)
        .where(among(session, account.c.customer_id, customer_ids), keeps_agreements())
        .order_by(entry.c.effective_on)
    )
    lines: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for customer_id, on, amount in session.connection().execute(query):
        lines[customer_id].append((on, -amount))
    none = _Payments(())
    return defaultdict(lambda: none, {each: _Payments(theirs) for each, theirs in lines.items()})


def _ended(session: Session, customer_ids: Sequence[int]) -> dict[int, list[tuple[date, PlanStatus]]]:
    """By customer, agreements that were kept or broken, and when."""
    plan = table_of(Plan)
    query = sa.select(plan.c.customer_id, plan.c.ended_on, plan.c.status).where(
        among(session, plan.c.customer_id, customer_ids),
        plan.c.status.in_((PlanStatus.KEPT, PlanStatus.BROKEN)),
        plan.c.ended_on.is_not(None),
    )
    found: dict[int, list[tuple[date, PlanStatus]]] = defaultdict(list)
    for customer_id, on, status in session.connection().execute(query):
        found[customer_id].append((on, status))
    return found
