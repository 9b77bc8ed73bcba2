"""Understood rows into the tables, a batch at a time and in bulk.

A batch is first written as if all of it were new, which it mostly is. Where the database finds a reference taken
(`Taken`), the caller rolls back and stores the batch again *carefully*: what is known is looked up and compared, and
each row is loaded, unchanged, or in conflict.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import polars as pl
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from app.book.feeds.cells import CONFLICT, Reject, Stored
from app.book.feeds.reading.dates import DATE_RULES, DateRule, refusal
from app.book.feeds.reading.parsing import LINE, Batch
from app.book.feeds.storing.kinds import DATED, Dated
from app.book.feeds.storing.known import OPENED_ON, KnownRows
from app.book.feeds.storing.tables import Taken, among_texts, fetch, polars_type, write
from app.book.ledger.models import (
    Entry,
    Statement,
)
from app.book.ledger.rules import EntryKind, FeedKind
from app.core.database.bulk import among
from app.core.database.engine import table_of
from app.core.types import JsonObject

MANY_BYTES = 4 * 1024 * 1024
"""Size of a file from which on a load reads the portfolio's accounts all at once."""


def store(session: Session, kind: FeedKind, book: KnownRows, batch: Batch, *, carefully: bool) -> Stored:
    """Store a batch in the caller's transaction. Raises Taken, with the transaction spoilt, where a reference is known
    and `carefully` is False."""
    return _store_dated(session, book, batch, DATED[kind], carefully)


# --- statements and entries -----------------------------------------------------------------------------------


def _store_dated(session: Session, book: KnownRows, batch: Batch, feed: Dated, carefully: bool) -> Stored:
    """Statements or entries of accounts that exist; notes from when on each account changed."""
    stored = Stored()
    assert batch.values is not None
    accounts = book.accounts(session, batch.values["account_ref"])
    rows = batch.values.join(accounts, on="account_ref", how="left", maintain_order="left")
    unknown = rows.filter(pl.col("account_id").is_null())[LINE].to_list()
    if unknown:
        rows = rows.filter(pl.col("account_id").is_not_null())
        refuse(
            stored, batch, [(line, "account_ref", "no such account in this portfolio") for line in unknown]
        )
    if feed.model is Entry:
        rows = rows.with_columns(given=pl.col("kind"), kind=_PAID)
    known = None
    if feed.model is Statement:
        rows = _without_replaced(session, book, batch, rows, stored, carefully)
    if carefully:
        known = known_rows(session, feed.model, book, rows["reference"], feed.compared)
        if feed.model is Entry:
            known = known.with_columns(kind=_PAID)
    fresh, conflicts = _settle(rows, known, feed.compared, stored)
    refuse(
        stored,
        batch,
        [
            (line, feed.reference_column, f"{CONFLICT}this reference is already loaded with another {names}")
            for line, names in conflicts
        ],
    )
    # A reference known with another day is reported as a conflict, even if its day may not be.
    within = within_days(fresh, DATE_RULES[feed.kind], book, batch, stored)
    if within.height < fresh.height and not carefully:
        raise Taken
    fresh = within
    if feed.model is Statement and carefully:
        fresh = _one_a_closing_day(session, batch, fresh, stored)
    write(session, feed.model, _dated_rows(fresh, book, feed))
    book.mark(session, fresh.select("account_id", earliest_on=feed.dated_by))
    stored.loaded += fresh.height
    return stored


