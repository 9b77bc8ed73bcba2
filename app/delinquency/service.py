"""Folding accounts: load what is new, apply the pure fold, write state, spells and movements."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.db import chunked, insert_rows, table_of, upsert
from app.delinquency.models import AccountState, Movement, Spell
from app.delinquency.rules import (
    CURRENT,
    Closing,
    Credit,
    Events,
    Folded,
    State,
    fold,
    next_wake,
    standing,
)
from app.ledger.models import Entry, LedgerChange, Portfolio, Statement
from app.ledger.rules import PAYS_DUES, EntryKind

CHUNK = 2000


def edges_of(portfolio: Portfolio) -> tuple[int, ...]:
    return tuple(int(edge) for edge in portfolio.bucket_edges.split(","))


def stale_accounts(session: Session, portfolio_id: int, on: date) -> list[int]:
    """Accounts that must be folded to stand right at the end of `on`: something new came in, or something
    already known (a due date, a future-dated entry, a bucket edge) is reached."""
    changed = (
        select(LedgerChange.account_id)
        .outerjoin(AccountState, col(AccountState.account_id) == LedgerChange.account_id)
        .where(
            LedgerChange.portfolio_id == portfolio_id,
            sa.or_(col(LedgerChange.earliest_on) <= on, col(AccountState.account_id).is_(None)),
        )
    )
    waking = select(AccountState.account_id).where(
        AccountState.portfolio_id == portfolio_id, col(AccountState.wake_on) <= on
    )
    return sorted(session.scalars(sa.union(changed, waking)).all())


def schedule_later_changes(session: Session, portfolio_id: int, on: date) -> None:
    """Changes dated after `on` need no fold yet: they only bring the account's wake-up forward."""
    later = sa.select(col(LedgerChange.earliest_on)).where(
        col(LedgerChange.account_id) == AccountState.account_id
    )
    earliest = later.scalar_subquery()
    has_later = later.where(col(LedgerChange.earliest_on) > on).exists()
    session.execute(
        sa.update(AccountState)
        .where(
            col(AccountState.portfolio_id) == portfolio_id,
            has_later,
            sa.or_(col(AccountState.wake_on).is_(None), col(AccountState.wake_on) > earliest),
        )
        .values(wake_on=earliest)
        .execution_options(synchronize_session=False)
    )
    session.execute(
        sa.delete(LedgerChange)
        .where(
            col(LedgerChange.portfolio_id) == portfolio_id,
            col(LedgerChange.earliest_on) > on,
            # Only what the wake-up covers by now: a change that came in since the update above stays.
            sa.select(col(AccountState.account_id))
            .where(
                col(AccountState.account_id) == LedgerChange.account_id,
                col(AccountState.wake_on) <= col(LedgerChange.earliest_on),
            )
            .exists(),
        )
        .execution_options(synchronize_session=False)
    )


@dataclass(slots=True)
class History:
    """An account before a fold: its state and what happened after it."""

    account_id: int
    state: State
    balance: int = 0
    refold_from: date | None = None
    """Earliest back-dated change, where the account has to be folded from nothing."""
    credits: list[Credit] = field(default_factory=list)
    closings: list[Closing] = field(default_factory=list)
    upcoming: date | None = None


def fold_accounts(
    session: Session, portfolio: Portfolio, account_ids: Sequence[int], *, through: date
) -> date | None:
    """Fold these accounts (at most CHUNK) to the end of `through`, in the caller's transaction.

    Returns the earliest past day whose figures this changed, or None.
    """
    edges = edges_of(portfolio)
    changes = _take_changes(session, account_ids)
    histories = _load(session, account_ids, through, changes)
    # Also of accounts that nothing had happened to since before the change: their state needs no refold, but
    # the days between were closed without it. An account's first fold restates nothing.
    known = {h.account_id for h in histories if h.refold_from or h.state.through}
    changed = [on for account_id, on in changes.items() if account_id in known and on < through]
    folded = [
        (h, fold(h.state, Events(h.credits, h.closings), through=through, edges=edges)) for h in histories
    ]
    refolded = [h.account_id for h in histories if h.refold_from]
    if refolded:
        for model in (Spell, Movement):
            session.execute(sa.delete(model).where(col(model.account_id).in_(refolded)))
    _write_states(session, portfolio, histories, through, edges)
    _write_spells(session, portfolio, folded, set(refolded))
    insert_rows(
        session,
        Movement,
        [
            {
                "portfolio_id": portfolio.id,
                "account_id": h.account_id,
                "on": on,
                "kind": kind,
                "amount_minor": amount,
            }
            for h, result in folded
            for on, kind, amount in result.movements
        ],
    )
    return min(changed, default=None)


