"""The same reference by every door: files, bank files, API, pages and searches find the same account and payment."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.feeds.loads import load
from app.book.customers.lookup import customer_of_account
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.accounts import find_account
from app.book.ledger.corrections.entries import post_by_hand
from app.book.ledger.models import Account, Entry
from app.book.ledger.queries import find_accounts
from app.book.ledger.rules import EntryKind, FeedKind
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, NotFound
from app.core.staff.rules import Role
from tests import builders

SPELLINGS = [
    " CARD-1001 ", "CARD\u200b-1001", "\ufeffCARD-1001", "CARD-1001\u00a0", "ＣＡＲＤ－１００１", "CARD\u00ad-1001",
    "card-1001", "Card-1001",
]  # fmt: skip


@pytest.fixture
def book(engine: Engine) -> Engine:
    """CARD-1001 alone, and two accounts that differ in case only."""
    with transaction(engine) as session:
        portfolio = builders.portfolio(session)
        for name in ("CARD-1001", "ab-7", "AB-7", "Two Words"):
            builders.account(session, builders.customer(session, portfolio), reference=name)
    return engine


def _payments(engine: Engine, folder: Path, *rows: tuple[str, str]) -> LoadReport:
    path = folder / "payments.csv"
    lines = [f"{reference},{account},2026-02-20,1.00," for reference, account in rows]
    path.write_text("\n".join(["payment_ref,account_ref,paid_on,amount,method", *lines, ""]))
    return load(
        engine, FeedKind.PAYMENTS, path, builders.BOOK, rejects_dir=folder / "rejects", by=Actor.user("ann"),
        now=builders.NOW,
    )  # fmt: skip


def _found(session: Session, text: str) -> str:
    portfolio_id = session.scalars(select(Account.portfolio_id)).first() or 0
    found = find_account(session, portfolio_id, text)
    return found.reference if found else ""


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_of_an_account_is_that_account(book: Engine, tmp_path: Path, spelling: str) -> None:
    assert _payments(book, tmp_path, ("P-1", spelling)).loaded == 1
    with transaction(book) as session:
        assert _found(session, spelling) == "CARD-1001"
        assert [each.reference for each in find_accounts(session, spelling, limit=5)] == ["CARD-1001"]
        assert (
            customer_of_account(session, spelling)[1].id
            == session.scalars(select(Account.customer_id).where(Account.reference == "CARD-1001")).one()
        )
        entry = session.scalars(select(Entry)).one()
        assert session.get_one(Account, entry.account_id).reference == "CARD-1001"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ab-7", "ab-7"),
        ("AB-7", "AB-7"),
        ("Ab-7", ""),
        ("aB-7 ", ""),
        ("two  words", "Two Words"),
        ("CARD-1", ""),
    ],
)
def test_case_counts_where_two_accounts_differ_in_nothing_else(
    book: Engine, tmp_path: Path, text: str, found: str
) -> None:
    report = _payments(book, tmp_path, ("P-1", text), ("P-2", "CARD-1001"))
    assert (report.loaded, report.rejected) == ((2, 0) if found else (1, 1))
    with transaction(book) as session:
        assert _found(session, text) == found
    if not found:
        with transaction(book) as session, pytest.raises(NotFound):
            customer_of_account(session, text)


def test_a_payment_that_was_entered_by_hand_is_not_loaded_again_under_another_spelling(
    book: Engine, tmp_path: Path
) -> None:
    with transaction(book) as session:
        account = session.scalars(select(Account).where(Account.reference == "CARD-1001")).one()
        given = {"by": "user:ann", "role": Role.MANAGER, "now": builders.NOW}
        on = builders.NOW.date()
        made = post_by_hand(
            session,
            account,
            EntryKind.PAYMENT,
            100,
            on,
            "",
            reference=" P\u00a0 7\u200b",
            **given,  # type: ignore[arg-type]
        )
        assert made.reference == "P 7"
        with pytest.raises(Conflict, match="P 7 is in the ledger already"):
            post_by_hand(session, account, EntryKind.PAYMENT, 100, on, "", reference="P 7 ", **given)  # type: ignore[arg-type]
    report = _payments(book, tmp_path, ("P  7", "CARD-1001"), ("P\u200b 7", "CARD-1001"))
    assert (report.loaded, report.conflicts) == (0, 2)
