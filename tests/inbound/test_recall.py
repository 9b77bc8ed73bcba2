"""Ten seconds of second thoughts: a message sent by hand waits for them, whichever process would send it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.messages import send_letter
from app.api.cases.lookup import case_named
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.inbound.answers import recall_message, undo_message
from app.outreach.gate.events import ContactWithheld
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.outbox.waiting import UNDO_WITHIN
from app.policy.answers import Clearance
from tests import builders
from tests.inbound.correspondence import NOW, a_customer, the_job, told, writes
from tests.inbound.test_answers import answers, outcomes

BEN = Actor.user("ben")
SECOND = timedelta(seconds=1)


def take_back(engine: Engine, after: timedelta, reason: str = "") -> None:
    with transaction(engine) as session:
        case = case_named(
            session, f"C-{id_of(session.scalars(select(CollectionsCase)).one()):06d}", lock=True
        )
        queued = select(OutboxMessage.id).where(OutboxMessage.status == OutboxStatus.QUEUED)
        message_id = session.scalars(queued).one()
        assert message_id is not None
        if reason:
            recall_message(session, case, message_id, reason, by=BEN, now=NOW + after)
        else:
            undo_message(session, case, message_id, by=BEN, now=NOW + after)


def test_an_answer_is_undone_and_the_question_waits_again(engine: Engine) -> None:
    anna = a_customer(engine)
    writes(engine, "Can I pay half on Friday?")
    the_job(engine)
    assert isinstance(answers(engine, "Yes, that is fine."), Clearance)
    assert builders.deliver(engine, NOW + UNDO_WITHIN - SECOND).sent == [], "no worker claims it yet"
    take_back(engine, UNDO_WITHIN - SECOND)
    assert builders.deliver(engine, NOW + timedelta(minutes=1)).sent == []
    assert outcomes(engine) == [None], "it waits for an answer again"
    *_, withheld = told(engine, anna, ContactWithheld.KIND)
    assert (withheld["by"], "undone" in withheld["reason"]) == (BEN, True)
    # The same words may be sent after all.
    assert isinstance(answers(engine, "Yes, that is fine.", after=timedelta(minutes=2)), Clearance)
    assert len(builders.deliver(engine, NOW + timedelta(minutes=3)).sent) == 1


def test_after_ten_seconds_a_recall_needs_a_reason(sqlite_engine: Engine) -> None:
    a_customer(sqlite_engine)
    writes(sqlite_engine, "Can I pay half on Friday?")
    the_job(sqlite_engine)
    answers(sqlite_engine, "Yes, that is fine.")
    with pytest.raises(Conflict, match="ten seconds are over"):
        take_back(sqlite_engine, UNDO_WITHIN + SECOND)
    take_back(sqlite_engine, UNDO_WITHIN + SECOND, reason="wrong customer")
    with transaction(sqlite_engine) as session:
        row = session.scalars(select(OutboxMessage)).one()
        assert (row.status, row.error) == (OutboxStatus.WITHHELD, "cancelled: wrong customer")
    assert outcomes(sqlite_engine) == [None]


@pytest.mark.parametrize(("by", "waits"), [(BEN, UNDO_WITHIN), (Actor.token("crm"), timedelta(0))])
def test_a_letter_by_hand_waits_and_one_by_a_program_does_not(
    sqlite_engine: Engine, by: Actor, waits: timedelta
) -> None:
    a_customer(sqlite_engine)
    with transaction(sqlite_engine) as session:
        case = session.scalars(select(CollectionsCase)).one()
        answer = send_letter(session, case, "first_reminder", Channel.SMS, builders.catalog(), by=by, now=NOW)
        assert isinstance(answer, Clearance)
        session.expire_all()
        assert session.scalars(select(OutboxMessage)).one().not_before == NOW + waits
