"""Calls as people and dialers log them."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field
from starlette.requests import Request

from app.actions.calls import CallReport, log_call
from app.api.cases.lookup import case_named
from app.api.cases.shapes import EventShape, last_event_of
from app.api.deps import ApiCaseWorker, Input, OnceSession, api_router
from app.api.fields import Amount, CaseRef, Currency, Day, Instant, minor_of
from app.book.portfolios.models import Portfolio
from app.casework.cases.events import CallLogged
from app.casework.results.rules import CallField, Direction
from app.core.errors import Invalid
from app.core.text import LONGEST_NOTE, Line, Paragraph
from app.http.context import Now, ports_of

router = api_router("/cases", tags=["cases"])

Short = Annotated[Line, Field(max_length=300)]


class NewCall(Input):
    result: Annotated[
        Line,
        Field(
            min_length=1, max_length=40, description="A result code of the portfolio, such as `no_answer`."
        ),
    ]
    direction: Annotated[Direction, Field(strict=False, description="`in`: the customer called us.")] = (
        Direction.OUT
    )
    note: Annotated[Paragraph, Field(max_length=LONGEST_NOTE)] = ""
    callback_at: Annotated[
        Instant | None,
        Field(
            description="When to call back: while the case is open, at most 90 days ahead, at an hour when a call is"
            " allowed. Needed with `call_back`."
        ),
    ] = None
    amount: Annotated[
        Amount | None, Field(description="What they promised; needed with `promised`, unless a plan is live.")
    ] = None
    currency: Annotated[Currency | None, Field(description="Of every amount.")] = None
    due_on: Annotated[Day | None, Field(description="By when they pay it, at most 60 days ahead.")] = None
    paid_on: Annotated[Day | None, Field(description="When the customer says they paid.")] = None
    paid_amount: Annotated[Amount | None, Field(description="What they say they paid.")] = None
    disputed_amount: Annotated[Amount | None, Field(description="What they dispute.")] = None
    number: Annotated[Short, Field(description="The number, where it is not the customer's main one.")] = ""
    relation: Short = ""
    method: Short = ""
    category: Annotated[Short, Field(description="Of a complaint.")] = ""
    words: Annotated[Paragraph, Field(max_length=300, description="The customer's own words.")] = ""
    transactions: Annotated[Paragraph, Field(max_length=300, description="The transactions in dispute.")] = ""
    person: Annotated[Paragraph, Field(max_length=300, description="Executor, attorney or adviser.")] = ""
    support_type: Short = ""
    consent: Annotated[Short, Field(description="`yes` or `no`: they agree that their need is recorded.")] = (
        ""
    )
    channel: Annotated[Short, Field(description="The channel that they do not want.")] = ""
    request: Annotated[
        Paragraph, Field(max_length=300, description="The decision a manager is asked for.")
    ] = ""
    sure: Annotated[
        bool,
        Field(
            description="Log it although you logged the same result on this case minutes ago, a colleague logged a"
            " call, or far more is promised than is past due."
        ),
    ] = False


TEXTS = (
    CallField.RELATION, CallField.METHOD, CallField.CATEGORY, CallField.WORDS,
    CallField.TRANSACTIONS, CallField.PERSON, CallField.SUPPORT_TYPE, CallField.CONSENT, CallField.CHANNEL,
    CallField.REQUEST,
)  # fmt: skip


@router.post("/{reference}/calls", status_code=201, summary="Log a call")
def post_call(
    request: Request, reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewCall
) -> EventShape:
    """Put a call that has just been made on record: it counts toward caps from this moment, unless the customer called,
    and the effects of its result code happen at once, as on the case's page. `GET /portfolios/{code}/results` names the
    codes, what each asks for and does. Call tasks are done unless the code tries again. Answers the call's event."""
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
    )
    letters = ports_of(request).catalog
    log_call(session, case, call, letters, is_sure=body.sure, by=caller.by, now=now)
    return last_event_of(session, case, CallLogged.KIND)


def _minor(body: NewCall, amount: str | None, portfolio: Portfolio) -> int:
    if amount is None:
        return 0
    if body.currency is None:
        raise Invalid("Say in which currency.", "currency")
    return minor_of(amount, body.currency, portfolio)
