"""2,000 real accounts, month by month: the figures that nights store equal those computed from the feed files."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.engine import Engine

from app.book.portfolios.service import get_portfolio
from app.core.database.engine import reading
from app.programs.demo.sample import SAMPLE
from app.reporting.kpis.family import Scope
from app.reporting.kpis.proof.checking import check_accounts
from tests import builders
from tests.reporting.kpis.real_book import NIGHTS, compared


def test_every_month_end_equals_the_feed_files(engine: Engine, tmp_path: Path) -> None:
    found = {on: (wanted, differ) for on, wanted, differ in compared(engine, SAMPLE, tmp_path)}
    assert {on: differ for on, (_, differ) in found.items()} == {on: [] for on in NIGHTS}
    august, september = (found[on][0] for on in NIGHTS[-2:])
    # Enough that it proves something: late accounts, cures, every line of the roll-forward but credits, many slices.
    assert august["overdue_rate_accounts_30", "", ""][0] > 50
    assert september["cure_persistence_3m", "", ""][1] > 0
    assert all(
        august[f"roll_forward_{line}", "", ""][0] > 0
        for line in ("opening", "fell", "moved_in", "moved_out", "cured", "paid", "closing")
    )
    assert sum(any(pair) for pair in august.values()) > 300
    with reading(engine) as session:
        scope = Scope(get_portfolio(session, builders.BOOK))
        assert check_accounts(session, scope, NIGHTS[-1], list(range(1, 200))) == []
