"""Loading a creditor's files: every row is loaded, recognised, in conflict, or rejected with its reason.

A bad row never stops the others. Rows go in by batches, each in one transaction with the checkpoint: a load that was
killed goes on where it stood when the same file is loaded again, and rows it meets twice change nothing. A full card
number in any cell rejects the row and is never echoed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.feeds.arrears import look_at
from app.book.feeds.bank import camt054
from app.book.feeds.bank.matching import FindInstalments, no_instalments
from app.book.feeds.bank.store import TakeBack
from app.book.feeds.bank.store import store as store_bank_rows
from app.book.feeds.cells import Layout, Stored
from app.book.feeds.events import FeedLoaded
from app.book.feeds.layouts import ACCOUNTS, PAYMENTS, STATEMENTS, TRANSACTIONS
from app.book.feeds.models import FeedLoad
from app.book.feeds.reading import mapping as mappings
from app.book.feeds.reading.files import open_feed
from app.book.feeds.reading.parsing import Batch, RowParser
from app.book.feeds.reading.sources import ahead, on_disk, sha256_of
from app.book.feeds.rejects import RejectsFile
from app.book.feeds.storing.accounts import store_accounts
from app.book.feeds.storing.contacts import CONTACTS
from app.book.feeds.storing.dated import MANY_BYTES, store
from app.book.feeds.storing.known import KnownRows
from app.book.feeds.storing.positions import POSITIONS, check_source
from app.book.feeds.storing.report import COUNTS, LoadReport
from app.book.feeds.storing.tables import Taken
from app.book.ledger.models import Account, Customer, Entry, LedgerChange, Statement
from app.book.ledger.rules import FeedKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.database.bulk import refresh_statistics
from app.core.database.engine import exclusive, retrying, transaction
from app.core.errors import DeskError
from app.core.ids import id_of
from app.core.settings import get_settings
from app.core.timeline.service import about_portfolio, record

LAYOUTS: Mapping[FeedKind, Layout] = {
    FeedKind.ACCOUNTS: ACCOUNTS,
    FeedKind.STATEMENTS: STATEMENTS,
    FeedKind.TRANSACTIONS: TRANSACTIONS,
    FeedKind.PAYMENTS: PAYMENTS,
    FeedKind.POSITIONS: POSITIONS,
    FeedKind.CONTACTS: CONTACTS,
    FeedKind.CAMT054: camt054.CAMT054,
}
MANY = 5000
"""Rows from which on a load tells the query planner what it wrote."""

TELLS_OF_ARREARS = (FeedKind.STATEMENTS, FeedKind.TRANSACTIONS, FeedKind.PAYMENTS)
"""Loads after which the minimums of the latest statements are looked at."""

ATTEMPTS = 4
"""At a batch: a reference that was free when it was looked up may be taken a moment later by a person's entry."""


Finish = Callable[[Session, datetime], int]
"""The last step of each batch's transaction: what the money it moved changes elsewhere."""

Progress = Callable[[int], None]
"""Told how many rows have been read so far."""


