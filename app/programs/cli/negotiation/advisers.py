"""`desk adviser ...`: debt advisers, their files of proposals, their lump payments."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from app.core.database.engine import reading, transaction
from app.core.staff.rules import Role
from app.core.types import JsonObject
from app.programs.cli.base import (
    BY,
    Json,
    PortfolioCode,
    migrated_engine,
    parse_day,
    print_result,
    printable,
    read_clock,
)

adviser_app = typer.Typer(no_args_is_help=True)
Code = Annotated[str, typer.Argument(help="Code of the adviser.")]
REJECTED = 3
"""Exit code: done, but some input was rejected."""


@adviser_app.command("add")
def adviser_add(
    code: Code,
    name: Annotated[str, typer.Option(help="Name of the organisation.")],
    authorisation: Annotated[
        str, typer.Option(help="Its own permission to advise: register and number.")
    ] = "",
    phone: Annotated[str, typer.Option(help="With its country code.")] = "",
    email: Annotated[str, typer.Option()] = "",
    as_json: Json = False,
) -> None:
    """Add an adviser organisation."""
    from app.actions.advisers.clients import add_adviser
    from app.casework.advisers.service import NewAdviser

    new = NewAdviser(code, name, authorisation, phone, email)
    with transaction(migrated_engine()) as session:
        row = add_adviser(session, new, by=BY, now=read_clock())
        data = {"code": row.code, "name": row.name}
    print_result(data, as_json, lambda: print(f"{data['code']}: {data['name']}"))


@adviser_app.command("list")
def adviser_list(as_json: Json = False) -> None:
    """List the advisers."""
    from app.casework.advisers.queries import advisers

    with reading(migrated_engine()) as session:
        rows = [
            {"code": row.code, "name": row.name, "ended": row.ended_at is not None}
            for row in advisers(session)
        ]

    def say() -> None:
        for row in rows:
            print(f"{row['code']:<22}{row['name']}{' (ended)' if row['ended'] else ''}")

    print_result({"advisers": rows}, as_json, say)


@adviser_app.command("load")
def adviser_load(
    code: Code,
    file: Annotated[
        Path, typer.Argument(help="JSON file; docs/advisers.md has its format.", exists=True, dir_okay=False)
    ],
    portfolio_code: PortfolioCode,
    as_json: Json = False,
) -> None:
    """Load a file of proposed plans. A wrong line does not stop the others; the same file again changes nothing. Exit
    code 3 where a line was rejected."""
    from app.actions.advisers.proposals import load_proposals
    from app.book.portfolios.service import get_portfolio
    from app.casework.advisers.queries import get_adviser

    with transaction(migrated_engine()) as session:
        adviser, portfolio = get_adviser(session, code), get_portfolio(session, portfolio_code)
        content, now = file.read_bytes(), read_clock()
        made = load_proposals(session, portfolio, adviser, file.name, content, by=BY, now=now)
        rejects = [
            {"line": row.line, "reference": row.reference, "field": row.field, "reason": row.reason}
            for row in made.rejects
        ]
        data: JsonObject = {
            "file": made.file.id,
            "read": made.file.read,
            "loaded": made.file.loaded if made.is_new else 0,
            "unchanged": made.file.unchanged if made.is_new else made.file.read - made.file.rejected,
            "rejected": made.file.rejected,
            "rejects": rejects,
        }

    def say() -> None:
        print(
            f"{data['read']} read, {data['loaded']} loaded, {data['unchanged']} unchanged, {data['rejected']} rejected"
        )
        for row in data["rejects"]:
            print(printable(f"  line {row['line']}, {row['field']}: {row['reason']}"))

    print_result(data, as_json, say)
    if data["rejected"]:
        raise typer.Exit(REJECTED)


@adviser_app.command("pay")
def adviser_pay(
    code: Code,
    schedule: Annotated[
        Path, typer.Argument(help="CSV or JSON with reference and amount.", exists=True, dir_okay=False)
    ],
    portfolio_code: PortfolioCode,
    reference: Annotated[str, typer.Option(help="Reference of the payment.")] = "",
    paid_on: Annotated[date | None, typer.Option(parser=parse_day, metavar="YYYY-MM-DD")] = None,
    amount: Annotated[str, typer.Option(help="In currency units.")] = "",
    unmatched: Annotated[
        int | None, typer.Option(help="Number of the waiting payment of a bank file that is split.")
    ] = None,
    sure: Annotated[
        bool, typer.Option("--sure", help="It is another payment than one of the same amount days ago.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Split a lump payment over many customers. Parts without a right account wait on the list of unmatched payments;
    exit code 3 where there are any. The same again changes nothing."""
    from app.actions.advisers.lumps import SURE, NewLump, split_lump
    from app.book.portfolios.service import get_portfolio
    from app.casework.advisers.queries import get_adviser, sums_of
    from app.casework.advisers.rules import PartStatus
    from app.casework.cases.figures import refresh_touched
    from app.core.money import BadAmount, to_decimal_string, to_minor

    if unmatched is None and not (reference and paid_on and amount):
        raise typer.BadParameter("Give --reference, --paid-on and --amount, or --unmatched.")
    with transaction(migrated_engine()) as session:
        adviser, portfolio = get_adviser(session, code), get_portfolio(session, portfolio_code)
        try:
            minor = to_minor(amount, portfolio.currency) if amount else 0
        except BadAmount as error:
            raise typer.BadParameter(str(error), param_hint="--amount") from None
        now = read_clock()
        new = NewLump(reference, paid_on, minor, unmatched, SURE if sure else "")
        made = split_lump(
            session, portfolio, adviser, new, schedule.read_bytes(), by=BY, role=Role.MANAGER, now=now
        )
        refresh_touched(session, now)
        sums = sums_of(session, made.lump)
        data: JsonObject = {
            "lump": made.lump.id,
            "reference": made.lump.reference,
            "currency": portfolio.currency,
            "amount": to_decimal_string(made.lump.amount_minor, portfolio.currency),
            "posted": to_decimal_string(sums[PartStatus.POSTED], portfolio.currency),
            "waiting": to_decimal_string(sums[PartStatus.WAITING], portfolio.currency),
            "is_new": made.is_new,
            "parts": [
                {"line": part.n, "reference": part.reference, "status": part.status.value, "why": part.why}
                for part in made.parts
                if part.status is not PartStatus.POSTED
            ],
        }

    def say() -> None:
        print(f"{data['amount']} {data['currency']}: {data['posted']} posted, {data['waiting']} waiting")
        for part in data["parts"]:
            print(printable(f"  line {part['line']}, {part['reference'] or '-'}: {part['why']}"))

    print_result(data, as_json, say)
    if data["parts"]:
        raise typer.Exit(REJECTED)


@adviser_app.command("take-back")
def adviser_take_back(
    code: Code,
    lump: Annotated[int, typer.Argument(help="Number of the lump payment.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    as_json: Json = False,
) -> None:
    """Take a lump payment back with all its parts."""
    from app.actions.advisers.lumps import reverse_lump
    from app.casework.advisers.queries import get_adviser, get_lump
    from app.casework.cases.figures import refresh_touched

    with transaction(migrated_engine()) as session:
        now = read_clock()
        row = get_lump(session, get_adviser(session, code), lump, lock=True)
        count = reverse_lump(session, row, reason, by=BY, now=now)
        refresh_touched(session, now)
    print_result({"parts": count}, as_json, lambda: print(f"{count} parts were taken back"))
