"""Calls as people and dialers log them."""

from __future__ import annotations

from starlette.requests import Request

from app.actions.calls import CallReport, log_call
from app.api.calls.shapes import NewCall
from app.api.cases.lookup import case_named
from app.api.cases.shapes import EventShape, last_event_of
from app.api.deps import ApiCaseWorker, OnceSession, api_router
from app.api.fields import CaseRef, minor_of
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged, ContactLogged
from app.casework.results.rules import CallField
from app.core.errors import Invalid
from app.http.context import Now, ports_of

router = api_router("/cases", tags=["cases"])

TEXTS = (
    CallField.RELATION, CallField.METHOD, CallField.CATEGORY, CallField.WORDS,
    CallField.TRANSACTIONS, CallField.PERSON, CallField.SUPPORT_TYPE, CallField.CONSENT, CallField.CHANNEL,
    CallField.REQUEST,
)  # fmt: skip


@router.post("/{reference}/calls", status_code=201, summary="Log a call, letter, e-mail or visit")
def post_call(
    request: Request, reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewCall
) -> EventShape:
    """Put a call that has just been made on record: it counts toward caps from this moment, unless the customer
    called, and the effects of its result code happen at once, as on the case's page. `GET
    /portfolios/{code}/results` names the codes, what each asks for and does. With another `way` than `call` a
    letter, e-mail or visit is put on record: one of the customer counts toward no cap, and call tasks stay. A call
    does them, unless the code tries again. Answers the event."""
    case = case_named(session, reference, lock=True)
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    call = CallReport(
        result=body.result,
        note=body.note,
        callback_at=body.callback_at,
        amount_minor=_minor(body, body.amount, portfolio),
        due_on=body.due_on,
        paid_on=body.paid_on,
        paid_minor=_minor(body, body.paid_amount, portfolio),
        disputed_minor=_minor(body, body.disputed_amount, portfolio),
        number=body.number,
        texts={name: getattr(body, name.value) for name in TEXTS if getattr(body, name.value)},
        direction=body.direction,
        way=body.way,
        on=body.on,
    )
    letters = ports_of(request).catalog
    log_call(session, case, call, letters, is_sure=body.sure, by=caller.by, now=now)
    return last_event_of(session, case, CallLogged.KIND if call.is_call else ContactLogged.KIND)


def _minor(body: NewCall, amount: str | None, portfolio: Portfolio) -> int:
    if amount is None:
        return 0
    if body.currency is None:
        raise Invalid("Say in which currency.", "currency")
    return minor_of(amount, body.currency, portfolio)
