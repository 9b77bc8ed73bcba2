"""`desk reported`: what a creditor's file says of holders and statuses, decided by a manager."""

from __future__ import annotations

from typing import Annotated

import typer

from app.core.db import reading, transaction
from app.core.errors import DeskError
from app.core.ids import id_of
from app.programs.cli.base import BY, Json, migrated_engine, print_result, read_clock

reported_app = typer.Typer(
    no_args_is_help=True, help="What a creditor's file says of holders and statuses, for a manager to decide."
)


@reported_app.command("list")
def reported_list(
    portfolio: Annotated[str, typer.Option(help="Only of this portfolio.")] = "", as_json: Json = False
) -> None:
    """What waits for a decision, the oldest first."""
    from app.actions.reported import waiting_reports
    from app.book.ledger.service import get_portfolio

    with reading(migrated_engine()) as session:
        book = get_portfolio(session, portfolio) if portfolio else None
        data = [
            {
                "id": change.id,
                "account_ref": account.reference,
                "what": change.what.value,
                "was": change.was,
                "value": change.value,
                "reported_at": change.reported_at.isoformat(),
            }
            for change, account in waiting_reports(session, book.id if book else None)
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
EveryReport = Annotated[bool, typer.Option("--all", help="All of --portfolio that wait.")]
Why = Annotated[str, typer.Option(help="Why; it goes on record.")]


@reported_app.command("accept")
def reported_accept(
    reason: Why, ids: ReportIds = None, every: EveryReport = False, portfolio: str = "", as_json: Json = False
) -> None:
    """Take over what the file says. Exit status 3 if some could not be."""
    _decide_reports(ids or [], portfolio, accept=True, every=every, reason=reason, as_json=as_json)


@reported_app.command("refuse")
def reported_refuse(
    reason: Why, ids: ReportIds = None, every: EveryReport = False, portfolio: str = "", as_json: Json = False
) -> None:
    """Keep what stands here; the file may say it again and changes nothing."""
    _decide_reports(ids or [], portfolio, accept=False, every=every, reason=reason, as_json=as_json)


def _decide_reports(
    ids: list[int], portfolio: str, *, accept: bool, every: bool, reason: str, as_json: bool
) -> None:
    from app.actions.reported import decide_report, get_report, waiting_reports
    from app.book.ledger.service import get_portfolio

    if every == bool(ids) or (every and not portfolio):
        raise typer.BadParameter("name some, or --all with --portfolio")
    engine, now = migrated_engine(), read_clock()
    if every:
        with reading(engine) as session:
            book = get_portfolio(session, portfolio)
            ids = [id_of(change) for change, _ in waiting_reports(session, book.id)]
    decided: list[int] = []
    refused: dict[int, str] = {}
    for number in ids:
        try:
            with transaction(engine) as session:
                change = get_report(session, number)
                decide_report(session, change, accept=accept, reason=reason, by=BY, now=now)
            decided.append(number)
        except DeskError as error:
            refused[number] = str(error)

    def say() -> None:
        print(f"{len(decided)} {'taken over' if accept else 'refused'}.")
        for number, why in refused.items():
            print(f"{number} was left as it was: {why}")

    print_result({"decided": decided, "failed": {str(n): why for n, why in refused.items()}}, as_json, say)
    if refused:
        raise typer.Exit(3)
