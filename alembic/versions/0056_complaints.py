"""Complaints: rows of their own, with answers, letters, redress and root causes; holds of complaints become rows.

Revision ID: 0056
Revises: 0063
"""

from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0056"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "root_cause",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("action", sa.String(length=1000), nullable=False),
        sa.Column("action_on", sa.Date(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_root_cause_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_root_cause")),
        sa.UniqueConstraint("portfolio_id", "name", name=op.f("uq_root_cause_portfolio_id_name")),
    )
    op.create_table(
        "complaint",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("hold_id", BigId, nullable=True),
        sa.Column(
            "category",
            _one_of(
                "complaintcategory",
                "agent_conduct",
                "contact",
                "wrong_person",
                "amount",
                "fees",
                "payment",
                "hardship",
                "agreement",
                "credit_report",
                "legal_action",
                "personal_data",
                "selling",
                "information",
                "service",
                "arrears",
                "other",
            ),
            nullable=False,
        ),
        sa.Column(
            "severity",
            _one_of("complaintseverity", "low", "normal", "high"),
            nullable=False,
        ),
        sa.Column(
            "channel",
            _one_of("complaintchannel", "call", "sms", "email", "post", "page", "portal", "other"),
            nullable=False,
        ),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("about_staff", sa.String(length=120), nullable=False),
        sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("resolve_by", sa.Date(), nullable=True),
        sa.Column("first_by", sa.Date(), nullable=True),
        sa.Column("first_on", sa.Date(), nullable=True),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("holding_from", sa.Date(), nullable=True),
        sa.Column("holding_on", sa.Date(), nullable=True),
        sa.Column("expected_on", sa.Date(), nullable=True),
        sa.Column("overdue_on", sa.Date(), nullable=True),
        sa.Column("pack", sa.String(length=200), nullable=False),
        sa.Column("citation", sa.String(length=600), nullable=False),
        sa.Column("verified", sa.Boolean(), nullable=False),
        sa.Column(
            "outcome",
            _one_of("complaintoutcome", "upheld", "partly", "rejected", "withdrawn"),
            nullable=True,
        ),
        sa.Column(
            "closed_with",
            _one_of("answerkind", "summary", "final", "withdrawn", "hold"),
            nullable=True,
        ),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("closed_on", sa.Date(), nullable=True),
        sa.Column("cause_id", BigId, nullable=True),
        sa.Column(
            "ombudsman",
            _one_of("ombudsmanstage", "none", "referred", "decided_for_us", "decided_for_customer"),
            nullable=False,
        ),
        sa.Column("ombudsman_on", sa.Date(), nullable=True),
        sa.Column("ombudsman_reference", sa.String(length=80), nullable=False),
        sa.Column("ombudsman_note", sa.String(length=1000), nullable=False),
        sa.Column("reopenings", sa.Integer(), nullable=False),
        sa.CheckConstraint("(closed_at IS NULL) = (closed_on IS NULL)", name=op.f("ck_complaint_closed_on")),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (closed_with IS NULL)", name=op.f("ck_complaint_closed_with")
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_complaint_account_id_account")),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_complaint_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["cause_id"], ["root_cause.id"], name=op.f("fk_complaint_cause_id_root_cause")
        ),
        sa.ForeignKeyConstraint(
            ["customer_id"], ["customer.id"], name=op.f("fk_complaint_customer_id_customer")
        ),
        sa.ForeignKeyConstraint(["hold_id"], ["case_hold.id"], name=op.f("fk_complaint_hold_id_case_hold")),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_complaint_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint")),
    )
    with op.batch_alter_table("complaint", schema=None) as batch_op:
        batch_op.create_index("ix_complaint_cause", ["cause_id", "received_on"], unique=False)
        batch_op.create_index("ix_complaint_customer", ["customer_id", "closed_at"], unique=False)
        batch_op.create_index("ix_complaint_hold", ["hold_id"], unique=False)
        batch_op.create_index(
            "ix_complaint_holding",
            ["portfolio_id", "holding_from"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL AND holding_on IS NULL AND holding_from IS NOT NULL"),
            postgresql_where=sa.text("closed_at IS NULL AND holding_on IS NULL AND holding_from IS NOT NULL"),
        )
        batch_op.create_index(
            "ix_complaint_late",
            ["portfolio_id", "answer_by", "id"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL AND overdue_on IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL AND overdue_on IS NULL"),
        )
        batch_op.create_index(
            "ix_complaint_open",
            ["portfolio_id", "answer_by"],
            unique=False,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )
        batch_op.create_index("ix_complaint_opened", ["portfolio_id", "opened_at"], unique=False)
        batch_op.create_index("ix_complaint_received", ["portfolio_id", "received_on"], unique=False)

    op.create_table(
        "complaint_answer",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("complaint_id", BigId, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            _one_of("answerkind", "summary", "final", "withdrawn", "hold"),
            nullable=False,
        ),
        sa.Column(
            "outcome",
            _one_of("complaintoutcome", "upheld", "partly", "rejected", "withdrawn"),
            nullable=True,
        ),
        sa.Column(
            "form",
            _one_of("finalform", "accept", "offer", "reject"),
            nullable=True,
        ),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("redress_minor", sa.BigInteger(), nullable=False),
        sa.Column("apology", sa.Boolean(), nullable=False),
        sa.Column("correction", sa.String(length=500), nullable=False),
        sa.Column("began_on", sa.Date(), nullable=False),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("answered_on", sa.Date(), nullable=False),
        sa.Column("answered_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("document_id", BigId, nullable=True),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaint.id"], name=op.f("fk_complaint_answer_complaint_id_complaint")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["case_document.id"], name=op.f("fk_complaint_answer_document_id_case_document")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_complaint_answer_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_answer")),
        sa.UniqueConstraint("complaint_id", "number", name=op.f("uq_complaint_answer_complaint_id_number")),
    )
    with op.batch_alter_table("complaint_answer", schema=None) as batch_op:
        batch_op.create_index("ix_complaint_answer_day", ["portfolio_id", "answered_on"], unique=False)

    op.create_table(
        "complaint_redress",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("complaint_id", BigId, nullable=False),
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column(
            "status",
            _one_of("redressstatus", "requested", "paid", "declined"),
            nullable=False,
        ),
        sa.Column("requested_by", sa.String(length=120), nullable=False),
        sa.Column("requested_at", UtcDateTime(), nullable=False),
        sa.Column("alone", sa.Boolean(), nullable=False),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("entry_id", BigId, nullable=True),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_complaint_redress_amount_positive")),
        sa.CheckConstraint(
            "decided_by <> requested_by OR alone", name=op.f("ck_complaint_redress_two_people")
        ),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_complaint_redress_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaint.id"], name=op.f("fk_complaint_redress_complaint_id_complaint")
        ),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["ledger_entry.id"], name=op.f("fk_complaint_redress_entry_id_ledger_entry")
        ),
        sa.ForeignKeyConstraint(
            ["portfolio_id"], ["portfolio.id"], name=op.f("fk_complaint_redress_portfolio_id_portfolio")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_redress")),
    )
    with op.batch_alter_table("complaint_redress", schema=None) as batch_op:
        batch_op.create_index("ix_complaint_redress", ["complaint_id"], unique=False)
        batch_op.create_index("ix_complaint_redress_waiting", ["portfolio_id", "status"], unique=False)

    op.create_table(
        "complaint_letter",
        sa.Column("id", BigId, nullable=False),
        sa.Column("complaint_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("step", sa.String(length=60), nullable=False),
        sa.Column("occurrence", sa.Integer(), nullable=False),
        sa.Column(
            "kind",
            _one_of("letterkind", "acknowledgement", "holding", "summary", "final"),
            nullable=False,
        ),
        sa.Column("answer_id", BigId, nullable=True),
        sa.Column("written_at", UtcDateTime(), nullable=False),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(
            ["answer_id"],
            ["complaint_answer.id"],
            name=op.f("fk_complaint_letter_answer_id_complaint_answer"),
        ),
        sa.ForeignKeyConstraint(
            ["case_id"], ["collections_case.id"], name=op.f("fk_complaint_letter_case_id_collections_case")
        ),
        sa.ForeignKeyConstraint(
            ["complaint_id"], ["complaint.id"], name=op.f("fk_complaint_letter_complaint_id_complaint")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_complaint_letter")),
        sa.UniqueConstraint(
            "case_id", "step", "occurrence", name=op.f("uq_complaint_letter_case_id_step_occurrence")
        ),
    )
    with op.batch_alter_table("complaint_letter", schema=None) as batch_op:
        batch_op.create_index("ix_complaint_letter", ["complaint_id"], unique=False)
    _holds_become_rows()


def _one_of(name: str, *values: str) -> sa.Enum:
    return sa.Enum(*values, name=name, native_enum=False, create_constraint=True, length=40)


def _holds_become_rows() -> None:
    """Each hold of a complaint has a row: category other, its reason the words, its day the day of the answer. One that
    ended is closed `hold`: no decision is on record."""
    connection = op.get_bind()
    hold = sa.table(
        "case_hold",
        *(sa.column(name) for name in ("id", "case_id", "customer_id", "kind", "reason", "by", "ended_by")),
        sa.column("started_at", UtcDateTime()),
        sa.column("ended_at", UtcDateTime()),
        sa.column("until", sa.Date()),
    )
    case, portfolio = (sa.table(name, *map(sa.column, columns)) for name, columns in (
        ("collections_case", ("id", "portfolio_id")), ("portfolio", ("id", "timezone", "pack")),
    ))  # fmt: skip
    query = (
        sa.select(hold, case.c.portfolio_id, portfolio.c.timezone, portfolio.c.pack)
        .join(case, case.c.id == hold.c.case_id)
        .join(portfolio, portfolio.c.id == case.c.portfolio_id)
        .where(hold.c.kind == "complaint")
        .order_by(hold.c.id)
    )
    rows = [_row(each) for each in connection.execute(query)]
    names = list(rows[0]) if rows else []
    times = {"received_at", "opened_at", "closed_at"}
    days = {"received_on", "began_on", "answer_by", "closed_on"}
    complaint = sa.table(
        "complaint",
        *(sa.column(n, UtcDateTime() if n in times else sa.Date() if n in days else None) for n in names),
    )
    for start in range(0, len(rows), 1000):
        connection.execute(sa.insert(complaint), rows[start : start + 1000])
    connection.execute(
        sa.text(
            "INSERT INTO complaint_answer (portfolio_id, complaint_id, number, kind, outcome, form, reasons, "
            "redress_minor, apology, correction, began_on, answer_by, answered_on, answered_at, by, document_id) "
            "SELECT complaint.portfolio_id, complaint.id, 1, 'hold', NULL, NULL, case_hold.end_reason, 0, false, '', "
            "complaint.began_on, complaint.answer_by, complaint.closed_on, complaint.closed_at, case_hold.ended_by, "
            "NULL FROM complaint JOIN case_hold ON case_hold.id = complaint.hold_id "
            "WHERE complaint.closed_at IS NOT NULL ORDER BY complaint.id"
        )
    )


def _row(hold: Any) -> dict[str, Any]:
    zone = ZoneInfo(hold.timezone)
    received_on = hold.started_at.astimezone(zone).date()
    return {
        "portfolio_id": hold.portfolio_id, "customer_id": hold.customer_id, "case_id": hold.case_id,
        "hold_id": hold.id, "category": "other", "severity": "normal", "channel": "other", "words": hold.reason,
        "received_at": hold.started_at, "received_on": received_on, "opened_at": hold.started_at, "by": hold.by,
        "owner": "", "about_staff": "", "began_on": received_on, "answer_by": hold.until, "pack": hold.pack,
        "citation": "the day of its hold", "verified": False,
        "closed_with": "hold" if hold.ended_at else None, "closed_at": hold.ended_at,
        "closed_on": hold.ended_at.astimezone(zone).date() if hold.ended_at else None,
        "ombudsman": "none", "ombudsman_reference": "", "ombudsman_note": "", "reopenings": 0,
    }  # fmt: skip


def downgrade() -> None:
    for table in ("complaint_letter", "complaint_redress", "complaint_answer", "complaint", "root_cause"):
        op.drop_table(table)
