"""The story of one account, for people: its standing on any day, and which money paid which statement.

Everything here is read from the ledger and folded anew; nothing is taken from stored states or spells.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.delinquency.days import CURRENT, NEVER, Interval, days_past_due
from app.book.delinquency.events import PauseEnded, ReAgeUndone
from app.book.delinquency.facts import Credit, Events, Reported, State, Waived
from app.book.delinquency.loading import waiver_credits
from app.book.delinquency.models import Pause, ReAge
from app.book.delinquency.rules import billed_by, fold, owed_of, standing
from app.book.delinquency.service import edges_of
from app.book.delinquency.trace import Owed, TakenBy, trace
from app.book.ledger.events import AccountStatusChanged
from app.book.ledger.models import Account, Entry, Position, ReplacedStatement, Statement
from app.book.ledger.rules import MONEY_IN, PAYS_DUES, EntryKind
from app.book.portfolios.models import Portfolio
from app.core.database.engine import table_of
from app.core.database.rows import DbRow
from app.core.timeline.models import Event


@dataclass(frozen=True, slots=True)
class AccountOn:
    """An account at the end of a day; amounts in minor units."""

    balance: int
    past_due: int
    oldest_due_on: date | None
    days_past_due: int
    bucket: str

    @property
    def owed(self) -> int:
        """The part of past due that is owed."""
        return owed_of(self.past_due, self.balance)

    @property
    def not_owed(self) -> int:
        """Return the part of past due that exceeds the balance and is therefore not owed."""
        return self.past_due - self.owed


def as_known(
    session: Session, portfolio: Portfolio, account_id: int, on: date, known_on: date | None = None
) -> AccountOn:
    """The account at the end of `on`: with everything known now, or only with what was known at the end of `known_on`.

    What is known on a day is what had been posted by then: a payment reversed later still counts, a pause ended
    later still runs, an account charged off later still stands.
    """
    entries = _entries(session, account_id, on, known_on)
    events = _events(session, account_id, on, known_on)
    waived = _waived(session, account_id, entries, events)
    events.credits = _credits(entry for entry in entries if entry.id not in waived)
    state = State()
    edges = edges_of(portfolio)
    fold(state, events, through=on, edges=edges)
    stands = standing(state, on, edges, events.pauses)
    return AccountOn(
        balance=sum(entry.amount_minor for entry in entries),
        past_due=state.past_due,
        oldest_due_on=state.oldest_due_on,
        days_past_due=days_past_due(state.oldest_due_on, on, events.pauses),
        bucket=stands.bucket if stands else CURRENT,
    )


@dataclass(frozen=True, slots=True)
class Came:
    """A part of a credit that went to a statement's minimum."""

    entry_id: int
    reference: str
    kind: EntryKind
    on: date
    amount_minor: int
    """The part of it that went there."""
    of_minor: int
    """The whole amount."""
    late: bool
    """It came when the minimum was past due already."""


@dataclass(frozen=True, slots=True)
class StatementStory:
    """One statement: what was due, what came for it, what is open and since when, at the end of a day."""

    reference: str
    closing_on: date
    due_on: date
    balance_minor: int
    minimum_minor: int
    late_from: date | None
    """The first day on which what is not paid is past due; None = not while a pause is open."""
    came: tuple[Came, ...]
    taken_minor: int
    """Amount that a re-age, a reported position or the account's end took away unpaid, on `taken_on`."""
    taken_on: date | None
    taken_by: TakenBy | None
    open_minor: int
    days_since_due: int
    """Calendar days after the due date, 0 up to it."""
    paused_days: int
    """Those of them that do not count."""

    @property
    def is_late(self) -> bool:
        return self.open_minor > 0 and self.days_past_due > 0

    @property
    def days_past_due(self) -> int:
        """Return the days past due of this minimum by itself: 0 once nothing of it is open."""
        return self.days_since_due - self.paused_days if self.open_minor > 0 else 0

    @property
    def unpaid_when_due(self) -> int:
        """Return the part of the minimum that was open when it became late."""
        in_time = sum(part.amount_minor for part in self.came if not part.late)
        taken = self.late_from is not None and self.taken_on is not None and self.taken_on < self.late_from
        return self.minimum_minor - in_time - (self.taken_minor if taken else 0)

    @property
    def paid_minor(self) -> int:
        return sum(part.amount_minor for part in self.came)


