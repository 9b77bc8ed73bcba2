"""Rates that a hold caps by law: on the accounts here, or by a person where the creditor charges the interest."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.book.charges.protection import end_protection, prolong_protection, protect_rate
from app.book.ledger.queries import accounts_of
from app.book.ledger.rules import ENDED
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.holds.models import CaseHold
from app.casework.holds.rules import hold_name
from app.core.actor import Actor
from app.core.ids import id_of
from app.outreach.letters.locales import format_rate
from app.outreach.strategy.tasks import add_task
from app.policy.pack import Pack


def protect_rates(
    session: Session,
    case: CollectionsCase,
    hold: CaseHold,
    pack: Pack,
    since: date,
    today: date,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Cap what the customer's debts of before `since` bear while the hold stands, where its pack says so. Where the
    creditor charges the interest, the owner of the case has the creditor do it."""
    rule = pack.protected_rate
    if rule is None or hold.kind not in rule.holds:
        return
    protected = [
        account
        for account in accounts_of(session, case.customer_id)
        if account.status not in ENDED and account.opened_on < since
    ]
    for account in protected:
        protect_rate(
            session,
            account,
            id_of(hold),
            rule.max_apr_millionths,
            since,
            hold.until,
            rule.citation,
            by=by,
            now=now,
        )
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    higher = [each.reference for each in protected if each.apr_millionths > rule.max_apr_millionths]
    if protected and not portfolio.accrues:
        rate = format_rate(rule.max_apr_millionths, "en")
        text = (
            f"{hold_name(hold.kind).capitalize()}: have the creditor charge at most {rate} a year, fees included, from"
            f" {since} on, and take back what was charged above ({rule.citation}): {', '.join(higher) or 'all cards'}"
        )
        add_task(session, case, DeskStep.RATE_TO_LOWER, text, today, by=by, now=now)


def move_protection(
    session: Session, hold: CaseHold, pack: Pack, before: date, *, by: Actor, now: datetime
) -> None:
    """Let the caps of a hold end on its new day, instead of the day `before`."""
    if hold.until < before:
        end_protection(session, id_of(hold), hold.until, by=by, now=now)
    elif hold.until > before:
        citation = pack.protected_rate.citation if pack.protected_rate else ""
        prolong_protection(session, id_of(hold), before, hold.until, citation, by=by, now=now)
