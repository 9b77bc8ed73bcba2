"""Satisfaction questions and their answers, and the settings of a portfolio that send them.

Revision ID: 0064
Revises: 0062
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0064"
down_revision = "0062"
branch_labels = None
depends_on = None

SETTINGS = (
    ("survey_share_percent", sa.Integer(), "0"),
    ("survey_channel", sa.String(length=10), "email"),
    ("survey_after_case", sa.Boolean(), sa.true()),
    ("survey_after_call", sa.Boolean(), sa.true()),
    ("survey_after_message", sa.Boolean(), sa.true()),
    ("survey_gap_days", sa.Integer(), "90"),
    ("survey_remind_days", sa.Integer(), "5"),
)
KEYS = (
    ("portfolio_id", "portfolio"),
    ("customer_id", "customer"),
    ("case_id", "collections_case"),
    ("event_id", "timeline_event"),
    ("message_id", "inbound_message"),
    ("contact_id", "contact"),
    ("reminder_id", "contact"),
)
UNANSWERED = "contact_id IS NOT NULL AND answered_at IS NULL AND reminded_on IS NULL"


def upgrade() -> None:
    for name, kind, default in SETTINGS:
        op.add_column("portfolio", sa.Column(name, kind, server_default=default, nullable=False))
    op.create_table(
        "survey",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column("after", _words("askedafter", "case", "call", "message"), nullable=False),
        sa.Column("event_id", BigId, nullable=True),
        sa.Column("message_id", BigId, nullable=True),
        sa.Column("reason", sa.String(length=60), nullable=False),
        sa.Column("agent", sa.String(length=60), nullable=False),
        sa.Column("channel", _words("channel", "sms", "email", "post", "call"), nullable=False),
        sa.Column("language", sa.String(length=12), nullable=False),
        sa.Column("contact_id", BigId, nullable=True),
        sa.Column("asked_on", sa.Date(), nullable=False),
        sa.Column("closes_on", sa.Date(), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("reminded_on", sa.Date(), nullable=True),
        sa.Column("reminder_id", BigId, nullable=True),
        sa.Column("score", sa.Integer(), nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("cues", sa.String(length=400), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=True),
        sa.Column("answered_on", sa.Date(), nullable=True),
        sa.Column("changed_at", UtcDateTime(), nullable=True),
        sa.Column("declined_at", UtcDateTime(), nullable=True),
        sa.CheckConstraint("score BETWEEN 1 AND 5", name=op.f("ck_survey_score_of_five")),
        sa.CheckConstraint(
            "(score IS NULL) = (answered_at IS NULL)", name=op.f("ck_survey_answer_has_score")
        ),
        sa.CheckConstraint(
            "(answered_at IS NULL) = (answered_on IS NULL)", name=op.f("ck_survey_answer_has_day")
        ),
        *(
            sa.ForeignKeyConstraint([column], [f"{table}.id"], name=op.f(f"fk_survey_{column}_{table}"))
            for column, table in KEYS
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_survey")),
        sa.UniqueConstraint("case_id", "occurrence", name=op.f("uq_survey_case_id_occurrence")),
        sa.UniqueConstraint("event_id", name=op.f("uq_survey_event_id")),
        sa.UniqueConstraint("message_id", name=op.f("uq_survey_message_id")),
    )
    op.create_index("ix_survey_customer", "survey", ["customer_id"])
    op.create_index("ix_survey_portfolio", "survey", ["portfolio_id", "asked_on"])
    for name, columns, where in (
        ("ix_survey_answered", ["portfolio_id", "answered_on"], "answered_on IS NOT NULL"),
        ("ix_survey_unanswered", ["portfolio_id", "asked_on"], UNANSWERED),
    ):
        op.create_index(name, "survey", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def downgrade() -> None:
    op.drop_table("survey")
    with op.batch_alter_table("portfolio") as portfolio:
        for name, *_ in reversed(SETTINGS):
            portfolio.drop_column(name)


def _words(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)
