"""The outbox: which moves it knows, what each answer of a provider leads to, and what a dead worker leaves behind."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta
from itertools import pairwise, product
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.actor import SYSTEM, Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.timeline.models import Event
from app.core.vocabulary import Channel, Purpose
from app.outreach.delivery.cleanup import withhold_stale
from app.outreach.delivery.dispatcher import SWITCH_SECONDS
from app.outreach.delivery.moves import move
from app.outreach.delivery.reports import note_status, resolve_unknown
from app.outreach.delivery.sending import _Pipeline, deliver_due
from app.outreach.delivery.transports import ContactTransport
from app.outreach.gate.consent import set_consent
from app.outreach.gate.decisions import replay
from app.outreach.gate.events import ContactWaiting, ContactWithheld
from app.outreach.letters.sms import sms_segments
from app.outreach.outbox.channel_stops import start_channel, stop_channel
from app.outreach.outbox.dispatch import (
    Accepted,
    Dispatch,
    Misconfigured,
    SendResult,
    TryLater,
    Uncertain,
    Undeliverable,
)
from app.outreach.outbox.events import (
    ChannelStarted,
    ChannelStopped,
    ContactDelivered,
    ContactFailed,
    ContactSent,
    ContactUnknown,
)
from app.outreach.outbox.models import ChannelStop, OutboxMessage
from app.outreach.outbox.rules import MAX_ATTEMPTS, TRANSITIONS, Destination, OutboxStatus, Pace, retry_wait
from tests import builders
from tests.agreements import promise_to_pay

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
    # What the provider says it has was sent, whatever we made of its answer.
    (S.QUEUED, S.SENT), (S.CLAIMED, S.SENT), (S.FAILED, S.SENT),
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


def kinds(engine: Engine) -> list[str]:
    with transaction(engine) as session:
        found = builders.events(session)
        return [e["kind"] for e in found if e["kind"].startswith(("contact.", "channel."))]


def answering(*answers: SendResult) -> builders.RecordingSender:
    return builders.RecordingSender(list(answers))


def test_accepted_is_sent_and_counts(engine: Engine, case: CollectionsCase) -> None:
    sender = builders.deliver(engine, MORNING, answering(Accepted("SM1")))
    row = only(engine)
    assert (row.status, row.provider_ref, row.sent_at, row.attempts) == (S.SENT, "SM1", MORNING, 1)
    assert sender.sent[0].text == row.text, "the words on record are the words that left"
    assert sender.sent[0].attempt_id == row.attempt_id
    assert kinds(engine) == [ContactSent.KIND]
    assert builders.deliver(engine, MORNING + timedelta(hours=1)).sent == []


def test_undeliverable_is_final_and_does_not_count(engine: Engine, case: CollectionsCase) -> None:
    builders.deliver(engine, MORNING, answering(Undeliverable("no such number")))
    assert (only(engine).status, only(engine).error) == (S.UNDELIVERED, "no such number")
    assert kinds(engine) == [ContactFailed.KIND]
    assert builders.deliver(engine, MORNING + timedelta(hours=1)).sent == []


@pytest.mark.parametrize(
    ("told", "attempts", "minutes"),
    [(60, 1, 1), (60, 2, 2), (60, 7, 64), (60, 8, 120), (600, 3, 40), (6 * 3600, 1, 360), (6 * 3600, 5, 360)],
)
def test_each_wait_is_twice_the_last_up_to_two_hours_but_never_less_than_was_told(
    told: int, attempts: int, minutes: int
) -> None:
    assert retry_wait(told, attempts) == timedelta(minutes=minutes)


def test_try_later_waits_longer_each_time_and_gives_up_in_the_end(
    engine: Engine, case: CollectionsCase
) -> None:
    sender = answering(*[TryLater("busy", after_seconds=600)] * (MAX_ATTEMPTS + 3))
    builders.deliver(engine, MORNING, sender)
    assert (only(engine).status, only(engine).not_before) == (S.QUEUED, MORNING + timedelta(minutes=10))
    builders.deliver(engine, MORNING + timedelta(minutes=9), sender)
    assert len(sender.sent) == 1
    tried = [MORNING]
    while (row := only(engine)).status is S.QUEUED:
        tried.append(row.not_before)
        builders.deliver(engine, row.not_before, sender)
    waits = [(later - earlier) / timedelta(minutes=1) for earlier, later in pairwise(tried)]
    assert waits == [10, 20, 40, 80, 120, 120, 120]
    assert len(sender.sent) == MAX_ATTEMPTS
    assert only(engine).status is S.FAILED
    assert len({dispatch.attempt_id for dispatch in sender.sent}) == MAX_ATTEMPTS
    assert kinds(engine) == [ContactFailed.KIND]


def test_uncertain_is_shown_to_a_person_and_never_sent_again(engine: Engine, case: CollectionsCase) -> None:
    builders.deliver(engine, MORNING, answering(Uncertain("no answer")))
    assert only(engine).status is S.UNKNOWN
    for hours in (1, 12, 40):
        assert builders.deliver(engine, MORNING + timedelta(hours=hours)).sent == []
    with transaction(engine) as session:
        row = session.get_one(OutboxMessage, only(engine).id)
        resolve_unknown(session, row, was_sent=True, by=Actor.user("ann"), now=MORNING + timedelta(days=2))
    assert only(engine).status is S.SENT
    assert kinds(engine) == [ContactUnknown.KIND, ContactSent.KIND]


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
        start_channel(session, Destination.SMS, by=Actor.user("max"), now=MORNING + timedelta(hours=1))
    assert len(builders.deliver(engine, MORNING + timedelta(hours=1)).sent) == 3
    assert kinds(engine).count(ChannelStopped.KIND) == 1
    assert kinds(engine).count(ChannelStarted.KIND) == 1


def test_a_channel_stopped_in_the_middle_of_a_batch_sends_nothing_more(engine: Engine) -> None:
    """A manager sees that the wording is wrong and presses stop; fifty claimed messages must not follow."""
    for _ in range(5):
        _queued(engine)

    class Stopped(builders.RecordingSender):
        def send(self, dispatch: Dispatch) -> SendResult:
            if len(self.sent) == 1:
                with transaction(engine) as session:
                    stop_channel(session, Destination.SMS, "wrong wording", by=Actor.user("max"), now=MORNING)
            return super().send(dispatch)

    sender = builders.deliver(engine, MORNING, Stopped())
    assert len(sender.sent) == 2
    statuses = [row.status for row in builders.messages(engine)]
    assert statuses == [S.SENT, S.SENT, S.QUEUED, S.QUEUED, S.QUEUED]


def test_a_stopped_channel_does_not_stop_the_others(engine: Engine) -> None:
    _queued(engine)
    _queued(engine, channel=Channel.EMAIL)
    with transaction(engine) as session:
        stop_channel(session, Destination.SMS, "provider is down", by=Actor.user("max"), now=MORNING)
    assert [d.channel for d in builders.deliver(engine, MORNING).sent] == [Channel.EMAIL]


def test_nothing_leaves_before_its_window_or_outside_the_hours(engine: Engine) -> None:
    _queued(engine, not_before=MORNING)
    assert builders.deliver(engine, MORNING - timedelta(seconds=1)).sent == []
    late = builders.at(ON + timedelta(days=1), 23)
    assert builders.deliver(engine, late).sent == [], "the window has closed: 22:00 is the last moment"
    assert only(engine).status is S.QUEUED
    assert only(engine).not_before == builders.at(ON + timedelta(days=2), 8)
    with transaction(engine) as session:
        [told] = session.scalars(select(Event).where(Event.kind == ContactWaiting.KIND))
        assert "cn.hours_gbt" in told.data
        assert replay(session, id_of(told)).same, "what the gate says at delivery can be asked again too"
    assert len(builders.deliver(engine, builders.at(ON + timedelta(days=2), 8)).sent) == 1


Change = Callable[[Session, CollectionsCase], None]


def _pays(session: Session, case: CollectionsCase) -> None:
    card = session.scalars(select(Account).where(Account.customer_id == case.customer_id)).one()
    builders.payment(session, card, 1, ON + timedelta(days=1))


def _moves(session: Session, case: CollectionsCase) -> None:
    session.get_one(Customer, case.customer_id).mobile = "+8613999999999"


def _promises(session: Session, case: CollectionsCase) -> None:
    fresh = session.get_one(CollectionsCase, case.id)
    promise_to_pay(session, fresh, 5_000, ON + timedelta(days=9), by=Actor.user("ann"), today=ON, now=MORNING)


def _opts_out(session: Session, case: CollectionsCase) -> None:
    holder = session.get_one(Customer, case.customer_id)
    set_consent(session, holder, Channel.SMS, allowed=False, source="STOP", by=SYSTEM, now=MORNING)


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
    assert kinds(engine)[-1] == ContactWithheld.KIND


def _is_sent_another(session: Session, case: CollectionsCase) -> None:
    other = builders.queued_message(session, session.get_one(CollectionsCase, case.id), on=ON, step="other")
    other.status, other.claimed_by, other.lease_until = S.SENDING, "another", MORNING + timedelta(minutes=5)


@pytest.mark.parametrize(
    ("change", "then"),
    [
        (_promises, S.WITHHELD),
        (_opts_out, S.WITHHELD),
        (_closes, S.WITHHELD),
        (_is_sent_another, S.QUEUED),
    ],
)
def test_what_happens_to_a_customer_after_the_recheck_ahead_of_the_calls_still_counts(
    engine: Engine, change: Change, then: S
) -> None:
    """Both messages are judged together, and the second is committed when the first is settled."""
    _queued(engine)
    second = _queued(engine)

    class Meanwhile(builders.RecordingSender):
        def send(self, dispatch: Dispatch) -> SendResult:
            with transaction(engine) as session:
                change(session, second)
            return super().send(dispatch)

    sender = Meanwhile()
    transport = ContactTransport(sender, builders.catalog(), in_flight=1)
    found = deliver_due(engine, {Destination.SMS: transport}, worker="w", clock=FixedClock(MORNING))
    assert found == {"sent": 1, then.value: 1}
    assert len(sender.sent) == 1


@pytest.mark.parametrize(("days", "sent"), [(3, True), (4, False)])
def test_three_days_after_its_business_date_a_message_is_stale(engine: Engine, days: int, sent: bool) -> None:
    _queued(engine)
    found = builders.deliver(engine, builders.at(ON + timedelta(days=days), 9))
    assert len(found.sent) == int(sent)
    assert only(engine).status is (S.SENT if sent else S.WITHHELD)


def test_what_waits_too_long_leaves_the_queue_even_where_its_channel_is_stopped(engine: Engine) -> None:
    _queued(engine)
    with transaction(engine) as session:
        stop_channel(session, Destination.SMS, "no balance", by=Actor.user("ann"), now=MORNING)
        assert withhold_stale(session, now=builders.at(ON + timedelta(days=3), 23, 59)) == 0
        assert withhold_stale(session, now=builders.at(ON + timedelta(days=4), 0, 0)) == 1
        assert withhold_stale(session, now=builders.at(ON + timedelta(days=5), 0, 0)) == 0
    assert only(engine).status is S.WITHHELD
    with transaction(engine) as session:
        [told] = builders.events(session, ContactWithheld.KIND)
        assert "too long ago" in told["reason"]


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
        confirmation = builders.queued_message(
            session, fresh, on=ON, step="thanks", purpose=Purpose.CONFIRMATION
        )
        _promises(session, case)
    assert builders.deliver(engine, MORNING).keys == [confirmation.reference]


def test_a_contact_is_planned_once_and_has_one_message(engine: Engine, case: CollectionsCase) -> None:
    row = only(engine)
    with pytest.raises(sa.exc.IntegrityError), transaction(engine) as session:
        session.add(OutboxMessage.model_validate(row.model_dump(exclude={"id"})))
    with pytest.raises(sa.exc.IntegrityError), transaction(engine) as session:
        builders.contact(session, case, step=builders.step_of(engine, row).step)


def test_a_message_that_must_be_tried_later_than_its_hours_waits_for_the_next_ones(engine: Engine) -> None:
    """Hours end at 22:00. A provider that is out at 21:00 for six hours is asked again the next morning, not at 3."""
    _queued(engine)
    evening = builders.at(ON + timedelta(days=1), 21)
    builders.deliver(engine, evening, answering(TryLater("daily limit", after_seconds=6 * 3600)))
    assert only(engine).not_before == evening + timedelta(hours=1), "the end of its window"
    assert builders.deliver(engine, evening + timedelta(hours=1)).sent == []
    assert only(engine).not_before == builders.at(ON + timedelta(days=2), 8)
    assert len(builders.deliver(engine, builders.at(ON + timedelta(days=2), 8)).sent) == 1


# --- many at once ---------------------------------------------------------------------------------


class Slow(builders.RecordingSender):
    """Answers only when as many calls are waiting as may be in flight, and remembers how many there were."""

    def __init__(self, together: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(together)

    def send(self, dispatch: Dispatch) -> SendResult:
        self.barrier.wait(30)
        return super().send(dispatch)


def test_as_many_calls_are_made_at_once_as_may_be_in_flight(engine: Engine) -> None:
    for _ in range(12):
        _queued(engine)
    sender = Slow(together=4)
    transport = ContactTransport(sender, builders.catalog(), in_flight=4)
    clock = FixedClock(MORNING)
    found = deliver_due(engine, {Destination.SMS: transport}, worker="w", clock=clock, batch=5)
    assert found == {"sent": 12}
    assert len({dispatch.key for dispatch in sender.sent}) == len(sender.sent) == 12
    rows = builders.messages(engine)
    assert all((row.status, row.attempts, row.attempted_at) == (S.SENT, 1, MORNING) for row in rows)
    assert len({row.attempt_id for row in rows}) == 12
    assert kinds(engine) == [ContactSent.KIND] * 12


class OnALoop:
    """Answers when as many calls wait as may be in flight."""

    def __init__(self, together: int) -> None:
        self.together, self.in_the_air = together, 0
        self.sent: list[Dispatch] = []
        self.loops: list[asyncio.AbstractEventLoop] = []
        self.hung_up: list[asyncio.AbstractEventLoop] = []
        self.all_there = asyncio.Event()

    async def send(self, dispatch: Dispatch) -> SendResult:
        self.loops.append(asyncio.get_running_loop())
        self.in_the_air += 1
        assert self.in_the_air <= self.together
        if self.in_the_air == self.together:
            self.all_there.set()
        await asyncio.wait_for(self.all_there.wait(), 30)
        self.in_the_air -= 1
        if self.in_the_air == 0:
            self.all_there.clear()
        self.sent.append(dispatch)
        return Accepted(dispatch.attempt_id)

    async def disconnect(self) -> None:
        self.hung_up.append(asyncio.get_running_loop())


def test_calls_of_an_event_loop_are_many_at_once_and_end_with_it(engine: Engine) -> None:
    for _ in range(12):
        _queued(engine)
    sender = OnALoop(together=4)
    transport = ContactTransport(sender, builders.catalog(), in_flight=4)
    found = deliver_due(engine, {Destination.SMS: transport}, worker="w", clock=FixedClock(MORNING))
    assert found == {"sent": 12}
    assert len({dispatch.key for dispatch in sender.sent}) == len(sender.sent) == 12
    assert sender.hung_up == [sender.loops[0]]
    assert len(set(sender.loops)) == 1
    assert kinds(engine) == [ContactSent.KIND] * 12


def test_many_at_once_are_few_statements_a_message(sqlite_engine: Engine) -> None:
    for _ in range(40):
        _queued(sqlite_engine)
    statements = 0

    def count(*_: object) -> None:
        nonlocal statements
        statements += 1

    sa.event.listen(sqlite_engine, "before_cursor_execute", count)
    transport = ContactTransport(builders.RecordingSender(), builders.catalog(), in_flight=32)
    found = deliver_due(sqlite_engine, {Destination.SMS: transport}, worker="w", clock=FixedClock(MORNING))
    assert found == {"sent": 40}
    assert statements < 40 * 3, statements


def test_two_messages_of_one_customer_are_never_in_the_air_together(
    engine: Engine, case: CollectionsCase
) -> None:
    """The first decides whether the second may leave at all: an undeliverable one does not count toward the cap."""
    with transaction(engine) as session:
        other = builders.queued_message(
            session, session.get_one(CollectionsCase, case.id), on=ON, step="other"
        )
    sender = answering(Undeliverable("no such number"))
    transport = ContactTransport(sender, builders.catalog(), in_flight=8)
    found = deliver_due(engine, {Destination.SMS: transport}, worker="w", clock=FixedClock(MORNING))
    assert found == {"undelivered": 1, "sent": 1}
    assert sender.keys == [builders.messages(engine)[0].reference, other.reference]


def test_a_recheck_that_ends_while_results_are_looked_for_is_not_waited_for_for_ever(
    engine: Engine, case: CollectionsCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    hear = _Pipeline._hear

    def after_the_recheck(pipeline: _Pipeline) -> None:
        pipeline.prefetch._background.submit(
            int
        ).result()  # it has one thread, which has told of the recheck by now
        hear(pipeline)

    monkeypatch.setattr(_Pipeline, "_hear", after_the_recheck)
    sent: list[Any] = []
    worker = threading.Thread(target=lambda: sent.extend(builders.deliver(engine, MORNING).sent), daemon=True)
    worker.start()
    worker.join(30)
    assert not worker.is_alive()
    assert len(sent) == 1


def test_one_message_that_cannot_be_prepared_does_not_hold_up_the_others(engine: Engine) -> None:
    for _ in range(3):
        _queued(engine)
    _queued(engine, context="no JSON")
    _queued(engine)
    transport = ContactTransport(builders.RecordingSender(), builders.catalog(), in_flight=8)
    found = deliver_due(engine, {Destination.SMS: transport}, worker="w", clock=FixedClock(MORNING))
    assert found == {"sent": 4, "queued": 1}
    [broken] = [row for row in builders.messages(engine) if row.status is S.QUEUED]
    assert (broken.attempts, broken.not_before) == (1, MORNING + timedelta(minutes=10))


def test_calls_that_were_to_follow_are_not_made_once_the_channel_is_stopped(engine: Engine) -> None:
    """They stand committed as `sending` already, and are certainly not sent: they go back as if never tried."""
    for _ in range(6):
        _queued(engine)

    class StoppedInTheAir(Slow):
        def send(self, dispatch: Dispatch) -> SendResult:
            outcome = super().send(dispatch)
            if self.barrier.wait(30) == 0:
                with transaction(engine) as session:
                    stop_channel(session, Destination.SMS, "wrong wording", by=Actor.user("max"), now=MORNING)
            time.sleep(SWITCH_SECONDS * 1.5)
            return outcome

    sender = StoppedInTheAir(together=4)
    transport = ContactTransport(sender, builders.catalog(), in_flight=4)
    deliver_due(engine, {Destination.SMS: transport}, worker="w", clock=FixedClock(MORNING))
    assert len(sender.sent) == 4, "those that were in the air when the button was pressed"
    rows = builders.messages(engine)
    assert Counter(row.status for row in rows) == {S.SENT: 4, S.QUEUED: 2}
    assert {(row.attempts, row.claimed_by) for row in rows if row.status is S.QUEUED} == {(0, "")}


def test_a_call_whose_hours_end_while_it_waits_for_its_turn_is_not_made(engine: Engine) -> None:
    """It is committed as `sending` by then, and goes back as if never tried."""
    for _ in range(3):
        _queued(engine)

    class Moving:
        at = MORNING

        def now(self) -> datetime:
            return self.at

    clock = Moving()

    class TakesAllDay(Slow):
        def send(self, dispatch: Dispatch) -> SendResult:
            outcome = super().send(dispatch)
            clock.at = MORNING + timedelta(hours=14)
            return outcome

    sender = TakesAllDay(together=2)
    transport = ContactTransport(sender, builders.catalog(), in_flight=2)
    deliver_due(engine, {Destination.SMS: transport}, worker="w", clock=clock)
    assert len(sender.sent) == 2
    [kept] = [row for row in builders.messages(engine) if row.status is S.QUEUED]
    assert (kept.attempts, kept.error) == (0, "its hours ended while it waited for its turn")


def test_a_slow_look_at_the_switch_is_not_young_enough(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody stops the channel right after the first look has read that it is open."""
    _queued(engine)
    looks = [False, True]

    def slow_at_first(*_: object) -> bool:
        time.sleep(SWITCH_SECONDS * 1.5 if len(looks) == 2 else 0)
        return looks.pop(0) if looks else True

    monkeypatch.setattr("app.outreach.delivery.dispatcher.is_stopped", slow_at_first)
    assert builders.deliver(engine, MORNING).sent == []
    assert only(engine).status is S.QUEUED


