"""The proof of a day: its figures counted again from the ledger alone, and compared with what is stored."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.delinquency.days import DAY
from app.book.delinquency.loading import from_nothing
from app.book.delinquency.rules import fold
from app.book.ledger.models import Account, Entry, LedgerChange, Position
from app.book.portfolios.rules import DelinquencySource
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.dates import month_start
from app.reporting.kpis.definitions.catalog import FAMILIES
from app.reporting.kpis.family import Family, Scope
from app.reporting.kpis.measuring import sliced_rows
from app.reporting.kpis.proof.recount import Counted, Life, count, summed
from app.reporting.kpis.queries import latest_versions
from app.reporting.kpis.rules import Dimension

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what the ledger gives; `bucket` None = of the whole portfolio."""

    kpi: str
    bucket: str | None
    stored: tuple[int, int]
    counted: tuple[int, int]

    def __str__(self) -> str:
        where = f", {self.bucket}" if self.bucket is not None else ""
        return (
            f"{self.kpi}{where}: {self.stored[0]} / {self.stored[1]} is stored, "
            f"the ledger gives {self.counted[0]} / {self.counted[1]}"
        )


def check_day(session: Session, scope: Scope, on: date) -> list[Difference]:
    """Count every account of the portfolio at the end of `on` and compare the sums with the day's figures, of the
    whole portfolio and of each bucket.

    Accounts with entries that no night has folded yet are taken as the figures have them: they are restated next.
    """
    waiting = waiting_accounts(session, scope, on)
    own = table_of(Account)
    everybody = session.scalars(
        sa.select(own.c.id).where(own.c.portfolio_id == scope.portfolio_id).order_by(own.c.id)
    ).all()
    skipped = set(waiting)
    proven = [each for each in everybody if each not in skipped]
    sums = summed(each for counted in _lives(session, scope, on, proven) for each in counted[1])
    for ids in chunked(waiting, CHUNK):
        for of_account in _rows_of(session, scope, on, ids).values():
            for key, pair in of_account.items():
                total = sums.setdefault(key, [0, 0])
                total[0] += pair[0]
                total[1] += pair[1]
    by_bucket = {key: (pair[0], pair[1]) for key, pair in sums.items() if any(pair)}
    kpis = {kpi for kpi, _ in sums}
    whole = {
        kpi: (
            sum(pair[0] for (name, _), pair in by_bucket.items() if name == kpi),
            sum(pair[1] for (name, _), pair in by_bucket.items() if name == kpi),
        )
        for kpi in kpis
    }
    stored = {
        key: (numerator, denominator)
        for key, (_, numerator, denominator) in latest_versions(session, scope.portfolio_id, on).items()
    }
    found = []
    for kpi in sorted(kpis):
        wanted = {"": whole[kpi]} | {
            bucket: pair for (name, bucket), pair in by_bucket.items() if name == kpi
        }
        for member, pair in wanted.items():
            dimension = Dimension.BUCKET.value if member else ""
            kept = stored.get((kpi, dimension, member), (0, 0))
            if kept != pair:
                found.append(Difference(kpi, member or None, kept, (pair[0], pair[1])))
        for (name, dimension, member), kept in stored.items():
            if name == kpi and dimension == Dimension.BUCKET and member not in wanted and any(kept):
                found.append(Difference(kpi, member, kept, (0, 0)))
    return found


def check_accounts(session: Session, scope: Scope, on: date, account_ids: Sequence[int]) -> list[str]:
    """Count these accounts and compare with the rows that the figures of `on` are sums of."""
    counted = {
        account_id: {(kpi, bucket): tuple(pair) for (kpi, bucket), pair in summed(added).items() if any(pair)}
        for account_id, added in _lives(session, scope, on, account_ids)
    }
    rows = _rows_of(session, scope, on, list(counted))
    return [
        f"account {account_id}: the figures of {on} count {rows[account_id]}, its ledger gives {counted[account_id]}"
        for account_id in counted
        if rows[account_id] != counted[account_id]
    ]


