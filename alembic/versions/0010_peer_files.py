"""public files of peers' rates

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "peer_file",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "philadelphia",
                "fred",
                name="peersource",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("loaded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_peer_file")),
        sa.UniqueConstraint("sha256", name=op.f("uq_peer_file_sha256")),
    )
    op.create_table(
        "peer_value",
        sa.Column("file_id", BigId, nullable=False),
        sa.Column("series", sa.String(length=40), nullable=False),
        sa.Column("quarter_ends_on", sa.Date(), nullable=False),
        sa.Column("millionths", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["peer_file.id"], name=op.f("fk_peer_value_file_id_peer_file")),
        sa.PrimaryKeyConstraint("file_id", "series", "quarter_ends_on", name=op.f("pk_peer_value")),
    )
    with op.batch_alter_table("peer_value", schema=None) as batch_op:
        batch_op.create_index("ix_peer_value_series", ["series", "quarter_ends_on"], unique=False)


def downgrade() -> None:
    op.drop_table("peer_value")
    op.drop_table("peer_file")
