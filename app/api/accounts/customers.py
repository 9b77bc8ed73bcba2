"""Customers: their contact data, and the holders and statuses in a creditor's file."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import Field
from sqlmodel import Session, select

from app.actions.accounts.corrections import decide_report
from app.actions.accounts.reported import get_report, waiting_reports
from app.actions.people.person import change_person
from app.api.accounts.shapes import CustomerShape
from app.api.deps import (
    ApiCaseReader,
    ApiCaseWorker,
    ApiManager,
    Input,
    OnceSession,
    Page,
    ReadSession,
    api_router,
)
from app.api.fields import PortfolioCode, RowId
from app.api.shapes import Shape
from app.book.ledger.models import Account, Customer, ReportedChange
from app.book.ledger.rules import ReportedStatus, ReportedWhat
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.text import Line
from app.http.context import Now
from app.http.transactions import WriteSession

router = api_router("/portfolios/{code}", tags=["customers"])

Reason = Annotated[Line, Field(min_length=1, max_length=200, description="Why; it goes on record.")]


class ContactChange(Input):
    """Fields that are left out stay; an empty text takes a value away."""

    full_name: Annotated[Line, Field(max_length=200)] | None = None
    language: Annotated[Line, Field(max_length=8, examples=["en"])] | None = None
    language_chosen: Annotated[
        bool, Field(description="The customer asked for this language: no file changes it back.")
    ] = False
    country: Annotated[Line, Field(max_length=2, examples=["US"])] | None = None
    region: Annotated[Line, Field(max_length=60, examples=["MA"])] | None = None
    timezone: Annotated[Line, Field(max_length=60, examples=["America/New_York"])] | None = None
    address_line1: Annotated[Line, Field(max_length=200)] | None = None
    address_line2: Annotated[Line, Field(max_length=200)] | None = None
    city: Annotated[Line, Field(max_length=100)] | None = None
    postcode: Annotated[Line, Field(max_length=20, examples=["02108"])] | None = None
    mobile: Annotated[Line, Field(max_length=40, examples=["+16175550123"])] | None = None
    email: Annotated[Line, Field(max_length=254)] | None = None
    reason: Annotated[
        Line, Field(min_length=1, max_length=200, description="How we know.", examples=["told on the phone"])
    ]


class ChangedCustomer(CustomerShape):
    changed: list[str] = Field(description="The fields that are different now.")


@router.get("/customers/{customer_ref}", summary="Read a customer")
def get_customer(
    code: PortfolioCode, customer_ref: Line, _caller: ApiCaseReader, session: ReadSession
) -> CustomerShape:
    """The customer's name, language and place; numbers and addresses stay in the desk."""
    return CustomerShape.of(_customer(session, code, customer_ref))


@router.patch("/customers/{customer_ref}", summary="Change a customer's contact data")
def patch_customer(
    code: PortfolioCode,
    customer_ref: Line,
    caller: ApiCaseWorker,
    session: WriteSession,
    now: Now,
    body: ContactChange,
) -> ChangedCustomer:
    """Name, address, number, e-mail, language, zone. Doing it again changes nothing, so no Idempotency-Key is needed.
    The creditor's file takes it back only when it says something else than it says now."""
    customer = _customer(session, code, customer_ref)
    changes = {
        name: text
        for name, text in body.model_dump(exclude={"reason", "language_chosen"}).items()
        if text is not None
    }
    changed = change_person(
        session, customer, changes, body.reason,
        language_chosen=body.language_chosen, by=caller.by, now=now,
    )  # fmt: skip
    return ChangedCustomer(**CustomerShape.of(customer).model_dump(), changed=sorted(changed))


# --- what the creditor's file says --------------------------------------------------------------------------


class ReportedShape(Shape):
    """A change of holder or status that a creditor's file reports; a manager decides."""

    id: int
    account_ref: str
    what: ReportedWhat
    was: str = Field(description="Status, or reference of the customer, as it is here.")
    value: str = Field(description="Status, or reference of the customer, as the file has it.")
    status: ReportedStatus
    reported_at: datetime
    decided_by: str
    reason: str

    @classmethod
    def of(cls, account: Account, change: ReportedChange) -> Self:
        return cls(
            id=id_of(change),
            account_ref=account.reference,
            what=change.what,
            was=change.was,
            value=change.value,
            status=change.status,
            reported_at=change.reported_at,
            decided_by=change.decided_by,
            reason=change.reason,
        )


@router.get("/reported-changes", summary="List what a creditor's file says and waits for a manager")
def list_reported_changes(
    code: PortfolioCode, _caller: ApiCaseReader, session: ReadSession
) -> Page[ReportedShape]:
    """Other holders and statuses, the oldest first; at most 500."""
    portfolio = get_portfolio(session, code)
    found = waiting_reports(session, portfolio.id, limit=500)
    return Page(items=[ReportedShape.of(account, change) for change, account in found])


class ReportVerdict(StrEnum):
    ACCEPT = "accept"
    REFUSE = "refuse"


class NewReportDecision(Input):
    decision: Annotated[ReportVerdict, Field(strict=False)]
    reason: Reason


@router.post("/reported-changes/{change_id}/decision", summary="Decide what a creditor's file says")
def post_report_decision(
    code: PortfolioCode,
    change_id: RowId,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewReportDecision,
) -> ReportedShape:
    """Take it over, or refuse it: the file may then say it again and changes nothing."""
    portfolio = get_portfolio(session, code)
    change = get_report(session, change_id, portfolio.id)
    accept = body.decision is ReportVerdict.ACCEPT
    decide_report(session, change, accept=accept, reason=body.reason, by=caller.by, now=now)
    return ReportedShape.of(session.get_one(Account, change.account_id), change)


def _customer(session: Session, code: str, reference: str) -> Customer:
    portfolio: Portfolio = get_portfolio(session, code)
    found = session.scalar(
        select(Customer).where(Customer.portfolio_id == portfolio.id, Customer.reference == reference)
    )
    if found is None:
        raise NotFound(f"Portfolio {portfolio.code} has no customer of this reference. Correct it.")
    return found