def standing_on(
    session: Session, portfolio: Portfolio, account_ids: Sequence[int], on: date
) -> dict[int, Now]:
    """Where these accounts stand at the end of `on` with everything known now, written nowhere.

    `on` must not lie before the last folded day; past days are asked through queries.
    """
    standings: dict[int, Now] = {}
    for ids in chunked(account_ids, CHUNK):
        for h in _load(session, ids, on, _changes(session, ids)):
            if h.state.through is None or h.state.through < on:
                fold(h.state, Events(h.credits, h.closings), through=on, edges=edges_of(portfolio))
            standings[h.account_id] = Now(h.balance, h.state.past_due, h.state.oldest_due_on)
    return standings


@dataclass(frozen=True, slots=True)
class Now:
    balance: int
    past_due: int
    oldest_due_on: date | None


def refold_from_nothing(
    session: Session, portfolio: Portfolio, account_ids: Sequence[int], through: date
) -> Iterator[tuple[int, State, int, Folded]]:
    """The full fold of these accounts (id, state, balance, what happened), for aging and the invariants."""
    for ids in chunked(account_ids, CHUNK):
        histories = {i: History(i, State()) for i in ids}
        _load_entries(session, histories, ids, through)
        _load_statements(session, histories, ids, through)
        for h in histories.values():
            result = fold(h.state, Events(h.credits, h.closings), through=through, edges=edges_of(portfolio))
            yield h.account_id, h.state, h.balance, result


# --- loading --------------------------------------------------------------------------------------------------


def _take_changes(session: Session, account_ids: Sequence[int]) -> dict[int, date]:
    """Account -> date of its change, removed *before* the entries are read: whatever somebody posts meanwhile
    leaves a change of its own for the next fold, and is at worst folded twice, never forgotten."""
    change = table_of(LedgerChange)
    taken = sa.delete(change).where(change.c.account_id.in_(account_ids))
    rows = session.connection().execute(taken.returning(change.c.account_id, change.c.earliest_on))
    return {account_id: on for account_id, on in rows}


def _changes(session: Session, account_ids: Sequence[int]) -> dict[int, date]:
    change = table_of(LedgerChange)
    query = sa.select(change.c.account_id, change.c.earliest_on)
    rows = session.connection().execute(query.where(change.c.account_id.in_(account_ids)))
    return {account_id: on for account_id, on in rows}


def _load(
    session: Session, account_ids: Sequence[int], through: date, changes: Mapping[int, date]
) -> list[History]:
    """Histories of these accounts: from their state on, or from nothing where a change lies behind it."""
    states = {
        row.account_id: row
        for row in session.execute(
            sa.select(table_of(AccountState)).where(table_of(AccountState).c.account_id.in_(account_ids))
        )
    }
    histories: dict[int, History] = {}
    for account_id in account_ids:
        row, change = states.get(account_id), changes.get(account_id)
        if row is None:
            histories[account_id] = History(account_id, State())
        elif change is not None and change <= row.folded_through:
            histories[account_id] = History(account_id, State(), refold_from=change)
        else:
            state = State(row.folded_through, *_unpack(row.dues, row.minimums))
            histories[account_id] = History(account_id, state, balance=row.balance_minor)
    whole = [h.account_id for h in histories.values() if h.state.through is None]
    partial = [h.account_id for h in histories.values() if h.state.through is not None]
    for ids, after_state in ((whole, False), (partial, True)):
        if ids:
            _load_entries(session, histories, ids, through, after_state=after_state)
            _load_statements(session, histories, ids, through, after_state=after_state)
    _load_upcoming(session, histories, account_ids, through)
    return list(histories.values())


def _load_entries(
    session: Session,
    histories: dict[int, History],
    account_ids: Sequence[int],
    through: date,
    *,
    after_state: bool = False,
) -> None:
    entry = table_of(Entry)
    # A reversal undoes its entry as soon as it is known: its own date may lie behind `through`.
    reversal = entry.alias("reversal")
    is_reversed = sa.exists().where(reversal.c.reverses_id == entry.c.id)
    query = sa.select(
        entry.c.account_id,
        entry.c.kind,
        entry.c.amount_minor,
        entry.c.effective_on,
        is_reversed.label("is_reversed"),
    ).where(entry.c.account_id.in_(account_ids), entry.c.effective_on <= through)
    if after_state:
        state = table_of(AccountState)
        query = query.join(state, state.c.account_id == entry.c.account_id).where(
            entry.c.effective_on > state.c.folded_through
        )
    for row in session.connection().execute(query.order_by(entry.c.effective_on, entry.c.id)):
        history = histories[row.account_id]
        history.balance += row.amount_minor
        if row.kind in PAYS_DUES and row.amount_minor < 0 and not row.is_reversed:
            is_payment = row.kind is EntryKind.PAYMENT
            history.credits.append(Credit(row.effective_on, -row.amount_minor, is_payment))