def load(
    engine: Engine,
    kind: FeedKind,
    path: Path | None,
    portfolio_code: str,
    *,
    rejects_dir: Path,
    by: Actor,
    now: datetime,
    take_back: TakeBack,
    find_instalments: FindInstalments = no_instalments,
    finish: Finish = lambda _session, _now: 0,
    progress: Progress | None = None,
    mapping: mappings.Mapping | None = None,
    file_name: str | None = None,
    stored_path: str = "",
    load_id: int | None = None,
) -> LoadReport:
    """Load a CSV, CSV.gz or XLSX file (None = standard input, read to its end first) into a portfolio.

    `file_name` is what people call the file, `stored_path` where an upload is kept so that it can be resumed, `load_id`
    the history row that `begin` made. A file that was loaded before without a reject or conflict is recognised by its
    content; one whose load was killed is resumed. Raises DeskError where the file as a whole cannot be read (no such
    file, wrong columns, cut off in the middle); what was loaded until then stays, and loading the mended file
    finishes the job. `take_back` reverses a payment that a bank file takes back; doors load by
    `app.actions.feeds.loads`, which hands it in, and `find_instalments` for payments that name an instalment.
    """
    name = file_name or (path.name if path else "-")
    if load_id is None:
        with transaction(engine) as session:
            portfolio = get_portfolio(session, portfolio_code)
            load_id = begin(
                session, portfolio, kind, name, mapping=mapping, stored_path=stored_path, by=by, now=now
            )
    try:
        with on_disk(path) as file, exclusive(engine, f"portfolio-{portfolio_code}", wait=True):
            run = _Load(engine, kind, file, portfolio_code, load_id, mapping, name, finish, by=by, now=now)
            run.take_back, run.find_instalments = take_back, find_instalments
            return run.run(rejects_dir, progress)
    except DeskError as error:
        with transaction(engine) as session:
            history = session.get_one(FeedLoad, load_id)
            history.failure, history.finished_at = str(error)[:500], now
        raise


def begin(
    session: Session,
    portfolio: Portfolio,
    kind: FeedKind,
    file_name: str,
    *,
    mapping: mappings.Mapping | None = None,
    stored_path: str = "",
    by: Actor,
    now: datetime,
) -> int:
    """Write the history row of a load that is about to run and return its id, by which people follow the load."""
    check_source(portfolio, kind)
    history = FeedLoad(
        portfolio_id=id_of(portfolio),
        kind=kind,
        file_name=file_name[:255],
        sha256="",
        mapping=_mapping_name(mapping),
        stored_path=stored_path,
        by=by,
        started_at=now,
    )
    session.add(history)
    session.flush()
    return id_of(history)


def _mapping_name(mapping: mappings.Mapping | None) -> str:
    """Return the mapping's name with a hash of its content: under another mapping, the same file is another load."""
    if mapping is None:
        return ""
    return f"{mapping.name[:60]} ({hashlib.sha256(repr(mapping).encode()).hexdigest()[:8]})"


