"""The customer says that it is paid: a hold, work to look for the payment, and the end of both once it is posted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlmodel import Session, col, select

from app.actions.holds import PlacedHold, end_hold, place_hold, review_hold
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.claims.models import PaymentClaim
from app.casework.claims.queries import open_claims, posted_since
from app.casework.claims.service import find_claim, record_claim
from app.casework.contacts.rules import DeskStep
from app.casework.holds.models import CaseHold
from app.casework.holds.queries import hold_of_kind
from app.core.actor import Actor, ActorKind
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.money import with_code
from app.core.vocabulary import HoldKind
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.tasks import add_task, finish_task


@dataclass(frozen=True, slots=True)
class SaidPayment:
    """A payment as the customer tells it; 0, None and '' = not told."""

    where: str
    """How we heard of it: `On the phone`."""
    amount_minor: int = 0
    paid_on: date | None = None
    method: str = ""
    note: str = ""

    def words(self, portfolio: Portfolio) -> str:
        amount = "an amount not told"
        if self.amount_minor:
            amount = with_code(self.amount_minor, portfolio.currency)
        return f"{amount}, {self.paid_on:%b} {self.paid_on.day}" if self.paid_on else amount


def claim_payment(
    session: Session,
    portfolio: Portfolio,
    case: CollectionsCase,
    said: SaidPayment,
    days: int,
    letters: LetterCatalog,
    *,
    by: Actor,
    now: datetime,
) -> tuple[PlacedHold | None, str]:
    """Put the claim on record with its hold, and give a person the work to look for the payment. Returns the hold
    if this claim placed it, and the text of the task."""
    today, paid = local_date(now, portfolio.timezone), said.words(portfolio)
    hold, placed = hold_of_kind(session, case.customer_id, HoldKind.PAYMENT_CLAIMED), None
    if hold is None:
        note = said.note.strip()
        reason = f"{said.where}: says that it is paid, {paid}" + (f". {note}" if note else "")
        until = today + timedelta(days=days)
        kind = HoldKind.PAYMENT_CLAIMED
        placed = place_hold(session, case, kind, reason[:500], until, letters, by=by, now=now)
        hold = placed.hold
    elif by.kind is ActorKind.USER and hold.until < today + timedelta(days=days):
        # The hold of an earlier claim would end before this payment can be found.
        review_hold(
            session,
            hold,
            f"{said.where}: a payment is claimed again, {paid}"[:500],
            today + timedelta(days=days),
            by=by,
            now=now,
        )
    record_claim(
        session, id_of(portfolio), hold, said.amount_minor, said.paid_on, said.method, by=by, now=now
    )
    text = f"Look for the payment that the customer says was made: {paid}"
    add_task(session, case, DeskStep.CLAIM, text, today, by=by, now=now)
    return placed, text


def settle_claims(session: Session, customer_ids: Collection[int], *, by: Actor, now: datetime) -> int:
    """End the claims of these customers for which the payment was posted, with their holds and tasks. Returns how many
    ended. The caller holds the customers' locks."""
    return sum(
        _settle(session, claim, by=by, now=now)
        for claim in open_claims(session, col(PaymentClaim.customer_id).in_(customer_ids))
    )


def claimants(session: Session, portfolio: Portfolio) -> list[int]:
    """Customers of a portfolio with an open claim."""
    claims = open_claims(session, col(PaymentClaim.portfolio_id) == portfolio.id)
    return sorted({claim.customer_id for claim in claims})


def _settle(session: Session, claim: PaymentClaim, *, by: Actor, now: datetime) -> bool:
    posted = posted_since(session, claim)
    if posted <= 0 or posted < claim.amount_minor:
        return False
    find_claim(session, claim, posted, by=by, now=now)
    same = col(PaymentClaim.hold_id) == claim.hold_id
    if not open_claims(session, same):
        hold = session.get_one(CaseHold, claim.hold_id)
        end_hold(session, hold, by=by, now=now, reason="The payment was posted")
    tasks = select(StrategyTask).where(
        StrategyTask.case_id == claim.case_id,
        StrategyTask.step == DeskStep.CLAIM,
        col(StrategyTask.done_at).is_(None),
    )
    for task in session.scalars(tasks.order_by(col(StrategyTask.id)).limit(1)):
        finish_task(session, task, claim.customer_id, by=by, now=now)
    return True
