"""`desk day`, `simulate`, `invariants`: close business days, simulate days to come, check what must hold."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Annotated

import typer
from sqlmodel import select

from app.core.database.engine import reading, transaction
from app.core.errors import Invalid, NotFound
from app.core.settings import get_settings
from app.core.types import JsonObject
from app.programs.cli.base import (
    Day,
    Json,
    PortfolioCode,
    migrated_engine,
    parse_day,
    print_result,
    progress_on,
    read_clock,
)


def day(
    date: Day,
    portfolio: Annotated[
        str | None, typer.Option(help="Portfolio code; all portfolios if not given.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Close a business day that is over, and any missed before it."""
    from app.book.portfolios.models import Portfolio
    from app.book.portfolios.service import get_portfolio
    from app.core.kit.parallel import collect_garbage_seldom
    from app.operations.day.closing import NotOver, require_over, run_days
    from app.programs.ports import make_catalog

    engine, catalog, now = migrated_engine(), make_catalog(get_settings()), read_clock()
    with reading(engine) as session:
        codes = sorted(session.scalars(select(Portfolio.code)))
        if portfolio:
            codes = [get_portfolio(session, portfolio).code]
    if not codes:
        raise NotFound("There is no portfolio yet. Open one with: desk portfolio add")
    result: JsonObject = {"business_date": date.isoformat(), "portfolios": {}}
    collect_garbage_seldom()
    refused: list[str] = []
    for code in codes:
        try:
            with reading(engine) as session:
                require_over(get_portfolio(session, code), date, now)
            reports = run_days(engine, code, date, catalog, now=now)
        except NotOver as error:  # in this portfolio's zone; another's may be
            refused.append(error.message)
            continue
        result["portfolios"][code] = {
            "already_done": reports[-1].already_done,
            "stages": reports[-1].stages,
            "caught_up": [r.business_date.isoformat() for r in reports[:-1]],
        }
    if result["portfolios"]:
        print_result(result, as_json, lambda: _say_days(result))
    if refused:
        raise Invalid(" ".join(refused), "date")


def _say_days(result: JsonObject) -> None:
    for code, done in result["portfolios"].items():
        state = "was closed already" if done["already_done"] else "closed"
        print(f"{code}: {result['business_date']} {state}")
        for stage in done["stages"]:
            counts = ", ".join(f"{name} {n}" for name, n in stage["counts"].items())
            print(f"  {stage['name']:<12}{stage['seconds']:>8.2f} s  {counts}")


def simulate(
    first: Annotated[
        date, typer.Option("--from", parser=parse_day, metavar="YYYY-MM-DD", help="First day to close.")
    ],
    last: Annotated[
        date, typer.Option("--to", parser=parse_day, metavar="YYYY-MM-DD", help="Last day to close.")
    ],
    portfolio: PortfolioCode,
    strategy: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            help="TOML file of a strategy to compare with the live one (docs/strategies.md).",
        ),
    ] = None,
    listing: Annotated[
        Path | None, typer.Option("--list", help="CSV file for the list of simulated contacts.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Simulate days to come on a copy of the portfolio: who would get which message, and when. Nothing can leave."""
    import gzip

    from app.operations.simulation.service import simulate as run_simulation

    with progress_on("Simulating the days, per cent", as_json) as progress:
        comparison = run_simulation(
            migrated_engine(),
            portfolio,
            first,
            last,
            get_settings(),
            strategy.read_text("utf-8") if strategy else "",
            progress=lambda share: progress(round(100 * share)) if progress else None,
        )
    if listing is not None:
        listing.write_bytes(gzip.decompress(comparison.contacts))
    found = comparison.as_json()
    print_result(found, as_json, lambda: _say_simulation(found))


def _say_simulation(found: JsonObject) -> None:
    from app.operations.simulation.rules import MEASURE_WORDS, measures

    sides = [side for side in (found["live"], found["candidate"]) if side]
    print(f"{found['portfolio']}, {found['first_on']} to {found['last_on']}, nothing was sent")
    print(" " * 26 + "".join(f"{side['strategy']:>28}" for side in sides))
    figures = [measures(side) for side in sides]
    for name, words in MEASURE_WORDS.items():
        if any(each[name] for each in figures):
            unit = f", {found['prices_in']}" if name == "cost" else ""
            print(f"{words + unit:<26}" + "".join(f"{each[name]:>28,}" for each in figures))
    for side in sides:
        for rule, _, channel, decision, n in side["rules"]:
            print(f"  {side['strategy']}: {rule} {decision} {n:,} by {channel}")
        for day, channel, late, minutes in side["bottlenecks"]:
            print(
                f"  {side['strategy']}: {day} {late:,} by {channel} not in time, wait up to {minutes:,} minutes"
            )


def invariants(as_json: Json = False) -> None:
    """Check everything that must hold. Exit status 1, and the rows, where an invariant is violated."""
    from app.book.portfolios.models import Portfolio
    from app.core.kit.parallel import collect_garbage_seldom
    from app.operations.day.stages import report_violations
    from app.operations.invariants.checks import thorough

    collect_garbage_seldom()  # every account is folded again
    engine = migrated_engine()
    with reading(engine) as session:
        portfolios = session.scalars(select(Portfolio)).all()
        by_portfolio = [(portfolio, thorough(session, portfolio)) for portfolio in portfolios]
    with transaction(engine) as session:
        for portfolio, violations in by_portfolio:
            report_violations(session, portfolio, violations, now=read_clock())
    found = [violation for _, violations in by_portfolio for violation in violations]
    data = {"violations": [asdict(v) for v in found]}
    print_result(
        data,
        as_json,
        lambda: print("\n".join(f"{v.invariant}: {v.row}" for v in found) or "All invariants hold."),
    )
    if found:
        raise typer.Exit(1)
