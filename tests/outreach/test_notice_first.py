"""The notice that a collector begins with: owed while a case is open, written once, and waited for."""

from __future__ import annotations

import dataclasses
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.documents import add_document
from app.actions.holds import end_hold, place_hold
from app.book.delinquency.service import fold_accounts
from app.book.ledger.models import Account, ContactCorrection, Customer
from app.book.ledger.rules import EntryKind
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.documents.rules import DocumentKind
from app.casework.holds.models import CaseHold
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import HoldKind
from app.outreach.duties.making import make_duties
from app.outreach.duties.models import Duty
from app.outreach.duties.settling import settle_duties
from app.outreach.duties.writing import owed_letters_in_batches, write_owed
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.service import plan_contacts
from app.outreach.strategy.models import StrategyTask
from app.policy.kinds.duty import NOTICE_MONTHS, DutyEvent, DutyRule
from app.policy.kinds.wait import WaitRule
from app.policy.packfile import shipped_packs
from tests import builders

ON = date(2026, 6, 1)  # a Monday
DUE = ON - timedelta(days=4)
PLACES = {
    "de": {
        "pack": "de", "currency": "EUR", "timezone": "Europe/Berlin", "country": "DE", "region": "",
        "city": "Berlin", "postcode": "10969", "language": "de", "mobile": "+4915112345678",
    },
    "on": {
        "pack": "ca", "currency": "CAD", "timezone": "America/Toronto", "country": "CA", "region": "ON",
        "city": "Toronto", "postcode": "M5V 2T6", "language": "en", "mobile": "+14165550123",
    },
    "qc": {
        "pack": "ca", "currency": "CAD", "timezone": "America/Toronto", "country": "CA", "region": "QC",
        "city": "Montréal", "postcode": "H2Y 1H2", "language": "en", "mobile": "+15145550123",
    },
    "tw": {
        "pack": "tw", "currency": "TWD", "timezone": "Asia/Taipei", "country": "TW", "region": "",
        "city": "台北市", "postcode": "110", "language": "zh", "mobile": "+886912345678",
    },
}  # fmt: skip
WAITS = {"de": 1, "on": 6, "qc": 5, "tw": 1}
"""Days from the sending of the notice to the first reminder."""


def catalog() -> LetterCatalog:
    return dataclasses.replace(
        builders.catalog(), register_number="R-77", sender_address="Ring 1, 50667 Köln",
        supervisory_authority="Bundesamt für Justiz, 53094 Bonn, rdg@bfj.example",
    )  # fmt: skip


def a_case(session: Session, place: str, **changes: object) -> CollectionsCase:
    given = PLACES[place]
    book = builders.portfolio(
        session, pack=given["pack"], currency=given["currency"], timezone=given["timezone"],
        collector=CollectorKind.THIRD_PARTY, agency="Meridian Inkasso", creditor_address="Kaistr. 2, 20457 Hamburg",
        creditor_complaints="+886 2 5550 0199", contact_phone="+49 221 5550100",
    )  # fmt: skip
    theirs = {name: given[name] for name in given if name not in ("pack", "currency")}
    card = builders.late_customer(session, book, due_on=DUE, **{**theirs, **changes})
    fold_accounts(session, book, [id_of(card)], through=ON)
    case = CollectionsCase(
        portfolio_id=id_of(book), customer_id=card.customer_id, opened_on=ON, past_due_minor=5_000,
        balance_minor=100_000, oldest_due_on=DUE, next_contact_on=ON,
    )  # fmt: skip
    session.add(case)
    session.flush()
    return case


def night(engine: Engine, place: str, on: date) -> dict[str, int]:
    """Duties and contacts of the night after a day."""
    now = builders.night_after(on, PLACES[place]["timezone"])
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        counts = {"made": make_duties(session, book, now=now), **settle_duties(session, book, on, now=now)}
        counts["written"] = sum(
            write_owed(session, book, ids, catalog(), on=on, now=now)
            for ids in owed_letters_in_batches(session, book, catalog())
        )
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        cases = [id_of(case) for case in session.scalars(select(CollectionsCase))]
        planned = plan_contacts(session, book, cases, catalog(), on=on, now=now)
    return {**counts, **{name: planned[name] for name in ("cleared", "waiting", "refused")}}


def letters(session: Session) -> list[OutboxMessage]:
    return list(session.scalars(select(OutboxMessage).order_by(OutboxMessage.id)))  # type: ignore[arg-type]


