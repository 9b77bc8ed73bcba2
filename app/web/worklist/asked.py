"""The worklist that an address asks for, and the view it means; the last view is remembered for the way back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import Response

from app.casework.cases.listing import SORTS, PortfolioToday
from app.core.staff.rules import Role, Staff
from app.http import security
from app.http.context import settings_of
from app.worklist.view import View, is_state

REMEMBERED = "desk_view"
NAMES = ("owner", "portfolio", "bucket", "state", "q", "sort", "cursor")
LONGEST = 700


@dataclass(frozen=True, slots=True)
class Asked:
    """The parameters of an address, cleaned."""

    owner: str
    """`mine`, `all` or `nobody`."""
    portfolio: str = ""
    bucket: str = ""
    state: str = ""
    q: str = ""
    sort: str = ""
    cursor: str = ""

    @property
    def query(self) -> str:
        """The same as a query string; '' where nothing differs from nothing."""
        return urlencode([(name, value) for name in NAMES if (value := getattr(self, name))])


def asked_of(parameters: Mapping[str, str], staff: Staff) -> Asked:
    owner = parameters.get("owner", "")
    state = parameters.get("state", "")
    sort = parameters.get("sort", "")
    return Asked(
        owner=owner if owner in ("mine", "all", "nobody") else usual_owner(staff),
        portfolio=parameters.get("portfolio", "")[:40],
        bucket=parameters.get("bucket", "")[:20],
        state=state if is_state(state) else "all",
        q=parameters.get("q", "").replace("\0", "").strip()[:100],
        sort=sort if sort.lstrip("-") in SORTS else "",
        cursor=parameters.get("cursor", "")[:400],
    )


def usual_owner(staff: Staff) -> str:
    return "all" if staff.role is Role.MANAGER else "mine"


def view_of(asked: Asked, staff: Staff, books: Sequence[PortfolioToday]) -> View:
    return View(
        books=tuple(book for book in books if not asked.portfolio or book.code == asked.portfolio),
        owner={"mine": staff.username, "nobody": ""}.get(asked.owner),
        state=asked.state,
        bucket=asked.bucket,
        text=asked.q,
        sort=asked.sort,
    )


def remember(request: Request, response: Response, asked: Asked) -> None:
    """Keep the view in the browser, so that `Next` and the way back from a case know it."""
    if len(asked.query) <= LONGEST:
        security.set_cookie(response, settings_of(request), REMEMBERED, asked.query, max_age=None)


def remembered(request: Request) -> dict[str, str]:
    """Parameters of the view that the reader saw last; none where there was none."""
    text = request.cookies.get(security.cookie_name(settings_of(request), REMEMBERED), "")
    return {name: value for name, value in parse_qsl(text.strip('"')[:LONGEST]) if name in NAMES}
