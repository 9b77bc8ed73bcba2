"""Answers of the gate: may this customer be contacted, and if not, why not."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field

from app.api.cases.answer_shapes import AnswerShape
from app.api.deps import ApiCaseWorker, ApiManager, ReadSession, api_router
from app.api.fields import Day, Instant
from app.api.shapes import Shape
from app.book.customers.lookup import customer_of_account
from app.book.portfolios.service import get_portfolio
from app.core.clock import local_instant
from app.core.errors import Invalid
from app.core.text import Line
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.explain import explain
from app.outreach.gate.queries import Period, counts, rule_counts

router = api_router("/contacts", tags=["contacts"])


@router.get("/explain", summary="Ask the gate")
def explain_contact(
    _caller: ApiCaseWorker,
    session: ReadSession,
    account: Annotated[Line, Query(min_length=1, max_length=60, description="Account reference.")],
    channel: Channel,
    at: Annotated[Instant, Query(description="RFC 3339, with its offset; + is written %2B.")],
    purpose: Purpose = Purpose.REMINDER,
    portfolio: Annotated[
        Line,
        Query(max_length=40, description="Its portfolio, where several have an account of this reference."),
    ] = "",
) -> AnswerShape:
    """The gate's full answer to a contact at an instant: every reason with its rule and citation. Nothing is sent or
    recorded. Not legal advice."""
    book, customer = customer_of_account(session, account, portfolio)
    return AnswerShape.of(explain(session, book, customer, channel, purpose, at=at))


MAX_DAYS = 92


class CountShape(Shape):
    decision: str = Field(examples=["refused"])
    channel: Channel | None
    count: int


class RuleCountShape(Shape):
    """Number of answers that named a rule as a reason; one answer may name several rules."""

    rule: str
    citation: str
    verified: bool
    refused: int
    waiting: int
    withheld: int


class RefusalsShape(Shape):
    """Answers of the gate in a period, their outcomes, and the rules that objected."""

    contacts: list[CountShape]
    rules: list[RuleCountShape]
    all_read: bool = Field(
        description="False where there were so many that only the newest were counted by rule."
    )


@router.get("/refusals", summary="Count refusals by rule")
def get_refusals(
    _caller: ApiManager,
    session: ReadSession,
    portfolio: Annotated[Line, Query(min_length=1, max_length=40, description="Portfolio code.")],
    first_on: Annotated[Day, Query(alias="from")],
    last_on: Annotated[Day, Query(alias="to", description="At most 91 days after `from`.")],
) -> RefusalsShape:
    """The days from one to another in the portfolio's time zone: decisions by channel, and objections by rule."""
    book = get_portfolio(session, portfolio)
    if not first_on <= last_on < first_on + timedelta(days=MAX_DAYS):
        raise Invalid(f"Ask for 1 to {MAX_DAYS} days at a time.", "to")
    period = Period(
        local_instant(first_on, 0, 0, book.timezone),
        local_instant(last_on + timedelta(days=1), 0, 0, book.timezone),
        book.id,
    )
    rules = rule_counts(session, period)
    found = sorted(counts(session, period).items(), key=lambda item: (item[0][0], item[0][1] or ""))
    return RefusalsShape(
        contacts=[CountShape(decision=name, channel=via, count=n) for (name, via), n in found],
        rules=[RuleCountShape(**asdict(rule)) for rule in rules.rules],
        all_read=rules.all_read,
    )
