"""The contacts feed: several numbers of a customer, said twice, said otherwise, and what a person decided between."""

from __future__ import annotations

import csv
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.feeds.loads import load
from app.actions.people.contact_data import confirm_point, mark_bad, remove_point
from app.book.customers.events import ContactPointChanged, LinksReplaced
from app.book.customers.models import ContactPoint
from app.book.customers.rules import PointKind, PointSource, PointState, PointType
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.models import Customer
from app.book.ledger.rules import FeedKind
from app.core.actor import Actor, ActorKind
from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from tests import builders

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
LATER = NOW + timedelta(days=5)
BEN = {"by": Actor.user("ben"), "now": NOW + timedelta(days=1)}
HEADER = (
    "customer_ref",
    "kind",
    "type",
    "value",
    "state",
    "employer",
    "source",
    "noted_on",
    "address_line1",
    "city",
)
HOME = ("CU-A", "phone", "home", "010 5550 0126", "usable", "no", "customer", "2026-03-01", "", "")
MAIN = ("CU-A", "phone", "mobile", "+8613812345678", "bad", "", "", "", "", "")

File = Callable[..., LoadReport]


@pytest.fixture
def file(engine: Engine, tmp_path: Path) -> File:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        builders.customer(session, book, reference="CU-A", mobile="+8613812345678")

    def file(*rows: tuple[str, ...], now: datetime = NOW) -> LoadReport:
        path = tmp_path / f"contacts-{len(list(tmp_path.iterdir()))}.csv"
        with path.open("w", newline="", encoding="utf-8") as handle:
            csv.writer(handle).writerows([HEADER, *rows])
        by = Actor.system("cli")
        return load(engine, FeedKind.CONTACTS, path, builders.BOOK, rejects_dir=tmp_path, by=by, now=now)

    return file


def points(engine: Engine) -> list[ContactPoint]:
    with reading(engine) as session:
        return list(session.scalars(select(ContactPoint).order_by(col(ContactPoint.id))))


def anna(session: Session) -> Customer:
    return session.scalars(select(Customer)).one()


def counts(report: LoadReport) -> tuple[int, int, int, int, int]:
    return report.loaded, report.updated, report.unchanged, report.conflicts, report.rejected


def test_a_file_adds_points_and_twice_changes_nothing(engine: Engine, file: File) -> None:
    rows = [
        HOME,
        ("CU-A", "email", "work", "Anna@Firm.example", "unconfirmed", "yes", "tracing", "", "", ""),
        ("CU-A", "address", "home", "", "", "", "", "", "9 Quay", "Shanghai"),
    ]
    assert counts(file(*rows)) == (3, 0, 0, 0, 0)
    assert counts(file(*reversed(rows))) == (0, 0, 3, 0, 0), "another file with the same content"
    home, work, address = points(engine)
    assert (home.value, home.type, home.source) == ("+861055500126", PointType.HOME, PointSource.CUSTOMER)
    assert (home.noted_on, Actor(home.by).kind) == (date(2026, 3, 1), ActorKind.FEED)
    assert (work.state, work.employer) == (PointState.UNCONFIRMED, True)
    assert (address.kind, address.value, address.source) == (
        PointKind.ADDRESS,
        "9 Quay\nShanghai\nCN",
        PointSource.CREDITOR,
    )
    with reading(engine) as session:
        assert anna(session).mobile == "+8613812345678", "the main one is the accounts feed's"


def test_a_bad_main_number_is_closed_and_its_links_are_replaced(engine: Engine, file: File) -> None:
    assert counts(file(MAIN)) == (1, 0, 0, 0, 0)
    with reading(engine) as session:
        assert anna(session).link_number == 1
        assert [row["kind"] for row in builders.events(session, LinksReplaced.KIND)] == [LinksReplaced.KIND]
    assert points(engine)[0].state is PointState.BAD


def test_another_state_is_taken_over_with_an_event(engine: Engine, file: File) -> None:
    file(HOME)
    assert counts(file((*HOME[:4], "bad", *HOME[5:]), now=LATER)) == (0, 1, 0, 0, 0)
    with reading(engine) as session:
        [told] = builders.events(session, ContactPointChanged.KIND)
    assert told["to"] == {"state": "bad"}
    old = file(HOME, now=LATER)
    assert counts(old) == (0, 0, 1, 0, 0), "this very file was loaded before the other"
    assert "older than they are" in old.notes[0]
    assert counts(file(HOME, HOME, now=LATER)) == (0, 1, 1, 0, 0), "the file takes back its own word"
    assert points(engine)[0].state is PointState.USABLE


