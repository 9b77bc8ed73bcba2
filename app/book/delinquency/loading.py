"""Load the input of the fold for many accounts at once: the state of each, and its events since."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import Session

from app.book.delinquency.facts import Events, State
from app.book.delinquency.models import AccountState, Pause, ReAge
from app.book.delinquency.rules import billed_by
from app.book.ledger.models import Account, ChargeTakenBack, Entry, Position, Statement, Waiver
from app.book.ledger.rules import MONEY_IN, PAYS_DUES
from app.book.portfolios.models import Portfolio
from app.core.database.bulk import among, among_named, listed
from app.core.database.engine import table_of
from app.core.database.rows import Expression, Query
from app.core.types import Cells, Rows


@dataclass(slots=True)
class History:
    """An account before a fold: its state, and the events after that state up to the day to fold to."""

    account_id: int
    state: State
    events: Events
    balance: int = 0
    """At the end of that day."""
    refold_from: date | None = None
    """Earliest back-dated change, where the account has to be folded from nothing."""
    upcoming: date | None = None
    """The first thing already known that happens after that day."""


def from_nothing(session: Session, account_ids: Sequence[int], through: date) -> list[History]:
    """The whole life of these accounts up to the end of `through`."""
    histories = {account_id: History(account_id, State(), _no_events()) for account_id in account_ids}
    _fill(session, histories, account_ids, through, after_state=False)
    return list(histories.values())


def since_state(
    session: Session, account_ids: Sequence[int], through: date, changes: Mapping[int, date]
) -> list[History]:
    """Histories of these accounts: from their state on, or from nothing where a change lies behind it."""
    ask = _Asker(session, account_ids, through)
    rows = {row[0]: row for row in ask(ask.statements.states)}
    histories: dict[int, History] = {}
    whole: list[int] = []
    for account_id in account_ids:
        row, change = rows.get(account_id), changes.get(account_id)
        if row is None:
            histories[account_id] = History(account_id, State(), _no_events())
            whole.append(account_id)
        elif change is not None and change <= row.folded_through:
            histories[account_id] = History(account_id, State(), _no_events(), refold_from=change)
            whole.append(account_id)
        else:
            known = State(row.folded_through, *unpack(row.dues, row.minimums), row.prepaid_minor)
            histories[account_id] = History(account_id, known, _no_events(), balance=row.balance_minor)
    partial = sorted(set(account_ids).difference(whole))
    for ids, after_state in ((whole, False), (partial, True)):
        if ids:
            _fill(session, histories, ids, through, after_state=after_state)
    _fill_upcoming(ask, histories, through)
    return list(histories.values())


def _no_events() -> Events:
    return Events(credits=[], closings=[], positions=[], re_ages=[], pauses=[], waivers=[])


def _fill(
    session: Session,
    histories: dict[int, History],
    account_ids: Sequence[int],
    through: date,
    *,
    after_state: bool,
) -> None:
    """Add what happened up to `through`, all of it or only what came after each account's state."""
    ask = _Asker(session, account_ids, through)
    since = ask.statements.since_state if after_state else ask.statements.whole
    for account_id, amount in ask(since.moved):
        histories[account_id].balance += int(amount)

    waived = waiver_credits(session, account_ids)
    _fill_waivers(session, histories, waived, through)
    credits = since.credits
    if waived:
        credits = credits.where(table_of(Entry).c.id.not_in([each.credit_id for each in waived]))
    money_in = {each.value for each in MONEY_IN}
    for account_id, on, amount, how in ask(credits):
        histories[account_id].events.credits.append((on, -amount, how in money_in))  # type: ignore[attr-defined]

    for query, (_, _, add) in zip(since.others, _OTHERS, strict=True):
        for account_id, *values in ask(query):
            add(histories[account_id].events, tuple(values))
    for account_id, from_on, to_on in ask(ask.statements.pauses):
        histories[account_id].events.pauses.append((from_on, to_on))  # type: ignore[attr-defined]
    for account_id, ended_on in ask(ask.statements.ended):
        histories[account_id].events.ended_on = ended_on
    for (account_id,) in ask(ask.statements.prepaying):
        histories[account_id].events.prepays = True


@dataclass(frozen=True, slots=True)
class WaiverCredit:
    """The credit of a waiver, or an entry by which a wrong charge was taken back, reversed or not, and from which day
    on a statement billed that charge."""

    account_id: int
    credit_id: int
    on: date
    amount: int
    billed_on: date
    is_reversed: bool