def test_without_a_thread_for_the_calls_nothing_is_begun(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    _queued(engine)
    start = threading.Thread.start

    def refused(thread: threading.Thread) -> None:
        if thread.name == "desk-sms":
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refused)
    with pytest.raises(RuntimeError):
        builders.deliver(engine, MORNING)
    row = only(engine)
    assert (row.status, row.attempts, row.claimed_by) == (S.QUEUED, 0, "")


def test_a_worker_that_is_told_to_stop_ends_what_it_began_and_gives_the_rest_back(engine: Engine) -> None:
    for _ in range(5):
        _queued(engine)
    sender = builders.RecordingSender()
    transport = ContactTransport(sender, builders.catalog())
    found = deliver_due(
        engine, {Destination.SMS: transport}, worker="w", clock=FixedClock(MORNING),
        stopping=lambda: len(sender.sent) == 2,
    )  # fmt: skip
    assert found == {"sent": 2}
    statuses = Counter((row.status, row.claimed_by) for row in builders.messages(engine))
    assert statuses == {(S.SENT, "w"): 2, (S.QUEUED, ""): 3}


# --- pace -----------------------------------------------------------------------------------------


def test_a_sender_keeps_its_pace_whoever_sends(engine: Engine) -> None:
    """Two segments each at half a segment a second: four seconds a message, and never more than ten seconds ahead."""
    for _ in range(8):
        _queued(engine, text="x" * 161)
    pace = Pace(0.5, sms_segments)
    sender = builders.RecordingSender()

    def deliver(worker: str, seconds: int) -> int:
        before = len(sender.sent)
        transport = ContactTransport(
            sender, builders.catalog(), pace=pace, lines=("+15005550006",), in_flight=8
        )
        clock = FixedClock(MORNING + timedelta(seconds=seconds))
        deliver_due(engine, {Destination.SMS: transport}, worker=worker, clock=clock)
        return len(sender.sent) - before

    assert [deliver("a", 0), deliver("b", 0), deliver("b", 2), deliver("a", 3), deliver("b", 7)] == [
        3,
        0,
        0,
        1,
        1,
    ]
    assert deliver("a", 60) == 3, "what was not used is not saved up"
    rows = builders.messages(engine)
    assert Counter(row.status for row in rows) == {S.SENT: 8}
    assert {row.attempts for row in rows} == {1}


