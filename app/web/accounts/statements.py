"""The form on an account's page that puts a wrong statement right, or withdraws it."""

from __future__ import annotations

from typing import Annotated

from fastapi import Form
from sqlmodel import select
from starlette.requests import Request
from starlette.responses import Response

from app.actions.accounts.corrections import replace_statement
from app.book.ledger.corrections.statements import StatementFigures, figures_of
from app.book.ledger.models import Statement
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import WriteSession
from app.web.accounts.confirmation import Effect, Submission, submit
from app.web.accounts.entries import signed_amount
from app.web.forms import ReasonForm, Wrong

router = Router()


class StatementForm(ReasonForm):
    statement: str = ""
    what: str = ""
    new_reference: str = ""
    closing_on: str = ""
    due_on: str = ""
    balance: str = ""
    minimum: str = ""


@router.post("/accounts/{account_id}/statement")
def correct(
    request: Request,
    account_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[StatementForm, Form()],
) -> Response:
    """Correct a statement; empty fields stay as they are."""

    def act(submission: Submission) -> Effect:
        found = session.scalar(
            select(Statement).where(
                Statement.account_id == account_id, Statement.reference == typed.statement[:60]
            )
        )
        if found is None:
            raise Wrong({"statement": "Choose the statement."})
        if typed.what not in ("replace", "withdraw"):
            raise Wrong({"what": "Choose one."})
        right = _right(submission, found) if typed.what == "replace" else None
        named = f"statement {found.reference} of {submission.reader.day(found.closing_on)}"
        replace_statement(session, found, right, typed.reason, by=staff.by, role=staff.role, now=now)
        happens = [
            f"The {named} is withdrawn; what it said stays on record.",
            "Days past due are counted again from its closing day, and a late fee of ours that does not follow from "
            "the right figures is reversed.",
        ]
        if right:
            reader = submission.reader
            happens[0] = (
                f"The {named} now closes on {reader.day(right.closing_on)}, is due on {reader.day(right.due_on)} "
                f"and asks for {reader.money(right.minimum_due_minor)}. "
                "What it said before stays on record."
            )
        verb = "Replace" if right else "Withdraw"
        done = "replaced" if right else "withdrawn"
        return Effect(f"{verb} {named}", happens, f"The {named} is {done}.")

    names = {"statement_ref": "new_reference", "minimum_due": "minimum"}
    return submit(
        request, session, staff, account_id, "statement", typed, act, now=now, names=names, tab="statements"
    )


def _right(submission: Submission, found: Statement) -> StatementFigures:
    fields, was = submission.fields, figures_of(found)
    right = StatementFigures(
        reference=fields.values["new_reference"].strip() or was.reference,
        closing_on=fields.day("closing_on") if fields.has("closing_on") else was.closing_on,
        due_on=fields.day("due_on") if fields.has("due_on") else was.due_on,
        balance_minor=signed_amount(fields, "balance") if fields.has("balance") else was.balance_minor,
        minimum_due_minor=fields.amount("minimum", was.minimum_due_minor),
    )
    fields.done()
    return right
