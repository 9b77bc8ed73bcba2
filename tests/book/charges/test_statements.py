"""Statements that were wrong: a second one for a day is a conflict, and a manager puts the first one right."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.feeds.loads import load
from app.book.charges.rules import is_missed
from app.book.charges.statements import once_a_violation, replace_statement
from app.book.delinquency.history import as_known
from app.book.delinquency.service import standing_on
from app.book.ledger.corrections.statements import figures_of, replaced_statements
from app.book.ledger.corrections.waivers import waive
from app.book.ledger.events import StatementReplaced, StatementWithdrawn
from app.book.ledger.models import Account, Entry, ReplacedStatement, Statement
from app.book.ledger.rules import EntryKind, FeedKind
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Forbidden, Invalid
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.operations.invariants.checks import thorough
from tests import builders

CLOSED, DUE, DAY = date(2026, 3, 1), date(2026, 3, 21), timedelta(days=1)
LATE = DUE + 5 * DAY
HEADER = "statement_ref account_ref closing_on due_on balance minimum_due"


def boss(on: date) -> dict[str, Any]:
    return {"by": "user:max", "role": Role.MANAGER, "now": builders.at(on)}


@pytest.mark.parametrize(
    ("unpaid", "late_from", "small", "missed"),
    [
        (1, LATE, 0, True), (0, LATE, 0, False), (1, LATE + DAY, 0, False), (1, None, 0, False),
        (499, LATE, 500, False), (500, LATE, 500, True),
    ],
)  # fmt: skip
def test_what_is_a_violation(unpaid: int, late_from: date | None, small: int, missed: bool) -> None:
    assert is_missed(unpaid, late_from, LATE, small) is missed


def test_one_violation_is_one_closing_day_or_due_date_of_an_account() -> None:
    rows = [
        (1, "A", 50, CLOSED, DUE),
        (1, "A-again", 45, CLOSED, DUE),
        (1, "A-a-day-later", 45, CLOSED + DAY, DUE),
        (1, "B", 45, CLOSED + 30 * DAY, DUE + 30 * DAY),
        (2, "A", 50, CLOSED, DUE),
    ]
    assert [row[1] for row in once_a_violation(iter(rows))] == ["A", "B", "A"]


def a_book(engine: Engine, **options: Any) -> int:
    """A card that owes 1,000.00; days are closed from 20 March on. The account's number."""
    with transaction(engine) as session:
        book = builders.portfolio(session, **options)
        card = builders.account(session, builders.customer(session, book), reference="CARD-1")
        builders.entry(session, card, EntryKind.OPENING_BALANCE, 100_000, CLOSED - 5 * DAY)
        return id_of(card)


def feed(engine: Engine, tmp_path: Path, *rows: tuple[object, ...], on: date = LATE) -> Any:
    file = tmp_path / "statements.csv"
    file.write_text(builders.csv_text(HEADER, *rows), encoding="utf-8")
    told: dict[str, Any] = {"by": "user:max", "now": builders.at(on), "rejects_dir": tmp_path}
    return load(engine, FeedKind.STATEMENTS, file, builders.BOOK, **told)


FIRST = ("S-1", "CARD-1", CLOSED, DUE, "1000.00", "50.00")
AGAIN = ("S-1B", "CARD-1", CLOSED, DUE, "1000.00", "45.00")
NEXT = ("S-2", "CARD-1", CLOSED + 30 * DAY, DUE + 30 * DAY, "1000.00", "50.00")


def past_due(session: Session, card_id: int, on: date) -> tuple[int, date | None]:
    now = standing_on(session, get_portfolio(session, builders.BOOK), [card_id], on)[card_id]
    return now.past_due, now.oldest_due_on


def test_a_second_statement_of_a_day_is_a_conflict_in_one_file_or_in_two(
    engine: Engine, tmp_path: Path
) -> None:
    card_id = a_book(engine)
    report = feed(engine, tmp_path, FIRST, AGAIN, NEXT)
    assert (report.read, report.loaded, report.conflicts, report.rejected) == (3, 2, 1, 0)
    text = Path(report.rejects_file).read_text(encoding="utf-8")
    assert "this account has statement S-1 of that closing day; a manager replaces one" in text
    report = feed(engine, tmp_path, AGAIN)
    assert (report.loaded, report.conflicts) == (0, 1)
    report = feed(engine, tmp_path, FIRST, NEXT)
    assert (report.loaded, report.unchanged, report.conflicts) == (0, 2, 0)
    with transaction(engine) as session:
        assert past_due(session, card_id, LATE) == (5_000, DUE)


