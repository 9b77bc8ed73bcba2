"""May this customer be contacted, and if not, why."""

from __future__ import annotations

from typing import Annotated

from fastapi import Query

from app.api.deps import ReadSession, api_requires, api_router
from app.api.fields import Instant, Line
from app.api.shapes import AnswerShape
from app.compliance.service import customer_of_account, explain
from app.staff.rules import CASEWORK, Caller
from app.timeline.rules import Channel, Purpose

router = api_router("/contacts", tags=["contacts"])


@router.get("/explain", summary="Ask the gate")
def explain_contact(
    _caller: Annotated[Caller, api_requires(*CASEWORK)],
    session: ReadSession,
    account: Annotated[Line, Query(min_length=1, max_length=60, description="Account reference.")],
    channel: Channel,
    at: Annotated[Instant, Query(description="RFC 3339, with its offset; + is written %2B.")],
    purpose: Purpose = Purpose.REMINDER,
) -> AnswerShape:
    """The gate's full answer to a contact at an instant: every reason with its rule and citation. Nothing is sent or
    recorded. Not legal advice."""
    book, customer = customer_of_account(session, account)
    return AnswerShape.of(explain(session, book, customer, channel, purpose, at=at))
