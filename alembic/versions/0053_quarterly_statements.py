"""Duties that follow a quarter of an agreement.

Revision ID: 0053
Revises: 0052
"""

import sqlalchemy as sa
from alembic import op

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None

EVENTS = ("first_contact", "dispute", "complaint", "settlement", "two_payments_behind", "case_open")
NEW = "quarter_of_agreement"


def upgrade() -> None:
    _allow((*EVENTS, NEW))


def downgrade() -> None:
    op.execute(sa.text("DELETE FROM duty WHERE event = 'quarter_of_agreement'"))
    _allow(EVENTS)


def _allow(events: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{each}'" for each in events)
    with op.batch_alter_table("duty") as duty:
        duty.drop_constraint(op.f("ck_duty_dutyevent"), type_="check")
        duty.create_check_constraint(op.f("ck_duty_dutyevent"), f"event IN ({listed})")