def leaves(engine: Engine, place: str, day: date) -> None:
    """The notice leaves at noon of a day."""
    with transaction(engine) as session:
        [notice] = [row for row in letters(session) if row.letter.startswith("collection_notice")]
        notice.status = OutboxStatus.SENT
        notice.sent_at = builders.at(day, 12, zone=PLACES[place]["timezone"])


# --- the first reminder waits, and goes -------------------------------------------------------------------------


@pytest.mark.parametrize("place", PLACES)
def test_the_first_reminder_waits_for_the_notice_and_then_goes(engine: Engine, place: str) -> None:
    with transaction(engine) as session:
        a_case(session, place)
    first = night(engine, place, ON)
    assert (first["made"], first["written"], first["cleared"], first["refused"]) == (1, 1, 0, 1)
    with transaction(engine) as session:
        [notice] = letters(session)
        assert (notice.letter, notice.destination.value) == (f"collection_notice_{place}", "post")
        assert notice.purpose.value == "notice"
    second = night(engine, place, ON + timedelta(days=1))
    assert (second["made"], second["written"], second["cleared"]) == (0, 0, 0), "it has not left yet"

    day = ON + timedelta(days=2)
    leaves(engine, place, day)
    ready = day + timedelta(days=WAITS[place])
    for on in (day + timedelta(days=n) for n in range(WAITS[place])):
        counts = night(engine, place, on)
        # The night that closes the day before is the one whose contacts leave on the day the wait ends.
        assert counts["cleared"] == (on == ready - timedelta(days=1)), on
    with transaction(engine) as session:
        _, reminder = letters(session)
        assert (reminder.letter, reminder.purpose.value) == ("first_reminder", "reminder")
        assert reminder.not_before is not None
        local = reminder.not_before.astimezone(ZoneInfo(PLACES[place]["timezone"]))
        assert local.date() >= ready
        [duty] = session.scalars(select(Duty))
        assert (duty.met_on, duty.event) == (day, DutyEvent.CASE_OPEN)


def test_a_notice_that_came_back_is_owed_again(engine: Engine) -> None:
    with transaction(engine) as session:
        a_case(session, "de")
    night(engine, "de", ON)
    leaves(engine, "de", ON + timedelta(days=1))
    assert night(engine, "de", ON + timedelta(days=1))["duties_met"] == 1
    with transaction(engine) as session:
        letters(session)[0].status = OutboxStatus.UNDELIVERED
    again = night(engine, "de", ON + timedelta(days=2))
    assert (again["made"], again["written"]) == (1, 1)


def test_a_notice_on_file_is_enough(engine: Engine) -> None:
    """In Taiwan the bank gives it."""
    with transaction(engine) as session:
        case = a_case(session, "tw")
        add_document(
            session, case, DocumentKind.COLLECTION_NOTICE_TW, "n.txt", "委外通知".encode(),
            dated_on=ON - timedelta(days=3), by=Actor.user("ann"), now=builders.at(ON, zone="Asia/Taipei"),
        )  # fmt: skip
    counts = night(engine, "tw", ON)
    assert (counts["made"], counts["written"], counts["cleared"]) == (0, 0, 1)


@pytest.mark.parametrize(("before", "made"), [(350, 0), (351, 1)])
def test_an_old_notice_is_given_again_two_weeks_before_it_lapses(
    engine: Engine, before: int, made: int
) -> None:
    with transaction(engine) as session:
        case = a_case(session, "de")
        add_document(
            session, case, DocumentKind.COLLECTION_NOTICE_DE, "n.txt", b"told", dated_on=ON - timedelta(days=before),
            by=Actor.user("ann"), now=builders.at(ON, zone="Europe/Berlin"),
        )  # fmt: skip
    counts = night(engine, "de", ON - timedelta(days=1))
    assert (counts["made"], counts["written"]) == (made, made)


def moves(engine: Engine, region: str, postcode: str) -> None:
    with transaction(engine) as session:
        [customer] = session.scalars(select(Customer))
        customer.region, customer.postcode = region, postcode


