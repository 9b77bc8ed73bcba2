"""strategies

Revision ID: 0020
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime

revision = "0020"
down_revision = "0010"
branch_labels = None
depends_on = None


KINDS = [
    "portfolio.added",
    "portfolio.tightened",
    "feed.loaded",
    "ledger.entry_posted",
    "day.closed",
    "ledger.payment_moved",
    "waiver.requested",
    "waiver.decided",
    "payment.unmatched",
    "payment.matched",
    "account.status_changed",
    "account.re_aged",
    "pause.set",
    "pause.ended",
    "case.opened",
    "case.closed",
    "case.assigned",
    "case.note_added",
    "case.callback_set",
    "case.call_logged",
    "hold.placed",
    "hold.ended",
    "consent.changed",
    "preference.set",
    "preference.ended",
    "plan.offered",
    "plan.accepted",
    "plan.activated",
    "plan.kept",
    "plan.broken",
    "plan.cancelled",
    "contact.cleared",
    "contact.waiting",
    "contact.refused",
    "contact.withheld",
    "contact.sent",
    "contact.delivered",
    "contact.failed",
    "contact.unknown",
    "contact.call_task",
    "referral.nominated",
    "referral.approved",
    "referral.declined",
    "bundle.built",
    "bundle.delivered",
    "bundle.failed",
    "bundle.downloaded",
    "channel.stopped",
    "channel.started",
    "staff.user_added",
    "staff.user_changed",
    "staff.token_issued",
    "staff.token_revoked",
    "staff.logged_in",
    "staff.logged_out",
    "staff.login_refused",
]
NEW_KINDS = [
    "strategy.saved",
    "strategy.live",
    "experiment.started",
    "experiment.ended",
    "task.created",
    "task.done",
]


def append_only(table: str) -> None:
    """A version stays as it was written: UPDATE and DELETE fail, whoever tries."""
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


def admit(kinds: list[str]) -> None:
    """The timeline's kinds; SQLite copies the table for it, so its triggers are made again."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("timeline_event", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_timeline_event_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_timeline_event_kind"), f"kind IN ({listed})")
    if op.get_bind().dialect.name == "sqlite":
        append_only("timeline_event")


def upgrade() -> None:
    op.create_table(
        "strategy_version",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_strategy_version_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_version")),
        sa.UniqueConstraint(
            "portfolio_id", "code", "number", name=op.f("uq_strategy_version_portfolio_id_code_number")
        ),
    )
    op.create_table(
        "strategy_experiment",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("champion_id", BigId, nullable=False),
        sa.Column("challenger_id", BigId, nullable=False),
        sa.Column("share_percent", sa.Integer(), nullable=False),
        sa.Column("cases_wanted", sa.Integer(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.CheckConstraint("share_percent BETWEEN 1 AND 99", name=op.f("ck_strategy_experiment_share")),
        sa.ForeignKeyConstraint(
            ["challenger_id"],
            ["strategy_version.id"],
            name=op.f("fk_strategy_experiment_challenger_id_strategy_version"),
        ),
        sa.ForeignKeyConstraint(
            ["champion_id"],
            ["strategy_version.id"],
            name=op.f("fk_strategy_experiment_champion_id_strategy_version"),
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_strategy_experiment_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_experiment")),
    )
    with op.batch_alter_table("strategy_experiment", schema=None) as batch_op:
        batch_op.create_index(
            "uq_strategy_experiment_now",
            ["portfolio_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "strategy_live",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("version_id", BigId, nullable=False),
        sa.Column("replaces_id", BigId, nullable=True),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_strategy_live_portfolio_id_portfolio")
        ),
        sa.ForeignKeyConstraint(
            ["replaces_id"],
            ["strategy_version.id"],
            name=op.f("fk_strategy_live_replaces_id_strategy_version"),
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["strategy_version.id"], name=op.f("fk_strategy_live_version_id_strategy_version")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_live")),
    )
    with op.batch_alter_table("strategy_live", schema=None) as batch_op:
        batch_op.create_index(
            "uq_strategy_live_now",
            ["portfolio_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "strategy_participant",
        sa.Column("experiment_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column(
            "arm",
            sa.Enum(
                "champion", "challenger", name="arm", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("since", sa.Date(), nullable=False),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["collections_case.id"],
            name=op.f("fk_strategy_participant_case_id_collections_case"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_strategy_participant_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["experiment_id"],
            ["strategy_experiment.id"],
            name=op.f("fk_strategy_participant_experiment_id_strategy_experiment"),
        ),
        sa.PrimaryKeyConstraint("experiment_id", "customer_id", name=op.f("pk_strategy_participant")),
    )
    op.create_table(
        "strategy_task",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("done_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_strategy_task_case_id_collections_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_task")),
        sa.UniqueConstraint("key", name=op.f("uq_strategy_task_key")),
    )
    with op.batch_alter_table("strategy_task", schema=None) as batch_op:
        batch_op.create_index("ix_strategy_task_case", ["case_id", "done_at"], unique=False)

    append_only("strategy_version")
    admit(KINDS + NEW_KINDS)


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kinds exist: history is not thrown away."""
    admit(KINDS)
    with op.batch_alter_table("strategy_task", schema=None) as batch_op:
        batch_op.drop_index("ix_strategy_task_case")

    op.drop_table("strategy_task")
    op.drop_table("strategy_participant")
    with op.batch_alter_table("strategy_live", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_strategy_live_now",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("strategy_live")
    with op.batch_alter_table("strategy_experiment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_strategy_experiment_now",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("strategy_experiment")
    op.drop_table("strategy_version")
