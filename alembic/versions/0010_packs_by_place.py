"""packs by place

Revision ID: 0010
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op

from app.core.db import BigId, UtcDateTime

revision = "0010"
down_revision = "0003"
branch_labels = None
depends_on = None


KINDS = [
    "portfolio.added",
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
NEW_KINDS = ["portfolio.tightened", "preference.set", "preference.ended"]


def change_kinds(kinds: list[str]) -> None:
    """The CHECK of the event's kind, which grew; SQLite copies the table, so the triggers are made again."""
    listed = ", ".join(f"'{kind}'" for kind in kinds)
    with op.batch_alter_table("timeline_event", schema=None) as batch_op:
        batch_op.drop_constraint(op.f("ck_timeline_event_kind"), type_="check")
        batch_op.create_check_constraint(op.f("ck_timeline_event_kind"), f"kind IN ({listed})")
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER timeline_event_no_{verb.lower()} BEFORE {verb} ON timeline_event "
                "BEGIN SELECT RAISE(ABORT, 'timeline_event is append-only'); END"
            )


def one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def upgrade() -> None:
    op.create_table(
        "contact_preference",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column(
            "kind",
            one_of("preferencekind", "inconvenient_time", "inconvenient_place", "workplace", "timezone"),
            nullable=False,
        ),
        sa.Column("channel", one_of("channel", "sms", "email", "post", "call"), nullable=True),
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
    op.create_index("ix_contact_preference_customer", "contact_preference", ["customer_id", "ended_at"])
    op.create_table(
        "policy_pack_version",
        sa.Column("label", sa.String(length=400), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("first_used_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("label", name=op.f("pk_policy_pack_version")),
    )
    with op.batch_alter_table("portfolio", schema=None) as batch_op:
        batch_op.add_column(sa.Column("tightening", sa.Text(), nullable=False, server_default=""))
    change_kinds(KINDS + NEW_KINDS)


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kinds exist: history is not thrown away."""
    change_kinds(KINDS)
    with op.batch_alter_table("portfolio", schema=None) as batch_op:
        batch_op.drop_column("tightening")
    op.drop_table("policy_pack_version")
    op.drop_index("ix_contact_preference_customer", "contact_preference")
    op.drop_table("contact_preference")
