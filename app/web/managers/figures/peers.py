"""Our delinquency rates on the band of other banks' rates of the same definition; and the files they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

from fastapi import File, UploadFile
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.core.errors import Conflict, Invalid
from app.core.text import sentence
from app.core.types import JsonObject
from app.http.context import Now
from app.http.doors import Manager
from app.http.interface import marked
from app.http.middleware.admission import ceiling
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.reporting.kpis.definitions.catalog import DEFINITIONS
from app.reporting.kpis.rules import Definition
from app.reporting.peers.models import PeerFile
from app.reporting.peers.queries import PeerComparison, compare_with_peers, peer_files
from app.reporting.peers.reading import MOST_BYTES
from app.reporting.peers.rules import SOURCE_LABELS, PeerSource
from app.reporting.peers.service import load_peers
from app.web.lookups import staff_names
from app.web.managers.figures.choice import choose_portfolio
from app.web.managers.figures.dashboard_charts import chart_spec
from app.web.rendering import Page, page, redirect

router = Router(prefix="/peers")
TOO_LARGE = "The file is larger than {limit} MB; a file of peers' rates never is."


@dataclass(frozen=True, slots=True)
class PeersPage(Page):
    template = "managers/peers.html"
    portfolio: Portfolio | None
    portfolios: Sequence[Portfolio]
    found: Sequence[tuple[PeerComparison, Definition, JsonObject]]
    files: Sequence[PeerFile]
    sources: Mapping[PeerSource, str]
    names: Mapping[str, str]
    error: str


@router.get("")
def peers(request: Request, _staff: Manager, session: ReadSession, portfolio: str = "") -> Response:
    return _peers_page(request, session, portfolio)


def _peers_page(
    request: Request, session: Session, code: str = "", *, error: str = "", status: int = 200
) -> Response:
    portfolios, chosen = choose_portfolio(session, code)
    found = compare_with_peers(session, chosen) if chosen else []
    shown = [(each, DEFINITIONS[each.kpi], _chart(each)) for each in found]
    return page(
        request,
        PeersPage(
            portfolio=chosen,
            portfolios=portfolios,
            found=shown,
            files=peer_files(session),
            sources=SOURCE_LABELS,
            names=staff_names(session),
            error=error,
        ),
        status,
    )


@router.post("", dependencies=[ceiling(lambda _settings: 2, TOO_LARGE)])
def take_peers(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    file: Annotated[UploadFile | None, File()] = None,
) -> Response:
    """A file as it was downloaded; all of it is loaded, or nothing."""
    name, content = (file.filename or "file", file.file.read(MOST_BYTES + 1)) if file else ("", b"")
    try:
        loaded = load_peers(session, name, content, by=staff.by, now=now)
    except (Invalid, Conflict) as refused:
        return _peers_page(request, session, error=sentence(refused.message), status=refused.status)
    return redirect(
        request,
        "/peers",
        marked("{count} values were loaded, up to {day}."),
        count=len(loaded.content.points),
        day=loaded.content.last_on,
    )


def _chart(found: PeerComparison) -> JsonObject:
    """Ours between the lowest and the highest of the peers."""
    lines: dict[str, Sequence[float | None]] = {
        "Peers, lowest": [each.peers.low for each in found.quarters],
        "Peers, highest": [each.peers.high for each in found.quarters],
        "Ours": [each.own.value if each.own else None for each in found.quarters],
    }
    labels = [f"{each.peers.on.year} Q{(each.peers.on.month + 2) // 3}" for each in found.quarters]
    return chart_spec("line", labels, "percent", lines)
