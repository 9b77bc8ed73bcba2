"""Offers of help and their answers, work handed to other desks, the record of abusive contact.

Revision ID: 0067
Revises: 0072
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0067"
down_revision = "0072"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "help_offer",
        *_whose(),
        sa.Column("code", sa.String(length=40), nullable=False),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("offered_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("answer", _one_of("offeranswer", "accepted", "declined", "thinking"), nullable=False),
        sa.Column("answered_on", sa.Date(), nullable=False),
        sa.Column("answered_by", sa.String(length=120), nullable=False),
        *_keys("help_offer"),
    )
    op.create_index("ix_help_offer_customer", "help_offer", ["customer_id"])
    op.create_table(
        "desk_hand_over",
        *_whose(),
        sa.Column("help_offer_id", BigId, nullable=True),
        sa.Column("desk", sa.String(length=40), nullable=False),
        sa.Column(
            "kind",
            _one_of("handoverkind", "application", "sales_interest", "help", "conduct"),
            nullable=False,
        ),
        sa.Column("words", sa.String(length=500), nullable=False),
        sa.Column("handed_on", sa.Date(), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column(
            "status", _one_of("handoverstatus", "handed", "received", "done", "returned"), nullable=False
        ),
        sa.Column("received_at", UtcDateTime(), nullable=True),
        sa.Column("received_by", sa.String(length=120), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("ended_by", sa.String(length=120), nullable=False),
        sa.Column("result", sa.String(length=500), nullable=False),
        sa.CheckConstraint(
            "(ended_at IS NOT NULL) = (status IN ('done', 'returned'))", name=op.f("ck_desk_hand_over_ended")
        ),
        sa.CheckConstraint(
            "(received_at IS NULL) = (status = 'handed')", name=op.f("ck_desk_hand_over_received")
        ),
        *_keys("desk_hand_over", help_offer_id="help_offer"),
    )
    is_open = sa.text("ended_at IS NULL")
    op.create_index("ix_desk_hand_over_customer", "desk_hand_over", ["customer_id"])
    op.create_index(
        "ix_desk_hand_over_open", "desk_hand_over", ["portfolio_id", "due_on", "id"],
        sqlite_where=is_open, postgresql_where=is_open,
    )  # fmt: skip
    op.create_table(
        "conduct_record",
        *_whose(),
        sa.Column("step", _one_of("conductstep", "warned", "ended"), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("was_warned", sa.Boolean(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("hand_over_id", BigId, nullable=True),
        *_keys("conduct_record", hand_over_id="desk_hand_over"),
    )
    op.create_index("ix_conduct_record_customer", "conduct_record", ["customer_id"])


def downgrade() -> None:
    for table in ("conduct_record", "desk_hand_over", "help_offer"):
        op.drop_table(table)


def _whose() -> list[sa.Column[object]]:
    names = ("id", "portfolio_id", "customer_id", "case_id")
    return [sa.Column(name, BigId, nullable=False) for name in names]


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _keys(table: str, **more: str) -> list[sa.Constraint]:
    found = {
        "case_id": "collections_case",
        "customer_id": "customer",
        "portfolio_id": "portfolio",
        **more,
    }
    return [
        *(
            sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))
            for column, to in found.items()
        ),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]
