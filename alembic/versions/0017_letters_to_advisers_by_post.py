"""Letters to advisers by post; each of their letters is decided once.

Revision ID: 0017
Revises: 0015
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import UtcDateTime

revision = "0017"
down_revision = "0015"
branch_labels = None
depends_on = None

DESTINATIONS = ("sms", "email", "post", "legal_desk", "adviser")
STATUSES = ("written", "waits", "refused", "not_written")
UNIQUE = "uq_party_letter_plan_id_party_id_occasion_"


def upgrade() -> None:
    with op.batch_alter_table("adviser") as adviser:
        adviser.add_column(sa.Column("by_post", sa.Boolean(), server_default=sa.false(), nullable=False))
    status = sa.Enum(
        *STATUSES, name="partyletterstatus", native_enum=False, create_constraint=True, length=40
    )
    with op.batch_alter_table("party_letter") as letter:
        letter.add_column(sa.Column("status", status, server_default="written", nullable=False))
        letter.add_column(sa.Column("until", UtcDateTime(), nullable=True))
        letter.add_column(sa.Column("why", sa.String(length=300), server_default="", nullable=False))
        letter.drop_constraint(op.f(UNIQUE + "change_id"), type_="unique")
        letter.alter_column("change_id", new_column_name="occurrence")
    with op.batch_alter_table("party_letter") as letter:
        letter.create_unique_constraint(
            op.f(UNIQUE + "occurrence"), ["plan_id", "party_id", "occasion", "occurrence"]
        )
        letter.create_check_constraint(
            op.f("ck_party_letter_until_where_it_waits"), "(until IS NOT NULL) = (status = 'waits')"
        )
        letter.create_index(
            "ix_party_letter_until",
            ["until"],
            sqlite_where=sa.text("until IS NOT NULL"),
            postgresql_where=sa.text("until IS NOT NULL"),
        )
    with op.batch_alter_table("closed_party_address") as closed:
        closed.alter_column("address", existing_type=sa.String(length=254), type_=sa.String(length=400))
    for table in ("channel_stop", "outbox_message"):
        with op.batch_alter_table(table) as batch:
            _destinations(batch, table, (*DESTINATIONS, "adviser_post"))


def downgrade() -> None:
    op.execute("DELETE FROM outbox_message WHERE destination = 'adviser_post'")
    op.execute("DELETE FROM channel_stop WHERE destination = 'adviser_post'")
    op.execute("DELETE FROM closed_party_address WHERE length(address) > 254")
    for table in ("channel_stop", "outbox_message"):
        with op.batch_alter_table(table) as batch:
            _destinations(batch, table, DESTINATIONS)
    with op.batch_alter_table("closed_party_address") as closed:
        closed.alter_column("address", existing_type=sa.String(length=400), type_=sa.String(length=254))
    with op.batch_alter_table("party_letter") as letter:
        letter.drop_index("ix_party_letter_until")
        letter.drop_constraint(op.f("ck_party_letter_until_where_it_waits"), type_="check")
        letter.drop_constraint(op.f("ck_party_letter_partyletterstatus"), type_="check")
        letter.drop_constraint(op.f(UNIQUE + "occurrence"), type_="unique")
        letter.alter_column("occurrence", new_column_name="change_id")
        letter.drop_column("why")
        letter.drop_column("until")
        letter.drop_column("status")
    with op.batch_alter_table("party_letter") as letter:
        letter.create_unique_constraint(
            op.f(UNIQUE + "change_id"), ["plan_id", "party_id", "occasion", "change_id"]
        )
    with op.batch_alter_table("adviser") as adviser:
        adviser.drop_column("by_post")


def _destinations(batch: object, table: str, values: Sequence[str]) -> None:
    name = op.f(f"ck_{table}_destination")
    admits = f"destination IN ({', '.join(repr(value) for value in values)})"
    batch.drop_constraint(name, type_="check")  # type: ignore[attr-defined]
    batch.create_check_constraint(name, admits)  # type: ignore[attr-defined]
