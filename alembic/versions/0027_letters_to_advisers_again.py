"""A letter to a representative that could not arrive has another message in its place.

Revision ID: 0027
Revises: 0021
"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("outbox_message") as message:
        message.drop_constraint(op.f("uq_outbox_message_party_letter_id"), type_="unique")
    op.create_index(
        "uq_outbox_message_party_letter",
        "outbox_message",
        ["party_letter_id"],
        unique=True,
        sqlite_where=sa.text("instead_of_id IS NULL"),
        postgresql_where=sa.text("instead_of_id IS NULL"),
    )


def downgrade() -> None:
    messages = "FROM outbox_message WHERE party_letter_id IS NOT NULL AND instead_of_id IS NOT NULL"
    op.execute(f"UPDATE mail_notice SET message_id = NULL WHERE message_id IN (SELECT id {messages})")  # noqa: S608
    op.execute(f"DELETE {messages}")  # noqa: S608
    op.drop_index("uq_outbox_message_party_letter", table_name="outbox_message")
    with op.batch_alter_table("outbox_message") as message:
        message.create_unique_constraint(op.f("uq_outbox_message_party_letter_id"), ["party_letter_id"])