def test_each_number_of_a_pool_has_its_own_pace_and_its_own_customers(engine: Engine) -> None:
    for _ in range(12):
        _queued(engine)
    lines = ("+15005550006", "+15005550007")
    sender = builders.RecordingSender()
    transport = ContactTransport(sender, builders.catalog(), pace=Pace(0.1), lines=lines)
    passes = 0
    while len(sender.sent) < 12:
        clock = FixedClock(MORNING + timedelta(seconds=10 * passes))
        before = len(sender.sent)
        deliver_due(engine, {Destination.SMS: transport}, worker="w", clock=clock)
        assert max(Counter(dispatch.line for dispatch in sender.sent[before:]).values()) == 1
        passes += 1
    assert passes < 12, "two numbers carry more than one"
    transport = ContactTransport(sender, builders.catalog(), lines=lines)
    row = builders.messages(engine)[0]
    assert len({transport.line(row) for _ in range(3)}) == 1, "the same customer hears from the same number"


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
    assert kinds(engine) == [ContactUnknown.KIND]


# --- reports from the provider ---------------------------------------------------------------------


def report(engine: Engine, status: OutboxStatus, **names: str) -> bool:
    with transaction(engine) as session:
        return note_status(session, status, now=MORNING + timedelta(minutes=1), **names)


