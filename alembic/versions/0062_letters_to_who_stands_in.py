"""Letters to the attorney, the executor and others who stand in for a customer, and to the estate.

Revision ID: 0062
Revises: 0058
"""

import sqlalchemy as sa
from alembic import op

from app.core.database.engine import BigId

revision = "0062"
down_revision = "0058"
branch_labels = None
depends_on = None

KINDS = ("attorney", "executor", "adviser", "family", "interpreter", "carer", "employer")
NEW_KINDS = ("guardian", "power_of_attorney", "trustee")
OCCASIONS = ("confirmed", "changed", "broken", "restored", "ended", "ahead")
NEW_OCCASIONS = ("statement", "estate", "estate_enquiry")
OF_PLANS = "(plan_id IS NULL) = (occasion IN ('statement', 'estate', 'estate_enquiry'))"
TO_NOBODY = "(party_id IS NULL) = (occasion = 'estate_enquiry')"
TO_PARTY = sa.text("plan_id IS NULL AND party_id IS NOT NULL")
TO_ESTATE = sa.text("party_id IS NULL")
QUIET = "(quiet_from IS NULL) = (quiet_until IS NULL)"


def upgrade() -> None:
    with op.batch_alter_table("third_party") as party:
        _one_of(party, "third_party", "partykind", "kind", (*KINDS, *NEW_KINDS))
        party.add_column(sa.Column("country", sa.String(length=2), server_default="", nullable=False))
        party.add_column(sa.Column("language", sa.String(length=8), server_default="", nullable=False))
        party.add_column(sa.Column("timezone", sa.String(length=60), server_default="", nullable=False))
        for channel in ("call", "email", "post"):
            agreed = sa.Column(f"by_{channel}", sa.Boolean(), server_default=sa.true(), nullable=False)
            party.add_column(agreed)
        party.add_column(sa.Column("quiet_from", sa.Integer(), nullable=True))
        party.add_column(sa.Column("quiet_until", sa.Integer(), nullable=True))
    with op.batch_alter_table("third_party") as party:
        party.create_check_constraint(op.f("ck_third_party_quiet_from_until"), QUIET)
    with op.batch_alter_table("party_letter") as letter:
        letter.add_column(sa.Column("case_id", BigId, nullable=True))
        letter.alter_column("plan_id", existing_type=BigId, nullable=True)
        letter.alter_column("party_id", existing_type=BigId, nullable=True)
        _one_of(letter, "party_letter", "occasion", "occasion", (*OCCASIONS, *NEW_OCCASIONS))
    op.execute(
        "UPDATE party_letter SET case_id = (SELECT case_id FROM plan WHERE plan.id = party_letter.plan_id)"
    )
    with op.batch_alter_table("party_letter") as letter:
        letter.alter_column("case_id", existing_type=BigId, nullable=False)
        letter.create_foreign_key(
            op.f("fk_party_letter_case_id_collections_case"), "collections_case", ["case_id"], ["id"]
        )
        letter.create_check_constraint(op.f("ck_party_letter_plan_where_of_one"), OF_PLANS)
        letter.create_check_constraint(op.f("ck_party_letter_party_unless_enquiry"), TO_NOBODY)
    op.create_index(
        "uq_party_letter_case",
        "party_letter",
        ["case_id", "party_id", "occasion", "occurrence"],
        unique=True,
        sqlite_where=TO_PARTY,
        postgresql_where=TO_PARTY,
    )
    op.create_index(
        "uq_party_letter_estate",
        "party_letter",
        ["case_id", "occurrence"],
        unique=True,
        sqlite_where=TO_ESTATE,
        postgresql_where=TO_ESTATE,
    )


def downgrade() -> None:
    messages = (
        "FROM outbox_message WHERE party_letter_id IN (SELECT id FROM party_letter WHERE plan_id IS NULL)"
    )
    op.execute(f"UPDATE mail_notice SET message_id = NULL WHERE message_id IN (SELECT id {messages})")  # noqa: S608
    op.execute(f"DELETE {messages}")  # noqa: S608
    op.execute("DELETE FROM party_letter WHERE plan_id IS NULL")
    op.execute(
        "UPDATE third_party SET kind = 'family' WHERE kind IN ('guardian', 'power_of_attorney', 'trustee')"
    )
    op.drop_index("uq_party_letter_estate", "party_letter")
    op.drop_index("uq_party_letter_case", "party_letter")
    with op.batch_alter_table("party_letter") as letter:
        letter.drop_constraint(op.f("ck_party_letter_party_unless_enquiry"), type_="check")
        letter.drop_constraint(op.f("ck_party_letter_plan_where_of_one"), type_="check")
        letter.drop_constraint(op.f("fk_party_letter_case_id_collections_case"), type_="foreignkey")
        _one_of(letter, "party_letter", "occasion", "occasion", OCCASIONS)
    with op.batch_alter_table("party_letter") as letter:
        letter.drop_column("case_id")
        letter.alter_column("plan_id", existing_type=BigId, nullable=False)
        letter.alter_column("party_id", existing_type=BigId, nullable=False)
    with op.batch_alter_table("third_party") as party:
        party.drop_constraint(op.f("ck_third_party_quiet_from_until"), type_="check")
        _one_of(party, "third_party", "partykind", "kind", KINDS)
    with op.batch_alter_table("third_party") as party:
        for column in (
            "country", "language", "timezone", "by_call", "by_email", "by_post", "quiet_from", "quiet_until",
        ):  # fmt: skip
            party.drop_column(column)


def _one_of(batch: object, table: str, check: str, column: str, values: tuple[str, ...]) -> None:
    name, listed = op.f(f"ck_{table}_{check}"), ", ".join(f"'{value}'" for value in values)
    batch.drop_constraint(name, type_="check")  # type: ignore[attr-defined]
    batch.create_check_constraint(name, f"{column} IN ({listed})")  # type: ignore[attr-defined]
