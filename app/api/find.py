"""Search for customers, for telephone systems and other programs."""

from __future__ import annotations

from typing import Annotated, Self

from fastapi import Query
from pydantic import Field

from app.api.deps import ApiCaseReader, ReadSession, api_router
from app.api.shapes import Shape
from app.book.customers.searched_numbers import SHORTEST_CALLER, telephone_digits
from app.casework.cases.rules import CaseStatus
from app.casework.search.hits import Hit, find, find_callers
from app.casework.search.rules import LONGEST, Way, read_search
from app.core.errors import Invalid
from app.core.staff.rules import CASEWORK
from app.core.text import Line

router = api_router("/find", tags=["cases"])


class MatchShape(Shape):
    """The field of the customer that matched."""

    way: Way
    text: str = Field(description="The number, name, reference or words that matched.")


class FoundShape(Shape):
    """A customer who was found, and the open or latest case."""

    portfolio: str
    customer_ref: str
    full_name: str
    accounts: list[str]
    case: str | None = Field(examples=["C-000012"])
    status: CaseStatus | None
    owner: str = Field(description="User name of the agent who has the case; empty = nobody.")
    with_legal: bool
    matched: list[MatchShape]

    @classmethod
    def of(cls, hit: Hit) -> Self:
        case = hit.case
        return cls(
            portfolio=hit.portfolio.code,
            customer_ref=hit.customer.reference,
            full_name=hit.customer.full_name,
            accounts=[account.reference for account in hit.accounts],
            case=case.reference if case else None,
            status=case.status if case else None,
            owner=case.owner if case else "",
            with_legal=bool(case and case.with_legal_since),
            matched=[MatchShape(way=each.way, text=each.detail) for each in hit.matched],
        )


class Found(Shape):
    items: list[FoundShape]
    more: bool = Field(description="There are more customers than `limit`.")


@router.get("", summary="Find customers")
def find_customers(
    caller: ApiCaseReader,
    session: ReadSession,
    q: Annotated[Line, Query(max_length=LONGEST)] = "",
    phone: Annotated[Line, Query(max_length=40)] = "",
    limit: Annotated[int, Query(ge=1, le=50)] = 20,
) -> Found:
    """By part of a name, a telephone number or its last digits, the last four of a card, an e-mail address, a
    reference, or words of notes and messages; or only by `phone`. Closed cases are found too."""
    if phone:
        digits = telephone_digits(phone)
        if len(digits) < SHORTEST_CALLER:
            raise Invalid("Give at least six digits of the telephone number.", "phone")
        hits, more = find_callers(session, digits, limit=limit)
    else:
        hits, more = find(session, read_search(q), works=caller.role in CASEWORK, limit=limit)
    return Found(items=[FoundShape.of(hit) for hit in hits], more=more)
