"""The customers of one agent, with what their agent wants to know of each."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from app.api.deps import ApiCaseWorker, Page, ReadSession, api_router
from app.api.fields import Cursor, Limit
from app.api.shapes import Money, Shape, covered
from app.api.worklist.shapes import WorkShape
from app.casework.cases.listing import SORTS
from app.casework.plans.rules import PlanKind
from app.casework.support_needs.sight import sight_over
from app.core.errors import Forbidden, Invalid
from app.core.money import to_decimal_string
from app.core.staff.rules import MANAGEMENT
from app.core.text import Line
from app.core.vocabulary import HoldKind
from app.http.context import Now
from app.http.cursors import decode_cursor, encode_cursor
from app.worklist.books import books_at
from app.worklist.mine.customers import MyCustomer, my_customers
from app.worklist.rules import STATES
from app.worklist.view import OTHER_STATES, View, is_state

router = api_router("/worklist/customers", tags=["worklist"])


class MyCustomerShape(Shape):
    """An open case of the person. Amounts are of this moment."""

    work: WorkShape
    minimum_due: Money | None = Field(description="The open minimum that falls due next; null = none.")
    minimum_due_on: date | None
    promise: PlanKind | None = Field(description="The live promise or plan; null = none.")
    promise_amount: Money | None = Field(description="What is missing of its next payment.")
    promise_due_on: date | None
    holds: list[HoldKind]
    needs: list[str] = Field(description="Codes of the open support needs that the token may see.")
    needs_withheld: int = Field(description="Needs that only others may see.")

    @classmethod
    def of(cls, each: MyCustomer) -> Self:
        currency, minimum, payment = each.row.book.currency, each.minimum, each.payment
        return cls(
            work=WorkShape.of(each.row),
            minimum_due=to_decimal_string(minimum.amount_minor, currency) if minimum else None,
            minimum_due_on=minimum.due_on if minimum else None,
            promise=payment.kind if payment else None,
            promise_amount=to_decimal_string(payment.amount_minor, currency) if payment else None,
            promise_due_on=payment.due_on if payment else None,
            holds=[hold.kind for hold in each.holds],
            needs=[need.code for need in each.needs.open],
            needs_withheld=each.needs.hidden,
        )


@router.get("", summary="List the customers of a person")
def list_my_customers(
    caller: ApiCaseWorker,
    session: ReadSession,
    now: Now,
    owner: Annotated[Line, Query(min_length=1, max_length=60, description="User name.")],
    portfolio: Annotated[Line, Query(max_length=40, description="Portfolio code.")] = "",
    state: Annotated[Line, Query(max_length=20, description="As in `GET /worklist`; `all` = every open case.")] = "all",
    bucket: Annotated[Line, Query(max_length=20, description="Days past due: `30-59`.")] = "",
    sort: Annotated[Line, Query(max_length=20, description=f"Of {', '.join(SORTS)}; `-` in front descends.")] = "-days",
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[MyCustomerShape]:  # fmt: skip
    """Last contact, next step and when, promise, minimum due, days past due, holds and needs of each. A token of an
    agent lists the customers of the person who answers for it; a manager's lists anybody's."""
    if caller.role not in MANAGEMENT and owner != caller.owner:
        raise Forbidden("A token of an agent lists the customers of the person who answers for it.")
    if not is_state(state):
        raise Invalid(f"The states are {', '.join((*STATES, *OTHER_STATES))}.", "state")
    if sort.lstrip("-") not in SORTS:
        raise Invalid(f"Sort by {', '.join(SORTS)}.", "sort")
    books = tuple(book for book in books_at(session, now) if not portfolio or book.code == portfolio)
    view = View(books=books, owner=owner, state=state or "all", bucket=bucket, sort=sort)
    after = decode_cursor(cursor, view.cursor_length)
    found, position = my_customers(
        session, view, role=caller.role, by=caller.by, after=after, limit=limit, now=now
    )
    sight = sight_over(session, {each.row.customer_id for each in found}, caller.role, caller.by)
    return Page(
        items=[covered(MyCustomerShape.of(each), sight) for each in found],
        next_cursor=encode_cursor(*position) if position else None,
    )