def test_delivery_reports_move_forward_only_and_repeat_harmlessly(
    engine: Engine, case: CollectionsCase
) -> None:
    builders.deliver(engine, MORNING, answering(Accepted("SM1")))
    assert report(engine, S.SENT, provider_ref="SM1"), "nothing new"
    assert report(engine, S.DELIVERED, provider_ref="SM1")
    assert report(engine, S.DELIVERED, provider_ref="SM1")
    assert report(engine, S.UNDELIVERED, provider_ref="SM1"), "known, and too late to matter"
    assert only(engine).status is S.DELIVERED
    assert kinds(engine) == [ContactSent.KIND, ContactDelivered.KIND]
    assert not report(engine, S.DELIVERED, provider_ref="SM2")
    assert not report(engine, S.DELIVERED)


def test_a_report_that_is_quicker_than_the_answer_is_not_lost(engine: Engine, case: CollectionsCase) -> None:
    """Twilio calls back before its answer to us is written down; the answer then adds its id and counts no second
    contact."""

    class Quick(builders.RecordingSender):
        def send(self, dispatch: Dispatch) -> SendResult:
            attempt = dispatch.status_callback_url.partition("attempt=")[2]
            assert attempt == dispatch.attempt_id
            assert report(engine, S.DELIVERED, attempt_id=attempt, provider_ref="SM1")
            return super().send(dispatch)

    builders.deliver(engine, MORNING, Quick([Accepted("SM1")]))
    row = only(engine)
    assert (row.status, row.provider_ref, row.sent_at) == (S.DELIVERED, "SM1", MORNING)
    assert kinds(engine) == [ContactSent.KIND, ContactDelivered.KIND]


