"""Agreements of a portfolio end in any way, with any hold, adviser, payment, sale and loss on the way: each end is told
once, or is one task."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.advisers.clients import NewAuthority, add_client
from app.actions.agreements import agree, cancel_agreement
from app.actions.holds import place_hold
from app.book.ledger.ends.status import change_status
from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.casework.parties.models import ThirdParty
from app.casework.parties.service import close_party
from app.casework.plans.models import Plan
from app.casework.plans.rules import LIVE, Cadence, PlanKind
from app.casework.plans.terms import AgreementTerms
from app.core.database.engine import reading, transaction
from app.core.vocabulary import HoldKind
from app.outreach.delivery.reports import note_status
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.agreements.ends import untold_ends
from app.outreach.strategy.models import StrategyTask
from tests import builders
from tests.actions.test_agreements import AS_MANAGER, DAY, LETTERS, MEI, ON
from tests.outreach.advised import ANN, the_adviser
from tests.outreach.planning.test_ends_told import morning
from tests.outreach.planning.test_restored import BROKEN, DUE, close

CUSTOMERS = 10
LAST = BROKEN + 8 * DAY
TO_CUSTOMER = ("plan_broken", "plan_over", "plan_cancelled")
TERMS = (
    AgreementTerms(PlanKind.PROMISE, 5_000, DUE),
    AgreementTerms(PlanKind.INSTALMENTS, 60_000, DUE, payments=6, cadence=Cadence.MONTHLY),
)


def act(session: Session, case: CollectionsCase, chance: random.Random, on: date) -> None:
    """Something that happens to a customer on a morning."""
    now = builders.at(on, 14)
    card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
    plan = session.scalars(select(Plan).where(Plan.case_id == case.id, col(Plan.status).in_(LIVE))).first()
    parties = select(ThirdParty).where(
        ThirdParty.customer_id == case.customer_id, col(ThirdParty.ended_at).is_(None)
    )
    party = session.scalars(parties).first()
    match chance.randrange(8):
        case 0:
            builders.payment(session, card, chance.choice((1_000, 5_000)), on, now=now)
        case 1 if case.status is CaseStatus.OPEN:
            kind = chance.choice((HoldKind.DISPUTE, HoldKind.CEASE_CONTACT, HoldKind.MANUAL))
            place_hold(session, case, kind, "said so", on + 5 * DAY, LETTERS, by=ANN, now=now)
        case 2 if party is None and case.status is CaseStatus.OPEN:
            new = NewAuthority(date(2026, 3, 1), None, f"H-{case.id}")
            made = add_client(session, the_adviser(session), case, new, LETTERS, by=ANN, now=now)
            if plan is not None and chance.random() < 0.5:
                plan.agreed_with_id = made.id
        case 3 if party is not None:
            close_party(session, case, party, "said so", by=ANN, now=now)
        case 4 if plan is not None:
            cancel_agreement(session, plan, "cannot", LETTERS, by=ANN, now=now)
        case 5 if card.status is AccountStatus.ACTIVE:
            to = chance.choice((AccountStatus.SOLD, AccountStatus.CHARGED_OFF))
            change_status(session, card, to, on, "given up", by=MEI, now=now)
        case 6 if plan is None and case.past_due_minor > 0 and card.status is AccountStatus.ACTIVE:
            terms = AgreementTerms(PlanKind.PROMISE, 5_000, on + 20 * DAY)
            agree(session, case, terms, LETTERS, **{**AS_MANAGER, "now": now})  # type: ignore[arg-type]


def come_back(engine: Engine, chance: random.Random, on: date) -> None:
    """Some letters that left come back."""
    for row in builders.messages(engine):
        is_of_plan = row.letter.startswith(("plan_", "adviser_")) and row.status is OutboxStatus.SENT
        if is_of_plan and chance.random() < 0.1:
            with transaction(engine) as session:
                ref, now = row.provider_ref, builders.at(on, 9)
                note_status(session, OutboxStatus.BOUNCED, "5.1.1", provider_ref=ref, now=now)


@pytest.mark.parametrize("seed", [1, 2])
def test_each_end_is_told_once_or_is_one_task(engine: Engine, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a repeatable life
    with transaction(engine) as session:
        book = builders.portfolio(session, pack="uk", remind_days=0, remind_today=False, remind_grace_days=0)
        for _ in range(CUSTOMERS):
            builders.late_customer(session, book, due_on=ON - 10 * DAY, country="GB")
    builders.close_day(engine, ON - DAY)
    with transaction(engine) as session:
        for case in session.scalars(select(CollectionsCase).order_by(col(CollectionsCase.id))).all():
            agree(session, case, chance.choice(TERMS), LETTERS, **AS_MANAGER)  # type: ignore[arg-type]
    day = ON
    while day <= LAST:
        come_back(engine, chance, day)
        with transaction(engine) as session:
            for case in session.scalars(select(CollectionsCase).order_by(col(CollectionsCase.id))).all():
                if chance.random() < 0.15:
                    act(session, case, chance, day)
        morning(engine, day)
        close(engine, day, day)
        day += DAY
    with reading(engine) as session:
        untold = untold_ends(session, session.scalars(select(Portfolio)).one(), LAST - DAY)
        ended = session.scalars(select(Plan).where(col(Plan.status).not_in(LIVE))).all()
        about = select(StrategyTask.plan_id).where(StrategyTask.step == "end-not-told")
        tasks = Counter(session.scalars(about))
    assert len(ended) >= CUSTOMERS // 2
    assert [plan.reference for plan in untold] == []
    assert max(tasks.values(), default=1) == 1
    arrived = Counter(
        builders.step_of(engine, row).plan_id
        for row in builders.messages(engine)
        if row.letter in TO_CUSTOMER and row.status in (OutboxStatus.SENT, OutboxStatus.DELIVERED)
    )
    mailed = {plan_id: n for plan_id, n in arrived.items() if n > 2}
    assert mailed == {}, "an SMS and an e-mail at most"
