"""Lives in which somebody stands in for the customer: an attorney, an executor. A paragraph a day."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.disputes.opening import open_dispute
from app.actions.documents import add_document, withdraw_document
from app.actions.holds import end_hold
from app.actions.people.authorities import tell_of_ended_authorities
from app.actions.people.parties import (
    add_party,
    correct_party,
    end_party,
    log_party_contact,
)
from app.actions.people.party_letters import ask_the_estate, write_to_party
from app.book.delinquency.service import fold_accounts
from app.book.ledger.models import Account, Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.contacts.rules import DeskStep
from app.casework.disputes.rules import Disputed, DisputeKind, ReceivedAs
from app.casework.documents.models import CaseDocument
from app.casework.documents.rules import DocumentKind
from app.casework.holds.queries import hold_of_kind
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.parties.told import NewParty
from app.core.actor import Actor
from app.core.clock import FixedClock
from app.core.database.engine import transaction
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind, Purpose
from app.outreach.delivery.representatives.transport import RepresentativeTransport
from app.outreach.delivery.sending import deliver_due
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.gate.explain import explain
from app.outreach.letters.rendering import render
from app.outreach.outbox.events import RepresentativeLetter
from app.outreach.outbox.models import OutboxMessage, PartyLetter
from app.outreach.outbox.rules import TO_ADVISERS, Destination, Occasion, OutboxStatus, PartyLetterStatus
from app.outreach.planning.letterhead import Letterhead
from app.outreach.planning.representatives.in_place import contacts_with
from app.outreach.planning.representatives.statement_figures import statement_context
from app.outreach.strategy.models import StrategyTask
from tests import builders

ANN = Actor.user("ann")
ZONE = "Europe/London"
DUE, ON = date(2026, 3, 1), date(2026, 3, 16)
CATALOG = builders.catalog()
LATER = ON + timedelta(days=25)
FIRM = NewParty(
    PartyKind.ATTORNEY, "Ada Stone", MayBeTold.EVERYTHING, organisation="Stone & Partners", reference="ST-9",
    phone="+442079460000", email="ada@stone.example", address="1 Temple Court\nLondon\nEC4Y 1AA",
)  # fmt: skip
HEIR = NewParty(
    PartyKind.EXECUTOR, "Rosa Vale", MayBeTold.EVERYTHING, email="rosa@vale.example",
    address="3 Hill Road\nYork\nYO1 7HH",
)  # fmt: skip


def noon(on: date) -> datetime:
    return builders.at(on, 12, zone=ZONE)


def late_in_britain(session: Session) -> None:
    """A customer of a British bank, on the ladder: messages are sent to her while nothing stands in their way."""
    book = builders.portfolio(
        session,
        pack="uk",
        currency="GBP",
        timezone=ZONE,
        collector="first_party",
        contact_phone="+442079461111",
    )
    builders.late_customer(
        session, book, due_on=DUE, country="GB", region="", city="Leeds", postcode="LS1 4AB",
        address_line1="7 Mill Lane", timezone=ZONE, mobile="+447700900123",
    )  # fmt: skip


def nights(engine: Engine, first: date, last: date, sent: builders.RecordingSender) -> None:
    """Close each day and deliver on the morning after it, to customers and to who stands in for them."""
    for n in range((last - first).days + 1):
        on = first + timedelta(days=n)
        builders.close_day(engine, on, now=builders.night_after(on, ZONE))
        morning = builders.at(on + timedelta(days=1), 10, zone=ZONE)
        builders.deliver(engine, morning, sent)
        deliver_to_parties(engine, morning, sent)


def deliver_to_parties(engine: Engine, now: datetime, sent: builders.RecordingSender) -> None:
    for channel, destination in TO_ADVISERS.items():
        through = {destination: RepresentativeTransport(sent, channel)}
        deliver_due(engine, through, worker="w", clock=FixedClock(now))


def the_case(session: Session) -> CollectionsCase:
    return session.scalars(select(CollectionsCase)).one()


def the_party(session: Session) -> ThirdParty:
    return session.scalars(select(ThirdParty).order_by(col(ThirdParty.id).desc())).first()  # type: ignore[return-value]


def on_file(session: Session, new: NewParty, on: date) -> ThirdParty:
    return add_party(session, the_case(session), new, CATALOG, today=on, by=ANN, now=noon(on)).party


def grant_of_probate(session: Session, on: date) -> int:
    paper = add_document(
        session,
        the_case(session),
        DocumentKind.AUTHORITY,
        "grant.pdf",
        b"%PDF-1.4 grant",
        dated_on=on,
        by=ANN,
        now=noon(on),
    )
    return id_of(paper)


def write(session: Session, party: ThirdParty, on: date, hour: int = 12) -> PartyLetter:
    now = builders.at(on, hour, zone=ZONE)
    return write_to_party(session, the_case(session), id_of(party), CATALOG, by=ANN, now=now)


def test_after_an_attorney_speaks_up_only_the_attorney_is_written_to(engine: Engine) -> None:
    """12 CFR 1006.6(b)(2); in the United Kingdom the notices of the Consumer Credit Act still go to her by post."""
    sent = builders.RecordingSender()
    with transaction(engine) as session:
        late_in_britain(session)
    # Two weeks of reminders go to her.
    nights(engine, date(2026, 3, 2), ON, sent)
    assert {each.channel for each in sent.sent} <= {Channel.SMS, Channel.EMAIL, Channel.POST}
    assert sent.sent, "without a hold she is reminded"

    # One more is on its way when the attorney writes in. An agent puts the firm on file, and writes to it.
    with transaction(engine) as session:
        case = the_case(session)
        builders.queued_message(session, case, on=ON, step="third-sms")
        firm = on_file(session, FIRM, ON + timedelta(days=1))
        letter = write(session, firm, ON + timedelta(days=1))
        assert letter.status is PartyLetterStatus.WRITTEN, letter.why
    before = len(sent.sent)
    nights(engine, ON + timedelta(days=1), LATER, sent)

    # From that day on one letter went out, and it is the firm's; what had been queued for her was withheld.
    [to_firm] = [each for each in sent.sent[before:] if each.to == FIRM.email]
    assert (to_firm.recipient_name, to_firm.letter) == ("Ada Stone, Stone & Partners", "attorney_letter")
    assert "£50.00" in to_firm.text.replace("\u00a0", " ")
    assert "ST-9" in to_firm.text
    assert "/u/" not in to_firm.text + to_firm.html
    to_her = [each for each in sent.sent[before:] if each.to != FIRM.email]
    assert {each.letter for each in to_her} <= {"arrears_notice", "default_notice"}
    assert all(each.channel is Channel.POST for each in to_her)
    with transaction(engine) as session:
        waiting = session.scalars(
            select(OutboxMessage).where(
                col(OutboxMessage.status).in_((OutboxStatus.QUEUED, OutboxStatus.CLAIMED))
            )
        )
        assert waiting.all() == []
        told = [event["state"] for event in builders.events(session, RepresentativeLetter.KIND)]
        assert told == ["queued", "sent"]

        # The firm does not answer. A named person ends the hold, and she is the contact again.
        case = the_case(session)
        hold = hold_of_kind(session, case.customer_id, HoldKind.ATTORNEY)
        assert hold is not None
        end_hold(
            session, hold, "no answer for weeks", "Ben Boss", by=ANN, now=noon(LATER + timedelta(days=1))
        )
        end_party(session, case, id_of(the_party(session)), "does not act any more", by=ANN, now=noon(LATER))
    with transaction(engine) as session:
        case = the_case(session)
        customer, book = session.get_one(Customer, case.customer_id), get_portfolio(session, builders.BOOK)
        after = noon(LATER + timedelta(days=2))
        answer = explain(session, book, customer, Channel.POST, Purpose.REMINDER, at=after)
        rules = {reason.rule for reason in getattr(answer, "reasons", ())}
        assert not {each for each in rules if "attorney" in each}


def test_after_a_death_only_the_executor_is_written_to_and_only_on_paper(engine: Engine) -> None:
    sent = builders.RecordingSender()
    with transaction(engine) as session:
        late_in_britain(session)
    nights(engine, date(2026, 3, 2), ON, sent)
    before = len(sent.sent)

    # A daughter calls: she has died. Rosa says that she is the executor; her paper is not on file yet.
    with transaction(engine) as session:
        heir = on_file(session, HEIR, ON + timedelta(days=1))
        letter = write(session, heir, ON + timedelta(days=1))
        assert (letter.status, letter.why) == (
            PartyLetterStatus.NOT_WRITTEN,
            "the paper that makes this person the executor is not on file",
        )
        # The estate may be asked who administers it, once.
        case = the_case(session)
        asked = ask_the_estate(session, case, CATALOG, by=ANN, now=noon(ON + timedelta(days=1)))
        assert asked.status is PartyLetterStatus.WRITTEN, asked.why
        with pytest.raises(Conflict):
            ask_the_estate(session, case, CATALOG, by=ANN, now=noon(ON + timedelta(days=1)))
    nights(engine, ON + timedelta(days=1), ON + timedelta(days=10), sent)
    [enquiry] = sent.sent[before:]
    assert (enquiry.letter, enquiry.channel) == ("estate_enquiry", Channel.POST)
    assert enquiry.recipient_name.startswith("The estate of ")
    for word in ("debt", "owe", "£", "payment", "collect"):
        assert word not in enquiry.text, "nothing of the debt before it is known who may be told"

    # Ten days later the grant of probate comes, and the same person may be told.
    later = ON + timedelta(days=11)
    with transaction(engine) as session:
        paper = grant_of_probate(session, later)
        heir = the_party(session)
        proven = dataclasses.replace(HEIR, document_id=paper)
        correct_party(
            session, the_case(session), id_of(heir), proven, "grant received", by=ANN, now=noon(later)
        )
        letter = write(session, heir, later)
        assert letter.status is PartyLetterStatus.WRITTEN, letter.why
        with pytest.raises(Conflict):
            write(session, heir, later, 13)
    nights(engine, later, LATER, sent)
    [_, to_executor] = sent.sent[before:]
    assert (to_executor.to, to_executor.letter) == (HEIR.email, "estate_letter")
    text = to_executor.text.replace("\u00a0", " ")
    assert "condolences" in text
    assert "£1,000.00" in text, "an estate answers for the whole balance"
    assert "neither you nor the family" in text


def test_what_is_disputed_is_asked_of_nobody_who_stands_in(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        late_in_britain(session)
        card, book = session.scalars(select(Account)).one(), get_portfolio(session, builders.BOOK)
        fold_accounts(session, book, [id_of(card)], through=ON)
        case = CollectionsCase(portfolio_id=card.portfolio_id, customer_id=card.customer_id, opened_on=ON)
        session.add(case)
        session.flush()
        said = Disputed(DisputeKind.AMOUNT, account_id=card.id, amount_minor=2_000)
        received: Any = {"received_on": ON, "received_as": ReceivedAs.ORAL, "by": ANN, "now": noon(ON)}
        open_dispute(session, case, said, "not hers", CATALOG, **received)
        [contact_case] = load_contact_cases(session, book, [id_of(case)], now=noon(ON), as_of=ON)
        head = Letterhead.of(book)
        told = {
            occasion: statement_context(occasion, head, "", contact_case, None, "en_GB", ON)
            for occasion in (Occasion.ESTATE, Occasion.STATEMENT)
        }
    of_estate, of_attorney = told[Occasion.ESTATE], told[Occasion.STATEMENT]
    [line] = of_estate.accounts
    assert (line.balance, line.disputed, of_estate.balance_total) == ("£980.00", "£20.00", "£980.00")
    [line] = of_attorney.accounts
    assert (line.past_due, line.balance, line.disputed) == ("£30.00", "£1,000.00", "£20.00")
    words = render(CATALOG.letters["estate_letter"], Channel.POST, "en", of_estate)
    assert "£980.00; £20.00 is disputed and left out of this amount" in words.text


def test_a_withdrawn_paper_an_ended_authority_and_a_mistaken_death_keep_the_letter_back(
    sqlite_engine: Engine,
) -> None:
    engine, sent = sqlite_engine, builders.RecordingSender()
    with transaction(engine) as session:
        late_in_britain(session)
    nights(engine, date(2026, 3, 2), ON, sent)
    day = ON + timedelta(days=1)

    def queued(change: Any) -> str:
        """What is withheld where this happens between the writing of a letter and its delivery."""
        with transaction(engine) as session:
            paper = grant_of_probate(session, day)
            heir = on_file(session, dataclasses.replace(HEIR, document_id=paper, authority_until=day), day)
            letter = write(session, heir, day, 9)
            assert letter.status is PartyLetterStatus.WRITTEN, letter.why
            letter_id = id_of(letter)
            change(session, heir, paper)
        deliver_to_parties(engine, builders.at(day, 10, zone=ZONE), sent)
        with transaction(engine) as session:
            row = session.scalars(
                select(OutboxMessage).where(OutboxMessage.party_letter_id == letter_id)
            ).one()
            assert row.status is OutboxStatus.WITHHELD
            heir = the_party(session)
            if heir.ended_at is None:
                end_party(session, the_case(session), id_of(heir), "again", by=ANN, now=noon(day))
            for document in session.scalars(
                select(CaseDocument).where(col(CaseDocument.withdrawn_at).is_(None))
            ):
                withdraw_document(session, the_case(session), document, "again", by=ANN, now=noon(day))
            return row.error

    before = len(sent.sent)

    def paper_withdrawn(session: Session, _heir: ThirdParty, paper: int) -> None:
        document = session.get_one(CaseDocument, paper)
        withdraw_document(session, the_case(session), document, "forged", by=ANN, now=noon(day))

    def taken_off(session: Session, heir: ThirdParty, _paper: int) -> None:
        end_party(session, the_case(session), id_of(heir), "discharged", by=ANN, now=noon(day))

    def expired(_session: Session, heir: ThirdParty, _paper: int) -> None:
        heir.authority_until = day - timedelta(days=1)

    def moved(_session: Session, heir: ThirdParty, _paper: int) -> None:
        heir.email = "rosa@new.example"

    assert queued(paper_withdrawn) == "the paper that makes this person the executor is not on file"
    assert queued(taken_off) == "the executor is no longer on the customer's file"
    assert queued(expired) == "the executor's authority does not stand on this day"

    def alive(session: Session, _heir: ThirdParty, _paper: int) -> None:
        hold = hold_of_kind(session, the_case(session).customer_id, HoldKind.DECEASED)
        assert hold is not None
        end_hold(session, hold, "another person of that name", "Ben Boss", by=ANN, now=noon(day))

    assert queued(alive) == "no hold says any more that the customer has died"
    assert sent.sent[before:] == []


def test_an_authority_that_ends_makes_a_task_and_nobody_is_written_to(sqlite_engine: Engine) -> None:
    engine, until = sqlite_engine, ON + timedelta(days=2)
    with transaction(engine) as session:
        late_in_britain(session)
    builders.close_day(engine, ON, now=builders.night_after(ON, ZONE))
    with transaction(engine) as session:
        on_file(session, dataclasses.replace(FIRM, authority_until=until), ON)
        on_file(session, HEIR, ON)
        assert [
            task.text for task in session.scalars(select(StrategyTask)) if task.step == DeskStep.AUTHORITY
        ] == ["Ask Rosa Vale for the paper that makes them executor or administrator, and put it on file"]
    for on in (until - timedelta(days=1), until, until + timedelta(days=1)):
        builders.close_day(engine, on, now=builders.night_after(on, ZONE))
    with transaction(engine) as session:
        [_, ended] = [
            task for task in session.scalars(select(StrategyTask)) if task.step == DeskStep.AUTHORITY
        ]
        assert (
            ended.text
            == "The authority of Ada Stone, Stone & Partners, attorney, has ended: ask for a new one"
        )
        assert ended.due_on == until + timedelta(days=1)
        book = get_portfolio(session, builders.BOOK)
        assert tell_of_ended_authorities(session, book, until, now=noon(until)) == 0, "never twice"
        firm = session.scalars(select(ThirdParty).where(ThirdParty.kind == PartyKind.ATTORNEY)).one()
        letter = write(session, firm, until + timedelta(days=1))
        assert letter.why == "the attorney's authority does not stand on this day"


def test_calls_to_an_attorney_count_for_them_and_not_for_the_customer(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        late_in_britain(session)
    builders.close_day(sqlite_engine, ON, now=builders.night_after(ON, ZONE))
    with transaction(sqlite_engine) as session:
        firm = on_file(session, FIRM, ON)
        case = the_case(session)
        log_party_contact(
            session, case, id_of(firm), Channel.CALL, "nobody there", inbound=False, reached=False,
            today=ON, by=ANN, now=noon(ON),
        )  # fmt: skip
        [past] = contacts_with(session, firm, noon(ON) - timedelta(days=7))
        assert (past.channel, past.result.value, past.inbound) == (Channel.CALL, "placed", False)


def test_a_worker_that_dies_in_the_middle_sends_the_letter_once(sqlite_engine: Engine) -> None:
    """Killed after the provider took it and before that was written down: it is not sent again."""
    engine = sqlite_engine
    with transaction(engine) as session:
        late_in_britain(session)
    builders.close_day(engine, ON, now=builders.night_after(ON, ZONE))
    with transaction(engine) as session:
        write(session, on_file(session, FIRM, ON), ON, 9)

    died = noon(ON)
    with transaction(
        engine
    ) as session:  # as a worker leaves it that is killed between the provider and the record
        row = session.scalars(
            select(OutboxMessage).where(OutboxMessage.destination == Destination.ADVISER)
        ).one()
        row.status, row.attempts, row.attempt_id, row.attempted_at = OutboxStatus.SENDING, 1, "1-x", died
        row.claimed_by, row.lease_until = "dead", died + timedelta(minutes=5)
    for hours in (1, 3, 30):
        after = builders.RecordingSender()
        deliver_to_parties(engine, noon(ON) + timedelta(hours=hours), after)
        assert after.sent == []
    with transaction(engine) as session:
        row = session.scalars(
            select(OutboxMessage).where(OutboxMessage.destination == Destination.ADVISER)
        ).one()
        assert row.status is OutboxStatus.UNKNOWN
