"""Restatements: which entries changed the figures of days that were closed before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.core.database.bulk import insert_rows
from app.core.database.engine import table_of
from app.core.ids import id_of
from app.reporting.kpis.models import Restatement, RestatementEntry, StandingNight


@dataclass(frozen=True, slots=True)
class Cause:
    """An entry that changed closed days. A reversal is shown as what it reversed, on that entry's day."""

    entry_id: int
    kind: EntryKind
    account_id: int
    account_ref: str
    amount_minor: int
    effective_on: date
    posted_on: date
    is_reversal: bool


@dataclass(frozen=True, slots=True)
class LateEntries:
    """Entries of a kind that changed closed days; of a reversal, what it reversed."""

    kind: EntryKind
    number: int
    amount_minor: int
    earliest_on: date


def note_restatement(session: Session, portfolio: Portfolio, on: date, since: date, *, now: datetime) -> int:
    """Keep that the night of `on` restates the closed days from `since` on, and which of the entries that came since
    the night before are dated before `on`; return its id. A restatement without entries was caused by a statement, a
    pause, a position or an end of an account."""
    restatement = Restatement(portfolio_id=id_of(portfolio), run_on=on, since=since, at=now)
    session.add(restatement)
    session.flush()
    entry, reversed_ = table_of(Entry), table_of(Entry).alias("reversed")
    night = session.get(StandingNight, id_of(portfolio))
    query = (
        sa.select(entry.c.id)
        .outerjoin(reversed_, reversed_.c.id == entry.c.reverses_id)
        .where(
            entry.c.id > (night.last_entry_id if night else 0),
            entry.c.portfolio_id == portfolio.id,
            sa.or_(entry.c.effective_on < on, reversed_.c.effective_on < on),
        )
        .order_by(entry.c.id)
    )
    rows = [{"restatement_id": id_of(restatement), "entry_id": each} for each in session.scalars(query)]
    insert_rows(session, RestatementEntry, rows)
    return id_of(restatement)


def mark_entries_seen(session: Session, portfolio: Portfolio) -> None:
    """Remember the last entry that this night has seen."""
    night = session.get_one(StandingNight, id_of(portfolio))
    entry = table_of(Entry)
    night.last_entry_id = session.scalar(sa.select(sa.func.coalesce(sa.func.max(entry.c.id), 0))) or 0


def causes_of(
    session: Session, restatement_ids: Collection[int], limit: int = 200
) -> Mapping[int, list[Cause]]:
    """The entries behind restatements, the first `limit` of all of them together."""
    entry, account, noted = table_of(Entry), table_of(Account), table_of(RestatementEntry)
    target = entry.alias("target")
    query = (
        sa.select(
            noted.c.restatement_id, entry.c.id, sa.func.coalesce(target.c.kind, entry.c.kind),
            account.c.id, account.c.reference, sa.func.coalesce(target.c.amount_minor, entry.c.amount_minor),
            sa.func.coalesce(target.c.effective_on, entry.c.effective_on), entry.c.posted_on, target.c.id,
        )
        .join(entry, entry.c.id == noted.c.entry_id)
        .join(account, account.c.id == entry.c.account_id)
        .outerjoin(target, target.c.id == entry.c.reverses_id)
        .where(noted.c.restatement_id.in_(restatement_ids))
        .order_by(noted.c.restatement_id, entry.c.id)
        .limit(limit)
    )  # fmt: skip
    found: dict[int, list[Cause]] = {each: [] for each in restatement_ids}
    for row in session.execute(query):
        restatement_id, entry_id, kind, account_id, reference, amount, effective_on, posted_on, target_id = (
            row
        )
        found[restatement_id].append(
            Cause(
                entry_id,
                EntryKind(kind),
                account_id,
                reference,
                int(amount),
                effective_on,
                posted_on,
                target_id is not None,
            )
        )
    return found


def late_entries_since(session: Session, portfolio_id: int, since: datetime) -> list[LateEntries]:
    """The entries behind all restatements since then, by kind; the most money first."""
    restatement, entry, noted = table_of(Restatement), table_of(Entry), table_of(RestatementEntry)
    target = entry.alias("target")
    kind = sa.func.coalesce(target.c.kind, entry.c.kind)
    query = (
        sa.select(
            kind,
            sa.func.count(),
            sa.func.sum(sa.func.coalesce(target.c.amount_minor, entry.c.amount_minor)),
            sa.func.min(sa.func.coalesce(target.c.effective_on, entry.c.effective_on)),
        )
        .select_from(restatement)
        .join(noted, noted.c.restatement_id == restatement.c.id)
        .join(entry, entry.c.id == noted.c.entry_id)
        .outerjoin(target, target.c.id == entry.c.reverses_id)
        .where(restatement.c.portfolio_id == portfolio_id, restatement.c.at > since)
        .group_by(kind)
    )
    found = [
        LateEntries(EntryKind(each), int(n), int(minor), on) for each, n, minor, on in session.execute(query)
    ]
    return sorted(found, key=lambda each: -abs(each.amount_minor))
