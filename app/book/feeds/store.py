"""Understood rows into the tables, a batch at a time and in bulk.

A batch is first written as if all of it were new, which it mostly is. Where the database finds a reference taken
(`Taken`), the caller rolls back and stores the batch again *carefully*: what is known is looked up and compared, and
each row is loaded, unchanged, or in conflict.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Any

import polars as pl
import psycopg
import sqlalchemy as sa
from sqlmodel import Session, SQLModel

from app.book.feeds.columns import FIRST_DATE, LAST_DATE
from app.book.feeds.layouts import CONFLICT, Reject, Stored
from app.book.feeds.reading.dates import DATE_RULES, DateRule, refusal
from app.book.feeds.reading.parsing import LINE, Batch
from app.book.ledger.models import (
    Account,
    Entry,
    LedgerChange,
    Portfolio,
    ReplacedStatement,
    Statement,
)
from app.book.ledger.rules import AccountStatus, EntryKind, FeedKind
from app.book.ledger.service import first_open_day
from app.core.bulk import among
from app.core.clock import local_date
from app.core.db import table_of
from app.core.errors import DeskError

MANY_BYTES = 4 * 1024 * 1024
"""Size of a file from which on a load reads the portfolio's accounts all at once."""
SLICE = 20_000
"""Rows that become Python objects at a time, on SQLite."""


OPENED_ON = "account_opened_on"


class Taken(Exception):
    """A row of the batch has a reference that is in the table already, or has to be looked up for another reason."""