def waiver_credits(session: Session, account_ids: Sequence[int]) -> list[WaiverCredit]:
    """Return the credits that waivers of these accounts posted, in order. A charge from a file was billed on its own
    day; one that a person or a night entered, not before it was entered."""
    ask = _Asker(session, account_ids)
    return [
        WaiverCredit(
            account_id, credit_id, on, -amount,
            charged_on if source.startswith("feed:") else max(charged_on, posted_on), mirror_id is not None,
        )
        for account_id, credit_id, on, amount, charged_on, posted_on, source, mirror_id in (
            ask(ask.statements.waivers)
        )
    ]  # fmt: skip


def _fill_waivers(
    session: Session, histories: dict[int, History], waived: Sequence[WaiverCredit], through: date
) -> None:
    """Add waivers. They are few, so the statements of their accounts are read whole: the one that billed a charge may
    have closed long before the stretch to be folded."""
    standing = [each for each in waived if not each.is_reversed]
    if not standing:
        return
    asked: dict[int, Events] = {each.account_id: _no_events() for each in standing}
    for table, fields, add in _OTHERS[:2]:
        query = sa.select(table.c.account_id, *(table.c[name] for name in fields))
        query = query.where(among(session, table.c.account_id, sorted(asked)), table.c[fields[0]] <= through)
        for account_id, *values in session.connection().execute(query):
            add(asked[account_id], tuple(values))
    for each in standing:
        known = histories[each.account_id].state.through
        if each.on > through or (known is not None and each.on <= known):
            continue
        events = asked[each.account_id]
        if billed := billed_by(each.billed_on, each.on, events.closings, events.positions):
            histories[each.account_id].events.waivers.append((each.on, each.amount, *billed))  # type: ignore[attr-defined]


def waivers_billed(
    session: Session, histories: dict[int, History], account_ids: Sequence[int], through: date
) -> None:
    """Add the waivers of accounts that are known to have some."""
    _fill_waivers(session, histories, waiver_credits(session, account_ids), through)


def _add_closing(events: Events, row: Cells) -> None:
    events.closings.append(row)  # type: ignore[attr-defined]


def _add_position(events: Events, row: Cells) -> None:
    events.positions.append(row)  # type: ignore[attr-defined]


def _add_re_age(events: Events, row: Cells) -> None:
    events.re_ages.append(row[0])  # type: ignore[attr-defined]


_OTHERS: tuple[tuple[sa.Table, tuple[str, ...], Callable[[Events, Cells], None]], ...] = (
    (table_of(Statement), ("closing_on", "due_on", "minimum_due_minor"), _add_closing),
    (table_of(Position), ("as_of", "past_due_minor", "oldest_due_on"), _add_position),
    (table_of(ReAge), ("on",), _add_re_age),
)
"""Dated by the first field, which is the order the fold wants the fields in too."""


def _fill_upcoming(ask: _Asker, histories: dict[int, History], through: date) -> None:
    """The first event after `through` that is already known, by account."""
    for query in ask.statements.upcoming:
        for account_id, first in ask(query):
            histories[account_id].upcoming = min(first, histories[account_id].upcoming or first)
    for history in histories.values():
        ended_on = history.events.ended_on
        if ended_on is not None and ended_on > through:
            history.upcoming = min(ended_on, history.upcoming or ended_on)


# --- the statements, built once: to build the fifteen of them takes longer than to run them for one customer ----


@dataclass(frozen=True, slots=True)
class _Since:
    """What happened to accounts up to `through`: all of it, or only what came after each account's state."""

    moved: Query
    credits: Query
    others: Sequence[Query]
    """As `_OTHERS`."""


@dataclass(frozen=True, slots=True)
class _Statements:
    states: Query
    whole: _Since
    since_state: _Since
    waivers: Query
    pauses: Query
    ended: Query
    prepaying: Query
    """Accounts of portfolios in which money paid ahead counts for the next statements; few portfolios set it."""
    upcoming: Sequence[Query]


class _Asker:
    """Executes statements for these accounts and that day."""

    def __init__(self, session: Session, account_ids: Iterable[int], through: date | None = None) -> None:
        self._connection = session.connection()
        dialect = self._connection.dialect.name
        self.statements = _statements(dialect)
        self._given = {"ids": listed(dialect, account_ids), "through": through}

    def __call__(self, query: Query) -> Rows:
        return self._connection.execute(query, self._given).all()


