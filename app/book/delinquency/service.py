"""Folding accounts: load what is new, apply the pure fold, write state, spells and movements."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.delinquency.days import CURRENT, Interval
from app.book.delinquency.facts import Folded, State
from app.book.delinquency.loading import History, from_nothing, pack, since_state
from app.book.delinquency.models import AccountState, DisputedAmount, Movement, Spell
from app.book.delinquency.rules import fold, next_wake, owed_of, standing
from app.book.ledger.models import Account, LedgerChange
from app.book.portfolios.models import Portfolio
from app.core.database.bulk import among, bulk_write, chunked
from app.core.database.engine import table_of

CHUNK = 2000


def edges_of(portfolio: Portfolio) -> tuple[int, ...]:
    return tuple(int(edge) for edge in portfolio.bucket_edges.split(","))


def stale_accounts(session: Session, portfolio_id: int, on: date) -> list[int]:
    """Select the accounts that must be folded to stand right at the end of `on`.

    They have a new entry, or reach something already known: a due date, a future-dated entry, a bucket edge. An
    account without any event is not among them: it is current and owes nothing.
    """
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


def take_in_new_accounts(session: Session, portfolio_id: int, on: date) -> int:
    """Give each account without a state and without changes a first state: current, owing nothing.

    A later change is then a change to a counted account, and restates the days since.
    """
    account, state, change = table_of(Account), table_of(AccountState), table_of(LedgerChange)
    unseen = sa.select(
        account.c.id,
        account.c.portfolio_id,
        sa.literal(on, sa.Date()),
        sa.literal(0),
        sa.literal(0),
        sa.literal(CURRENT),
        sa.literal("[]"),
        sa.literal("[]"),
    ).where(
        account.c.portfolio_id == portfolio_id,
        ~sa.exists().where(state.c.account_id == account.c.id),
        ~sa.exists().where(change.c.account_id == account.c.id),
    )
    names = (
        "account_id",
        "portfolio_id",
        "folded_through",
        "balance_minor",
        "past_due_minor",
        "bucket",
        "dues",
        "minimums",
    )
    insert = sa.insert(state).from_select(names, unseen).execution_options(preserve_rowcount=True)
    return session.connection().execute(insert).rowcount


def schedule_later_changes(session: Session, portfolio_id: int, on: date) -> None:
    """Changes dated after `on` need no fold yet: they only bring the account's wake-up forward."""
    change, state = table_of(LedgerChange), table_of(AccountState)
    later = sa.and_(change.c.portfolio_id == portfolio_id, change.c.earliest_on > on)
    own = sa.select(change.c.earliest_on).where(change.c.account_id == state.c.account_id).scalar_subquery()
    session.connection().execute(
        sa.update(state)
        .where(
            state.c.account_id.in_(sa.select(change.c.account_id).where(later)),
            sa.or_(state.c.wake_on.is_(None), state.c.wake_on > own),
        )
        .values(wake_on=own)
    )
    session.connection().execute(
        sa.delete(change).where(
            later,
            # Only what the wake-up covers by now: a change that came in since the update above stays.
            sa.exists().where(
                state.c.account_id == change.c.account_id, state.c.wake_on <= change.c.earliest_on
            ),
        )
    )


def fold_accounts(
    session: Session, portfolio: Portfolio, account_ids: Sequence[int], *, through: date
) -> date | None:
    """Fold these accounts (at most CHUNK) to the end of `through`, in the caller's transaction.

    Returns the earliest past day whose figures this changed, or None.
    """
    edges = edges_of(portfolio)
    changes = _take_changes(session, account_ids)
    histories = since_state(session, account_ids, through, changes)
    # Also of accounts that nothing had happened to since before the change: their state needs no refold, but
    # the days between were closed without it. An account's first fold restates nothing.
    known = {h.account_id for h in histories if h.refold_from or h.state.through}
    changed = [on for account_id, on in changes.items() if account_id in known and on < through]
    refolded = [h.account_id for h in histories if h.refold_from]
    for model in (Spell, Movement):
        if refolded:
            session.execute(sa.delete(model).where(col(model.account_id).in_(refolded)))
    had_spell = {h.account_id for h in histories if h.state.dues}
    folded = [(h, fold(h.state, h.events, through=through, edges=edges)) for h in histories]
    _write_states(session, portfolio, histories, through, edges)
    _write_spells(session, portfolio, folded, had_spell)
    _write_movements(session, portfolio, folded)
    return min(changed, default=None)


