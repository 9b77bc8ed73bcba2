"""portfolio limits

Revision ID: 0099
Revises: 0098
"""

from app.core.schema import change_event_kinds

revision = "0099"
down_revision = "0098"
branch_labels = None
depends_on = None

NEW_KINDS = {"portfolio.limits_set"}


def upgrade() -> None:
    change_event_kinds(lambda kinds: kinds | NEW_KINDS)


def downgrade() -> None:
    """Fails, and changes nothing, where events of the new kind exist: history is not thrown away."""
    change_event_kinds(lambda kinds: kinds - NEW_KINDS)
