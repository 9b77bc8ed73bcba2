"""statements replaced, charges waived, money paid ahead

Revision ID: 0106
Revises: 0105
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None

# Two statements of one closing day were loaded without a word until now. They stand, numbered, and an invariant
# lists them: which of them is right is for a manager to say.
NUMBER_TWINS = """
    UPDATE statement SET issue = 1 + (
        SELECT count(*) FROM statement AS earlier
        WHERE earlier.account_id = statement.account_id AND earlier.closing_on = statement.closing_on
        AND earlier.id < statement.id
    )
    WHERE id IN (
        SELECT later.id FROM statement AS later JOIN statement AS earlier
        ON earlier.account_id = later.account_id AND earlier.closing_on = later.closing_on AND earlier.id < later.id
    )
"""


def upgrade() -> None:
    op.create_table(
        "replaced_statement",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("statement_id", BigId, nullable=True),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("closing_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("minimum_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("replaced_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_replaced_statement_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_replaced_statement_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_replaced_statement")),
    )
    op.create_index("ix_replaced_statement_account", "replaced_statement", ["account_id"])
    op.create_index("ix_replaced_statement_portfolio", "replaced_statement", ["portfolio_id", "reference"])
    op.add_column("statement", sa.Column("issue", sa.Integer(), server_default="1", nullable=False))
    op.execute(NUMBER_TWINS)
    op.create_index("uq_statement_closing", "statement", ["account_id", "closing_on", "issue"], unique=True)
    op.drop_index("ix_statement_account", "statement")
    op.create_index("ix_waiver_account", "waiver", ["account_id"])
    op.add_column(
        "account_state", sa.Column("prepaid_minor", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column(
        "portfolio", sa.Column("prepayments_count", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "portfolio", sa.Column("small_debt_minor", sa.BigInteger(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("portfolio", "small_debt_minor")
    op.drop_column("portfolio", "prepayments_count")
    op.drop_column("account_state", "prepaid_minor")
    op.drop_index("ix_waiver_account", "waiver")
    op.create_index("ix_statement_account", "statement", ["account_id", "closing_on"])
    op.drop_index("uq_statement_closing", "statement")
    op.drop_column("statement", "issue")
    op.drop_table("replaced_statement")