def test_a_file_does_not_open_what_a_person_closed(engine: Engine, file: File) -> None:
    file(HOME)
    with transaction(engine) as session:
        mark_bad(session, anna(session), str(id_of(points(engine)[0])), "a shop answers", **BEN)
    unconfirmed = (*HOME[:4], "unconfirmed", *HOME[5:])
    assert counts(file(unconfirmed, now=LATER)) == (0, 0, 1, 0, 0)
    assert counts(file(HOME, HOME, now=LATER)) == (0, 0, 2, 0, 0)
    assert points(engine)[0].state is PointState.BAD
    with transaction(engine) as session:
        key = str(id_of(points(engine)[0]))
        confirm_point(session, anna(session), key, "hers", today=date(2026, 3, 3), **BEN)
    assert points(engine)[0].state is PointState.USABLE


def test_what_a_person_removed_comes_back_only_with_a_later_day(engine: Engine, file: File) -> None:
    file(HOME)
    with transaction(engine) as session:
        remove_point(session, anna(session), str(id_of(points(engine)[0])), "not hers", **BEN)
    again = (*HOME[:6], "creditor", *HOME[7:])
    assert counts(file(again, now=LATER)) == (0, 0, 1, 0, 0)
    assert counts(file((*HOME[:7], "2026-03-05", "", ""), now=LATER)) == (1, 0, 0, 0, 0)
    assert [row.ended_at is None for row in points(engine)] == [False, True]


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        (("CU-X", *HOME[1:]), "customer_ref", "no such customer"),
        (("CU-A", "fax", *HOME[2:]), "kind", "is not phone, email or address"),
        ((*HOME[:3], "twelve", *HOME[4:]), "value", "not a phone number"),
        ((*HOME[:4], "odd", *HOME[5:]), "state", "is not usable, bad or unconfirmed"),
        ((*HOME[:7], "2026-03-09", "", ""), "noted_on", "has not come yet"),
        (("CU-A", "address", "home", "", "", "", "", "", "9 Quay", ""), "city", "Write the town."),
    ],
)
def test_a_wrong_row_is_told_with_line_column_and_reason(
    sqlite_engine: Engine, tmp_path: Path, row: tuple[str, ...], column: str, reason: str
) -> None:
    with transaction(sqlite_engine) as session:
        builders.customer(session, builders.portfolio(session), reference="CU-A")
    path = tmp_path / "contacts.csv"
    with path.open("w", newline="", encoding="utf-8") as handle:
        csv.writer(handle).writerows([HEADER, HOME, row])
    report = load(
        sqlite_engine,
        FeedKind.CONTACTS,
        path,
        builders.BOOK,
        rejects_dir=tmp_path,
        by=Actor.system("cli"),
        now=NOW,
    )
    assert (report.loaded, report.rejected) == (1, 1)
    assert report.rejects_file is not None
    _, told = csv.reader(Path(report.rejects_file).read_text(encoding="utf-8").splitlines())
    assert (told[0], told[1]) == ("3", column)
    assert reason in told[2]


def test_a_file_that_contradicts_itself_is_a_conflict(engine: Engine, file: File) -> None:
    report = file(HOME, HOME, (*HOME[:4], "bad", *HOME[5:]))
    assert counts(report) == (1, 0, 1, 1, 0)
    assert points(engine)[0].state is PointState.USABLE


def test_a_bad_number_that_a_person_removed_stays_away(engine: Engine, file: File) -> None:
    """A file stamps its rows with the day of its export; that says nothing of whose number it is."""
    file(HOME)
    with transaction(engine) as session:
        [row] = session.scalars(select(ContactPoint))
        mark_bad(session, anna(session), str(row.id), "another family lives there", **BEN)
        remove_point(session, anna(session), str(row.id), "not theirs", **BEN)
    later = (*HOME[:7], LATER.date().isoformat(), "", "")
    assert counts(file(later, now=LATER)) == (0, 0, 1, 0, 0)
    assert [row.ended_at is None for row in points(engine)] == [False]


def test_a_number_that_turns_out_to_be_at_work_obeys_the_rules_about_work(engine: Engine, file: File) -> None:
    file(HOME)
    at_work = (*HOME[:2], "work", *HOME[3:7], "2026-03-02", "", "")
    assert counts(file(at_work)) == (0, 1, 0, 0, 0)
    [row] = points(engine)
    assert (row.type, row.employer) == (PointType.WORK, True)
