"""Letters about a dispute: which one, with which figures, and whether it is still true."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from sqlmodel import Session

from app.book.ledger.models import Entry
from app.book.ledger.rules import MONEY_IN
from app.book.portfolios.models import Portfolio
from app.casework.contacts.rules import CaseStep, DeskStep
from app.casework.disputes.models import Dispute
from app.casework.disputes.queries import dispute_of_step
from app.casework.disputes.rules import DisputeKind, DisputeOutcome, promised_by
from app.core.clock import local_date

DECISION_LETTERS: Mapping[DisputeOutcome, str] = {
    DisputeOutcome.UPHELD: "dispute_upheld",
    DisputeOutcome.PARTLY: "dispute_partly_upheld",
    DisputeOutcome.REJECTED: "dispute_rejected",
}
"""The letter that tells each outcome. A customer who withdrew a dispute is not written to."""
BILLING_ERROR, OTHERS = "billing_error_acknowledged", "dispute_acknowledged"


def received_letter(dispute: Dispute) -> str:
    """The letter that acknowledges a dispute."""
    return BILLING_ERROR if dispute.kind is DisputeKind.BILLING_ERROR else OTHERS


def received_figures(dispute: Dispute, opened_on: date) -> dict[str, date | int | str]:
    """What its acknowledgement says; amounts in minor units."""
    return {
        "received_on": dispute.received_on,
        "review_on": promised_by(dispute.answer_by, opened_on),
        "dispute_reference": dispute.reference,
        **({"disputed_amount": dispute.amount_minor} if dispute.amount_minor else {}),
    }


def decision_figures(dispute: Dispute, found: Entry | None) -> dict[str, date | int | str]:
    """What the letter of its decision says; amounts in minor units. What is nothing is left out. `found`: the entry
    that corrects it; of a payment that was found, the letter names its day."""
    amounts = {
        "disputed_amount": dispute.amount_minor or 0,
        "conceded_amount": dispute.conceded_minor,
        "remaining_amount": (dispute.amount_minor or dispute.conceded_minor) - dispute.conceded_minor,
        "charges_credited": dispute.charges_credited_minor,
        "charges_made": dispute.charges_made_minor,
    }
    return {
        "received_on": dispute.received_on,
        "dispute_reference": dispute.reference,
        "explanation": dispute.explanation,
        **{name: minor for name, minor in amounts.items() if minor > 0},
        **({"pay_by": dispute.pay_by} if dispute.pay_by else {}),
        **({"paid_on": found.effective_on} if found is not None and found.kind in MONEY_IN else {}),
    }


def figures_of_dispute(session: Session, step: CaseStep) -> dict[str, date | int | str]:
    """The same for a letter that is written again, as the dispute stands now."""
    dispute = dispute_of_step(session, step.case_id, step.occurrence)
    if dispute is None:
        return {}
    if step.step == DeskStep.DISPUTE_RECEIVED:
        portfolio = session.get_one(Portfolio, dispute.portfolio_id)
        return received_figures(dispute, local_date(dispute.opened_at, portfolio.timezone))
    entry = session.get(Entry, dispute.correction_id) if dispute.correction_id is not None else None
    return decision_figures(dispute, entry)


def why_not_of_dispute(session: Session, step: CaseStep) -> str:
    """The reason that a letter about a dispute would be false by now; '' = it holds, or is about none."""
    if step.step not in (DeskStep.DISPUTE_RECEIVED, DeskStep.DISPUTE_DECIDED):
        return ""
    dispute = dispute_of_step(session, step.case_id, step.occurrence)
    if dispute is None:
        return "there is no such dispute"
    if step.step == DeskStep.DISPUTE_RECEIVED:
        return "" if dispute.is_open else "the dispute that it acknowledges is decided"
    return "" if dispute.outcome in DECISION_LETTERS else "the dispute has no such decision"
