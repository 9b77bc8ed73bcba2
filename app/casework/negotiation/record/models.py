"""Negotiations and their offers."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.negotiation.facts import Option, OptionKind, SolverFacts
from app.casework.negotiation.record.rules import OfferStatus
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.ids import id_of
from app.core.kit.frozen_json import from_json

STANDS = sa.text("status IN ('shown', 'countered')")


class Negotiation(Row, table=True):
    """One answer of the solver, with everything it was told: it can be replayed to the same answer."""

    __tablename__ = "negotiation"
    __table_args__ = (sa.Index("ix_negotiation_case", "case_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    role: str = Field(max_length=20)
    facts: str = Field(sa_type=sa.Text)
    """`SolverFacts` as JSON."""
    chance: str = Field(sa_type=sa.Text)
    """What the chances were computed from, as JSON."""
    chance_version: str = Field(max_length=60)
    solver_version: str = Field(max_length=20)
    digest: str = Field(max_length=64)
    """SHA-256 of the solution."""

    @property
    def solver_facts(self) -> SolverFacts:
        return from_json(SolverFacts, self.facts)


def offer_reference(number: int) -> str:
    """Such as `O-000012`."""
    return f"O-{number:06d}"


class NegotiationOffer(Row, table=True):
    """An offer of a negotiation, or a kind that was not offered with the reason. Its terms and price never change."""

    __tablename__ = "offer"
    __table_args__ = (
        sa.Index("ix_offer_negotiation", "negotiation_id", "rank"),
        sa.Index("ix_offer_case", "case_id", "id"),
        sa.Index("ix_offer_made", "portfolio_id", "made_at"),
        sa.Index(
            "ix_offer_standing",
            "portfolio_id",
            "expires_on",
            sqlite_where=STANDS,
            postgresql_where=STANDS,
        ),
        sa.CheckConstraint("status <> 'not_offered' OR reason <> ''", name="reason_given"),
        sa.CheckConstraint("status = 'not_offered' OR terms <> ''", name="terms_given"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    negotiation_id: int = Field(foreign_key="negotiation.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    kind: OptionKind = Field(sa_type=enum_type(OptionKind))
    rank: int
    """From 1, the best first; 0 = not offered."""
    status: OfferStatus = Field(sa_type=enum_type(OfferStatus))
    countered: bool = False
    """The customer's own figures."""
    terms: str = Field(default="", sa_type=sa.Text)
    """The `Option` with its terms and instalments, as JSON."""
    total_cost_minor: int = Field(default=0, sa_type=sa.BigInteger)
    waived_minor: int = Field(default=0, sa_type=sa.BigInteger)
    expected_kept_minor: int = Field(default=0, sa_type=sa.BigInteger)
    chance_kept: float = 0
    may_grant: str = Field(default="", max_length=20)
    reason: str = Field(default="", max_length=500)
    """Why it is not offered, or why the customer refused it."""
    rule: str = Field(default="", max_length=120)
    citation: str = Field(default="", max_length=300)
    expires_on: date | None = None
    made_at: datetime = Field(sa_type=UtcDateTime)
    made_by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
    plan_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigId)
    request_id: int | None = Field(default=None, foreign_key="approval_request.id", sa_type=BigId)
    """The request to a manager, where it was beyond the authority of the person who took it."""

    @property
    def option(self) -> Option | None:
        """The offer as it was made; None where the kind was not offered."""
        return from_json(Option, self.terms) if self.terms else None

    @property
    def reference(self) -> str:
        """Such as `O-000012`."""
        return offer_reference(id_of(self))
