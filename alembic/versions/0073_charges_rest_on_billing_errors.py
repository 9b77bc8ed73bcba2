"""Disputed parts that bear no interest and no late fees; open billing errors get theirs.

Revision ID: 0073
Revises: 0076
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0073"
down_revision = "0076"
branch_labels = None
depends_on = None

CHARGES = ("charges_credited_minor", "charges_made_minor")


def upgrade() -> None:
    op.create_table(
        "charge_rest",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("dispute_id", BigId, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("lifted_at", UtcDateTime(), nullable=True),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "to_on IS NULL OR to_on > from_on", name=op.f("ck_charge_rest_ends_after_it_began")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_charge_rest_amount_positive")),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_charge_rest_{column}_{table}"))
            for column, table in (
                ("account_id", "account"),
                ("dispute_id", "dispute"),
                ("portfolio_id", "portfolio"),
            )
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_charge_rest")),
    )
    op.create_index("ix_charge_rest_account", "charge_rest", ["account_id", "from_on"])
    op.create_index("ix_charge_rest_dispute", "charge_rest", ["dispute_id"])
    with op.batch_alter_table("dispute") as dispute:
        for name in CHARGES:
            dispute.add_column(sa.Column(name, sa.BigInteger(), server_default="0", nullable=False))
        dispute.create_check_constraint(
            op.f("ck_dispute_charges_not_negative"), "charges_credited_minor >= 0 AND charges_made_minor >= 0"
        )
    _let_open_ones_rest()


def _let_open_ones_rest() -> None:
    """The only places with a procedure for billing errors let charges on them rest. The night corrects the interest of
    days that have passed; a late fee of theirs is waived with the decision."""
    op.execute(
        """
        INSERT INTO charge_rest
            (portfolio_id, account_id, dispute_id, amount_minor, from_on, "by", created_at)
        SELECT portfolio_id, account_id, id, amount_minor, received_on, 'system', opened_at
        FROM dispute
        WHERE kind = 'billing_error' AND outcome IS NULL AND account_id IS NOT NULL AND amount_minor > 0
        """
    )
    op.execute(
        """
        INSERT INTO ledger_change (account_id, portfolio_id, earliest_on)
        SELECT rest.account_id, rest.portfolio_id, MIN(account.opened_on)
        FROM charge_rest AS rest
        JOIN account ON account.id = rest.account_id
        JOIN portfolio ON portfolio.id = rest.portfolio_id
        WHERE portfolio.accrues
        GROUP BY rest.account_id, rest.portfolio_id
        ON CONFLICT (account_id) DO UPDATE SET earliest_on = excluded.earliest_on
        """
    )


def downgrade() -> None:
    with op.batch_alter_table("dispute") as dispute:
        dispute.drop_constraint(op.f("ck_dispute_charges_not_negative"), type_="check")
        for name in CHARGES:
            dispute.drop_column(name)
    op.drop_table("charge_rest")
