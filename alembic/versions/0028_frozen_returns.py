"""Returns to supervisors as they were frozen: their cells and the things behind them.

Revision ID: 0028
Revises: 0031
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0028"
down_revision = "0031"
branch_labels = None
depends_on = None

TABLES = ("frozen_return", "frozen_return_cell", "frozen_return_line")
MEASURES = ("number", "balance", "past_due", "ratio")
THINGS = (
    "account", "movement", "agreement", "case", "call", "message", "decision", "referral", "bundle", "re_age", "cure",
    "complaint", "entry",
)  # fmt: skip


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "frozen_return",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column(
            "kind", _enum("returnkind", "uk-complaints", "uk-arrears", "cn-card-tiers"), nullable=False
        ),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("definition", sa.String(length=20), nullable=False),
        sa.Column("frozen_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_frozen_return_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_frozen_return")),
        sa.UniqueConstraint(
            "portfolio_id", "kind", "business_date", "months", "version", name="uq_frozen_return_version"
        ),
    )
    op.create_table(
        "frozen_return_cell",
        sa.Column("return_id", BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("section", sa.String(length=120), nullable=False),
        sa.Column("row", sa.String(length=40), nullable=False),
        sa.Column("title", sa.String(length=200), nullable=False),
        sa.Column("measure", _enum("measure", *MEASURES), nullable=False),
        sa.Column("heading", sa.String(length=120), nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.Column("out_of", sa.BigInteger(), nullable=True),
        sa.Column("per", sa.Integer(), nullable=False),
        sa.Column("missing", sa.String(length=300), nullable=False),
        sa.Column("behind", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(
            ["return_id"], ["frozen_return.id"], name=op.f("fk_frozen_return_cell_return_id_frozen_return")
        ),
        sa.PrimaryKeyConstraint("return_id", "position", name=op.f("pk_frozen_return_cell")),
    )
    op.create_table(
        "frozen_return_line",
        sa.Column("return_id", BigId, nullable=False),
        sa.Column("row", sa.String(length=40), nullable=False),
        sa.Column("kind", _enum("thing", *THINGS), nullable=False),
        sa.Column("thing_id", BigId, nullable=False),
        sa.Column("on", sa.Date(), nullable=True),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_frozen_return_line_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_frozen_return_line_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["return_id"], ["frozen_return.id"], name=op.f("fk_frozen_return_line_return_id_frozen_return")
        ),
        sa.PrimaryKeyConstraint("return_id", "row", "kind", "thing_id", name=op.f("pk_frozen_return_line")),
    )
    for table in TABLES:
        _forbid_changes(table)


def _forbid_changes(table: str) -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )


def downgrade() -> None:
    for table in reversed(TABLES):
        op.drop_table(table)
