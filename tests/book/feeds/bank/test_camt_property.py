"""Whatever a bank writes for references and however its files overlap, the money it booked is accounted for once."""

from __future__ import annotations

import io
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.accounts.reversals import reverse_entry
from app.book.feeds.bank import camt054
from app.book.feeds.bank.store import store
from app.book.feeds.cells import Reject, Row
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Entry
from app.book.portfolios.models import Portfolio
from app.core.database.engine import transaction
from tests import builders

FIRST = date(2026, 2, 16)
_books = itertools.count(1)

PLACEHOLDERS = ("", "NONREF", "NOTPROVIDED", "Not provided.", "N/A", "0000", "UNKNOWN...")


@dataclass(frozen=True)
class Booking:
    """An entry of the bank's book: its parts, and how much of it the bank says in details."""

    reference: str
    account: str
    parts: tuple[int, ...]
    told: int
    style: str
    end_to_end: str

    @property
    def amount(self) -> int:
        return sum(self.parts)

    def xml(self, on: date, number: int) -> str:
        details = "".join(self._detail(part) for part in self.parts[: self.told])
        batch = f"<Btch><NbOfTxs>{len(self.parts)}</NbOfTxs></Btch>" if len(self.parts) > 1 else ""
        reference = f"<AcctSvcrRef>{self.reference}</AcctSvcrRef>" if self.reference else ""
        return (
            f'<Ntry><NtryRef>{number}</NtryRef><Amt Ccy="CNY">{_units(self.amount)}</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
            f"<Sts>BOOK</Sts><BookgDt><Dt>{on}</Dt></BookgDt><ValDt><Dt>{on}</Dt></ValDt>{reference}"
            f"<NtryDtls>{batch}{details}</NtryDtls></Ntry>"
        )

    def _detail(self, part: int) -> str:
        amount = f'<Amt Ccy="CNY">{_units(part)}</Amt>'
        inside = {
            "Amt": amount,
            "TxAmt": f"<AmtDtls><TxAmt>{amount}</TxAmt></AmtDtls>",
            "InstdAmt": f"<AmtDtls><InstdAmt>{amount}</InstdAmt></AmtDtls>",
            "": "",
        }[self.style]
        return (
            f"<TxDtls><Refs><EndToEndId>{self.end_to_end}</EndToEndId></Refs>{inside}"
            f"<RmtInf><Ustrd>{self.account}</Ustrd></RmtInf></TxDtls>"
        )


def _units(minor: int) -> str:
    return f"{minor // 100}.{minor % 100:02d}"


def bookings(day: int) -> st.SearchStrategy[Booking]:
    """A day's; the bank repeats its own references within a day and never on another."""
    own = st.sampled_from(["R1", "R2", "R3"]).map(lambda name: f"{name}-{day}")
    parts = st.lists(st.sampled_from([1_000, 4_500, 4_501]), min_size=1, max_size=3).map(tuple)
    return parts.flatmap(
        lambda amounts: st.builds(
            Booking,
            reference=st.one_of(st.sampled_from(PLACEHOLDERS), own),
            account=st.sampled_from(["CARD-1001", "CARD-1002", "nobody"]),
            parts=st.just(amounts),
            told=st.integers(0, len(amounts)),
            style=st.sampled_from(["Amt", "TxAmt", "InstdAmt", ""]),
            end_to_end=st.sampled_from(["NOTPROVIDED", "E-1", "N/A"]),
        )
    )


DAYS = 3
books = st.tuples(*[st.lists(bookings(day), max_size=5) for day in range(DAYS)])
spans = st.tuples(st.integers(0, DAYS - 1), st.integers(1, DAYS)).map(
    lambda s: range(s[0], min(DAYS, s[0] + s[1]))
)
"""A file has whole days: which of two payments that look alike a part of a day holds, nobody can tell."""


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(books, st.lists(spans, max_size=4), st.booleans(), st.randoms(use_true_random=False))
def test_the_money_booked_is_posted_or_waits_once(
    engine: Engine, book: Sequence[Sequence[Booking]], files: list[range], paged: bool, order: object
) -> None:
    code = f"B{next(_books)}"
    with transaction(engine) as session:
        portfolio = builders.portfolio(session, code)
        for name in ("CARD-1001", "CARD-1002"):
            builders.account(session, builders.customer(session, portfolio), reference=name)
    whole = [range(day, day + 1) for day in range(DAYS)]
    loads = [(f"{span}", span) for span in (*files, *whole, *files, *whole[:1])]
    order.shuffle(loads)  # type: ignore[attr-defined]
    for message, span in loads:
        for text in _pages(book, span, message, paged):
            _load(engine, code, text)
    every = [each for day in book for each in day]
    with transaction(engine) as session:
        posted, waits = _posted(session, code), _waiting(session, code)
    assert sum(posted.values()) + waits == sum(each.amount for each in every)
    for name, amount in posted.items():
        assert amount <= sum(sum(each.parts[: max(each.told, 1)]) for each in every if each.account == name)


def _pages(book: Sequence[Sequence[Booking]], span: range, message: str, paged: bool) -> list[str]:
    """The days of a file, each a page of its message where `paged`."""
    pages = [[day] for day in span] if paged else [list(span)]
    return [
        _notification(book, days, message, f"{n}" if paged else "") for n, days in enumerate(pages, start=1)
    ]


def _notification(book: Sequence[Sequence[Booking]], days: Sequence[int], message: str, page: str) -> str:
    entries = [
        each.xml(FIRST + timedelta(day), n) for day in days for n, each in enumerate(book[day], start=1)
    ]
    pages = f"<MsgPgntn><PgNb>{page}</PgNb><LastPgInd>false</LastPgInd></MsgPgntn>" if page else ""
    return (
        '<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.054.001.02"><BkToCstmrDbtCdtNtfctn>'
        f"<GrpHdr><MsgId>{message}</MsgId>{pages}</GrpHdr><Ntfctn><Id>N1</Id>{''.join(entries)}</Ntfctn>"
        "</BkToCstmrDbtCdtNtfctn></Document>"
    )


def _load(engine: Engine, code: str, text: str) -> None:
    rows = list(camt054.read(io.BytesIO(text.encode()), "camt.xml", "CNY", "", FIRST + timedelta(days=30)))
    assert not [row for row in rows if isinstance(row, Reject)]
    with transaction(engine) as session:
        portfolio = session.scalars(select(Portfolio).where(Portfolio.code == code)).one()
        stored = store(
            session, portfolio, [row for row in rows if isinstance(row, Row)], reverse_entry, builders.NOW
        )
    assert not stored.rejects
    assert stored.loaded + stored.unchanged == len(rows)


def _posted(session: Session, code: str) -> dict[str, int]:
    """account -> what was posted to it."""
    query = (
        sa.select(col(Account.reference), -sa.func.sum(Entry.amount_minor))
        .join(Entry, col(Entry.account_id) == Account.id)
        .join(Portfolio, col(Portfolio.id) == Account.portfolio_id)
        .where(col(Portfolio.code) == code)
        .group_by(col(Account.reference))
    )
    return {name: int(amount) for name, amount in session.execute(query)}


def _waiting(session: Session, code: str) -> int:
    query = (
        sa.select(sa.func.sum(UnmatchedPayment.amount_minor))
        .join(Portfolio, col(Portfolio.id) == UnmatchedPayment.portfolio_id)
        .where(col(Portfolio.code) == code)
    )
    return int(session.scalar(query) or 0)
