"""Accounts of a load's portfolio, and which of them are marked as changed already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import polars as pl
import sqlalchemy as sa
from sqlmodel import Session

from app.book.feeds.storing.kinds import DATED
from app.book.feeds.storing.tables import SLICE, among_texts, as_sqlite, copy_rows, fetch, polars_type
from app.book.ledger.models import Account, LedgerChange, ReplacedStatement
from app.book.ledger.rules import AccountStatus, FeedKind
from app.book.ledger.service import touch
from app.book.portfolios.days import first_open_day
from app.book.portfolios.models import Portfolio
from app.core.clock import local_date
from app.core.database.engine import table_of

OPENED_ON = "account_opened_on"


class KnownRows:
    """Accounts of a load's portfolio: references, and which of them are marked as changed already.

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
        self._marks = pl.DataFrame(schema=MARKS)
        self._new_marks = self._marks
        self._replaced: pl.DataFrame | None = None
        self._seen = self._new_seen = (pl.Series(dtype=pl.UInt64), pl.Series(dtype=pl.UInt64))
        if whole:
            self._accounts = self._find_accounts(session, None)
            marks = table_of(LedgerChange).c
            query = sa.select(marks.account_id, marks.earliest_on)
            self._marks = fetch(session, query.where(marks.portfolio_id == self.portfolio_id), MARKS)

    def accounts(self, session: Session, references: pl.Series) -> pl.DataFrame:
        """account_ref, account_id, charged_off_on and opened_on of those of these references that exist."""
        asked = references.unique()
        if self._accounts is None:
            found = self._find_accounts(session, asked.to_list())
        else:
            # A join builds a hash table of the side it looks things up in: here the batch's, not the portfolio's.
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
            query = query.where(among_texts(session, name, references))
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
            compared = DATED[FeedKind.STATEMENTS].compared
            old = table_of(ReplacedStatement).c
            query = sa.select(old.reference, *(old[name] for name in compared), old.statement_id)
            schema = {
                "reference": pl.String,
                **{name: polars_type(old[name]) for name in compared},
                "statement_id": pl.Int64,
            }
            self._replaced = fetch(session, query.where(old.portfolio_id == self.portfolio_id), schema)
        return self._replaced

    def mark(self, session: Session, changed: pl.DataFrame) -> None:
        """Note from which date on accounts have something unfolded: `account_id`, `earliest_on`, in any number."""
        first = changed.group_by("account_id").agg(pl.col("earliest_on").min())
        touch(session, self.portfolio_id, first["account_id"].to_list())
        known = first.join(self._marks, on="account_id", how="left", suffix="_known")
        is_sooner = pl.col("earliest_on_known").is_null() | (
            pl.col("earliest_on") < pl.col("earliest_on_known")
        )
        new = known.filter(is_sooner).select("account_id", "earliest_on").sort("account_id")
        if new.is_empty():
            return
        upsert_marks(session, new.with_columns(portfolio_id=pl.lit(self.portfolio_id)))
        self._new_marks = pl.concat([self._marks.join(new, on="account_id", how="anti"), new])

    @property
    def seen_customers(self) -> pl.Series:
        """Hashes of the customers that earlier batches of this load spoke of."""
        return self._seen[0]

    @property
    def seen_accounts(self) -> pl.Series:
        return self._seen[1]

    def saw(self, customers: pl.Series, accounts: pl.Series) -> None:
        """Remember the customers of a batch: a later batch that gives other data contradicts its own file."""
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


MARKS = {"account_id": pl.Int64, "earliest_on": pl.Date}


def upsert_marks(session: Session, marks: pl.DataFrame) -> None:
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
        copy_rows(session, f"feed_mark ({columns})", marks)
        connection.exec_driver_sql(
            f"INSERT INTO ledger_change ({columns}) SELECT {columns} FROM feed_mark "  # noqa: S608
            f"{keep} = least(ledger_change.earliest_on, excluded.earliest_on)"
        )
        return
    insert = f"INSERT INTO ledger_change ({columns}) VALUES (?, ?, ?) {keep} = min(earliest_on, excluded.earliest_on)"  # noqa: S608
    for part in as_sqlite(marks).iter_slices(SLICE):
        connection.exec_driver_sql(insert, part.rows())
