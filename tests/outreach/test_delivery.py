"""The outbox: which moves it knows, what each answer of a provider leads to, and what a dead worker leaves behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import product

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.cases.models import CollectionsCase
from app.cases.rules import CaseStatus
from app.compliance.service import set_consent
from app.db import transaction
from app.errors import Conflict
from app.ledger.models import Account, Customer
from app.outreach.delivery import (
    MAX_ATTEMPTS,
    move,
    note_delivery_status,
    resolve_unknown,
    start_channel,
    stop_channel,
)
from app.outreach.models import ChannelStop, OutboxMessage
from app.outreach.rules import (
    TRANSITIONS,
    Accepted,
    Destination,
    Dispatch,
    Misconfigured,
    OutboxStatus,
    Outcome,
    TryLater,
    Uncertain,
    Undeliverable,
)
from app.outreach.service import enqueue
from app.plans.service import promise_to_pay
from app.timeline.rules import Channel, Kind, Purpose
from tests import builders

ON = date(2026, 3, 13)
DUE = ON - timedelta(days=3)
MORNING = builders.at(ON + timedelta(days=1), 9)
S = OutboxStatus

# Written from section 5 of the design, not copied from the code: everything that is not here is refused.
ALLOWED = {
    (S.QUEUED, S.CLAIMED), (S.QUEUED, S.WITHHELD),
    (S.CLAIMED, S.SENDING), (S.CLAIMED, S.QUEUED), (S.CLAIMED, S.WITHHELD),
    (S.SENDING, S.SENT), (S.SENDING, S.FAILED), (S.SENDING, S.UNKNOWN), (S.SENDING, S.QUEUED),
    (S.SENDING, S.UNDELIVERED),
    (S.SENT, S.DELIVERED), (S.SENT, S.UNDELIVERED), (S.SENT, S.BOUNCED), (S.DELIVERED, S.BOUNCED),
    (S.UNKNOWN, S.SENT), (S.UNKNOWN, S.FAILED),
}  # fmt: skip


@pytest.mark.parametrize(("now", "to"), list(product(OutboxStatus, OutboxStatus)))
def test_every_move_that_is_not_in_the_table_is_refused(now: OutboxStatus, to: OutboxStatus) -> None:
    row = OutboxMessage(status=now)
    if (now, to) in ALLOWED:
        move(row, to)
        assert row.status is to
    else:
        with pytest.raises(Conflict):
            move(row, to)
        assert row.status is now


def test_no_way_leads_from_unknown_back_to_the_queue() -> None:
    """The one promise that matters most: what may have left is never sent again."""
    reachable, pending = set(), {S.UNKNOWN}
    while pending:
        reached = pending.pop()
        reachable.add(reached)
        pending |= set(TRANSITIONS[reached]) - reachable
    assert not reachable & {S.QUEUED, S.CLAIMED, S.SENDING}


@pytest.fixture
def case(engine: Engine) -> CollectionsCase:
    return _queued(engine)


def _queued(engine: Engine, **changes: object) -> CollectionsCase:
    with transaction(engine) as session:
        made = builders.delinquent_case(session, due_on=DUE, on=ON)
        builders.queued_message(session, made, on=ON, **changes)
        return made


def only(engine: Engine) -> OutboxMessage:
    [row] = builders.messages(engine)
    return row


def kinds(engine: Engine) -> list[Kind]:
    with transaction(engine) as session:
        found = builders.events(session)
        return [e["kind"] for e in found if e["kind"].value.startswith(("contact.", "channel."))]


def answering(*answers: Outcome) -> builders.RecordingSender:
    return builders.RecordingSender(list(answers))


def test_accepted_is_sent_and_counts(engine: Engine, case: CollectionsCase) -> None:
    sender = builders.deliver(engine, MORNING, answering(Accepted("SM1")))
    row = only(engine)
    assert (row.status, row.provider_ref, row.sent_at, row.attempts) == (S.SENT, "SM1", MORNING, 1)
    assert sender.sent[0].text == row.text, "the words on record are the words that left"
    assert sender.sent[0].attempt_id == row.attempt_id
    assert kinds(engine) == [Kind.CONTACT_SENT]
    assert builders.deliver(engine, MORNING + timedelta(hours=1)).sent == []


def test_undeliverable_is_final_and_does_not_count(engine: Engine, case: CollectionsCase) -> None:
    builders.deliver(engine, MORNING, answering(Undeliverable("no such number")))
    assert (only(engine).status, only(engine).error) == (S.UNDELIVERED, "no such number")
    assert kinds(engine) == [Kind.CONTACT_FAILED]
    assert builders.deliver(engine, MORNING + timedelta(hours=1)).sent == []


def test_try_later_waits_as_long_as_it_was_told_and_gives_up_in_the_end(
    engine: Engine, case: CollectionsCase
) -> None:
    sender = answering(*[TryLater("busy", after_seconds=600)] * (MAX_ATTEMPTS + 3))
    builders.deliver(engine, MORNING, sender)
    assert (only(engine).status, only(engine).not_before) == (S.QUEUED, MORNING + timedelta(minutes=10))
    builders.deliver(engine, MORNING + timedelta(minutes=9), sender)
    assert len(sender.sent) == 1
    for n in range(1, MAX_ATTEMPTS + 3):
        builders.deliver(engine, MORNING + timedelta(minutes=10 * n), sender)
    assert len(sender.sent) == MAX_ATTEMPTS
    assert only(engine).status is S.FAILED
    assert len({dispatch.attempt_id for dispatch in sender.sent}) == MAX_ATTEMPTS
    assert kinds(engine) == [Kind.CONTACT_FAILED]


def test_uncertain_is_shown_to_a_person_and_never_sent_again(engine: Engine, case: CollectionsCase) -> None:
    builders.deliver(engine, MORNING, answering(Uncertain("no answer")))
    assert only(engine).status is S.UNKNOWN
    for hours in (1, 12, 40):
        assert builders.deliver(engine, MORNING + timedelta(hours=hours)).sent == []
    with transaction(engine) as session:
        row = session.get_one(OutboxMessage, only(engine).id)
        resolve_unknown(session, row, was_sent=True, by="user:ann", now=MORNING + timedelta(days=2))
    assert only(engine).status is S.SENT
    assert kinds(engine) == [Kind.CONTACT_UNKNOWN, Kind.CONTACT_SENT]


def test_misconfigured_stops_the_channel_until_a_person_starts_it(engine: Engine) -> None:
    for _ in range(3):
        _queued(engine)
    sender = builders.deliver(engine, MORNING, answering(Misconfigured("wrong token")))
    assert len(sender.sent) == 1, "the other two are not even tried"
    assert {row.status for row in builders.messages(engine)} == {S.QUEUED}
    with transaction(engine) as session:
        stop = session.scalars(select(ChannelStop)).one()
        assert (stop.destination, stop.reason) == (Destination.SMS, "wrong token")
    assert builders.deliver(engine, MORNING + timedelta(minutes=30)).sent == []
    with transaction(engine) as session:
        start_channel(session, Destination.SMS, by="user:max", now=MORNING + timedelta(hours=1))
    assert len(builders.deliver(engine, MORNING + timedelta(hours=1)).sent) == 3
    assert kinds(engine).count(Kind.CHANNEL_STOPPED) == 1
    assert kinds(engine).count(Kind.CHANNEL_STARTED) == 1


def test_a_channel_stopped_in_the_middle_of_a_batch_sends_nothing_more(engine: Engine) -> None:
    """A manager sees that the wording is wrong and presses stop; fifty claimed messages must not follow."""
    for _ in range(5):
        _queued(engine)

    class Stopped(builders.RecordingSender):
        def send(self, dispatch: Dispatch) -> Outcome:
            if len(self.sent) == 1:
                with transaction(engine) as session:
                    stop_channel(session, Destination.SMS, "wrong wording", by="user:max", now=MORNING)
            return super().send(dispatch)

    sender = builders.deliver(engine, MORNING, Stopped())
    assert len(sender.sent) == 2
    statuses = [row.status for row in builders.messages(engine)]
    assert statuses == [S.SENT, S.SENT, S.QUEUED, S.QUEUED, S.QUEUED]


def test_a_stopped_channel_does_not_stop_the_others(engine: Engine) -> None:
    _queued(engine)
    _queued(engine, channel=Channel.EMAIL)
    with transaction(engine) as session:
        stop_channel(session, Destination.SMS, "provider is down", by="user:max", now=MORNING)
    assert [d.channel for d in builders.deliver(engine, MORNING).sent] == [Channel.EMAIL]


def test_nothing_leaves_before_its_window_or_outside_the_hours(engine: Engine) -> None:
    _queued(engine, not_before=MORNING)
    assert builders.deliver(engine, MORNING - timedelta(seconds=1)).sent == []
    late = builders.at(ON + timedelta(days=1), 23)
    assert builders.deliver(engine, late).sent == [], "the window has closed: 22:00 is the last moment"
    assert only(engine).status is S.QUEUED
    assert only(engine).not_before == builders.at(ON + timedelta(days=2), 8)
    assert len(builders.deliver(engine, builders.at(ON + timedelta(days=2), 8)).sent) == 1


Change = Callable[[Session, CollectionsCase], None]


def _pays(session: Session, case: CollectionsCase) -> None:
    card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
    builders.payment(session, card, 1, ON + timedelta(days=1))


def _moves(session: Session, case: CollectionsCase) -> None:
    session.get_one(Customer, case.customer_id).mobile = "+8613999999999"


def _promises(session: Session, case: CollectionsCase) -> None:
    fresh = session.get_one(CollectionsCase, case.id)
    promise_to_pay(session, fresh, 5_000, ON + timedelta(days=9), by="user:ann", today=ON, now=MORNING)


def _opts_out(session: Session, case: CollectionsCase) -> None:
    holder = session.get_one(Customer, case.customer_id)
    set_consent(session, holder, Channel.SMS, allowed=False, source="STOP", by="system", now=MORNING)


def _closes(session: Session, case: CollectionsCase) -> None:
    session.get_one(CollectionsCase, case.id).status = CaseStatus.CLOSED


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (_pays, "a payment came"),
        (_moves, "address has changed"),
        (_promises, "promise or plan"),
        (_opts_out, "house.opt_out"),
        (_closes, "case was closed"),
    ],
)
def test_what_is_no_longer_true_is_withheld_with_the_reason(
    engine: Engine, case: CollectionsCase, change: Change, says: str
) -> None:
    with transaction(engine) as session:
        change(session, case)
    assert builders.deliver(engine, MORNING).sent == []
    row = only(engine)
    assert row.status is S.WITHHELD
    assert says in row.error
    assert kinds(engine)[-1] is Kind.CONTACT_WITHHELD


@pytest.mark.parametrize(("days", "sent"), [(3, True), (4, False)])
def test_three_days_after_its_business_date_a_message_is_stale(engine: Engine, days: int, sent: bool) -> None:
    _queued(engine)
    found = builders.deliver(engine, builders.at(ON + timedelta(days=days), 9))
    assert len(found.sent) == int(sent)
    assert only(engine).status is (S.SENT if sent else S.WITHHELD)


def test_the_cap_holds_between_two_messages_of_one_customer(engine: Engine, case: CollectionsCase) -> None:
    with transaction(engine) as session:
        fresh = session.get_one(CollectionsCase, case.id)
        builders.queued_message(session, fresh, on=ON, step="other", channel=Channel.EMAIL)
    assert len(builders.deliver(engine, MORNING).sent) == 1
    waiting = builders.messages(engine)[1]
    assert (waiting.status, waiting.not_before) == (S.QUEUED, MORNING + timedelta(hours=24))
    assert "house.messages_day" in waiting.error


def test_a_confirmation_is_no_reminder_and_passes(engine: Engine, case: CollectionsCase) -> None:
    with transaction(engine) as session:
        fresh = session.get_one(CollectionsCase, case.id)
        builders.queued_message(session, fresh, on=ON, step="plan-1", purpose=Purpose.CONFIRMATION)
        _promises(session, case)
    assert [d.key.split(":")[1] for d in builders.deliver(engine, MORNING).sent] == ["plan-1"]


def test_the_same_key_is_queued_once(engine: Engine, case: CollectionsCase) -> None:
    row = only(engine)
    again = {name: value for name, value in row.model_dump().items() if name != "id"}
    with transaction(engine) as session:
        enqueue(session, [again | {"text": "other words"}])
    assert only(engine).text == row.text


# --- what a dead worker leaves --------------------------------------------------------------------


def _left_by_a_dead_worker(engine: Engine, status: OutboxStatus, until: datetime) -> None:
    with transaction(engine) as session:
        row = session.scalars(select(OutboxMessage).order_by(col(OutboxMessage.id))).one()
        row.status, row.claimed_by, row.lease_until, row.attempt_id = status, "dead", until, "a" * 32


@pytest.mark.parametrize("status", [S.CLAIMED, S.SENDING])
def test_a_lease_that_runs_is_respected(engine: Engine, case: CollectionsCase, status: OutboxStatus) -> None:
    _left_by_a_dead_worker(engine, status, MORNING)
    assert builders.deliver(engine, MORNING).sent == []
    assert only(engine).status is status


def test_a_claim_whose_lease_is_over_is_taken_up_again(engine: Engine, case: CollectionsCase) -> None:
    _left_by_a_dead_worker(engine, S.CLAIMED, MORNING)
    assert len(builders.deliver(engine, MORNING + timedelta(seconds=1)).sent) == 1
    assert only(engine).status is S.SENT


def test_an_attempt_whose_lease_is_over_becomes_unknown(engine: Engine, case: CollectionsCase) -> None:
    _left_by_a_dead_worker(engine, S.SENDING, MORNING)
    assert builders.deliver(engine, MORNING + timedelta(seconds=1)).sent == []
    assert only(engine).status is S.UNKNOWN
    assert kinds(engine) == [Kind.CONTACT_UNKNOWN]


# --- reports from the provider ---------------------------------------------------------------------


def test_delivery_reports_move_forward_only_and_repeat_harmlessly(
    engine: Engine, case: CollectionsCase
) -> None:
    builders.deliver(engine, MORNING, answering(Accepted("SM1")))

    def report(ref: str, status: OutboxStatus) -> bool:
        with transaction(engine) as session:
            return note_delivery_status(session, ref, status, "", now=MORNING)

    assert report("SM1", S.DELIVERED)
    assert report("SM1", S.DELIVERED)
    assert report("SM1", S.UNDELIVERED), "known, and too late to matter"
    assert only(engine).status is S.DELIVERED
    assert kinds(engine) == [Kind.CONTACT_SENT, Kind.CONTACT_DELIVERED]
    assert not report("SM2", S.DELIVERED)
    assert not report("", S.DELIVERED)
