"""Statements that were wrong, put right by a manager's program."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Query
from pydantic import Field
from sqlmodel import Session

from app.actions.accounts.corrections import replace_statement
from app.api.accounts.correction_shapes import ReplacedStatementShape
from app.api.deps import ApiCaseWorker, ApiManager, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import Currency, Day, PortfolioCode
from app.book.ledger.accounts import accounts_by_reference
from app.book.ledger.corrections.statements import (
    StatementFigures,
    figures_of,
    find_statement,
    replaced_statements,
)
from app.book.ledger.models import Account, ReplacedStatement
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.money import BadAmount, to_minor
from app.core.text import Line
from app.http.context import Now

router = api_router("/portfolios/{code}", tags=["corrections"])

Ref = Annotated[Line, Field(min_length=1, max_length=60, description="Reference of the statement.")]
Reason = Annotated[Line, Field(min_length=1, max_length=200, description="Why; it goes on record.")]
AskedAccount = Annotated[Line, Query(min_length=1, max_length=60, description="Reference of the account.")]
SignedAmount = Annotated[str, Field(max_length=25, pattern=r"^-?[0-9]+(\.[0-9]+)?$", examples=["1250.00"])]


class NewReplacement(Input):
    """Replacement of a statement. A field that is left out stays as it was."""

    statement_ref: Ref
    new_statement_ref: Annotated[
        Line, Field(max_length=60, description="Its new reference, if it has one.")
    ] = ""
    closing_on: Day | None = None
    due_on: Day | None = None
    balance: SignedAmount | None = None
    minimum_due: SignedAmount | None = None
    currency: Currency
    reason: Reason


@router.post("/statements/replacements", status_code=201, summary="Replace a statement")
def post_replacement(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewReplacement
) -> ReplacedStatementShape:
    """Put the right figures in a wrong statement's place. Delinquency is counted anew from its closing day, and a
    late fee of ours that the right figures do not bear is reversed. Answers the statement as it was."""
    portfolio = get_portfolio(session, code)
    if body.currency != portfolio.currency:
        raise Invalid(f"The currency of this portfolio is {portfolio.currency}.", "currency")
    statement = find_statement(session, portfolio, body.statement_ref)
    was = figures_of(statement)
    right = replace(
        was,
        reference=body.new_statement_ref or was.reference,
        closing_on=body.closing_on or was.closing_on,
        due_on=body.due_on or was.due_on,
        balance_minor=_minor(body.balance, was.balance_minor, portfolio, "balance"),
        minimum_due_minor=_minor(body.minimum_due, was.minimum_due_minor, portfolio, "minimum_due"),
    )
    made = replace_statement(session, statement, right, body.reason, by=caller.by, role=caller.role, now=now)
    return _shape(session, portfolio, made, right)


class NewWithdrawal(Input):
    statement_ref: Ref
    reason: Reason


@router.post("/statements/withdrawals", status_code=201, summary="Withdraw a statement")
def post_withdrawal(
    code: PortfolioCode, caller: ApiManager, session: OnceSession, now: Now, body: NewWithdrawal
) -> ReplacedStatementShape:
    """Take back a statement that should not be there. Answers the statement as it was."""
    portfolio = get_portfolio(session, code)
    statement = find_statement(session, portfolio, body.statement_ref)
    made = replace_statement(session, statement, None, body.reason, by=caller.by, role=caller.role, now=now)
    return _shape(session, portfolio, made, None)


@router.get("/statements/replaced", summary="List replaced statements")
def list_replaced(
    code: PortfolioCode, account_ref: AskedAccount, _caller: ApiCaseWorker, session: ReadSession
) -> Page[ReplacedStatementShape]:
    """Statements of an account that were replaced or withdrawn, as they were, the latest first."""
    portfolio = get_portfolio(session, code)
    found = accounts_by_reference(session, id_of(portfolio), [account_ref])
    if account_ref not in found:
        raise NotFound(f"Portfolio {portfolio.code} has no account of this reference. Correct it.")
    rows = replaced_statements(session, found[account_ref][0])
    return Page(items=[_shape(session, portfolio, each) for each in rows])


def _shape(
    session: Session, portfolio: Portfolio, made: ReplacedStatement, right: StatementFigures | None = None
) -> ReplacedStatementShape:
    return ReplacedStatementShape.of(portfolio, session.get_one(Account, made.account_id), made, right)


def _minor(text: str | None, was: int, portfolio: Portfolio, field: str) -> int:
    if text is None:
        return was
    try:
        return to_minor(text, portfolio.currency)
    except BadAmount as error:
        raise Invalid(str(error), field) from None
