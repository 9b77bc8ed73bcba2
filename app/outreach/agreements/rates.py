"""Interest of an agreement as its letters tell it: the rates that the night charges, account by account."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.charges.models import Concession
from app.book.charges.rules import capped_apr
from app.book.charges.service import bears_interest
from app.book.ledger.balances import balance_of
from app.book.ledger.events import AccountChanged
from app.book.ledger.models import Account
from app.book.ledger.queries import worked
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanKind
from app.casework.plans.tracking.payments import accounts_of
from app.core.clock import local_instant
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.outreach.agreements.reader import Reader, Value
from app.outreach.letters.letter import RateLine
from app.policy.composition import pack_of


@dataclass(frozen=True, slots=True)
class AccountRate:
    """Yearly rates of one account, in millionths, as the night charges them: never more than the pack's cap."""

    product: str
    last4: str
    own: int
    """Without the agreement; 0 = no interest runs on it."""
    agreed: int
    """While the agreement is kept: its own, or the lower one that was agreed."""


def interest_figures(
    session: Session, plan: Plan, reader: Reader, *, on: date, as_made: bool = False
) -> dict[str, Value]:
    """Values of the variables that speak of interest and late fees, by name. Where the creditor charges them, we say
    nothing of late fees, and of a rate only if it is promised and the creditor lowers it. `as_made`: with the accounts'
    own rates of the time of the offer, not of now."""
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    if not _tells_rates(portfolio, plan):
        return {"interest": "same"}
    late_fees = {"late_fees": "none"} if plan.kind is PlanKind.HARDSHIP and portfolio.accrues else {}
    return {**interest_told(account_rates(session, plan, on=on, as_made=as_made), reader), **late_fees}


def account_rates(session: Session, plan: Plan, *, on: date, as_made: bool = False) -> list[AccountRate]:
    """The rates of the accounts that the agreement is about, one by one; none where we say nothing of them."""
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    if not _tells_rates(portfolio, plan):
        return []
    accounts = _accounts(session, plan, on)
    since = max(plan.offered_at, local_instant(on, 0, 0, portfolio.timezone)) if as_made else None
    before = _rates_before(session, plan.customer_id, since) if since else {}
    return [
        _rate_of(portfolio, each, plan.apr_millionths, on, own=before.get(id_of(each), each.apr_millionths))
        for each in accounts
    ]


def rates_asked(
    session: Session, portfolio: Portfolio, customer_id: int, apr_millionths: int, *, on: date
) -> list[AccountRate]:
    """The rates that the customer's accounts would have under an agreement with this lower rate."""
    query = select(Account).where(Account.customer_id == customer_id, worked()).order_by(col(Account.id))
    return [
        _rate_of(portfolio, each, apr_millionths, on, own=each.apr_millionths)
        for each in session.scalars(query)
        if balance_of(session, id_of(each), on) > 0
    ]


def _tells_rates(portfolio: Portfolio, plan: Plan) -> bool:
    return portfolio.accrues or (portfolio.creditor_lowers_rates and plan.apr_millionths is not None)


def _rate_of(
    portfolio: Portfolio, account: Account, apr_millionths: int | None, on: date, *, own: int
) -> AccountRate:
    """`apr_millionths`: the rate that is agreed; None = none is."""
    charged = capped_apr(own, pack_of(portfolio).charges) if _bore_interest(account, on) else 0
    agreed = charged if apr_millionths is None else min(charged, apr_millionths)
    return AccountRate(account.product, account.card_last4, charged, agreed)


def interest_told(rates: Sequence[AccountRate], reader: Reader) -> dict[str, Value]:
    """`interest` is `free` (none runs, agreement or not), `own` (the own rates go on), `none` or `lower` while the
    agreement is kept. `rate` and `rate_before` tell it where the accounts are alike; `rates` where they differ."""
    pairs = {(each.own, each.agreed) for each in rates}
    if all(own == 0 for own, _ in pairs):
        return {"interest": "free"}
    conceded = any(agreed < own for own, agreed in pairs)
    lowered = "lower" if any(agreed for _, agreed in pairs) else "none"
    figures: dict[str, Value] = {"interest": lowered if conceded else "own"}
    if len(pairs) > 1:
        return {**figures, "rates": tuple(_line(each, reader) for each in rates)}
    [(own, agreed)] = pairs
    return {
        **figures,
        "rate": reader.rate(agreed) if agreed else "",
        "rate_before": reader.rate(own) if conceded else "",
    }


def _line(rate: AccountRate, reader: Reader) -> RateLine:
    return RateLine(
        rate.product,
        rate.last4,
        reader.rate(rate.agreed) if rate.agreed else "",
        reader.rate(rate.own) if rate.agreed < rate.own else "",
    )


def _accounts(session: Session, plan: Plan, on: date) -> Sequence[Account]:
    """The accounts whose interest the agreement is about: of those that it concedes to, settles, or is offered on, the
    ones that owe at the end of `on`; all of them where none does."""
    query = select(Account).where(Account.portfolio_id == plan.portfolio_id).order_by(col(Account.id))
    conceded = select(Concession.account_id).where(Concession.plan_id == plan.id)
    if plan.kind is PlanKind.SETTLEMENT:
        theirs = query.where(col(Account.id).in_(accounts_of(id_of(plan))))
    elif session.scalars(conceded).first() is not None:
        theirs = query.where(col(Account.id).in_(conceded))
    else:
        worked_then = sa.or_(worked(), col(Account.ended_on) > on)
        theirs = query.where(Account.customer_id == plan.customer_id, worked_then)
    found = session.scalars(theirs).all()
    return [each for each in found if balance_of(session, id_of(each), on) > 0] or found


def _rates_before(session: Session, customer_id: int, since: datetime) -> dict[int, int]:
    """By account, the yearly rate in millionths that it had before its first change since this moment; accounts whose
    rate did not change are left out."""
    query = select(Event.account_id, Event.data).where(
        Event.customer_id == customer_id, Event.kind == AccountChanged.KIND, col(Event.at) > since
    )
    found: dict[int, int] = {}
    for account_id, text in session.execute(query.order_by(col(Event.seq))):
        before = AccountChanged.from_json(text).from_.get("apr_millionths")
        if before is not None:
            found.setdefault(account_id, int(before))
    return found


def _bore_interest(account: Account, on: date) -> bool:
    """True if the night of `on` posts interest on the account; one that ended since did so until its end."""
    return bears_interest(account) if account.ended_on is None else account.ended_on > on
