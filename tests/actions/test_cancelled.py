"""Agreements that are cancelled: who has the confirmation of a promise in writing is told in writing, nobody else is; a
settlement that was offered in writing stands until its time is over, or a better one takes its place."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.agreements import agree, cancel_agreement, offer, promise
from app.book.ledger.models import Account
from app.casework.cases.models import CollectionsCase
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.rules import Cadence, Instalment, PlanKind, PlanStatus, asks_for_less
from app.casework.plans.terms import AgreementTerms
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from tests import builders

ON = date(2026, 3, 17)
NOW = builders.at(ON)
LATER = NOW + timedelta(days=2)
BEN = Actor.user("ben")


def promised(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.delinquent_case(session, due_on=ON - timedelta(days=20), on=ON)
        case = session.scalars(select(CollectionsCase)).one()
        promise(session, case, 5_000, ON + timedelta(days=10), builders.catalog(), by=BEN, now=NOW)


def cancelled(engine: Engine, reason: str = "typed for the wrong customer") -> list[str]:
    with transaction(engine) as session:
        plan = session.scalars(select(Plan)).one()
        told = cancel_agreement(session, plan, reason, builders.catalog(), by=BEN, now=LATER)
        assert plan.status is PlanStatus.CANCELLED
        assert [each["why"] for each in builders.events(session, "plan.cancelled")] == [reason]
        return [channel.value for channel in told]


def test_a_confirmation_that_left_is_taken_back_in_writing(engine: Engine) -> None:
    promised(engine)
    confirmed = builders.deliver(engine, NOW + timedelta(hours=1)).sent
    assert {each.letter for each in confirmed} == {"promise_confirmation"}
    assert len(cancelled(engine)) == len(confirmed)
    sent = builders.deliver(engine, LATER + timedelta(hours=1)).sent
    assert {each.letter for each in sent} == {"plan_cancelled"}
    assert [each.to for each in sent] == [each.to for each in confirmed]
    with transaction(engine) as session:
        reference = session.scalars(select(Plan)).one().reference
    [text] = [each.text for each in sent if each.subject]
    assert f"Our agreement {reference} of 17 March 2026 is cancelled." in text
    assert "In it you were to pay CN¥50.00 by 27 March 2026." in text
    [short] = [each.text for each in sent if not each.subject]
    assert "our agreement of 17 March 2026 (CN¥50.00 by 27 March 2026) is cancelled." in short


def test_one_that_is_still_queued_is_withheld_and_nothing_is_written(sqlite_engine: Engine) -> None:
    promised(sqlite_engine)
    assert cancelled(sqlite_engine) == []
    assert builders.deliver(sqlite_engine, LATER + timedelta(hours=1)).sent == []


def test_a_promise_is_not_cancelled_without_a_reason(sqlite_engine: Engine) -> None:
    promised(sqlite_engine)
    with transaction(sqlite_engine) as session:
        plan = session.scalars(select(Plan)).one()
        with pytest.raises(Invalid) as refused:
            cancel_agreement(session, plan, "  ", builders.catalog(), by=BEN, now=LATER)
    assert refused.value.field == "reason"


@pytest.mark.parametrize("status", [OutboxStatus.SENDING, OutboxStatus.UNKNOWN])
def test_a_confirmation_that_may_have_left_is_taken_back_too(
    sqlite_engine: Engine, status: OutboxStatus
) -> None:
    """A worker that died, or a provider that did not answer: the customer may hold it in their hands."""
    promised(sqlite_engine)
    with transaction(sqlite_engine) as session:
        waiting = session.scalars(select(OutboxMessage)).all()
        for row in waiting:
            row.status = status
    assert len(cancelled(sqlite_engine)) == len(waiting) > 0


# --- an offer to settle ------------------------------------------------------------------------------------

DAY = timedelta(days=1)
UNTIL = ON + 10 * DAY
MANAGER = {"grantor": Grantor(BEN, Role.MANAGER), "now": NOW}
STANDS = "was offered in writing until 2026-03-27, with grace days until 2026-03-30. It stands until then."


def settle_for(amount: int, first: date = UNTIL, payments: int = 2) -> AgreementTerms:
    return AgreementTerms(PlanKind.SETTLEMENT, amount, first, payments, Cadence.WEEKLY)


def settlement_offered(engine: Engine) -> int:
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - 20 * DAY, on=ON)
        return id_of(offer(session, case, settle_for(60_000), builders.catalog(), **MANAGER).plan)


def withdraw(engine: Engine, plan_id: int, on: date) -> Plan:
    with transaction(engine) as session:
        plan = session.get_one(Plan, plan_id)
        cancel_agreement(session, plan, "second thoughts", builders.catalog(), by=BEN, now=builders.at(on))
        return plan


def test_a_settlement_that_was_offered_in_writing_is_not_withdrawn_before_its_time_is_over(
    engine: Engine,
) -> None:
    plan_id = settlement_offered(engine)
    assert [each.letter for each in builders.deliver(engine, NOW + timedelta(hours=1)).sent] == [
        "settlement_offer"
    ]
    for on in (ON + DAY, UNTIL + 3 * DAY):
        with pytest.raises(Conflict, match=STANDS):
            withdraw(engine, plan_id, on)
    assert withdraw(engine, plan_id, UNTIL + 4 * DAY).status is PlanStatus.CANCELLED


@pytest.mark.parametrize("status", [OutboxStatus.SENDING, OutboxStatus.UNKNOWN])
def test_nor_is_one_whose_letter_may_have_left(sqlite_engine: Engine, status: OutboxStatus) -> None:
    plan_id = settlement_offered(sqlite_engine)
    with transaction(sqlite_engine) as session:
        session.scalars(select(OutboxMessage)).one().status = status
    with pytest.raises(Conflict, match=STANDS):
        withdraw(sqlite_engine, plan_id, ON)


def test_one_whose_letter_is_still_queued_is_withdrawn_and_its_letter_withheld(sqlite_engine: Engine) -> None:
    assert withdraw(sqlite_engine, settlement_offered(sqlite_engine), ON).status is PlanStatus.CANCELLED
    assert builders.deliver(sqlite_engine, NOW + timedelta(hours=1)).sent == []
    assert [row.status for row in builders.messages(sqlite_engine)] == [OutboxStatus.WITHHELD]


@pytest.mark.parametrize(
    ("terms", "paid", "is_agreed", "replaces"),
    [
        (settle_for(59_000), 0, False, True),
        (settle_for(59_000, UNTIL + 3 * DAY), 0, False, True),
        (settle_for(59_000), 1_000, False, False),  # of which the new one would know nothing
        (settle_for(60_000), 0, False, False),
        (settle_for(59_000, payments=1), 0, False, False),  # more on the first day
        (settle_for(59_000, UNTIL - DAY), 0, False, False),
        (settle_for(70_000), 0, True, True),
    ],
)
def test_a_settlement_takes_the_place_of_one_in_writing_if_it_asks_for_less_or_is_agreed(
    sqlite_engine: Engine, terms: AgreementTerms, paid: int, is_agreed: bool, replaces: bool
) -> None:
    old_id = settlement_offered(sqlite_engine)
    builders.deliver(sqlite_engine, NOW + timedelta(hours=1))
    with transaction(sqlite_engine) as session:
        old = session.get_one(Plan, old_id)
        case = session.scalars(select(CollectionsCase)).one()
        if paid:
            [card] = session.scalars(select(Account))
            builders.payment(session, card, paid, ON)
        make = agree if is_agreed else offer
        if replaces:
            new = make(session, case, terms, builders.catalog(), **MANAGER).plan
            assert (old.status, old.why) == (PlanStatus.CANCELLED, f"replaced by {new.reference}")
            assert new.status is (PlanStatus.ACTIVE if is_agreed else PlanStatus.OFFERED)
        else:
            why = "A payment came for settlement" if paid else "asks for less and no sooner"
            with pytest.raises(Conflict, match=why):
                make(session, case, terms, builders.catalog(), **MANAGER)
            assert old.status is PlanStatus.OFFERED


@pytest.mark.parametrize(
    ("new", "is_less"),
    [
        ([(10, 100), (20, 199)], True),
        ([(10, 99), (20, 200)], True),
        ([(10, 101), (20, 150)], False),
        ([(9, 50), (20, 150)], False),
        ([(30, 299)], True),
        ([(10, 100), (20, 200)], False),
    ],
)
def test_asking_for_less_is_less_in_all_and_on_no_day_more(new: list[tuple[int, int]], is_less: bool) -> None:
    old = [Instalment(1, ON + 10 * DAY, 100), Instalment(2, ON + 20 * DAY, 200)]
    parts = [Instalment(n, ON + days * DAY, amount) for n, (days, amount) in enumerate(new, 1)]
    assert asks_for_less(parts, old) is is_less
