"""how an experiment is judged and when it ends

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = "strategy_stop_rule"


def upgrade() -> None:
    op.create_table(
        TABLE,
        sa.Column("experiment_id", BigId, nullable=False),
        sa.Column(
            "primary_figure",
            sa.Enum(
                "cured",
                "recovered",
                name="primaryfigure",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("days", sa.Integer(), nullable=False),
        sa.Column("rule", sa.String(length=20), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.CheckConstraint("days BETWEEN 1 AND 730", name=op.f("ck_strategy_stop_rule_days")),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["strategy_experiment.id"],
            name=op.f("fk_strategy_stop_rule_experiment_id_strategy_experiment"),
        ),
        sa.PrimaryKeyConstraint("experiment_id", name=op.f("pk_strategy_stop_rule")),
    )
    with op.batch_alter_table("strategy_experiment", schema=None) as batch_op:
        batch_op.add_column(
            sa.Column(
                "ended_because",
                sa.Enum(
                    "person",
                    "last_day",
                    "complaints",
                    "opt_outs",
                    "hardship",
                    name="endreason",
                    native_enum=False,
                    create_constraint=True,
                    length=40,
                ),
                nullable=True,
            )
        )
    _give_older_ones_a_rule()
    _forbid_changes()


def _give_older_ones_a_rule() -> None:
    """Experiments that began before there were stop rules were judged by the cure rate; they run for half a year."""
    op.execute(
        f"INSERT INTO {TABLE} (experiment_id, primary_figure, days, rule, at, by) "  # noqa: S608
        "SELECT id, 'cured', 180, '0', started_at, by FROM strategy_experiment"
    )
    op.execute("UPDATE strategy_experiment SET ended_because = 'person' WHERE ended_at IS NOT NULL")


def _forbid_changes() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            f"CREATE TRIGGER {TABLE}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {TABLE} "
            "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
        return
    for verb in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER {TABLE}_no_{verb.lower()} BEFORE {verb} ON {TABLE} "
            f"BEGIN SELECT RAISE(ABORT, '{TABLE} is append-only'); END"
        )


def downgrade() -> None:
    op.drop_table(TABLE)
    with op.batch_alter_table("strategy_experiment", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_strategy_experiment_endreason"), type_="check")
        batch_op.drop_column("ended_because")
