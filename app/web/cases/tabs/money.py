"""The tab "Money": ledger and statements of one account in one table, with what each payment paid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session
from starlette.requests import Request

from app.book.delinquency.days import bucket_of, days_past_due
from app.book.delinquency.facts import Events
from app.book.delinquency.loading import waiver_credits
from app.book.delinquency.models import Pause, ReAge
from app.book.delinquency.rules import billed_by
from app.book.delinquency.service import Now
from app.book.delinquency.trace import Owed, trace
from app.book.ledger.models import Account, Entry, Position, Statement
from app.book.ledger.references import entry_note
from app.book.ledger.rules import MONEY_IN, PAYS_DUES, WAIVABLE, EntryKind
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.database.together import Found, Reads
from app.core.errors import NotFound
from app.core.ids import id_of
from app.web.cases.case_file import CaseFile
from app.web.lookups import bucket_tone
from app.web.rendering import Tone

LINES = 60


class MoneyReads:
    """The reads of the tab, sent as one statement."""

    def __init__(self) -> None:
        reads = self.reads = Reads()
        account = sa.bindparam("account_id", type_=sa.BigInteger)
        entry, statement, position = table_of(Entry), table_of(Statement), table_of(Position)
        mirror = entry.alias("mirror")
        gone = sa.exists().where(mirror.c.reverses_id == entry.c.id)
        self.entries = reads.rows(
            sa.select(
                entry.c.id, entry.c.kind, entry.c.amount_minor, entry.c.effective_on, entry.c.posted_on,
                entry.c.reference, entry.c.description, gone.label("is_reversed"),
            )
            .where(entry.c.account_id == account)
            .order_by(entry.c.effective_on, entry.c.id)
        )  # fmt: skip
        self.statements = reads.rows(
            sa.select(
                statement.c.closing_on,
                statement.c.due_on,
                statement.c.minimum_due_minor,
                statement.c.balance_minor,
            )
            .where(statement.c.account_id == account)
            .order_by(statement.c.id)
        )
        self.positions = reads.rows(
            sa.select(position.c.as_of, position.c.past_due_minor, position.c.oldest_due_on)
            .where(position.c.account_id == account)
            .order_by(position.c.id)
        )
        re_age, pause = table_of(ReAge), table_of(Pause)
        self.re_ages = reads.rows(sa.select(re_age.c.on).where(re_age.c.account_id == account))
        self.pauses = reads.rows(
            sa.select(pause.c.from_on, pause.c.to_on).where(pause.c.account_id == account)
        )


MONEY_READS = MoneyReads()


@dataclass(frozen=True, slots=True)
class MoneyLine:
    """An entry or a statement, one row of the table."""

    on: date
    kind: EntryKind | None
    """None = a statement."""
    amount: int
    """Of an entry; of a statement its minimum."""
    balance: int
    """After the entry; of a statement its closing balance."""
    note: str = ""
    posted_on: date | None = None
    reversed: bool = False
    due_on: date | None = None
    unpaid: int = 0
    """Of a statement's minimum, what is open or late now."""
    paid: Sequence[tuple[date, int]] = ()
    """Of a credit: which dues it paid."""
    to_balance: int = 0
    """Of a credit: what lowered the balance only."""
    entry_id: int = 0
    """Of an entry."""

    @property
    def can_be_waived(self) -> bool:
        return self.kind in WAIVABLE and self.amount > 0 and not self.reversed


@dataclass(frozen=True, slots=True)
class Charge:
    """Fees or interest of an account since it is on file, without reversed ones."""

    kind: EntryKind
    amount: int
    count: int
    since: date


@dataclass(frozen=True, slots=True)
class MoneyTab:
    account: Account
    account_stands: Now
    account_days: int
    account_bucket: str
    account_tone: Tone
    lines: Sequence[MoneyLine]
    cut: bool
    charges: Sequence[Charge]


