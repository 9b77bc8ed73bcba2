"""Count the cases of an owner from an index alone.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _index(["owner", "status", "portfolio_id"])


def downgrade() -> None:
    _index(["owner", "status"])


def _index(columns: list[str]) -> None:
    op.drop_index("ix_collections_case_owner", "collections_case")
    op.create_index("ix_collections_case_owner", "collections_case", columns)
