"""Referrals whose case came back from the legal team.

Revision ID: 0018
Revises: 0017
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import UtcDateTime

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

STATUSES = ("nominated", "approved", "declined", "delivered")


def upgrade() -> None:
    op.drop_index("uq_referral_open", "referral")
    with op.batch_alter_table("referral") as referral:
        referral.add_column(
            sa.Column("returned_by", sa.String(length=120), server_default="", nullable=False)
        )
        referral.add_column(sa.Column("returned_at", UtcDateTime(), nullable=True))
        referral.add_column(
            sa.Column("return_reason", sa.String(length=500), server_default="", nullable=False)
        )
        _status(referral, (*STATUSES, "returned"))
    _index("status NOT IN ('declined', 'returned')")


def downgrade() -> None:
    # A case that came back is with collections: its referral is over, as a declined one is.
    op.drop_index("uq_referral_open", "referral")
    op.execute(
        "UPDATE referral SET status = 'declined', decision_reason = return_reason WHERE status = 'returned'"
    )
    with op.batch_alter_table("referral") as referral:
        _status(referral, STATUSES)
        referral.drop_column("return_reason")
        referral.drop_column("returned_at")
        referral.drop_column("returned_by")
    _index("status <> 'declined'")


def _status(batch: object, values: tuple[str, ...]) -> None:
    name = op.f("ck_referral_referralstatus")
    batch.drop_constraint(name, type_="check")  # type: ignore[attr-defined]
    admitted = ", ".join(repr(value) for value in values)
    batch.create_check_constraint(name, f"status IN ({admitted})")  # type: ignore[attr-defined]


def _index(where: str) -> None:
    op.create_index(
        "uq_referral_open", "referral", ["case_id"], unique=True, sqlite_where=sa.text(where),
        postgresql_where=sa.text(where),
    )  # fmt: skip