def test_who_moves_to_another_province_is_told_again_before_any_contact(engine: Engine) -> None:
    """R-2.2 s. 34: what left under Ontario's Reg. 74 is not the notice of Quebec."""
    with transaction(engine) as session:
        a_case(session, "on")
    night(engine, "on", ON)
    leaves(engine, "on", ON + timedelta(days=1))
    assert night(engine, "on", ON + timedelta(days=1))["duties_met"] == 1

    moves(engine, "QC", "H2Y 1H2")
    there = night(engine, "on", ON + timedelta(days=8))
    assert (there["made"], there["written"], there["cleared"]) == (1, 1, 0)
    with transaction(engine) as session:
        assert [row.letter for row in letters(session)] == ["collection_notice_on", "collection_notice_qc"]
    again = night(engine, "on", ON + timedelta(days=9))
    assert (again["made"], again["written"], again["cleared"]) == (0, 0, 0)


def test_a_notice_of_the_place_that_they_left_is_owed_no_more(engine: Engine) -> None:
    with transaction(engine) as session:
        a_case(session, "on")
        book = get_portfolio(session, builders.BOOK)
        assert make_duties(session, book, now=builders.night_after(ON, "America/Toronto")) == 1
    moves(engine, "QC", "H2Y 1H2")
    there = night(engine, "on", ON + timedelta(days=1))
    assert (there["made"], there["written"]) == (1, 1)
    with transaction(engine) as session:
        duties = {duty.rule: duty for duty in session.scalars(select(Duty))}
        left = duties["ca-on.notice_duty"]
        assert (left.met_on, left.ended_why) == (
            None, "another place's law holds where the customer lives now",
        )  # fmt: skip
        assert duties["ca-qc.notice_duty"].ended_on is None
        assert [row.letter for row in letters(session)] == ["collection_notice_qc"]
        assert not list(session.scalars(select(StrategyTask)))
    moves(engine, "BC", "V5K 0A1")
    west = night(engine, "on", ON + timedelta(days=2))
    assert west["made"] == 0


def test_places_without_such_a_law_owe_none(engine: Engine) -> None:
    with transaction(engine) as session:
        case = a_case(session, "on", region="BC", city="Vancouver", postcode="V5K 0A1")
        assert case.id
    counts = night(engine, "on", ON)
    assert (counts["made"], counts["written"]) == (0, 0)


def test_a_notice_that_is_owed_lasts_as_long_as_the_gate_takes_it() -> None:
    """The duty and the wait of a pack speak of the same letters and the same time."""
    found = 0
    for pack in shipped_packs().values():
        waits = [
            rule
            for rule in pack.rules
            if isinstance(rule, WaitRule) and rule.before_contact and not rule.if_sent
            if not pack.bought  # test_bought_debts.py: such a notice is given once
        ]
        owed = [
            rule for rule in pack.rules if isinstance(rule, DutyRule) and rule.event is DutyEvent.CASE_OPEN
        ]
        assert len(waits) == len(owed), pack.code
        for wait, duty in zip(waits, owed, strict=True):
            found += 1
            assert wait.after == set(duty.letters), pack.code
            assert wait.valid_months == NOTICE_MONTHS, pack.code
    assert found == 4


# --- languages --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("told", "chosen", "language"),
    [("en", False, "fr"), ("en", True, "en"), ("fr", False, "fr"), ("zh", True, "fr")],
)
def test_quebec_is_written_to_in_french_unless_english_was_chosen(
    engine: Engine, told: str, chosen: bool, language: str
) -> None:
    with transaction(engine) as session:
        a_case(session, "qc", language=told, language_chosen=chosen)
    night(engine, "qc", ON)
    with transaction(engine) as session:
        [notice] = letters(session)
        assert notice.language == language
        words = "Vous pouvez nous demander" if language == "fr" else "You may ask us in writing"
        assert words in notice.text


# --- what the German notice tells -------------------------------------------------------------------------------


def with_interest(session: Session, *, apr: int = 149_000) -> Account:
    case = a_case(session, "de")
    [card] = session.scalars(select(Account).where(Account.customer_id == case.customer_id))
    card.apr_millionths = apr
    builders.entry(session, card, EntryKind.INTEREST, 1_240, DUE - timedelta(days=10))
    builders.entry(session, card, EntryKind.FEE, 500, DUE - timedelta(days=9))
    builders.entry(session, card, EntryKind.INTEREST, 1_260, DUE - timedelta(days=1))
    fold_accounts(session, get_portfolio(session, builders.BOOK), [id_of(card)], through=ON)
    return card


