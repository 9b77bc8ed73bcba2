"""Late fees that were too high, as a part of the account is in dispute and bears nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from app.book.charges.rules import Rest, late_fee, resting_on
from app.book.charges.statements import ON_DISPUTED_PART, late_fees_since
from app.book.delinquency.history import statement_view
from app.book.ledger.corrections.waivers import left_to_waive, waive_as_agreed
from app.book.ledger.models import Account
from app.book.portfolios.days import business_date
from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.ids import id_of
from app.policy.sections.charges import ChargeCaps


def give_fees_back(
    session: Session,
    portfolio: Portfolio,
    account: Account,
    rests: Sequence[Rest],
    caps: ChargeCaps | None,
    *,
    by: Actor,
    now: datetime,
) -> int:
    """Waive what late fees of ours are too high without what rests. Returns the sum."""
    first_on = min((each.from_on for each in rests), default=None)
    fees = late_fees_since(session, id_of(account), first_on) if first_on is not None else []
    if not fees:
        return 0
    today, least = business_date(session, portfolio, now), max(1, portfolio.small_debt_minor)
    stories = {f"late-fee:{each.reference}": each for each in statement_view(session, id_of(account), today)}
    waived = 0
    for fee in fees:
        story, rest = stories.get(fee.reference), resting_on(fee.effective_on, rests)
        if story is None or not rest:
            continue
        due = late_fee(portfolio.late_fee_minor, story.minimum_minor, portfolio.currency, caps, rest)
        right = due if story.unpaid_when_due - rest >= least else 0
        too_much = left_to_waive(session, fee) - right
        if too_much > 0:
            waive_as_agreed(session, fee, too_much, ON_DISPUTED_PART, by=by, now=now)
            waived += too_much
    return waived
