"""Versions of strategies, which one is live, who takes part in an experiment, and tasks for people."""

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Field

from app.casework.contacts.models import CaseStepColumns, once_a_step
from app.core.database.engine import BigId, Row, UtcDateTime, enum_type
from app.outreach.strategy.experiments import MOST_DAYS, Arm, EndReason, PrimaryFigure


class StrategyVersion(Row, table=True):
    """A strategy as a person wrote it. UPDATE and DELETE are refused by triggers: a change is a new version."""

    __tablename__ = "strategy_version"
    __table_args__ = (sa.UniqueConstraint("portfolio_id", "code", "number"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    code: str = Field(max_length=40)
    number: int
    """From 1 for each code of a portfolio."""
    name: str = Field(max_length=120)
    text: str = Field(sa_type=sa.Text)
    """TOML, as written."""
    sha256: str = Field(max_length=64)
    note: str = Field(default="", max_length=300)
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)

    @property
    def ref(self) -> str:
        """Name of the version on record."""
        return f"{self.code}@{self.number}"


class LiveStrategy(Row, table=True):
    """Period in which a portfolio went by a version; the one without an end is live."""

    __tablename__ = "strategy_live"
    __table_args__ = (
        sa.Index(
            "uq_strategy_live_now",
            "portfolio_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    version_id: int = Field(foreign_key="strategy_version.id", sa_type=BigId)
    replaces_id: int | None = Field(default=None, foreign_key="strategy_version.id", sa_type=BigId)
    """The version a rollback goes back to."""
    started_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)


class Experiment(Row, table=True):
    """A challenger beside the live version, for a share of the customers."""

    __tablename__ = "strategy_experiment"
    __table_args__ = (
        sa.Index(
            "uq_strategy_experiment_now",
            "portfolio_id",
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        ),
        sa.CheckConstraint("share_percent BETWEEN 1 AND 99", name="share"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    champion_id: int = Field(foreign_key="strategy_version.id", sa_type=BigId)
    challenger_id: int = Field(foreign_key="strategy_version.id", sa_type=BigId)
    share_percent: int
    cases_wanted: int = Field(default=0)
    """Cases in each arm that were thought necessary when it was started; 0 = not stated."""
    started_at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)
    ended_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    ended_by: str = Field(default="", max_length=120)
    ended_because: EndReason | None = Field(default=None, sa_type=enum_type(EndReason))


class StopRule(Row, table=True):
    """The stop rule of an experiment and its primary figure, stored before its first customer joins. Triggers
    refuse UPDATE and DELETE."""

    __tablename__ = "strategy_stop_rule"
    __table_args__ = (sa.CheckConstraint(f"days BETWEEN 1 AND {MOST_DAYS}", name="days"),)

    experiment_id: int = Field(primary_key=True, foreign_key="strategy_experiment.id", sa_type=BigId)
    primary_figure: PrimaryFigure = Field(sa_type=enum_type(PrimaryFigure))
    days: int
    """After which the experiment ends."""
    rule: str = Field(max_length=20)
    """Version of the intervals and guardrails that judge it."""
    at: datetime = Field(sa_type=UtcDateTime)
    by: str = Field(max_length=120)


class Participant(Row, table=True):
    """A customer in an experiment, from the day on which the strategy was first asked about their case."""

    __tablename__ = "strategy_participant"

    experiment_id: int = Field(primary_key=True, foreign_key="strategy_experiment.id", sa_type=BigId)
    customer_id: int = Field(primary_key=True, foreign_key="customer.id", sa_type=BigId)
    case_id: int = Field(foreign_key="collections_case.id", sa_type=BigId)
    arm: Arm = Field(sa_type=enum_type(Arm))
    since: date
    past_due_minor: int = Field(sa_type=sa.BigInteger)
    """On that day."""


class ControlCase(Row, table=True):
    """A case of the standing comparison: in the control share its ordinary reminders wait until a day."""

    __tablename__ = "strategy_control"
    __table_args__ = (sa.Index("ix_strategy_control_portfolio", "portfolio_id", "until"),)

    case_id: int = Field(primary_key=True, foreign_key="collections_case.id", sa_type=BigId)
    portfolio_id: int = Field(foreign_key="portfolio.id", sa_type=BigId)
    customer_id: int = Field(foreign_key="customer.id", sa_type=BigId)
    strategy: str = Field(max_length=40)
    is_control: bool
    since: date
    """The night on which its first ordinary reminder was due."""
    until: date
    past_due_minor: int = Field(sa_type=sa.BigInteger)
    """On that night."""


class StrategyTask(CaseStepColumns, table=True):
    """Work that a step of the strategy gives a person, other than a call; a letter that could not be sent; or an answer
    or a hand-over that is for one colleague."""

    __tablename__ = "strategy_task"
    __table_args__ = (
        *once_a_step("strategy_task"),
        sa.Index("ix_strategy_task_case", "case_id", "done_at"),
        sa.Index(
            "ix_strategy_task_plan",
            "plan_id",
            "id",
            sqlite_where=sa.text("plan_id IS NOT NULL"),
            postgresql_where=sa.text("plan_id IS NOT NULL"),
        ),
        sa.Index(
            "ix_strategy_task_open",
            "due_on",
            "case_id",
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        ),
        sa.Index(
            "ix_strategy_task_person",
            "for_username",
            sqlite_where=sa.text("done_at IS NULL AND for_username <> ''"),
            postgresql_where=sa.text("done_at IS NULL AND for_username <> ''"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    text: str = Field(max_length=300)
    due_on: date
    created_at: datetime = Field(sa_type=UtcDateTime)
    done_at: datetime | None = Field(default=None, sa_type=UtcDateTime)
    done_by: str = Field(default="", max_length=120)
    for_username: str = Field(default="", max_length=64, sa_column_kwargs={"server_default": ""})
    """The colleague it is for; empty = whoever works the case."""
