"""what comes back by e-mail

Revision ID: 0071
Revises: 0090
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime

revision = "0071"
down_revision = "0090"
branch_labels = None
depends_on = None


def _choice(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "mail_notice",
        sa.Column("id", BigId, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("kind", _choice("noticekind", "bounce", "complaint", "passing", "other"), nullable=False),
        sa.Column("severity", _choice("severity", "hard", "soft", "policy"), nullable=True),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["outbox_message.id"], name=op.f("fk_mail_notice_message_id_outbox_message")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_notice")),
        sa.UniqueConstraint("sha256", name=op.f("uq_mail_notice_sha256")),
    )
    op.create_index("ix_mail_notice_address", "mail_notice", ["address", "at"])
    op.create_index(
        "ix_mail_notice_waiting",
        "mail_notice",
        ["id"],
        sqlite_where=sa.text("decided_at IS NULL"),
        postgresql_where=sa.text("decided_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_mail_notice_waiting", "mail_notice")
    op.drop_index("ix_mail_notice_address", "mail_notice")
    op.drop_table("mail_notice")
