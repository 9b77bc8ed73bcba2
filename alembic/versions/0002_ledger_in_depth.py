"""ledger in depth

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


NEW = {
    ("account", "status", "accountstatus"): [
        "active",
        "charged_off",
        "settled",
        "paid",
        "closed",
        "sold",
        "dormant",
    ],
    ("feed_load", "kind", "feedkind"): [
        "accounts",
        "statements",
        "transactions",
        "payments",
        "positions",
        "camt054",
    ],
    ("timeline_event", "kind", "kind"): [
        "portfolio.added",
        "feed.loaded",
        "ledger.entry_posted",
        "day.closed",
        "case.opened",
        "case.closed",
        "case.assigned",
        "case.note_added",
        "case.callback_set",
        "case.call_logged",
        "hold.placed",
        "hold.ended",
        "consent.changed",
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
        "ledger.payment_moved",
        "waiver.requested",
        "waiver.decided",
        "payment.unmatched",
        "payment.matched",
        "account.status_changed",
        "account.re_aged",
        "pause.set",
        "pause.ended",
    ],
}
OLD = {
    ("account", "status", "accountstatus"): ["active", "charged_off", "settled", "paid", "closed", "sold"],
    ("feed_load", "kind", "feedkind"): ["accounts", "statements", "transactions", "payments"],
    ("timeline_event", "kind", "kind"): [
        "portfolio.added",
        "feed.loaded",
        "ledger.entry_posted",
        "day.closed",
        "case.opened",
        "case.closed",
        "case.assigned",
        "case.note_added",
        "case.callback_set",
        "case.call_logged",
        "hold.placed",
        "hold.ended",
        "consent.changed",
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
    ],
}


def change_enums(admitted: dict[tuple[str, str, str], list[str]]) -> None:
    """New CHECKs of the columns whose enum grew; SQLite copies the table, so the triggers are made again."""
    sqlite = op.get_bind().dialect.name == "sqlite"
    for (table, column, enum), values in admitted.items():
        name = f"ck_{table}_{enum}"
        listed = ", ".join(f"'{value}'" for value in values)
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_constraint(op.f(name), type_="check")
            batch_op.create_check_constraint(op.f(name), f"{column} IN ({listed})")
        if sqlite and table == "timeline_event":
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )


def upgrade() -> None:
    op.create_table(
        "accrual",
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("through", sa.Date(), nullable=False),
        sa.Column("carry", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_accrual_account_id_account")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_accrual_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_accrual")),
    )
    with op.batch_alter_table("accrual", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_accrual_portfolio_id"), ["portfolio_id"], unique=False)

    op.create_table(
        "delinquency_pause",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "hardship",
                "moratorium",
                "dispute",
                "breathing_space",
                name="pausekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.CheckConstraint(
            "to_on IS NULL OR to_on > from_on", name=op.f("ck_delinquency_pause_ends_after_it_began")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_delinquency_pause_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_delinquency_pause_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delinquency_pause")),
    )
    with op.batch_alter_table("delinquency_pause", schema=None) as batch_op:
        batch_op.create_index("ix_delinquency_pause_account", ["account_id", "from_on"], unique=False)

    op.create_table(
        "payer_account",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("payer_key", sa.String(length=64), nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("last_amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("last_paid_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_payer_account_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_payer_account_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payer_account")),
        sa.UniqueConstraint(
            "portfolio_id",
            "payer_key",
            "account_id",
            name=op.f("uq_payer_account_portfolio_id_payer_key_account_id"),
        ),
    )
    op.create_table(
        "re_age",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_re_age_account_id_account")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_re_age_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_re_age")),
        sa.UniqueConstraint("account_id", "on", name=op.f("uq_re_age_account_id_on")),
    )
    op.create_table(
        "reported_position",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("oldest_due_on", sa.Date(), nullable=True),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.CheckConstraint(
            "(past_due_minor = 0) = (oldest_due_on IS NULL)",
            name=op.f("ck_reported_position_past_due_has_a_date"),
        ),
        sa.CheckConstraint("past_due_minor >= 0", name=op.f("ck_reported_position_past_due_not_negative")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_reported_position_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_reported_position_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reported_position")),
        sa.UniqueConstraint("account_id", "as_of", name=op.f("uq_reported_position_account_id_as_of")),
    )
    op.create_table(
        "unmatched_payment",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("payer_name", sa.String(length=140), nullable=False),
        sa.Column("payer_account", sa.String(length=40), nullable=False),
        sa.Column("payer_key", sa.String(length=64), nullable=False),
        sa.Column("remittance", sa.String(length=500), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "matched",
                "returned",
                name="unmatchedstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("entry_id", BigId, nullable=True),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_unmatched_payment_amount_positive")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_unmatched_payment_entry_id_ledger_entry")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_unmatched_payment_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unmatched_payment")),
        sa.UniqueConstraint(
            "portfolio_id", "reference", name=op.f("uq_unmatched_payment_portfolio_id_reference")
        ),
    )
    with op.batch_alter_table("unmatched_payment", schema=None) as batch_op:
        batch_op.create_index("ix_unmatched_payment_waiting", ["portfolio_id", "status"], unique=False)

    op.create_table(
        "waiver",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("entry_id", BigId, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "requested",
                "approved",
                "declined",
                name="waiverstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("requested_by", sa.String(length=120), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("credit_id", BigId, nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_waiver_amount_positive")),
        sa.CheckConstraint("decided_by <> requested_by OR alone", name=op.f("ck_waiver_two_people")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_waiver_account_id_account")),
        sa.ForeignKeyConstraint(
            ["credit_id"], ["ledger_entry.id"], name=op.f("fk_waiver_credit_id_ledger_entry")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_waiver_entry_id_ledger_entry")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_waiver_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiver")),
    )
    with op.batch_alter_table("waiver", schema=None) as batch_op:
        batch_op.create_index("ix_waiver_entry", ["entry_id"], unique=False)
        batch_op.create_index("ix_waiver_open", ["portfolio_id", "status"], unique=False)

    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ended_on", sa.Date(), nullable=True))

    with op.batch_alter_table("feed_load", schema=None) as batch_op:
        batch_op.add_column(sa.Column("rows_done", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("bytes_done", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("bytes_total", sa.BigInteger(), nullable=False, server_default="0"))
        batch_op.add_column(
            sa.Column("stored_path", sa.String(length=500), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("mapping", sa.String(length=80), nullable=False, server_default=""))
        batch_op.add_column(
            sa.Column("rejects_file", sa.String(length=500), nullable=False, server_default="")
        )
        batch_op.add_column(sa.Column("failure", sa.String(length=500), nullable=False, server_default=""))

    with op.batch_alter_table("portfolio", schema=None) as batch_op:
        batch_op.add_column(sa.Column("charge_off_days", sa.Integer(), nullable=False, server_default="180"))
        batch_op.add_column(sa.Column("dormant_after_days", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(
            sa.Column("waive_limit_minor", sa.BigInteger(), nullable=False, server_default="0")
        )
        batch_op.add_column(sa.Column("accrues", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("day_count", sa.Integer(), nullable=False, server_default="365"))
        batch_op.add_column(sa.Column("late_fee_minor", sa.BigInteger(), nullable=False, server_default="0"))

    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.add_column(sa.Column("posted_on", sa.Date(), nullable=True))
    op.execute("UPDATE statement SET posted_on = closing_on")  # nobody wrote down when they came
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.alter_column("posted_on", existing_type=sa.Date(), nullable=False)

    change_enums(NEW)


def downgrade() -> None:
    """Fails, and changes nothing, where rows of the new kinds exist: history is not thrown away."""
    change_enums(OLD)
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.drop_column("posted_on")

    with op.batch_alter_table("portfolio", schema=None) as batch_op:
        batch_op.drop_column("late_fee_minor")
        batch_op.drop_column("day_count")
        batch_op.drop_column("accrues")
        batch_op.drop_column("waive_limit_minor")
        batch_op.drop_column("dormant_after_days")
        batch_op.drop_column("charge_off_days")

    with op.batch_alter_table("feed_load", schema=None) as batch_op:
        batch_op.drop_column("failure")
        batch_op.drop_column("rejects_file")
        batch_op.drop_column("mapping")
        batch_op.drop_column("stored_path")
        batch_op.drop_column("bytes_total")
        batch_op.drop_column("bytes_done")
        batch_op.drop_column("rows_done")

    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_column("ended_on")

    with op.batch_alter_table("waiver", schema=None) as batch_op:
        batch_op.drop_index("ix_waiver_open")
        batch_op.drop_index("ix_waiver_entry")

    op.drop_table("waiver")
    with op.batch_alter_table("unmatched_payment", schema=None) as batch_op:
        batch_op.drop_index("ix_unmatched_payment_waiting")

    op.drop_table("unmatched_payment")
    op.drop_table("reported_position")
    op.drop_table("re_age")
    op.drop_table("payer_account")
    with op.batch_alter_table("delinquency_pause", schema=None) as batch_op:
        batch_op.drop_index("ix_delinquency_pause_account")

    op.drop_table("delinquency_pause")
    with op.batch_alter_table("accrual", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_accrual_portfolio_id"))

    op.drop_table("accrual")
