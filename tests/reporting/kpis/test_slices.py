"""Slices share out the portfolio, a list adds up to its tile, and a past day stays as it was."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import UTC, date, datetime

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.book.ledger.models import Account
from app.book.ledger.rules import AccountStatus
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.database.engine import reading, transaction
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.staff.models import User
from app.operations.invariants.figures import figures_match_ledger
from app.reporting.cohorts.queries import cohorts_of
from app.reporting.cohorts.rules import Curve
from app.reporting.kpis.definitions.catalog import DEFINITIONS, FAMILIES
from app.reporting.kpis.definitions.contacts import REFUSALS
from app.reporting.kpis.definitions.document import write_document
from app.reporting.kpis.family import Scope
from app.reporting.kpis.lists.drilldown import Tile, figure_slice, things_behind, tile_behind, total_behind
from app.reporting.kpis.measuring import measured_figures, sliced_rows
from app.reporting.kpis.models import AccountSlice, AccountStanding, KpiSlice, KpiSnapshot
from app.reporting.kpis.proof.checking import check_accounts, check_day
from app.reporting.kpis.rules import Part, Statistic, median_pair
from app.reporting.kpis.slices import BEGINNING, refresh_slices
from app.reporting.kpis.wide import rebuild_standings, refresh_standings, wrong_sums
from tests import builders
from tests.paths import ROOT
from tests.reporting.kpis.lived import FIRST, LAST, START, live_through


def tiles_of(session: Session, book: Portfolio, on: date) -> dict[tuple[str, str, str], tuple[int, int]]:
    query = select(KpiSnapshot).where(
        KpiSnapshot.portfolio_id == id_of(book),
        KpiSnapshot.business_date == on,
        col(KpiSnapshot.kpi).in_(DEFINITIONS),
    )
    rows = session.scalars(query.order_by(col(KpiSnapshot.version)))
    return {(row.kpi, row.dimension, row.member): (row.numerator, row.denominator) for row in rows}


def test_tiles_equal_their_lists_on_past_days_and_slices_share_them_out(engine: Engine) -> None:
    live_through(engine)
    with reading(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        for on in (FIRST, LAST):
            tiles = tiles_of(session, book, on)
            shared: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
            for (kpi, dimension, member), pair in tiles.items():
                shared[kpi, dimension][0] += pair[0]
                shared[kpi, dimension][1] += pair[1]
                # Every tile; the slices of one figure of each family, once.
                if not dimension or (on == FIRST and kpi in FIRST_OF_FAMILY):
                    _check_list(session, book, on, (kpi, dimension, member), pair)
            for (kpi, dimension), sums in shared.items():
                if DEFINITIONS[kpi].statistic is Statistic.MEDIAN:
                    continue
                assert tuple(sums) == tiles[kpi, "", ""], (on, kpi, dimension)
            if on == LAST:
                _check_values(tiles)
                [placed] = cohorts_of(session, book, Curve.LIQUIDATION, LAST)
                assert [(each.on, each.months, each.numerator) for each in placed.points] == [
                    (START, 0, 0), (LAST, 1, 10_000)
                ]  # fmt: skip
            dimensions = {dimension for _, dimension, _ in tiles}
            assert {"bucket", "product", "agent", "team", "placement", "strategy"} <= dimensions
        loan = session.scalars(select(Account).where(col(Account.product) == "Loan")).one()
        _check_history(session, id_of(loan))
        _check_pages(session, book)
        for on in (FIRST, LAST):
            assert check_day(session, Scope(book), on) == []
            everybody = session.scalars(select(Account.id)).all()
            assert check_accounts(session, Scope(book), on, [each for each in everybody if each]) == []
        # What the wide rows of the last night give is what history gives.
        wide, history = (
            measured_figures(session, FAMILIES, each, LAST) for each in (Scope(book, LAST), Scope(book))
        )
        assert wide == history
        # Half of them by a second session.
        assert measured_figures(session, FAMILIES, Scope(book, LAST), LAST, beside=engine) == wide
        with pytest.raises(NotFound, match="no key figure of this name"):
            figure_slice(session, book, "profit", LAST)
        with pytest.raises(NotFound, match="has not closed 2026-03-13"):
            figure_slice(session, book, "recovery_rate", date(2026, 3, 13))
        with pytest.raises(Invalid, match="not sliced by this"):
            figure_slice(session, book, "recovery_rate", LAST, dimension="shoe size", member="42")
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)
        night = wide_rows(session)
        assert wrong_sums(session, book) == 0
        rebuild_standings(session, book, LAST)
        assert wide_rows(session) == night
        assert wrong_sums(session, book) == 0
        row = session.scalars(
            select(KpiSnapshot).where(
                KpiSnapshot.kpi == "overdue_rate_accounts_1",
                KpiSnapshot.business_date == LAST,
                KpiSnapshot.dimension == "",
            )
        ).one()
        row.numerator += 1
        session.flush()
        counted, listed = figures_match_ledger(session, book)
        assert "overdue_rate_accounts_1: 4 / 7 is stored, the ledger gives 3 / 7" in counted
        assert "overdue_rate_accounts_1: 4 / 7 is stored, its lists add up to 3 / 7" in listed
    with transaction(engine) as session:
        _check_repeated_night(session, get_portfolio(session, builders.BOOK))


def wide_rows(session: Session) -> list[tuple[object, ...]]:
    """All of them; how an account stood at the month end is the same in a row that was not written since."""
    session.expire_all()
    rows = session.scalars(select(AccountStanding).order_by(col(AccountStanding.account_id)))
    then_on = date(2026, 2, 28)
    return [
        (
            row.account_id, row.slice_id, row.status, row.ended_on, row.bucket, row.oldest_due_on,
            row.past_due_minor, row.balance_minor,
            *((row.then_bucket, row.then_balance_minor) if row.then_on == then_on else (row.bucket, row.balance_minor)),
        )
        for row in rows
    ]  # fmt: skip


def _check_repeated_night(session: Session, book: Portfolio) -> None:
    """A night that was killed after it wrote the rows finds, when it is repeated, what people did since: a case went to
    a colleague, who went to another team, and an account was sold."""
    case = session.scalars(select(CollectionsCase).order_by(col(CollectionsCase.id))).first()
    assert case is not None
    case.owner = "jonas" if case.owner == "mei" else "mei"
    session.scalars(select(User).where(User.username == case.owner)).one().team = "night shift"
    cards = session.scalars(select(Account).order_by(col(Account.id))).all()
    cards[-1].status, cards[-1].ended_on = AccountStatus.SOLD, LAST
    session.flush()
    assert refresh_slices(session, book, LAST) > 0
    refresh_standings(session, book, LAST, None)
    repeated = wide_rows(session)
    assert wrong_sums(session, book) == 0
    rebuild_standings(session, book, LAST)
    assert wide_rows(session) == repeated
    kept = (
        select(KpiSlice.agent, KpiSlice.team)
        .join(AccountSlice, col(AccountSlice.slice_id) == KpiSlice.id)
        .join(Account, col(Account.id) == AccountSlice.account_id)
    )
    of_case = kept.where(Account.customer_id == case.customer_id, col(AccountSlice.to_on).is_(None))
    assert set(session.execute(of_case).all()) == {(case.owner, "night shift")}
    assert refresh_slices(session, book, LAST) == 0


def test_one_select_serves_all_portfolios_of_a_shape_with_their_own_days() -> None:
    """Night begins in New York twelve hours after it began in Shanghai, while that has winter time."""
    shanghai = Portfolio(id=1, timezone="Asia/Shanghai", bucket_edges="1,30,60")
    new_york = Portfolio(id=2, timezone="America/New_York", bucket_edges="1,30,60")
    worked_off = Portfolio(id=3, collector=CollectorKind.THIRD_PARTY, bucket_edges="1,30,60")
    first, second, other = (
        sliced_rows(REFUSALS, Scope(each).shape(LAST)) for each in (shanghai, new_york, worked_off)
    )
    assert first is second
    assert first is not other
    on = date(2026, 3, 7)
    assert first.days.values(shanghai, on)["begin_of_1"] == datetime(2026, 3, 6, 16, tzinfo=UTC)
    assert first.days.values(new_york, on) == {
        "portfolio_id": 2,
        "on": on,
        "begin_of_1": datetime(2026, 3, 7, 5, tzinfo=UTC),
        "end_of_day": datetime(2026, 3, 8, 5, tzinfo=UTC),
    }


FIRST_OF_FAMILY = {family.definitions[0].name for family in FAMILIES}


def _check_list(
    session: Session, book: Portfolio, on: date, tile: tuple[str, str, str], pair: tuple[int, int]
) -> None:
    kpi, dimension, member = tile
    for part, expected in zip(Part, pair, strict=True):
        asked = figure_slice(session, book, kpi, on, dimension=dimension, member=member, part=part)
        listed = things_behind(session, asked)
        if asked.definition.statistic is Statistic.MEDIAN:
            amounts = Counter(each.amount for each in listed)
            assert part is Part.DENOMINATOR or median_pair(amounts) == pair, (on, tile)
            continue
        assert sum(each.amount for each in listed) == expected, (on, tile, part)
        assert total_behind(session, asked) == (len(listed), expected)
        assert tile_behind(session, asked) == Tile(len(listed), expected)


def _check_values(tiles: dict[tuple[str, str, str], tuple[int, int]]) -> None:
    """What the story of `lived.py` gives by hand."""
    by_hand = {
        "promise_kept_rate": (1, 2), "promise_kept_rate_amount": (7_000, 10_000), "plan_kept_rate": (1, 2),
        "contact_rate": (1, 2), "right_party_rate": (1, 2), "delivery_rate": (1, 2),
        "csat": (0, 0), "legal_turnaround_days": (3, 1), "legal_returned_days": (2, 1), "bundle_complete_rate": (0, 1),
        "returned_contact_rate": (1, 2), "returned_rate": (1, 1),
        # Two complaints in seven accounts, one closed by a person in time.
        "complaints_per_1000": (2, 7), "complaints_on_time": (1, 2),
        # Two SMS at 0.08, two calls of five minutes at 36.00 an hour and a legal case at 40.00, of 250.00 that came.
        "cost_to_collect": (4_616, 25_000), "cost_of_messages": (16, 25_000), "cost_of_agents": (600, 25_000),
        "cost_of_legal": (4_000, 25_000),
        # b owed 1,000.00 on 25 February and has paid 100.00 since.
        "liquidation_curve": (10_000, 100_000), "liquidation_charge_off": (0, 0),
    }  # fmt: skip
    assert {kpi: tiles[kpi, "", ""] for kpi in by_hand} == by_hand
    assert tiles["right_party_rate", "agent", "mei"] == (1, 2)
    assert tiles["delivery_rate", "channel", "sms"] == (1, 2)
    assert tiles["cost_of_agents", "agent", "mei"] == (600, 0)
    assert tiles["cost_of_messages", "channel", "sms"] == (16, 0)
    assert tiles["liquidation_curve", "placement", "2026-02"] == (10_000, 100_000)


def _check_history(session: Session, account_id: int) -> None:
    """The case went to the other agent on the 5th: the days before keep the first."""
    rows = session.execute(
        select(AccountSlice.from_on, AccountSlice.to_on, KpiSlice.agent, KpiSlice.team)
        .join(KpiSlice, col(KpiSlice.id) == AccountSlice.slice_id)
        .where(AccountSlice.account_id == account_id)
        .order_by(col(AccountSlice.from_on))
    ).all()
    handed_over = date(2026, 3, 5)
    assert [(row[0], row[1]) for row in rows] == [(BEGINNING, handed_over), (handed_over, None)]
    assert {row[2:] for row in rows} == {("mei", "early"), ("jonas", "late")}


def _check_pages(session: Session, book: Portfolio) -> None:
    asked = figure_slice(session, book, "overdue_rate_accounts_1", LAST, part=Part.DENOMINATOR)
    whole, pages = things_behind(session, asked), []
    after = None
    while rows := things_behind(session, asked, after=after, limit=2):
        pages += rows
        after = rows[-1].place
    assert len(whole) > 2
    assert pages == whole
    # The same in a list of two selects, one side of which some of them do not have.
    for kpi, dimension, member in (
        ("recovery_rate", "", ""),
        ("recovery_rate", "bucket", "current"),
        ("recovery_rate", "product", "Gold card"),
        ("overdue_rate_balance_1", "agent", "mei"),
    ):
        asked = figure_slice(
            session, book, kpi, LAST, dimension=dimension, member=member, part=Part.DENOMINATOR
        )
        whole, pages, after = things_behind(session, asked), [], None
        while rows := things_behind(session, asked, after=after, limit=1):
            pages += rows
            after = rows[-1].place
        assert len(whole) > 1
        assert pages == whole
    # Of a list that is too long to be counted, the sum is the tile.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("app.reporting.kpis.lists.drilldown.COUNTED_TO", 0)
        for (kpi, dimension, _), pair in tiles_of(session, book, LAST).items():
            if not dimension and DEFINITIONS[kpi].statistic is not Statistic.MEDIAN:
                assert tile_behind(session, figure_slice(session, book, kpi, LAST)).total == pair[0], kpi


def test_the_document_is_fresh() -> None:
    assert (ROOT / "docs" / "key-figures.md").read_text() == write_document(), (
        "write it again: python -m app.reporting.kpis.definitions.document > docs/key-figures.md"
    )
