"""The whole schema of the first release (one file by design: nothing was released before it).

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


APPEND_ONLY = (
    "ledger_entry",
    "result_code_version",
    "risk_model_version",
    "strategy_version",
    "timeline_event",
)


def forbid_changes() -> None:
    """What is on record stays as it was written: UPDATE and DELETE fail, whoever tries, on both databases."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
        )
    for table in APPEND_ONLY:
        if op.get_bind().dialect.name == "postgresql":
            op.execute(
                f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
                "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
            )
        else:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
                )


def _create_search() -> None:
    op.create_table(
        "customer_name",
        sa.Column(
            "term",
            sa.String(80).with_variant(sa.String(80, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("customer_id", BigId, nullable=False),
        sa.PrimaryKeyConstraint("term", "customer_id", name=op.f("pk_customer_name")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "timeline_word",
        sa.Column(
            "word",
            sa.String(24).with_variant(sa.String(24, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("event_id", BigId, nullable=False),
        sa.PrimaryKeyConstraint("word", "event_id", name=op.f("pk_timeline_word")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_account_last4", "account", ["card_last4"])
    op.create_index("ix_customer_mobile_end", "customer", [sa.text("substr(mobile, length(mobile) - 3)")])
    op.create_index("ix_contact_point_end", "contact_point", [sa.text("substr(value, length(value) - 3)")])
    op.create_index("ix_collections_case_customer", "collections_case", ["customer_id"])


def _drop_search() -> None:
    op.drop_index("ix_collections_case_customer", "collections_case")
    op.drop_index("ix_contact_point_end", "contact_point")
    op.drop_index("ix_customer_mobile_end", "customer")
    op.drop_index("ix_account_last4", "account")
    op.drop_table("timeline_word")
    op.drop_table("customer_name")


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "day_failed",
                "invariant",
                "tick_failed",
                name="alertkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("subject", sa.String(length=120), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("times", sa.Integer(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.create_index(
            "uq_alert_open",
            ["kind", "subject"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "staff_user",
        sa.Column("id", BigId, nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("display_name", sa.String(length=120), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "agent",
                "manager",
                "legal",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("password_temporary", sa.Boolean(), nullable=False),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("single_keys", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column(
            "theme",
            sa.Enum(
                "system",
                "light",
                "dark",
                name="theme",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            server_default="system",
            nullable=False,
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_user")),
        sa.UniqueConstraint("username", name=op.f("uq_staff_user_username")),
    )
    op.create_table(
        "api_token",
        sa.Column("id", BigId, nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "agent",
                "manager",
                "legal",
                "admin",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("token_hash", sa.String(length=64), nullable=False),
        sa.Column("prefix", sa.String(length=12), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("created_by", sa.String(length=120), nullable=False),
        sa.Column("owner_id", BigId, nullable=True),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.Column("last_used_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["owner_id"], ["staff_user.id"], name=op.f("fk_api_token_owner_id_staff_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_token")),
        sa.UniqueConstraint("name", name=op.f("uq_api_token_name")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_api_token_token_hash")),
    )
    op.create_table(
        "channel_stop",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "destination",
            sa.Enum(
                "sms",
                "email",
                "post",
                "legal_desk",
                name="destination",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_stop")),
    )
    with op.batch_alter_table("channel_stop", schema=None) as batch_op:
        batch_op.create_index(
            "uq_channel_stop_now",
            ["destination"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "decision_facts",
        sa.Column("event_id", BigId, nullable=False),
        sa.Column("pack", sa.String(length=400), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("event_id", name=op.f("pk_decision_facts")),
    )
    with op.batch_alter_table("decision_facts", schema=None) as batch_op:
        batch_op.create_index("ix_decision_facts_at", ["at"], unique=False)

    op.create_table(
        "document_content",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_document_content")),
    )
    op.create_table(
        "heartbeat",
        sa.Column("worker", sa.String(length=80), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("worker", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "inbound_message",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "sms", "page", name="inboundsource", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("provider_ref", sa.String(length=120), nullable=False),
        sa.Column("sender", sa.String(length=40), nullable=False),
        sa.Column("recipient", sa.String(length=40), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("media", sa.Integer(), nullable=False),
        sa.Column("intents", sa.String(length=300), nullable=False),
        sa.Column("matched", sa.String(length=600), nullable=False),
        sa.Column("keyword", sa.Boolean(), nullable=False),
        sa.Column("provider_said", sa.String(length=10), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("interpreted_at", UtcDateTime(), nullable=True),
        sa.Column("reviewed_at", UtcDateTime(), nullable=True),
        sa.Column("reviewed_by", sa.String(length=120), nullable=False),
        sa.Column(
            "outcome",
            sa.Enum(
                "automatic",
                "stopped",
                "stands",
                "lifted",
                "done",
                name="reviewoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_message")),
        sa.UniqueConstraint("provider_ref", name=op.f("uq_inbound_message_provider_ref")),
    )
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.create_index(
            "ix_inbound_message_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("reviewed_at IS NULL"),
            postgresql_where=sa.text("reviewed_at IS NULL"),
        )
        batch_op.create_index("ix_inbound_message_sender", ["sender"], unique=False)
        batch_op.create_index(
            "ix_inbound_message_unread",
            ["id"],
            unique=False,
            sqlite_where=sa.text("interpreted_at IS NULL"),
            postgresql_where=sa.text("interpreted_at IS NULL"),
        )

    op.create_table(
        "login_attempt",
        sa.Column("id", BigId, nullable=False),
        sa.Column("username_digest", sa.String(length=64), nullable=False),
        sa.Column("client", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("ok", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_attempt")),
    )
    with op.batch_alter_table("login_attempt", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_attempt_at"), ["at"], unique=False)
        batch_op.create_index("ix_login_attempt_client_at", ["client", "at"], unique=False)
        batch_op.create_index("ix_login_attempt_username_at", ["username_digest", "at"], unique=False)

    op.create_table(
        "policy_pack_version",
        sa.Column("label", sa.String(length=400), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_used_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("label", name=op.f("pk_policy_pack_version")),
    )
    op.create_table(
        "portfolio",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("creditor", sa.String(length=120), nullable=False),
        sa.Column(
            "collector",
            sa.Enum(
                "first_party",
                "third_party",
                name="collectorkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("agency", sa.String(length=120), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column("pack", sa.String(length=40), nullable=False),
        sa.Column("tightening", sa.Text(), nullable=False),
        sa.Column("strategy", sa.String(length=40), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "ledger",
                "reported",
                name="delinquencysource",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("bucket_edges", sa.String(length=120), nullable=False),
        sa.Column("contact_phone", sa.String(length=40), nullable=False),
        sa.Column("contact_email", sa.String(length=120), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("agent_max_instalments", sa.Integer(), nullable=False),
        sa.Column("agent_max_discount_percent", sa.Integer(), nullable=False),
        sa.Column("manager_max_discount_percent", sa.Integer(), server_default="50", nullable=False),
        sa.Column("agent_waive_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("agent_lowers_rate", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("promise_days", sa.Integer(), server_default="60", nullable=False),
        sa.Column("settlement_days", sa.Integer(), server_default="90", nullable=False),
        sa.Column("settlement_payments", sa.Integer(), server_default="3", nullable=False),
        sa.Column("plan_months", sa.Integer(), server_default="60", nullable=False),
        sa.Column("first_within_days", sa.Integer(), server_default="90", nullable=False),
        sa.Column("offer_days", sa.Integer(), server_default="90", nullable=False),
        sa.Column("lowest_apr_millionths", sa.Integer(), server_default="0", nullable=False),
        sa.Column("tolerance_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("moves_a_month", sa.Integer(), server_default="1", nullable=False),
        sa.Column("move_days", sa.Integer(), server_default="14", nullable=False),
        sa.Column("plan_skips", sa.Integer(), server_default="1", nullable=False),
        sa.Column("legal_after_days", sa.Integer(), nullable=False),
        sa.Column("legal_min_minor", sa.BigInteger(), nullable=False),
        sa.Column("legal_letter_days", sa.Integer(), server_default="14", nullable=False),
        sa.Column("charge_off_days", sa.Integer(), nullable=False),
        sa.Column("dormant_after_days", sa.Integer(), nullable=False),
        sa.Column("waive_limit_minor", sa.BigInteger(), nullable=False),
        sa.Column("accrues", sa.Boolean(), nullable=False),
        sa.Column("day_count", sa.Integer(), nullable=False),
        sa.Column("late_fee_minor", sa.BigInteger(), nullable=False),
        sa.Column("prepayments_count", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("small_debt_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("remind_days", sa.Integer(), server_default="3", nullable=False),
        sa.Column("remind_post_days", sa.Integer(), server_default="7", nullable=False),
        sa.Column("remind_today", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("remind_grace_days", sa.Integer(), server_default="1", nullable=False),
        sa.Column("payee", sa.String(length=70), server_default="", nullable=False),
        sa.Column("payee_iban", sa.String(length=34), server_default="", nullable=False),
        sa.Column("payee_bic", sa.String(length=11), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portfolio")),
        sa.UniqueConstraint("code", name=op.f("uq_portfolio_code")),
    )
    op.create_table(
        "sending_pace",
        sa.Column("line", sa.String(length=160), nullable=False),
        sa.Column("caught_up_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("line", name=op.f("pk_sending_pace")),
    )
    op.create_table(
        "saved_view",
        sa.Column("id", BigId, nullable=False),
        sa.Column("owner", sa.String(length=120), nullable=False),
        sa.Column("name", sa.String(length=60), nullable=False),
        sa.Column("query", sa.String(length=700), nullable=False),
        sa.Column("is_default", sa.Boolean(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_view")),
        sa.UniqueConstraint("owner", "name", name=op.f("uq_saved_view_owner_name")),
    )
    op.create_table(
        "sent_form",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_sent_form")),
    )
    with op.batch_alter_table("sent_form", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sent_form_created_at"), ["created_at"], unique=False)

    op.create_table(
        "suppressed_address",
        sa.Column("id", BigId, nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "sms",
                "email",
                "post",
                "call",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("spelt", sa.String(length=254), nullable=False),
        sa.Column(
            "reason",
            sa.Enum(
                "bounced",
                "keeps_bouncing",
                "complaint",
                "refused",
                "manual",
                name="suppression",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("detail", sa.String(length=300), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.Column("ended_why", sa.String(length=300), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_suppressed_address")),
    )
    with op.batch_alter_table("suppressed_address", schema=None) as batch_op:
        batch_op.create_index(
            "ux_suppressed_address",
            ["address"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "timeline_head",
        sa.Column("stream", sa.String(length=60), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("stream", name=op.f("pk_timeline_head")),
    )
    op.create_table(
        "timeline_kind",
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.PrimaryKeyConstraint("kind", name=op.f("pk_timeline_kind")),
    )
    op.create_table(
        "alert_notice",
        sa.Column("id", BigId, nullable=False),
        sa.Column("alert_id", BigId, nullable=False),
        sa.Column("messenger", sa.String(length=20), nullable=False),
        sa.Column(
            "about",
            sa.Enum(
                "opened",
                "still_open",
                "ended",
                name="about",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["alert_id"], ["alert.id"], name=op.f("fk_alert_notice_alert_id_alert")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert_notice")),
    )
    with op.batch_alter_table("alert_notice", schema=None) as batch_op:
        batch_op.create_index("ix_alert_notice_alert", ["alert_id", "messenger"], unique=False)

    op.create_table(
        "api_idempotency",
        sa.Column("token_id", BigId, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("content_type", sa.String(length=120), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["token_id"], ["api_token.id"], name=op.f("fk_api_idempotency_token_id_api_token")
        ),
        sa.PrimaryKeyConstraint("token_id", "key", name=op.f("pk_api_idempotency")),
    )
    with op.batch_alter_table("api_idempotency", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_api_idempotency_created_at"), ["created_at"], unique=False)

    op.create_table(
        "bank_transaction",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("message", sa.String(length=40), nullable=False),
        sa.Column("page", sa.String(length=40), nullable=False),
        sa.Column("nth", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("bank_reference", sa.String(length=80), nullable=False),
        sa.Column("end_to_end", sa.String(length=80), nullable=False),
        sa.Column("payer_key", sa.String(length=64), nullable=False),
        sa.Column("told", sa.String(length=32), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_bank_transaction_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bank_transaction")),
        sa.UniqueConstraint(
            "portfolio_id",
            "key",
            "message",
            "page",
            "nth",
            name=op.f("uq_bank_transaction_portfolio_id_key_message_page_nth"),
        ),
    )
    with op.batch_alter_table("bank_transaction", schema=None) as batch_op:
        batch_op.create_index(
            "ix_bank_transaction_bank_reference", ["portfolio_id", "bank_reference"], unique=False
        )
        batch_op.create_index("ix_bank_transaction_end_to_end", ["portfolio_id", "end_to_end"], unique=False)
        batch_op.create_index("ix_bank_transaction_reference", ["portfolio_id", "reference"], unique=False)

    op.create_table(
        "customer",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("full_name", sa.String(length=200), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column("region", sa.String(length=60), nullable=False),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column("address_line1", sa.String(length=200), nullable=False),
        sa.Column("address_line2", sa.String(length=200), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("postcode", sa.String(length=20), nullable=False),
        sa.Column("mobile", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("language_chosen", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("link_number", sa.Integer(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_customer_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_customer")),
        sa.UniqueConstraint("portfolio_id", "reference", name=op.f("uq_customer_portfolio_id_reference")),
    )
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.create_index("ix_customer_email", [sa.text("lower(email)")], unique=False)
        batch_op.create_index("ix_customer_mobile", ["mobile"], unique=False)

    op.create_table(
        "daily_run",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("restated_from", sa.Date(), nullable=True),
        sa.Column("stages", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_daily_run_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_daily_run")),
        sa.UniqueConstraint(
            "portfolio_id", "business_date", name=op.f("uq_daily_run_portfolio_id_business_date")
        ),
    )
    op.create_table(
        "feed_load",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "accounts",
                "statements",
                "transactions",
                "payments",
                "positions",
                "contacts",
                "camt054",
                name="feedkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("file_name", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("loaded", sa.Integer(), nullable=False),
        sa.Column("updated", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("conflicts", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("rows_done", sa.Integer(), nullable=False),
        sa.Column("bytes_done", sa.BigInteger(), nullable=False),
        sa.Column("bytes_total", sa.BigInteger(), nullable=False),
        sa.Column("stored_path", sa.String(length=500), nullable=False),
        sa.Column("mapping", sa.String(length=80), nullable=False),
        sa.Column("rejects_file", sa.String(length=500), nullable=False),
        sa.Column("warned", sa.Integer(), server_default="0", nullable=False),
        sa.Column("warnings_file", sa.String(length=500), server_default="", nullable=False),
        sa.Column("notes", sa.Text(), server_default="", nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_feed_load_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_feed_load")),
    )
    op.create_table(
        "kpi_snapshot",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column("kpi", sa.String(length=60), nullable=False),
        sa.Column("dimension", sa.String(length=30), nullable=False),
        sa.Column("member", sa.String(length=60), nullable=False),
        sa.Column("definition", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("numerator", sa.BigInteger(), nullable=False),
        sa.Column("denominator", sa.BigInteger(), nullable=False),
        sa.Column("computed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_kpi_snapshot_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_kpi_snapshot")),
        sa.UniqueConstraint(
            "portfolio_id",
            "business_date",
            "kpi",
            "dimension",
            "member",
            "version",
            name="uq_kpi_snapshot_version",
        ),
    )
    op.create_table(
        "print_batch",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("printed_on", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "making",
                "publishing",
                "published",
                "abandoned",
                "lost",
                name="batchstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("lease_until", UtcDateTime(), nullable=False),
        sa.Column("letters", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column(
            "handoff_status",
            sa.Enum(
                "none",
                "waiting",
                "uploaded",
                "dropped",
                name="handoffstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("handoff_error", sa.String(length=500), nullable=False),
        sa.Column("handed_off_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_print_batch_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_print_batch")),
    )
    with op.batch_alter_table("print_batch", schema=None) as batch_op:
        batch_op.create_index(
            "uq_print_batch_day",
            ["portfolio_id", "printed_on"],
            unique=True,
            sqlite_where=sa.text("status IN ('making', 'publishing', 'published')"),
            postgresql_where=sa.text("status IN ('making', 'publishing', 'published')"),
        )

    op.create_table(
        "simulation_run",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("candidate", sa.String(length=60), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "running",
                "done",
                "failed",
                name="runstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("failure", sa.String(length=500), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("contacts", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_simulation_run_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_simulation_run")),
    )
    with op.batch_alter_table("simulation_run", schema=None) as batch_op:
        batch_op.create_index("ix_simulation_run_portfolio", ["portfolio_id", "id"], unique=False)

    op.create_table(
        "staff_session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("csrf_token", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("last_seen_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["user_id"], ["staff_user.id"], name=op.f("fk_staff_session_user_id_staff_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_session")),
    )
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_staff_session_expires_at"), ["expires_at"], unique=False)
        batch_op.create_index(batch_op.f("ix_staff_session_user_id"), ["user_id"], unique=False)

    op.create_table(
        "risk_model_version",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("through", sa.Date(), nullable=False),
        sa.Column("is_used", sa.Boolean(), nullable=False),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column("breaks", sa.Integer(), nullable=False),
        sa.Column("trials", sa.Integer(), nullable=False),
        sa.Column("ended", sa.Integer(), nullable=False),
        sa.Column("first_breaks", sa.Integer(), nullable=False),
        sa.Column("first_trials", sa.Integer(), nullable=False),
        sa.Column("later_days", sa.Integer(), nullable=False),
        sa.Column("scorecard", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("trained_at", UtcDateTime(), nullable=False),
        sa.Column("trained_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_risk_model_version_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_risk_model_version")),
        sa.UniqueConstraint("portfolio_id", "version", name="uq_risk_model_version"),
    )
    op.create_table(
        "result_code_version",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("reverts_to", sa.Integer(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_result_code_version_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_result_code_version")),
        sa.UniqueConstraint(
            "portfolio_id", "number", name=op.f("uq_result_code_version_portfolio_id_number")
        ),
    )
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
        "timeline_event",
        sa.Column("id", BigId, nullable=False),
        sa.Column("stream", sa.String(length=60), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("customer_id", BigId, nullable=True),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column(
            "channel",
            sa.Enum(
                "sms",
                "email",
                "post",
                "call",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("data", sa.Text(), nullable=False),
        sa.Column("prev_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["kind"], ["timeline_kind.kind"], name=op.f("fk_timeline_event_kind_timeline_kind")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timeline_event")),
        sa.UniqueConstraint("stream", "seq", name=op.f("uq_timeline_event_stream_seq")),
    )
    with op.batch_alter_table("timeline_event", schema=None) as batch_op:
        batch_op.create_index("ix_timeline_event_case", ["case_id", "id"], unique=False)
        batch_op.create_index(
            "ix_timeline_event_customer_kind_at", ["customer_id", "kind", "at"], unique=False
        )
        batch_op.create_index("ix_timeline_event_kind_at", ["kind", "at"], unique=False)

    op.create_table(
        "account",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("card_last4", sa.String(length=4), nullable=False),
        sa.Column("product", sa.String(length=60), nullable=False),
        sa.Column("credit_limit_minor", sa.BigInteger(), nullable=False),
        sa.Column("apr_millionths", sa.Integer(), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("placed_on", sa.Date(), nullable=True),
        sa.Column(
            "status",
            sa.Enum(
                "active",
                "charged_off",
                "settled",
                "paid",
                "closed",
                "sold",
                "dormant",
                name="accountstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.CheckConstraint("length(card_last4) = 4", name=op.f("ck_account_last4")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_account_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_account_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("portfolio_id", "reference", name=op.f("uq_account_portfolio_id_reference")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index("ix_account_customer", ["customer_id"], unique=False)
        batch_op.create_index(
            "ix_account_ended",
            ["portfolio_id"],
            unique=False,
            sqlite_where=sa.text("ended_on IS NOT NULL"),
            postgresql_where=sa.text("ended_on IS NOT NULL"),
        )

    op.create_table(
        "collections_case",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "open", "closed", name="casestatus", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            sa.Enum(
                "cured",
                "paid",
                "settled",
                "written_off",
                name="caseoutcome",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("owner", sa.String(length=60), nullable=False),
        sa.Column("opened_on", sa.Date(), nullable=False),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("oldest_due_on", sa.Date(), nullable=True),
        sa.Column("now_past_due_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("now_balance_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("now_oldest_due_on", sa.Date(), nullable=True),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("broken_promises", sa.Integer(), nullable=False),
        sa.Column("callback_at", UtcDateTime(), nullable=True),
        sa.Column("step_day", sa.Integer(), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("with_legal_since", UtcDateTime(), nullable=True),
        sa.Column("next_contact_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_collections_case_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_collections_case_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_collections_case")),
    )
    with op.batch_alter_table("collections_case", schema=None) as batch_op:
        batch_op.create_index(
            "ix_collections_case_callback",
            ["portfolio_id", "callback_at"],
            unique=False,
            sqlite_where=sa.text("callback_at IS NOT NULL"),
            postgresql_where=sa.text("callback_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_collections_case_contact", ["portfolio_id", "status", "next_contact_on"], unique=False
        )
        batch_op.create_index("ix_collections_case_owner", ["owner", "status"], unique=False)
        batch_op.create_index(
            "ix_collections_case_owner_callback",
            ["owner", "callback_at"],
            unique=False,
            sqlite_where=sa.text("callback_at IS NOT NULL"),
            postgresql_where=sa.text("callback_at IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_collections_case_priority", ["portfolio_id", "status", "priority"], unique=False
        )
        batch_op.create_index(
            "ix_collections_case_with_legal",
            ["customer_id"],
            unique=False,
            sqlite_where=sa.text("with_legal_since IS NOT NULL"),
            postgresql_where=sa.text("with_legal_since IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_collections_case_open",
            ["customer_id"],
            unique=True,
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        )

    op.create_table(
        "consent",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column(
            "channel",
            sa.Enum(
                "sms",
                "email",
                "post",
                "call",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("allowed", sa.Boolean(), nullable=False),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_consent_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_consent")),
        sa.UniqueConstraint("customer_id", "channel", name=op.f("uq_consent_customer_id_channel")),
    )
    op.create_table(
        "contact_correction",
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("field", sa.String(length=30), nullable=False),
        sa.Column("fed", sa.String(length=254), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_contact_correction_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("customer_id", "field", name=op.f("pk_contact_correction")),
    )
    op.create_table(
        "contact_point",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "phone",
                "email",
                "address",
                name="pointkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "type",
            sa.Enum(
                "mobile",
                "home",
                "work",
                "other",
                name="pointtype",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("value", sa.String(length=600), nullable=False),
        sa.Column("address_line1", sa.String(length=200), nullable=False),
        sa.Column("address_line2", sa.String(length=200), nullable=False),
        sa.Column("city", sa.String(length=100), nullable=False),
        sa.Column("region", sa.String(length=60), nullable=False),
        sa.Column("postcode", sa.String(length=20), nullable=False),
        sa.Column("country", sa.String(length=2), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "usable",
                "bad",
                "unconfirmed",
                name="pointstate",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("state_by", sa.String(length=120), nullable=False),
        sa.Column("fed_state", sa.String(length=40), nullable=False),
        sa.Column("employer", sa.Boolean(), nullable=False),
        sa.Column(
            "source",
            sa.Enum(
                "customer",
                "creditor",
                "third_party",
                "public_record",
                "tracing",
                "other",
                name="pointsource",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("note", sa.String(length=120), nullable=False),
        sa.Column("noted_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.Column("end_reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_contact_point_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_point")),
    )
    with op.batch_alter_table("contact_point", schema=None) as batch_op:
        batch_op.create_index("ix_contact_point_customer", ["customer_id"], unique=False)
        batch_op.create_index("ix_contact_point_value", ["value"], unique=False)
        batch_op.create_index(
            "ux_contact_point",
            ["customer_id", "kind", "value"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "contact_preference",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "inconvenient_time",
                "inconvenient_place",
                "workplace",
                "timezone",
                name="preferencekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "channel",
            sa.Enum(
                "sms",
                "email",
                "post",
                "call",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("weekdays", sa.String(length=20), nullable=False),
        sa.Column("start_minute", sa.Integer(), nullable=False),
        sa.Column("end_minute", sa.Integer(), nullable=False),
        sa.Column("address", sa.String(length=600), nullable=False),
        sa.Column("timezone", sa.String(length=60), nullable=False),
        sa.Column("until", sa.Date(), nullable=True),
        sa.Column("source", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint(
            "start_minute >= 0 AND start_minute < end_minute AND end_minute <= 1440",
            name=op.f("ck_contact_preference_span_in_a_day"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_contact_preference_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_preference")),
    )
    with op.batch_alter_table("contact_preference", schema=None) as batch_op:
        batch_op.create_index("ix_contact_preference_customer", ["customer_id", "ended_at"], unique=False)

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
        "account_state",
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("folded_through", sa.Date(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("oldest_due_on", sa.Date(), nullable=True),
        sa.Column("bucket", sa.String(length=20), nullable=False),
        sa.Column("dues", sa.Text(), nullable=False),
        sa.Column("minimums", sa.Text(), nullable=False),
        sa.Column("wake_on", sa.Date(), nullable=True),
        sa.Column("prepaid_minor", sa.BigInteger(), server_default="0", nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_account_state_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_account_state_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_account_state")),
    )
    with op.batch_alter_table("account_state", schema=None) as batch_op:
        batch_op.create_index("ix_account_state_oldest", ["portfolio_id", "oldest_due_on"], unique=False)
        batch_op.create_index("ix_account_state_wake", ["portfolio_id", "wake_on"], unique=False)

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
        "bundle",
        sa.Column("id", BigId, nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("incomplete_reason", sa.String(length=500), nullable=False),
        sa.Column("excuses", sa.Text(), server_default="[]", nullable=False),
        sa.Column("owed_minor", sa.BigInteger(), nullable=True),
        sa.Column("supersedes", sa.String(length=60), nullable=False),
        sa.Column("built_by", sa.String(length=120), nullable=False),
        sa.Column("built_at", UtcDateTime(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_bundle_case_id_collections_case")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bundle")),
        sa.UniqueConstraint("reference", name=op.f("uq_bundle_reference")),
    )
    with op.batch_alter_table("bundle", schema=None) as batch_op:
        batch_op.create_index("ix_bundle_case", ["case_id"], unique=False)

    op.create_table(
        "case_document",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "agreement",
                "assignment",
                "statement",
                "letter_of_claim",
                "default_notice",
                "validation_notice",
                "payment_demand",
                "correspondence",
                "other",
                name="documentkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("media_type", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("description", sa.String(length=300), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=False),
        sa.Column("uploaded_at", UtcDateTime(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=120), nullable=False),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("withdrawn_by", sa.String(length=120), nullable=False),
        sa.Column("withdrawn_why", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_case_document_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_case_document_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["sha256"], ["document_content.sha256"], name=op.f("fk_case_document_sha256_document_content")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_document")),
    )
    with op.batch_alter_table("case_document", schema=None) as batch_op:
        batch_op.create_index("ix_case_document_customer", ["customer_id"], unique=False)

    op.create_table(
        "third_party",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "attorney",
                "executor",
                "adviser",
                "family",
                "interpreter",
                "carer",
                "employer",
                name="partykind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("organisation", sa.String(length=200), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("address", sa.String(length=400), nullable=False),
        sa.Column(
            "may_be_told",
            sa.Enum(
                "nothing",
                "limited",
                "everything",
                name="maybetold",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("authority_from", sa.Date(), nullable=True),
        sa.Column("authority_until", sa.Date(), nullable=True),
        sa.Column("document_id", BigId, nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.Column("end_reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_third_party_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["case_document.id"], name=op.f("fk_third_party_document_id_case_document")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_third_party")),
    )
    with op.batch_alter_table("third_party", schema=None) as batch_op:
        batch_op.create_index("ix_third_party_customer", ["customer_id", "ended_at"], unique=False)
        batch_op.create_index("ix_third_party_phone", ["phone"], unique=False)

    op.create_table(
        "case_hold",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "dispute",
                "hardship",
                "complaint",
                "bankruptcy",
                "deceased",
                "attorney",
                "cease_contact",
                "military",
                "breathing_space",
                "fraud",
                "vulnerable",
                "payment_claimed",
                "manual",
                name="holdkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("until", sa.Date(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.Column("end_reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column("review_raised_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_case_hold_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_case_hold_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_hold")),
    )
    with op.batch_alter_table("case_hold", schema=None) as batch_op:
        batch_op.create_index("ix_case_hold_customer", ["customer_id", "ended_at"], unique=False)
        batch_op.create_index(
            "ix_case_hold_open",
            ["customer_id"],
            unique=False,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "payment_claim",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("hold_id", BigId, nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("method", sa.String(length=40), nullable=False),
        sa.Column("claimed_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("found_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_payment_claim_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_payment_claim_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["case_hold.id"], name=op.f("fk_payment_claim_hold_id_case_hold")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_payment_claim_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_payment_claim")),
    )
    with op.batch_alter_table("payment_claim", schema=None) as batch_op:
        batch_op.create_index("ix_payment_claim_customer", ["customer_id"], unique=False)
        batch_op.create_index(
            "ix_payment_claim_open",
            ["portfolio_id"],
            unique=False,
            sqlite_where=sa.text("found_at IS NULL"),
            postgresql_where=sa.text("found_at IS NULL"),
        )

    op.create_table(
        "inbound_match",
        sa.Column("id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=True),
        sa.Column("preference_id", BigId, nullable=True),
        sa.Column("hold_id", BigId, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_inbound_match_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_inbound_match_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["inbound_message.id"], name=op.f("fk_inbound_match_message_id_inbound_message")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_inbound_match")),
        sa.UniqueConstraint(
            "message_id", "customer_id", name=op.f("uq_inbound_match_message_id_customer_id")
        ),
    )
    with op.batch_alter_table("inbound_match", schema=None) as batch_op:
        batch_op.create_index("ix_inbound_match_case", ["case_id"], unique=False)
        batch_op.create_index("ix_inbound_match_customer", ["customer_id"], unique=False)

    op.create_table(
        "ledger_change",
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("earliest_on", sa.Date(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_ledger_change_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_ledger_change_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_ledger_change")),
    )
    with op.batch_alter_table("ledger_change", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_ledger_change_portfolio_id"), ["portfolio_id"], unique=False)

    op.create_table(
        "ledger_entry",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "opening_balance",
                "purchase",
                "cash_advance",
                "interest",
                "fee",
                "payment",
                "refund",
                "credit",
                "adjustment",
                "reversal",
                "write_off",
                "recovery",
                name="entrykind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("reference", sa.String(length=80), nullable=False),
        sa.Column("source", sa.String(length=60), nullable=False),
        sa.Column("description", sa.String(length=200), nullable=False),
        sa.Column("reverses_id", BigId, nullable=True),
        sa.Column("reinstates_id", BigId, nullable=True),
        sa.Column(
            "ended_as",
            sa.Enum(
                "active",
                "charged_off",
                "settled",
                "paid",
                "closed",
                "sold",
                "dormant",
                name="accountstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_ledger_entry_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_ledger_entry_portfolio_id_portfolio")
        ),
        sa.ForeignKeyConstraint(
            ["reinstates_id"], ["ledger_entry.id"], name=op.f("fk_ledger_entry_reinstates_id_ledger_entry")
        ),
        sa.ForeignKeyConstraint(
            ["reverses_id"], ["ledger_entry.id"], name=op.f("fk_ledger_entry_reverses_id_ledger_entry")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledger_entry")),
        sa.UniqueConstraint("portfolio_id", "reference", name=op.f("uq_ledger_entry_portfolio_id_reference")),
        sa.UniqueConstraint("reverses_id", name=op.f("uq_ledger_entry_reverses_id")),
    )
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.create_index("ix_ledger_entry_account", ["account_id", "effective_on"], unique=False)
        batch_op.create_index(
            "ix_ledger_entry_day",
            ["portfolio_id", "effective_on", "account_id", "amount_minor"],
            unique=False,
        )

    op.create_table(
        "past_due_movement",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "fell_past_due",
                "paid",
                "adjusted",
                name="movementkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_past_due_movement_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_past_due_movement_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_due_movement")),
    )
    with op.batch_alter_table("past_due_movement", schema=None) as batch_op:
        batch_op.create_index("ix_past_due_movement_account", ["account_id", "on"], unique=False)
        batch_op.create_index(
            "ix_past_due_movement_day", ["portfolio_id", "on", "kind", "amount_minor"], unique=False
        )

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
        "plan",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "promise",
                "instalments",
                "settlement",
                "hardship",
                name="plankind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "draft",
                "offered",
                "accepted",
                "active",
                "kept",
                "broken",
                "cancelled",
                name="planstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("total_minor", sa.BigInteger(), nullable=False),
        sa.Column("offered_at", UtcDateTime(), nullable=False),
        sa.Column("offered_by", sa.String(length=120), nullable=False),
        sa.Column("offer_until", sa.Date(), nullable=True),
        sa.Column("accepted_on", sa.Date(), nullable=True),
        sa.Column("assess_on", sa.Date(), nullable=True),
        sa.Column("ended_on", sa.Date(), nullable=True),
        sa.Column("broken_instalment", sa.Integer(), nullable=True),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.Column(
            "cadence",
            sa.Enum(
                "once",
                "weekly",
                "fortnightly",
                "four_weekly",
                "monthly",
                "custom",
                name="cadence",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("apr_millionths", sa.Integer(), nullable=True),
        sa.Column("waived_fees_minor", sa.BigInteger(), nullable=False),
        sa.Column("re_age", sa.Boolean(), nullable=False),
        sa.Column("grace_days", sa.Integer(), nullable=False),
        sa.Column("tolerance_minor", sa.BigInteger(), nullable=False),
        sa.Column("skips_allowed", sa.Integer(), nullable=False),
        sa.Column("agreed_with_id", BigId, nullable=True),
        sa.Column(
            "acceptance",
            sa.Enum(
                "phone",
                "writing",
                "page",
                "payment",
                name="acceptance",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("acceptance_words", sa.String(length=500), nullable=False),
        sa.Column("supersedes_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["agreed_with_id"], ["third_party.id"], name=op.f("fk_plan_agreed_with_id_third_party")
        ),
        sa.ForeignKeyConstraint(["supersedes_id"], ["plan.id"], name=op.f("fk_plan_supersedes_id_plan")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_plan_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(["customer_id"], ["customer.id"], name=op.f("fk_plan_customer_id_customer")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_plan_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
    )
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.create_index("ix_plan_assess", ["portfolio_id", "status", "assess_on"], unique=False)
        batch_op.create_index("ix_plan_case", ["case_id"], unique=False)
        batch_op.create_index("ix_plan_ended", ["portfolio_id", "status", "ended_on"], unique=False)
        batch_op.create_index(
            "uq_plan_live",
            ["case_id"],
            unique=True,
            sqlite_where=sa.text("status IN ('accepted', 'active')"),
            postgresql_where=sa.text("status IN ('accepted', 'active')"),
        )

    op.create_table(
        "contact",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("plan_id", BigId, nullable=True),
        sa.Column("hold_id", BigId, nullable=True),
        sa.Column("instalment", sa.Integer(), nullable=True),
        sa.Column(
            "channel",
            sa.Enum(
                "sms",
                "email",
                "post",
                "call",
                name="channel",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "purpose",
            sa.Enum(
                "reminder",
                "confirmation",
                "notice",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("letter", sa.String(length=60), nullable=False),
        sa.Column("decision_id", BigId, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_contact_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(["hold_id"], ["case_hold.id"], name=op.f("fk_contact_hold_id_case_hold")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_contact_plan_id_plan")),
        sa.ForeignKeyConstraint(
            ["decision_id"], ["timeline_event.id"], name=op.f("fk_contact_decision_id_timeline_event")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
    )
    with op.batch_alter_table("contact", schema=None) as batch_op:
        batch_op.create_index(
            "uq_contact_step",
            ["case_id", "step", "occurrence", "channel"],
            unique=True,
            sqlite_where=sa.text("plan_id IS NULL AND hold_id IS NULL"),
            postgresql_where=sa.text("plan_id IS NULL AND hold_id IS NULL"),
        )
        batch_op.create_index(
            "uq_contact_plan",
            ["plan_id", "step", "channel"],
            unique=True,
            sqlite_where=sa.text("plan_id IS NOT NULL AND instalment IS NULL"),
            postgresql_where=sa.text("plan_id IS NOT NULL AND instalment IS NULL"),
        )
        batch_op.create_index(
            "uq_contact_instalment",
            ["plan_id", "instalment", "step", "occurrence", "channel"],
            unique=True,
            sqlite_where=sa.text("instalment IS NOT NULL"),
            postgresql_where=sa.text("instalment IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_contact_hold",
            ["hold_id", "step", "channel"],
            unique=True,
            sqlite_where=sa.text("hold_id IS NOT NULL"),
            postgresql_where=sa.text("hold_id IS NOT NULL"),
        )

    op.create_table(
        "call_task",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=True),
        sa.Column("wish", sa.String(length=300), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("result", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_call_task_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(["contact_id"], ["contact.id"], name=op.f("fk_call_task_contact_id_contact")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_call_task")),
        sa.UniqueConstraint("contact_id", name=op.f("uq_call_task_contact_id")),
    )
    with op.batch_alter_table("call_task", schema=None) as batch_op:
        batch_op.create_index("ix_call_task_case", ["case_id", "done_at"], unique=False)
        batch_op.create_index(
            "ix_call_task_open",
            ["due_on", "case_id"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )

    op.create_table(
        "outbox_message",
        sa.Column("id", BigId, nullable=False),
        sa.Column("contact_id", BigId, nullable=True),
        sa.Column("instead_of_id", BigId, nullable=True),
        sa.Column(
            "destination",
            sa.Enum(
                "sms",
                "email",
                "post",
                "legal_desk",
                name="destination",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("bundle_id", BigId, nullable=True),
        sa.Column(
            "purpose",
            sa.Enum(
                "reminder",
                "confirmation",
                "notice",
                name="purpose",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("letter", sa.String(length=60), nullable=False),
        sa.Column("template_version", sa.String(length=64), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("address", sa.String(length=600), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("enclosed", sa.Text(), server_default="", nullable=False),
        sa.Column("context", sa.Text(), nullable=False),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("clearance", sa.Text(), nullable=False),
        sa.Column("business_date", sa.Date(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "queued",
                "claimed",
                "sending",
                "sent",
                "delivered",
                "undelivered",
                "bounced",
                "failed",
                "withheld",
                "unknown",
                name="outboxstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("not_after", UtcDateTime(), nullable=True),
        sa.Column("claimed_by", sa.String(length=80), nullable=False),
        sa.Column("lease_until", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempt_id", sa.String(length=40), nullable=False),
        sa.Column("attempted_at", UtcDateTime(), nullable=True),
        sa.Column("provider_ref", sa.String(length=120), nullable=False),
        sa.Column("console_only", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("error", sa.String(length=500), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("sent_at", UtcDateTime(), nullable=True),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("looked_up_at", UtcDateTime(), nullable=True),
        sa.Column("fallback_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_outbox_message_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_outbox_message_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_outbox_message_portfolio_id_portfolio")
        ),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_outbox_message_contact_id_contact")
        ),
        sa.ForeignKeyConstraint(
            ["instead_of_id"],
            ["outbox_message.id"],
            name=op.f("fk_outbox_message_instead_of_id_outbox_message"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox_message")),
        sa.UniqueConstraint("bundle_id", name=op.f("uq_outbox_message_bundle_id")),
        sa.CheckConstraint(
            "(contact_id IS NULL) <> (bundle_id IS NULL)", name=op.f("ck_outbox_message_contact_or_bundle")
        ),
    )
    with op.batch_alter_table("outbox_message", schema=None) as batch_op:
        batch_op.create_index("ix_outbox_message_case", ["case_id"], unique=False)
        batch_op.create_index("ix_outbox_message_customer", ["customer_id", "status"], unique=False)
        batch_op.create_index("ix_outbox_message_due", ["status", "not_before"], unique=False)
        batch_op.create_index(
            "ix_outbox_message_fallback",
            ["fallback_at"],
            unique=False,
            sqlite_where=sa.text("fallback_at IS NOT NULL"),
            postgresql_where=sa.text("fallback_at IS NOT NULL"),
        )
        batch_op.create_index("ix_outbox_message_provider_ref", ["provider_ref"], unique=False)
        batch_op.create_index(
            "uq_outbox_message_contact",
            ["contact_id"],
            unique=True,
            sqlite_where=sa.text("instead_of_id IS NULL"),
            postgresql_where=sa.text("instead_of_id IS NULL"),
        )
        batch_op.create_index(
            "uq_outbox_message_instead_of",
            ["instead_of_id"],
            unique=True,
            sqlite_where=sa.text("instead_of_id IS NOT NULL"),
            postgresql_where=sa.text("instead_of_id IS NOT NULL"),
        )

    op.create_table(
        "strategy_task",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("plan_id", BigId, nullable=True),
        sa.Column("hold_id", BigId, nullable=True),
        sa.Column("instalment", sa.Integer(), nullable=True),
        sa.Column("text", sa.String(length=300), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("done_by", sa.String(length=120), nullable=False),
        sa.Column("for_username", sa.String(length=64), server_default="", nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_strategy_task_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["case_hold.id"], name=op.f("fk_strategy_task_hold_id_case_hold")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_strategy_task_plan_id_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_strategy_task")),
    )
    with op.batch_alter_table("strategy_task", schema=None) as batch_op:
        batch_op.create_index("ix_strategy_task_case", ["case_id", "done_at"], unique=False)
        batch_op.create_index(
            "ix_strategy_task_open",
            ["due_on", "case_id"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )
        batch_op.create_index(
            "ix_strategy_task_person",
            ["for_username"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL AND for_username <> ''"),
            postgresql_where=sa.text("done_at IS NULL AND for_username <> ''"),
        )
        batch_op.create_index(
            "uq_strategy_task_step",
            ["case_id", "step", "occurrence"],
            unique=True,
            sqlite_where=sa.text("plan_id IS NULL AND hold_id IS NULL"),
            postgresql_where=sa.text("plan_id IS NULL AND hold_id IS NULL"),
        )
        batch_op.create_index(
            "uq_strategy_task_plan",
            ["plan_id", "step"],
            unique=True,
            sqlite_where=sa.text("plan_id IS NOT NULL AND instalment IS NULL"),
            postgresql_where=sa.text("plan_id IS NOT NULL AND instalment IS NULL"),
        )
        batch_op.create_index(
            "uq_strategy_task_instalment",
            ["plan_id", "instalment", "step", "occurrence"],
            unique=True,
            sqlite_where=sa.text("instalment IS NOT NULL"),
            postgresql_where=sa.text("instalment IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_strategy_task_hold",
            ["hold_id", "step"],
            unique=True,
            sqlite_where=sa.text("hold_id IS NOT NULL"),
            postgresql_where=sa.text("hold_id IS NOT NULL"),
        )

    op.create_table(
        "deferred_letter",
        sa.Column("id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("plan_id", BigId, nullable=True),
        sa.Column("hold_id", BigId, nullable=True),
        sa.Column("instalment", sa.Integer(), nullable=True),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("letter", sa.String(length=60), nullable=False),
        sa.Column("channel", sa.String(length=10), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_deferred_letter_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["hold_id"], ["case_hold.id"], name=op.f("fk_deferred_letter_hold_id_case_hold")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_deferred_letter_plan_id_plan")),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_deferred_letter_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_deferred_letter_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deferred_letter")),
    )
    with op.batch_alter_table("deferred_letter", schema=None) as batch_op:
        batch_op.create_index("ix_deferred_letter_until", ["portfolio_id", "until"], unique=False)
        batch_op.create_index(
            "uq_deferred_letter_step",
            ["case_id", "step", "occurrence", "channel"],
            unique=True,
            sqlite_where=sa.text("plan_id IS NULL AND hold_id IS NULL"),
            postgresql_where=sa.text("plan_id IS NULL AND hold_id IS NULL"),
        )
        batch_op.create_index(
            "uq_deferred_letter_plan",
            ["plan_id", "step", "channel"],
            unique=True,
            sqlite_where=sa.text("plan_id IS NOT NULL AND instalment IS NULL"),
            postgresql_where=sa.text("plan_id IS NOT NULL AND instalment IS NULL"),
        )
        batch_op.create_index(
            "uq_deferred_letter_instalment",
            ["plan_id", "instalment", "step", "occurrence", "channel"],
            unique=True,
            sqlite_where=sa.text("instalment IS NOT NULL"),
            postgresql_where=sa.text("instalment IS NOT NULL"),
        )
        batch_op.create_index(
            "uq_deferred_letter_hold",
            ["hold_id", "step", "channel"],
            unique=True,
            sqlite_where=sa.text("hold_id IS NOT NULL"),
            postgresql_where=sa.text("hold_id IS NOT NULL"),
        )

    op.create_table(
        "inbound_answer",
        sa.Column("contact_id", BigId, nullable=False),
        sa.Column("message_id", BigId, nullable=False),
        sa.Column("words_sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["contact_id"], ["contact.id"], name=op.f("fk_inbound_answer_contact_id_contact")
        ),
        sa.ForeignKeyConstraint(
            ["message_id"], ["inbound_message.id"], name=op.f("fk_inbound_answer_message_id_inbound_message")
        ),
        sa.PrimaryKeyConstraint("contact_id", name=op.f("pk_inbound_answer")),
        sa.UniqueConstraint(
            "message_id", "words_sha256", name=op.f("uq_inbound_answer_message_id_words_sha256")
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
        "referral",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "nominated",
                "approved",
                "declined",
                "delivered",
                name="referralstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("nominated_by", sa.String(length=120), nullable=False),
        sa.Column("nominated_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decision_reason", sa.String(length=500), server_default="", nullable=False),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_referral_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_referral_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_referral")),
    )
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.create_index("ix_referral_case", ["case_id"], unique=False)
        batch_op.create_index(
            "uq_referral_open",
            ["case_id"],
            unique=True,
            sqlite_where=sa.text("status <> 'declined'"),
            postgresql_where=sa.text("status <> 'declined'"),
        )

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
    with op.batch_alter_table("replaced_statement", schema=None) as batch_op:
        batch_op.create_index("ix_replaced_statement_account", ["account_id"], unique=False)
        batch_op.create_index("ix_replaced_statement_portfolio", ["portfolio_id", "reference"], unique=False)

    op.create_table(
        "reported_change",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column(
            "what",
            sa.Enum(
                "holder", "status", name="reportedwhat", native_enum=False, create_constraint=True, length=40
            ),
            nullable=False,
        ),
        sa.Column("value", sa.String(length=60), nullable=False),
        sa.Column("was", sa.String(length=60), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "waiting",
                "accepted",
                "refused",
                "withdrawn",
                name="reportedstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("reported_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_reported_change_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_reported_change_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reported_change")),
    )
    with op.batch_alter_table("reported_change", schema=None) as batch_op:
        batch_op.create_index("ix_reported_change_account", ["account_id"], unique=False)
        batch_op.create_index("ix_reported_change_open", ["portfolio_id", "status"], unique=False)

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
        "spell",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("bucket", sa.String(length=20), nullable=False),
        sa.Column("oldest_due_on", sa.Date(), nullable=False),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_spell_account_id_account")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_spell_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spell")),
    )
    with op.batch_alter_table("spell", schema=None) as batch_op:
        batch_op.create_index("ix_spell_account", ["account_id", "from_on"], unique=False)
        batch_op.create_index("ix_spell_portfolio", ["portfolio_id", "to_on", "from_on"], unique=False)
        batch_op.create_index(
            "uq_spell_open",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text("to_on IS NULL"),
            postgresql_where=sa.text("to_on IS NULL"),
        )

    op.create_table(
        "statement",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("closing_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("balance_minor", sa.BigInteger(), nullable=False),
        sa.Column("minimum_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("posted_on", sa.Date(), nullable=False),
        sa.Column("issue", sa.Integer(), server_default="1", nullable=False),
        sa.CheckConstraint("due_on > closing_on", name=op.f("ck_statement_due_after_closing")),
        sa.CheckConstraint("minimum_due_minor >= 0", name=op.f("ck_statement_minimum_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_statement_account_id_account")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_statement_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement")),
        sa.UniqueConstraint("portfolio_id", "reference", name=op.f("uq_statement_portfolio_id_reference")),
    )
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.create_index("uq_statement_closing", ["account_id", "closing_on", "issue"], unique=True)

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
        sa.Column("hold_id", BigId, nullable=True),
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
            ["hold_id"], ["case_hold.id"], name=op.f("fk_delinquency_pause_hold_id_case_hold")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_delinquency_pause_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delinquency_pause")),
    )
    with op.batch_alter_table("delinquency_pause", schema=None) as batch_op:
        batch_op.create_index("ix_delinquency_pause_account", ["account_id", "from_on"], unique=False)

    op.create_table(
        "mail_notice",
        sa.Column("id", BigId, nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "bounce",
                "complaint",
                "passing",
                "other",
                name="noticekind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "severity",
            sa.Enum(
                "hard",
                "soft",
                "policy",
                name="severity",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("status", sa.String(length=12), nullable=False),
        sa.Column("address", sa.String(length=254), nullable=False),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["message_id"], ["outbox_message.id"], name=op.f("fk_mail_notice_message_id_outbox_message")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_notice")),
        sa.UniqueConstraint("sha256", name=op.f("uq_mail_notice_sha256")),
    )
    with op.batch_alter_table("mail_notice", schema=None) as batch_op:
        batch_op.create_index("ix_mail_notice_address", ["address", "at"], unique=False)
        batch_op.create_index(
            "ix_mail_notice_waiting",
            ["id"],
            unique=False,
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        )

    op.create_table(
        "plan_account",
        sa.Column("plan_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_plan_account_account_id_account")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_account_plan_id_plan")),
        sa.PrimaryKeyConstraint("plan_id", "account_id", name=op.f("pk_plan_account")),
    )
    op.create_table(
        "plan_instalment",
        sa.Column("plan_id", BigId, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("interest_minor", sa.BigInteger(), nullable=False),
        sa.Column("agreed_on", sa.Date(), nullable=True),
        sa.Column("is_skipped", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_instalment_plan_id_plan")),
        sa.PrimaryKeyConstraint("plan_id", "n", name=op.f("pk_plan_instalment")),
    )
    op.create_table(
        "plan_change",
        sa.Column("id", BigId, nullable=False),
        sa.Column("plan_id", BigId, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column(
            "change",
            sa.Enum(
                "moved",
                "skipped",
                name="instalmentchange",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_change_plan_id_plan")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_change")),
    )
    with op.batch_alter_table("plan_change", schema=None) as batch_op:
        batch_op.create_index("ix_plan_change_plan", ["plan_id", "id"], unique=False)

    op.create_table(
        "instalment_payment",
        sa.Column("entry_id", BigId, nullable=False),
        sa.Column("plan_id", BigId, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_instalment_payment_entry_id_ledger_entry")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_instalment_payment_plan_id_plan")),
        sa.PrimaryKeyConstraint("entry_id", name=op.f("pk_instalment_payment")),
    )
    with op.batch_alter_table("instalment_payment", schema=None) as batch_op:
        batch_op.create_index("ix_instalment_payment_plan", ["plan_id", "n"], unique=False)

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
                "split",
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
        batch_op.create_index("ix_waiver_account", ["account_id"], unique=False)
        batch_op.create_index("ix_waiver_entry", ["entry_id"], unique=False)
        batch_op.create_index("ix_waiver_open", ["portfolio_id", "status"], unique=False)
    _create_tables_of_two_people()
    _create_concessions()
    _create_households()
    _create_advisers()
    _create_negotiations()
    forbid_changes()
    _create_search()


def _create_concessions() -> None:
    op.create_table(
        "concession",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("plan_id", BigId, nullable=False),
        sa.Column("apr_millionths", sa.Integer(), nullable=True),
        sa.Column("without_fees", sa.Boolean(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=True),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.CheckConstraint(
            "to_on IS NULL OR to_on > from_on", name=op.f("ck_concession_ends_after_it_began")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_concession_account_id_account")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_concession_plan_id_plan")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_concession_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_concession")),
    )
    with op.batch_alter_table("concession", schema=None) as batch_op:
        batch_op.create_index("ix_concession_account", ["account_id", "from_on"], unique=False)
        batch_op.create_index("ix_concession_plan", ["plan_id"], unique=False)
    op.create_table(
        "plan_waiver",
        sa.Column("waiver_id", BigId, nullable=False),
        sa.Column("plan_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_waiver_plan_id_plan")),
        sa.ForeignKeyConstraint(["waiver_id"], ["waiver.id"], name=op.f("fk_plan_waiver_waiver_id_waiver")),
        sa.PrimaryKeyConstraint("waiver_id", name=op.f("pk_plan_waiver")),
    )
    with op.batch_alter_table("plan_waiver", schema=None) as batch_op:
        batch_op.create_index("ix_plan_waiver_plan", ["plan_id"], unique=False)


def _drop_concessions() -> None:
    op.drop_table("plan_waiver")
    op.drop_table("concession")


def downgrade() -> None:
    _drop_search()
    _drop_negotiations()
    _drop_advisers()
    _drop_households()
    _drop_concessions()
    _drop_tables_of_two_people()
    with op.batch_alter_table("waiver", schema=None) as batch_op:
        batch_op.drop_index("ix_waiver_open")
        batch_op.drop_index("ix_waiver_entry")
        batch_op.drop_index("ix_waiver_account")

    op.drop_table("waiver")
    with op.batch_alter_table("unmatched_payment", schema=None) as batch_op:
        batch_op.drop_index("ix_unmatched_payment_waiting")

    op.drop_table("unmatched_payment")
    with op.batch_alter_table("instalment_payment", schema=None) as batch_op:
        batch_op.drop_index("ix_instalment_payment_plan")

    op.drop_table("instalment_payment")
    with op.batch_alter_table("plan_change", schema=None) as batch_op:
        batch_op.drop_index("ix_plan_change_plan")

    op.drop_table("plan_change")
    op.drop_table("plan_instalment")
    op.drop_table("plan_account")
    with op.batch_alter_table("mail_notice", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_mail_notice_waiting",
            sqlite_where=sa.text("decided_at IS NULL"),
            postgresql_where=sa.text("decided_at IS NULL"),
        )
        batch_op.drop_index("ix_mail_notice_address")

    op.drop_table("mail_notice")
    with op.batch_alter_table("delinquency_pause", schema=None) as batch_op:
        batch_op.drop_index("ix_delinquency_pause_account")

    op.drop_table("delinquency_pause")
    op.drop_table("inbound_answer")
    op.drop_table("deferred_letter")
    op.drop_table("strategy_task")
    op.drop_table("outbox_message")
    op.drop_table("call_task")
    op.drop_table("contact")
    op.drop_table("strategy_participant")
    with op.batch_alter_table("statement", schema=None) as batch_op:
        batch_op.drop_index("uq_statement_closing")

    op.drop_table("statement")
    with op.batch_alter_table("spell", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_spell_open", sqlite_where=sa.text("to_on IS NULL"), postgresql_where=sa.text("to_on IS NULL")
        )
        batch_op.drop_index("ix_spell_portfolio")
        batch_op.drop_index("ix_spell_account")

    op.drop_table("spell")
    op.drop_table("reported_position")
    with op.batch_alter_table("reported_change", schema=None) as batch_op:
        batch_op.drop_index("ix_reported_change_open")
        batch_op.drop_index("ix_reported_change_account")

    op.drop_table("reported_change")
    with op.batch_alter_table("replaced_statement", schema=None) as batch_op:
        batch_op.drop_index("ix_replaced_statement_portfolio")
        batch_op.drop_index("ix_replaced_statement_account")

    op.drop_table("replaced_statement")
    with op.batch_alter_table("referral", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_referral_open",
            sqlite_where=sa.text("status <> 'declined'"),
            postgresql_where=sa.text("status <> 'declined'"),
        )
        batch_op.drop_index("ix_referral_case")

    op.drop_table("referral")
    op.drop_table("re_age")
    with op.batch_alter_table("plan", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_plan_live",
            sqlite_where=sa.text("status IN ('accepted', 'active')"),
            postgresql_where=sa.text("status IN ('accepted', 'active')"),
        )
        batch_op.drop_index("ix_plan_case")
        batch_op.drop_index("ix_plan_assess")

    op.drop_table("plan")
    op.drop_table("payer_account")
    with op.batch_alter_table("past_due_movement", schema=None) as batch_op:
        batch_op.drop_index("ix_past_due_movement_day")
        batch_op.drop_index("ix_past_due_movement_account")

    op.drop_table("past_due_movement")
    with op.batch_alter_table("ledger_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_ledger_entry_day")
        batch_op.drop_index("ix_ledger_entry_account")

    op.drop_table("ledger_entry")
    with op.batch_alter_table("ledger_change", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_ledger_change_portfolio_id"))

    op.drop_table("ledger_change")
    with op.batch_alter_table("inbound_match", schema=None) as batch_op:
        batch_op.drop_index("ix_inbound_match_customer")
        batch_op.drop_index("ix_inbound_match_case")

    op.drop_table("inbound_match")
    with op.batch_alter_table("payment_claim", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_payment_claim_open",
            sqlite_where=sa.text("found_at IS NULL"),
            postgresql_where=sa.text("found_at IS NULL"),
        )
        batch_op.drop_index("ix_payment_claim_customer")

    op.drop_table("payment_claim")
    with op.batch_alter_table("case_hold", schema=None) as batch_op:
        batch_op.drop_index("ix_case_hold_customer")

    op.drop_table("case_hold")
    with op.batch_alter_table("third_party", schema=None) as batch_op:
        batch_op.drop_index("ix_third_party_phone")
        batch_op.drop_index("ix_third_party_customer")

    op.drop_table("third_party")
    with op.batch_alter_table("case_document", schema=None) as batch_op:
        batch_op.drop_index("ix_case_document_customer")

    op.drop_table("case_document")
    with op.batch_alter_table("bundle", schema=None) as batch_op:
        batch_op.drop_index("ix_bundle_case")

    op.drop_table("bundle")
    with op.batch_alter_table("accrual", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_accrual_portfolio_id"))

    op.drop_table("accrual")
    with op.batch_alter_table("account_state", schema=None) as batch_op:
        batch_op.drop_index("ix_account_state_wake")
        batch_op.drop_index("ix_account_state_oldest")

    op.drop_table("account_state")
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
    with op.batch_alter_table("contact_preference", schema=None) as batch_op:
        batch_op.drop_index("ix_contact_preference_customer")

    op.drop_table("contact_preference")
    with op.batch_alter_table("contact_point", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_contact_point",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_contact_point_value")
        batch_op.drop_index("ix_contact_point_customer")

    op.drop_table("contact_point")
    op.drop_table("contact_correction")
    op.drop_table("consent")
    with op.batch_alter_table("collections_case", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_collections_case_open",
            sqlite_where=sa.text("status = 'open'"),
            postgresql_where=sa.text("status = 'open'"),
        )
        batch_op.drop_index(
            "ix_collections_case_with_legal",
            sqlite_where=sa.text("with_legal_since IS NOT NULL"),
            postgresql_where=sa.text("with_legal_since IS NOT NULL"),
        )
        batch_op.drop_index("ix_collections_case_priority")
        batch_op.drop_index("ix_collections_case_contact")
        batch_op.drop_index(
            "ix_collections_case_callback",
            sqlite_where=sa.text("callback_at IS NOT NULL"),
            postgresql_where=sa.text("callback_at IS NOT NULL"),
        )

    op.drop_table("collections_case")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_account_ended",
            sqlite_where=sa.text("ended_on IS NOT NULL"),
            postgresql_where=sa.text("ended_on IS NOT NULL"),
        )
        batch_op.drop_index("ix_account_customer")

    op.drop_table("account")
    with op.batch_alter_table("timeline_event", schema=None) as batch_op:
        batch_op.drop_index("ix_timeline_event_kind_at")
        batch_op.drop_index("ix_timeline_event_customer_kind_at")
        batch_op.drop_index("ix_timeline_event_case")

    op.drop_table("timeline_event")
    op.drop_table("strategy_version")
    op.drop_table("result_code_version")
    op.drop_table("risk_model_version")
    with op.batch_alter_table("staff_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_staff_session_user_id"))
        batch_op.drop_index(batch_op.f("ix_staff_session_expires_at"))

    op.drop_table("staff_session")
    with op.batch_alter_table("simulation_run", schema=None) as batch_op:
        batch_op.drop_index("ix_simulation_run_portfolio")

    op.drop_table("simulation_run")
    with op.batch_alter_table("print_batch", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_print_batch_day",
            sqlite_where=sa.text("status IN ('making', 'publishing', 'published')"),
            postgresql_where=sa.text("status IN ('making', 'publishing', 'published')"),
        )

    op.drop_table("print_batch")
    op.drop_table("kpi_snapshot")
    op.drop_table("feed_load")
    op.drop_table("daily_run")
    with op.batch_alter_table("customer", schema=None) as batch_op:
        batch_op.drop_index("ix_customer_mobile")
        batch_op.drop_index("ix_customer_email")

    op.drop_table("customer")
    with op.batch_alter_table("bank_transaction", schema=None) as batch_op:
        batch_op.drop_index("ix_bank_transaction_reference")
        batch_op.drop_index("ix_bank_transaction_end_to_end")
        batch_op.drop_index("ix_bank_transaction_bank_reference")

    op.drop_table("bank_transaction")
    with op.batch_alter_table("api_idempotency", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_api_idempotency_created_at"))

    op.drop_table("api_idempotency")
    with op.batch_alter_table("alert_notice", schema=None) as batch_op:
        batch_op.drop_index("ix_alert_notice_alert")

    op.drop_table("alert_notice")
    op.drop_table("timeline_kind")
    op.drop_table("timeline_head")
    with op.batch_alter_table("suppressed_address", schema=None) as batch_op:
        batch_op.drop_index(
            "ux_suppressed_address",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("suppressed_address")
    op.drop_table("api_token")
    op.drop_table("staff_user")
    with op.batch_alter_table("sent_form", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_sent_form_created_at"))

    op.drop_table("sent_form")
    op.drop_table("saved_view")
    op.drop_table("sending_pace")
    op.drop_table("portfolio")
    op.drop_table("policy_pack_version")
    with op.batch_alter_table("login_attempt", schema=None) as batch_op:
        batch_op.drop_index("ix_login_attempt_username_at")
        batch_op.drop_index("ix_login_attempt_client_at")
        batch_op.drop_index(batch_op.f("ix_login_attempt_at"))

    op.drop_table("login_attempt")
    with op.batch_alter_table("inbound_message", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_inbound_message_unread",
            sqlite_where=sa.text("interpreted_at IS NULL"),
            postgresql_where=sa.text("interpreted_at IS NULL"),
        )
        batch_op.drop_index("ix_inbound_message_sender")
        batch_op.drop_index(
            "ix_inbound_message_open",
            sqlite_where=sa.text("reviewed_at IS NULL"),
            postgresql_where=sa.text("reviewed_at IS NULL"),
        )

    op.drop_table("inbound_message")
    op.drop_table("heartbeat")
    op.drop_table("document_content")
    with op.batch_alter_table("decision_facts", schema=None) as batch_op:
        batch_op.drop_index("ix_decision_facts_at")

    op.drop_table("decision_facts")
    op.drop_table("channel_stop")
    with op.batch_alter_table("alert", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_alert_open",
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.drop_table("alert")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION refuse_change()")


def _create_tables_of_two_people() -> None:
    """Requests and their answers, who has a case open, and drafts of forms."""
    op.create_table(
        "form_draft",
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("form", sa.String(length=60), nullable=False),
        sa.Column("subject", sa.String(length=60), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("saved_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("username", "form", "subject", name=op.f("pk_form_draft")),
    )
    with op.batch_alter_table("form_draft", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_form_draft_saved_at"), ["saved_at"], unique=False)

    op.create_table(
        "case_view",
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("username", sa.String(length=64), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("calling_since", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_case_view_case_id_collections_case")
        ),
        sa.PrimaryKeyConstraint("case_id", "username", name=op.f("pk_case_view")),
    )
    with op.batch_alter_table("case_view", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_case_view_seen_at"), ["seen_at"], unique=False)

    op.create_table(
        "approval_request",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "settlement",
                "plan",
                "hardship",
                "hand_over",
                "decision",
                name="approvalkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "status",
            sa.Enum(
                "requested",
                "approved",
                "declined",
                "withdrawn",
                name="approvalstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("replaces_id", BigId, nullable=True),
        sa.Column("to_username", sa.String(length=64), nullable=False),
        sa.Column("owed_minor", sa.BigInteger(), nullable=False),
        sa.Column("past_due_minor", sa.BigInteger(), nullable=False),
        sa.Column("days_past_due", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("asked_by", sa.String(length=120), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("plan_id", BigId, nullable=True),
        sa.CheckConstraint(
            "status <> 'approved' OR decided_by <> asked_by", name=op.f("ck_approval_request_two_people")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_approval_request_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_approval_request_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_approval_request_plan_id_plan")),
        sa.ForeignKeyConstraint(
            ["replaces_id"], ["plan.id"], name=op.f("fk_approval_request_replaces_id_plan")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_approval_request_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approval_request")),
    )
    with op.batch_alter_table("approval_request", schema=None) as batch_op:
        batch_op.create_index("ix_approval_request_asker", ["asked_by", "asked_at"], unique=False)
        batch_op.create_index("ix_approval_request_status", ["portfolio_id", "status"], unique=False)
        batch_op.create_index(
            "uq_approval_request_waiting",
            ["case_id", "kind"],
            unique=True,
            sqlite_where=sa.text("status = 'requested'"),
            postgresql_where=sa.text("status = 'requested'"),
        )


def _drop_tables_of_two_people() -> None:
    op.drop_table("approval_request")
    op.drop_table("case_view")
    op.drop_table("form_draft")


def _create_households() -> None:
    op.create_table(
        "guideline",
        sa.Column("id", BigId, nullable=False),
        sa.Column("categories", sa.String(length=20), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("source", sa.String(length=200), nullable=False),
        sa.Column("dated_on", sa.Date(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("loaded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_guideline")),
        sa.UniqueConstraint("sha256", name=op.f("uq_guideline_sha256")),
    )
    with op.batch_alter_table("guideline", schema=None) as batch_op:
        batch_op.create_index(
            "ix_guideline_categories", ["categories", "currency", "valid_from"], unique=False
        )

    op.create_table(
        "guideline_line",
        sa.Column("guideline_id", BigId, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("first_adult_minor", sa.BigInteger(), nullable=False),
        sa.Column("further_adult_minor", sa.BigInteger(), nullable=False),
        sa.Column("child_under_16_minor", sa.BigInteger(), nullable=False),
        sa.Column("child_16_18_minor", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["guideline_id"], ["guideline.id"], name=op.f("fk_guideline_line_guideline_id_guideline")
        ),
        sa.PrimaryKeyConstraint("guideline_id", "code", name=op.f("pk_guideline_line")),
    )
    op.create_table(
        "affordability_answer",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("said_on", sa.Date(), nullable=False),
        sa.Column("monthly_minor", sa.BigInteger(), nullable=True),
        sa.Column("once_minor", sa.BigInteger(), nullable=False),
        sa.Column("payday_on", sa.Date(), nullable=True),
        sa.Column(
            "payday_cadence",
            sa.Enum(
                "once",
                "weekly",
                "fortnightly",
                "four_weekly",
                "monthly",
                "custom",
                name="cadence",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("payday_days_after", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"],
            ["collections_case.id"],
            name=op.f("fk_affordability_answer_case_id_collections_case"),
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_affordability_answer_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_affordability_answer_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_affordability_answer")),
    )
    with op.batch_alter_table("affordability_answer", schema=None) as batch_op:
        batch_op.create_index("ix_affordability_answer_customer", ["customer_id", "said_on"], unique=False)

    op.create_table(
        "household_statement",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("categories", sa.String(length=20), nullable=False),
        sa.Column("currency", sa.String(length=3), nullable=False),
        sa.Column("taken_on", sa.Date(), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("adults", sa.Integer(), nullable=False),
        sa.Column("children_under_16", sa.Integer(), nullable=False),
        sa.Column("children_16_18", sa.Integer(), nullable=False),
        sa.Column("other_dependants", sa.Integer(), nullable=False),
        sa.Column("non_dependants", sa.Integer(), nullable=False),
        sa.Column("vehicles", sa.Integer(), nullable=False),
        sa.Column(
            "tenure",
            sa.Enum(
                "owner",
                "mortgage",
                "private_tenant",
                "social_tenant",
                "with_parents",
                "other",
                name="tenure",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("employment", sa.String(length=200), nullable=False),
        sa.Column("partner_employment", sa.String(length=200), nullable=False),
        sa.Column("savings_minor", sa.BigInteger(), nullable=True),
        sa.Column("our_debt_minor", sa.BigInteger(), nullable=False),
        sa.Column("payday_on", sa.Date(), nullable=True),
        sa.Column(
            "payday_cadence",
            sa.Enum(
                "once",
                "weekly",
                "fortnightly",
                "four_weekly",
                "monthly",
                "custom",
                name="cadence",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=True,
        ),
        sa.Column("payday_days_after", sa.Integer(), nullable=False),
        sa.Column("assets_considered", sa.Boolean(), nullable=False),
        sa.Column("savings_considered", sa.Boolean(), nullable=False),
        sa.Column("notes", sa.String(length=3000), nullable=False),
        sa.Column("guideline_id", BigId, nullable=True),
        sa.Column("party_id", BigId, nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_household_statement_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_household_statement_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["guideline_id"], ["guideline.id"], name=op.f("fk_household_statement_guideline_id_guideline")
        ),
        sa.ForeignKeyConstraint(
            ["party_id"], ["third_party.id"], name=op.f("fk_household_statement_party_id_third_party")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_household_statement_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_household_statement")),
    )
    with op.batch_alter_table("household_statement", schema=None) as batch_op:
        batch_op.create_index("ix_household_statement_customer", ["customer_id", "taken_on"], unique=False)

    op.create_table(
        "household_debt",
        sa.Column("statement_id", BigId, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("creditor", sa.String(length=120), nullable=False),
        sa.Column("owed_minor", sa.BigInteger(), nullable=False),
        sa.Column("offer_minor", sa.BigInteger(), nullable=False),
        sa.Column("is_priority", sa.Boolean(), nullable=False),
        sa.Column("has_judgment", sa.Boolean(), nullable=False),
        sa.Column("is_ours", sa.Boolean(), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["household_statement.id"],
            name=op.f("fk_household_debt_statement_id_household_statement"),
        ),
        sa.PrimaryKeyConstraint("statement_id", "n", name=op.f("pk_household_debt")),
    )
    op.create_table(
        "household_figure",
        sa.Column("statement_id", BigId, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "frequency",
            sa.Enum(
                "weekly",
                "fortnightly",
                "four_weekly",
                "monthly",
                "yearly",
                name="frequency",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "source",
            sa.Enum(
                "said",
                "document",
                "bank_data",
                "adviser",
                "estimate",
                name="figuresource",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("as_of", sa.Date(), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["household_statement.id"],
            name=op.f("fk_household_figure_statement_id_household_statement"),
        ),
        sa.PrimaryKeyConstraint("statement_id", "code", name=op.f("pk_household_figure")),
    )


def _drop_households() -> None:
    op.drop_table("household_figure")
    op.drop_table("household_debt")
    op.drop_table("household_statement")
    op.drop_table("affordability_answer")
    op.drop_table("guideline_line")
    op.drop_table("guideline")


def _create_negotiations() -> None:
    op.create_table(
        "negotiation",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.Column("chance", sa.Text(), nullable=False),
        sa.Column("chance_version", sa.String(length=60), nullable=False),
        sa.Column("solver_version", sa.String(length=20), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_negotiation_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_negotiation_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_negotiation_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_negotiation")),
    )
    with op.batch_alter_table("negotiation", schema=None) as batch_op:
        batch_op.create_index("ix_negotiation_case", ["case_id", "id"], unique=False)

    op.create_table(
        "offer",
        sa.Column("id", BigId, nullable=False),
        sa.Column("negotiation_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "pay_now",
                "promise",
                "short_plan",
                "long_plan",
                "settlement",
                "hardship",
                "re_age",
                name="optionkind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "shown",
                "countered",
                "refused",
                "accepted",
                "expired",
                "not_offered",
                name="offerstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("countered", sa.Boolean(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("total_cost_minor", sa.BigInteger(), nullable=False),
        sa.Column("waived_minor", sa.BigInteger(), nullable=False),
        sa.Column("expected_kept_minor", sa.BigInteger(), nullable=False),
        sa.Column("chance_kept", sa.Float(), nullable=False),
        sa.Column("may_grant", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("rule", sa.String(length=120), nullable=False),
        sa.Column("citation", sa.String(length=300), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=True),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("made_by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.Column("plan_id", BigId, nullable=True),
        sa.Column("request_id", BigId, nullable=True),
        sa.CheckConstraint("status <> 'not_offered' OR reason <> ''", name=op.f("ck_offer_reason_given")),
        sa.CheckConstraint("status = 'not_offered' OR terms <> ''", name=op.f("ck_offer_terms_given")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_offer_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["negotiation_id"], ["negotiation.id"], name=op.f("fk_offer_negotiation_id_negotiation")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_offer_plan_id_plan")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_offer_portfolio_id_portfolio")
        ),
        sa.ForeignKeyConstraint(
            ["request_id"], ["approval_request.id"], name=op.f("fk_offer_request_id_approval_request")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_offer")),
    )
    with op.batch_alter_table("offer", schema=None) as batch_op:
        batch_op.create_index("ix_offer_case", ["case_id", "id"], unique=False)
        batch_op.create_index("ix_offer_made", ["portfolio_id", "made_at"], unique=False)
        batch_op.create_index("ix_offer_negotiation", ["negotiation_id", "rank"], unique=False)
        batch_op.create_index(
            "ix_offer_standing",
            ["portfolio_id", "expires_on"],
            unique=False,
            sqlite_where=sa.text("status IN ('shown', 'countered')"),
            postgresql_where=sa.text("status IN ('shown', 'countered')"),
        )


def _drop_negotiations() -> None:
    op.drop_table("offer")
    op.drop_table("negotiation")


def _create_advisers() -> None:
    op.create_table(
        "adviser",
        sa.Column("id", BigId, nullable=False),
        sa.Column("code", sa.String(length=20), nullable=False),
        sa.Column("name", sa.String(length=200), nullable=False),
        sa.Column("authorisation", sa.String(length=120), nullable=False),
        sa.Column("phone", sa.String(length=20), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("address", sa.String(length=400), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adviser")),
        sa.UniqueConstraint("code", name=op.f("uq_adviser_code")),
    )
    op.create_table(
        "adviser_file",
        sa.Column("id", BigId, nullable=False),
        sa.Column("adviser_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("read", sa.Integer(), nullable=False),
        sa.Column("loaded", sa.Integer(), nullable=False),
        sa.Column("unchanged", sa.Integer(), nullable=False),
        sa.Column("rejected", sa.Integer(), nullable=False),
        sa.Column("loaded_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["adviser_id"], ["adviser.id"], name=op.f("fk_adviser_file_adviser_id_adviser")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_adviser_file_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adviser_file")),
        sa.UniqueConstraint(
            "adviser_id",
            "portfolio_id",
            "sha256",
            name=op.f("uq_adviser_file_adviser_id_portfolio_id_sha256"),
        ),
    )
    op.create_table(
        "adviser_reject",
        sa.Column("file_id", BigId, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("field", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=400), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["adviser_file.id"], name=op.f("fk_adviser_reject_file_id_adviser_file")
        ),
        sa.PrimaryKeyConstraint("file_id", "n", name=op.f("pk_adviser_reject")),
    )
    op.create_table(
        "adviser_client",
        sa.Column("party_id", BigId, nullable=False),
        sa.Column("adviser_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(
            ["adviser_id"], ["adviser.id"], name=op.f("fk_adviser_client_adviser_id_adviser")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_adviser_client_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["party_id"], ["third_party.id"], name=op.f("fk_adviser_client_party_id_third_party")
        ),
        sa.PrimaryKeyConstraint("party_id", name=op.f("pk_adviser_client")),
    )
    with op.batch_alter_table("adviser_client", schema=None) as batch_op:
        batch_op.create_index("ix_adviser_client_adviser", ["adviser_id", "customer_id"], unique=False)
        batch_op.create_index("ix_adviser_client_reference", ["adviser_id", "reference"], unique=False)

    op.create_table(
        "lump_payment",
        sa.Column("id", BigId, nullable=False),
        sa.Column("adviser_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("unmatched_id", BigId, nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("posted_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("reversed_at", UtcDateTime(), nullable=True),
        sa.Column("reversed_by", sa.String(length=120), nullable=False),
        sa.Column("reversed_why", sa.String(length=200), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_lump_payment_amount_positive")),
        sa.ForeignKeyConstraint(
            ["adviser_id"], ["adviser.id"], name=op.f("fk_lump_payment_adviser_id_adviser")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_lump_payment_portfolio_id_portfolio")
        ),
        sa.ForeignKeyConstraint(
            ["unmatched_id"],
            ["unmatched_payment.id"],
            name=op.f("fk_lump_payment_unmatched_id_unmatched_payment"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lump_payment")),
    )
    with op.batch_alter_table("lump_payment", schema=None) as batch_op:
        batch_op.create_index(
            "uq_lump_payment_standing",
            ["portfolio_id", "reference"],
            unique=True,
            sqlite_where=sa.text("reversed_at IS NULL"),
            postgresql_where=sa.text("reversed_at IS NULL"),
        )

    op.create_table(
        "adviser_proposal",
        sa.Column("id", BigId, nullable=False),
        sa.Column("file_id", BigId, nullable=False),
        sa.Column("adviser_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "proposed",
                "accepted",
                "declined",
                name="proposalstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column(
            "kind",
            sa.Enum(
                "promise",
                "instalments",
                "settlement",
                "hardship",
                name="plankind",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "cadence",
            sa.Enum(
                "once",
                "weekly",
                "fortnightly",
                "four_weekly",
                "monthly",
                "custom",
                name="cadence",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("first_due_on", sa.Date(), nullable=False),
        sa.Column("total_minor", sa.BigInteger(), nullable=True),
        sa.Column("down_payment_minor", sa.BigInteger(), nullable=False),
        sa.Column("statement_id", BigId, nullable=True),
        sa.Column("plan_id", BigId, nullable=True),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(
            ["adviser_id"], ["adviser.id"], name=op.f("fk_adviser_proposal_adviser_id_adviser")
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_adviser_proposal_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_adviser_proposal_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["file_id"], ["adviser_file.id"], name=op.f("fk_adviser_proposal_file_id_adviser_file")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_adviser_proposal_plan_id_plan")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_adviser_proposal_portfolio_id_portfolio")
        ),
        sa.ForeignKeyConstraint(
            ["statement_id"],
            ["household_statement.id"],
            name=op.f("fk_adviser_proposal_statement_id_household_statement"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adviser_proposal")),
        sa.UniqueConstraint("adviser_id", "digest", name=op.f("uq_adviser_proposal_adviser_id_digest")),
    )
    with op.batch_alter_table("adviser_proposal", schema=None) as batch_op:
        batch_op.create_index("ix_adviser_proposal_case", ["case_id"], unique=False)
        batch_op.create_index("ix_adviser_proposal_file", ["file_id", "status"], unique=False)

    op.create_table(
        "lump_part",
        sa.Column("lump_id", BigId, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("reference", sa.String(length=60), nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column(
            "status",
            sa.Enum(
                "posted",
                "waiting",
                "unread",
                "taken_back",
                name="partstatus",
                native_enum=False,
                create_constraint=True,
                length=40,
            ),
            nullable=False,
        ),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("plan_id", BigId, nullable=True),
        sa.Column("entry_id", BigId, nullable=True),
        sa.Column("unmatched_id", BigId, nullable=True),
        sa.Column("why", sa.String(length=300), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_lump_part_account_id_account")),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_lump_part_entry_id_ledger_entry")
        ),
        sa.ForeignKeyConstraint(
            ["lump_id"], ["lump_payment.id"], name=op.f("fk_lump_part_lump_id_lump_payment")
        ),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_lump_part_plan_id_plan")),
        sa.ForeignKeyConstraint(
            ["unmatched_id"],
            ["unmatched_payment.id"],
            name=op.f("fk_lump_part_unmatched_id_unmatched_payment"),
        ),
        sa.PrimaryKeyConstraint("lump_id", "n", name=op.f("pk_lump_part")),
    )


def _drop_advisers() -> None:
    op.drop_table("lump_part")
    op.drop_table("adviser_proposal")
    op.drop_table("lump_payment")
    op.drop_table("adviser_client")
    op.drop_table("adviser_reject")
    op.drop_table("adviser_file")
    op.drop_table("adviser")
