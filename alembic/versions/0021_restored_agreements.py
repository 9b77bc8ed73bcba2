"""Agreements whose break was taken back, and steps of an agreement that are taken more than once.

Revision ID: 0021
Revises: 0030
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0021"
down_revision = "0030"
branch_labels = None
depends_on = None

OF_A_PLAN = sa.text("plan_id IS NOT NULL AND instalment IS NULL")
STEPS = {"contact": ("channel",), "deferred_letter": ("channel",), "strategy_task": ()}
"""Tables with one row a step, and the columns beside the step by which rows are told apart."""
OCCASIONS = ("confirmed", "changed", "broken", "ended")


def upgrade() -> None:
    op.create_table(
        "plan_restoration",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("plan_id", BigId, nullable=False),
        sa.Column("entry_id", BigId, nullable=False),
        sa.Column("broken_on", sa.Date(), nullable=False),
        sa.Column("broken_instalment", sa.Integer(), nullable=False),
        sa.Column("broken_why", sa.String(length=300), nullable=False),
        sa.Column("restored_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_plan_restoration_entry_id_ledger_entry")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_restoration_plan_id_plan")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_plan_restoration_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_restoration")),
    )
    op.create_index("ix_plan_restoration_plan", "plan_restoration", ["plan_id", "id"])
    op.create_index("ix_plan_restoration_day", "plan_restoration", ["portfolio_id", "restored_on"])
    for table, also in STEPS.items():
        _one_a_step(table, ("plan_id", "step", "occurrence", *also))
    _occasions((*OCCASIONS, "restored"))


def downgrade() -> None:
    op.execute(
        "DELETE FROM outbox_message WHERE party_letter_id IN (SELECT id FROM party_letter WHERE occasion = 'restored')"
    )
    op.execute("DELETE FROM party_letter WHERE occasion = 'restored'")
    _occasions(OCCASIONS)
    for table, also in STEPS.items():
        columns = (sa.column(name) for name in ("step", "occurrence", "plan_id", "instalment"))
        row = sa.table(table, *columns)
        again = sa.and_(row.c.plan_id.is_not(None), row.c.instalment.is_(None), row.c.occurrence > 1)
        numbered = row.c.step.concat("-").concat(sa.cast(row.c.occurrence, sa.String))
        op.execute(sa.update(row).where(again).values(step=numbered))
        _one_a_step(table, ("plan_id", "step", *also))
    op.drop_table("plan_restoration")


def _one_a_step(table: str, columns: Sequence[str]) -> None:
    name = f"uq_{table}_plan"
    op.drop_index(name, table_name=table)
    op.create_index(
        name, table, list(columns), unique=True, sqlite_where=OF_A_PLAN, postgresql_where=OF_A_PLAN
    )


def _occasions(values: Sequence[str]) -> None:
    """What letters to representatives may be about. SQLite copies the table for it, and the index with a condition does
    not come along."""
    where = {
        "sqlite_where": sa.text("until IS NOT NULL"), "postgresql_where": sa.text("until IS NOT NULL"),
    }  # fmt: skip
    op.drop_index("ix_party_letter_until", "party_letter", **where)
    with op.batch_alter_table("party_letter") as letter:
        letter.drop_constraint(op.f("ck_party_letter_occasion"), type_="check")
        letter.create_check_constraint(
            op.f("ck_party_letter_occasion"), f"occasion IN ({', '.join(repr(each) for each in values)})"
        )
    op.create_index("ix_party_letter_until", "party_letter", ["until"], **where)