class Book:
    """What one load knows of its portfolio: its accounts, and which of them are marked as changed already.

    The load holds the portfolio's lock and so does the night that folds accounts and takes marks away, so a
    mark seen or made stays for as long as the load lasts.
    """

    def __init__(self, session: Session, portfolio: Portfolio, *, whole: bool, now: datetime) -> None:
        assert portfolio.id is not None
        self.portfolio_id = portfolio.id
        self.now = now
        self.today = local_date(now, portfolio.timezone)
        self.open_on = first_open_day(session, self.portfolio_id)
        self._accounts: pl.DataFrame | None = None
        self._in_capitals: pl.DataFrame | None = None
        """The same with references in capitals, once a batch has asked for one in another case."""
        self._marks = pl.DataFrame(schema=_MARKS)
        self._new_marks = self._marks
        self._replaced: pl.DataFrame | None = None
        self._seen = self._new_seen = (pl.Series(dtype=pl.UInt64), pl.Series(dtype=pl.UInt64))
        if whole:
            self._accounts = self._find_accounts(session, None)
            marks = table_of(LedgerChange).c
            query = sa.select(marks.account_id, marks.earliest_on)
            self._marks = fetch(session, query.where(marks.portfolio_id == self.portfolio_id), _MARKS)

    def accounts(self, session: Session, references: pl.Series) -> pl.DataFrame:
        """account_ref, account_id, charged_off_on and opened_on of those of these references that exist."""
        asked = references.unique()
        if self._accounts is None:
            found = self._find_accounts(session, asked.to_list())
        else:
            # A join builds its table of the side it looks things up in: this way of the batch's, not of the book's.
            found = self._accounts.join(asked.to_frame("account_ref"), on="account_ref", how="semi")
        if found.height == asked.len():
            return found
        missing = asked.filter(~asked.is_in(found["account_ref"].implode()))
        return pl.concat([found, self._of_another_case(session, missing)])

    def _of_another_case(self, session: Session, missing: pl.Series) -> pl.DataFrame:
        """Accounts whose reference differs in case only, under the spelling asked for, where there is exactly one."""
        upper = missing.to_frame("account_ref").with_columns(upper=pl.col("account_ref").str.to_uppercase())
        known = self._in_capitals
        if known is None:
            known = self._accounts
            if known is None:
                known = self._find_accounts(session, upper["upper"].unique().to_list(), any_case=True)
            known = known.with_columns(upper=pl.col("account_ref").str.to_uppercase()).drop("account_ref")
            if self._accounts is not None:
                self._in_capitals = known
        known = known.join(upper.select("upper").unique(), on="upper", how="semi")
        found = upper.join(known.filter(pl.len().over("upper") == 1), on="upper", how="inner")
        return found.select("account_ref", "account_id", "charged_off_on", OPENED_ON)

    def _find_accounts(
        self, session: Session, references: Sequence[str] | None, *, any_case: bool = False
    ) -> pl.DataFrame:
        account = table_of(Account).c
        charged_off_on = sa.case((account.status == AccountStatus.CHARGED_OFF, account.ended_on))
        query = sa.select(account.reference, account.id, charged_off_on, account.opened_on)
        query = query.where(account.portfolio_id == self.portfolio_id)
        if references is not None:
            name = sa.func.upper(account.reference) if any_case else account.reference
            query = query.where(_among(session, name, references))
        schema = {
            "account_ref": pl.String,
            "account_id": pl.Int64,
            "charged_off_on": pl.Date,
            OPENED_ON: pl.Date,
        }
        return fetch(session, query, schema)

    def replaced(self, session: Session) -> pl.DataFrame:
        """Statements of the portfolio that were replaced or withdrawn, as they were; few."""
        if self._replaced is None:
            compared = _DATED[FeedKind.STATEMENTS].compared
            old = table_of(ReplacedStatement).c
            query = sa.select(old.reference, *(old[name] for name in compared), old.statement_id)
            schema = {
                "reference": pl.String,
                **{name: _polars_type(old[name]) for name in compared},
                "statement_id": pl.Int64,
            }
            self._replaced = fetch(session, query.where(old.portfolio_id == self.portfolio_id), schema)
        return self._replaced

    def mark(self, session: Session, changed: pl.DataFrame) -> None:
        """Note from which date on accounts have something unfolded: `account_id`, `earliest_on`, in any number."""
        first = changed.group_by("account_id").agg(pl.col("earliest_on").min())
        known = first.join(self._marks, on="account_id", how="left", suffix="_known")
        is_sooner = pl.col("earliest_on_known").is_null() | (
            pl.col("earliest_on") < pl.col("earliest_on_known")
        )
        new = known.filter(is_sooner).select("account_id", "earliest_on").sort("account_id")
        if new.is_empty():
            return
        _upsert_marks(session, new.with_columns(portfolio_id=pl.lit(self.portfolio_id)))
        self._new_marks = pl.concat([self._marks.join(new, on="account_id", how="anti"), new])

    @property
    def seen_customers(self) -> pl.Series:
        """Hashes of the customers that earlier batches of this load spoke of."""
        return self._seen[0]

    @property
    def seen_accounts(self) -> pl.Series:
        return self._seen[1]

    def saw(self, customers: pl.Series, accounts: pl.Series) -> None:
        """Remember whom a batch speaks of: a later one that says otherwise contradicts its own file."""
        both = zip(self._seen, (customers, accounts), strict=True)
        first, second = (pl.concat([seen, now.hash()]) for seen, now in both)
        self._new_seen = (first, second)

    def committed(self) -> None:
        """The batch stored last is in the database."""
        self._marks = self._new_marks
        self._seen = self._new_seen

    def rolled_back(self) -> None:
        self._new_marks = self._marks
        self._new_seen = self._seen


_MARKS = {"account_id": pl.Int64, "earliest_on": pl.Date}


def store(session: Session, kind: FeedKind, book: Book, batch: Batch, *, carefully: bool) -> Stored:
    """Store a batch in the caller's transaction. Raises Taken, with the transaction spoilt, where a reference is known
    and `carefully` is False."""
    return _store_dated(session, book, batch, _DATED[kind], carefully)


# --- statements and entries -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Dated:
    kind: FeedKind
    model: type[SQLModel]
    dated_by: str
    reference_column: str
    compared: tuple[str, ...]
    source: str = ""


_ENTRY = ("kind", "amount_minor", "effective_on", "description", "account_id")
_DATED = {
    FeedKind.STATEMENTS: _Dated(
        FeedKind.STATEMENTS,
        Statement,
        "closing_on",
        "statement_ref",
        ("closing_on", "due_on", "balance_minor", "minimum_due_minor", "account_id"),
    ),
    FeedKind.TRANSACTIONS: _Dated(
        FeedKind.TRANSACTIONS, Entry, "effective_on", "transaction_ref", _ENTRY, "feed:transactions"
    ),
    FeedKind.PAYMENTS: _Dated(
        FeedKind.PAYMENTS, Entry, "effective_on", "payment_ref", _ENTRY, "feed:payments"
    ),
}


