"""Returns on a book that lived: every cell is the sum of its list, and what is frozen stays."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.corrections.reversals import reverse_entry
from app.book.ledger.models import Entry
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.database.engine import reading, transaction
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.reporting.kpis.queries import class_totals
from app.reporting.kpis.rules import Dimension
from app.reporting.returns.definitions.catalog import known_returns
from app.reporting.returns.models import FrozenCell, FrozenLine, FrozenReturn
from app.reporting.returns.queries import (
    ask,
    cell_named,
    draw_up,
    frozen_cells,
    lines_now,
    lines_then,
    things_listed,
    total_listed,
)
from app.reporting.returns.rules import Cell, Measure, ReturnKind
from app.reporting.returns.service import freeze_return
from tests import builders
from tests.lasting import DATABASES, lasting
from tests.reporting.kpis.lived import FIRST, LAST, live_through

MEI = Actor.user("mei")
DAYS = (FIRST, LAST)


@pytest.fixture(scope="module", params=DATABASES)
def lived(request: pytest.FixtureRequest) -> Iterator[Engine]:
    with lasting(request) as engine:
        live_through(engine)
        yield engine


def numbers(cells: Sequence[Cell], measure: Measure = Measure.NUMBER) -> dict[str, int | None]:
    return {cell.row: cell.number for cell in cells if cell.measure is measure}


def book_of(session: Session) -> Portfolio:
    return get_portfolio(session, builders.BOOK)


@pytest.mark.parametrize("on", DAYS)
@pytest.mark.parametrize("kind", list(ReturnKind))
def test_every_list_adds_up_to_its_cell(lived: Engine, kind: ReturnKind, on: date) -> None:
    with reading(lived) as session:
        asked, known = ask(session, book_of(session), kind, on, None)
        for cell in draw_up(session, book_of(session), kind, on).cells:
            if not cell.behind:
                continue
            listed = lines_now(asked, known, cell)
            things = things_listed(session, listed)
            assert sum(thing.amount for thing in things) == cell.number, cell
            assert total_listed(session, listed) == (len(things), cell.number)
            assert {thing.row for thing in things} <= set(cell.behind)
            first = things_listed(session, listed, limit=2)
            rest = things_listed(session, listed, after=first[-1].place) if first else []
            assert [*first, *rest] == things


def test_china_tiers_are_those_of_the_classes(lived: Engine) -> None:
    """a is 82 days past due on the 12th, c 11 and f 51; b paid, d was refunded, e is not late, g is in credit."""
    with reading(lived) as session:
        book = book_of(session)
        cells = draw_up(session, book, ReturnKind.CN_CARD_TIERS, LAST).cells
        totals = class_totals(session, book, LAST, Dimension.CN_CARD)
        found = numbers(cells)
        assert found["special_mention"] == totals["Special mention"][0] == 3
        assert (found["normal"], found["all"], found["non_performing"]) == (4, 7, 0)
        assert numbers(cells, Measure.BALANCE)["special_mention"] == totals["Special mention"][1]
        assert numbers(cells, Measure.BALANCE)["all"] == 570_000  # the one in credit counts as 0
        missing = [cell for cell in cells if cell.row == "direct"]
        assert [cell.number for cell in missing] == [None, None]
        assert "hold for fraud" in missing[0].missing


def test_complaints_of_half_a_year(lived: Engine) -> None:
    """Both were made on the 5th, about fees; one was upheld on the 6th, the other ended as a hold on the 10th."""
    with reading(lived) as session:
        cells = draw_up(session, book_of(session), ReturnKind.UK_COMPLAINTS, LAST).cells
    found = numbers(cells)
    assert found["opened"] == 2
    assert (found["closed_3_days"], found["closed"], found["lapsed"], found["outstanding_after"]) == (
        1,
        1,
        1,
        0,
    )
    assert found["outstanding_before"] + found["opened"] == (  # type: ignore[operator]
        found["closed"] + found["lapsed"] + found["outstanding_after"]  # type: ignore[operator]
    )
    assert (found["upheld"], found["rejected"], found["redress_upheld"]) == (1, 0, 0)
    assert (found["cause_information"], found["cause_other"]) == (2, 0)
    [per_1000] = [cell for cell in cells if cell.row == "per_1000"]
    assert (per_1000.number, per_1000.out_of) == (2, 7)


def test_arrears_of_a_quarter_close(lived: Engine) -> None:
    """The quarter begins on 13 December, when nobody was past due."""
    with reading(lived) as session:
        cells = draw_up(session, book_of(session), ReturnKind.UK_ARREARS, LAST).cells
    found, late = numbers(cells), numbers(cells, Measure.PAST_DUE)
    assert (found["arrears_1"], found["arrears_30"], found["arrears_60"], found["in_arrears"]) == (1, 1, 1, 3)
    assert found["agreements"] == 7
    assert (found["before"], found["fell"], late["fell"]) == (0, 3, late["in_arrears"])
    assert found["persistent_debt"] is None


def test_what_is_no_return_is_refused_with_a_sentence(lived: Engine) -> None:
    with reading(lived) as session:
        book = book_of(session)
        with pytest.raises(NotFound, match="no return of this name. Known are uk-complaints"):
            draw_up(session, book, "uk-mortgages", LAST)
        with pytest.raises(NotFound, match="has not closed 2026-03-20"):
            draw_up(session, book, ReturnKind.UK_ARREARS, date(2026, 3, 20))
        with pytest.raises(Invalid, match="asked for 6 or 12 months"):
            draw_up(session, book, ReturnKind.UK_COMPLAINTS, LAST, 3)
        cells = draw_up(session, book, ReturnKind.UK_COMPLAINTS, LAST).cells
        with pytest.raises(NotFound, match="no cell of this row and column"):
            cell_named(cells, "opened", "balance")
        cells = draw_up(session, book, ReturnKind.UK_ARREARS, LAST).cells
        with pytest.raises(NotFound, match="has no list. "):
            cell_named(cells, "persistent_debt", "number")


@pytest.fixture
def frozen(engine: Engine) -> Engine:
    """A card that owes 100.00 since 20 February and paid on 4 March; China's tiers and the quarter of the 6th are
    frozen."""
    with transaction(engine) as session:
        book = builders.portfolio(session)
        card = builders.late_customer(
            session, book, due_on=date(2026, 2, 20), minimum=10_000, balance=100_000
        )
        builders.payment(session, card, 10_000, date(2026, 3, 4))
    builders.close_day(engine, date(2026, 3, 2))
    builders.close_day(engine, date(2026, 3, 6))
    freeze(engine, ReturnKind.CN_CARD_TIERS)
    freeze(engine, ReturnKind.UK_ARREARS)
    return engine


def freeze(engine: Engine, kind: ReturnKind, on: date = date(2026, 3, 6)) -> int:
    with transaction(engine) as session:
        row = freeze_return(session, book_of(session), kind, on, by=MEI, now=builders.at(date(2026, 3, 9)))
        return id_of(row)


def frozen_one(session: Session, kind: ReturnKind, version: int = 1) -> FrozenReturn:
    query = select(FrozenReturn).where(FrozenReturn.kind == kind, FrozenReturn.version == version)
    return session.scalars(query).one()


def test_a_frozen_return_keeps_its_cells_and_lists_when_the_past_is_restated(frozen: Engine) -> None:
    with reading(frozen) as session:
        before = frozen_cells(session, frozen_one(session, ReturnKind.CN_CARD_TIERS))
        assert numbers(before)["normal"] == 1
    _reverse_the_payment(frozen)
    builders.close_day(frozen, date(2026, 3, 9))
    with reading(frozen) as session:
        row = frozen_one(session, ReturnKind.CN_CARD_TIERS)
        assert (row.by, row.definition, row.version) == (MEI, "1", 1)
        after = frozen_cells(session, row)
        assert after == before
        now = draw_up(session, book_of(session), ReturnKind.CN_CARD_TIERS, row.business_date).cells
        assert (numbers(now)["normal"], numbers(now)["special_mention"]) == (0, 1)
        for cell in after:
            if cell.behind:
                things = things_listed(session, lines_then(row, cell))
                assert sum(thing.amount for thing in things) == cell.number
    freeze(frozen, ReturnKind.CN_CARD_TIERS)
    with reading(frozen) as session:
        again = frozen_cells(session, frozen_one(session, ReturnKind.CN_CARD_TIERS, version=2))
        assert numbers(again)["special_mention"] == 1
        told = builders.events(session, "return.frozen")
    assert [each["version"] for each in told] == [1, 1, 2]
    assert told[0]["cells"]["normal number"] == "1"
    assert told[0]["name"] == "cn-card-tiers"


def _reverse_the_payment(engine: Engine) -> None:
    with transaction(engine) as session:
        paid = session.scalars(select(Entry).where(Entry.kind == EntryKind.PAYMENT)).one()
        on = date(2026, 3, 9)
        reverse_entry(session, paid, reason="it bounced", posted_on=on, by=MEI, now=builders.at(on))


@pytest.mark.parametrize("model", [FrozenReturn, FrozenCell, FrozenLine])
def test_nothing_of_a_frozen_return_can_be_changed(frozen: Engine, model: type[FrozenReturn]) -> None:
    table = model.__table__  # type: ignore[attr-defined]
    column = "version" if model is FrozenReturn else "number"
    for statement in (sa.update(table).values({column: 99}), sa.delete(table)):
        with pytest.raises(sa.exc.DatabaseError, match="append-only"), transaction(frozen) as session:
            session.execute(statement)


def test_all_returns_are_known() -> None:
    assert list(known_returns()) == list(ReturnKind)