def _load_statements(
    session: Session,
    histories: dict[int, History],
    account_ids: Sequence[int],
    through: date,
    *,
    after_state: bool = False,
) -> None:
    statement = table_of(Statement)
    query = sa.select(
        statement.c.account_id, statement.c.closing_on, statement.c.due_on, statement.c.minimum_due_minor
    ).where(statement.c.account_id.in_(account_ids), statement.c.closing_on <= through)
    if after_state:
        state = table_of(AccountState)
        query = query.join(state, state.c.account_id == statement.c.account_id).where(
            statement.c.closing_on > state.c.folded_through
        )
    for row in session.connection().execute(query.order_by(statement.c.closing_on, statement.c.id)):
        closing = Closing(row.closing_on, row.due_on, row.minimum_due_minor)
        histories[row.account_id].closings.append(closing)


def _load_upcoming(
    session: Session, histories: dict[int, History], account_ids: Sequence[int], through: date
) -> None:
    """The first entry or closing after `through` that is already known, by account."""
    for table, column in ((table_of(Entry), "effective_on"), (table_of(Statement), "closing_on")):
        on = table.c[column]
        query = (
            sa.select(table.c.account_id, sa.func.min(on))
            .where(table.c.account_id.in_(account_ids), on > through)
            .group_by(table.c.account_id)
        )
        for account_id, first in session.connection().execute(query):
            history = histories[account_id]
            history.upcoming = min(first, history.upcoming or first)


# --- writing --------------------------------------------------------------------------------------------------


def _unpack(dues: str, minimums: str) -> tuple[list[tuple[date, int]], list[tuple[date, date, int]]]:
    day = date.fromisoformat
    return (
        [(day(due_on), amount) for due_on, amount in json.loads(dues)],
        [(day(closing), day(due_on), amount) for closing, due_on, amount in json.loads(minimums)],
    )


def _pack(items: Iterable[tuple[Any, ...]]) -> str:
    return json.dumps([[x.isoformat() if isinstance(x, date) else x for x in item] for item in items])


def _write_states(
    session: Session, portfolio: Portfolio, histories: Sequence[History], through: date, edges: Sequence[int]
) -> None:
    rows = []
    for h in histories:
        stands = standing(h.state, through, edges)
        rows.append(
            {
                "account_id": h.account_id,
                "portfolio_id": portfolio.id,
                "folded_through": h.state.through,
                "balance_minor": h.balance,
                "past_due_minor": h.state.past_due,
                "oldest_due_on": h.state.oldest_due_on,
                "bucket": stands.bucket if stands else CURRENT,
                "dues": _pack(h.state.dues),
                "minimums": _pack(h.state.minimums),
                "wake_on": next_wake(h.state, edges, h.upcoming),
            }
        )
    if not rows:
        return
    insert = upsert(session, AccountState)
    values = {name: insert.excluded[name] for name in rows[0] if name != "account_id"}
    statement = insert.on_conflict_do_update(index_elements=["account_id"], set_=values)
    session.connection().execute(statement, rows)


def _write_spells(
    session: Session, portfolio: Portfolio, folded: Sequence[tuple[History, Folded]], refolded: set[int]
) -> None:
    """Each change of standing ends the open spell and, unless the account is current again, opens the next."""
    ended: list[dict[str, Any]] = []
    opened: list[dict[str, Any]] = []
    for h, result in folded:
        changes = result.standings
        if not changes:
            continue
        if h.account_id not in refolded:
            ended.append({"b_account": h.account_id, "b_to": changes[0][0]})
        until = [on for on, _ in changes[1:]] + [None]
        for (on, stands), to_on in zip(changes, until, strict=True):
            if stands is not None:
                opened.append(
                    {
                        "portfolio_id": portfolio.id,
                        "account_id": h.account_id,
                        "from_on": on,
                        "to_on": to_on,
                        "bucket": stands.bucket,
                        "oldest_due_on": stands.oldest_due_on,
                        "past_due_minor": stands.past_due,
                    }
                )
    if ended:
        spell = table_of(Spell)
        close = (
            sa.update(spell)
            .where(spell.c.account_id == sa.bindparam("b_account"), spell.c.to_on.is_(None))
            .values(to_on=sa.bindparam("b_to"))
        )
        session.connection().execute(close, ended)
    insert_rows(session, Spell, opened)