def statement_view(session: Session, account_id: int, on: date) -> list[StatementStory]:
    """The account's statements that had closed by the end of `on`, the oldest first, with everything known now.

    The days past due of the account are those of the first one that is late.
    """
    known = _entries(session, account_id, on, None)
    statements = _statements(session, account_id, on, None)
    events = _events(session, account_id, on, None)
    waived = _waived(session, account_id, known, events)
    waivers = [entry for entry in known if waived.get(entry.id)]
    entries = [entry for entry in known if _pays_dues(entry) and entry.id not in waived]
    events.credits = _credits(entries)
    owed = {item.closing: item for item in trace(events, through=on) if item.closing is not None}
    return [
        _story(statement, owed.get(index), entries, waivers, events, on)
        for index, statement in enumerate(statements)
    ]


def _story(
    statement: DbRow,
    item: Owed | None,
    entries: Sequence[DbRow],
    waivers: Sequence[DbRow],
    events: Events,
    on: date,
) -> StatementStory:
    """Build the story of one statement. `item` is None if it closed after the account's end: nothing of it is due."""
    late_from = item.late_from if item and item.late_from < NEVER else None
    since_due = max((on - statement.due_on).days, 0)
    return StatementStory(
        reference=statement.reference,
        closing_on=statement.closing_on,
        due_on=statement.due_on,
        balance_minor=statement.balance_minor,
        minimum_minor=statement.minimum_due_minor,
        late_from=late_from,
        came=tuple(_came(item, entries, waivers)) if item else (),
        taken_minor=item.taken if item else statement.minimum_due_minor,
        taken_on=item.taken_on if item else events.ended_on,
        taken_by=item.taken_by if item else TakenBy.END,
        open_minor=item.left if item else 0,
        days_since_due=since_due,
        paused_days=since_due - days_past_due(statement.due_on, on, events.pauses),
    )


def _came(item: Owed, entries: Sequence[DbRow], waivers: Sequence[DbRow]) -> Iterator[Came]:
    parts = [(entries[index], amount) for index, amount in item.paid]
    parts += [(waivers[index], amount) for index, amount in item.waived]
    for entry, amount in sorted(parts, key=lambda part: (part[0].effective_on, part[0].id)):
        yield Came(
            entry_id=entry.id,
            reference=entry.reference,
            kind=entry.kind,
            on=entry.effective_on,
            amount_minor=amount,
            of_minor=-entry.amount_minor,
            late=entry.effective_on >= item.late_from,
        )


# --- what was known ---------------------------------------------------------------------------------------------


def _entries(session: Session, account_id: int, on: date, known_on: date | None) -> list[DbRow]:
    """Entries effective by `on`, in the order they count, each with `is_reversed`."""
    entry = table_of(Entry)
    mirror = entry.alias("mirror")
    reversed_ = mirror.c.reverses_id == entry.c.id
    query = sa.select(
        entry.c.id,
        entry.c.reference,
        entry.c.kind,
        entry.c.amount_minor,
        entry.c.effective_on,
        sa.exists().where(reversed_, *_posted(mirror.c.posted_on, known_on)).label("is_reversed"),
    ).where(
        entry.c.account_id == account_id, entry.c.effective_on <= on, *_posted(entry.c.posted_on, known_on)
    )
    return list(session.connection().execute(query.order_by(entry.c.effective_on, entry.c.id)))


def _pays_dues(entry: DbRow) -> bool:
    return entry.kind in PAYS_DUES and entry.amount_minor < 0 and not entry.is_reversed


def _waived(session: Session, account_id: int, entries: Sequence[DbRow], events: Events) -> dict[int, bool]:
    """Map each waiver's credit to whether it lowers a minimum. Sets `events.waivers` to those that do, in the order
    of the entries."""
    known = {entry.id: entry for entry in entries}
    credits = waiver_credits(session, [account_id])
    found = {each.credit_id: False for each in credits}
    lowering = []
    for each in credits:
        if each.credit_id in known and not known[each.credit_id].is_reversed:
            billed = billed_by(each.billed_on, each.on, events.closings, events.positions)
            if billed is not None:
                found[each.credit_id] = True
                lowering.append((each.on, each.credit_id, Waived(each.on, each.amount, *billed)))
    events.waivers = [waiver for _, _, waiver in sorted(lowering)]
    return found


def _credits(entries: Iterable[DbRow]) -> list[Credit]:
    return [
        Credit(entry.effective_on, -entry.amount_minor, entry.kind in MONEY_IN)
        for entry in entries
        if _pays_dues(entry)
    ]


