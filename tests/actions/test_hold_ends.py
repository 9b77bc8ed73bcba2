"""The ends of holds that no date ends: a person's decision, or an event on record; and reviews that nobody did."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.actions.documents import add_document, withdraw_document
from app.actions.holds import end_hold, place_hold
from app.actions.people.parties import add_party, log_party_contact
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.documents.rules import DocumentKind
from app.casework.holds.events import HoldEnded, HoldReviewDue
from app.casework.holds.models import CaseHold
from app.casework.holds.rules import FOR_GOOD, EndsBy, is_asked_again
from app.casework.holds.service import end_due_holds
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.parties.told import NewParty
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.vocabulary import Channel, HoldKind
from tests import builders

ON = date(2026, 6, 1)
NOW = builders.at(ON)


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


BEN = {"by": Actor.user("ben"), "now": NOW}


def a_hold(session: Session, kind: HoldKind, review_on: date = ON + timedelta(days=30)) -> CaseHold:
    case = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)
    return place_hold(session, case, kind, "said so", review_on, builders.catalog(), **BEN).hold  # type: ignore[arg-type]


def a_verification(session: Session, hold: CaseHold, dated_on: date, after_days: int) -> None:
    case = session.get_one(CollectionsCase, hold.case_id)
    now = NOW + timedelta(days=after_days)
    add_document(
        session, case, DocumentKind.VERIFICATION, "proof.txt", f"statement of {dated_on}".encode(),
        dated_on=dated_on, by=Actor.user("ben"), now=now,
    )  # fmt: skip


def end(session: Session, hold: CaseHold, because: EndsBy, days: int) -> None:
    end_hold(session, hold, because=because, by=Actor.user("ben"), now=NOW + timedelta(days=days))


# --- a dispute ------------------------------------------------------------------------------------------------


def test_a_dispute_ends_when_its_verification_was_sent(session: Session) -> None:
    """12 CFR 1006.38(d)(2): collection ceases until the collector sends the verification."""
    hold = a_hold(session, HoldKind.DISPUTE)
    with pytest.raises(Conflict, match="No verification is on record"):
        end(session, hold, EndsBy.VERIFICATION, 5)
    a_verification(session, hold, ON - timedelta(days=1), 5)
    with pytest.raises(Conflict, match="No verification is on record"):
        end(session, hold, EndsBy.VERIFICATION, 5)  # one sent before the dispute is no answer to it
    a_verification(session, hold, ON + timedelta(days=4), 5)
    end(session, hold, EndsBy.VERIFICATION, 5)
    assert hold.ended_by == "user:ben"
    assert hold.end_reason.startswith("The verification was sent on 2026-06-05 (document ")
    [ended] = builders.events(session, HoldEnded.KIND)
    assert ended["because"] == "verification"


def test_a_withdrawn_document_verifies_nothing(session: Session) -> None:
    hold = a_hold(session, HoldKind.DISPUTE)
    case = session.get_one(CollectionsCase, hold.case_id)
    document = add_document(
        session, case, DocumentKind.VERIFICATION, "proof.txt", b"another's statement", dated_on=ON, **BEN
    )  # type: ignore[arg-type]
    withdraw_document(session, case, document, "of another customer", **BEN)  # type: ignore[arg-type]
    with pytest.raises(Conflict, match="No verification is on record"):
        end(session, hold, EndsBy.VERIFICATION, 1)


@pytest.mark.parametrize("kind", sorted(FOR_GOOD - {HoldKind.DISPUTE}))
def test_no_other_hold_ends_by_a_verification(session: Session, kind: HoldKind) -> None:
    hold = a_hold(session, kind)
    with pytest.raises(Invalid) as refused:
        end(session, hold, EndsBy.VERIFICATION, 1)
    assert refused.value.field == "because"
    assert hold.ended_at is None


# --- an attorney ----------------------------------------------------------------------------------------------


def an_attorney(session: Session) -> tuple[CaseHold, CollectionsCase, int]:
    """The hold comes with the attorney."""
    case = builders.delinquent_case(session, due_on=ON - timedelta(days=4), on=ON)
    new = NewParty(PartyKind.ATTORNEY, "Ada Lex", MayBeTold.EVERYTHING)
    added = add_party(session, case, new, builders.catalog(), today=ON, **BEN)  # type: ignore[arg-type]
    assert added.placed is not None
    return added.placed.hold, case, id_of(added.party)


def write_to(
    session: Session, case: CollectionsCase, party_id: int, days: int, *, inbound: bool = False
) -> None:
    now = NOW + timedelta(days=days)
    log_party_contact(
        session, case, party_id, Channel.EMAIL, "about the case", inbound=inbound, today=ON + timedelta(days=days),
        by=Actor.user("ben"), now=now,
    )  # fmt: skip


@pytest.mark.parametrize(("days", "ends"), [(30, False), (31, True), (60, True)])
def test_a_silent_attorney(session: Session, days: int, ends: bool) -> None:
    """12 CFR 1006.6(b)(2)(ii): a reasonable time; 30 days from 2 June are the house's."""
    hold, case, party_id = an_attorney(session)
    write_to(session, case, party_id, 1)
    if not ends:
        with pytest.raises(Conflict, match="was asked on 2026-06-02"):
            end(session, hold, EndsBy.SILENCE, days)
        return
    end(session, hold, EndsBy.SILENCE, days)
    assert hold.end_reason == "The attorney has not answered since 2026-06-02"


def test_an_attorney_who_answered_is_not_silent(session: Session) -> None:
    hold, case, party_id = an_attorney(session)
    with pytest.raises(Conflict, match="was not asked"):
        end(session, hold, EndsBy.SILENCE, 90)
    write_to(session, case, party_id, 1)
    write_to(session, case, party_id, 20, inbound=True)
    with pytest.raises(Conflict, match="was not asked, or has answered since"):
        end(session, hold, EndsBy.SILENCE, 90)
    write_to(session, case, party_id, 40)  # and then is asked once more, and is
    end(session, hold, EndsBy.SILENCE, 70)


# --- a review that nobody did ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("raised_on", "today", "asked"),
    [
        (None, date(2026, 6, 30), False),
        (None, date(2026, 7, 1), True),
        (date(2026, 7, 1), date(2026, 7, 1), False),
        (date(2026, 7, 1), date(2026, 7, 15), False),
        (date(2026, 7, 1), date(2026, 7, 16), True),
        (date(2026, 6, 1), date(2026, 7, 1), True),  # raised for an earlier review date
    ],
)
def test_a_review_is_raised_on_its_day_and_every_fifteen_days(
    raised_on: date | None, today: date, asked: bool
) -> None:
    assert is_asked_again(date(2026, 7, 1), raised_on, today) is asked


def test_a_night_that_is_late_asks_once_and_a_review_moves_the_next(session: Session) -> None:
    hold = a_hold(session, HoldKind.CEASE_CONTACT)
    portfolio = session.get_one(Portfolio, session.get_one(CollectionsCase, hold.case_id).portfolio_id)
    for on in (date(2026, 6, 29), date(2026, 6, 30), date(2026, 7, 1), date(2026, 7, 14), date(2026, 7, 15)):
        assert end_due_holds(session, portfolio, on, now=builders.night_after(on)) == 0
    assert len(builders.events(session, HoldReviewDue.KIND)) == 2  # in the nights before 1 and 16 July
    assert hold.ended_at is None