def test_a_manager_replaces_a_statement_and_both_days_are_still_answered(
    engine: Engine, tmp_path: Path
) -> None:
    card_id = a_book(engine)
    feed(engine, tmp_path, FIRST)
    builders.close_day(engine, LATE)
    on = LATE + DAY
    with transaction(engine) as session:
        [statement] = session.scalars(select(Statement)).all()
        right = replace(figures_of(statement), reference="S-1B", minimum_due_minor=4_500)
        with pytest.raises(Forbidden, match="manager"):
            replace_statement(
                session, statement, right, "typed", by=Actor.user("ann"), role=Role.AGENT, now=builders.at(on)
            )
        replace_statement(session, statement, right, "issued again", **boss(on))
    [report] = builders.close_day(engine, on)
    assert report
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        assert past_due(session, card_id, on) == (4_500, DUE)
        assert as_known(session, book, card_id, LATE).past_due == 4_500
        assert as_known(session, book, card_id, LATE, LATE).past_due == 5_000
        assert as_known(session, book, card_id, on, on).past_due == 4_500
        [told] = builders.events(session, StatementReplaced.KIND)
        assert (told["by"], told["reason"]) == ("user:max", "issued again")
        assert (told["was"]["minimum_due_minor"], told["now"]["minimum_due_minor"]) == (5_000, 4_500)
        [old] = replaced_statements(session, card_id)
        assert (old.reference, old.replaced_on, old.statement_id) == ("S-1", on, told and old.statement_id)
        assert thorough(session, book) == []
    # The wrong one does not come back with its file, and neither does a third.
    report = feed(engine, tmp_path, FIRST, ("S-1C", *FIRST[1:]))
    assert (report.loaded, report.unchanged, report.conflicts) == (0, 1, 1)


def test_a_statement_is_withdrawn_and_stays_so(engine: Engine, tmp_path: Path) -> None:
    card_id = a_book(engine)
    feed(engine, tmp_path, FIRST)
    builders.close_day(engine, LATE)
    with transaction(engine) as session:
        [statement] = session.scalars(select(Statement)).all()
        replace_statement(session, statement, None, "not theirs", **boss(LATE + DAY))
    builders.close_day(engine, LATE + DAY)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        assert past_due(session, card_id, LATE + DAY) == (0, None)
        assert as_known(session, book, card_id, LATE, LATE).past_due == 5_000
        assert [e["now"] for e in builders.events(session, StatementWithdrawn.KIND)] == [None]
        assert thorough(session, book) == []
    report = feed(engine, tmp_path, FIRST)
    assert (report.loaded, report.unchanged, report.conflicts) == (0, 1, 0)
    report = feed(engine, tmp_path, ("S-1", *FIRST[1:5], "60.00"))
    assert (report.loaded, report.conflicts) == (0, 1)
    assert (
        "was withdrawn; load the right one under another reference" in Path(report.rejects_file).read_text()
    )
    assert feed(engine, tmp_path, AGAIN).loaded == 1


def test_what_a_statement_cannot_say_is_refused_and_named(sqlite_engine: Engine, tmp_path: Path) -> None:
    a_book(sqlite_engine)
    feed(sqlite_engine, tmp_path, FIRST, NEXT)
    table: list[tuple[dict[str, Any], str, type[Exception]]] = [
        ({}, "says this already", Conflict),
        ({"reference": "S-2"}, "There is a statement S-2 already", Conflict),
        (
            {"closing_on": CLOSED + 30 * DAY, "due_on": LATE + 90 * DAY},
            "statement S-2 of 2026-03-31",
            Conflict,
        ),
        ({"due_on": CLOSED}, "due after its closing day", Invalid),
        ({"closing_on": LATE + 21 * DAY, "due_on": LATE + 29 * DAY}, "future", Invalid),
        ({"minimum_due_minor": -1}, "cannot be negative", Invalid),
        ({"reference": "4111 1111 1111 1111"}, "card number", Invalid),
    ]
    for changes, words, error in table:
        with transaction(sqlite_engine) as session:
            statement = stated(session)
            right = replace(figures_of(statement), **changes)
            with pytest.raises(error, match=words):
                replace_statement(session, statement, right, "why", **boss(LATE + 20 * DAY))
    with transaction(sqlite_engine) as session:
        assert session.scalars(select(ReplacedStatement)).all() == []


# --- late fees ----------------------------------------------------------------------------------------------

OWN: dict[str, Any] = {"accrues": True, "late_fee_minor": 2_500}


def fees(session: Session) -> list[tuple[str, int]]:
    """Late fees and their reversals that do not cancel out."""
    entries = session.scalars(select(Entry).order_by(col(Entry.id))).all()
    undone = {entry.reverses_id for entry in entries}
    return [(e.reference, e.amount_minor) for e in entries if e.kind is EntryKind.FEE and e.id not in undone]


