"""Corrections of an account: entries by hand, waivers, payments that went astray, status, pauses, re-ages."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlmodel import Session, col, select

from app.actions.accounts.corrections import (
    change_status,
    end_pause,
    move_payment,
    pay_out,
    post_by_hand,
    re_age,
    reverse_entry,
    set_pause,
    waive,
)
from app.actions.approvals.deciding import decide_waiver
from app.api.accounts.correction_shapes import (
    CreditBalanceShape,
    PauseShape,
    ReAgeShape,
    StatusShape,
    WaiverShape,
)
from app.api.accounts.shapes import EntryShape
from app.api.deps import ApiCaseWorker, ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import (
    Amount,
    Currency,
    Cursor,
    Day,
    Limit,
    PortfolioCode,
    RowId,
    after,
    minor_of,
    naming,
    page_of,
)
from app.book.delinquency.lifecycle import credit_balances
from app.book.delinquency.models import Pause
from app.book.ledger.accounts import find_account
from app.book.ledger.models import Account, Entry, Waiver
from app.book.ledger.references import normal_reference
from app.book.ledger.rules import AccountStatus, EntryKind, WaiverStatus
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.text import Line
from app.http.context import Now
from app.policy.sections.pauses import PauseKind

router = api_router("/portfolios/{code}", tags=["corrections"])


Ref = Annotated[Line, Field(min_length=1, max_length=80)]
Account_ = Annotated[Line, Field(min_length=1, max_length=60, description="Reference of the account.")]
Reason = Annotated[Line, Field(min_length=1, max_length=200, description="Why; it goes on record.")]


# --- entries ------------------------------------------------------------------------------------------------


class ByHand(StrEnum):
    """Kinds of entries that a person posts."""

    PAYMENT = "payment"
    REFUND = "refund"
    FEE = "fee"
    INTEREST = "interest"
    CREDIT = "credit"
    ADJUSTMENT = "adjustment"


class NewEntry(Input):
    account_ref: Account_
    kind: Annotated[ByHand, Field(strict=False)]
    amount: Annotated[
        str,
        Field(
            max_length=25,
            pattern=r"^-?[0-9]+(\.[0-9]+)?$",
            description="Positive, the kind says which way; an adjustment that lowers the debt is negative.",
            examples=["12.50"],
        ),
    ]
    currency: Currency
    effective_on: Annotated[Day, Field(description="The day it counts for; not in the future.")]
    description: Reason
    reference: Annotated[Line, Field(max_length=80, description="Unique; one is made if left out.")] = ""


@router.post("/entries", status_code=201, summary="Post an entry")
def post_entry_by_hand(
    code: PortfolioCode, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewEntry
) -> EntryShape:
    """Enter a payment, refund, fee, interest, credit or adjustment. An entry for a closed day is posted into the open
    one and counts for its own. A payment after a charge-off becomes a recovery."""
    portfolio = get_portfolio(session, code)
    amount = minor_of(body.amount.removeprefix("-"), body.currency, portfolio)
    entry = post_by_hand(
        session,
        account := account_named(session, portfolio, body.account_ref),
        EntryKind(body.kind.value),
        -amount if body.amount.startswith("-") else amount,
        body.effective_on,
        body.description,
        reference=body.reference,
        by=caller.by,
        role=caller.role,
        now=now,
    )
    return EntryShape.of(portfolio, account, entry)


class NewEntryReversal(Input):
    reverses: Annotated[Ref, Field(description="Reference of the entry.")]
    reason: Reason


@router.post("/entries/reversals", status_code=201, summary="Reverse an entry")
def post_entry_reversal(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewEntryReversal
) -> EntryShape:
    """Enter the mirror image of an entry of any kind. A credit that is reversed never paid anything."""
    portfolio = get_portfolio(session, code)
    entry = _entry(session, portfolio, body.reverses, "reverses")
    mirror = reverse_entry(session, entry, body.reason, by=caller.by, now=now)
    return EntryShape.of(
        portfolio, session.get_one(Account, entry.account_id), mirror, reverses=entry.reference
    )


class NewMove(Input):
    reference: Annotated[Ref, Field(description="Reference of the payment.")]
    to_account_ref: Account_
    reason: Reason


@router.post("/payments/moves", status_code=201, summary="Move a payment")
def post_payment_move(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewMove
) -> EntryShape:
    """Take a payment off the wrong account and put it on the right one, on its own day. Answers the new entry."""
    portfolio = get_portfolio(session, code)
    entry = _entry(session, portfolio, body.reference, "reference")
    to = account_named(session, portfolio, body.to_account_ref, "to_account_ref")
    with naming(to_account="to_account_ref"):
        moved = move_payment(session, entry, to, body.reason, by=caller.by, role=caller.role, now=now)
    return EntryShape.of(portfolio, to, moved)


class NewPayout(Input):
    account_ref: Account_
    amount: Amount
    currency: Currency
    description: Reason


@router.post("/payouts", status_code=201, summary="Pay out an overpayment")
def post_payout(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewPayout
) -> EntryShape:
    """Enter that (part of) a credit balance was paid back; at most what the account is overpaid by today."""
    portfolio = get_portfolio(session, code)
    account = account_named(session, portfolio, body.account_ref)
    amount = minor_of(body.amount, body.currency, portfolio)
    entry = pay_out(session, account, amount, body.description, by=caller.by, role=caller.role, now=now)
    return EntryShape.of(portfolio, account, entry)


@router.get("/credit-balances", summary="List overpaid accounts")
def list_credit_balances(
    code: PortfolioCode, _caller: ApiCaseWorker, session: ReadSession, limit: Limit = 50
) -> Page[CreditBalanceShape]:
    """Accounts that were overpaid at the end of the last business day, the largest sum first."""
    portfolio = get_portfolio(session, code)
    found = credit_balances(session, id_of(portfolio), limit=limit)
    return Page(items=[CreditBalanceShape.of(portfolio, each) for each in found])


# --- waivers ------------------------------------------------------------------------------------------------


class NewWaiver(Input):
    entry: Annotated[Ref, Field(description="Reference of the fee or interest.")]
    amount: Amount
    currency: Currency
    reason: Reason


@router.post("/waivers", status_code=201, summary="Waive a fee or interest")
def post_waiver(
    code: PortfolioCode, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewWaiver
) -> WaiverShape:
    """A manager's program within the portfolio's limit waives at once; otherwise it waits for a second person."""
    portfolio = get_portfolio(session, code)
    entry = _entry(session, portfolio, body.entry, "entry")
    amount = minor_of(body.amount, body.currency, portfolio)
    made = waive(session, entry, amount, body.reason, by=caller.by, role=caller.role, now=now)
    return _waiver(session, portfolio, made)


@router.get("/waivers", summary="List waivers")
def list_waivers(
    code: PortfolioCode,
    _caller: ApiCaseWorker,
    session: ReadSession,
    status: Annotated[WaiverStatus | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[WaiverShape]:
    """Waivers in the order in which they were asked for."""
    portfolio = get_portfolio(session, code)
    query = select(Waiver).where(Waiver.portfolio_id == portfolio.id, col(Waiver.id) > after(cursor))
    if status is not None:
        query = query.where(Waiver.status == status)
    rows = session.scalars(query.order_by(col(Waiver.id)).limit(limit + 1)).all()
    shown, next_cursor = page_of(rows, limit, lambda row: id_of(row))
    return Page(items=[_waiver(session, portfolio, row) for row in shown], next_cursor=next_cursor)


class WaiverVerdict(StrEnum):
    APPROVE = "approve"
    DECLINE = "decline"


class NewWaiverDecision(Input):
    decision: Annotated[WaiverVerdict, Field(strict=False)]
    note: Annotated[Line, Field(max_length=200, description="Needed to decline.")] = ""


@router.post("/waivers/{waiver_id}/decision", summary="Decide a waiver")
def post_waiver_decision(
    code: PortfolioCode,
    waiver_id: RowId,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewWaiverDecision,
) -> WaiverShape:
    """Approve it, which posts the credit, or decline it. The person who asked for it cannot decide."""
    portfolio = get_portfolio(session, code)
    waiver = session.get(Waiver, waiver_id)
    if waiver is None or waiver.portfolio_id != portfolio.id:
        raise NotFound(f"Portfolio {portfolio.code} has no waiver {waiver_id}. Choose one from the list.")
    approve = body.decision is WaiverVerdict.APPROVE
    made = decide_waiver(
        session, waiver, approve=approve, note=body.note, by=caller.by, role=caller.role, now=now
    )
    return _waiver(session, portfolio, made)


# --- status, pauses, re-ages ----------------------------------------------------------------------------------


class NewStatus(Input):
    account_ref: Account_
    to: Annotated[AccountStatus, Field(strict=False)]
    on: Annotated[Day, Field(description="At the end of this day; not in the future.")]
    reason: Reason


@router.post("/status-changes", status_code=201, summary="Change an account's status")
def post_status_change(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewStatus
) -> StatusShape:
    """Close, charge off, settle, sell, ... an account; `active` undoes an end. The refusal names every reason."""
    portfolio = get_portfolio(session, code)
    account = account_named(session, portfolio, body.account_ref)
    change_status(session, account, body.to, body.on, body.reason, by=caller.by, now=now)
    return StatusShape.of(account)


class NewPause(Input):
    account_ref: Account_
    kind: Annotated[PauseKind, Field(strict=False)]
    from_on: Annotated[Day, Field(description="First day that does not count; may lie in the past.")]
    to_on: Annotated[
        Day | None, Field(description="First day that counts again; left out = until ended.")
    ] = None
    reason: Reason


@router.post("/pauses", status_code=201, summary="Pause an account's days")
def post_pause(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewPause
) -> PauseShape:
    """Days that do not count toward days past due, and on which nothing is charged."""
    portfolio = get_portfolio(session, code)
    account = account_named(session, portfolio, body.account_ref)
    made = set_pause(
        session, account, body.kind, body.from_on, body.to_on, body.reason, by=caller.by, now=now
    )
    return PauseShape.of(account, made)


class NewPauseEnd(Input):
    on: Annotated[Day, Field(description="First day that counts again.")]


@router.post("/pauses/{pause_id}/end", summary="End a pause")
def post_pause_end(
    code: PortfolioCode,
    pause_id: RowId,
    caller: ApiManager,
    session: OnceSession,
    now: Now,
    body: NewPauseEnd,
) -> PauseShape:
    """Let days count again. On or before its first day the pause never was."""
    portfolio = get_portfolio(session, code)
    pause = session.get(Pause, pause_id)
    if pause is None or pause.portfolio_id != portfolio.id:
        raise NotFound(f"Portfolio {portfolio.code} has no pause {pause_id}. Choose one of the account.")
    account = session.get_one(Account, pause.account_id)
    end_pause(session, pause, body.on, by=caller.by, now=now)
    return PauseShape.of(account, pause, ended_on=max(body.on, pause.from_on))


class NewReAge(Input):
    account_ref: Account_
    reason: Reason


@router.post("/re-ages", status_code=201, summary="Re-age an account")
def post_re_age(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewReAge
) -> ReAgeShape:
    """Bring an account current under the rule of the portfolio's policy pack; the refusal names every reason."""
    portfolio = get_portfolio(session, code)
    account = account_named(session, portfolio, body.account_ref)
    made = re_age(session, account, body.reason, by=caller.by, role=caller.role, now=now)
    return ReAgeShape.of(portfolio, account, made)


def account_named(
    session: Session, portfolio: Portfolio, reference: str, field: str = "account_ref"
) -> Account:
    account = find_account(session, id_of(portfolio), reference)
    if account is None:
        raise Invalid(f"Portfolio {portfolio.code} has no account of this reference. Correct it.", field)
    return account


def _entry(session: Session, portfolio: Portfolio, reference: str, field: str) -> Entry:
    spellings = (reference, normal_reference(reference))
    entry = session.scalar(
        select(Entry).where(Entry.portfolio_id == portfolio.id, col(Entry.reference).in_(spellings))
    )
    if entry is None:
        raise Invalid(f"Portfolio {portfolio.code} has no entry of this reference. Correct it.", field)
    return entry


def _waiver(session: Session, portfolio: Portfolio, waiver: Waiver) -> WaiverShape:
    account = session.get_one(Account, waiver.account_id)
    return WaiverShape.of(portfolio, account, session.get_one(Entry, waiver.entry_id), waiver)
