"""A creditor whose `minimum_due` repeats arrears is noticed when its statements are loaded, and only that one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.feeds.loads import load
from app.book.feeds.arrears import Asked, warning_of
from app.book.feeds.models import FeedLoad
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.rules import EntryKind, FeedKind
from app.core.actor import Actor
from app.core.database.engine import transaction
from tests import builders

Line = tuple[int, int, int]
"""Balance, minimum, and what came before the next closing."""


def asked(*accounts: Sequence[Line]) -> list[Asked]:
    return [Asked(n, *line) for n, lines in enumerate(accounts) for line in lines]


@pytest.mark.parametrize(
    ("what", "statements", "said"),
    [
        ("nothing was paid and each asks for its own", [(1000, 50, 0), (1010, 50, 0), (1020, 51, 0)], ""),
        ("the minimum doubles with the balance", [(1000, 50, 0), (2000, 100, 0), (3000, 150, 0)], ""),
        ("each repeats what was unpaid", [(1000, 50, 0), (1010, 100, 0), (1020, 150, 0)], "include arrears: 2 of 2"),
        ("also late in a long row", [(1000, 50, 0), *((1010, 50 * n, 0) for n in range(2, 12))], "10 of 10"),
        ("partly paid, the rest repeated", [(1000, 50, 20), (990, 80, 20), (980, 110, 0)], "2 of 2"),
        ("it was paid, and asked for more since", [(1000, 50, 50), (1010, 100, 100), (1020, 150, 0)], ""),
        ("one rise may be chance", [(1000, 50, 0), (1010, 100, 0)], ""),
        ("a small balance asked for in full again", [(600, 600, 0), (600, 600, 5), (600, 600, 0)], "On 1 of 1"),
        ("unpaid minimums are just the balance", [(600, 300, 0), (600, 300, 1), (599, 0, 0)], ""),
        ("no payment is known yet", [(600, 600, 0), (600, 600, 0), (600, 600, 0)], ""),
        ("nothing at all", [], ""),
    ],
)  # fmt: skip
def test_what_is_noticed(what: str, statements: Sequence[Line], said: str) -> None:
    found = warning_of(asked(statements))
    assert said in found if said else found == "", what


def test_few_rises_among_many_are_not_a_habit() -> None:
    steady = [(1000, 50, 0), (1010, 50, 0), (1020, 51, 0)]
    rises = [(1000, 50, 0), (1010, 100, 0), (1020, 150, 0)]
    assert warning_of(asked(steady, steady, rises)) == ""
    assert "4 of 6" in warning_of(asked(steady, rises, rises))


def test_the_load_its_history_and_the_next_load_of_payments_say_so(engine: Engine, tmp_path: Path) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        card = builders.account(session, builders.customer(session, book))
        builders.entry(session, card, EntryKind.PURCHASE, 100_000, date(2025, 9, 2))
        reference = card.reference

    def loaded(kind: FeedKind, text: str) -> LoadReport:
        path = tmp_path / f"{kind.value}.csv"
        path.write_text(text)
        return load(
            engine, kind, path, builders.BOOK, rejects_dir=tmp_path, by=Actor.user("ann"), now=builders.NOW
        )  # fmt: skip

    rows = [
        (f"S{n}", reference, date(2025, 9 + n, 10), date(2025, 9 + n, 28), "1000.00", f"{50 * n}.00")
        for n in (1, 2, 3)
    ]
    header = "statement_ref account_ref closing_on due_on balance minimum_due"
    report = loaded(FeedKind.STATEMENTS, builders.csv_text(header, *rows))
    assert (report.loaded, report.rejected) == (3, 0), "what the file says is stored"
    [note] = report.notes
    assert "include arrears: 2 of 2" in note
    assert report.as_json()["notes"] == [note]
    payment = ("P1", reference, date(2025, 12, 20), "150.00", "transfer")
    report = loaded(
        FeedKind.PAYMENTS, builders.csv_text("payment_ref account_ref paid_on amount method", payment)
    )
    assert "include arrears" in report.notes[0]
    with transaction(engine) as session:
        kept = session.scalars(select(FeedLoad.notes)).all()
    assert all("include arrears" in each for each in kept)
