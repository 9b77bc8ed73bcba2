"""Promises to pay and repayment plans with their instalments."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.plans.rules import Acceptance, Cadence, InstalmentChange, PlanKind, PlanStatus
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.core.ids import id_of


def plan_reference(plan_id: int) -> str:
    """Such as `P-000003`."""
    return f"P-{plan_id:06d}"


class Plan(Row, table=True):
    __tablename__ = "plan"
    __table_args__ = (
        sa.Index("ix_plan_case", "case_id"),
        sa.Index("ix_plan_assess", "portfolio_id", "status", "assess_on"),
        sa.Index("ix_plan_ended", "portfolio_id", "status", "ended_on"),
        sa.Index("ix_plan_review", "portfolio_id", "review_on"),
        sa.Index("ix_plan_taken_up", "portfolio_id", "taken_up_on"),
        sa.Index(
            "uq_plan_live",
            "case_id",
            unique=True,
            sqlite_where=sa.text("status IN ('accepted', 'active')"),
            postgresql_where=sa.text("status IN ('accepted', 'active')"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    kind: PlanKind = Field(sa_type=enum_type(PlanKind))
    status: PlanStatus = Field(sa_type=enum_type(PlanStatus))
    total_minor: int = Field(gt=0, sa_type=sa.BigInteger)
    offered_at: datetime = Field(sa_type=UtcDateTime)
    offered_by: str = Field(max_length=120)
    offer_until: date | None = None
    """The last day on which the offer can be accepted; until then its price holds."""
    accepted_on: date | None = None
    """The day on which it was agreed to; of a settlement that was taken up by paying, that of the payment."""
    taken_up_on: date | None = None
    """The day whose night, or act, found that an offer to settle was taken up by paying; None = it was not."""
    counts_from: date | None = None
    """The day of its offer: money of this day that came after the offer, and of later days, counts toward it. None =
    `accepted_on`."""
    assess_on: date | None = None
    """The next day on which it has to be looked at."""
    ended_on: date | None = None
    broken_instalment: int | None = None
    why: str = Field(default="", max_length=300)
    cadence: Cadence = Field(default=Cadence.ONCE, sa_type=enum_type(Cadence))
    apr_millionths: int | None = Field(default=None, ge=0)
    """The yearly rate while the plan is kept; None = the accounts' own."""
    waived_fees_minor: int = Field(default=0, ge=0, sa_type=sa.BigInteger)
    """Fees that are waived when the plan is accepted."""
    re_age: bool = False
    """The accounts are brought current when the plan is kept, where the pack permits it."""
    grace_days: int = Field(default=0, ge=0)
    """Days after its due date before a short instalment breaks the plan; the portfolio's on the day of the offer."""
    tolerance_minor: int = Field(default=0, ge=0, sa_type=sa.BigInteger)
    """What an instalment may be short and still counts as paid; the portfolio's on the day of the offer."""
    skips_allowed: int = Field(default=0, ge=0)
    """Instalments that may be skipped, by the agreement."""
    agreed_with_id: int | None = Field(default=None, foreign_key="third_party.id", sa_type=BigId)
    """The third party who agreed for the customer; None = the customer."""
    acceptance: Acceptance | None = Field(default=None, sa_type=enum_type(Acceptance))
    acceptance_words: str = Field(default="", max_length=500)
    """What was said: which day, by which means, and that it was read back."""
    supersedes_id: int | None = Field(default=None, foreign_key="plan.id", sa_type=BigId)
    """The plan that this one was renegotiated from."""
    terms: str = Field(default="", sa_type=sa.Text, sa_column_kwargs={"server_default": ""})
    """All terms of its offer, as JSON (`stored_terms`); what was moved or skipped since is not in them."""
    is_token: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """Small payments while the household recovers: the rest of the debt is agreed on later."""
    review_on: date | None = None
    """The day on which a person looks at token or reduced payments with the customer."""

    @property
    def reference(self) -> str:
        return plan_reference(id_of(self))


class PlanAccount(Row, table=True):
    """An account that a settlement settles."""

    __tablename__ = "plan_account"

    plan_id: int = Field(primary_key=True, foreign_key="plan.id", sa_type=BigId)
    account_id: int = Field(primary_key=True, foreign_key="account.id", sa_type=BigId)


class PlanWaiver(Row, table=True):
    """A waiver that an agreement brought about when it was accepted."""

    __tablename__ = "plan_waiver"
    __table_args__ = (sa.Index("ix_plan_waiver_plan", "plan_id"),)

    waiver_id: int = Field(primary_key=True, foreign_key="waiver.id", sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)


class PlanReAge(Row, table=True):
    """A re-age that an agreement brought about when it was kept."""

    __tablename__ = "plan_re_age"
    __table_args__ = (sa.Index("ix_plan_re_age_plan", "plan_id"),)

    re_age_id: int = Field(primary_key=True, foreign_key="re_age.id", sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)


class PlanInstalment(Row, table=True):
    __tablename__ = "plan_instalment"

    plan_id: int = Field(primary_key=True, foreign_key="plan.id", sa_type=BigId)
    n: int = Field(primary_key=True)
    """0 is the down payment."""
    due_on: date
    amount_minor: int = Field(gt=0, sa_type=sa.BigInteger)
    interest_minor: int = Field(default=0, ge=0, sa_type=sa.BigInteger)
    """The part of the amount that is interest to come, at the plan's rate."""
    agreed_on: date | None = None
    """The due date as first agreed, where it was moved since."""
    agreed_minor: int | None = Field(default=None, gt=0, sa_type=sa.BigInteger)
    """The amount as first agreed, where a move or a skip changed it since."""
    is_skipped: bool = False
    """Skipped as agreed: its amount falls due with the last instalment."""


class PlanChange(Row, table=True):
    """An agreed change of one instalment: moved to another day, or skipped. The plan goes on."""

    __tablename__ = "plan_change"
    __table_args__ = (sa.Index("ix_plan_change_plan", "plan_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)
    n: int
    change: InstalmentChange = Field(sa_type=enum_type(InstalmentChange))
    from_on: date
    to_on: date
    interest_minor: int = Field(default=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"})
    """The interest that it brings, or saves (negative); the last instalment takes it."""
    is_granted: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """A skip that the agreement did not say, granted since."""
    reason: str = Field(default="", max_length=300)
    by: str = Field(max_length=120)
    at: datetime = Field(sa_type=UtcDateTime)


class InstalmentPayment(Row, table=True):
    """A payment that named its instalment by reference; others go to the oldest instalment that is short."""

    __tablename__ = "instalment_payment"
    __table_args__ = (sa.Index("ix_instalment_payment_plan", "plan_id", "n"),)

    entry_id: int = Field(primary_key=True, foreign_key="ledger_entry.id", sa_type=BigId)
    plan_id: int = Field(foreign_key="plan.id", sa_type=BigId)
    n: int
