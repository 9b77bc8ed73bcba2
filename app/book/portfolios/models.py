"""Portfolios, and the business days they have closed."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.book.portfolios.rules import CollectorKind, DelinquencySource
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type


class Portfolio(Row, table=True):
    """Accounts of one creditor, worked under one set of rules."""

    __tablename__ = "portfolio"

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    code: str = Field(max_length=40, unique=True)
    creditor: str = Field(max_length=120)
    collector: CollectorKind = Field(sa_type=enum_type(CollectorKind))
    agency: str = Field(default="", max_length=120)
    """Name under which letters are written when it is not the creditor's own (third-party collection)."""
    currency: str = Field(max_length=3)
    timezone: str = Field(max_length=60)
    pack: str = Field(max_length=40)
    tightening: str = Field(default="", sa_type=sa.Text)
    """Contact rules of its own on top of its packs', as TOML; see docs/packs.md."""
    adopted_packs: str = Field(default="", sa_type=sa.Text, sa_column_kwargs={"server_default": ""})
    """Packs that a manager adopted for countries that no pack covers (`app/policy/composition.py`)."""
    strategy: str = Field(default="standard", max_length=40)
    source: DelinquencySource = Field(default=DelinquencySource.LEDGER, sa_type=enum_type(DelinquencySource))
    bucket_edges: str = Field(default="1,30,60,90,120,150,180", max_length=120)
    contact_phone: str = Field(default="", max_length=40)
    contact_email: str = Field(default="", max_length=120)
    grace_days: int = Field(default=3, ge=0, le=60)
    """Days after an instalment or promise falls due before it counts as broken."""
    agent_max_instalments: int = Field(default=12, ge=1)
    """Longest repayment plan an agent may grant; beyond it a manager must."""
    agent_max_discount_percent: int = Field(default=0, ge=0, le=100)
    """Largest share of a debt that an agent may waive in a settlement; a larger one needs a manager."""
    manager_max_discount_percent: int = Field(
        default=50, ge=0, le=100, sa_column_kwargs={"server_default": "50"}
    )
    """Largest share that a manager may waive alone; a larger one needs a second manager."""
    agent_waive_minor: int = Field(
        default=0, ge=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """Most fees that an agent may waive in an agreement."""
    agent_lowers_rate: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """An agent may agree on a lower rate while a plan is kept; otherwise a manager does."""
    promise_days: int = Field(default=60, ge=1, sa_column_kwargs={"server_default": "60"})
    """Days within which a promise is paid: a payment further ahead is a repayment plan."""
    settlement_days: int = Field(default=90, ge=1, sa_column_kwargs={"server_default": "90"})
    """Days within which a settlement is paid: the debt changes, and so does the amount that may be asked for it."""
    settlement_payments: int = Field(default=3, ge=1, sa_column_kwargs={"server_default": "3"})
    plan_months: int = Field(default=60, ge=1, sa_column_kwargs={"server_default": "60"})
    """Longest repayment plan, from its first payment to its last, whoever grants it."""
    first_within_days: int = Field(default=90, ge=1, sa_column_kwargs={"server_default": "90"})
    """Days within which the first payment of an agreement is due: reminders rest while it runs."""
    offer_days: int = Field(default=90, ge=1, sa_column_kwargs={"server_default": "90"})
    """Days for which an offer stands, unless the day of its first payment comes before."""
    lowest_apr_millionths: int = Field(default=0, ge=0, sa_column_kwargs={"server_default": "0"})
    """Lowest yearly rate that an agreement may set, whoever grants it."""
    tolerance_minor: int = Field(
        default=0, ge=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """What an instalment may be short and still counts as paid."""
    moves_a_month: int = Field(default=1, ge=0, sa_column_kwargs={"server_default": "1"})
    """Due dates of an agreement that may be moved in a calendar month."""
    move_days: int = Field(default=14, ge=1, sa_column_kwargs={"server_default": "14"})
    """Days by which a due date may be moved."""
    token_months: int = Field(default=6, ge=0, sa_column_kwargs={"server_default": "6"})
    """Most months of token payments: small sums while a household recovers; 0 = none are agreed on."""
    reduced_months: int = Field(default=6, ge=0, sa_column_kwargs={"server_default": "6"})
    """Most months for which the instalments of a hardship plan are reduced; 0 = none are."""
    agent_relief_months: int = Field(default=3, ge=0, sa_column_kwargs={"server_default": "3"})
    """Months of token or reduced payments that an agent may grant alone; a manager may grant all that is permitted."""
    plan_skips: int = Field(default=1, ge=0, sa_column_kwargs={"server_default": "1"})
    """Most instalments of an agreement that may be skipped, whoever grants it."""
    agent_skips_a_year: int = Field(default=1, ge=0, sa_column_kwargs={"server_default": "1"})
    """Instalments of a customer that an agent may let be skipped in a year; beyond it a manager does."""
    manager_skips_a_year: int = Field(default=3, ge=0, sa_column_kwargs={"server_default": "3"})
    """The same of one manager; beyond it two decide."""
    legal_after_days: int = Field(default=90, ge=1)
    legal_min_minor: int = Field(default=0, ge=0, sa_type=sa.BigInteger)
    legal_letter_days: int = Field(default=14, ge=1, sa_column_kwargs={"server_default": "14"})
    """Days since a letter of the case left, before which the case is not nominated for legal."""
    charge_off_days: int = Field(default=180, ge=0)
    """Days past due at which an account is charged off; 0 = never by itself."""
    dormant_after_days: int = Field(default=0, ge=0)
    """Days without an entry after which an account that owes nothing is dormant; 0 = never."""
    waive_limit_minor: int = Field(default=0, ge=0, sa_type=sa.BigInteger)
    """Most that one manager may waive alone; above it a second person decides."""
    accrues: bool = Field(default=False)
    """We are the ledger: interest and late fees are posted here, not by the creditor."""
    creditor_lowers_rates: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """Where the creditor posts the interest: it lowers a rate that an agreement promises, as a person asks it to."""
    day_count: int = Field(default=365, ge=360, le=366)
    """Days of a year in the daily interest rate."""
    late_fee_minor: int = Field(default=0, ge=0, sa_type=sa.BigInteger)
    prepayments_count: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """Money paid beyond what is due counts toward the next statements, as a loan's contract says; a card's does not."""
    small_debt_minor: int = Field(
        default=0, ge=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """A customer who owes less than this past due is not worked: no case, no contact, no late fee, no charge-off."""
    control_share_percent: int = Field(default=0, ge=0, le=10, sa_column_kwargs={"server_default": "0"})
    """Share of new cases whose ordinary reminders wait, to see what reminders add; 0 = none."""
    control_days: int = Field(default=14, ge=1, le=30, sa_column_kwargs={"server_default": "14"})
    """Days for which they wait."""
    remind_days: int = Field(default=3, ge=0, sa_column_kwargs={"server_default": "3"})
    """Days before an instalment is due on which its reminder leaves; 0 = none does."""
    remind_post_days: int = Field(default=7, ge=0, sa_column_kwargs={"server_default": "7"})
    """The same, of a reminder by post, which takes longer."""
    remind_today: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    """An instalment that did not come yet is reminded of on the day it is due."""
    remind_grace_days: int = Field(default=1, ge=0, sa_column_kwargs={"server_default": "1"})
    """Days after an instalment was due on which a missing one is reminded of, within its grace days; 0 = never."""
    cost_sms_minor: int = Field(
        default=0, ge=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """What a message costs, for the cost to collect; the next four likewise. All 0 = not known."""
    cost_email_minor: int = Field(
        default=0, ge=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    cost_letter_minor: int = Field(
        default=0, ge=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    cost_agent_hour_minor: int = Field(
        default=0, ge=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """What an hour of an agent costs, all in."""
    cost_legal_case_minor: int = Field(
        default=0, ge=0, sa_type=sa.BigInteger, sa_column_kwargs={"server_default": "0"}
    )
    """What a case that the legal team received costs: court, attorney, service."""
    cost_call_minutes: int = Field(default=6, ge=1, sa_column_kwargs={"server_default": "6"})
    """Minutes of an agent that a call takes, all in."""
    payee: str = Field(default="", max_length=70, sa_column_kwargs={"server_default": ""})
    """Holder of the account that customers pay into; '' = the creditor."""
    payee_iban: str = Field(default="", max_length=34, sa_column_kwargs={"server_default": ""})
    """The account that customers pay into; '' = they pay as their card statement says."""
    payee_bic: str = Field(default="", max_length=11, sa_column_kwargs={"server_default": ""})
    creditor_address: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    """Where post reaches the creditor, on one line; '' = where it reaches us, unless an agency writes."""
    payment_term: str = Field(default="", max_length=120, sa_column_kwargs={"server_default": ""})
    """The term of the card agreement by which payments fall due, as statutory notices name it."""
    creditor_complaints: str = Field(default="", max_length=40, sa_column_kwargs={"server_default": ""})
    """Telephone number at which the creditor takes complaints about its collectors (Taiwan)."""
    voicemail_name: str = Field(default="", max_length=80, sa_column_kwargs={"server_default": ""})
    """The business name that a caller leaves on voicemail, which tells of no debt; '' = an agency leaves no message."""
    complaint_stops: str = Field(
        default="reminders", max_length=12, sa_column_kwargs={"server_default": "reminders"}
    )
    """What an open complaint stops besides legal steps: `nothing`, `reminders` or `everything`."""
    hardship_days: int = Field(default=366, ge=1, le=366, sa_column_kwargs={"server_default": "366"})
    """Help with payments is granted for so long at most."""
    hardship_agent_days: int = Field(default=92, ge=0, le=366, sa_column_kwargs={"server_default": "92"})
    """The longest that an agent grants it; beyond that a manager does."""
    hardship_pauses: bool = Field(default=False, sa_column_kwargs={"server_default": sa.false()})
    """While granted help lasts, nothing is charged and days past due stand still."""
    survey_share_percent: int = Field(default=0, ge=0, le=100, sa_column_kwargs={"server_default": "0"})
    """Share of what was closed after which a customer is asked how satisfied they are; 0 = nobody is."""
    survey_channel: str = Field(default="email", max_length=10, sa_column_kwargs={"server_default": "email"})
    """`email` or `sms`; the other one where the customer has no such address."""
    survey_after_case: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    survey_after_call: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    """After a call in which the customer spoke with us."""
    survey_after_message: bool = Field(default=True, sa_column_kwargs={"server_default": sa.true()})
    """After a message of theirs that we answered."""
    survey_gap_days: int = Field(default=90, ge=30, sa_column_kwargs={"server_default": "90"})
    """Fewest days between two such questions to one customer."""
    survey_remind_days: int = Field(default=5, ge=0, sa_column_kwargs={"server_default": "5"})
    """Days without an answer after which the question has its only reminder; 0 = it has none."""
    original_creditor: str = Field(default="", max_length=120, sa_column_kwargs={"server_default": ""})
    """Name of whoever sold these debts to the creditor; '' = they were not bought."""
    assigned_on: date | None = None
    """The day on which they passed to the creditor; None = they were not bought."""
    created_at: datetime = Field(sa_type=UtcDateTime)


class DailyRun(Row, table=True):
    """A business day of a portfolio: unique, never goes backwards. `finished_at` empty = begun, to be resumed."""

    __tablename__ = "daily_run"
    __table_args__ = (sa.UniqueConstraint("portfolio_id", "business_date"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    business_date: date
    started_at: datetime = Field(sa_type=UtcDateTime)
    finished_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    restated_from: date | None = None
    """Earliest past day that entries folded in this run changed; KPIs from it on are restated."""
    stages: str = Field(default="[]", sa_type=sa.Text)
    """JSON list of {name, seconds, counts}: the stages already done."""
