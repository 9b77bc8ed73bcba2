"""Assignment: capacity, skills and absences of people, and whose case a colleague covers.

Revision ID: 0066
Revises: 0055
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0066"
down_revision = "0055"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("staff_user") as user:
        user.add_column(sa.Column("most_cases", sa.Integer(), nullable=True))
        user.create_check_constraint(op.f("ck_staff_user_most_cases"), "most_cases >= 0")
    op.add_column(
        "collections_case", sa.Column("covered_for", sa.String(length=64), server_default="", nullable=False)
    )
    covered = sa.text("covered_for <> ''")
    op.create_index(
        "ix_collections_case_covered", "collections_case", ["portfolio_id"],
        sqlite_where=covered, postgresql_where=covered,
    )  # fmt: skip
    op.create_table(
        "staff_skill",
        sa.Column("id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "language", "product", "care",
                name="skillkind", native_enum=False, create_constraint=True, length=40,
            ),
            nullable=False,
        ),
        sa.Column("value", sa.String(length=60), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["staff_user.id"], name=op.f("fk_staff_skill_user_id_staff_user")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_skill")),
        sa.UniqueConstraint("user_id", "kind", "value", name=op.f("uq_staff_skill_user_id_kind_value")),
    )  # fmt: skip
    op.create_table(
        "staff_absence",
        sa.Column("id", BigId, nullable=False),
        sa.Column("user_id", BigId, nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("cover_id", BigId, nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_staff_absence_days")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["staff_user.id"], name=op.f("fk_staff_absence_user_id_staff_user")
        ),
        sa.ForeignKeyConstraint(
            ["cover_id"], ["staff_user.id"], name=op.f("fk_staff_absence_cover_id_staff_user")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staff_absence")),
    )
    op.create_index("ix_staff_absence_user", "staff_absence", ["user_id", "last_on"])


def downgrade() -> None:
    op.drop_table("staff_absence")
    op.drop_table("staff_skill")
    op.drop_index("ix_collections_case_covered", "collections_case")
    with op.batch_alter_table("collections_case") as case:
        case.drop_column("covered_for")
    with op.batch_alter_table("staff_user") as user:
        user.drop_constraint(op.f("ck_staff_user_most_cases"), type_="check")
        user.drop_column("most_cases")
