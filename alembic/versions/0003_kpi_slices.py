"""Members of accounts by day, by which key figures are sliced; teams of staff; the segment of a case.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MEMBERS = (
    ("product", 60),
    ("agent", 64),
    ("team", 60),
    ("strategy", 60),
    ("arm", 60),
    ("placement", 7),
    ("segment", 60),
)


def upgrade() -> None:
    op.create_table(
        "kpi_slice",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        *(sa.Column(name, sa.String(length=length), nullable=False) for name, length in MEMBERS),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_kpi_slice_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kpi_slice")),
        sa.UniqueConstraint("portfolio_id", *(name for name, _ in MEMBERS), name="uq_kpi_slice_members"),
    )
    op.create_table(
        "account_slice",
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("slice_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_slice_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_account_slice_portfolio_id_portfolio")
        ),
        sa.ForeignKeyConstraint(
            ["slice_id"], ["kpi_slice.id"], name=op.f("fk_account_slice_slice_id_kpi_slice")
        ),
        sa.PrimaryKeyConstraint("account_id", "from_on", name=op.f("pk_account_slice")),
    )
    op.create_index(
        "ix_account_slice_open",
        "account_slice",
        ["portfolio_id", "account_id"],
        sqlite_where=sa.text("to_on IS NULL"),
        postgresql_where=sa.text("to_on IS NULL"),
    )
    op.add_column("staff_user", sa.Column("team", sa.String(length=60), server_default="", nullable=False))
    op.add_column(
        "collections_case", sa.Column("segment", sa.String(length=60), server_default="", nullable=False)
    )
    with op.batch_alter_table("kpi_snapshot", schema=None) as batch_op:
        batch_op.alter_column("member", type_=sa.String(length=64), existing_nullable=False)


def downgrade() -> None:
    with op.batch_alter_table("kpi_snapshot", schema=None) as batch_op:
        batch_op.alter_column("member", type_=sa.String(length=60), existing_nullable=False)
    op.drop_column("collections_case", "segment")
    op.drop_column("staff_user", "team")
    op.drop_table("account_slice")
    op.drop_table("kpi_slice")