def _statements(session: Session, account_id: int, on: date, known_on: date | None) -> list[DbRow]:
    """Statements closed by `on`, in the order they count: those that stand, or on a past day those that stood then."""
    found: list[DbRow] = []
    for table in (table_of(Statement), table_of(ReplacedStatement)):
        columns = (
            table.c.id,
            table.c.reference,
            table.c.closing_on,
            table.c.due_on,
            table.c.balance_minor,
            table.c.minimum_due_minor,
        )
        query = sa.select(*columns).where(
            table.c.account_id == account_id, table.c.closing_on <= on, *_posted(table.c.posted_on, known_on)
        )
        if table.name == "replaced_statement":
            if known_on is None:
                break
            query = query.where(table.c.replaced_on > known_on)
        found.extend(session.connection().execute(query))
    return sorted(found, key=lambda row: (row.closing_on, row.due_on, row.id))


def _events(session: Session, account_id: int, on: date, known_on: date | None) -> Events:
    """Everything but the credits."""
    position, re_age = table_of(Position), table_of(ReAge)
    reported = sa.select(position.c.as_of, position.c.past_due_minor, position.c.oldest_due_on).where(
        position.c.account_id == account_id,
        position.c.as_of <= on,
        *_posted(position.c.posted_on, known_on),
    )
    re_aged = sa.select(re_age.c.on).where(
        re_age.c.account_id == account_id, re_age.c.on <= on, *_posted(re_age.c.posted_on, known_on)
    )
    pauses, ended_on, undone = _lasting(session, account_id, known_on)
    prepays = sa.select(col(Portfolio.prepayments_count)).join(Account).where(col(Account.id) == account_id)
    statements = _statements(session, account_id, on, known_on)
    return Events(
        closings=[(s.closing_on, s.due_on, s.minimum_due_minor) for s in statements],
        positions=[Reported(*row) for row in session.connection().execute(reported)],
        re_ages=[
            *session.connection().execute(re_aged).scalars(),
            *(re_aged_on for re_aged_on in undone if re_aged_on <= on),
        ],
        pauses=pauses,
        ended_on=ended_on,
        prepays=bool(session.scalar(prepays)),
    )


def _lasting(
    session: Session, account_id: int, known_on: date | None
) -> tuple[list[Interval], date | None, list[date]]:
    """Return the pauses, the account's end, and the re-ages that were taken back after `known_on`. They are stored as
    they are now; an earlier state is found by undoing, the latest first, the changes that the timeline says were posted
    since."""
    pause = table_of(Pause)
    rows = session.connection().execute(
        sa.select(pause.c.id, pause.c.from_on, pause.c.to_on).where(
            pause.c.account_id == account_id, *_posted(pause.c.posted_on, known_on)
        )
    )
    pauses = {row.id: (row.from_on, row.to_on) for row in rows}
    account = session.get_one(Account, account_id)
    ended_on, undone = account.ended_on, list[date]()
    if known_on is not None:
        for since in _posted_since(session, account, known_on):
            if isinstance(since, AccountStatusChanged):
                ended_on = since.ended_before
            elif since.set_on > known_on:
                continue
            elif isinstance(since, ReAgeUndone):
                undone.append(since.on)
            else:
                pauses[since.pause_id] = (since.from_on, since.until)
    return list(pauses.values()), ended_on, undone


def _posted_since(
    session: Session, account: Account, known_on: date
) -> Iterator[PauseEnded | ReAgeUndone | AccountStatusChanged]:
    """Ends of pauses, re-ages taken back and changes of status posted after `known_on`, the latest first."""
    event = table_of(Event)
    query = sa.select(event.c.kind, event.c.data).where(
        event.c.customer_id == account.customer_id,
        event.c.kind.in_(tuple(_CHANGES)),
        event.c.account_id == account.id,
    )
    for kind, text in session.connection().execute(query.order_by(event.c.seq.desc())):
        said = _CHANGES[kind].from_json(text)
        if said.posted_on > known_on:
            yield said


_CHANGES: Mapping[str, type[PauseEnded | ReAgeUndone | AccountStatusChanged]] = {
    payload.KIND: payload for payload in (PauseEnded, ReAgeUndone, AccountStatusChanged)
}


def _posted(column: sa.ColumnElement[date], known_on: date | None) -> tuple[sa.ColumnElement[bool], ...]:
    return () if known_on is None else (column <= known_on,)
