"""A duty may follow the second payment that was missed.

Revision ID: 0040
Revises: 0027
"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0027"
branch_labels = None
depends_on = None

BEFORE = ("first_contact", "dispute", "complaint", "settlement")
AFTER = (*BEFORE, "two_payments_behind")


def upgrade() -> None:
    _events(AFTER)


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM duty WHERE event = 'two_payments_behind'"))
    _events(BEFORE)


def _events(allowed: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{name}'" for name in allowed)
    with op.batch_alter_table("duty") as batch:
        batch.drop_constraint(op.f("ck_duty_dutyevent"), type_="check")
        batch.create_check_constraint(op.f("ck_duty_dutyevent"), f"event IN ({listed})")
