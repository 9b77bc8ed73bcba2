"""The days on which people looked at the figures of a portfolio.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "figure_look",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("seen_on", sa.Date(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("before_on", sa.Date(), nullable=True),
        sa.Column("before_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_figure_look_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("username", "portfolio_id", name=op.f("pk_figure_look")),
    )


def downgrade() -> None:
    op.drop_table("figure_look")
