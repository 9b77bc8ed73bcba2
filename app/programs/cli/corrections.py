"""`desk reported ...`, `desk statement ...`: reported changes, and statements that were wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from app.core.database.engine import reading, transaction
from app.core.errors import DeskError, Invalid
from app.core.ids import id_of
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

if TYPE_CHECKING:
    from app.book.ledger.corrections.statements import StatementFigures
    from app.book.portfolios.models import Portfolio

    RightFigures = Callable[[Portfolio, StatementFigures], StatementFigures | None]

reported_app = typer.Typer(
    no_args_is_help=True, help="What a creditor's file says of holders and statuses, for a manager to decide."
)


@reported_app.command("list")
def reported_list(
    portfolio_code: Annotated[str, typer.Option("--portfolio", help="List only this portfolio.")] = "",
    as_json: Json = False,
) -> None:
    """List the reported changes that wait for a decision, the oldest first."""
    from app.actions.accounts.reported import waiting_reports
    from app.book.portfolios.service import get_portfolio

    with reading(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code) if portfolio_code else None
        data = [
            {
                "id": change.id,
                "account_ref": account.reference,
                "what": change.what.value,
                "was": change.was,
                "value": change.value,
                "reported_at": change.reported_at.isoformat(),
            }
            for change, account in waiting_reports(session, portfolio.id if portfolio else None)
        ]

    def say() -> None:
        for row in data:
            print(
                f"{row['id']}: account {row['account_ref']}, {row['what']} {row['was']} here, "
                f"{row['value']} in the file since {str(row['reported_at'])[:10]}"
            )
        print(f"{len(data)} wait. Decide with: desk reported accept|refuse ID... --reason WHY")

    print_result({"waiting": data}, as_json, say)


ReportIds = Annotated[list[int] | None, typer.Argument(help="Numbers, as `reported list` shows them.")]
EveryReport = Annotated[bool, typer.Option("--all", help="Every waiting change of --portfolio.")]
OnlyPortfolio = Annotated[str, typer.Option("--portfolio", help="Portfolio code; needed with --all.")]
Why = Annotated[str, typer.Option(help="Reason; it goes on record.")]


@reported_app.command("accept")
def reported_accept(
    reason: Why,
    ids: ReportIds = None,
    every: EveryReport = False,
    portfolio_code: OnlyPortfolio = "",
    as_json: Json = False,
) -> None:
    """Accept reported changes. Exit status 3 when some could not be accepted."""
    _decide_reports(ids or [], portfolio_code, accept=True, every=every, reason=reason, as_json=as_json)


@reported_app.command("refuse")
def reported_refuse(
    reason: Why,
    ids: ReportIds = None,
    every: EveryReport = False,
    portfolio_code: OnlyPortfolio = "",
    as_json: Json = False,
) -> None:
    """Refuse reported changes: the account stays as it is, also when the file reports them again."""
    _decide_reports(ids or [], portfolio_code, accept=False, every=every, reason=reason, as_json=as_json)


def _decide_reports(
    ids: list[int], portfolio_code: str, *, accept: bool, every: bool, reason: str, as_json: bool
) -> None:
    from app.actions.accounts.reported import decide_report, get_report, waiting_reports
    from app.book.portfolios.service import get_portfolio
    from app.casework.cases.figures import refresh_touched

    if every == bool(ids) or (every and not portfolio_code):
        raise typer.BadParameter("Name the changes by number, or give --all with --portfolio.")
    engine, now = migrated_engine(), read_clock()
    if every:
        with reading(engine) as session:
            portfolio = get_portfolio(session, portfolio_code)
            ids = [id_of(change) for change, _ in waiting_reports(session, portfolio.id)]
    decided: list[int] = []
    refused: dict[int, str] = {}
    for number in ids:
        try:
            with transaction(engine) as session:
                change = get_report(session, number)
                decide_report(session, change, accept=accept, reason=reason, by=BY, now=now)
                refresh_touched(session, now)
            decided.append(number)
        except DeskError as error:
            refused[number] = str(error)

    def say() -> None:
        print(f"{len(decided)} {'accepted' if accept else 'refused'}.")
        for number, why in refused.items():
            print(f"{number} is unchanged: {why}")

    print_result({"decided": decided, "failed": {str(n): why for n, why in refused.items()}}, as_json, say)
    if refused:
        raise typer.Exit(3)


statement_app = typer.Typer(no_args_is_help=True, help="Statements that were wrong: replace or withdraw one.")

StatementRef = Annotated[str, typer.Argument(help="Reference of the statement.")]
Reason = Annotated[str, typer.Option("--reason", help="Reason; it goes on record.")]
OptionalDay = Annotated[date | None, typer.Option(parser=parse_day, metavar="YYYY-MM-DD")]


@statement_app.command("replace")
def statement_replace(
    reference: StatementRef,
    portfolio_code: PortfolioCode,
    reason: Reason,
    new_reference: Annotated[str, typer.Option("--new-ref", help="Its new reference, if it has one.")] = "",
    closing_on: OptionalDay = None,
    due_on: OptionalDay = None,
    balance: Annotated[str | None, typer.Option(help="Closing balance; below zero with a minus.")] = None,
    minimum: Annotated[str | None, typer.Option(help="Minimum due.")] = None,
    as_json: Json = False,
) -> None:
    """Put the right figures in a wrong statement's place; what is not given stays as it was."""
    from app.core.money import BadAmount, to_minor

    def right(portfolio: Portfolio, was: StatementFigures) -> StatementFigures:
        def minor(text: str | None, now: int, name: str) -> int:
            if text is None:
                return now
            try:
                return to_minor(text, portfolio.currency)
            except BadAmount as error:
                why = f"{name} needs an amount in {portfolio.currency} such as 250 ({error})."
                raise Invalid(why, name) from None

        return replace(
            was,
            reference=new_reference or was.reference,
            closing_on=closing_on or was.closing_on,
            due_on=due_on or was.due_on,
            balance_minor=minor(balance, was.balance_minor, "--balance"),
            minimum_due_minor=minor(minimum, was.minimum_due_minor, "--minimum"),
        )

    _correct(reference, portfolio_code, reason, right, as_json)


@statement_app.command("withdraw")
def statement_withdraw(
    reference: StatementRef, portfolio_code: PortfolioCode, reason: Reason, as_json: Json = False
) -> None:
    """Take back a statement that should not be there."""
    _correct(reference, portfolio_code, reason, lambda _portfolio, _was: None, as_json)


def _correct(reference: str, code: str, reason: str, right: RightFigures, as_json: bool) -> None:
    from app.book.charges.statements import replace_statement
    from app.book.ledger.corrections.statements import figures_of, find_statement
    from app.book.portfolios.service import get_portfolio
    from app.casework.cases.figures import refresh_touched

    with transaction(migrated_engine()) as session:
        portfolio = get_portfolio(session, code)
        statement = find_statement(session, portfolio, reference)
        figures = right(portfolio, figures_of(statement))
        now = read_clock()
        made = replace_statement(session, statement, figures, reason, by=BY, role=Role.MANAGER, now=now)
        refresh_touched(session, now)
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
