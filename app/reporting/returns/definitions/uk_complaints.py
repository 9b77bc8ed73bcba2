"""UK: the complaints return of DISP 1 Annex 1R."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.casework.cases.models import CollectionsCase
from app.casework.holds.models import CaseHold
from app.core.clock import local_date, local_instant
from app.core.database.engine import BigId, table_of
from app.core.database.rows import Query
from app.core.vocabulary import HoldKind
from app.policy.calendars import public_holidays
from app.reporting.kpis.definitions.sql import json_text
from app.reporting.kpis.family import first_account
from app.reporting.kpis.rules import Thing
from app.reporting.kpis.standing import standing_on
from app.reporting.returns.complaint_rules import Complaint, rows_of_complaint
from app.reporting.returns.lines import Asked, line
from app.reporting.returns.rules import Measure, Ratio, ReturnDefinition, ReturnKind, Row, Section, Source

COUNTRY = "GB"
"""Whose public holidays are no business days."""
BY_PERSON = ("user:", "token:")
"""How the author of an end begins where a person ended it, or a program for one."""


def complaints(asked: Asked) -> Query:
    """The complaints that were open on a day of the period, each in every row that counts it."""
    dialect = asked.session.get_bind().dialect.name
    given = sa.bindparam("complaints", json.dumps(list(_listed(asked))), sa.Text, unique=True)
    if dialect == "postgresql":
        listed = sa.func.jsonb_array_elements(sa.cast(given, JSONB)).table_valued("value", name="listed")
        value: sa.ColumnElement[str] = sa.cast(listed.c.value, sa.Text)
    else:
        listed = sa.func.json_each(given).table_valued("value", name="listed")
        value = listed.c.value
    hold = table_of(CaseHold)
    hold_id = sa.cast(json_text(value, 1), BigId)
    day = json_text(value, 2)
    on = sa.cast(day, sa.Date()) if dialect == "postgresql" else sa.type_coerce(day, sa.Date())
    return (
        sa.select(
            *line(
                json_text(value, 0), Thing.COMPLAINT, hold.c.id, on, first_account(hold.c.customer_id),
                hold.c.customer_id,
            )
        )
        .select_from(listed)
        .join(hold, hold.c.id == hold_id)
    )  # fmt: skip


def _listed(asked: Asked) -> Iterator[tuple[str, int, str]]:
    """Row, hold and day of each complaint in each row."""
    period, timezone = asked.period, asked.portfolio.timezone
    first = period.first_on - timedelta(weeks=2)
    holidays = public_holidays(COUNTRY, first, period.on + timedelta(weeks=2))
    for complaint in _complaints(asked, timezone):
        for row, on in rows_of_complaint(complaint, period, holidays):
            yield row, complaint.hold_id, on.isoformat()


def _complaints(asked: Asked, timezone: str) -> Iterator[Complaint]:
    hold, case = table_of(CaseHold), table_of(CollectionsCase)
    begin = local_instant(asked.period.first_on, 0, 0, timezone)
    end = local_instant(asked.period.on + timedelta(days=1), 0, 0, timezone)
    query = (
        sa.select(hold.c.id, hold.c.customer_id, hold.c.started_at, hold.c.ended_at, hold.c.ended_by)
        .join(case, case.c.id == hold.c.case_id)
        .where(
            case.c.portfolio_id == asked.portfolio_id,
            hold.c.kind == HoldKind.COMPLAINT,
            hold.c.started_at < end,
            sa.or_(hold.c.ended_at.is_(None), hold.c.ended_at >= begin),
        )
        .order_by(hold.c.id)
    )
    for hold_id, customer_id, started_at, ended_at, ended_by in asked.session.execute(query):
        yield Complaint(
            hold_id,
            customer_id,
            local_date(started_at, timezone),
            local_date(ended_at, timezone) if ended_at else None,
            ended_by.startswith(BY_PERSON),
        )


def accounts(asked: Asked) -> Query:
    """Every counted account at the end of the period: the context of the complaints."""
    stands = standing_on(asked.shape, asked.days)
    return sa.select(
        *line(
            "accounts", Thing.ACCOUNT, stands.c.account_id, asked.days.on, stands.c.account_id,
            stands.c.customer_id,
        )
    )  # fmt: skip


_CLOSED = ("closed_3_days", "closed_8_weeks", "closed_later")
_NO_CAUSE = "A complaint is kept with its words, not with a cause of the form."
_NO_DECISION = "A complaint is kept as open or closed, not as upheld or rejected."
_NO_REDRESS = "Redress is not told apart from other credits in the ledger."
_CAUSES = {
    "cause_advising": "Advising, selling and arranging",
    "cause_information": "Information, sums/charges or product performance",
    "cause_admin": "General administration/customer service",
    "cause_arrears": "Arrears related",
    "cause_other": "Other",
}


def definition() -> ReturnDefinition:
    number = {Measure.NUMBER: "Complaints"}
    return ReturnDefinition(
        ReturnKind.UK_COMPLAINTS,
        "UK: complaints return",
        "Financial Conduct Authority",
        (
            Source(
                "DISP 1 Annex 1R, under DISP 1.10.1R and 1.10.2R",
                "https://handbook.fca.org.uk/handbook/DISP/1/10.html",
                read=False,
            ),
        ),
        (6, 12),
        (
            Section(
                "Complaints of the period",
                number,
                (
                    Row("outstanding_before", "Outstanding at the start of the reporting period"),
                    Row("opened", "Opened during the reporting period"),
                    Row("closed_3_days", "Closed within 3 business days"),
                    Row("closed_8_weeks", "Closed after 3 business days, within 8 weeks"),
                    Row("closed_later", "Closed after more than 8 weeks"),
                    Row("closed", "Closed during the reporting period", sum_of=_CLOSED),
                    Row("lapsed", "Ended by their day, without an answer of a person"),
                    Row("outstanding_after", "Outstanding at the end of the reporting period"),
                ),
            ),
            Section(
                "Decisions and redress",
                number,
                (
                    Row("upheld", "Upheld", missing=_NO_DECISION),
                    Row("redress_upheld", "Redress paid for upheld complaints", missing=_NO_REDRESS),
                    Row("redress_other", "Redress paid for other complaints", missing=_NO_REDRESS),
                ),
            ),
            Section(
                "Opened, by cause",
                number,
                tuple(Row(name, title, missing=_NO_CAUSE) for name, title in _CAUSES.items()),
            ),
            Section(
                "Context",
                {Measure.NUMBER: "Number"},
                (
                    Row("accounts", "Accounts at the end of the reporting period"),
                    Row(
                        "per_1000",
                        "Opened complaints per 1,000 accounts",
                        ratio=Ratio("opened", "accounts", Measure.NUMBER, 1000),
                    ),
                ),
            ),
        ),
        (
            "A complaint is a hold of that kind, received on its first day. Business days leave out weekends and the "
            "public holidays of the whole United Kingdom; the product grouping is credit cards.",
            "Outstanding before + opened = closed + ended by their day + outstanding after. Opened by cause, upheld "
            "and redress have to be filled in by hand.",
        ),
    )
