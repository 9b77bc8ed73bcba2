"""Notices before collection by place, and the paper by which a third party acts.

Revision ID: 0085
Revises: 0083
"""

import sqlalchemy as sa
from alembic import op

revision = "0085"
down_revision = "0083"
branch_labels = None
depends_on = None

BOTH = (
    "agreement", "assignment", "statement", "letter_of_claim", "default_notice", "validation_notice", "payment_demand",
    "inkassovarsel", "fourteen_day_letter", "assignment_notice", "verification", "correspondence", "other",
)  # fmt: skip
OLD = "collection_notice"
NEW = (
    "collection_notice_de",
    "collection_notice_on",
    "collection_notice_qc",
    "collection_notice_tw",
    "authority",
)
DOCUMENT = sa.table("case_document", sa.column("id"), sa.column("kind"), sa.column("customer_id"))
CUSTOMER = sa.table(
    "customer", sa.column("id"), sa.column("country"), sa.column("region"), sa.column("postcode")
)
PARTY = sa.table("third_party", sa.column("document_id"))
IN_CANADA = CUSTOMER.c.country == "CA"
REGION = sa.func.upper(sa.func.trim(CUSTOMER.c.region))
POSTCODE = sa.func.substr(sa.func.upper(sa.func.trim(CUSTOMER.c.postcode)), 1, 1)
# SQLite leaves accented letters as they are.
IN_QUEBEC = sa.or_(REGION.in_(["QC", "QUEBEC", "QUÉBEC", "QUéBEC"]), POSTCODE.in_(["G", "H", "J"]))
IN_ONTARIO = sa.or_(REGION.in_(["ON", "ONTARIO"]), POSTCODE.in_(["K", "L", "M", "N", "P"]))
PLACES = (
    ("collection_notice_de", CUSTOMER.c.country == "DE"),
    ("collection_notice_tw", CUSTOMER.c.country == "TW"),
    ("collection_notice_qc", sa.and_(IN_CANADA, IN_QUEBEC)),
    ("collection_notice_on", sa.and_(IN_CANADA, IN_ONTARIO)),
    ("other", sa.true()),
)
"""The place of a notice on file is the customer's, the first that fits. Other provinces have none."""


def upgrade() -> None:
    _allow((*BOTH, OLD, *NEW))
    for kind, there in PLACES:
        _rename((OLD,), kind, DOCUMENT.c.customer_id.in_(sa.select(CUSTOMER.c.id).where(there)))
    papers = sa.select(PARTY.c.document_id).where(PARTY.c.document_id.is_not(None))
    _rename(("other", "correspondence"), "authority", DOCUMENT.c.id.in_(papers))
    _allow((*BOTH, *NEW))


def downgrade() -> None:
    _allow((*BOTH, OLD, *NEW))
    _rename(("authority",), "other", sa.true())
    _rename(NEW[:4], OLD, sa.true())
    _allow((*BOTH, OLD))


def _rename(old: tuple[str, ...], new: str, where: sa.ColumnElement[bool]) -> None:
    op.execute(sa.update(DOCUMENT).where(DOCUMENT.c.kind.in_(old), where).values(kind=new))


def _allow(kinds: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{each}'" for each in kinds)
    with op.batch_alter_table("case_document") as changed:
        changed.drop_constraint(op.f("ck_case_document_documentkind"), type_="check")
        changed.create_check_constraint(op.f("ck_case_document_documentkind"), f"kind IN ({listed})")