class _Load:
    """One run of a load, under the portfolio's lock."""

    take_back: TakeBack
    find_instalments: FindInstalments

    def __init__(
        self,
        engine: Engine,
        kind: FeedKind,
        path: Path,
        portfolio_code: str,
        load_id: int,
        mapping: mappings.Mapping | None,
        name: str,
        finish: Finish,
        *,
        by: Actor,
        now: datetime,
    ) -> None:
        self.engine = engine
        self.kind = kind
        self.path = path
        self.mapping = mapping
        self.name = name
        self.finish = finish
        self.by = by
        self.now = now
        self.load_id = load_id
        with transaction(engine) as session:
            self.portfolio: Portfolio = get_portfolio(session, portfolio_code)
        self.layout = LAYOUTS[kind]
        self.today = local_date(now, self.portfolio.timezone)
        self.report = LoadReport(kind.value)
        self._carefully = False
        self._notes: list[str] = []
        """Remarks for a person about the content of the file; a workbook gives them at its end."""

    def run(self, rejects_dir: Path, progress: Progress | None) -> LoadReport:
        sha256 = sha256_of(self.path, self.name)
        with transaction(self.engine) as session:
            history = self._take_up(session, sha256)
            if self._recognise(session, history):
                return self._finish(session, history)
            book = KnownRows(session, self.portfolio, whole=history.bytes_total >= MANY_BYTES, now=self.now)
        skip = history.rows_done
        stem = f"{self.portfolio.code}-{self.kind.value}-{history.started_at:%Y%m%dT%H%M%S}-{history.id}"
        rejects = RejectsFile(Path(history.rejects_file or rejects_dir / f"{stem}-rejects.csv"))
        warnings = RejectsFile(Path(history.warnings_file or rejects_dir / f"{stem}-warnings.csv"))
        with rejects, warnings:
            for batch in ahead(self._batches(skip)):
                if skip:
                    rejects.resume(batch.first_line)
                    warnings.resume(batch.first_line)
                    skip = 0
                self._store(batch, book, rejects, warnings)
                if progress:
                    progress(self.report.read)
        if self.report.loaded > MANY:
            refresh_statistics(self.engine, Account, Customer, Statement, Entry, LedgerChange)
        with transaction(self.engine) as session:
            return self._finish(session, session.get_one(FeedLoad, self.load_id))

    # --- the history row ------------------------------------------------------------------------------------

    def _take_up(self, session: Session, sha256: str) -> FeedLoad:
        """The history row, with the checkpoint of a load of the same content that was killed, if there is one."""
        history = session.get_one(FeedLoad, self.load_id)
        history.sha256, history.bytes_total = sha256, self.path.stat().st_size
        same = select(FeedLoad).where(
            FeedLoad.portfolio_id == history.portfolio_id,
            FeedLoad.kind == self.kind,
            FeedLoad.sha256 == sha256,
            FeedLoad.mapping == history.mapping,
        )
        unfinished = same.where(col(FeedLoad.finished_at).is_(None), col(FeedLoad.id) != history.id)
        killed = session.scalars(unfinished.order_by(col(FeedLoad.rows_done).desc())).all()
        for before in killed:
            if before.rows_done > history.rows_done:
                for name in (*COUNTS, "rows_done", "bytes_done", "rejects_file", "warnings_file"):
                    setattr(history, name, getattr(before, name))
            before.finished_at = self.now
            before.failure = f"interrupted; load {history.id} went on with it"
        for name in COUNTS:
            setattr(self.report, name, getattr(history, name))
        self.report.rejects_file = history.rejects_file or None
        self.report.warnings_file = history.warnings_file or None
        session.flush()
        return history

    def _recognise(self, session: Session, history: FeedLoad) -> bool:
        """Return True if a finished load has the same content and left nothing to add."""
        before = session.scalar(
            select(FeedLoad)
            .where(
                FeedLoad.portfolio_id == history.portfolio_id,
                FeedLoad.kind == self.kind,
                FeedLoad.sha256 == history.sha256,
                FeedLoad.mapping == history.mapping,
                FeedLoad.failure == "",
                FeedLoad.rejected == 0,
                FeedLoad.conflicts == 0,
                col(FeedLoad.finished_at).is_not(None),
            )
            .limit(1)
        )
        if before is None:
            return False
        self.report = LoadReport(self.kind.value, read=before.read, unchanged=before.read)
        self._say_if_older(session, before)
        history.rows_done, history.bytes_done = before.read, history.bytes_total
        return True

    def _say_if_older(self, session: Session, before: FeedLoad) -> None:
        """Note on the load that later files came before this one: it is old news and changes nothing."""
        later = select(FeedLoad.id).where(
            FeedLoad.portfolio_id == before.portfolio_id,
            FeedLoad.kind == self.kind,
            FeedLoad.sha256 != before.sha256,
            col(FeedLoad.id) > before.id,
            col(FeedLoad.rows_done) > 0,
        )
        if self.kind in (FeedKind.ACCOUNTS, FeedKind.CONTACTS) and session.scalar(later.limit(1)):
            self.report.notes.append(
                f"This very file was loaded before, on {before.started_at:%Y-%m-%d}, and others came since: it is "
                "older than they are, so nothing of it was taken over."
            )

    def _checkpoint(
        self,
        session: Session,
        batch: Batch,
        counts: Mapping[str, int],
        rejects: RejectsFile,
        warnings: RejectsFile,
    ) -> None:
        values: dict[str, int | str] = {**counts, "rows_done": counts["read"], "bytes_done": batch.bytes_done}
        if rejects.is_begun:
            values["rejects_file"] = str(rejects.path)
        if warnings.is_begun:
            values["warnings_file"] = str(warnings.path)
        session.execute(sa.update(FeedLoad).where(col(FeedLoad.id) == self.load_id).values(**values))

    def _finish(self, session: Session, history: FeedLoad) -> LoadReport:
        counts = {name: getattr(self.report, name) for name in COUNTS}
        for name, value in counts.items():
            setattr(history, name, value)
        history.finished_at = self.now
        if self.kind in TELLS_OF_ARREARS and self.report.loaded:
            self._notes.append(look_at(session, history.portfolio_id))
        self.report.notes = [*dict.fromkeys(filter(None, [*self._notes, *self.report.notes]))]
        history.notes = "\n".join(self.report.notes)
        loaded = FeedLoaded(self.kind, history.file_name, history.sha256, **counts)
        record(session, about_portfolio(history.portfolio_id, loaded), by=self.by, now=self.now)
        return self.report

    # --- rows -----------------------------------------------------------------------------------------------

    def _batches(self, skip: int) -> Iterator[Batch]:
        if self.kind is FeedKind.CAMT054:
            secret = get_settings().secret_key.get_secret_value()
            return camt054.batches(self.path, self.name, self.portfolio, secret, skip, self.today)
        known = (
            sorted(self.mapping.theirs) if self.mapping else [*self.layout.required, *self.layout.optional]
        )
        feed = open_feed(self.path, self.name, known, self.mapping)
        self._notes = feed.notes
        parser = RowParser(
            self.layout,
            self.portfolio,
            feed.header,
            self.mapping,
            today=self.today,
            is_workbook=feed.is_workbook,
        )
        return parser.batches(feed, skip)

    def _store(self, batch: Batch, book: KnownRows, rejects: RejectsFile, warnings: RejectsFile) -> None:
        """Store a batch in its own transaction, together with the checkpoint, and count the outcomes of its rows."""

        def once() -> dict[str, int]:
            rejects.rewind()
            warnings.rewind()
            book.rolled_back()
            with transaction(self.engine) as session:
                stored = self._stored(session, batch, book)
                self.finish(session, self.now)
                refused = batch.rejects + stored.rejects
                counts = self._counts(batch, stored)
                rejects.write(refused)
                warnings.write(batch.told)
                self._checkpoint(session, batch, counts, rejects, warnings)
            return counts

        for attempt in range(ATTEMPTS):
            try:
                counts = retrying(once)
                break
            except Taken:
                if attempt == ATTEMPTS - 1:
                    raise
                self._carefully = True
        rejects.keep()
        warnings.keep()
        book.committed()
        known = ("updated", "unchanged", "conflicts")
        is_all_new = all(counts[name] == getattr(self.report, name) for name in known)
        self._carefully = self._carefully and not is_all_new
        for name, value in counts.items():
            setattr(self.report, name, value)
        self.report.rejects_file = rejects.name_if_any()
        self.report.warnings_file = warnings.name_if_any()

    def _stored(self, session: Session, batch: Batch, book: KnownRows) -> Stored:
        if self.kind is FeedKind.CAMT054:
            return store_bank_rows(
                session, self.portfolio, batch.rows, self.take_back, self.now, self.find_instalments
            )
        if self.layout.store is not None:
            return self.layout.store(session, self.portfolio, batch.rows, self.now)
        if self.kind is FeedKind.ACCOUNTS:
            return store_accounts(session, book, batch, self._carefully, by=self.by)
        return store(session, self.kind, book, batch, carefully=self._carefully)

    def _counts(self, batch: Batch, stored: Stored) -> dict[str, int]:
        refused = batch.rejects + stored.rejects
        conflicts = sum(reject.is_conflict for reject in refused)
        new = {
            "read": batch.read,
            "loaded": stored.loaded,
            "updated": stored.updated,
            "unchanged": stored.unchanged,
            "conflicts": conflicts,
            "rejected": len(refused) - conflicts,
            "warned": len(batch.told),
        }
        return {name: getattr(self.report, name) + value for name, value in new.items()}
