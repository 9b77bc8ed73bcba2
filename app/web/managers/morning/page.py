"""The morning page: what needs a decision, what changed and why, and the figures by the questions they answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.core.database.engine import transaction
from app.core.errors import Invalid
from app.core.ids import id_of
from app.http.context import Now, after_response, engine_of
from app.http.doors import Manager
from app.http.interface import marked
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.outreach.outbox.queries import workers
from app.reporting.changes.queries import Restated, changes, look_before, restated_since
from app.reporting.changes.rules import Change, Compare, compared_day, most_moved, tone_of
from app.reporting.changes.service import note_look
from app.reporting.kpis.definitions.catalog import DEFINITIONS
from app.reporting.kpis.proof.restatements import LateEntries, late_entries_since
from app.reporting.kpis.queries import latest_versions, snapshots
from app.reporting.kpis.rules import SEED_TITLES, Definition, Dimension
from app.web.managers.figures.asked import ClosedBook, closed_book
from app.web.managers.figures.choice import choose_portfolio, figure_href
from app.web.managers.figures.dashboard import EmptyDashboardPage
from app.web.managers.morning.sparkline import HEIGHT, WIDTH, sparkline
from app.web.rendering import Page, page
from app.worklist.waiting import Waiting, waiting_cases

router = Router(prefix="/morning")
SPARK_DAYS = 30
COMPARED = {
    Compare.YESTERDAY: marked("the day before"),
    Compare.WEEK: marked("a week before"),
    Compare.MONTH: marked("the same day last month"),
    Compare.LAST_LOOK: marked("your last look"),
}


@dataclass(frozen=True, slots=True)
class Tile:
    definition: Definition
    change: Change
    spark: Sequence[str]
    href: str

    @property
    def has_value(self) -> bool:
        return self.change.after is not None and self.change.after.value is not None

    @property
    def tone(self) -> str:
        return tone_of(self.definition, self.change.amount)


@dataclass(frozen=True, slots=True)
class Question:
    """One of the five questions that the figures answer: the figures with a value, and those that count nothing yet."""

    key: str
    title: str
    shown: Sequence[Tile]
    empty: Sequence[Tile]


@dataclass(frozen=True, slots=True)
class Moved:
    """A figure that changed against the compared day, with its changes against the other days."""

    definition: Definition
    change: Change
    others: Mapping[Compare, float | None]
    href: str

    @property
    def tone(self) -> str:
        return tone_of(self.definition, self.change.amount)


@dataclass(frozen=True, slots=True)
class MorningPage(Page):
    template = "managers/morning/morning.html"
    book: ClosedBook
    product: str
    products: Sequence[str]
    compare: Compare
    compared: Mapping[Compare, str]
    days: Mapping[Compare, date | None]
    compared_on: date | None
    looked_at: datetime | None
    work: Sequence[Waiting]
    has_worker: bool
    moved: Sequence[Moved]
    restated: Sequence[Restated]
    causes: Sequence[LateEntries]
    seeds: Sequence[Question]
    definitions: Mapping[str, Definition]
    spark_width: int
    spark_height: int


@router.get("")
def morning(
    request: Request,
    staff: Manager,
    session: ReadSession,
    now: Now,
    portfolio: str = "",
    product: str = "",
    date: str = "",
    compare: str = "",
) -> Response:
    book = closed_book(session, portfolio, date)
    if book is None:
        portfolios, chosen = choose_portfolio(session, portfolio)
        return page(request, EmptyDashboardPage(portfolio=chosen, portfolios=portfolios))
    portfolio_id = id_of(book.portfolio)
    look = look_before(session, staff.username, portfolio_id, book.last_on)
    chosen_compare = _compare_of(compare, has_look=look is not None)
    days = {each: compared_day(each, book.on, look[0] if look else None) for each in Compare}
    today = latest_versions(session, portfolio_id, book.on)
    products = sorted({member for _, dimension, member in today if dimension == Dimension.PRODUCT and member})
    if product and product not in products:
        raise Invalid(f"{book.portfolio.code} has no product {product[:60]!r} on that day.", "product")
    key = (Dimension.PRODUCT.value, product) if product else ("", "")
    found = {
        each: changes(latest_versions(session, portfolio_id, day), today, *key) if day else {}
        for each, day in days.items()
    }
    since = look[1] if look else None
    restated = restated_since(session, portfolio_id, since) if since and not product else []
    sparks = _sparks(session, book, *key)
    current = found[chosen_compare] or changes({}, today, *key)
    if book.on == book.last_on:
        engine = engine_of(request)
        _afterwards(request, lambda: _note(engine, staff.username, portfolio_id, book.on, now))
    return page(
        request,
        MorningPage(
            book=book,
            product=product,
            products=products,
            compare=chosen_compare,
            compared=COMPARED,
            days=days,
            compared_on=days[chosen_compare],
            looked_at=since,
            work=waiting_cases(session, book.portfolio, now),
            has_worker=any(each.alive for each in workers(session, now)),
            moved=_moved(book, current, found, key),
            restated=restated,
            causes=late_entries_since(session, portfolio_id, since) if since and restated else [],
            seeds=list(_seeds(book, current, sparks, key)),
            definitions=DEFINITIONS,
            spark_width=WIDTH,
            spark_height=HEIGHT,
        ),
    )


def _compare_of(text: str, *, has_look: bool) -> Compare:
    """Against the last look where there was one, else against the day before."""
    if not text:
        return Compare.LAST_LOOK if has_look else Compare.YESTERDAY
    if text not in set(Compare):
        raise Invalid(
            f"Nothing is compared with {text[:20]!r}. Choose one of {', '.join(Compare)}.", "compare"
        )
    return Compare(text)


def _moved(
    book: ClosedBook,
    current: Mapping[str, Change],
    found: Mapping[Compare, Mapping[str, Change]],
    key: tuple[str, str],
) -> list[Moved]:
    """Figures with a change that a reader sees, those that got worse first, then by size of the change."""
    rows = []
    for change in most_moved(current.values(), DEFINITIONS):
        name = change.kpi
        others = {each: of_day[name].amount if name in of_day else None for each, of_day in found.items()}
        href = figure_href(name, book.portfolio.code, book.on, *key)
        rows.append(Moved(DEFINITIONS[name], change, others, href))
    return rows


def _seeds(
    book: ClosedBook,
    current: Mapping[str, Change],
    sparks: Mapping[str, Sequence[str]],
    key: tuple[str, str],
) -> Iterator[Question]:
    def tile(name: str) -> Tile:
        href = figure_href(name, book.portfolio.code, book.on, *key)
        return Tile(DEFINITIONS[name], current[name], sparks.get(name, ()), href)

    for seed, title in SEED_TITLES.items():
        tiles = [tile(name) for name in current if DEFINITIONS[name].seed is seed]
        shown = [each for each in tiles if each.has_value]
        yield Question(seed.value, title, shown, [each for each in tiles if not each.has_value])


def _sparks(session: Session, book: ClosedBook, dimension: str, member: str) -> dict[str, list[str]]:
    first_on = book.on - timedelta(days=SPARK_DAYS - 1)
    values: dict[str, dict[date, float | None]] = {}
    for row in snapshots(session, id_of(book.portfolio), first_on, book.on, dimension=dimension):
        if row.member == member:
            value = row.numerator / row.denominator if row.denominator else None
            values.setdefault(row.kpi, {})[row.business_date] = value
    days = [first_on + timedelta(days=n) for n in range(SPARK_DAYS)]
    return {name: sparkline([of_day.get(day) for day in days]) for name, of_day in values.items()}


def _note(engine: Engine, username: str, portfolio_id: int, on: date, now: datetime) -> None:
    with transaction(engine) as session:
        note_look(session, username, portfolio_id, on, now=now)


def _afterwards(request: Request, act: Callable[[], None]) -> None:
    """Run `act` after the answer, beside what already waits for that moment."""
    earlier: Callable[[], None] | None = getattr(request.state, "afterwards", None)

    def both() -> None:
        if earlier is not None:
            earlier()
        act()

    after_response(request, both)
