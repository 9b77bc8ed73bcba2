"""The link that stands in every message: it names a customer and a channel, and needs no sign-in."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Depends
from sqlmodel import Session
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request

from app.book.ledger.models import Customer
from app.core.errors import NotFound
from app.core.timeline.service import lock_customers
from app.http.context import ports_of
from app.http.doors import callback
from app.portal.page import Holder

PREFIX = "/u"
MAX_BODY = 16 * 1024
GONE = "The address is wrong, or what it showed is gone."


def require_link(request: Request) -> None:
    """NotFound for an address that we did not make."""
    token = request.url.path.removeprefix(f"{PREFIX}/").partition("/")[0]
    if ports_of(request).catalog.links.read(token) is None:
        raise NotFound(GONE)


BY_TOKEN = [callback("an unguessable token that we made for this customer and channel", require_link)]


async def form_fields(request: Request) -> FormData:
    try:
        return await request.form(max_files=1, max_fields=20)
    except (ValueError, LookupError, UnicodeError):
        raise HTTPException(400, "There was an error parsing the body") from None


Fields = Annotated[FormData, Depends(form_fields)]


def holder_of(request: Request, session: Session, token: str, now: datetime, *, lock: bool = False) -> Holder:
    """Return the holder of a link. A token we did not make and a customer who is gone get the same answer."""
    link = ports_of(request).catalog.links.read(token)
    if link is not None and lock:
        lock_customers(session, [link.customer_id])
    customer = session.get(Customer, link.customer_id) if link else None
    if link is None or customer is None:
        raise NotFound(GONE)
    ended = link.number != customer.link_number or link.has_ended(now.date())
    return Holder(customer, link.channel, token, ended)
