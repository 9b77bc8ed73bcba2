"""`desk strategy ...`: versions of a portfolio's contact strategy."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from app.core.database.engine import reading, transaction
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.settings import get_settings
from app.programs.cli.base import (
    BY,
    Json,
    PortfolioCode,
    migrated_engine,
    print_result,
    read_clock,
)

strategy_app = typer.Typer(no_args_is_help=True)

StrategyRef = Annotated[
    str, typer.Argument(help="A version, such as standard@3, or standard for its latest.")
]


@strategy_app.command("list")
def strategy_list(portfolio_code: PortfolioCode, as_json: Json = False) -> None:
    """List the versions of a portfolio's strategies, newest first, and the live one."""
    from app.book.portfolios.service import get_portfolio
    from app.outreach.strategy.ladders import load_ladders
    from app.outreach.strategy.service import versions

    with reading(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code)
        live = load_ladders(session, portfolio).live.ref
        found = [
            {"ref": v.ref, "name": v.name, "at": v.at, "by": v.by, "note": v.note, "live": v.ref == live}
            for v in versions(session, id_of(portfolio))
        ]

    def say() -> None:
        print(f"live: {live}")
        for each in found:
            print(f"{each['ref']:<24}{each['at']:%Y-%m-%d %H:%M}  {each['by']:<20}{each['note']}")

    print_result({"live": live, "versions": found}, as_json, say)


@strategy_app.command("export")
def strategy_export(
    portfolio_code: PortfolioCode,
    ref: Annotated[
        str, typer.Argument(help="A version, such as standard@3; the live one if not given.")
    ] = "",
    out: Annotated[Path | None, typer.Option(help="File to write; standard output if not given.")] = None,
) -> None:
    """Write the text of a version, as TOML."""
    from app.book.portfolios.service import get_portfolio
    from app.outreach.strategy.ladders import live_version, shipped_text
    from app.outreach.strategy.service import version_named

    with reading(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code)
        version = version_named(session, portfolio, ref) if ref else live_version(session, id_of(portfolio))
        text = version.text if version else shipped_text(portfolio.strategy)
    if out:
        out.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


@strategy_app.command("import")
def strategy_import(
    file: Path,
    portfolio_code: PortfolioCode,
    code: Annotated[str, typer.Option(help="Code of the strategy; the live one's if not given.")] = "",
    note: Annotated[str, typer.Option(help="What changes, and why.")] = "",
    as_json: Json = False,
) -> None:
    """Save a TOML file as the next version. It takes effect only when it is put live. Exit status 1, and every
    fault with its line, when the text is wrong."""
    from app.actions.strategies import save_version
    from app.book.portfolios.service import get_portfolio
    from app.outreach.strategy.file.problems import BadStrategy
    from app.programs.ports import make_catalog

    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(f"{file} cannot be read as UTF-8 text: {error}") from None
    letters = make_catalog(get_settings()).letters
    try:
        with transaction(migrated_engine()) as session:
            portfolio = get_portfolio(session, portfolio_code)
            version = save_version(
                session, portfolio, code or portfolio.strategy, text, letters, note, by=BY, now=read_clock()
            )
            ref = version.ref
    except BadStrategy as bad:
        for problem in bad.problems:
            print(f"{file}:{problem.line or 1}: {problem}", file=sys.stderr)
        raise typer.Exit(1) from None
    print_result({"strategy": ref}, as_json, lambda: print(f"Saved as {ref}. Next: desk strategy live {ref}"))


@strategy_app.command("live")
def strategy_live(ref: StrategyRef, portfolio_code: PortfolioCode, as_json: Json = False) -> None:
    """Put a version live from the next night on."""
    from app.actions.strategies import put_live
    from app.book.portfolios.service import get_portfolio
    from app.outreach.strategy.service import version_named
    from app.programs.ports import make_catalog

    letters = make_catalog(get_settings()).letters
    with transaction(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code)
        version = version_named(session, portfolio, ref)
        put_live(session, portfolio, version, letters, by=BY, now=read_clock())
        live = version.ref
    print_result({"live": live}, as_json, lambda: print(f"{live} is live from the next night on."))


@strategy_app.command("rollback")
def strategy_rollback(portfolio_code: PortfolioCode, as_json: Json = False) -> None:
    """Put the version before the live one back."""
    from app.actions.strategies import rollback
    from app.book.portfolios.service import get_portfolio

    with transaction(migrated_engine()) as session:
        live = rollback(session, get_portfolio(session, portfolio_code), by=BY, now=read_clock()).ref
    print_result(
        {"live": live}, as_json, lambda: print(f"Rolled back: {live} is live from the next night on.")
    )
