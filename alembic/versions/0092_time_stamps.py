"""Days of the timeline, and time stamps of them and of bundles.

Revision ID: 0092
Revises: 0080
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0092"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "timeline_day",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("after_id", BigId, nullable=False),
        sa.Column("to_id", BigId, nullable=False),
        sa.Column("seen_id", BigId, nullable=False),
        sa.Column("streams", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("day", name=op.f("pk_timeline_day")),
    )
    op.create_table(
        "time_stamp",
        sa.Column("id", BigId, nullable=False),
        sa.Column("bundle_id", BigId, nullable=True),
        sa.Column("timeline_day", sa.Date(), nullable=True),
        sa.Column("stamped_at", UtcDateTime(), nullable=False),
        sa.Column("authority", sa.String(length=200), nullable=False),
        sa.Column("response", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint(
            "(bundle_id IS NULL) <> (timeline_day IS NULL)", name=op.f("ck_time_stamp_of_one_thing")
        ),
        sa.ForeignKeyConstraint(["bundle_id"], ["bundle.id"], name=op.f("fk_time_stamp_bundle_id_bundle")),
        sa.ForeignKeyConstraint(
            ["timeline_day"], ["timeline_day.day"], name=op.f("fk_time_stamp_timeline_day_timeline_day")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_time_stamp")),
        sa.UniqueConstraint("bundle_id", name=op.f("uq_time_stamp_bundle_id")),
        sa.UniqueConstraint("timeline_day", name=op.f("uq_time_stamp_timeline_day")),
    )


def downgrade() -> None:
    for table in ("time_stamp", "timeline_day"):
        op.drop_table(table)