@lru_cache
def _statements(dialect: str) -> _Statements:
    state, account, entry = table_of(AccountState), table_of(Account), table_of(Entry)
    waiver, taken = table_of(Waiver), table_of(ChargeTakenBack)
    pause, portfolio = table_of(Pause), table_of(Portfolio)
    credit, charge, mirror = entry.alias("credit"), entry.alias("charge"), entry.alias("mirror")
    through = sa.bindparam("through", type_=sa.Date)

    def theirs(column: sa.ColumnElement[int]) -> sa.ColumnElement[bool]:
        return among_named(dialect, column, "ids")

    waived = (
        sa.select(
            waiver.c.account_id, credit.c.id.label("credit_id"), credit.c.effective_on.label("credited_on"),
            credit.c.amount_minor, charge.c.effective_on, charge.c.posted_on, charge.c.source,
            mirror.c.id.label("mirror_id"),
        )
        .join(credit, credit.c.id == waiver.c.credit_id)
        .join(charge, charge.c.id == waiver.c.entry_id)
        .outerjoin(mirror, mirror.c.reverses_id == credit.c.id)
        .where(theirs(waiver.c.account_id))
    )  # fmt: skip
    # The day on which it was billed is known, as of a charge from a file.
    taken_back = (
        sa.select(
            taken.c.account_id, credit.c.id, credit.c.effective_on, -taken.c.amount_minor,
            taken.c.billed_on, taken.c.billed_on, sa.literal("feed:"), mirror.c.id,
        )
        .join(credit, credit.c.id == taken.c.credit_id)
        .outerjoin(mirror, mirror.c.reverses_id == credit.c.id)
        .where(theirs(taken.c.account_id))
    )  # fmt: skip
    lowering = sa.union_all(waived, taken_back).subquery()
    dated = ((entry, "effective_on"), *((table, fields[0]) for table, fields, _ in _OTHERS))
    return _Statements(
        states=sa.select(
            state.c.account_id, state.c.folded_through, state.c.dues, state.c.minimums,
            state.c.balance_minor, state.c.prepaid_minor,
        ).where(theirs(state.c.account_id)),
        whole=_since(dialect, after_state=False),
        since_state=_since(dialect, after_state=True),
        waivers=sa.select(*lowering.c).order_by(lowering.c.credit_id),
        pauses=sa.select(pause.c.account_id, pause.c.from_on, pause.c.to_on).where(theirs(pause.c.account_id)),
        ended=sa.select(account.c.id, account.c.ended_on).where(
            theirs(account.c.id), account.c.ended_on.is_not(None)
        ),
        prepaying=sa.select(account.c.id).where(
            theirs(account.c.id),
            account.c.portfolio_id.in_(sa.select(portfolio.c.id).where(portfolio.c.prepayments_count)),
        ),
        upcoming=[
            sa.select(table.c.account_id, sa.func.min(table.c[on]))
            .where(theirs(table.c.account_id), table.c[on] > through)
            .group_by(table.c.account_id)
            for table, on in dated
        ],
    )  # fmt: skip


def _since(dialect: str, *, after_state: bool) -> _Since:
    state, entry = table_of(AccountState), table_of(Entry)
    through = sa.bindparam("through", type_=sa.Date)

    def rows(dated: sa.ColumnElement[date], *columns: Expression) -> Query:
        table = dated.table  # type: ignore[attr-defined]
        query = sa.select(table.c.account_id, *columns).where(dated <= through)
        if not after_state:
            return query.where(among_named(dialect, table.c.account_id, "ids"))
        # The accounts are named on the state's side: so PostgreSQL goes from each state to what came after it,
        # instead of reading the whole history and then comparing dates.
        query = query.join(state, state.c.account_id == table.c.account_id)
        return query.where(among_named(dialect, state.c.account_id, "ids"), dated > state.c.folded_through)

    # A reversal undoes its entry as soon as it is known: its own date may lie behind `through`.
    reversal = entry.alias("reversal")
    kind = sa.type_coerce(entry.c.kind, sa.String)
    on, amount = entry.c.effective_on, entry.c.amount_minor
    return _Since(
        moved=rows(on, sa.func.sum(amount)).group_by(entry.c.account_id),
        credits=rows(on, on, amount, kind)
        .where(
            kind.in_([each.value for each in PAYS_DUES]),
            amount < 0,
            ~sa.exists().where(reversal.c.reverses_id == entry.c.id),
        )
        .order_by(entry.c.id),
        others=[
            rows(table.c[fields[0]], *(table.c[name] for name in fields)).order_by(table.c.id)
            for table, fields, _ in _OTHERS
        ],
    )


# --- the two lists of a state, as text ------------------------------------------------------------------------


def unpack(dues: str, minimums: str) -> tuple[list[tuple[date, int]], list[tuple[date, date, int]]]:
    """The JSON of `AccountState.dues` and `.minimums`, as the fold holds them."""
    day = date.fromisoformat
    return (
        [] if dues == "[]" else [(day(due_on), amount) for due_on, amount in json.loads(dues)],
        []
        if minimums == "[]"
        else [(day(closing), day(due_on), amount) for closing, due_on, amount in json.loads(minimums)],
    )


def pack(items: Iterable[Cells]) -> str:
    """The same back: JSON with ISO dates."""
    if not items:
        return "[]"
    return json.dumps([[x.isoformat() if isinstance(x, date) else x for x in item] for item in items])
