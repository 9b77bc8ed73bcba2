"""A creditor's accounts file a second time: who moved, whose card is new, who settled over there, whose it is."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.reported import decide_report, waiting_reports
from app.actions.feeds.loads import load
from app.book.customers.events import CustomerChanged
from app.book.customers.models import ContactPoint
from app.book.customers.service import change_contact
from app.book.feeds.events import ChangeReported, ReportDecided
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.events import AccountChanged, AccountHolderChanged
from app.book.ledger.models import Account, ContactCorrection, Customer, ReportedChange
from app.book.ledger.rules import AccountStatus, EntryKind, FeedKind, ReportedStatus
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.database.engine import reading, transaction
from app.core.errors import Conflict, Invalid
from app.core.timeline.service import customer_stream, read_heads
from app.core.vocabulary import Channel
from app.outreach.gate.events import ContactWithheld
from app.outreach.gate.models import SuppressedAddress
from app.outreach.gate.suppression import suppress
from app.policy.composition import packs_for
from app.policy.facts import Suppression
from tests import builders
from tests.agreements import promise_to_pay

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
TODAY = date(2026, 3, 2)
HAND = "user:ben"

ANNA = {
    "account_ref": "CARD-1", "customer_ref": "CU-1", "full_name": "Anna Jansen", "language": "nl", "country": "NL",
    "timezone": "Europe/Amsterdam", "address_line1": "Kade 1", "city": "Amsterdam", "postcode": "1011 AB",
    "mobile": "+31612345601", "email": "anna@example.org", "card_last4": "1001", "product": "Gold", "currency": "EUR",
    "credit_limit": "2000.00", "apr": "0.1500", "opened_on": "2024-01-15", "status": "active",
}  # fmt: skip
MOVED = {
    "address_line1": "Dijk 99",
    "city": "Utrecht",
    "postcode": "3511 AB",
    "mobile": "+31699999999",
    "email": "anna.new@example.org",
}

File = Callable[..., LoadReport]


@pytest.fixture
def file(engine: Engine, tmp_path: Path) -> File:
    """Load an accounts file of the rows given, each Anna's with changes; the second argument of a load is ours."""
    with transaction(engine) as session:
        builders.portfolio(session, currency="EUR", timezone="Europe/Amsterdam", pack="nl")
    numbers = iter(range(100))

    def run(*rows: dict[str, str], without: tuple[str, ...] = ()) -> LoadReport:
        path = tmp_path / f"accounts-{next(numbers)}.csv"
        names = [name for name in ANNA if name not in without]
        with path.open("w", newline="") as handle:
            writer = csv.DictWriter(handle, names, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({**ANNA, **row} for row in rows)
        return load(
            engine,
            FeedKind.ACCOUNTS,
            path,
            builders.BOOK,
            rejects_dir=tmp_path / "rejects",
            by=Actor.user("feeds"),
            now=NOW,
        )

    return run


def outcome(report: LoadReport) -> dict[str, int]:
    counts = ("loaded", "updated", "unchanged", "conflicts", "rejected")
    assert report.read == sum(getattr(report, name) for name in counts)
    return {name: getattr(report, name) for name in counts if getattr(report, name)}


def anna(session: Session, reference: str = "CU-1") -> Customer:
    return session.scalars(select(Customer).where(Customer.reference == reference)).one()


def card(session: Session, reference: str = "CARD-1") -> Account:
    return session.scalars(select(Account).where(Account.reference == reference)).one()


def lines(path: str | None) -> list[tuple[str, str, str]]:
    assert path
    with Path(path).open(encoding="utf-8", newline="") as handle:
        return [(row["line"], row["column"], row["reason"]) for row in csv.DictReader(handle)]


def events(engine: Engine, *kinds: str) -> list[dict[str, Any]]:
    with reading(engine) as session:
        return builders.events(session, *kinds)


def test_who_moved_is_written_to_at_the_new_address(file: File, engine: Engine) -> None:
    assert outcome(file({})) == {"loaded": 1}
    assert outcome(file(MOVED)) == {"updated": 1}
    with reading(engine) as session:
        assert {name: getattr(anna(session), name) for name in MOVED} == MOVED
        old = session.scalars(select(ContactPoint).order_by(col(ContactPoint.id))).all()
    assert [(row.value, row.end_reason) for row in old] == [
        (ANNA["mobile"], "replaced by the creditor's file"),
        (ANNA["email"], "replaced by the creditor's file"),
        ("Kade 1\n1011 AB Amsterdam\nNL", "replaced by the creditor's file"),
    ], "the old ones are kept"
    [event] = events(engine, CustomerChanged.KIND)
    assert event["from"] == {name: ANNA[name] for name in MOVED}
    assert event["to"] == MOVED
    assert outcome(file(MOVED, {"account_ref": "CARD-2", **MOVED})) == {"loaded": 1, "unchanged": 1}


def test_a_new_card_limit_rate_and_product_are_taken_over(file: File, engine: Engine) -> None:
    file({})
    new = {"card_last4": "9999", "credit_limit": "2500.00", "apr": "0.1990", "product": "Platinum"}
    assert outcome(file(new)) == {"updated": 1}
    with reading(engine) as session:
        account = card(session)
        kept = (account.card_last4, account.credit_limit_minor, account.apr_millionths, account.product)
        assert kept == ("9999", 250_000, 199_000, "Platinum")
    [event] = events(engine, AccountChanged.KIND)
    assert event["from"]["credit_limit_minor"] == 200_000
    assert event["to"]["credit_limit_minor"] == 250_000


def test_when_it_was_opened_is_a_conflict_and_the_rest_of_the_row_counts(file: File, engine: Engine) -> None:
    file({})
    report = file({"opened_on": "2023-01-15", "credit_limit": "2500.00"})
    assert outcome(report) == {"conflicts": 1}
    assert "opened_on" in lines(report.rejects_file)[0][2]
    with reading(engine) as session:
        assert card(session).opened_on == date(2024, 1, 15)
        assert card(session).credit_limit_minor == 250_000


def test_two_rows_of_one_file_that_contradict_each_other(file: File, engine: Engine) -> None:
    file({})
    report = file(MOVED, {"account_ref": "CARD-2", "city": "Breda"})
    assert outcome(report) == {"updated": 1, "conflicts": 1}
    with reading(engine) as session:
        assert anna(session).city == "Utrecht", "the first row holds"


def test_what_the_file_does_not_say_is_not_taken_away(file: File, engine: Engine) -> None:
    """A file without a column says nothing of it; one with an empty cell says that there is none."""
    file({"status": "closed"})
    assert outcome(file({}, without=("status",))) == {"unchanged": 1}
    assert outcome(file({"mobile": ""}, without=("status",))) == {"updated": 1}
    with reading(engine) as session:
        assert anna(session).mobile == ""
        assert card(session).status is AccountStatus.CLOSED


def test_a_number_that_cannot_be_read_keeps_the_good_one(file: File, engine: Engine) -> None:
    file({})
    report = file({"mobile": "n/a", "email": "unknown", "timezone": "CET"})
    assert outcome(report) == {"unchanged": 1}
    assert report.warned == 3
    assert [column for _, column, _ in lines(report.warnings_file)] == ["timezone", "mobile", "email"]
    with reading(engine) as session:
        assert anna(session).mobile == ANNA["mobile"]


def test_the_same_old_file_again_says_so(file: File, engine: Engine) -> None:
    file({})
    file(MOVED)
    again = file({})
    assert outcome(again) == {"unchanged": 1}
    assert "loaded before" in again.notes[0]
    with reading(engine) as session:
        assert anna(session).city == "Utrecht"


# --- a person's word and the file's -----------------------------------------------------------------------------


def put_right(engine: Engine, **changes: str) -> dict[str, str]:
    with transaction(engine) as session:
        return change_contact(session, anna(session), changes, "told on the phone", by=HAND, now=NOW)


def test_a_hand_correction_stands_until_the_file_says_something_new(file: File, engine: Engine) -> None:
    file({})
    assert put_right(engine, mobile="06 9999 9999", city="Utrecht") == {
        "mobile": "+31699999999",
        "city": "Utrecht",
    }
    [event] = events(engine, CustomerChanged.KIND)
    assert event["from"] == {"mobile": ANNA["mobile"], "city": "Amsterdam"}
    assert event["reason"] == "told on the phone"
    # The file goes on with its old word, and changes something else.
    assert outcome(file({"credit_limit": "2100.00"})) == {"updated": 1}
    with reading(engine) as session:
        assert (anna(session).mobile, anna(session).city) == ("+31699999999", "Utrecht")
    # It catches up on the number, and has a newer town.
    assert outcome(file({"mobile": "+31699999999", "city": "Breda", "credit_limit": "2100.00"})) == {
        "updated": 1
    }
    with reading(engine) as session:
        assert (anna(session).mobile, anna(session).city) == ("+31699999999", "Breda")
        assert not session.scalars(select(ContactCorrection)).all()


def test_a_correction_taken_back_is_none(file: File, engine: Engine) -> None:
    file({})
    put_right(engine, city="Utrecht")
    put_right(engine, city="Amsterdam")
    with reading(engine) as session:
        assert not session.scalars(select(ContactCorrection)).all()
    assert put_right(engine, city="Amsterdam") == {}, "nothing changed, nothing on record"
    assert len(events(engine, CustomerChanged.KIND)) == 2


WRONG = [
    ("mobile", "12", "phone"),
    ("mobile", "n/a", "empty"),
    ("email", "nobody", "e-mail"),
    ("timezone", "EST", "clock"),
    ("timezone", "Mars/Olympus", "time zone"),
    ("country", "XX", "country"),
    ("language", "Dutch!", "language"),
    ("full_name", " ", "empty"),
    ("full_name", "4111 1111 1111 1111", "card number"),
    ("city", "A" * 101, "longer"),
    ("address_line1", "Kade\u202e1", "control"),
]


@pytest.mark.parametrize(("field", "text", "word"), WRONG)
def test_what_is_wrong_is_named(file: File, engine: Engine, field: str, text: str, word: str) -> None:
    file({})
    with pytest.raises(Invalid) as refused:
        put_right(engine, **{field: text})
    assert refused.value.field == field
    assert word in refused.value.message
    assert not events(engine, CustomerChanged.KIND)


def test_a_zip_code_is_checked_where_they_move_to(file: File, engine: Engine) -> None:
    file({})
    with pytest.raises(Invalid) as refused:
        put_right(engine, country="US")
    assert refused.value.field == "postcode"
    assert put_right(engine, country="US", region="MA", city="Boston", postcode="2108")["postcode"] == "02108"


def test_another_state_has_another_law(engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session, currency="USD", timezone="America/New_York", pack="us-third-party")
        mary = builders.customer(
            session, book, country="US", city="Newark", postcode="07102", timezone="", mobile=""
        )
        assert "us-ma" not in packs_for(book, mary).label
        change_contact(
            session, mary, {"city": "Boston", "postcode": "02108"}, "wrote to us", by=HAND, now=NOW
        )
        assert "us-ma" in packs_for(book, mary).label


def test_a_bad_mark_stays_with_the_number_and_an_opt_out_with_the_person(file: File, engine: Engine) -> None:
    file({})
    with transaction(engine) as session:
        suppress(session, Channel.SMS, ANNA["mobile"], Suppression.BOUNCED, by=HAND, now=NOW)
    file({"mobile": "+31699999999"})
    with reading(engine) as session:
        [row] = session.scalars(select(SuppressedAddress)).all()
        assert row.address == "+31612345601", "the new number begins clean"


# --- who holds it, and what ended over there --------------------------------------------------------------------


def waiting(engine: Engine) -> list[tuple[str, str, str]]:
    with reading(engine) as session:
        return [(change.what.value, change.was, change.value) for change, _ in waiting_reports(session)]


def decide(engine: Engine, *, accept: bool) -> None:
    with transaction(engine) as session:
        [(change, _)] = waiting_reports(session)
        decide_report(
            session, change, accept=accept, reason="the creditor wrote", by=Actor.user("mia"), now=NOW
        )


def test_a_status_of_the_creditor_waits_for_a_manager(file: File, engine: Engine) -> None:
    file({})
    report = file({"status": "settled", **MOVED})
    assert outcome(report) == {"conflicts": 1}
    assert lines(report.rejects_file)[0][1] == "status"
    with reading(engine) as session:
        assert card(session).status is AccountStatus.ACTIVE
        assert anna(session).city == "Utrecht", "the address is no manager's business"
    assert waiting(engine) == [("status", "active", "settled")]
    file({"status": "settled", **MOVED})
    assert len(events(engine, ChangeReported.KIND)) == 1, "said again, asked once"
    decide(engine, accept=True)
    with reading(engine) as session:
        assert card(session).status is AccountStatus.SETTLED
    assert outcome(file({"status": "settled", **MOVED, "apr": "0.1600"})) == {"updated": 1}
    [decided] = events(engine, ReportDecided.KIND)
    assert (decided["accepted"], decided["reason"]) == (True, "the creditor wrote")


def test_a_refused_report_is_not_asked_again_until_the_file_says_something_else(
    file: File, engine: Engine
) -> None:
    file({})
    file({"status": "sold"})
    decide(engine, accept=False)
    assert outcome(file({"status": "sold", "apr": "0.1600"})) == {"updated": 1}
    assert waiting(engine) == []
    assert outcome(file({"status": "closed", "apr": "0.1600"})) == {"conflicts": 1}
    assert waiting(engine) == [("status", "active", "closed")]
    assert outcome(file({"status": "active", "apr": "0.1700"})) == {"updated": 1}
    with reading(engine) as session:
        statuses = session.scalars(select(ReportedChange.status).order_by(col(ReportedChange.id))).all()
        assert statuses[-1] is ReportedStatus.WITHDRAWN


def test_another_holder_waits_and_then_holds_it(file: File, engine: Engine) -> None:
    file({})
    eva = {"customer_ref": "CU-9", "full_name": "Eva Smit", "credit_limit": "1.00"}
    report = file(eva)
    assert outcome(report) == {"conflicts": 1}
    with reading(engine) as session:
        assert card(session).customer_id == anna(session).id
        assert card(session).credit_limit_minor == 200_000, (
            "what the row says of the account is the new holder's"
        )
        assert anna(session).full_name == "Anna Jansen"
    decide(engine, accept=True)
    with reading(engine) as session:
        assert card(session).customer_id == anna(session, "CU-9").id
    assert len(events(engine, AccountHolderChanged.KIND)) == 2, "on the record of both"
    assert outcome(file({**eva, "apr": "0.1600"})) == {"updated": 1}


def test_an_account_whose_holder_has_promised_stays_where_it_is(file: File, engine: Engine) -> None:
    file({})
    with transaction(engine) as session:
        case = CollectionsCase(
            portfolio_id=card(session).portfolio_id, customer_id=card(session).customer_id, opened_on=TODAY,
            past_due_minor=5_000, balance_minor=10_000, oldest_due_on=date(2026, 2, 5), next_contact_on=TODAY,
        )  # fmt: skip
        session.add(case)
        builders.entry(session, card(session), EntryKind.OPENING_BALANCE, 10_000, date(2026, 1, 5))
        builders.statement(session, card(session), date(2026, 1, 16), date(2026, 2, 5), 5_000, balance=10_000)
        session.flush()
        promise_to_pay(session, case, 5_000, date(2026, 3, 20), by=HAND, today=TODAY, now=NOW)
    file({"customer_ref": "CU-9", "full_name": "Eva Smit"})
    with pytest.raises(Conflict, match="promise or plan"):
        decide(engine, accept=True)
    assert waiting(engine) == [("holder", "CU-1", "CU-9")]


# --- what waits to be sent --------------------------------------------------------------------------------------


@pytest.mark.parametrize("channel", [Channel.SMS, Channel.EMAIL, Channel.POST])
def test_what_waits_for_the_old_address_is_withheld(engine: Engine, channel: Channel) -> None:
    today = date(2026, 3, 13)
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=date(2026, 3, 10), on=today)
        builders.queued_message(session, case, on=today, channel=channel)
        holder = session.get_one(Customer, case.customer_id)
        moved = {"mobile": "+8613900000000", "email": "new@example.org", "address_line1": "2 Other Road"}
        change_contact(session, holder, moved, "told on the phone", by=HAND, now=builders.at(today))
    assert builders.deliver(engine, builders.at(date(2026, 3, 14))).sent == []
    [withheld] = events(engine, ContactWithheld.KIND)
    assert "address has changed" in withheld["reason"]


def test_a_change_between_judgement_and_commit_is_seen(engine: Engine) -> None:
    """The event is on the customer's own stream, whose head delivery compares before it lets a message go."""
    today = date(2026, 3, 13)
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=date(2026, 3, 10), on=today)
        holder = session.get_one(Customer, case.customer_id)
        before = read_heads(session, [customer_stream(case.customer_id)])
        change_contact(
            session, holder, {"mobile": "+8613900000000"}, "phone", by=HAND, now=builders.at(today)
        )
        assert read_heads(session, [customer_stream(case.customer_id)]) != before
