"""Advisers are reminded of an instalment that falls due.

Revision ID: 0037
Revises: 0036
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

OCCASIONS = ("confirmed", "changed", "broken", "restored", "ended")


def upgrade() -> None:
    _occasions((*OCCASIONS, "ahead"))


def downgrade() -> None:
    messages = (
        "FROM outbox_message WHERE party_letter_id IN (SELECT id FROM party_letter WHERE occasion = 'ahead')"
    )
    op.execute(f"UPDATE mail_notice SET message_id = NULL WHERE message_id IN (SELECT id {messages})")  # noqa: S608
    op.execute(f"DELETE {messages}")  # noqa: S608
    op.execute("DELETE FROM party_letter WHERE occasion = 'ahead'")
    _occasions(OCCASIONS)


def _occasions(values: tuple[str, ...]) -> None:
    name, listed = op.f("ck_party_letter_occasion"), ", ".join(f"'{value}'" for value in values)
    with op.batch_alter_table("party_letter") as letter:
        letter.drop_constraint(name, type_="check")
        letter.create_check_constraint(name, f"occasion IN ({listed})")
