"""Authorities of third parties by the day on which they end.

Revision ID: 0063
Revises: 0064
"""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0064"
branch_labels = None
depends_on = None

DATED = sa.text("authority_until IS NOT NULL")


def upgrade() -> None:
    op.create_index(
        "ix_third_party_until", "third_party", ["authority_until"], sqlite_where=DATED, postgresql_where=DATED
    )


def downgrade() -> None:
    op.drop_index("ix_third_party_until", "third_party")
