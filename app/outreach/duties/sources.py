"""Sources of duties: the events of the last days that a letter may follow, read in sets."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from pydantic_core import from_json
from sqlmodel import Session

from app.book.delinquency.loading import unpack
from app.book.delinquency.models import AccountState
from app.book.ledger.models import Account, Customer
from app.book.ledger.queries import worked
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged, ContactLogged
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.complaints.models import Complaint
from app.casework.disputes.models import Dispute
from app.casework.disputes.rules import DisputeKind
from app.casework.documents.models import CaseDocument
from app.casework.documents.rules import DocumentKind, letter_of
from app.casework.holds.models import CaseHold, no_date_ends
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE, PlanKind
from app.casework.results.file import shipped_conversations
from app.casework.results.rules import ContactWay, Counts, Direction
from app.core.clock import local_date, local_instant
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.dates import add_months
from app.core.timeline.models import Event
from app.outreach.duties.default_sums import default_sums
from app.outreach.duties.happened import CHUNK, Happened
from app.outreach.duties.models import Duty
from app.outreach.outbox.events import ContactSent
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import LEFT
from app.policy.composition import packs_for, read_adopted
from app.policy.kinds.duty import DutyEvent, DutyRule, counts_since
from app.policy.pack import Pack
from app.policy.packfile import shipped_packs

LOOK_BACK = timedelta(days=7)
"""An event is looked for in the nights of a week, so that a night that is closed late finds it; an older one, of before
the desk knew the duty, starts none."""
SHORTEST_QUARTER = 89
"""Days."""
QUARTERS = 1_000
"""The occasion of a quarter: the agreement's id times this, and which quarter it is."""
ACCOUNT = 10_000_000
"""The occasion of missed payments: the account's id times this, and the ordinal of the later one's due date. Of an open
case likewise, with the day of the night."""


COMPLAINT = 10**15
"""The occasion of a complaint: this, and its id. Of before complaints were rows it was the id of the hold."""


def happened(
    session: Session, portfolio: Portfolio, event: DutyEvent, *, since: datetime, now: datetime
) -> Sequence[Happened]:
    """The events of this sort of the portfolio's customers in [since, now)."""
    return list(_SOURCES[event](session, portfolio, since, now))


def _first_contacts(
    session: Session, portfolio: Portfolio, since: datetime, now: datetime
) -> Iterable[Happened]:
    """The first message that left, or the first conversation, of customers who had none before."""
    event, customer = table_of(Event), table_of(Customer)
    kinds = (ContactSent.KIND, CallLogged.KIND, ContactLogged.KIND)
    lately = (
        sa.select(event.c.customer_id)
        .join(customer, customer.c.id == event.c.customer_id)
        .where(
            event.c.kind.in_(kinds), event.c.at >= since, event.c.at < now,
            customer.c.portfolio_id == portfolio.id,
        )
        .distinct()
    )  # fmt: skip
    first: dict[int, tuple[datetime, int]] = {}
    for ids in chunked(session.scalars(lately).all(), CHUNK):
        query = (
            sa.select(event.c.customer_id, event.c.at, event.c.case_id, event.c.kind, event.c.data)
            .where(among(session, event.c.customer_id, ids), event.c.kind.in_(kinds), event.c.at < now)
            .order_by(event.c.at, event.c.id)
        )
        for customer_id, at, case_id, kind, data in session.execute(query):
            if customer_id not in first and case_id is not None and _is_communication(kind, data):
                first[customer_id] = (at, case_id)
    for customer_id, (at, case_id) in first.items():
        if at >= since:
            yield Happened(customer_id, case_id, 0, local_date(at, portfolio.timezone))


def _is_communication(kind: str, data: str) -> bool:
    """A call that reached nobody, or another person, conveys nothing about the debt to the customer."""
    if kind == ContactSent.KIND:
        return True
    told = from_json(data)
    if kind == ContactLogged.KIND and told.get("way") != ContactWay.VISIT:
        return bool(told.get("direction") == Direction.OUT)  # a letter of theirs tells them nothing
    return told.get("counts") == Counts.CONVERSATION or told.get("result") in shipped_conversations()