def with_a_fee(engine: Engine, *rows: tuple[object, ...], tmp_path: Path) -> int:
    card_id = a_book(engine, **OWN)
    feed(engine, tmp_path, *rows, on=DUE - DAY)
    builders.close_day(engine, DUE - DAY)
    builders.close_day(engine, LATE)
    return card_id


def stated(session: Session, reference: str = "S-1") -> Statement:
    return session.scalars(select(Statement).where(Statement.reference == reference)).one()


def test_a_violation_stated_again_bears_one_fee(engine: Engine, tmp_path: Path) -> None:
    card_id = with_a_fee(
        engine, FIRST, AGAIN, ("S-1C", "CARD-1", CLOSED + DAY, DUE, "1000.00", "45.00"), tmp_path=tmp_path
    )
    with transaction(engine) as session:
        assert fees(session) == [("late-fee:S-1", 2_500)]
        right = replace(figures_of(stated(session)), reference="S-1B", minimum_due_minor=4_500)
        replace_statement(session, stated(session), right, "issued again", **boss(LATE + DAY))
        assert fees(session) == [("late-fee:S-1", 2_500)], "it was missed all the same"
    builders.close_day(engine, LATE + 3 * DAY)
    with transaction(engine) as session:
        assert fees(session) == [("late-fee:S-1", 2_500)]
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []
        assert session.get_one(Account, card_id)


@pytest.mark.parametrize(
    ("changes", "standing"),
    [
        (None, []),  # withdrawn: nothing was missed
        ({"due_on": LATE + 10 * DAY}, []),  # not late yet
        ({"minimum_due_minor": 0}, []),
        ({"minimum_due_minor": 2_000}, [2_000]),  # never more than the minimum that was missed
        ({"minimum_due_minor": 2_500}, [2_500]),
        ({"minimum_due_minor": 9_000}, [2_500]),
    ],
)
def test_the_fee_follows_from_the_right_figures(
    sqlite_engine: Engine, tmp_path: Path, changes: dict[str, Any] | None, standing: list[int]
) -> None:
    with_a_fee(sqlite_engine, FIRST, tmp_path=tmp_path)
    with transaction(sqlite_engine) as session:
        statement = stated(session)
        right = None if changes is None else replace(figures_of(statement), **changes)
        replace_statement(session, statement, right, "wrong", **boss(LATE + DAY))
        assert [amount for _, amount in fees(session)] == standing
    builders.close_day(sqlite_engine, LATE + DAY)
    with transaction(sqlite_engine) as session:
        assert [amount for _, amount in fees(session)] == standing
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []


def test_a_fee_that_was_waived_is_left_to_people(sqlite_engine: Engine, tmp_path: Path) -> None:
    engine = sqlite_engine
    with_a_fee(engine, FIRST, tmp_path=tmp_path)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        book.waive_limit_minor = 10_000
        fee = session.scalars(select(Entry).where(Entry.reference == "late-fee:S-1")).one()
        waive(session, fee, 1_000, "first time", **boss(LATE + DAY))
        replace_statement(session, stated(session), None, "wrong", **boss(LATE + DAY))
        assert fees(session) == [("late-fee:S-1", 2_500)]


def test_two_that_were_loaded_before_stand_until_one_is_withdrawn(
    sqlite_engine: Engine, tmp_path: Path
) -> None:
    """Older versions loaded both and charged two fees."""
    engine = sqlite_engine
    card_id = with_a_fee(engine, FIRST, tmp_path=tmp_path)
    with transaction(engine) as session:
        card = session.get_one(Account, card_id)
        twin = builders.statement(session, card, CLOSED + 40 * DAY, DUE + 40 * DAY, 4_500, reference="S-1B")
        twin.issue, twin.closing_on, twin.due_on = 2, CLOSED, DUE
        builders.entry(
            session, card, EntryKind.FEE, 2_500, DUE + DAY, posted_on=LATE, reference="late-fee:S-1B"
        )
    builders.close_day(engine, LATE + DAY)
    with transaction(engine) as session:
        assert past_due(session, card_id, LATE + DAY) == (9_500, DUE)
        broken = thorough(session, get_portfolio(session, builders.BOOK))
        assert [v.invariant for v in broken] == ["one_statement_a_closing_day"]
        assert "CARD-1 has S-1 and S-1B of 2026-03-01" in broken[0].row
        replace_statement(session, stated(session), None, "S-1B is right", **boss(LATE + 2 * DAY))
        assert fees(session) == [("late-fee:S-1", 2_500)], "one violation, one fee"
    builders.close_day(engine, LATE + 2 * DAY)
    with transaction(engine) as session:
        assert past_due(session, card_id, LATE + 2 * DAY) == (4_500, DUE)
        assert thorough(session, get_portfolio(session, builders.BOOK)) == []
