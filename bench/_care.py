"""Open disputes, complaints and duties of a portfolio, made set-based: what `day --care` adds to one of two equal
databases. One of each for each of the first open cases; their days are spread as over the weeks of a real desk."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from app.book.delinquency.models import AccountState, DisputedAmount
from app.book.ledger.models import Account, Statement
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.complaints.models import Complaint
from app.casework.complaints.rules import ComplaintCategory, ComplaintChannel
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import DisputeKind, ReceivedAs
from app.casework.holds.models import CaseHold
from app.core.database.engine import make_engine, table_of
from app.core.vocabulary import HoldKind
from app.outreach.duties.models import Duty
from app.outreach.duties.sources import COMPLAINT
from app.policy.kinds.duty import DutyEvent

BY = "user:bench"
DISPUTED_MINOR = 1_000
ANSWER_DAYS, HOLDING_DAYS, WEEKS = 56, 49, 56
"""Days of a final response, of the letter before it, and over which the days of receipt are spread."""


def fill(url: str, on: date, many: int) -> int:
    """Give that many open cases a dispute, a complaint with its hold, and the duty to acknowledge it. A fifth of the
    disputes are about everything and have a hold; of the others each leaves out a part. Returns how many cases got
    them."""
    engine = make_engine(url)
    with engine.begin() as connection:
        given = _chosen(connection, many)
        _holds(connection, HoldKind.COMPLAINT, given, on)
        _holds(connection, HoldKind.DISPUTE, given.where(given.selected_columns.n % 5 == 0), on)
        _disputes(connection, given, on)
        _complaints(connection, given, on)
        _duties(connection, on)
        found: int = connection.execute(sa.select(sa.func.count()).select_from(given.subquery())).scalar_one()
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("ANALYZE"))
    engine.dispose()
    return found


def _chosen(connection: sa.Connection, many: int) -> sa.Select[Any]:
    """(n, case, customer, portfolio, account, statement) of the first open cases, in a table of their own."""
    case, account, state, statement = map(table_of, (CollectionsCase, Account, AccountState, Statement))
    last = (
        sa.select(sa.func.max(statement.c.id))
        .where(statement.c.account_id == account.c.id)
        .scalar_subquery()
        .label("statement_id")
    )
    chosen = (
        sa.select(
            sa.func.row_number().over(order_by=case.c.id).label("n"),
            case.c.id.label("case_id"),
            case.c.customer_id,
            case.c.portfolio_id,
            account.c.id.label("account_id"),
            last,
        )
        .join(account, account.c.customer_id == case.c.customer_id)
        .join(state, state.c.account_id == account.c.id)
        .where(case.c.status == CaseStatus.OPEN, state.c.balance_minor > DISPUTED_MINOR)
        .order_by(case.c.id)
        .limit(many)
    )
    columns = [sa.Column(each.name, sa.BigInteger) for each in chosen.selected_columns]
    kept = sa.Table("bench_care", sa.MetaData(), *columns)
    kept.create(connection)
    connection.execute(kept.insert().from_select([each.name for each in columns], chosen))
    return sa.select(kept)


def _received(n: sa.ColumnElement[int], on: date) -> sa.ColumnElement[date]:
    """Day of receipt of the n-th, spread over the last weeks."""
    days = [(day, on - timedelta(days=day)) for day in range(WEEKS)]
    return sa.case(*(((n % WEEKS) == day, sa.literal(when)) for day, when in days))


def _later(n: sa.ColumnElement[int], on: date, by: int) -> sa.ColumnElement[date]:
    days = [(day, on + timedelta(days=by - day)) for day in range(WEEKS)]
    return sa.case(*(((n % WEEKS) == day, sa.literal(when)) for day, when in days))


def _put(
    connection: sa.Connection, model: Any, values: dict[str, Any], rows: sa.FromClause, *where: Any
) -> None:
    """Insert a row of `values`, SQL expressions or plain values, for each of `rows`."""
    table = table_of(model)
    columns = [
        value if isinstance(value, sa.ColumnElement) else sa.literal(value, table.c[name].type)
        for name, value in values.items()
    ]
    query = sa.select(*columns).select_from(rows).where(*where)
    connection.execute(table.insert().from_select(list(values), query))


def _instant(on: date) -> datetime:
    return datetime.fromisoformat(f"{on}T09:00:00+00:00")


def _holds(connection: sa.Connection, kind: HoldKind, given: sa.Select[Any], on: date) -> None:
    each = given.subquery()
    values = {
        "case_id": each.c.case_id, "customer_id": each.c.customer_id, "kind": kind, "reason": "measured",
        "started_at": _instant(on - timedelta(days=WEEKS)), "until": _later(each.c.n, on, ANSWER_DAYS), "by": BY,
        "ended_by": "", "end_reason": "", "by_person": False,
    }  # fmt: skip
    _put(connection, CaseHold, values, each)


def _disputes(connection: sa.Connection, given: sa.Select[Any], on: date) -> None:
    each, hold = given.subquery(), table_of(CaseHold)
    kind, n = table_of(Dispute).c.kind.type, each.c.n

    def said(what: DisputeKind) -> sa.ColumnElement[Any]:
        return sa.literal(what, kind)

    is_whole, is_error = n % 5 == 0, n % 5 == 1
    part = sa.case((is_whole, sa.null()), else_=DISPUTED_MINOR)
    joined = each.outerjoin(
        hold, sa.and_(hold.c.customer_id == each.c.customer_id, hold.c.kind == HoldKind.DISPUTE, is_whole)
    )
    values = {
        "portfolio_id": each.c.portfolio_id, "customer_id": each.c.customer_id, "case_id": each.c.case_id,
        "n": sa.literal(1),
        "kind": sa.case(
            (is_whole, said(DisputeKind.WHOLE_DEBT)), (is_error, said(DisputeKind.BILLING_ERROR)),
            (n % 5 == 2, said(DisputeKind.ALREADY_PAID)), else_=said(DisputeKind.AMOUNT),
        ),
        "account_id": sa.case((is_whole, sa.null()), else_=each.c.account_id),
        "statement_id": sa.case((is_error, each.c.statement_id), else_=sa.null()),
        "amount_minor": part, "left_out_minor": sa.func.coalesce(part, 0),
        "received_on": _received(n, on), "received_as": ReceivedAs.WRITTEN, "words": "never bought this",
        "owner": "", "answer_by": _later(n, on, 30), "by_law": False, "hold_id": hold.c.id, "by": BY,
        # Payments that are loaded from now on may be those that customers spoke of.
        "opened_at": datetime.now(UTC), "explanation": "", "conceded_minor": 0,
        "awaits_correction": False, "decided_by": "",
    }  # fmt: skip
    _put(connection, Dispute, values, joined)
    dispute = table_of(Dispute)
    left_out = {name: dispute.c[name] for name in ("account_id", "portfolio_id")}
    left_out["amount_minor"] = dispute.c.left_out_minor
    _put(connection, DisputedAmount, left_out, dispute, dispute.c.left_out_minor > 0)


def _complaints(connection: sa.Connection, given: sa.Select[Any], on: date) -> None:
    """Those of seven weeks ago are owed the letter that says that the answer is late: of the coming night, or earlier
    and written. Those of a week are looked at for their duties."""
    each, hold, table = given.subquery(), table_of(CaseHold), table_of(Complaint)
    day = each.c.n % WEEKS
    joined = each.join(
        hold, sa.and_(hold.c.customer_id == each.c.customer_id, hold.c.kind == HoldKind.COMPLAINT)
    )
    is_held = sa.or_(day > HOLDING_DAYS + 1)
    opened = [(n, _instant(on - timedelta(days=n))) for n in range(WEEKS)]
    values = {
        "portfolio_id": each.c.portfolio_id, "customer_id": each.c.customer_id, "case_id": each.c.case_id,
        "hold_id": hold.c.id, "category": ComplaintCategory.OTHER, "severity": "normal",
        "channel": ComplaintChannel.POST, "words": "measured", "owner": "", "about_staff": "", "by": BY,
        "received_at": _instant(on - timedelta(days=WEEKS)), "received_on": _received(each.c.n, on),
        "opened_at": sa.case(*((day == n, sa.literal(at, table.c.opened_at.type)) for n, at in opened)),
        "began_on": _received(each.c.n, on), "answer_by": _later(each.c.n, on, ANSWER_DAYS),
        "holding_from": _later(each.c.n, on, HOLDING_DAYS),
        "holding_on": sa.case((is_held, sa.literal(on - timedelta(days=1))), else_=sa.null()),
        "pack": "uk", "citation": "measured", "verified": False, "ombudsman": "none",
        "ombudsman_reference": "", "ombudsman_note": "", "reopenings": 0,
    }  # fmt: skip
    _put(connection, Complaint, values, joined)


def _duties(connection: sa.Connection, on: date) -> None:
    """The acknowledgements, of which a person has the work already: they did not leave."""
    complaint = table_of(Complaint)
    values = {
        "portfolio_id": complaint.c.portfolio_id, "customer_id": complaint.c.customer_id,
        "case_id": complaint.c.case_id, "rule": "uk.complaint_duty", "citation": "DISP 1.6.1R",
        "verified": False, "event": DutyEvent.COMPLAINT, "occasion": complaint.c.id + COMPLAINT,
        "letters": "complaint_acknowledged", "channels": "post email", "arose_on": complaint.c.received_on,
        "due_on": complaint.c.answer_by, "created_at": _instant(on - timedelta(days=WEEKS)),
        "told_person_on": on - timedelta(days=1), "ended_why": "",
    }  # fmt: skip
    _put(connection, Duty, values, complaint)