@pytest.mark.parametrize("said", [S.SENT, S.DELIVERED, S.UNDELIVERED])
def test_a_report_settles_what_was_unknown(engine: Engine, case: CollectionsCase, said: OutboxStatus) -> None:
    builders.deliver(engine, MORNING, answering(Uncertain("no answer")))
    assert report(engine, said, attempt_id=only(engine).attempt_id, provider_ref="SM7")
    row = only(engine)
    assert (row.status, row.provider_ref, row.sent_at) == (said, "SM7", MORNING)
    with transaction(engine) as session:
        [sent] = builders.events(session, ContactSent.KIND)
    assert (sent["at"], sent["known_by"]) == (MORNING, "the provider's report"), "it counts from when it left"
    assert report(engine, S.SENT, provider_ref="SM7"), "it is found by its id from now on"


@pytest.mark.parametrize("after", [TryLater("busy"), Misconfigured("wrong token")])
def test_what_the_provider_has_is_not_sent_again_whatever_it_answered(
    engine: Engine, case: CollectionsCase, after: SendResult
) -> None:
    """It said no, which we read as certainly not sent, and reports a delivery all the same."""
    builders.deliver(engine, MORNING, answering(after))
    assert only(engine).status is S.QUEUED
    assert report(engine, S.DELIVERED, attempt_id=only(engine).attempt_id, provider_ref="SM1")
    with transaction(engine) as session:
        start_channel(session, Destination.SMS, by=Actor.user("max"), now=MORNING)
    assert builders.deliver(engine, MORNING + timedelta(hours=2)).sent == []
    assert only(engine).status is S.DELIVERED


def test_reports_that_name_a_stranger_or_an_old_attempt_change_nothing(
    engine: Engine, case: CollectionsCase
) -> None:
    builders.deliver(engine, MORNING, answering(Accepted("SM1")))
    row = only(engine)
    for name in ("", "-", "x-1", f"{row.id}-", f"{row.id}-{'0' * 18}", "9" * 40, f"{id_of(row) + 1}-a"):
        assert not report(engine, S.DELIVERED, attempt_id=name)
    assert report(engine, S.DELIVERED, attempt_id=row.attempt_id, provider_ref="SM2"), "another message's id"
    assert (only(engine).status, only(engine).provider_ref) == (S.SENT, "SM1")