def _without_replaced(
    session: Session, book: KnownRows, batch: Batch, rows: pl.DataFrame, stored: Stored, carefully: bool
) -> pl.DataFrame:
    """Rows but for those that say again what a manager has replaced or withdrawn: a file that is loaded a second time
    does not bring a wrong statement back. Under a withdrawn reference nothing new is loaded either."""
    compared = DATED[FeedKind.STATEMENTS].compared
    old = book.replaced(session)
    touched = rows.join(old, on="reference", how="semi") if not old.is_empty() else rows.clear()
    if touched.is_empty():
        return rows
    if not carefully:
        raise Taken
    again = touched.join(old, on=["reference", *compared], how="semi")
    stored.unchanged += again.height
    rows = rows.filter(~pl.col(LINE).is_in(again[LINE].implode()))
    gone = old.filter(pl.col("statement_id").is_null()).select("reference")
    standing = known_rows(session, Statement, book, touched["reference"], ())
    withdrawn = rows.join(gone, on="reference", how="semi").join(standing, on="reference", how="anti")
    why = f"{CONFLICT}this statement was withdrawn; load the right one under another reference"
    refuse(stored, batch, [(line, "statement_ref", why) for line in withdrawn[LINE].to_list()])
    return rows.filter(~pl.col(LINE).is_in(withdrawn[LINE].implode()))


def _one_a_closing_day(session: Session, batch: Batch, fresh: pl.DataFrame, stored: Stored) -> pl.DataFrame:
    """Return the new statements of closing days for which their account has none; refuse the others. A manager
    decides which of two statements of a day is right (`desk statement replace`)."""
    if fresh.is_empty():
        return fresh
    day = ["account_id", "closing_on"]
    statement = table_of(Statement).c
    query = sa.select(statement.account_id, statement.closing_on, statement.reference).where(
        among(session, statement.account_id, fresh["account_id"].unique().to_list()),
        statement.closing_on >= fresh["closing_on"].min(),
        statement.closing_on <= fresh["closing_on"].max(),
    )
    schema = {"account_id": pl.Int64, "closing_on": pl.Date, "standing": pl.String}
    first = fresh.unique(day, keep="first", maintain_order=True)
    known = pl.concat([fetch(session, query, schema), first.select(*day, standing="reference")])
    # Statements stored before come before those of the file.
    pairs = fresh.join(
        known.unique(day, keep="first", maintain_order=True), on=day, how="left", maintain_order="left"
    )
    second = pairs.filter(pl.col("standing") != pl.col("reference"))
    refuse(
        stored,
        batch,
        [
            (
                line,
                "closing_on",
                f"{CONFLICT}this account has statement {standing} of that closing day; a manager replaces one "
                "(desk statement replace)",
            )
            for line, standing in second.select(LINE, "standing").iter_rows()
        ],
    )
    return fresh.filter(~pl.col(LINE).is_in(second[LINE].implode()))


_PAID = pl.col("kind").replace(EntryKind.RECOVERY.value, EntryKind.PAYMENT.value)
"""A payment on a charged-off account is a recovery; loaded again, it is still the same payment."""


def _dated_rows(fresh: pl.DataFrame, book: KnownRows, feed: Dated) -> pl.DataFrame:
    """Rows as the table has them. A row that came after its day was closed is posted into the open day."""
    on = pl.col(feed.dated_by)
    posted_on = pl.max_horizontal(on, pl.lit(book.open_on)) if book.open_on else on
    constant: JsonObject = {"portfolio_id": pl.lit(book.portfolio_id)}
    if feed.model is Entry:
        is_recovery = (pl.col("given") == EntryKind.PAYMENT.value) & (on > pl.col("charged_off_on"))
        constant["kind"] = pl.when(is_recovery).then(pl.lit(EntryKind.RECOVERY.value)).otherwise("given")
        constant["source"] = pl.lit(feed.source)
        constant["created_at"] = pl.lit(book.now)
    rows = fresh.with_columns(posted_on=posted_on, **constant)
    return rows.drop(LINE, "account_ref", "charged_off_on", OPENED_ON, "given", strict=False)


