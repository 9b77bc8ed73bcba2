"""UK: the complaints return of DISP 1 Annex 1R."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB

from app.casework.complaints.models import Complaint as ComplaintRow
from app.casework.complaints.models import ComplaintAnswer, ComplaintRedress
from app.casework.complaints.rules import (
    FORM_CAUSES,
    AnswerKind,
    ComplaintCategory,
    ComplaintOutcome,
    RedressStatus,
)
from app.core.clock import local_instant
from app.core.database.engine import BigId, table_of
from app.core.database.rows import Query
from app.outreach.planning.complaints.arrival import came_back, left_on
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
    row = table_of(ComplaintRow)
    complaint_id = sa.cast(json_text(value, 1), BigId)
    day = json_text(value, 2)
    on = sa.cast(day, sa.Date()) if dialect == "postgresql" else sa.type_coerce(day, sa.Date())
    return (
        sa.select(
            *line(
                json_text(value, 0), Thing.COMPLAINT, row.c.id, on,
                sa.func.coalesce(row.c.account_id, first_account(row.c.customer_id)), row.c.customer_id,
            )
        )
        .select_from(listed)
        .join(row, row.c.id == complaint_id)
    )  # fmt: skip


def _listed(asked: Asked) -> Iterator[tuple[str, int, str]]:
    """Row, complaint and day of each complaint in each row."""
    period = asked.period
    first = period.first_on - timedelta(weeks=2)
    holidays = public_holidays(COUNTRY, first, period.on + timedelta(weeks=2))
    for complaint in _complaints(asked):
        for row, on in rows_of_complaint(complaint, period, holidays):
            yield row, complaint.complaint_id, on.isoformat()


def _complaints(asked: Asked) -> Iterator[Complaint]:
    """Each time that a complaint was open: until its answer, and again from its reopening."""
    row, answer = table_of(ComplaintRow), table_of(ComplaintAnswer)
    begin, last = asked.period.first_on, asked.period.on
    mine = row.c.portfolio_id == asked.portfolio_id
    # A final response is sent (DISP 1.6.2R): one that came back was not, and its complaint is outstanding until a copy
    # leaves. One that was reopened meanwhile counts again from then.
    is_lost = sa.and_(
        answer.c.kind == AnswerKind.FINAL, answer.c.number == row.c.reopenings + 1, came_back(answer)
    )
    ended = (
        sa.select(
            row.c.id, row.c.customer_id, row.c.category, answer.c.began_on, answer.c.answered_on, answer.c.kind,
            answer.c.outcome, answer.c.by, is_lost.label("is_lost"), left_on(answer).label("left_on"),
        )
        .join(answer, answer.c.complaint_id == row.c.id)
        .where(mine, answer.c.began_on <= last, sa.or_(answer.c.answered_on >= begin, is_lost))
        .order_by(row.c.id, answer.c.number)
    )  # fmt: skip
    for each in asked.session.execute(ended):
        n, customer_id, category, began_on, answered_on, kind, outcome, by, lost, left = each
        on = (max(answered_on, left) if left else None) if lost else answered_on
        if on is not None and on < begin:
            continue
        by_person = kind != AnswerKind.HOLD or by.startswith(BY_PERSON)
        cause = FORM_CAUSES[ComplaintCategory(category)].value
        yield Complaint(n, customer_id, began_on, on, by_person, cause, _DECIDED.get(outcome, ""))
    still = sa.select(row.c.id, row.c.customer_id, row.c.category, row.c.began_on).where(
        mine, row.c.closed_at.is_(None), row.c.began_on <= last
    )
    for n, customer_id, category, began_on in asked.session.execute(still.order_by(row.c.id)):
        cause = FORM_CAUSES[ComplaintCategory(category)].value
        yield Complaint(n, customer_id, began_on, None, False, cause)


def redress(asked: Asked) -> Query:
    """Credits of the period that put a complaint right, by whether the complaint was upheld."""
    row, paid = table_of(ComplaintRow), table_of(ComplaintRedress)
    begin = local_instant(asked.period.first_on, 0, 0, asked.portfolio.timezone)
    end = local_instant(asked.period.on + timedelta(days=1), 0, 0, asked.portfolio.timezone)
    upheld = row.c.outcome.in_((ComplaintOutcome.UPHELD, ComplaintOutcome.PARTLY))
    return (
        sa.select(
            *line(
                sa.case((upheld, "redress_upheld"), else_="redress_other"), Thing.COMPLAINT, row.c.id,
                row.c.received_on, paid.c.account_id, row.c.customer_id, balance=paid.c.amount_minor,
            )
        )
        .select_from(paid)
        .join(row, row.c.id == paid.c.complaint_id)
        .where(
            paid.c.portfolio_id == asked.portfolio_id, paid.c.status == RedressStatus.PAID,
            paid.c.decided_at >= begin, paid.c.decided_at < end,
        )
    )  # fmt: skip


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
_DECIDED = {
    ComplaintOutcome.UPHELD: "upheld",
    ComplaintOutcome.PARTLY: "upheld",
    ComplaintOutcome.REJECTED: "rejected",
    ComplaintOutcome.WITHDRAWN: "withdrawn",
}
_CAUSES = {
    "cause_advising": "Advising, selling and arranging",
    "cause_information": "Information, sums/charges or product performance",
    "cause_admin": "General administration/customer service",
    "cause_arrears": "Arrears related",
    "cause_other": "Other",
}


def _sections() -> tuple[Section, ...]:
    number = {Measure.NUMBER: "Complaints"}
    return (
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
            "Decisions",
            number,
            (
                Row("upheld", "Upheld, wholly or in part"),
                Row("rejected", "Rejected"),
                Row("withdrawn", "Withdrawn by the customer"),
            ),
        ),
        Section(
            "Redress",
            {Measure.NUMBER: "Credits", Measure.BALANCE: "Amount"},
            (
                Row("redress_upheld", "Redress paid for upheld complaints"),
                Row("redress_other", "Redress paid for other complaints"),
            ),
        ),
        Section(
            "Opened, by cause",
            number,
            tuple(Row(name, title) for name, title in _CAUSES.items()),
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
    )


def definition() -> ReturnDefinition:
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
        _sections(),
        (
            "A complaint is received on its local day; one that was reopened is opened and closed again. Business days "
            "leave out weekends and the public holidays of the whole United Kingdom; the product grouping is credit "
            "cards. The cause follows from the category of the complaint, by our reading of the form.",
            "Outstanding before + opened = closed + ended by their day + outstanding after. Complaints of before they "
            "were kept as such are of the cause “other”, and have no decision.",
        ),
    )
