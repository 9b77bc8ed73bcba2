"""The proof of a day: its figures counted again from the ledger alone, and compared with what is stored."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlmodel import Session, col

from app.book.delinquency.days import DAY
from app.book.delinquency.loading import from_nothing
from app.book.delinquency.rules import fold
from app.book.ledger.models import Account, Entry, LedgerChange, Position
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.rules import DelinquencySource
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.dates import month_start
from app.reporting.kpis.definitions.catalog import FAMILIES
from app.reporting.kpis.definitions.flow import FLOW, REPAYMENT
from app.reporting.kpis.definitions.outcomes.charge_offs import CHARGE_OFFS
from app.reporting.kpis.definitions.outcomes.classes import CLASSES
from app.reporting.kpis.definitions.outcomes.cures import CURES
from app.reporting.kpis.definitions.outcomes.re_ages import RE_AGES
from app.reporting.kpis.definitions.outcomes.rules import ROLL_FORWARD_PREFIX
from app.reporting.kpis.definitions.outcomes.schemes import schemes
from app.reporting.kpis.definitions.overdue import OVERDUE
from app.reporting.kpis.definitions.recovery import MONTH, THIRTY_DAYS
from app.reporting.kpis.definitions.roll_forward import LINES, ROLL_FORWARD
from app.reporting.kpis.family import Family, Scope
from app.reporting.kpis.lists.drilldown import FigureSlice, total_behind
from app.reporting.kpis.measuring import sliced_rows
from app.reporting.kpis.models import StandingNight
from app.reporting.kpis.proof.casework import CHECKED, summed_pairs
from app.reporting.kpis.proof.life import Key, Life
from app.reporting.kpis.proof.recount import count, summed
from app.reporting.kpis.proof.rows import count_casework
from app.reporting.kpis.queries import bucket_flows, latest_versions
from app.reporting.kpis.rules import BucketFlow, Dimension, Part

CHUNK = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """A figure that is not what the ledger gives; without a dimension it is that of the whole portfolio."""

    kpi: str
    member: str | None
    stored: tuple[int, int]
    counted: tuple[int, int]
    counted_by: str = "the ledger gives"

    def __str__(self) -> str:
        where = f", {self.member}" if self.member is not None else ""
        return (
            f"{self.kpi}{where}: {self.stored[0]} / {self.stored[1]} is stored, "
            f"{self.counted_by} {self.counted[0]} / {self.counted[1]}"
        )


PROVEN = (MONTH, THIRTY_DAYS, OVERDUE, FLOW, REPAYMENT, RE_AGES, CURES, CHARGE_OFFS, CLASSES, ROLL_FORWARD)
"""Families that the ledger alone gives."""


def check_day(session: Session, scope: Scope, on: date) -> list[Difference]:
    """Count every account of the portfolio at the end of `on` and compare the sums with the day's figures: of the
    whole portfolio, of each bucket, and of each supervisory class; of agreements, complaints and costs by agent and
    channel.

    Accounts with entries that no night has folded yet are taken as the figures have them: they are restated next.
    """
    waiting = waiting_accounts(session, scope, on)
    own = table_of(Account)
    everybody = session.scalars(
        sa.select(own.c.id).where(own.c.portfolio_id == scope.portfolio_id).order_by(own.c.id)
    ).all()
    skipped = set(waiting)
    proven = [each for each in everybody if each not in skipped]
    sums = summed(each for _, counted in _lives(session, scope, on, proven) for each in counted)
    for ids in chunked(waiting, CHUNK):
        for of_account in _rows_of(session, scope, on, ids).values():
            for key, added in of_account.items():
                total = sums.setdefault(key, [0, 0])
                total[0] += added[0]
                total[1] += added[1]
    counted = {
        (kpi, dimension.value, member): (pair[0], pair[1])
        for (kpi, dimension, member), pair in sums.items()
        if any(pair)
    }
    kpis = [each.name for family in PROVEN for each in family.definitions]
    for kpi in kpis:
        pairs = [pair for (name, by, _), pair in counted.items() if (name, by) == (kpi, Dimension.BUCKET)]
        counted[kpi, "", ""] = (sum(pair[0] for pair in pairs), sum(pair[1] for pair in pairs))
    compared = {"", *(dimension for _, dimension, _ in counted)}
    if not waiting:  # otherwise agreements and cash have moved on since the figures, which are restated next
        accounts = counted["overdue_rate_accounts_1", "", ""][1]
        counted |= summed_pairs(count_casework(session, scope.portfolio, on, accounts))
    latest = latest_versions(session, scope.portfolio_id, on)
    stored = {
        key: (numerator, denominator)
        for key, (_, numerator, denominator) in latest.items()
        if (key[0] in kpis and key[1] in compared) or (not waiting and key[1] in CHECKED.get(key[0], ()))
    }
    flows = bucket_flows(session, scope.portfolio, on)
    stored |= _lines_of(flows)
    found = [
        Difference(f"{ROLL_FORWARD_PREFIX}closing", bucket, (flow.closing,) * 2, (flow.expected,) * 2)
        for bucket, flow in flows.items()
        if not flow.closes
    ]
    for name in sorted(counted.keys() | stored.keys()):
        kept, wanted = stored.get(name, (0, 0)), counted.get(name, (0, 0))
        if kept != wanted:
            found.append(Difference(name[0], name[2] if name[1] else None, kept, wanted))
    return [*found, *_check_lists(session, scope, on, latest)]


def _check_lists(
    session: Session, scope: Scope, on: date, latest: Mapping[tuple[str, str, str], tuple[int, int, int]]
) -> list[Difference]:
    """Add up both lists behind each figure whose page shows the stored figure as the sum of its list."""
    found = []
    # Held, so that the session finds it for every list and asks once.
    night = session.get(StandingNight, scope.portfolio_id)
    for family in FAMILIES:
        for each in family.definitions if family.is_folded else ():
            if (each.name, "", "") not in latest:
                continue
            _, *stored = latest[each.name, "", ""]
            listed = [
                total_behind(session, FigureSlice(scope.portfolio, each, on, part))[1]
                for part in (Part.NUMERATOR, Part.DENOMINATOR)
            ]
            if listed != stored:
                kept, wanted = (stored[0], stored[1]), (listed[0], listed[1])
                found.append(Difference(each.name, None, kept, wanted, "its lists add up to"))
    del night
    return found


def _lines_of(flows: Mapping[str, BucketFlow]) -> dict[tuple[str, str, str], tuple[int, int]]:
    """The lines of the roll-forward as figures: of each bucket, and of all together."""
    parts = [(Dimension.BUCKET.value, bucket, flow) for bucket, flow in flows.items()]
    parts.append(("", "", sum(flows.values(), BucketFlow())))
    return {
        (f"{ROLL_FORWARD_PREFIX}{line}", dimension, member): (getattr(flow, line),) * 2
        for dimension, member, flow in parts
        for line in LINES
    }


def check_accounts(session: Session, scope: Scope, on: date, account_ids: Sequence[int]) -> list[str]:
    """Count these accounts and compare with the rows that the figures of `on` are sums of."""
    counted = {
        account_id: {key: (pair[0], pair[1]) for key, pair in summed(added).items() if any(pair)}
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


Rows = dict[int, dict[Key, tuple[int, int]]]
"""By account, what the figures count of it: numerator and denominator by figure, dimension and member."""


def _rows_of(session: Session, scope: Scope, on: date, account_ids: Sequence[int]) -> Rows:
    rows: Rows = {each: {} for each in account_ids}
    for family in PROVEN:
        _add_rows(session, family, scope, on, account_ids, rows, Dimension.BUCKET)
    for dimension in schemes():
        _add_rows(session, CLASSES, scope, on, account_ids, rows, dimension)
    return rows


def _add_rows(
    session: Session,
    family: Family,
    scope: Scope,
    on: date,
    account_ids: Sequence[int],
    rows: Rows,
    dimension: Dimension,
) -> None:
    sliced = sliced_rows(family, scope.shape(on))
    member = sliced.members[dimension]
    sums = [sa.func.sum(sliced.rows.c[name]) for name in family.measures]
    query = (
        sa.select(sliced.rows.c.account_id, member, *sums)
        .select_from(sliced.source)
        .where(among(session, sliced.rows.c.account_id, account_ids))
        .group_by(sliced.rows.c.account_id, member)
    )
    places = {name: n for n, name in enumerate(family.measures)}
    values = sliced.days.values(scope.portfolio, on)
    for account_id, label, *amounts in session.execute(query, values):
        for each in family.definitions:
            pair = (int(amounts[places[each.numerator]]), int(amounts[places[each.denominator]]))
            if any(pair):
                rows[account_id][each.name, dimension, label] = pair


def _lives(
    session: Session, scope: Scope, on: date, account_ids: Sequence[int]
) -> Iterator[tuple[int, list[tuple[Key, int, int]]]]:
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
        off = _charged_off(session, ids)
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
                re_aged_on=history.events.re_ages,
                money_in=[(day, amount) for day, amount, is_money in history.events.credits if is_money],
                charged_off=off.get(row.id, ()),
            )
            yield row.id, list(count(life, on))


def _balances(session: Session, ids: Sequence[int], on: date) -> dict[int, int]:
    query = (
        sa.select(col(Entry.account_id), sa.func.sum(Entry.amount_minor))
        .where(among(session, table_of(Entry).c.account_id, ids), col(Entry.effective_on) <= on)
        .group_by(col(Entry.account_id))
    )
    return {account_id: int(total) for account_id, total in session.execute(query)}


def _charged_off(session: Session, ids: Sequence[int]) -> Mapping[int, Sequence[tuple[date, int]]]:
    """By account, the days and amounts that were taken off the book as charged off and stand. A payment of before that
    comes back is charged off on its own day."""
    entry, mirror = table_of(Entry), table_of(Entry).alias("mirror")
    query = (
        sa.select(entry.c.account_id, entry.c.effective_on, -entry.c.amount_minor)
        .where(
            among(session, entry.c.account_id, ids),
            entry.c.ended_as == AccountStatus.CHARGED_OFF,
            ~sa.exists().where(mirror.c.reverses_id == entry.c.id),
        )
        .order_by(entry.c.id)
    )
    found: dict[int, list[tuple[date, int]]] = defaultdict(list)
    for account_id, day, amount in session.execute(query):
        found[account_id].append((day, int(amount)))
    return found


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
