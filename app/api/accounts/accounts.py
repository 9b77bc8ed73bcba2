"""An account and where it stands, and payments that arrive one by one instead of in a file."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlmodel import Session, col, select

from app.actions.accounts.corrections import change_terms, post_by_hand, reverse_entry
from app.api.accounts.shapes import AccountDetail, AccountShape, CustomerShape, EntryShape, StandingShape
from app.api.deps import ApiCaseReader, ApiManager, Input, OnceSession, ReadSession, api_router
from app.api.fields import AccountRef, Amount, Currency, Day, PortfolioCode, minor_of
from app.book.delinquency.history import as_known
from app.book.delinquency.service import standing_on
from app.book.ledger.accounts import find_account
from app.book.ledger.models import Account, Customer, Entry
from app.book.ledger.references import normal_reference
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.cases.rules import CaseStatus
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.text import Line
from app.http.context import Now
from app.http.transactions import WriteSession

router = api_router("/portfolios/{code}", tags=["accounts"])


# Before the account itself, whose reference may hold slashes.
@router.get("/accounts/{reference:path}/standing", summary="Ask how an account stood")
def get_standing(
    code: PortfolioCode,
    reference: AccountRef,
    _caller: ApiCaseReader,
    session: ReadSession,
    on: Annotated[Day, Query(description="At the end of this day.")],
    known_on: Annotated[
        Day | None, Query(description="Only with what was known at the end of this day.")
    ] = None,
) -> StandingShape:
    """The debt and past-due amount of any day, with everything known now or as known then, as `desk account --json`
    prints it."""
    portfolio = get_portfolio(session, code)
    account = _account(session, portfolio, reference)
    stands = as_known(session, portfolio, id_of(account), on, known_on)
    return StandingShape.of(portfolio, reference, on, known_on, stands)


@router.get("/accounts/{reference:path}", summary="Get an account")
def get_account(
    code: PortfolioCode,
    reference: AccountRef,
    _caller: ApiCaseReader,
    session: ReadSession,
    now: Now,
) -> AccountDetail:
    """The account, its holder, and the amounts it owes now: entries posted since the last business day count
    already."""
    portfolio = get_portfolio(session, code)
    account = _account(session, portfolio, reference)
    customer = session.get_one(Customer, account.customer_id)
    open_case = session.scalar(
        select(CollectionsCase).where(
            CollectionsCase.customer_id == customer.id, CollectionsCase.status == CaseStatus.OPEN
        )
    )
    today = local_date(now, portfolio.timezone)
    stands = standing_on(session, portfolio, [id_of(account)], today)[id_of(account)]
    shape = AccountShape.of(portfolio, customer, account, stands, today)
    return AccountDetail(
        **dict(shape),
        customer=CustomerShape.of(customer),
        case=open_case.reference if open_case else None,
    )


class TermsChange(Input):
    """Fields that are left out stay."""

    card_last4: Annotated[Line, Field(max_length=4, examples=["5294"])] | None = None
    product: Annotated[Line, Field(max_length=60, examples=["classic"])] | None = None
    credit_limit: Amount | None = None
    currency: Currency | None = Field(default=None, description="Needed with credit_limit.")
    apr: Annotated[str, Field(pattern=r"^[0-9]{1,4}(\.[0-9]{1,4})?$", examples=["19.90"])] | None = Field(
        default=None, description="Annual rate in percent."
    )
    reason: Annotated[Line, Field(min_length=1, max_length=200)]


@router.patch("/accounts/{reference:path}", summary="Change an account's terms")
def patch_account(
    code: PortfolioCode,
    reference: AccountRef,
    caller: ApiManager,
    session: WriteSession,
    now: Now,
    body: TermsChange,
) -> AccountShape:
    """Card, product, limit and rate. Doing it again changes nothing, so no Idempotency-Key is needed. The creditor's
    next accounts file takes it back where it says otherwise."""
    portfolio = get_portfolio(session, code)
    account = _account(session, portfolio, reference)
    terms: dict[str, str | int] = {}
    if body.card_last4 is not None:
        terms["card_last4"] = body.card_last4
    if body.product is not None:
        terms["product"] = body.product.strip()
    if body.credit_limit is not None:
        if body.currency is None:
            raise Invalid("Name the currency of the limit.", "currency")
        terms["credit_limit_minor"] = minor_of(body.credit_limit, body.currency, portfolio)
    if body.apr is not None:
        terms["apr_millionths"] = int(Decimal(body.apr) * 10_000)
    change_terms(session, account, terms, body.reason, by=caller.by, now=now)
    today = local_date(now, portfolio.timezone)
    stands = standing_on(session, portfolio, [id_of(account)], today)[id_of(account)]
    return AccountShape.of(portfolio, session.get_one(Customer, account.customer_id), account, stands, today)


class NewPayment(Input):
    """One payment. Loading it again with the payments feed changes nothing."""

    reference: Annotated[Line, Field(min_length=1, max_length=80, description="Unique in the portfolio.")]
    account_ref: Annotated[Line, Field(min_length=1, max_length=60)]
    amount: Amount
    currency: Currency
    paid_on: Annotated[Day, Field(description="Not in the future, in the portfolio's time zone.")]
    method: Annotated[Line, Field(max_length=200)] = ""


@router.post("/payments", status_code=201, summary="Post a payment")
def post_payment(
    code: PortfolioCode,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewPayment,
) -> EntryShape:
    """Enter a payment into the ledger. It counts at once: for the account, and for every message not sent yet. After
    a charge-off it is a recovery."""
    portfolio = get_portfolio(session, code)
    amount_minor = minor_of(body.amount, body.currency, portfolio)
    account = find_account(session, id_of(portfolio), body.account_ref)
    if account is None:
        why = f"Portfolio {portfolio.code} has no account of this reference. Correct it."
        raise Invalid(why, "account_ref")
    try:
        entry = post_by_hand(
            session,
            account,
            EntryKind.PAYMENT,
            amount_minor,
            body.paid_on,
            body.method,
            reference=body.reference,
            by=caller.by,
            role=caller.role,
            now=now,
        )
    except Invalid as error:
        # The verb speaks of any entry; this caller called its day so.
        raise Invalid(error.message, "paid_on" if error.field == "effective_on" else error.field) from None
    return EntryShape.of(portfolio, account, entry)


class NewReversal(Input):
    """Undoes a payment that bounced or was entered by mistake."""

    reverses: Annotated[Line, Field(min_length=1, max_length=80, description="Reference of the payment.")]
    reason: Annotated[Line, Field(min_length=1, max_length=200)]


@router.post("/payments/reversals", status_code=201, summary="Reverse a payment")
def reverse_payment(
    code: PortfolioCode,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewReversal,
) -> EntryShape:
    """Enter the mirror image of a payment. The dues that the payment had paid are owed again, as if it had never
    come."""
    portfolio = get_portfolio(session, code)
    spellings = (body.reverses, normal_reference(body.reverses))
    entry = session.scalar(
        select(Entry).where(Entry.portfolio_id == portfolio.id, col(Entry.reference).in_(spellings))
    )
    if entry is None:
        why = f"Portfolio {portfolio.code} has no payment of this reference. Correct it."
        raise Invalid(why, "reverses")
    if entry.kind not in (EntryKind.PAYMENT, EntryKind.RECOVERY):
        raise Conflict(f"This entry is of kind {entry.kind.value}, not a payment. Reverse it as an entry.")
    account = session.get_one(Account, entry.account_id)
    mirror = reverse_entry(session, entry, body.reason, by=caller.by, now=now)
    return EntryShape.of(portfolio, account, mirror, reverses=entry.reference)


def _account(session: Session, portfolio: Portfolio, reference: str) -> Account:
    account = find_account(session, id_of(portfolio), reference)
    if account is None:
        raise NotFound(f"Portfolio {portfolio.code} has no account of this reference. Correct it.")
    return account
