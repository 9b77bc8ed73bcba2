"""portfolio settings

Revision ID: 0140
Revises: 0099
"""

from app.core.schema import change_event_kinds

revision = "0140"
down_revision = "0099"
branch_labels = None
depends_on = None

NEW_KINDS = {"portfolio.set"}


def upgrade() -> None:
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kind exist: history is not thrown away."""
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
