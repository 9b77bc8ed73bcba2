"""Accounts that stand alike have sums beside their wide rows; accounts of a combination of members are found by it.

Revision ID: 0046
Revises: 0042
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId

revision = "0046"
down_revision = "0042"
branch_labels = None
depends_on = None

SAME = (
    "portfolio_id", "slice_id", "bucket", "oldest_due_on", "then_on", "then_bucket", "status", "opened_on", "ended_on",
    "known_from",
)  # fmt: skip


def upgrade() -> None:
    op.create_table(
        "standing_sum",
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("slice_id", BigId, nullable=False),
        sa.Column("bucket", sa.String(length=20), nullable=False),
        sa.Column("oldest_due_on", sa.Date(), nullable=False),
        sa.Column("then_on", sa.Date(), nullable=False),
        sa.Column("then_bucket", sa.String(length=20), nullable=False),
        sa.Column("status", sa.String(length=40), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("ended_on", sa.Date(), nullable=False),
        sa.Column("known_from", sa.Date(), nullable=False),
        sa.Column("accounts", sa.BigInteger(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("positive_minor", sa.BigInteger(), nullable=False),
        sa.Column("then_balance_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_standing_sum_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint(*SAME, name=op.f("pk_standing_sum")),
    )
    op.create_index(
        "ix_account_slice_of",
        "account_slice",
        ["slice_id", "account_id"],
        sqlite_where=sa.text("to_on IS NULL"),
        postgresql_where=sa.text("to_on IS NULL"),
    )
    op.execute(_sums_of_wide_rows())


def _sums_of_wide_rows() -> str:
    """The days of `app.reporting.kpis.wide`: 9999-12-31 for none, the month end for every day before it."""

    def since(name: str) -> str:
        return (
            f"CASE WHEN {name} IS NULL THEN '9999-12-31' WHEN {name} < then_on THEN then_on ELSE {name} END"
        )

    said = {
        "slice_id": "coalesce(slice_id, 0)",
        "oldest_due_on": "coalesce(oldest_due_on, '9999-12-31')",
        **{name: since(name) for name in ("opened_on", "ended_on", "known_from")},
    }
    names = ", ".join(SAME)
    same = ", ".join(said.get(name, name) for name in SAME)
    places = ", ".join(str(n + 1) for n in range(len(SAME)))
    sums = (
        "count(*), sum(balance_minor), sum(CASE WHEN balance_minor > 0 THEN balance_minor ELSE 0 END), "
        "sum(then_balance_minor)"
    )
    into = f"standing_sum ({names}, accounts, balance_minor, positive_minor, then_balance_minor)"
    return f"INSERT INTO {into} SELECT {same}, {sums} FROM account_standing GROUP BY {places}"  # noqa: S608


def downgrade() -> None:
    op.drop_index("ix_account_slice_of", table_name="account_slice")
    op.drop_table("standing_sum")