def test_the_german_notice_shows_how_interest_was_calculated(engine: Engine) -> None:
    """RDG s. 13a(1) nos 1 to 6 and 8."""
    with transaction(engine) as session:
        with_interest(session)
    assert night(engine, "de", ON)["written"] == 1
    with transaction(engine) as session:
        [notice] = letters(session)
        text = notice.text.replace("\u00a0", " ")
    for said in (
        "Harbour Bank, Kaistr. 2, 20457 Hamburg",
        "Sie haben ihn am 15. Januar 2024 mit Harbour Bank geschlossen.",
        "| Zinsen | 25,00 € |",
        "für die Zeit vom 8. Mai 2026 bis zum 27. Mai 2026 zum Zinssatz von 14,9 % pro Jahr",
        "vor der ersten Zinsbuchung 1.000,00 € und vor der letzten 1.017,40 €",
        "§ 288 Absatz 1 BGB",
        "Inkassokosten und Umsatzsteuer auf solche Kosten machen wir mit diesem Schreiben nicht geltend.",
        "Bundesamt für Justiz, 53094 Bonn",
        "|= Offener Saldo | 1.030,00 € |",
    ):
        assert said in text, said
    assert "auf anderem Weg erhalten" not in text


def test_a_calculation_that_cannot_be_shown_is_a_persons_work(engine: Engine) -> None:
    with transaction(engine) as session:
        with_interest(session, apr=0)
    assert night(engine, "de", ON)["written"] == 0
    with transaction(engine) as session:
        assert letters(session) == []
        [task] = session.scalars(select(StrategyTask))
        assert "was not charged at one known rate" in task.text


def test_an_address_that_a_person_found_is_said_to_be(engine: Engine) -> None:
    """RDG s. 13a(1) no. 7."""
    with transaction(engine) as session:
        case = a_case(session, "de")
        customer = session.get_one(Customer, case.customer_id)
        session.add(
            ContactCorrection(
                customer_id=id_of(customer), field="address_line1", fed="Alte Str. 1", by="user:ann",
                at=builders.at(ON),
            )
        )  # fmt: skip
    night(engine, "de", ON)
    with transaction(engine) as session:
        [notice] = letters(session)
        assert "Ihre Anschrift hat uns nicht Harbour Bank mitgeteilt" in notice.text
        assert "Zinsen machen wir für diese Karte nicht geltend." in notice.text


def test_without_the_supervisory_authority_nothing_leaves_and_one_person_is_told_once(engine: Engine) -> None:
    with transaction(engine) as session:
        a_case(session, "de")
        book = get_portfolio(session, builders.BOOK)
        theirs = {name: PLACES["de"][name] for name in PLACES["de"] if name not in ("pack", "currency")}
        second = builders.late_customer(session, book, due_on=DUE, **theirs)
        fold_accounts(session, book, [id_of(second)], through=ON)
        session.add(
            CollectionsCase(
                portfolio_id=id_of(book), customer_id=second.customer_id, opened_on=ON, past_due_minor=5_000,
                balance_minor=100_000, oldest_due_on=DUE, next_contact_on=ON,
            )
        )  # fmt: skip
        session.flush()
        now = builders.night_after(ON, "Europe/Berlin")
        assert make_duties(session, book, now=now) == 2
        lacking = dataclasses.replace(catalog(), supervisory_authority="")
        for ids in owed_letters_in_batches(session, book, lacking):
            assert not write_owed(session, book, ids, lacking, on=ON, now=now)
        assert list(owed_letters_in_batches(session, book, lacking)) == []
        assert letters(session) == []
        [task] = session.scalars(select(StrategyTask))
        assert "this letter needs supervisory_authority; see the settings" in task.text.lower()


@pytest.mark.parametrize("kind", [HoldKind.FRAUD, HoldKind.DISPUTE, HoldKind.DECEASED])
def test_no_notice_goes_while_a_person_has_to_end_a_hold(engine: Engine, kind: HoldKind) -> None:
    """No contact would follow it; it is owed once the hold has ended."""
    with transaction(engine) as session:
        case = a_case(session, "de")
        placed = place_hold(
            session, case, kind, "they say so", ON + timedelta(days=30), builders.catalog(), by=Actor.user("ann"),
            now=builders.at(ON),
        )  # fmt: skip
        hold_id = placed.hold.id
    assert night(engine, "de", ON)["made"] == 0
    with transaction(engine) as session:
        hold = session.get_one(CaseHold, hold_id)
        end_hold(
            session,
            hold,
            "it is theirs",
            "Mei Lin",
            by=Actor.user("ann"),
            now=builders.at(ON + timedelta(days=2)),
        )
    assert night(engine, "de", ON + timedelta(days=2))["made"] == 1
