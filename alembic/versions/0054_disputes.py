"""Disputes, the evidence asked for, and the amounts that nobody asks for meanwhile.

Dispute holds of before get a dispute of the whole debt each, with the id of the hold: duties name it.

Revision ID: 0054
Revises: 0068
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId, UtcDateTime

revision = "0054"
down_revision = "0068"
branch_labels = None
depends_on = None

KINDS = (
    "whole_debt", "not_mine", "identity", "already_paid", "amount", "transaction", "fee", "billing_error"
)  # fmt: skip
OUTCOMES = ("upheld", "partly", "rejected", "withdrawn", "answered")
OPEN, LEFT_OUT = sa.text("outcome IS NULL"), sa.text("left_out_minor > 0")


EVENTS = (
    "first_contact", "dispute", "complaint", "settlement", "two_payments_behind", "case_open", "quarter_of_agreement",
    "debt_assigned", "default_sum",
)  # fmt: skip
NEW_EVENTS = ("billing_error", "billing_error_answer")


def upgrade() -> None:
    _duties_of((*EVENTS, *NEW_EVENTS))
    _disputed_amount()
    _dispute()
    _evidence()
    _take_over_holds()


def downgrade() -> None:
    op.drop_table("dispute_evidence")
    op.drop_table("dispute")
    op.drop_table("disputed_amount")
    op.execute(sa.text("DELETE FROM duty WHERE event LIKE 'billing_error%'"))
    _duties_of(EVENTS)


def _duties_of(events: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{each}'" for each in events)
    with op.batch_alter_table("duty") as duty:
        duty.drop_constraint(op.f("ck_duty_dutyevent"), type_="check")
        duty.create_check_constraint(op.f("ck_duty_dutyevent"), f"event IN ({listed})")


def _word(name: str, members: tuple[str, ...]) -> sa.Enum:
    return sa.Enum(*members, name=name, native_enum=False, create_constraint=False, length=40)


def _one_of(table: str, enum: str, column: str, members: tuple[str, ...]) -> sa.CheckConstraint:
    listed = ", ".join(f"'{each}'" for each in members)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=op.f(f"ck_{table}_{enum}"))


def _refers(table: str, column: str, to: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [f"{to}.id"], name=op.f(f"fk_{table}_{column}_{to}"))


def _disputed_amount() -> None:
    op.create_table(
        "disputed_amount",
        sa.Column("account_id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("amount_minor", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_disputed_amount_amount_positive")),
        _refers("disputed_amount", "account_id", "account"),
        _refers("disputed_amount", "portfolio_id", "portfolio"),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_disputed_amount")),
    )
    op.create_index(op.f("ix_disputed_amount_portfolio_id"), "disputed_amount", ["portfolio_id"])


def _dispute() -> None:
    op.create_table(
        "dispute",
        sa.Column("id", BigId, nullable=False),
        sa.Column("portfolio_id", BigId, nullable=False),
        sa.Column("customer_id", BigId, nullable=False),
        sa.Column("case_id", BigId, nullable=False),
        sa.Column("n", sa.Integer(), nullable=False),
        sa.Column("kind", _word("disputekind", KINDS), nullable=False),
        sa.Column("account_id", BigId, nullable=True),
        sa.Column("entry_id", BigId, nullable=True),
        sa.Column("statement_id", BigId, nullable=True),
        sa.Column("amount_minor", sa.BigInteger(), nullable=True),
        sa.Column("left_out_minor", sa.BigInteger(), nullable=False),
        sa.Column("paid_on", sa.Date(), nullable=True),
        sa.Column("received_on", sa.Date(), nullable=False),
        sa.Column("received_as", _word("receivedas", ("written", "oral")), nullable=False),
        sa.Column("words", sa.String(length=1000), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("acknowledge_by", sa.Date(), nullable=True),
        sa.Column("answer_by", sa.Date(), nullable=False),
        sa.Column("by_law", sa.Boolean(), nullable=False),
        sa.Column("hold_id", BigId, nullable=True),
        sa.Column("by", sa.String(length=120), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("outcome", _word("disputeoutcome", OUTCOMES), nullable=True),
        sa.Column("explanation", sa.String(length=1000), nullable=False),
        sa.Column("conceded_minor", sa.BigInteger(), nullable=False),
        sa.Column("correction_id", BigId, nullable=True),
        sa.Column("awaits_correction", sa.Boolean(), nullable=False),
        sa.Column("pay_by", sa.Date(), nullable=True),
        sa.Column("decided_by", sa.String(length=120), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        _one_of("dispute", "disputekind", "kind", KINDS),
        _one_of("dispute", "receivedas", "received_as", ("written", "oral")),
        _one_of("dispute", "disputeoutcome", "outcome", OUTCOMES),
        sa.CheckConstraint(
            "left_out_minor = 0 OR account_id IS NOT NULL", name=op.f("ck_dispute_left_out_of_an_account")
        ),
        sa.CheckConstraint("amount_minor > 0", name=op.f("ck_dispute_amount_positive")),
        sa.CheckConstraint("left_out_minor >= 0", name=op.f("ck_dispute_left_out_not_negative")),
        sa.CheckConstraint("conceded_minor >= 0", name=op.f("ck_dispute_conceded_not_negative")),
        sa.CheckConstraint(
            "(outcome IS NULL) = (decided_at IS NULL)", name=op.f("ck_dispute_decided_with_outcome")
        ),
        _refers("dispute", "portfolio_id", "portfolio"),
        _refers("dispute", "customer_id", "customer"),
        _refers("dispute", "case_id", "collections_case"),
        _refers("dispute", "account_id", "account"),
        _refers("dispute", "entry_id", "ledger_entry"),
        _refers("dispute", "statement_id", "statement"),
        _refers("dispute", "hold_id", "case_hold"),
        _refers("dispute", "correction_id", "ledger_entry"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute")),
        sa.UniqueConstraint("case_id", "n", name=op.f("uq_dispute_case_id_n")),
    )
    op.create_index("ix_dispute_customer", "dispute", ["customer_id"])
    op.create_index("ix_dispute_hold", "dispute", ["hold_id"])
    op.create_index("ix_dispute_received", "dispute", ["portfolio_id", "received_on"])
    for name, columns, unique, where in (
        ("ix_dispute_open", ["portfolio_id", "answer_by"], False, OPEN),
        ("uq_dispute_entry_open", ["entry_id"], True, OPEN),
        ("ix_dispute_left_out", ["account_id"], False, LEFT_OUT),
    ):
        op.create_index(name, "dispute", columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _evidence() -> None:
    states = ("requested", "received", "insufficient")
    op.create_table(
        "dispute_evidence",
        sa.Column("id", BigId, nullable=False),
        sa.Column("dispute_id", BigId, nullable=False),
        sa.Column("what", sa.String(length=200), nullable=False),
        sa.Column("state", _word("evidencestate", states), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=False),
        sa.Column("document_id", BigId, nullable=True),
        sa.Column("note", sa.String(length=300), nullable=False),
        sa.Column("asked_by", sa.String(length=120), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("judged_by", sa.String(length=120), nullable=False),
        sa.Column("judged_at", UtcDateTime(), nullable=True),
        _one_of("dispute_evidence", "evidencestate", "state", states),
        _refers("dispute_evidence", "dispute_id", "dispute"),
        _refers("dispute_evidence", "document_id", "case_document"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dispute_evidence")),
    )
    op.create_index("ix_dispute_evidence_dispute", "dispute_evidence", ["dispute_id"])


def _take_over_holds() -> None:
    day = "CAST(h.started_at AS DATE)" if op.get_bind().dialect.name == "postgresql" else "date(h.started_at)"
    op.execute(
        sa.text(
            f"""
            INSERT INTO dispute (
                id, portfolio_id, customer_id, case_id, n, kind, left_out_minor, received_on, received_as, words,
                owner, answer_by, by_law, hold_id, by, opened_at, outcome, explanation, conceded_minor,
                awaits_correction, decided_by, decided_at
            )
            SELECT
                h.id, c.portfolio_id, h.customer_id, h.case_id,
                row_number() OVER (PARTITION BY h.case_id ORDER BY h.id), 'whole_debt', 0, {day},
                CASE WHEN h.by = 'customer' THEN 'written' ELSE 'oral' END, h.reason, '', h.until, false, h.id,
                h.by, h.started_at, CASE WHEN h.ended_at IS NOT NULL THEN 'answered' END, h.end_reason, 0, false,
                h.ended_by, h.ended_at
            FROM case_hold h JOIN collections_case c ON c.id = h.case_id
            WHERE h.kind = 'dispute'
            """  # noqa: S608 - our own words
        )
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            sa.text(
                "SELECT setval(pg_get_serial_sequence('dispute', 'id'), greatest(1, (SELECT max(id) FROM dispute)))"
                " WHERE EXISTS (SELECT 1 FROM dispute)"
            )
        )
