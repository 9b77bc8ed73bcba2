"""Messages of unknown fate: what the provider's own list proves, and what it does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from app.adapters.print.letters import PrintLetterSender
from app.casework.cases.models import CollectionsCase
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.settings import ROOT
from app.core.vocabulary import Channel
from app.outreach.delivery.reconcile import reconcile, reconcile_letters
from app.outreach.outbox.dispatch import Accepted, Dispatch, Misconfigured, SendResult, TryLater, Uncertain
from app.outreach.outbox.events import ContactSent
from app.outreach.outbox.lookup import ProviderMessage, look_again, same_message
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from tests import builders

ON = date(2026, 3, 13)
MORNING = builders.at(ON + timedelta(days=1), 9)
S = OutboxStatus
MINUTE = timedelta(minutes=1)


def listed(
    ref: str, *, text: str = "Please pay.", minutes: float = 0, status: OutboxStatus = S.SENT
) -> ProviderMessage:
    return ProviderMessage(ref, text, MORNING + minutes * MINUTE, status)


class TheList:
    """What a provider says it took; remembers whom it was asked about."""

    def __init__(self, *found: ProviderMessage, answer: TryLater | Misconfigured | None = None) -> None:
        self.found, self.answer, self.asked = found, answer, list[str]()

    def find(self, to: str, *, since: object) -> Sequence[ProviderMessage] | TryLater | Misconfigured:
        self.asked.append(to)
        return self.answer or self.found


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (listed("a"), True),
        (listed("a", minutes=-2), True),
        (listed("a", minutes=-2.1), False),
        (listed("a", minutes=3), True),
        (listed("a", minutes=3.1), False),
        (listed("a", text="Please pay"), False),
    ],
)
def test_the_same_words_at_the_time_of_the_attempt(found: ProviderMessage, same: bool) -> None:
    assert same_message([found], "Please pay.", MORNING) == ([found] if same else [])


@pytest.mark.parametrize(
    ("looked_up_after", "minutes", "due"),
    [(None, 1, False), (None, 2, True), (2, 7, False), (2, 8, True), (8, 32, True), (1440, 9000, False)],
)
def test_it_is_looked_up_ever_more_seldom_and_then_no_more(
    looked_up_after: int | None, minutes: int, due: bool
) -> None:
    before = None if looked_up_after is None else MORNING + looked_up_after * MINUTE
    assert look_again(MORNING, before, MORNING + minutes * MINUTE) is due


@pytest.fixture
def case(engine: Engine) -> CollectionsCase:
    return an_unknown_message(engine)


def an_unknown_message(engine: Engine) -> CollectionsCase:
    with transaction(engine) as session:
        made = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
        builders.queued_message(session, made, on=ON)
    builders.deliver(engine, MORNING, builders.RecordingSender([Uncertain("no answer")]))
    return made


def look(engine: Engine, the_list: TheList, minutes: int = 2) -> dict[str, int]:
    return reconcile(engine, the_list, clock=FixedClock(MORNING + minutes * MINUTE))


def only(engine: Engine) -> OutboxMessage:
    [row] = builders.messages(engine)
    return row


@pytest.mark.parametrize("status", [S.SENT, S.DELIVERED, S.UNDELIVERED])
def test_exactly_one_that_fits_is_the_message(
    engine: Engine, case: CollectionsCase, status: OutboxStatus
) -> None:
    others = (listed("SM0", text="Something else."), listed("SM9", minutes=-60))
    assert look(engine, TheList(*others, listed("SM1", status=status))) == {"found": 1}
    row = only(engine)
    assert (row.status, row.provider_ref, row.sent_at) == (status, "SM1", MORNING)
    with transaction(engine) as session:
        [sent] = builders.events(session, ContactSent.KIND)
    assert (sent["at"], sent["known_by"], sent["provider_ref"]) == (MORNING, "the provider's list", "SM1")
    assert look(engine, TheList(listed("SM1")), minutes=60) == {}, "it is settled"


def test_that_it_is_not_listed_proves_nothing_and_it_is_asked_again_later(
    engine: Engine, case: CollectionsCase
) -> None:
    empty = TheList()
    assert [look(engine, empty, minutes) for minutes in (1, 2, 3, 8)] == [
        {},
        {"not_found": 1},
        {},
        {"not_found": 1},
    ]
    row = only(engine)
    assert row.status is S.UNKNOWN
    assert row.error == "no answer. Looked up with the provider: no such message so far"
    for hours in (1, 30):
        assert builders.deliver(engine, MORNING + timedelta(hours=hours)).sent == [], "never again by itself"


def test_two_that_fit_are_for_a_person(engine: Engine, case: CollectionsCase) -> None:
    assert look(engine, TheList(listed("SM1"), listed("SM2", minutes=1))) == {"unclear": 1}
    assert (only(engine).status, only(engine).provider_ref) == (S.UNKNOWN, "")
    assert "2 messages that may be this one" in only(engine).error


def test_a_message_that_is_another_one_of_ours_is_not_this_one(engine: Engine) -> None:
    with transaction(engine) as session:
        made = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
        builders.queued_message(session, made, on=ON, status=S.SENT, provider_ref="SM1", step="other")
        builders.queued_message(
            session, made, on=ON, status=S.UNKNOWN, attempted_at=MORNING, finished_at=MORNING
        )
    assert look(engine, TheList(listed("SM1"))) == {"not_found": 1}


def test_one_on_the_list_and_two_that_it_may_be_are_for_a_person(engine: Engine) -> None:
    with transaction(engine) as session:
        made = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
        for step in ("one", "two"):
            unknown = {"status": S.UNKNOWN, "attempted_at": MORNING, "finished_at": MORNING}
            builders.queued_message(session, made, on=ON, step=step, **unknown)
    assert look(engine, TheList(listed("SM1"))) == {"unclear": 2}


@pytest.mark.parametrize("answer", [TryLater("Twilio answered 503"), Misconfigured("wrong token")])
def test_a_list_that_cannot_be_read_changes_nothing(
    engine: Engine, case: CollectionsCase, answer: TryLater | Misconfigured
) -> None:
    an_unknown_message(engine)
    the_list = TheList(answer=answer)
    assert look(engine, the_list) == {}
    assert len(the_list.asked) == 1, "the next one is not even tried"
    assert {(row.status, row.looked_up_at) for row in builders.messages(engine)} == {(S.UNKNOWN, None)}


def test_the_late_answer_of_a_call_adds_nothing_to_what_the_list_said(engine: Engine) -> None:
    """The call takes longer than its lease; meanwhile the message became unknown and was found."""
    with transaction(engine) as session:
        made = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
        builders.queued_message(session, made, on=ON)

    class Late(builders.RecordingSender):
        def send(self, dispatch: object) -> Accepted:
            builders.deliver(engine, MORNING + 6 * MINUTE, worker="another")
            assert only(engine).status is S.UNKNOWN
            assert look(engine, TheList(listed("SM1")), minutes=10) == {"found": 1}
            return Accepted("SM1")

    builders.deliver(engine, MORNING, Late())
    assert only(engine).status is S.SENT
    with transaction(engine) as session:
        assert len(builders.events(session, ContactSent.KIND)) == 1


class DiesAfter:
    """Hands the letter over and does not live to say so."""

    def __init__(self, sender: PrintLetterSender) -> None:
        self.sender = sender

    def send(self, dispatch: Dispatch) -> SendResult:
        assert isinstance(self.sender.send(dispatch), Accepted)
        return Uncertain("the worker died")


def test_a_letter_on_the_print_manifest_was_sent_and_others_are_for_a_person(
    engine: Engine, tmp_path: Path
) -> None:
    printer = PrintLetterSender(tmp_path, ROOT / "letters")
    with transaction(engine) as session:
        made = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
        there = builders.queued_message(session, made, on=ON, channel=Channel.POST).reference
    builders.deliver(engine, MORNING, DiesAfter(printer))
    with transaction(engine) as session:
        other = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
        builders.queued_message(session, other, on=ON, channel=Channel.POST)
    builders.deliver(engine, MORNING, builders.RecordingSender([Uncertain("the worker died")]))

    found = reconcile_letters(engine, printer.printed, clock=FixedClock(MORNING + 3 * MINUTE))
    assert found == {"found": 1, "not_found": 1}
    rows = {row.reference == there: row for row in builders.messages(engine)}
    assert rows[True].status is S.SENT
    assert (tmp_path / rows[True].provider_ref).is_file()
    assert rows[False].status is S.UNKNOWN
    assert rows[False].error.endswith("it is not on the print manifest")
    with transaction(engine) as session:
        [sent] = builders.events(session, ContactSent.KIND)
    assert sent["known_by"] == "the print manifest"
