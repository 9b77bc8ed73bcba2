"""Digests, the list of who gets them, and thresholds of key figures.

Revision ID: 0020
Revises: 0018
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0020"
down_revision = "0018"
branch_labels = None
depends_on = None

ALERTS = ("day_failed", "invariant", "tick_failed")
OPEN = sa.text("ended_at IS NULL")


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    _alert_kinds((*ALERTS, "threshold", "digest"))
    op.create_table(
        "threshold",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("kpi", sa.String(length=60), nullable=False),
        sa.Column("dimension", sa.String(length=30), nullable=False),
        sa.Column("member", sa.String(length=64), nullable=False),
        sa.Column("test", _enum("thresholdtest", "above", "below", "changed"), nullable=False),
        sa.Column("measured", _enum("measured", "value", "counted"), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("judged_on", sa.Date(), nullable=True),
        sa.Column("crossed_on", sa.Date(), nullable=True),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_threshold_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_threshold")),
    )
    op.create_index("ix_threshold_portfolio", "threshold", ["portfolio_id"])
    op.create_table(
        "digest_recipient",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("way", _enum("digestway", "email", "webhook"), nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("url", sa.String(length=500), nullable=False),
        sa.Column("salt", sa.String(length=64), nullable=False),
        sa.Column("cadence", _enum("digestcadence", "daily", "weekly", "monthly"), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("after_on", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_digest_recipient_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest_recipient")),
    )
    op.create_index(
        "uq_digest_recipient_open",
        "digest_recipient",
        ["portfolio_id", "way", "username", "url"],
        unique=True,
        sqlite_where=OPEN,
        postgresql_where=OPEN,
    )
    statuses = ("due", "sending", "sent", "failed", "withheld")
    op.create_table(
        "digest",
        sa.Column("id", BigId, nullable=False),
        sa.Column("recipient_id", BigId, nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("status", _enum("digeststatus", *statuses), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("problem", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["recipient_id"], ["digest_recipient.id"], name=op.f("fk_digest_recipient_id_digest_recipient")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_digest")),
        sa.UniqueConstraint(
            "recipient_id", "business_date", name=op.f("uq_digest_recipient_id_business_date")
        ),
    )
    op.create_index("ix_digest_status", "digest", ["status", "next_at"])


def downgrade() -> None:
    op.drop_table("digest")
    op.drop_table("digest_recipient")
    op.drop_table("threshold")
    new = "SELECT id FROM alert WHERE kind IN ('threshold', 'digest')"
    op.execute(f"DELETE FROM alert_notice WHERE alert_id IN ({new})")  # noqa: S608 - constants
    op.execute("DELETE FROM alert WHERE kind IN ('threshold', 'digest')")
    _alert_kinds(ALERTS)


def _alert_kinds(kinds: Sequence[str]) -> None:
    """What alerts may be about. SQLite copies the table for it, and indexes with a condition do not come along."""
    where = {"sqlite_where": OPEN, "postgresql_where": OPEN}
    op.drop_index("uq_alert_open", "alert", **where)
    with op.batch_alter_table("alert") as alert:
        alert.drop_constraint(op.f("ck_alert_alertkind"), type_="check")
        alert.create_check_constraint(
            op.f("ck_alert_alertkind"), f"kind IN ({', '.join(repr(kind) for kind in kinds)})"
        )
    op.create_index("uq_alert_open", "alert", ["kind", "subject"], unique=True, **where)
