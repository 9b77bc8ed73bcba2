"""Negotiations of this morning: offers that stand, one that was refused, the customer's own figures, an agreed plan,
a hardship plan, and a request that waits for a manager."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.corrections import post_by_hand
from app.actions.negotiation.negotiating import counter_offer, negotiate, refuse_offer
from app.actions.negotiation.taking import take_offer
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus, EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import debts_now
from app.casework.cases.figures import refresh_touched
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.holds.models import CaseHold
from app.casework.negotiation.facts import OptionKind
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.record.models import NegotiationOffer
from app.casework.negotiation.record.queries import standing_offers
from app.casework.negotiation.solver.counter import Counter
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE, Acceptance, Agreed
from app.casework.plans.terms import Payday
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.planning.letterhead import LetterCatalog

SPOKEN = Agreed(
    Acceptance.PHONE, "By transfer on the working day after each payday; read back and confirmed."
)
MEI, GRACE = Actor.user("mei"), Actor.user("grace")
MOST = 7
"""Cases that are negotiated."""


def negotiate_for_the_visitor(
    engine: Engine, portfolio: Portfolio, letters: LetterCatalog, yesterday: date, now: datetime
) -> None:
    """Negotiate some open cases, each to another end."""
    with transaction(engine) as session:
        cases = _cases(session)
        today = local_date(now, portfolio.timezone)
        debts = debts_now(session, portfolio, [case.customer_id for case in cases], today)
        worth = [case for case in cases if debts[case.customer_id].past_due > 0]
        for n, case in enumerate(worth[:MOST]):
            debt = debts[case.customer_id]
            payday = Payday(today + timedelta(days=5 + n))
            if n == 0:
                _hardship(session, case, debt.debt // 40, payday, letters, yesterday, now)
            elif n == 1:
                _settlement(session, case, debt.debt * 7 // 10, letters, now)
            else:
                said = Answer(debt.past_due + debt.debt // 20, 0, payday)
                _plan(session, case, n, said, letters, today, now)
        refresh_touched(session, now)


def _cases(session: Session) -> Sequence[CollectionsCase]:
    """Open cases without a hold or a plan, those first that matter most."""
    held = select(CaseHold.customer_id).where(col(CaseHold.ended_at).is_(None))
    planned = select(Plan.case_id).where(col(Plan.status).in_(LIVE))
    query = select(CollectionsCase).where(
        CollectionsCase.status == CaseStatus.OPEN,
        col(CollectionsCase.with_legal_since).is_(None),
        col(CollectionsCase.customer_id).not_in(held),
        col(CollectionsCase.id).not_in(planned),
    )
    ordered = query.order_by(col(CollectionsCase.priority).desc(), col(CollectionsCase.id))
    return session.scalars(ordered.offset(6).limit(4 * MOST)).all()


def _hardship(
    session: Session,
    case: CollectionsCase,
    monthly: int,
    payday: Payday,
    letters: LetterCatalog,
    yesterday: date,
    now: datetime,
) -> None:
    """A household that can pay little: a late fee is waived, and a manager agrees on a hardship plan."""
    account = session.scalars(
        select(Account).where(Account.customer_id == case.customer_id, Account.status == AccountStatus.ACTIVE)
    ).first()
    if account is None:
        return
    post_by_hand(
        session, account, EntryKind.FEE, 300, yesterday, "late fee", by=GRACE, role=Role.MANAGER, now=now
    )
    negotiate(session, case, Answer(monthly, 0, payday), by=GRACE, role=Role.MANAGER, now=now)
    if offer := _best(session, case, OptionKind.HARDSHIP, now):
        take_offer(session, case, id_of(offer), letters, SPOKEN, by=GRACE, role=Role.MANAGER, now=now)


def _settlement(
    session: Session, case: CollectionsCase, once: int, letters: LetterCatalog, now: datetime
) -> None:
    """An agent asks a manager for a settlement beyond the own limit; the request waits in the inbox."""
    negotiate(session, case, Answer(0, once), by=MEI, role=Role.AGENT, now=now)
    if offer := _best(session, case, OptionKind.SETTLEMENT, now):
        take_offer(
            session, case, id_of(offer), letters, SPOKEN, reason="Their family lends them the sum this week.",
            by=MEI, role=Role.AGENT, now=now,
        )  # fmt: skip


def _plan(
    session: Session,
    case: CollectionsCase,
    n: int,
    said: Answer,
    letters: LetterCatalog,
    today: date,
    now: datetime,
) -> None:
    """Offers of a plan: agreed on, refused, countered, or still open."""
    made = negotiate(session, case, said, by=MEI, role=Role.AGENT, now=now)
    offer = _best(session, case, OptionKind.SHORT_PLAN, now) or _best(
        session, case, OptionKind.LONG_PLAN, now
    )
    if offer is None:
        return
    if n == 2 and offer.may_grant == "agent":
        take_offer(session, case, id_of(offer), letters, SPOKEN, by=MEI, role=Role.AGENT, now=now)
    elif n == 3:
        refuse_offer(session, case, id_of(offer), "Wants to speak with the family first.", by=MEI, now=now)
    elif n == 4:
        first = today + timedelta(days=10)
        counter = Counter(offer.kind, max(1, (said.monthly_minor or 0) // 2), first_on=first)
        counter_offer(session, case, id_of(made.negotiation), counter, by=MEI, role=Role.AGENT, now=now)


def _best(
    session: Session, case: CollectionsCase, kind: OptionKind, now: datetime
) -> NegotiationOffer | None:
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    rows = standing_offers(session, id_of(case), local_date(now, portfolio.timezone))
    return min((row for row in rows if row.kind is kind), key=lambda row: row.rank, default=None)
