"""One waiting request for each dispute of a case, in the place of one for all of them.

Revision ID: 0076
Revises: 0067
"""

import sqlalchemy as sa
from alembic import op

revision = "0076"
down_revision = "0067"
branch_labels = None
depends_on = None

WAITING = "status = 'requested'"
OTHERS, OF_DISPUTES = f"{WAITING} AND dispute_id IS NULL", f"{WAITING} AND dispute_id IS NOT NULL"


def upgrade() -> None:
    op.drop_index("uq_approval_request_waiting", "approval_request")
    _unique("uq_approval_request_waiting", ["case_id", "kind"], OTHERS)
    _unique("uq_approval_request_dispute", ["dispute_id"], OF_DISPUTES)


def downgrade() -> None:
    # A case has one waiting request of disputes again: the latest stays.
    op.execute(
        sa.text(
            "UPDATE approval_request SET status = 'withdrawn', decided_by = asked_by, decided_at = asked_at"
            " WHERE status = 'requested' AND dispute_id IS NOT NULL AND EXISTS (SELECT 1 FROM approval_request later"
            " WHERE later.case_id = approval_request.case_id AND later.status = 'requested'"
            " AND later.dispute_id IS NOT NULL AND later.id > approval_request.id)"
        )
    )
    op.drop_index("uq_approval_request_dispute", "approval_request")
    op.drop_index("uq_approval_request_waiting", "approval_request")
    _unique("uq_approval_request_waiting", ["case_id", "kind"], WAITING)


def _unique(name: str, columns: list[str], where: str) -> None:
    only = sa.text(where)
    op.create_index(name, "approval_request", columns, unique=True, sqlite_where=only, postgresql_where=only)
