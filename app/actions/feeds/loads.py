"""Load a creditor's or a bank's file, for the command, the page and the demo."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.actions.accounts.reversals import reverse_entry
from app.book.feeds.storing.report import LoadReport
from app.book.ledger.rules import FeedKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.figures import refresh_touched
from app.casework.plans.restoration.service import restore_loaded
from app.casework.plans.tracking.linking import find_instalments, link_touched
from app.core.actor import Actor
from app.core.database.engine import retrying, transaction

BRINGS_MONEY = (FeedKind.PAYMENTS, FeedKind.TRANSACTIONS, FeedKind.CAMT054)

if TYPE_CHECKING:
    from app.book.feeds.reading.mapping import Mapping
    from app.book.feeds.service import Progress


def load(
    engine: Engine,
    kind: FeedKind,
    path: Path | None,
    portfolio_code: str,
    *,
    rejects_dir: Path,
    by: Actor,
    now: datetime,
    progress: Progress | None = None,
    mapping: Mapping | None = None,
    file_name: str | None = None,
    stored_path: str = "",
    load_id: int | None = None,
) -> LoadReport:
    """Load a file as `app.book.feeds.service.load` says; a payment that a bank takes back is reversed with the
    agreement it had kept and the case it had closed; a payment that names an instalment by its reference is linked to
    it; an agreement that was found broken runs on where a payment shows that it was not; and lists show what is owed
    now. A load that is cut off leaves such agreements to the night."""
    from app.book.feeds import service as feeds  # a third of a second, and only where a file is loaded

    report = feeds.load(
        engine,
        kind,
        path,
        portfolio_code,
        rejects_dir=rejects_dir,
        by=by,
        now=now,
        take_back=reverse_entry,
        find_instalments=find_instalments,
        finish=_finish,
        progress=progress,
        mapping=mapping,
        file_name=file_name,
        stored_path=stored_path,
        load_id=load_id,
    )
    if kind in BRINGS_MONEY:
        retrying(partial(_restore, engine, portfolio_code, now))
    return report


def _restore(engine: Engine, portfolio_code: str, now: datetime) -> None:
    with transaction(engine) as session:
        restore_loaded(session, get_portfolio(session, portfolio_code), now=now)
        refresh_touched(session, now)


def _finish(session: Session, now: datetime) -> int:
    link_touched(session)
    return refresh_touched(session, now)
