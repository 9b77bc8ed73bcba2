"""A call, letter, e-mail or visit as programs report it."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from app.api.deps import Input
from app.api.fields import Amount, Currency, Day, Instant
from app.casework.results.rules import ContactWay, Direction
from app.core.text import LONGEST_NOTE, Line, Paragraph

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
    way: Annotated[
        ContactWay,
        Field(
            strict=False,
            description="`email`, `post` or `visit`: a contact that did not pass the desk; no call.",
        ),
    ] = ContactWay.CALL
    on: Annotated[
        Day | None,
        Field(description="Day on which a letter or e-mail came or left, or of a visit; today without it."),
    ] = None
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
