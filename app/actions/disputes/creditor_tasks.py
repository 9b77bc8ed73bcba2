"""Work for the owner of a case whose creditor charges the interest: have it not charged, or credited."""

from __future__ import annotations

from datetime import date, datetime

from sqlmodel import Session

from app.actions.disputes.days import billed_from
from app.book.delinquency.days import DAY
from app.book.ledger.models import Account
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import (
    CONCEDES,
    DisputeOutcome,
)
from app.core.actor import Actor
from app.core.money import with_code
from app.outreach.strategy.tasks import add_task
from app.policy.pack import Pack


def tell_creditor(
    session: Session,
    portfolio: Portfolio,
    dispute: Dispute,
    account: Account,
    pack: Pack,
    outcome: DisputeOutcome,
    conceded_minor: int,
    pay_by: date | None,
    today: date,
    by: Actor,
    now: datetime,
) -> None:
    """Say what the creditor has to credit after a decision, and until when nothing more is charged."""
    said = []
    if outcome in CONCEDES:
        since = billed_from(session, dispute)
        said.append(f"credit all interest and late fees on {_money(conceded_minor, portfolio)} since {since}")
    if rest := (dispute.amount_minor or 0) - conceded_minor:
        until = pay_by + DAY if pay_by else today
        said.append(
            f"charge no further interest on {_money(rest, portfolio)} and no late fees before {until}"
        )
    ask_creditor(session, dispute, account, "; ".join(said), pack, today, by=by, now=now)


def ask_creditor(
    session: Session,
    dispute: Dispute,
    account: Account,
    told: str,
    pack: Pack,
    today: date,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """Give the owner of the case the work to have the creditor of an account do what is `told`."""
    citation = f" ({pack.disputes.citation})" if pack.disputes else ""
    text = f"Dispute {dispute.reference}: have the creditor of {account.reference} {told}{citation}"
    case = session.get_one(CollectionsCase, dispute.case_id)
    add_task(session, case, DeskStep.DISPUTED_CHARGES, text, today, by=by, now=now)


def _money(minor: int, portfolio: Portfolio) -> str:
    return with_code(minor, portfolio.currency)
