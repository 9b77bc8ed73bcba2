"""Offers made, refused and not made, with reasons: counts for managers, each with the offers behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.casework.negotiation.facts import OptionKind
from app.casework.negotiation.record.overview import OfferBehind, OfferCount, offer_counts, offers_behind
from app.casework.negotiation.record.rules import OfferStatus
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.labels import GRANT_LABELS, OFFER_LABELS, OPTION_LABELS
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.http.doors import Manager
from app.http.formats import reader_locale
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.lists import Column
from app.web.lookups import staff_names
from app.web.rendering import Page, page
from app.web.timeline import PageReader

router = Router(prefix="/approvals")
DAYS = (7, 30, 90)
PAGE = 100
STATES = (
    OfferStatus.SHOWN, OfferStatus.COUNTERED, OfferStatus.ACCEPTED, OfferStatus.REFUSED, OfferStatus.EXPIRED,
    OfferStatus.NOT_OFFERED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class OffersPage(Page):
    template = "approvals/offers.html"
    books: Sequence[tuple[str, str]]
    portfolio: Portfolio | None
    days: int
    choices: Sequence[tuple[str, str]]
    table: Mapping[OptionKind, Mapping[OfferStatus, int]]
    reasons: Sequence[OfferCount]
    states: Sequence[OfferStatus]
    reader: PageReader | None
    labels: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class OffersBehindPage(Page):
    template = "approvals/offers_behind.html"
    portfolio: Portfolio
    days: int
    kind: OptionKind
    state: OfferStatus
    rule: str
    columns: Sequence[Column]
    rows: Sequence[OfferBehind]
    next_cursor: str | None
    reader: PageReader
    labels: Mapping[str, Mapping[str, str]]


LABELS = {"option": OPTION_LABELS, "offer": OFFER_LABELS, "grant": GRANT_LABELS}
COLUMNS = [
    Column("Made"), Column("Customer"), Column("Total", numeric=True), Column("Waived", numeric=True),
    Column("Chance kept", numeric=True), Column("Granted by"), Column("Reason"),
]  # fmt: skip


@router.get("/offers")
def offers(
    request: Request, _staff: Manager, session: ReadSession, now: Now, portfolio: str = "", days: int = 30
) -> Response:
    """Counts by kind and state, and by the rule that stood against a kind."""
    days = days if days in DAYS else 30
    books = session.scalars(select(Portfolio).order_by(col(Portfolio.code))).all()
    chosen = _chosen(books, portfolio)
    counts = offer_counts(session, id_of(chosen), now - timedelta(days=days)) if chosen else []
    table: dict[OptionKind, dict[OfferStatus, int]] = {kind: dict.fromkeys(STATES, 0) for kind in OptionKind}
    for each in counts:
        table[each.kind][each.status] += each.count
    shown = OffersPage(
        books=[(each.code, each.creditor) for each in books],
        portfolio=chosen,
        days=days,
        choices=[(str(each), f"{each} days") for each in DAYS],
        table=table if counts else {},
        reasons=[each for each in counts if each.status is OfferStatus.NOT_OFFERED],
        states=STATES,
        reader=_reader(request, session, chosen) if chosen else None,
        labels=LABELS,
    )
    return page(request, shown)


@router.get("/offers/behind")
def behind(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    now: Now,
    portfolio: str = "",
    kind: str = "",
    state: str = "",
    rule: str = "",
    days: int = 30,
    cursor: str = "",
) -> Response:
    """The offers that a count counts."""
    days = days if days in DAYS else 30
    chosen = _chosen(session.scalars(select(Portfolio).order_by(col(Portfolio.code))).all(), portfolio)
    if chosen is None or kind not in set(OptionKind) or state not in set(OfferStatus):
        raise Invalid("Choose a count on the page of offers.")
    return _behind(
        request,
        session,
        chosen,
        OptionKind(kind),
        OfferStatus(state),
        rule,
        days,
        cursor,
        now - timedelta(days=days),
    )


def _behind(
    request: Request,
    session: Session,
    portfolio: Portfolio,
    kind: OptionKind,
    state: OfferStatus,
    rule: str,
    days: int,
    cursor: str,
    since: datetime,
) -> Response:
    position = decode_cursor(cursor, 1, int)
    rows, following = offers_behind(
        session, id_of(portfolio), since, kind=kind, status=state, rule=rule,
        before=int(position[0]) if position else None, limit=PAGE,
    )  # fmt: skip
    shown = OffersBehindPage(
        portfolio=portfolio,
        days=days,
        kind=kind,
        state=state,
        rule=rule,
        columns=COLUMNS,
        rows=rows,
        next_cursor=encode_cursor(following) if following else None,
        reader=_reader(request, session, portfolio),
        labels=LABELS,
    )
    return page(request, shown)


def _reader(request: Request, session: Session, portfolio: Portfolio) -> PageReader:
    return PageReader(reader_locale(request), portfolio.currency, portfolio.timezone, staff_names(session))


def _chosen(books: Sequence[Portfolio], code: str) -> Portfolio | None:
    return next((each for each in books if each.code == code), books[0] if books else None)
