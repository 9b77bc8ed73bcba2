"""Support needs, the places withheld with them, and holds that only a person ends.

Revision ID: 0060
Revises: 0053
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0060"
down_revision = "0053"
branch_labels = None
depends_on = None

OPEN = sa.text("ended_at IS NULL")
PLACED = ("case_hold", "contact_preference")


def upgrade() -> None:
    op.create_table(
        "support_need",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=120), nullable=False),
        sa.Column("basis", _enum("basis", "consent", "safeguarding", "unconfirmed"), nullable=False),
        sa.Column(
            "told_by", _enum("toldby", "customer", "relative", "professional", "colleague"), nullable=False
        ),
        sa.Column("audience", _enum("audience", "casework", "managers"), nullable=False),
        sa.Column("review_on", sa.Date(), nullable=False),
        sa.Column("review_raised_on", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.Column("end_reason", sa.String(length=200), nullable=False),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_support_need_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_support_need_customer_id_customer")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_support_need")),
    )
    op.create_index("ix_support_need_customer", "support_need", ["customer_id", "ended_at"])
    open_only = {"sqlite_where": OPEN, "postgresql_where": OPEN}
    op.create_index("ix_support_need_review", "support_need", ["review_on"], **open_only)
    op.create_index("ux_support_need", "support_need", ["customer_id", "code"], unique=True, **open_only)
    op.create_table(
        "withheld_place",
        sa.Column("id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("need_id", BigId, nullable=False),
        sa.Column("kind", _enum("pointkind", "phone", "email", "address"), nullable=False),
        sa.Column("value", sa.String(length=600), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_withheld_place_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(
            ["need_id"], ["support_need.id"], name=op.f("fk_withheld_place_need_id_support_need")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_withheld_place")),
    )
    op.create_index("ix_withheld_place_customer", "withheld_place", ["customer_id", "ended_at"])
    op.create_index("ix_withheld_place_need", "withheld_place", ["need_id"])
    for table in PLACED:
        with op.batch_alter_table(table) as placed:
            placed.add_column(sa.Column("need_id", BigId, nullable=True))
            placed.create_foreign_key(
                op.f(f"fk_{table}_need_id_support_need"), "support_need", ["need_id"], ["id"]
            )
        op.create_index(f"ix_{table}_need", table, ["need_id"], **_with("need_id IS NOT NULL"))
    op.add_column(
        "case_hold", sa.Column("by_person", sa.Boolean(), server_default=sa.false(), nullable=False)
    )


def downgrade() -> None:
    with op.batch_alter_table("case_hold") as hold:
        hold.drop_column("by_person")
    for table in PLACED:
        op.drop_index(f"ix_{table}_need", table_name=table)
        with op.batch_alter_table(table) as placed:
            placed.drop_constraint(op.f(f"fk_{table}_need_id_support_need"), type_="foreignkey")
            placed.drop_column("need_id")
    op.drop_table("withheld_place")
    op.drop_table("support_need")


def _enum(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _with(where: str) -> dict[str, sa.TextClause]:
    return {"sqlite_where": sa.text(where), "postgresql_where": sa.text(where)}