@dataclass(frozen=True, slots=True)
class Now:
    """Standing of an account at the end of a day."""

    balance: int
    past_due: int
    oldest_due_on: date | None
    """As `AccountState.oldest_due_on`."""
    dues: tuple[tuple[date, int], ...] = ()
    """Unpaid dues (due date, amount), oldest first."""
    minimums: tuple[tuple[date, date, int], ...] = ()
    """Open minimums (closing date, due date, amount) that are not late, oldest first."""
    disputed: int = 0
    """The sum of the customer's open disputes on the account."""

    @property
    def owed(self) -> int:
        """The part of past due that is owed and not disputed: the sum that may be asked for."""
        return owed_of(self.past_due, self.balance, self.disputed)

    @property
    def left_out(self) -> int:
        """The part of past due that is not asked for because it is disputed."""
        return owed_of(self.past_due, self.balance) - self.owed

    @property
    def not_owed(self) -> int:
        """Return the part of past due that exceeds the balance and is therefore not owed."""
        return self.past_due - owed_of(self.past_due, self.balance)

    @property
    def collectable(self) -> int:
        """The debt without what is disputed; 0 where the account has a credit."""
        return max(0, self.balance - self.disputed)


def standing_on(
    session: Session, portfolio: Portfolio, account_ids: Sequence[int], on: date
) -> dict[int, Now]:
    """Compute the standing of these accounts at the end of `on` with everything known now. Writes nothing.

    `on` must not lie before the last folded day; queries answer for past days.
    """
    standings: dict[int, Now] = {}
    edges = edges_of(portfolio)
    for ids in chunked(account_ids, CHUNK):
        disputed = disputed_amounts(session, ids)
        for h in since_state(session, ids, on, _changes(session, ids)):
            standings[h.account_id] = standing_after(h, on, edges, disputed.get(h.account_id, 0))
    return standings


def disputed_amounts(session: Session, account_ids: Sequence[int]) -> dict[int, int]:
    """The sum that is disputed by account; accounts without a dispute are left out."""
    row = table_of(DisputedAmount)
    query = sa.select(row.c.account_id, row.c.amount_minor).where(
        among(session, row.c.account_id, account_ids)
    )
    return {account_id: int(amount) for account_id, amount in session.connection().execute(query)}


def standing_after(h: History, on: date, edges: Sequence[int], disputed: int = 0) -> Now:
    """The standing of an account at the end of `on`: its history is folded in place."""
    if h.state.through is None or h.state.through < on:
        fold(h.state, h.events, through=on, edges=edges)
    stands = standing(h.state, on, edges, h.events.pauses)
    return Now(
        h.balance,
        h.state.past_due,
        stands.counted_from if stands else None,
        tuple(h.state.dues),
        tuple(h.state.minimums),
        disputed,
    )


@dataclass(frozen=True, slots=True)
class Refolded:
    """An account folded from nothing."""

    account_id: int
    state: State
    balance: int
    happened: Folded
    pauses: Sequence[Interval]


def refold_from_nothing(
    session: Session, portfolio: Portfolio, account_ids: Sequence[int], through: date
) -> Iterator[Refolded]:
    """The full fold of these accounts, for aging and the invariants; written nowhere."""
    edges = edges_of(portfolio)
    for ids in chunked(account_ids, CHUNK):
        for h in from_nothing(session, ids, through):
            happened = fold(h.state, h.events, through=through, edges=edges)
            yield Refolded(h.account_id, h.state, h.balance, happened, h.events.pauses)


