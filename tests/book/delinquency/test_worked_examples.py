"""The table of docs/delinquency.md, worked twice: by the pure fold, and by real rows in both databases."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.delinquency.days import Interval, days_past_due
from app.book.delinquency.facts import Closing, Credit, Events, Reported, State
from app.book.delinquency.lifecycle import set_pause
from app.book.delinquency.models import AccountState, Movement, ReAge, Spell
from app.book.delinquency.rules import billed_by, fold, standing
from app.book.delinquency.service import edges_of, fold_accounts
from app.book.ledger.balances import balance_of
from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.ends.status import set_status
from app.book.ledger.models import Account, Entry, Position, Waiver
from app.book.ledger.rules import AccountStatus, EntryKind, WaiverStatus
from app.book.ledger.service import mark_changed
from app.core.actor import Actor
from app.core.database.engine import table_of, transaction
from app.policy.sections.pauses import PauseKind
from tests import builders
from tests.paths import ROOT

PAGE = ROOT / "docs" / "delinquency.md"
YEAR = 2026
EDGES = (1, 30, 60, 90, 120, 150, 180)
"""Edges of the buckets of the page, which a new portfolio has."""


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


def _minor(text: str) -> int:
    return int(text) * 100


def _examples() -> Iterator[Example]:
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 7 and cells[0].isdigit():
            number, story, on, past_due, days, bucket, _ = cells
            happenings = () if story == "nothing" else tuple(story.split("; "))
            yield Example(number, happenings, _date(on), _minor(past_due), int(days), bucket)


EXAMPLES = list(_examples())
DAY_OF = r"(\d+ \w{3})"
STATEMENT = re.compile(rf"closes {DAY_OF}, due {DAY_OF}: (\d+)")
ENTRY = re.compile(
    rf"(payment|refund|credit|purchase|write_off|recovery|fee|interest|adjustment) {DAY_OF}: (\d+)"
)
REVERSAL = re.compile("reversed (?:payment|waiver)")
WAIVER = re.compile(rf"waived {DAY_OF}: (\d+)")
AHEAD = re.compile("paid ahead counts")
PAUSE = re.compile(rf"paused from {DAY_OF}(?: until {DAY_OF})?")
RE_AGE = re.compile(rf"re-aged {DAY_OF}")
REPORT = re.compile(rf"reported {DAY_OF}: (?:(\d+) since {DAY_OF}|nothing)")
END = re.compile(rf"(charged off|settled|sold) {DAY_OF}")
LANGUAGE = (STATEMENT, ENTRY, REVERSAL, PAUSE, RE_AGE, REPORT, END, WAIVER, AHEAD)


def test_the_page_was_understood() -> None:
    assert [e.number for e in EXAMPLES] == [str(n) for n in range(1, 115)]
    for happening in {h for e in EXAMPLES for h in e.happenings}:
        assert any(pattern.fullmatch(happening) for pattern in LANGUAGE), happening


def _events(happenings: tuple[str, ...], on: date) -> Events:
    """What the fold is given of a story: all that is dated up to `on`."""
    credits: list[Credit] = []
    closings: list[Closing] = []
    positions: list[Reported] = []
    told = Events(credits, closings, positions)
    re_ages: list[date] = []
    pauses: list[Interval] = []
    waived: list[tuple[date, int, date]] = []
    charged_on = date.min
    for happening in happenings:
        if match := STATEMENT.fullmatch(happening):
            closings.append(Closing(_date(match[1]), _date(match[2]), _minor(match[3])))
        elif match := ENTRY.fullmatch(happening):
            if match[1] in ("payment", "refund", "credit"):
                credits.append(Credit(_date(match[2]), _minor(match[3]), match[1] == "payment"))
            if match[1] in ("fee", "interest"):
                charged_on = _date(match[2])
        elif match := WAIVER.fullmatch(happening):
            waived.append((_date(match[1]), _minor(match[2]), charged_on))
        elif AHEAD.fullmatch(happening):
            told.prepays = True
        elif match := PAUSE.fullmatch(happening):
            pauses.append((_date(match[1]), _date(match[2]) if match[2] else None))
        elif match := RE_AGE.fullmatch(happening):
            re_ages.append(_date(match[1]))
        elif match := REPORT.fullmatch(happening):
            since = _date(match[3]) if match[3] else None
            positions.append(Reported(_date(match[1]), _minor(match[2] or "0"), since))
        elif match := END.fullmatch(happening):
            told.ended_on = _date(match[2])
        else:
            (waived if happening.endswith("waiver") else credits).pop()
    told.credits = [c for c in credits if c.on <= on]
    told.closings = [c for c in closings if c.on <= on]
    told.positions = [p for p in positions if p.on <= on]
    told.re_ages = [day for day in re_ages if day <= on]
    told.pauses = pauses
    told.waivers = [
        (day, amount, *billed)
        for day, amount, charged in waived
        if day <= on and (billed := billed_by(charged, day, told.closings, told.positions))
    ]
    return told


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda e: f"line-{e.number}")
def test_pure_fold_agrees_with_the_page(example: Example) -> None:
    state, events = State(), _events(example.happenings, example.on)
    fold(state, events, through=example.on, edges=EDGES)
    stands = standing(state, example.on, EDGES, events.pauses)
    assert state.past_due == example.past_due
    assert days_past_due(state.oldest_due_on, example.on, events.pauses) == example.days
    assert (stands.bucket if stands else "current") == example.bucket


def test_rows_agree_with_the_page(engine: Engine) -> None:
    """Every line as an account of one book, each folded in one go and once more night by night."""
    with transaction(engine) as session:
        book = builders.portfolio(session)
        loans = builders.portfolio(session, "LOANS", prepayments_count=True)
        of = {e.number: loans if "paid ahead counts" in e.happenings else book for e in EXAMPLES}
        at_once = {e.number: _account(session, of[e.number], e) for e in EXAMPLES}
        nightly = {e.number: _account(session, of[e.number], e) for e in EXAMPLES}
        nights = sorted(
            {e.on for e in EXAMPLES} | {date(YEAR, 1, 1) + timedelta(days=n) for n in range(0, 90, 3)}
        )
        wrong = []
        for on in nights:
            for each in (book, loans):
                still = [nightly[e.number] for e in EXAMPLES if e.on >= on and of[e.number] is each]
                fold_accounts(session, each, still, through=on)
        for e in EXAMPLES:
            fold_accounts(session, of[e.number], [at_once[e.number]], through=e.on)
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
        assert edges_of(book) == EDGES


def _account(session: Session, book: builders.Portfolio, example: Example) -> int:
    card: Account = builders.account(session, builders.customer(session, book))
    last: Entry | None = None
    charge: Entry | None = None
    for happening in example.happenings:
        if match := STATEMENT.fullmatch(happening):
            builders.statement(session, card, _date(match[1]), _date(match[2]), _minor(match[3]))
        elif match := ENTRY.fullmatch(happening):
            last = builders.entry(session, card, EntryKind(match[1]), _minor(match[3]), _date(match[2]))
            charge = last if match[1] in ("fee", "interest") else charge
        elif match := WAIVER.fullmatch(happening):
            assert charge is not None
            last = _waive(session, card, charge, _minor(match[2]), _date(match[1]))
        elif REVERSAL.fullmatch(happening):
            assert last is not None
            reverse_entry(
                session,
                last,
                reason="returned by the bank",
                posted_on=last.effective_on + timedelta(days=2),
                by=Actor.user("builder"),
                now=builders.NOW,
            )
        else:
            _decide(session, card, happening)
    assert card.id is not None
    return card.id


def _waive(session: Session, card: Account, charge: Entry, amount: int, on: date) -> Entry:
    """The credit of a waiver that a manager granted alone on that day."""
    credit = builders.entry(session, card, EntryKind.CREDIT, amount, on)
    about = {"portfolio_id": card.portfolio_id, "account_id": card.id, "entry_id": charge.id}
    granted = {"status": WaiverStatus.APPROVED, "alone": True, "credit_id": credit.id}
    people = {"requested_by": "user:builder", "requested_at": builders.NOW, "decided_by": "user:builder"}
    session.add(
        Waiver.model_validate({**about, **granted, **people, "amount_minor": amount, "reason": "told"})
    )
    session.flush()
    return credit


def _decide(session: Session, card: Account, happening: str) -> None:
    """What people decide about an account. Whether they may is told elsewhere (tests of the re-age's rule)."""
    assert card.id is not None
    about = {"portfolio_id": card.portfolio_id, "account_id": card.id}
    if match := PAUSE.fullmatch(happening):
        until = _date(match[2]) if match[2] else None
        why = (PauseKind.HARDSHIP, _date(match[1]), until, "out of work")
        set_pause(session, card, *why, by=Actor.user("builder"), now=builders.NOW)
    elif match := END.fullmatch(happening):
        to, on = AccountStatus(match[1].replace(" ", "_")), _date(match[2])
        balance = balance_of(session, card.id, on)
        set_status(
            session, card, to, on, balance, "told by the page", by=Actor.user("builder"), now=builders.NOW
        )
    elif match := RE_AGE.fullmatch(happening):
        on = _date(match[1])
        made = {"on": on, "posted_on": on, "past_due_minor": 0, "created_at": builders.NOW}
        session.add(ReAge.model_validate({**about, **made, "rule": "a", "reason": "b", "by": "user:builder"}))
        mark_changed(session, card.portfolio_id, {card.id: on})
    elif match := REPORT.fullmatch(happening):
        as_of, since = _date(match[1]), _date(match[3]) if match[3] else None
        said = {"past_due_minor": _minor(match[2] or "0"), "oldest_due_on": since, "balance_minor": 100_000}
        session.add(Position.model_validate({**about, **said, "as_of": as_of, "posted_on": as_of}))
        mark_changed(session, card.portfolio_id, {card.id: as_of})
    session.flush()


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
