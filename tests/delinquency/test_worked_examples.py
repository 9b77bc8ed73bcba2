"""The table of docs/delinquency.md, worked twice: by the pure fold, and by real rows in both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.db import table_of, transaction
from app.delinquency.models import AccountState, Movement, Spell
from app.delinquency.rules import Closing, Credit, Events, State, days_past_due, fold, standing
from app.delinquency.service import edges_of, fold_accounts
from app.ledger.models import Account, Entry
from app.ledger.rules import DEFAULT_BUCKET_EDGES, EntryKind
from app.ledger.service import reverse_entry
from tests import builders

PAGE = Path(__file__).parents[2] / "docs" / "delinquency.md"
YEAR = 2026


@dataclass(frozen=True)
class Example:
    number: str
    happenings: tuple[str, ...]
    on: date
    past_due: int
    days: int
    bucket: str


def _date(text: str) -> date:
    return datetime.strptime(f"{text} {YEAR}", "%d %b %Y").date()


def _examples() -> Iterator[Example]:
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[0].isdigit():
            number, story, on, past_due, days, bucket, _ = cells
            happenings = () if story == "nothing" else tuple(story.split("; "))
            yield Example(number, happenings, _date(on), int(past_due) * 100, int(days), bucket)


EXAMPLES = list(_examples())
STATEMENT = re.compile(r"closes (\d+ \w+), due (\d+ \w+): (\d+)")
ENTRY = re.compile(r"(payment|refund|credit|purchase|write_off) (\d+ \w+): (\d+)")


def test_the_page_was_understood() -> None:
    assert [e.number for e in EXAMPLES] == [str(n) for n in range(1, 48)]
    for happening in {h for e in EXAMPLES for h in e.happenings}:
        assert STATEMENT.fullmatch(happening) or ENTRY.fullmatch(happening) or happening == "reversed payment"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"line-{e.number}")
def test_pure_fold_agrees_with_the_page(example: Example) -> None:
    credits: list[Credit] = []
    closings: list[Closing] = []
    for happening in example.happenings:
        if match := STATEMENT.fullmatch(happening):
            closings.append(Closing(_date(match[1]), _date(match[2]), int(match[3]) * 100))
        elif match := ENTRY.fullmatch(happening):
            if match[1] in ("payment", "refund", "credit"):
                credits.append(Credit(_date(match[2]), int(match[3]) * 100, match[1] == "payment"))
        else:
            credits.pop()
    state = State()
    known = [c for c in credits if c.on <= example.on], [c for c in closings if c.on <= example.on]
    fold(state, Events(*known), through=example.on, edges=DEFAULT_BUCKET_EDGES)
    stands = standing(state, example.on, DEFAULT_BUCKET_EDGES)
    assert state.past_due == example.past_due
    assert days_past_due(state.oldest_due_on, example.on) == example.days
    assert (stands.bucket if stands else "current") == example.bucket


def test_rows_agree_with_the_page(engine: Engine) -> None:
    """Every line as an account of one book, each folded in one go and once more night by night."""
    with transaction(engine) as session:
        book = builders.portfolio(session)
        at_once = {e.number: _account(session, book, e) for e in EXAMPLES}
        nightly = {e.number: _account(session, book, e) for e in EXAMPLES}
        nights = sorted(
            {e.on for e in EXAMPLES} | {date(YEAR, 1, 1) + timedelta(days=n) for n in range(0, 90, 3)}
        )
        wrong = []
        for on in nights:
            standing_still = [nightly[e.number] for e in EXAMPLES if e.on >= on]
            fold_accounts(session, book, standing_still, through=on)
        for e in EXAMPLES:
            fold_accounts(session, book, [at_once[e.number]], through=e.on)
        for e in EXAMPLES:
            for way, account_id in (("at once", at_once[e.number]), ("nightly", nightly[e.number])):
                row = session.get_one(AccountState, account_id, populate_existing=True)
                found = (row.past_due_minor, days_past_due(row.oldest_due_on, e.on), row.bucket)
                if found != (e.past_due, e.days, e.bucket):
                    wrong.append(f"line {e.number} {way}: {found}")
        assert not wrong
        assert _history(session, at_once) == _history(session, nightly), (
            "the past differs by the way it was folded"
        )
        assert edges_of(book) == DEFAULT_BUCKET_EDGES


def _account(session: Session, book: builders.Portfolio, example: Example) -> int:
    card: Account = builders.account(session, builders.customer(session, book))
    last: Entry | None = None
    for happening in example.happenings:
        if match := STATEMENT.fullmatch(happening):
            builders.statement(session, card, _date(match[1]), _date(match[2]), int(match[3]) * 100)
        elif match := ENTRY.fullmatch(happening):
            kind = EntryKind(match[1])
            last = builders.entry(session, card, kind, int(match[3]) * 100, _date(match[2]))
        else:
            assert last is not None
            reverse_entry(
                session,
                last,
                reason="returned by the bank",
                posted_on=last.effective_on + timedelta(days=2),
                by="user:builder",
                now=builders.NOW,
            )
    assert card.id is not None
    return card.id


def _history(session: Session, accounts: dict[str, int]) -> dict[str, list[tuple[object, ...]]]:
    spell, movement = table_of(Spell), table_of(Movement)
    history: dict[str, list[tuple[object, ...]]] = {}
    for number, account_id in accounts.items():
        spells = sa.select(spell.c.from_on, spell.c.to_on, spell.c.bucket, spell.c.past_due_minor)
        moves = sa.select(movement.c.on, movement.c.kind, movement.c.amount_minor)
        found = [
            *session.connection().execute(spells.where(spell.c.account_id == account_id)),
            *session.connection().execute(moves.where(movement.c.account_id == account_id)),
        ]
        history[number] = sorted((tuple(row) for row in found), key=str)
    return history
