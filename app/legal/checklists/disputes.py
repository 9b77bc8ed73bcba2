"""Disputes of a customer as the case file shows them."""

from __future__ import annotations

from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Entry
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import KIND_LABELS
from app.legal.checklists import case_file as shown
from app.policy.pack import Pack


def disputes_of(session: Session, customer_id: int) -> tuple[shown.Dispute, ...]:
    """All disputes of the customer. One that was decided stays unresolved while a sum of it is left out: the creditor
    has not corrected it, or the customer still has days to pay it."""
    query = (
        select(Dispute, Account.reference, Entry.reference)
        .outerjoin(Account, col(Account.id) == Dispute.account_id)
        .outerjoin(Entry, col(Entry.id) == Dispute.entry_id)
        .where(Dispute.customer_id == customer_id)
        .order_by(col(Dispute.id))
    )
    return tuple(
        shown.Dispute(
            reference=row.reference,
            opened_at=row.opened_at,
            reason=f"{KIND_LABELS[row.kind]}: {row.words}",
            amount_minor=row.amount_minor,
            resolved_at=None if row.left_out_minor else row.decided_at,
            outcome=row.outcome.value if row.outcome else "",
            account_ref=account_ref or "",
            left_out_minor=row.left_out_minor,
            entry_ref=entry_ref or "",
        )
        for row, account_ref, entry_ref in session.execute(query)
    )


def bars_claim(pack: Pack) -> str:
    """Citation of the rule by which nothing is claimed while a part is disputed; '' = there is none."""
    return pack.disputes.citation if pack.disputes and pack.disputes.bars_claim else ""
