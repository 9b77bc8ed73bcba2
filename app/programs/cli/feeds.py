"""`desk feed ...`: load or preview a file of the creditor or the bank."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from sqlalchemy.engine import Engine

from app.book.ledger.rules import FeedKind
from app.core.clock import local_date
from app.core.database.engine import reading
from app.core.ids import id_of
from app.core.settings import ROOT
from app.core.types import JsonObject
from app.programs.cli.base import (
    BY,
    Json,
    PortfolioCode,
    migrated_engine,
    print_result,
    progress_on,
    read_clock,
)

if TYPE_CHECKING:
    from app.book.feeds.reading.mapping import Mapping as FeedMapping

feed_app = typer.Typer(no_args_is_help=True)

MappingFile = Annotated[
    Path | None,
    typer.Option("--mapping", help="TOML file that maps the creditor's own columns (docs/feeds.md)."),
]


@feed_app.command("load")
def feed_load(
    kind: FeedKind,
    file: Annotated[str, typer.Argument(help="CSV, CSV.gz, XLSX, camt.054 XML or -")],
    portfolio_code: PortfolioCode,
    mapping: MappingFile = None,
    as_json: Json = False,
) -> None:
    """Load a file. Exit status 3 when rows were rejected or in conflict."""
    from app.actions.feeds.loads import load

    engine = migrated_engine()
    told = _mapping(kind, mapping)
    with progress_on(f"Loading {kind.value}", as_json) as progress:
        report = load(
            engine,
            kind,
            None if file == "-" else Path(file),
            portfolio_code,
            rejects_dir=ROOT / "var" / "rejects",
            by=BY,
            now=read_clock(),
            progress=progress,
            mapping=told,
        )
    print_result(report.as_json(), as_json, lambda: _say_report(report.as_json()))
    if not as_json and kind is FeedKind.CAMT054:
        _say_waiting(engine, portfolio_code)
    if report.rejected or report.conflicts:
        raise typer.Exit(3)


def _mapping(kind: FeedKind, path: Path | None) -> FeedMapping | None:
    from app.book.feeds.reading.mapping_file import load_mapping

    if path is not None and kind is FeedKind.CAMT054:
        raise typer.BadParameter(
            "camt.054 is a standard and takes no mapping. Leave --mapping out.", param_hint="--mapping"
        )
    return load_mapping(path) if path else None


def _say_report(report: JsonObject) -> None:
    print(
        f"{report['kind']}: read {report['read']}, loaded {report['loaded']}, unchanged {report['unchanged']}, "
        f"conflicts {report['conflicts']}, rejected {report['rejected']}"
        + (f", updated {report['updated']}" if report["updated"] else "")
    )
    if report["rejects_file"]:
        print(f"Line, column and reason of each are in {report['rejects_file']}.")
    if report["warned"]:
        print(
            f"{report['warned']} cells of loaded rows were corrected or left out; see {report['warnings_file']}."
        )
    for note in report["notes"]:
        print(note)


def _say_waiting(engine: Engine, code: str) -> None:
    from app.book.feeds.bank.candidates import waiting_summary
    from app.book.portfolios.service import get_portfolio
    from app.core.money import to_decimal_string

    with reading(engine) as session:
        portfolio = get_portfolio(session, code)
        found = waiting_summary(session, id_of(portfolio))
    if found.count:
        amount = f"{to_decimal_string(found.amount_minor, portfolio.currency)} {portfolio.currency}"
        many = f"{found.count} unmatched payments, {amount} in total, wait for a person to match them"
        one = f"1 unmatched payment of {amount} waits for a person to match it"
        print(f"{one if found.count == 1 else many}, the oldest since {found.oldest_paid_on}.")


@feed_app.command("preview")
def feed_preview(
    kind: FeedKind,
    file: Annotated[Path, typer.Argument(help="CSV, CSV.gz, XLSX or camt.054 XML")],
    portfolio_code: PortfolioCode,
    mapping: MappingFile = None,
    rows: Annotated[int, typer.Option(min=1, max=1000, help="How many rows to show.")] = 10,
    as_json: Json = False,
) -> None:
    """Show the first rows of a file as they would be loaded. Nothing is stored. Exit status 3 when rows among the first
    thousand would be rejected."""
    from app.book.feeds.preview import preview
    from app.book.portfolios.service import get_portfolio

    told = _mapping(kind, mapping)
    with reading(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code)
        found = preview(portfolio, kind, file, told, rows, today=local_date(read_clock(), portfolio.timezone))
    data = found.as_json()
    print_result(data, as_json, lambda: _say_preview(data))
    if found.rejected:
        raise typer.Exit(3)


def _say_preview(data: JsonObject) -> None:
    print(f"{data['file']} read as {data['read_as']}")
    for column in data["columns"]:
        print(f"  {column['column']:<18}from {column['source']}")
    if data["ignored"]:
        print(f"  not used: {', '.join(data['ignored'])}")
    for row in data["rows"]:
        print(
            f"line {row['line']}: "
            + ", ".join(f"{name} {text}" for name, text in row["values"].items() if text)
        )
    for reject in data["rejects"]:
        print(f"line {reject['line']} would be rejected: {reject['column']} {reject['reason']}")
    for word in data["told"]:
        print(f"line {word['line']}: {word['column']} {word['reason']}")
    for note in data["notes"]:
        print(note)
    print(
        f"of the first {data['read']} rows {data['understood']} would be loaded, {data['rejected']} rejected"
    )
