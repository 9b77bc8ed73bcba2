"""Complaints: how many customers complained, and how many complaints were closed in time."""

from __future__ import annotations

import sqlalchemy as sa

from app.casework.complaints.models import Complaint, ComplaintAnswer
from app.casework.complaints.rules import AnswerKind
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.outreach.planning.complaints.arrival import never_arrived
from app.reporting.kpis.family import Days, Family, Rows, Shape, agent_of, first_account, thing
from app.reporting.kpis.rules import Definition, Seed, Thing, Unit
from app.reporting.kpis.standing import standing_on

WINDOW = 30
"""Days, the last of which is the day of the figure."""


def _opened_rows(shape: Shape, days: Days) -> Rows:
    """Complaints that were received in the window, and every counted account; without a complaint there is nothing yet,
    and no account is looked at."""
    row = table_of(Complaint)
    begin, end = days.window(WINDOW)
    received = (row.c.portfolio_id == days.portfolio_id, row.c.received_at >= begin, row.c.received_at < end)
    complaints = sa.select(
        *thing(
            Thing.COMPLAINT,
            row.c.id,
            row.c.received_on,
            sa.func.coalesce(row.c.account_id, first_account(row.c.customer_id)),
            row.c.customer_id,
        ),
        sa.literal(1).label("complaints"),
        sa.literal(0).label("accounts"),
    ).where(*received)
    stands = standing_on(shape, days)
    there_is_one = sa.exists().where(*received).correlate(None)
    accounts = sa.select(
        *thing(Thing.ACCOUNT, stands.c.account_id, days.on, stands.c.account_id, stands.c.customer_id),
        sa.literal(0).label("complaints"),
        sa.literal(1).label("accounts"),
    ).where(there_is_one)
    return sa.union_all(complaints, accounts)


def _closed_rows(_shape: Shape, days: Days) -> Query:
    """Complaints that were closed in the window, each time that one was; without those that the customer took back. One
    of before complaints were rows that its day ended was closed by nobody."""
    row, answer = table_of(Complaint), table_of(ComplaintAnswer)
    begin, end = days.window(WINDOW)
    with_letter = answer.c.kind.in_((AnswerKind.SUMMARY, AnswerKind.FINAL))
    by_somebody = sa.and_(answer.c.kind == AnswerKind.HOLD, agent_of(answer.c.by) != "")
    in_time = sa.and_(
        sa.or_(with_letter, by_somebody),
        answer.c.answered_on <= answer.c.answer_by,
        ~never_arrived(answer, end),
    )
    return (
        sa.select(
            *thing(
                Thing.COMPLAINT,
                row.c.id,
                answer.c.answered_on,
                sa.func.coalesce(row.c.account_id, first_account(row.c.customer_id)),
                row.c.customer_id,
            ),
            sa.literal(1).label("ended"),
            sa.case((in_time, 1), else_=0).label("on_time"),
        )
        .select_from(answer)
        .join(row, row.c.id == answer.c.complaint_id)
        .where(
            answer.c.portfolio_id == days.portfolio_id,
            answer.c.kind != AnswerKind.WITHDRAWN,
            answer.c.answered_at >= begin,
            answer.c.answered_at < end,
        )
    )


COMPLAINTS = Family(
    "complaints",
    "Complaints",
    (
        Definition(
            "complaints_per_1000",
            "Complaints of 30 days per 1,000 accounts",
            Unit.COMPLAINTS,
            Seed.SATISFACTION,
            f"complaints that were received in the last {WINDOW} days",
            "all accounts not charged off",
            "complaints",
            "accounts",
            more_is_better=False,
            per_1000=True,
        ),
    ),
    _opened_rows,
    about="A complaint is sliced by its account, or else by the first account of the customer.",
)
COMPLAINTS_CLOSED = Family(
    "complaints_closed",
    "Complaints closed",
    (
        Definition(
            "complaints_on_time",
            "Complaints closed in time",
            Unit.COMPLAINTS,
            Seed.SATISFACTION,
            "complaints that were closed by the day on which their answer was owed, with a letter that has not come"
            " back",
            f"complaints that were closed in the last {WINDOW} days, without those taken back by the customer",
            "on_time",
            "ended",
            more_is_better=True,
        ),
    ),
    _closed_rows,
    about="A reopened complaint counts each time that it is closed. A letter that bounced or was withheld is none,"
    " unless another one left by that day.",
)