def waiting_accounts(session: Session, scope: Scope, on: date) -> list[int]:
    """Accounts with a change up to `on` that is not folded yet."""
    query = sa.select(col(LedgerChange.account_id)).where(
        col(LedgerChange.portfolio_id) == scope.portfolio_id, col(LedgerChange.earliest_on) <= on
    )
    return sorted(session.scalars(query))


Rows = dict[int, dict[tuple[str, str], tuple[int, int]]]
"""By account, what the figures count of it: numerator and denominator by figure and bucket."""


def _rows_of(session: Session, scope: Scope, on: date, account_ids: Sequence[int]) -> Rows:
    rows: Rows = {each: {} for each in account_ids}
    for family in FAMILIES:
        if _is_counted(family):
            _add_rows(session, family, scope, on, account_ids, rows)
    return rows


def _is_counted(family: Family) -> bool:
    return family.name in ("recovery_month", "recovery_30d", "overdue", "flow", "repayment")


def _add_rows(
    session: Session,
    family: Family,
    scope: Scope,
    on: date,
    account_ids: Sequence[int],
    rows: Rows,
) -> None:
    sliced = sliced_rows(family, scope.shape(on))
    bucket = sliced.members[Dimension.BUCKET]
    sums = [sa.func.sum(sliced.rows.c[name]) for name in family.measures]
    query = (
        sa.select(sliced.rows.c.account_id, bucket, *sums)
        .select_from(sliced.source)
        .where(among(session, sliced.rows.c.account_id, account_ids))
        .group_by(sliced.rows.c.account_id, bucket)
    )
    places = {name: n for n, name in enumerate(family.measures)}
    values = sliced.days.values(scope.portfolio, on)
    for account_id, label, *amounts in session.execute(query, values):
        for each in family.definitions:
            pair = (int(amounts[places[each.numerator]]), int(amounts[places[each.denominator]]))
            if any(pair):
                rows[account_id][each.name, label] = pair


def _lives(
    session: Session, scope: Scope, on: date, account_ids: Sequence[int]
) -> Iterator[tuple[int, list[Counted]]]:
    """Each account and what it adds, from its entries, statements and positions."""
    account = table_of(Account)
    then_on, shape = month_start(on) - DAY, scope.shape(on)
    for ids in chunked(account_ids, CHUNK):
        about = {
            row.id: row
            for row in session.execute(
                sa.select(account.c.id, account.c.status, account.c.opened_on, account.c.ended_on).where(
                    among(session, account.c.id, ids)
                )
            )
        }
        then, known = _balances(session, ids, then_on), _first_reports(session, scope, ids)
        for history in from_nothing(session, ids, on):
            row = about[history.account_id]
            folded = fold(history.state, history.events, through=on, edges=shape.edges)
            life = Life(
                status=row.status,
                opened_on=row.opened_on,
                ended_on=row.ended_on,
                works_charged_off=shape.works_charged_off,
                known_from=known.get(row.id, date.max) if known is not None else None,
                edges=shape.edges,
                balance=history.balance,
                balance_then=then.get(row.id, 0),
                folded=folded,
            )
            yield row.id, list(count(life, on))


def _balances(session: Session, ids: Sequence[int], on: date) -> dict[int, int]:
    query = (
        sa.select(col(Entry.account_id), sa.func.sum(Entry.amount_minor))
        .where(among(session, table_of(Entry).c.account_id, ids), col(Entry.effective_on) <= on)
        .group_by(col(Entry.account_id))
    )
    return {account_id: int(total) for account_id, total in session.execute(query)}


def _first_reports(session: Session, scope: Scope, ids: Sequence[int]) -> dict[int, date] | None:
    """By account, the first day that its creditor reported; None where ledgers are kept."""
    if scope.portfolio.source is not DelinquencySource.REPORTED:
        return None
    query = (
        sa.select(col(Position.account_id), sa.func.min(Position.as_of))
        .where(among(session, table_of(Position).c.account_id, ids))
        .group_by(col(Position.account_id))
    )
    return {account_id: on for account_id, on in session.execute(query)}
