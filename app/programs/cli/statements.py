"""`desk statement ...`: statements that were wrong, for the command line."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Annotated, Any

import typer

from app.core.db import transaction
from app.core.errors import Invalid
from app.core.staff.rules import Role
from app.programs.cli.base import (
    BY,
    Json,
    PortfolioCode,
    migrated_engine,
    parse_day,
    print_result,
    read_clock,
)

statement_app = typer.Typer(no_args_is_help=True, help="Statements that were wrong: replace or withdraw one.")

StatementRef = Annotated[str, typer.Argument(help="Reference of the statement.")]
Why = Annotated[str, typer.Option("--reason", help="Why; it goes on record.")]
OptionalDay = Annotated[date | None, typer.Option(parser=parse_day, metavar="YYYY-MM-DD")]


@statement_app.command("replace")
def statement_replace(
    reference: StatementRef,
    portfolio: PortfolioCode,
    reason: Why,
    new_reference: Annotated[str, typer.Option("--new-ref", help="Its new reference, if it has one.")] = "",
    closing_on: OptionalDay = None,
    due_on: OptionalDay = None,
    balance: Annotated[str | None, typer.Option(help="Closing balance; below zero with a minus.")] = None,
    minimum: Annotated[str | None, typer.Option(help="Minimum due.")] = None,
    as_json: Json = False,
) -> None:
    """Put the right figures in a wrong statement's place; what is not given stays as it was."""
    from app.core.money import BadAmount, to_minor

    def right(book: Any, was: Any) -> Any:
        def minor(text: str | None, now: int, name: str) -> int:
            if text is None:
                return now
            try:
                return to_minor(text, book.currency)
            except BadAmount as error:
                raise Invalid(f"{name}: {error}", name) from None

        return replace(
            was,
            reference=new_reference or was.reference,
            closing_on=closing_on or was.closing_on,
            due_on=due_on or was.due_on,
            balance_minor=minor(balance, was.balance_minor, "--balance"),
            minimum_due_minor=minor(minimum, was.minimum_due_minor, "--minimum"),
        )

    _correct(reference, portfolio, reason, right, as_json)


@statement_app.command("withdraw")
def statement_withdraw(
    reference: StatementRef, portfolio: PortfolioCode, reason: Why, as_json: Json = False
) -> None:
    """Take back a statement that should not be there."""
    _correct(reference, portfolio, reason, lambda _book, _was: None, as_json)


def _correct(reference: str, code: str, reason: str, right: Any, as_json: bool) -> None:
    from app.book.charges.statements import replace_statement
    from app.book.ledger.service import get_portfolio
    from app.book.ledger.statements import figures_of, find_statement

    with transaction(migrated_engine()) as session:
        book = get_portfolio(session, code)
        statement = find_statement(session, book, reference)
        figures = right(book, figures_of(statement))
        made = replace_statement(
            session, statement, figures, reason, by=BY, role=Role.MANAGER, now=read_clock()
        )
        data = {
            "portfolio": code,
            "statement": reference,
            "withdrawn": figures is None,
            "replaced_by": figures.reference if figures else None,
            "replaced_on": made.replaced_on.isoformat(),
        }
    done = "withdrawn" if figures is None else f"replaced by {data['replaced_by']}"
    print_result(
        data,
        as_json,
        lambda: print(f"Statement {reference} is {done}. The next night counts the account anew."),
    )
