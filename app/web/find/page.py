"""Search for a customer: a page, the list under the search box, and the address for a telephone system."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from fastapi.responses import HTMLResponse
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.book.customers.searched_numbers import SHORTEST_CALLER, telephone_digits
from app.casework.search.hits import Hit, find, find_callers
from app.casework.search.rules import (
    LONGEST,
    WAY_LABELS,
    Way,
    read_search,
)
from app.core.staff.rules import CASEWORK
from app.http.doors import CaseReader
from app.http.rendering import render
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.web.lookups import staff_names
from app.web.rendering import Page, page

router = Router(prefix="/find")
LISTED = 50
OFFERED = 8
"""Customers under the search box."""


@dataclass(frozen=True, slots=True)
class FindPage(Page):
    template = "find/find.html"
    q: str
    phone: str
    is_number: bool
    """The caller's number can be looked for."""
    hits: Sequence[Hit]
    more: bool
    way_labels: Mapping[Way, str]
    names: Mapping[str, str]


@router.get("")
def find_page(
    request: Request, staff: CaseReader, session: ReadSession, q: str = "", phone: str = ""
) -> Response:
    """Customers who match `q`; or, for a telephone system, the case of the one customer who has the number `phone`."""
    digits = telephone_digits(phone[:LONGEST]) if phone else ""
    is_number = len(digits) >= SHORTEST_CALLER
    asked = read_search(q[:LONGEST])
    hits: list[Hit] = []
    more = False
    if is_number:
        hits, more = find_callers(session, digits, limit=LISTED)
    elif not phone:
        hits, more = find(session, asked, works=staff.role in CASEWORK, limit=LISTED)
    if is_number and len(hits) == 1 and hits[0].path:
        return RedirectResponse(hits[0].path, status_code=303)
    return page(
        request,
        FindPage(
            q=asked.text,
            phone=read_search(phone[:LONGEST]).text,
            is_number=is_number,
            hits=hits,
            more=more,
            way_labels=WAY_LABELS,
            names=staff_names(session) if hits else {},
        ),
    )


@router.get("/options")
def find_options(request: Request, staff: CaseReader, session: ReadSession, q: str = "") -> HTMLResponse:
    """The list under the search box, a part of a page."""
    asked = read_search(q[:LONGEST])
    hits, more = find(session, asked, works=staff.role in CASEWORK, limit=OFFERED)
    return render(
        request,
        "find/_options.html",
        hits=hits,
        more=more,
        asked=asked,
        way_labels=WAY_LABELS,
        names=staff_names(session) if hits else {},
        staff=staff,
    )
