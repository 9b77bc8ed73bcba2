"""What a person may concede of disputes alone: by the year, so that a sum in parts is no way around the limit."""

from __future__ import annotations

from datetime import date

import sqlalchemy as sa
from sqlmodel import Session

from app.actions.disputes.goodwill import A_YEAR
from app.book.ledger.models import Entry
from app.book.ledger.rules import grants_alone
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalStatus
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import WHOLE, Correction, DisputeDecision, DisputeOutcome
from app.core.clock import local_instant
from app.core.database.engine import table_of
from app.core.errors import Forbidden
from app.core.money import with_code
from app.core.staff.rules import MANAGEMENT, Role


def require_grant(
    session: Session,
    portfolio: Portfolio,
    dispute: Dispute,
    decision: DisputeDecision,
    conceded_minor: int,
    role: Role,
    today: date,
) -> None:
    """Forbidden beyond what a person of this role may decide alone: a sum that exceeds their limit together with what
    was conceded to the customer alone in the last 365 days, and for an agent that a whole debt is not owed. What stands
    in the ledger already is no grant."""
    if decision.outcome is DisputeOutcome.UPHELD and dispute.kind in WHOLE and role not in MANAGEMENT:
        raise Forbidden(
            "Upholding a dispute of the whole debt is beyond your limit: nobody asks for it again. Ask a manager."
        )
    if not conceded_minor or decision.correction is Correction.POSTED:
        return
    conceded = conceded_minor + conceded_alone(session, portfolio, dispute.customer_id, today)
    if not grants_alone(role, conceded, portfolio.agent_waive_minor, portfolio.waive_limit_minor):
        amount = with_code(conceded, portfolio.currency)
        year = " in a year" if conceded > conceded_minor else ""
        raise Forbidden(f"{amount}{year} is beyond your limit. Ask for it: a manager other than you decides.")


def conceded_alone(session: Session, portfolio: Portfolio, customer_id: int, today: date) -> int:
    """What decisions of the last 365 days that no second person approved conceded to a customer, and stands or is still
    to be posted, in minor units."""
    dispute, entry, request = table_of(Dispute), table_of(Entry), table_of(ApprovalRequest)
    reversal = entry.alias("reversal")
    # An entry of before the decision was there already: it was found, and not granted.
    is_granted = sa.exists().where(
        entry.c.id == dispute.c.correction_id,
        entry.c.created_at >= dispute.c.decided_at,
        ~sa.exists().where(reversal.c.reverses_id == entry.c.id),
    )
    query = sa.select(sa.func.coalesce(sa.func.sum(dispute.c.conceded_minor), 0)).where(
        dispute.c.customer_id == customer_id,
        dispute.c.conceded_minor > 0,
        dispute.c.decided_at >= local_instant(today - A_YEAR, 0, 0, portfolio.timezone),
        sa.or_(dispute.c.awaits_correction, is_granted),
        ~sa.exists().where(request.c.dispute_id == dispute.c.id, request.c.status == ApprovalStatus.APPROVED),
    )
    return int(session.scalar(query) or 0)