def within_days(
    rows: pl.DataFrame, rules: Sequence[DateRule], book: KnownRows, batch: Batch, stored: Stored
) -> pl.DataFrame:
    """The rows whose days may be; the others are rejected, each with the first reason."""
    refused = [
        (rule, rows.filter(wrong)) for rule in rules if (wrong := _wrong_day(rows, rule, book.today)).any()
    ]
    if not refused:
        return rows
    reasons: dict[int, tuple[int, str, str]] = {}
    for rule, bad in refused:
        for row in bad.iter_rows(named=True):
            why = refusal(rule, row, book.today, row.get(OPENED_ON))
            reasons.setdefault(row[LINE], (row[LINE], rule.column, why))
    refuse(stored, batch, sorted(reasons.values()))
    return rows.filter(~pl.col(LINE).is_in(list(reasons)))


def _wrong_day(rows: pl.DataFrame, rule: DateRule, today: date) -> pl.Series:
    """Mark the rows that `refusal` would refuse, for the whole column at once."""
    on = rows[rule.value]
    wrong = pl.repeat(False, rows.height, dtype=pl.Boolean, eager=True)
    if rule.ahead is not None:
        wrong = wrong | (on > today + rule.ahead)
    if rule.since_opening and OPENED_ON in rows.columns:
        wrong = wrong | (on < rows[OPENED_ON])
    if rule.after:
        wrong = wrong | (on - rows[rule.after] > rule.longest)
    return wrong.fill_null(False)


# --- ids ------------------------------------------------------------------------------------------------------


# --- known or new ---------------------------------------------------------------------------------------------


def _settle(
    rows: pl.DataFrame, known: pl.DataFrame | None, compared: Sequence[str], stored: Stored
) -> tuple[pl.DataFrame, list[tuple[int, str]]]:
    """Part rows by `reference` into those that are new and those that are known or came earlier in the batch. Of the
    latter those that say the same are counted as unchanged; the others are (line, names of what differs)."""
    is_new = rows["reference"].is_first_distinct()
    if known is not None:
        is_new = is_new & ~rows["reference"].is_in(known["reference"].implode())
    if is_new.all():
        return rows, []
    fresh, again = rows.filter(is_new), rows.filter(~is_new)
    others = fresh.select("reference", *compared)
    if known is not None:
        others = pl.concat([others, known.select("reference", *compared)])
    pairs = again.join(others, on="reference", how="left", suffix="_known")
    differing = pairs.select(LINE, *[_differs(name).alias(name) for name in compared])
    conflicts = differing.filter(pl.any_horizontal(*compared)).sort(LINE)
    stored.unchanged += again.height - conflicts.height
    return fresh, [
        (line, ", ".join(name for name, differs in zip(compared, flags, strict=True) if differs))
        for line, *flags in conflicts.iter_rows()
    ]


def _differs(name: str) -> pl.Expr:
    differs = pl.col(name).ne_missing(pl.col(f"{name}_known"))
    if name in ("status", "language"):
        differs = differs & pl.col(name).is_not_null() & pl.col(f"{name}_known").is_not_null()
    return differs


def known_rows(
    session: Session, model: type[SQLModel], book: KnownRows, references: pl.Series, columns: Sequence[str]
) -> pl.DataFrame:
    """Rows of the portfolio that have one of these references, by the columns asked for."""
    table = table_of(model)
    # As text: an enum's value is compared, not its member.
    chosen = [
        sa.type_coerce(table.c[name], sa.String) if isinstance(table.c[name].type, sa.Enum) else table.c[name]
        for name in columns
    ]
    query = sa.select(table.c.reference, *chosen).where(
        table.c.portfolio_id == book.portfolio_id,
        among_texts(session, table.c.reference, references.unique().to_list()),
    )
    schema = {"reference": pl.String, **{name: polars_type(table.c[name]) for name in columns}}
    return fetch(session, query, schema)


def refuse(stored: Stored, batch: Batch, refused: Sequence[tuple[int, str, str]]) -> None:
    cells = batch.cells_of([line for line, _, _ in refused])
    stored.rejects.extend(Reject(line, column, reason, cells[line]) for line, column, reason in refused)


# --- the two databases ----------------------------------------------------------------------------------------