def _store_dated(session: Session, book: Book, batch: Batch, feed: _Dated, carefully: bool) -> Stored:
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
    # Of a reference that is known with another day the conflict is told, whatever the day.
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
    session: Session, book: Book, batch: Batch, rows: pl.DataFrame, stored: Stored, carefully: bool
) -> pl.DataFrame:
    """Rows but for those that say again what a manager has replaced or withdrawn: a file that is loaded a second time
    does not bring a wrong statement back. Under a withdrawn reference nothing new is loaded either."""
    compared = _DATED[FeedKind.STATEMENTS].compared
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
    """New statements but for those of a closing day for which their account has one: which of two is right is for a
    manager to say (`desk statement replace`)."""
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
    # What stood before the file comes before what the file brings.
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
"""What is paid on a charged-off account is a recovery; loaded again, it is still the same payment."""


def _dated_rows(fresh: pl.DataFrame, book: Book, feed: _Dated) -> pl.DataFrame:
    """Rows as the table has them. What came after its day was closed is posted into the open day."""
    on = pl.col(feed.dated_by)
    posted_on = pl.max_horizontal(on, pl.lit(book.open_on)) if book.open_on else on
    constant: dict[str, Any] = {"portfolio_id": pl.lit(book.portfolio_id)}
    if feed.model is Entry:
        is_recovery = (pl.col("given") == EntryKind.PAYMENT.value) & (on > pl.col("charged_off_on"))
        constant["kind"] = pl.when(is_recovery).then(pl.lit(EntryKind.RECOVERY.value)).otherwise("given")
        constant["source"] = pl.lit(feed.source)
        constant["created_at"] = pl.lit(book.now)
    rows = fresh.with_columns(posted_on=posted_on, **constant)
    return rows.drop(LINE, "account_ref", "charged_off_on", OPENED_ON, "given", strict=False)


def within_days(
    rows: pl.DataFrame, rules: Sequence[DateRule], book: Book, batch: Batch, stored: Stored
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
    """Where `refusal` would refuse, of the whole column at once."""
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


def new_ids(session: Session, model: type[SQLModel], number: int) -> pl.Series:
    """Ids nobody else will use. On SQLite the transaction holds the only write lock."""
    name = table_of(model).name
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        last = connection.exec_driver_sql(f'SELECT coalesce(max(id), 0) FROM "{name}"').scalar_one()  # noqa: S608
        return pl.int_range(last + 1, last + 1 + number, dtype=pl.Int64, eager=True)
    sequence = connection.execute(sa.select(sa.func.pg_get_serial_sequence(name, "id"))).scalar_one()
    numbers = sa.text("SELECT nextval(cast(:sequence AS regclass)) FROM generate_series(1, :number)")
    found = connection.execute(numbers, {"sequence": sequence, "number": number}).scalars().all()
    return pl.Series(found, dtype=pl.Int64)


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
    session: Session, model: type[SQLModel], book: Book, references: pl.Series, columns: Sequence[str]
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
        _among(session, table.c.reference, references.unique().to_list()),
    )
    schema = {"reference": pl.String, **{name: _polars_type(table.c[name]) for name in columns}}
    return fetch(session, query, schema)


def _polars_type(column: sa.Column[Any]) -> type[pl.DataType]:
    if isinstance(column.type, sa.Date):
        return pl.Date
    if isinstance(column.type, sa.Boolean):
        return pl.Boolean
    return pl.Int64 if isinstance(column.type, sa.Integer) else pl.String


def refuse(stored: Stored, batch: Batch, refused: Sequence[tuple[int, str, str]]) -> None:
    cells = batch.cells_of([line for line, _, _ in refused])
    stored.rejects.extend(Reject(line, column, reason, cells[line]) for line, column, reason in refused)


# --- the two databases ----------------------------------------------------------------------------------------


def _among(session: Session, column: sa.ColumnElement[str], values: Sequence[str]) -> sa.ColumnElement[bool]:
    """`column` is one of many values, which go over as one parameter."""
    if session.get_bind().dialect.name == "postgresql":
        array = sa.bindparam(None, list(values), type_=sa.ARRAY(sa.String))
        return column.bool_op("=")(sa.func.any(array))
    each = sa.func.json_each(json.dumps(values)).table_valued("value")
    return column.in_(sa.select(each.c.value))