def money_tab(request: Request, session: Session, file: CaseFile) -> MoneyTab:
    wanted = request.query_params.get("account", "")
    chosen = next((account for account in file.accounts if account.reference == wanted), None)
    if wanted and chosen is None:
        raise NotFound(
            f"Case {file.case.reference} has no account of this reference. Choose one of its accounts."
        )
    chosen = chosen or next((a for a in file.accounts if file.stands_of(a).past_due), file.accounts[0])
    found = MONEY_READS.reads.fetch(session, account_id=id_of(chosen))
    stands = file.stands_of(chosen)
    late = days_past_due(stands.oldest_due_on, file.book.today)
    lines = _lines(session, found, chosen, file)
    return MoneyTab(
        account=chosen,
        account_stands=stands,
        account_days=late,
        account_bucket=bucket_of(late, file.book.edges),
        account_tone=bucket_tone(late),
        lines=lines[:LINES],
        cut=len(lines) > LINES,
        charges=_charges(lines),
    )


def _charges(lines: Sequence[MoneyLine]) -> list[Charge]:
    """The answer to "what did you charge me, and since when"."""
    charges = []
    for kind in sorted(WAIVABLE):
        mine = [each for each in lines if each.kind is kind and each.can_be_waived]
        if mine:
            charges.append(Charge(kind, sum(each.amount for each in mine), len(mine), mine[-1].on))
    return charges


def _lines(session: Session, found: Found, account: Account, file: CaseFile) -> list[MoneyLine]:
    """Newest first."""
    today = file.book.today
    entries = found[MONEY_READS.entries]
    statements = sorted(row for row in found[MONEY_READS.statements] if row.closing_on <= today)
    owed, credits = _allocation(session, found, account, file)
    of_closing = {item.closing: item for item in owed if item.closing is not None}
    paid: dict[int, list[tuple[date, int]]] = {}
    for item in owed:
        for index, amount in item.paid:
            paid.setdefault(credits[index].id, []).append((item.due_on, amount))
    balance, keyed = 0, []
    for n, row in enumerate(entries):
        balance += row.amount_minor
        mine = sorted(paid.get(row.id, ()))
        pays = row.id in {each.id for each in credits}
        keyed.append(
            (
                (row.effective_on, 0, n),
                MoneyLine(
                    on=row.effective_on,
                    entry_id=row.id,
                    kind=row.kind,
                    amount=row.amount_minor,
                    balance=balance,
                    note=entry_note(row.description, row.reference),
                    posted_on=row.posted_on if row.posted_on != row.effective_on else None,
                    reversed=row.is_reversed,
                    paid=mine,
                    to_balance=-row.amount_minor - sum(amount for _, amount in mine) if pays else 0,
                ),
            )
        )
    for n, row in enumerate(statements):
        story = of_closing.get(n)
        line = MoneyLine(
            row.closing_on, None, row.minimum_due_minor, row.balance_minor, due_on=row.due_on,
            unpaid=story.left if story else 0,
        )  # fmt: skip
        keyed.append(((row.closing_on, 1, n), line))
    return [line for _, line in sorted(keyed, key=lambda pair: pair[0], reverse=True)]


def _allocation(
    session: Session, found: Found, account: Account, file: CaseFile
) -> tuple[list[Owed], list[DbRow]]:
    """Which credit paid which minimum, and the credits in the order in which they count."""
    today = file.book.today
    waived = waiver_credits(session, [id_of(account)]) if file.has_waivers else []
    not_payments = {each.credit_id for each in waived}
    credits = [
        row
        for row in found[MONEY_READS.entries]
        if row.kind in PAYS_DUES
        and row.amount_minor < 0
        and not row.is_reversed
        and row.effective_on <= today
        and row.id not in not_payments
    ]
    closings = sorted(row[:3] for row in found[MONEY_READS.statements] if row.closing_on <= today)
    positions = [tuple(row) for row in found[MONEY_READS.positions] if row.as_of <= today]
    waivers = [
        (each.on, each.amount, *billed)
        for each in waived
        if not each.is_reversed and (billed := billed_by(each.billed_on, each.on, closings, positions))
    ]
    events = Events(
        credits=[(row.effective_on, -row.amount_minor, row.kind in MONEY_IN) for row in credits],
        closings=closings,
        positions=positions,
        re_ages=[row.on for row in found[MONEY_READS.re_ages] if row.on <= today],
        pauses=[(row.from_on, row.to_on) for row in found[MONEY_READS.pauses]],
        ended_on=account.ended_on,
        waivers=sorted(waivers),
        prepays=file.portfolio.prepayments_count,
    )
    return trace(events, through=today), credits