# --- changes --------------------------------------------------------------------------------------------------


def _take_changes(session: Session, account_ids: Sequence[int]) -> dict[int, date]:
    """Remove the noted changes of these accounts; return account -> earliest date to fold again.

    They are removed *before* the entries are read. An entry posted meanwhile leaves a change of its own for the next
    fold, so it is at worst folded twice, never forgotten.
    """
    change = table_of(LedgerChange)
    taken = sa.delete(change).where(among(session, change.c.account_id, account_ids))
    rows = session.connection().execute(taken.returning(change.c.account_id, change.c.earliest_on))
    return {account_id: on for account_id, on in rows}


def _changes(session: Session, account_ids: Sequence[int]) -> dict[int, date]:
    change = table_of(LedgerChange)
    query = sa.select(change.c.account_id, change.c.earliest_on)
    rows = session.connection().execute(query.where(among(session, change.c.account_id, account_ids)))
    return {account_id: on for account_id, on in rows}


# --- writing --------------------------------------------------------------------------------------------------


def _text(on: date | None) -> str | None:
    return None if on is None else on.isoformat()


def _write_states(
    session: Session, portfolio: Portfolio, histories: Sequence[History], through: date, edges: Sequence[int]
) -> None:
    columns = (
        "account_id",
        "portfolio_id",
        "folded_through",
        "balance_minor",
        "past_due_minor",
        "oldest_due_on",
        "bucket",
        "dues",
        "minimums",
        "wake_on",
        "prepaid_minor",
    )
    rows = []
    for h in histories:
        state, pauses = h.state, h.events.pauses
        stands = standing(state, through, edges, pauses) if state.dues else None
        rows.append(
            (
                h.account_id,
                portfolio.id,
                _text(state.through),
                h.balance,
                stands.past_due if stands else 0,
                _text(stands.counted_from) if stands else None,
                stands.bucket if stands else CURRENT,
                pack(state.dues),
                pack(state.minimums),
                _text(next_wake(state, edges, h.upcoming, pauses)),
                state.prepaid,
            )
        )
    bulk_write(session, AccountState, columns, rows, replace_on="account_id")


def _write_spells(
    session: Session,
    portfolio: Portfolio,
    folded: Sequence[tuple[History, Folded]],
    had_spell: set[int],
) -> None:
    """Each change of standing ends the open spell and, unless the account is current again, opens the next."""
    ended: dict[date, list[int]] = {}
    opened = []
    for h, result in folded:
        changes = result.standings
        if not changes:
            continue
        if h.account_id in had_spell:
            ended.setdefault(changes[0][0], []).append(h.account_id)
        until = [on for on, _ in changes[1:]] + [None]
        for (on, stands), to_on in zip(changes, until, strict=True):
            if stands is not None:
                opened.append(
                    (
                        portfolio.id,
                        h.account_id,
                        _text(on),
                        _text(to_on),
                        stands.bucket,
                        _text(stands.counted_from),
                        stands.past_due,
                    )
                )
    spell = table_of(Spell)
    for on, account_ids in ended.items():
        open_ones = sa.and_(among(session, spell.c.account_id, account_ids), spell.c.to_on.is_(None))
        session.connection().execute(sa.update(spell).where(open_ones).values(to_on=on))
    columns = (
        "portfolio_id",
        "account_id",
        "from_on",
        "to_on",
        "bucket",
        "oldest_due_on",
        "past_due_minor",
    )
    bulk_write(session, Spell, columns, opened)


def _write_movements(
    session: Session, portfolio: Portfolio, folded: Sequence[tuple[History, Folded]]
) -> None:
    rows = [
        (portfolio.id, h.account_id, on.isoformat(), kind.value, amount)
        for h, result in folded
        for on, kind, amount in result.movements
    ]
    bulk_write(session, Movement, ("portfolio_id", "account_id", "on", "kind", "amount_minor"), rows)