def _complaints(session: Session, portfolio: Portfolio, since: datetime, now: datetime) -> Iterable[Happened]:
    """Complaints that were put on record lately, each one: a second of a customer shares the hold of the first."""
    row = table_of(Complaint)
    query = sa.select(row.c.customer_id, row.c.case_id, row.c.id, row.c.received_on).where(
        row.c.portfolio_id == portfolio.id, row.c.opened_at >= since, row.c.opened_at < now
    )
    for customer_id, case_id, complaint_id, received_on in session.execute(query):
        yield Happened(customer_id, case_id, COMPLAINT + complaint_id, received_on)


def _disputes(session: Session, portfolio: Portfolio, since: datetime, now: datetime) -> Iterable[Happened]:
    """Disputes but those of billing errors, from the day on which they were received."""
    row = table_of(Dispute)
    query = sa.select(row.c.customer_id, row.c.case_id, row.c.id, row.c.received_on).where(
        row.c.portfolio_id == portfolio.id, row.c.opened_at >= since, row.c.opened_at < now,
        row.c.kind != DisputeKind.BILLING_ERROR,
    )  # fmt: skip
    for each in session.execute(query):
        yield Happened(*each)


def _billing_errors(
    session: Session, portfolio: Portfolio, since: datetime, now: datetime
) -> Iterable[Happened]:
    """Billing errors that are open or were told lately: a dispute may turn out to be one long after it was opened."""
    row = table_of(Dispute)
    query = sa.select(row.c.customer_id, row.c.case_id, row.c.id, row.c.received_on, row.c.acknowledge_by).where(
        row.c.portfolio_id == portfolio.id, row.c.kind == DisputeKind.BILLING_ERROR, row.c.opened_at < now,
        sa.or_(row.c.outcome.is_(None), row.c.opened_at >= since),
    )  # fmt: skip
    for customer_id, case_id, dispute_id, received_on, due_by in session.execute(query):
        yield Happened(customer_id, case_id, dispute_id, received_on, due_by=due_by)


def _billing_error_answers(
    session: Session, portfolio: Portfolio, since: datetime, now: datetime
) -> Iterable[Happened]:
    """The same, with the day by which they are resolved, which is counted in cycles of the account."""
    errors = list(_billing_errors(session, portfolio, since, now))
    row = table_of(Dispute)
    ids = [each.occasion for each in errors]
    query = sa.select(row.c.id, row.c.answer_by).where(among(session, row.c.id, ids))
    due = {dispute_id: answer_by for dispute_id, answer_by in session.execute(query)} if ids else {}
    for each in errors:
        yield each._replace(due_by=due[each.occasion])


def _settlements(
    session: Session, portfolio: Portfolio, since: datetime, now: datetime
) -> Iterable[Happened]:
    plan, case = table_of(Plan), table_of(CollectionsCase)
    first, last = (local_date(at, portfolio.timezone) for at in (since, now))
    query = (
        sa.select(case.c.customer_id, plan.c.case_id, plan.c.id, plan.c.accepted_on)
        .join(case, case.c.id == plan.c.case_id)
        .where(
            plan.c.kind == PlanKind.SETTLEMENT, plan.c.accepted_on.between(first, last),
            case.c.portfolio_id == portfolio.id,
        )
    )  # fmt: skip
    for row in session.execute(query):
        yield Happened(*row)


