"""Countries that no pack covers: nothing is sent there until a manager adopts a pack by name."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.vocabulary import Channel, Purpose
from app.operations.doctor import findings
from app.outreach.gate.events import PackAdopted
from app.outreach.gate.explain import explain, may_sue
from app.outreach.gate.places.coverage import adopt_pack, coverage
from app.policy.answers import Clearance, Refusals
from tests import builders

NOON = builders.at(date(2026, 6, 3), 12, zone="Europe/Berlin")
"""A Wednesday: no pack anywhere objects to the hour."""
TODAY = date(2026, 6, 3)
KIM = {"by": Actor.user("kim"), "now": NOON}


@pytest.fixture
def session(engine: Engine) -> Iterator[Session]:
    with transaction(engine) as session:
        yield session


def an_american_bank(session: Session, *countries: str, **changes: object) -> Portfolio:
    given = {"pack": "us-first-party", "currency": "USD", "timezone": "America/New_York"}
    book = builders.portfolio(session, **{**given, **changes})
    for country in countries:
        zone = {"AT": "Europe/Berlin", "US": "America/New_York", "PR": "America/Puerto_Rico"}.get(country, "")
        builders.customer(session, book, country=country, timezone=zone, region="", city="Town", mobile="")
    return book


def answers(session: Session, book: Portfolio) -> dict[tuple[str, Channel, Purpose], object]:
    customers = builders.customers_of(session, book)
    return {
        (each.country, channel, purpose): explain(session, book, each, channel, purpose, at=NOON)
        for each in customers
        for channel in (Channel.EMAIL, Channel.POST)
        for purpose in (Purpose.REMINDER, Purpose.CONFIRMATION, Purpose.NOTICE)
    }


def test_nothing_is_sent_where_no_pack_holds(session: Session) -> None:
    """A card-holder in Austria: the American pack says nothing about Austria, so the answer is no, with the reason."""
    book = an_american_bank(session, "AT")
    for answer in answers(session, book).values():
        assert isinstance(answer, Refusals)
        [reason] = [each for each in answer.reasons if each.rule == "desk.no_pack"]
        assert reason.detail == (
            "no pack covers Austria; nothing is sent there until a manager adopts one by name"
        )
        assert (reason.until, reason.figures) == (None, {"country": "AT"})
        assert answer.pack.endswith("+no-pack@AT")
    [german] = builders.customers_of(session, book)
    assert "desk.no_pack" in {reason.rule for reason in may_sue(session, book, german, at=NOON)}


def test_the_country_of_the_portfolio_and_its_territories_are_covered(session: Session) -> None:
    """15 USC 1692a(8): a State includes any territory of the United States."""
    book = an_american_bank(session, "US", "PR")
    assert {each.pack.count("no-pack") for each in answers(session, book).values()} == {0}  # type: ignore[attr-defined]
    assert [(each.country, each.customers, each.packs) for each in coverage(session, book)] == [
        ("US", 2, ("us-first-party",))
    ]


def test_a_manager_adopts_a_pack_by_name_and_takes_it_back(session: Session) -> None:
    book = an_american_bank(session, "AT", "US")
    assert [(each.country, each.covered) for each in coverage(session, book)] == [("AT", False), ("US", True)]
    [finding] = findings(session, today=TODAY)
    assert finding.sentence.startswith("CARDS: 1 customer lives in Austria, and no pack covers Austria:")

    adopt_pack(session, book, "at", "nl", "counsel's letter of 2 June", **KIM)  # type: ignore[arg-type]
    [german, _] = coverage(session, book)
    assert (german.packs, german.adopted) == (("nl",), True)
    assert findings(session, today=TODAY) == []
    found = answers(session, book)
    reminder = found["AT", Channel.EMAIL, Purpose.REMINDER]
    assert isinstance(reminder, Clearance)
    parts = [part.partition("@")[0] for part in reminder.pack.split("+")]
    assert parts == ["us-first-party", "nl"], "on top of the portfolio's own, and the strictest counts"

    adopt_pack(session, book, "AT", "", "the letter was withdrawn", **KIM)  # type: ignore[arg-type]
    assert isinstance(answers(session, book)["AT", Channel.EMAIL, Purpose.REMINDER], Refusals)
    told = builders.events(session, PackAdopted.KIND)
    assert [(each["country"], each["pack"], each["by"]) for each in told] == [
        ("AT", "nl", "user:kim"),
        ("AT", "", "user:kim"),
    ]


@pytest.mark.parametrize(
    ("country", "pack", "reason", "error", "field"),
    [
        ("ZZ", "nl", "why", Invalid, "country"),
        ("AT", "atlantis", "why", Invalid, "pack"),
        ("AT", "us-nyc", "why", Invalid, "pack"),  # an overlay is no pack of its own
        ("AT", "us-third-party", "why", Invalid, "pack"),  # for other collectors
        ("AT", "nl", "  ", Invalid, "reason"),
        ("US", "nl", "why", Conflict, None),  # the United States have a pack
        ("AT", "", "why", Conflict, None),  # nothing to take back
    ],
)
def test_what_may_not_be_adopted(
    session: Session, country: str, pack: str, reason: str, error: type[Exception], field: str | None
) -> None:
    book = an_american_bank(session, "AT")
    with pytest.raises(error) as refused:
        adopt_pack(session, book, country, pack, reason, **KIM)  # type: ignore[arg-type]
    assert getattr(refused.value, "field", None) == field
    assert book.adopted_packs == ""


def test_a_customer_without_a_country_is_judged_by_the_portfolios_pack(session: Session) -> None:
    """Only the time zone of the feed says where they are; without one nothing is sent (`desk.timezone_unknown`)."""
    book = an_american_bank(session)
    holder = builders.customer(session, book, country="", timezone="America/New_York", mobile="")
    answer = explain(
        session,
        book,
        holder,
        Channel.EMAIL,
        Purpose.REMINDER,
        at=builders.at(NOON.date(), 15, zone="America/New_York"),
    )
    assert "no-pack" not in answer.pack
    assert coverage(session, book) == []
