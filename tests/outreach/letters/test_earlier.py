"""Nothing false is written: who was never written to is not told that they were, and nothing is left blank."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import Channel
from app.outreach.gate.events import ContactRefused
from app.outreach.letters.letter import Unsayable
from app.outreach.letters.rendering import render
from app.outreach.letters.samples import sample_context
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.on_demand import write_on_demand
from app.outreach.strategy.models import StrategyTask
from app.policy.answers import Clearance, Refusals
from tests import builders

DUE_ON = date(2026, 3, 10)
LETTERS = builders.catalog().letters


def late_since(engine: Engine, days: int, **changes: object) -> CollectionsCase:
    """A case first seen that many days past due, and the night in which it is."""
    with transaction(engine) as session:
        book = builders.portfolio(session, **changes)
        anna = builders.late_customer(session, book, due_on=DUE_ON, minimum=5_000)
    builders.close_day(engine, DUE_ON + timedelta(days=days))
    case = builders.open_case(engine, id_of(anna))
    assert case is not None
    return case


def letters_of(engine: Engine, rows: Sequence[OutboxMessage]) -> list[tuple[str, str, str]]:
    return [(builders.step_of(engine, row).step, row.destination.value, row.letter) for row in rows]


def of_step(engine: Engine, step: str) -> list[OutboxMessage]:
    return [row for row in builders.messages(engine) if builders.step_of(engine, row).step == step]


@pytest.mark.parametrize("days", [25, 60])
def test_a_late_starter_begins_with_the_first_letter(engine: Engine, days: int) -> None:
    late_since(engine, days)
    rows = builders.messages(engine)
    assert rows
    assert {row.letter for row in rows} == {"first_reminder"}
    assert not [row for row in rows if "wrote to you before" in row.text]


@pytest.mark.parametrize(
    ("status", "letter"),
    [
        (OutboxStatus.DELIVERED, "second_reminder"),
        (OutboxStatus.SENT, "second_reminder"),
        (OutboxStatus.UNDELIVERED, "first_reminder"),
        (OutboxStatus.BOUNCED, "first_reminder"),
        (OutboxStatus.WITHHELD, "first_reminder"),
    ],
)
def test_only_a_letter_that_left_is_one_that_we_wrote(
    engine: Engine, status: OutboxStatus, letter: str
) -> None:
    late_since(engine, 9)
    become(engine, status)
    builders.close_day(engine, DUE_ON + timedelta(days=25))
    follows = of_step(engine, "second-letter")
    assert [row.letter for row in follows] == [letter]


def test_a_step_says_the_same_on_each_of_its_channels(engine: Engine) -> None:
    """The second channel has to wait a day; what the first has brought by then is no earlier letter."""
    late_since(engine, 33)
    for days in (34, 35):
        builders.deliver(engine, builders.at(DUE_ON + timedelta(days=days), 9))
        builders.close_day(engine, DUE_ON + timedelta(days=days))
    step = of_step(engine, "second-sms-email")
    assert {(row.destination.value, row.letter) for row in step} == {
        ("sms", "first_reminder"),
        ("email", "first_reminder"),
    }


def become(engine: Engine, status: OutboxStatus) -> None:
    with transaction(engine) as session:
        for row in builders.messages(engine):
            session.merge(row).status = status


def test_a_letter_about_an_older_payment_is_not_one_about_this(engine: Engine) -> None:
    late_since(engine, 9)
    become(engine, OutboxStatus.SENT)
    with transaction(engine) as session:
        for row in builders.messages(engine):
            session.merge(row).business_date = DUE_ON - timedelta(days=1)
    builders.close_day(engine, DUE_ON + timedelta(days=25))
    follows = of_step(engine, "second-letter")
    assert [row.letter for row in follows] == ["first_reminder"]


def test_what_came_back_meanwhile_is_seen_at_delivery(engine: Engine) -> None:
    case = late_since(engine, 9)
    become(engine, OutboxStatus.SENT)
    on = DUE_ON + timedelta(days=25)
    builders.close_day(engine, on)
    with transaction(engine) as session:
        for row in builders.messages(engine):
            if row.letter == "first_reminder":
                session.merge(row).status = OutboxStatus.UNDELIVERED
    sender = builders.deliver(engine, builders.at(on + timedelta(days=1), 9))
    [row] = [row for row in builders.messages(engine) if row.letter == "second_reminder"]
    assert (row.status, row.reference in sender.keys) == (OutboxStatus.WITHHELD, False)
    assert row.error == "it says that we wrote before, and no earlier letter of this case arrived"
    assert case.id is not None


@pytest.mark.parametrize("letter", ["second_reminder", "final_notice"])
def test_by_hand_it_is_refused_with_the_reason(engine: Engine, letter: str) -> None:
    on = DUE_ON + timedelta(days=4)
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=DUE_ON, on=on, step_day=3)
        [answer] = by_hand(session, case, letter, on)
        assert isinstance(answer, Refusals)
        [reason] = answer.reasons
        assert reason.rule == "desk.words"
        assert "no earlier letter of this case was sent" in reason.detail
        builders.queued_message(session, case, on=on, status=OutboxStatus.SENT, sent_at=builders.at(on))
        [answer] = by_hand(session, case, letter, on + timedelta(days=1))
        assert isinstance(answer, Clearance)


def by_hand(session: Session, case: CollectionsCase, letter: str, on: date) -> list[object]:
    return list(
        write_on_demand(
            session, get_portfolio(session, builders.BOOK), case, letter, [Channel.POST], builders.catalog(),
            on=on, by=Actor.user("ann"), now=builders.at(on),
        )
    )  # fmt: skip


# --- nothing left blank ---------------------------------------------------------------------------------------

FORMS = [
    (name, channel, language)
    for name, letter in LETTERS.items()
    for channel in sorted(letter.channels)
    for language in letter.languages
]
DANGLING = ("at  or", ": ,", ": .", " .", "  ", "（）", "： ，", "電話 ，", "電 。")


@pytest.mark.parametrize("missing", ["contact_phone", "contact_email"])
def test_a_letter_that_knows_one_way_to_answer_names_that_one(missing: str) -> None:
    for name, channel, language in FORMS:
        whole = sample_context(language, CollectorKind.FIRST_PARTY, "https://d.example/u/x", today=DUE_ON)
        letter = LETTERS[name]
        if missing in letter.prints[channel, language].variables:
            continue  # it cannot do without
        words = render(letter, channel, language, dataclasses.replace(whole, **{missing: ""}), leaves=True)
        for text in (words.text, words.html):
            lines = [line.strip() for line in text.splitlines() if "|" not in line]
            found = [(line, bad) for line in lines for bad in DANGLING if bad in line]
            assert not found, (name, channel, language, found)
            assert 'mailto:"' not in text
        if letter.prints[channel, language].contact:
            left = whole.contact_email if missing == "contact_phone" else whole.contact_phone
            assert left in words.text, (name, channel, language)


def test_no_letter_leaves_with_a_blank_in_it() -> None:
    for name, channel, language in FORMS:
        letter = LETTERS[name]
        whole = sample_context(language, CollectorKind.THIRD_PARTY, "https://d.example/u/x", today=DUE_ON)
        render(letter, channel, language, whole, leaves=True)
        prints = letter.prints[channel, language]
        for variable in prints.variables:
            if variable == "sender":
                continue  # without an agency it is the creditor
            blank = () if isinstance(getattr(whole, variable), tuple) else ""
            with pytest.raises(Unsayable, match=variable.replace("_", " ")):
                render(
                    letter, channel, language, dataclasses.replace(whole, **{variable: blank}), leaves=True
                )
        if prints.contact and not {"contact_phone", "contact_email"} & set(prints.variables):
            mute = dataclasses.replace(whole, contact_phone="", contact_email="")
            with pytest.raises(Unsayable, match="neither a telephone number nor an e-mail address"):
                render(letter, channel, language, mute, leaves=True)


def test_a_book_without_a_way_to_answer_sends_nothing_and_says_how_to_mend_it(engine: Engine) -> None:
    late_since(engine, 3, contact_phone="", contact_email="")
    assert builders.messages(engine) == []
    with transaction(engine) as session:
        [refused] = builders.events(session, ContactRefused.KIND)
        [reason] = refused["reasons"]
        assert reason["rule"] == "desk.words"
        assert "desk portfolio set CARDS contact-phone=" in reason["detail"]


def test_a_letter_with_a_blank_makes_work_for_a_person_and_the_night_goes_on(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        nameless = builders.late_customer(session, book, due_on=DUE_ON, minimum=5_000)
        builders.late_customer(session, book, due_on=DUE_ON, minimum=5_000)
        session.get_one(Customer, nameless.id).full_name = " "
    builders.close_day(engine, DUE_ON + timedelta(days=9))
    [row] = builders.messages(engine)
    assert row.customer_id != nameless.id
    with transaction(engine) as session:
        [task] = session.scalars(select(StrategyTask)).all()
        assert task.text == "First reminder was not sent: Letter first_reminder has no customer name to show."