def _quarters(session: Session, portfolio: Portfolio, since: datetime, now: datetime) -> Iterable[Happened]:
    """Agreements that are kept, of which another three months were over lately: the occasion is the agreement and its
    quarter."""
    plan, case = table_of(Plan), table_of(CollectionsCase)
    first, last = (local_date(at, portfolio.timezone) for at in (since, now))
    query = (
        sa.select(case.c.customer_id, plan.c.case_id, plan.c.id, plan.c.accepted_on)
        .join(case, case.c.id == plan.c.case_id)
        .where(
            plan.c.portfolio_id == portfolio.id,
            plan.c.status.in_(LIVE),
            plan.c.accepted_on <= last - timedelta(days=SHORTEST_QUARTER),
            case.c.status == CaseStatus.OPEN,
        )
    )
    for customer_id, case_id, plan_id, accepted_on in session.execute(query):
        quarter = ((last.year - accepted_on.year) * 12 + last.month - accepted_on.month) // 3
        for n in (quarter, quarter - 1):
            over_on = add_months(accepted_on, 3 * n)
            if n > 0 and first <= over_on <= last:
                yield Happened(customer_id, case_id, plan_id * QUARTERS + n, over_on)


def _two_behind(session: Session, portfolio: Portfolio, since: datetime, now: datetime) -> Iterable[Happened]:
    """Accounts whose last two payments were missed, the later one lately. Money pays the oldest due first, so that the
    unpaid dues are the last payments."""
    first, last = (local_date(at, portfolio.timezone) for at in (since, now))
    days = [last - timedelta(days=n) for n in range((last - first).days + 1)]
    account, state, case = table_of(Account), table_of(AccountState), table_of(CollectionsCase)
    query = (
        sa.select(account.c.customer_id, case.c.id, account.c.id, state.c.dues)
        .join(account, account.c.id == state.c.account_id)
        .join(case, sa.and_(case.c.customer_id == account.c.customer_id, case.c.status == CaseStatus.OPEN))
        .where(
            state.c.portfolio_id == portfolio.id, state.c.oldest_due_on < last, worked(),
            sa.or_(*[state.c.dues.like(f'%"{day}"%') for day in days]),
        )
    )  # fmt: skip
    rows = session.execute(query).all()
    told = _told_behind(session, {row[0] for row in rows})
    for customer_id, case_id, account_id, text in rows:
        dues, _ = unpack(text, "[]")
        if len(dues) < 2:
            continue
        earlier, later = dues[-2][0], dues[-1][0]
        on = later + timedelta(days=1)
        if first <= on <= last and told.get(account_id, date.min) < earlier:
            yield Happened(customer_id, case_id, account_id * ACCOUNT + later.toordinal(), on)


def _told_behind(session: Session, customer_ids: Collection[int]) -> Mapping[int, date]:
    """By account the day on which the later payment of the last event was due. An event whose notice was never given,
    because it was paid first, does not count: the money may come back."""
    duty = table_of(Duty)
    query = sa.select(duty.c.occasion).where(
        among(session, duty.c.customer_id, customer_ids),
        duty.c.event == DutyEvent.TWO_PAYMENTS_BEHIND,
        sa.or_(duty.c.met_on.is_not(None), duty.c.ended_on.is_(None)),
    )
    told: dict[int, date] = {}
    for occasion in session.scalars(query):
        account_id, ordinal = divmod(occasion, ACCOUNT)
        told[account_id] = max(told.get(account_id, date.min), date.fromordinal(ordinal))
    return told


def _open_cases(
    session: Session, portfolio: Portfolio, _since: datetime, now: datetime
) -> Iterable[Happened]:
    today = local_date(now, portfolio.timezone)
    return _not_told(session, portfolio, DutyEvent.CASE_OPEN, counts_since(today), today)


def _bought(session: Session, portfolio: Portfolio, _since: datetime, now: datetime) -> Iterable[Happened]:
    if portfolio.assigned_on is None:
        return ()
    day_before = portfolio.assigned_on - timedelta(days=1)
    today = local_date(now, portfolio.timezone)
    return _not_told(session, portfolio, DutyEvent.DEBT_ASSIGNED, day_before, today)