def fetch(session: Session, query: sa.Select[Any], schema: dict[str, Any]) -> pl.DataFrame:
    result = session.connection().execute(query, execution_options={"yield_per": SLICE})
    parts = [pl.DataFrame(list(map(tuple, part)), schema, orient="row") for part in result.partitions(SLICE)]
    return pl.concat(parts, rechunk=True) if parts else pl.DataFrame(schema=schema)


def write(session: Session, model: type[SQLModel], rows: pl.DataFrame) -> None:
    """Insert rows whose columns are the table's. Raises Taken for a reference that is there already."""
    if rows.is_empty():
        return
    table = table_of(model)
    names = ", ".join(f'"{name}"' for name in rows.columns)
    connection = session.connection()
    if connection.dialect.name == "postgresql":
        _copy(session, f'"{table.name}" ({names})', rows)
        return
    marks = ", ".join("?" * rows.width)
    insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - names of our models
    try:
        for part in _as_sqlite(rows).iter_slices(SLICE):
            connection.exec_driver_sql(insert, part.rows())
    except sa.exc.IntegrityError as error:
        if "UNIQUE" in str(error.orig):
            raise Taken from None
        raise


def _as_sqlite(rows: pl.DataFrame) -> pl.DataFrame:
    """Dates and instants as the text SQLAlchemy keeps there."""
    written = _written_dates()
    dates = [
        written.gather(rows[name].cast(pl.Int32) - DAY_0).alias(name)
        for name in rows.select(pl.selectors.date()).columns
    ]
    return rows.with_columns(*dates, pl.selectors.datetime().dt.strftime("%Y-%m-%d %H:%M:%S.%6f"))


DAY_0 = (FIRST_DATE - date(1970, 1, 1)).days


@cache
def _written_dates() -> pl.Series:
    """The ISO text of each date a feed may have, in order: looking one up is faster than writing it."""
    return pl.date_range(FIRST_DATE, LAST_DATE, eager=True).cast(pl.String)


def _copy(session: Session, target: str, rows: pl.DataFrame) -> None:
    """COPY rows into a table on PostgreSQL. Its errors quote the row and are not passed on as they are."""
    text = io.BytesIO()
    rows.write_csv(text, include_header=False, datetime_format="%Y-%m-%d %H:%M:%S%.6f%z")
    cursor: psycopg.Cursor[Any] = session.connection().connection.cursor()  # type: ignore[assignment]
    try:
        with cursor.copy(f"COPY {target} FROM STDIN (FORMAT csv)".encode()) as copy:
            copy.write(text.getbuffer())
    except psycopg.errors.UniqueViolation:
        raise Taken from None
    except psycopg.OperationalError as error:
        raise sa.exc.OperationalError("COPY", None, error) from None
    except psycopg.Error as error:
        raise DeskError(f"the database refused rows: {error.diag.message_primary}") from None
    finally:
        cursor.close()


def _upsert_marks(session: Session, marks: pl.DataFrame) -> None:
    """Write marks; an earlier one that is there already stays."""
    connection = session.connection()
    columns = "account_id, portfolio_id, earliest_on"
    marks = marks.select(columns.split(", "))
    keep = "ON CONFLICT (account_id) DO UPDATE SET earliest_on"
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(
            "CREATE TEMP TABLE IF NOT EXISTS feed_mark (account_id bigint, portfolio_id bigint, earliest_on date) "
            "ON COMMIT DELETE ROWS"
        )
        _copy(session, f"feed_mark ({columns})", marks)
        connection.exec_driver_sql(
            f"INSERT INTO ledger_change ({columns}) SELECT {columns} FROM feed_mark "  # noqa: S608
            f"{keep} = least(ledger_change.earliest_on, excluded.earliest_on)"
        )
        return
    insert = f"INSERT INTO ledger_change ({columns}) VALUES (?, ?, ?) {keep} = min(earliest_on, excluded.earliest_on)"  # noqa: S608
    for part in _as_sqlite(marks).iter_slices(SLICE):
        connection.exec_driver_sql(insert, part.rows())