def _not_told(
    session: Session, portfolio: Portfolio, event: DutyEvent, enough: date, today: date
) -> Iterable[Happened]:
    """Open cases of customers to whom a notice that comes before all contacts where they live has not left after
    the day `enough`, and to whom it is not owed yet. One that came back has not left; one of another place, where they
    lived before, is another notice. Nobody is written to while a hold that a person ends stops what would follow it."""
    case, customer, duty = table_of(CollectionsCase), table_of(Customer), table_of(Duty)
    message, document, hold = table_of(OutboxMessage), table_of(CaseDocument), table_of(CaseHold)
    held = sa.select(hold.c.id).where(
        hold.c.customer_id == case.c.customer_id, hold.c.ended_at.is_(None), no_date_ends(hold)
    )
    for pack, rule in _notice_rules(portfolio, event):
        owed = sa.select(duty.c.id).where(
            duty.c.customer_id == case.c.customer_id, duty.c.rule == rule.id, duty.c.ended_on.is_(None)
        )
        left = sa.select(message.c.id).where(
            message.c.customer_id == case.c.customer_id, message.c.letter.in_(rule.letters),
            message.c.status.in_(LEFT), message.c.console_only.is_(False),
            message.c.sent_at >= local_instant(enough + timedelta(days=1), 0, 0, portfolio.timezone),
        )  # fmt: skip
        filed = sa.select(document.c.id).where(
            document.c.customer_id == case.c.customer_id, document.c.withdrawn_at.is_(None),
            document.c.kind.in_([kind for kind in DocumentKind if letter_of(kind) in rule.letters]),
            document.c.dated_on > enough,
        )  # fmt: skip
        residence = [customer.c[name] for name in ("country", "region", "city", "postcode")]
        query = (
            sa.select(case.c.customer_id, case.c.id, *residence)
            .join(customer, customer.c.id == case.c.customer_id)
            .where(
                case.c.portfolio_id == portfolio.id, case.c.status == CaseStatus.OPEN, ~held.exists(),
                customer.c.country.in_(sorted({pack.country, *read_adopted(portfolio.adopted_packs), ""})),
                ~owed.exists(), ~left.exists(), ~filed.exists(),
            )
        )  # fmt: skip
        wants: dict[str, bool] = {}
        for row in session.execute(query):
            theirs = packs_for(portfolio, row)
            if theirs.label not in wants:
                wants[theirs.label] = any(each.id == rule.id for each in theirs.rules)
            if wants[theirs.label]:
                yield Happened(row.customer_id, row.id, row.id * ACCOUNT + today.toordinal(), today, rule.id)


def _notice_rules(portfolio: Portfolio, event: DutyEvent) -> Iterator[tuple[Pack, DutyRule]]:
    """The duties of shipped packs to begin with a notice, for collectors of the portfolio's kind."""
    for pack in shipped_packs().values():
        if pack.collector in ("any", portfolio.collector):
            for rule in pack.rules:
                if isinstance(rule, DutyRule) and rule.event is event:
                    yield pack, rule


_SOURCES: Mapping[DutyEvent, Callable[[Session, Portfolio, datetime, datetime], Iterable[Happened]]] = {
    DutyEvent.FIRST_CONTACT: _first_contacts,
    DutyEvent.DISPUTE: _disputes,
    DutyEvent.BILLING_ERROR: _billing_errors,
    DutyEvent.BILLING_ERROR_ANSWER: _billing_error_answers,
    DutyEvent.COMPLAINT: _complaints,
    DutyEvent.SETTLEMENT: _settlements,
    DutyEvent.QUARTER_OF_AGREEMENT: _quarters,
    DutyEvent.CASE_OPEN: _open_cases,
    DutyEvent.DEBT_ASSIGNED: _bought,
    DutyEvent.DEFAULT_SUM: default_sums,
    DutyEvent.TWO_PAYMENTS_BEHIND: _two_behind,
}
