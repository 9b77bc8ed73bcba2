"""`desk aging`, `account`, `kpis`: figures of any day. `desk risk`: the model of break risk. `desk peers`: public
rates of other banks. `desk export`: data for other programs."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from app.core.database.engine import reading, transaction
from app.core.errors import Invalid, NotFound
from app.core.ids import id_of
from app.core.text import counted
from app.programs.cli.base import (
    BY,
    Day,
    Json,
    PortfolioCode,
    migrated_engine,
    parse_day,
    print_result,
    read_clock,
)


def aging(date: Day, portfolio_code: PortfolioCode, as_json: Json = False) -> None:
    """Show accounts, balance and past-due amount by bucket at the end of any past day."""
    from app.api.accounts.shapes import AgingShape
    from app.book.delinquency.queries import aging as aging_on
    from app.book.portfolios.service import get_portfolio

    with reading(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code)
        result = aging_on(session, portfolio, date)

    data = AgingShape.of(portfolio, result).model_dump(mode="json")

    def say() -> None:
        print(f"{portfolio_code} on {date}, {portfolio.currency}")
        for label, b in data["buckets"].items():
            print(
                f"  {label:<10}{b['accounts']:>9}  balance {b['balance']:>18}  past due {b['past_due']:>16}"
            )
        owed, late = data["balance"], data["past_due_amount"]
        print(f"  {'total':<10}{result.accounts:>9}  balance {owed:>18}  past due {late:>16}")
        if result.small_debt:
            small = data["small"]
            print(
                f"  of these {small['accounts']} past due by less than {data['small_debt']}: {small['past_due']}"
            )
        print("As known now: entries posted for that day after it was closed count too.")

    print_result(data, as_json, say)


def account(
    account: Annotated[str, typer.Option(help="Account reference.")],
    portfolio_code: PortfolioCode,
    date: Day,
    known_on: Annotated[
        date | None,
        typer.Option(
            parser=parse_day, metavar="YYYY-MM-DD", help="Count only what was known at the end of that day."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how one account stood at the end of any day, as known now or as known then."""
    from app.api.accounts.shapes import StandingShape
    from app.book.delinquency.history import as_known
    from app.book.ledger.accounts import accounts_by_reference
    from app.book.portfolios.service import get_portfolio

    with reading(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code)
        found = accounts_by_reference(session, id_of(portfolio), [account])
        if account not in found:
            raise NotFound(f"Portfolio {portfolio_code} has no account {account!r}.")
        stands = as_known(session, portfolio, found[account][0], date, known_on)

    data = StandingShape.of(portfolio, account, date, known_on, stands).model_dump(mode="json")

    def say() -> None:
        known = f", as known on {known_on}" if known_on else ""
        print(f"{account} on {date}{known}, {portfolio.currency}")
        print(f"  balance {data['balance']}, past due {data['past_due_amount']}, bucket {data['bucket']}")
        if stands.not_owed:
            print(
                f"  owed of it {data['owed_amount']}, not owed {data['not_owed_amount']}: the balance is lower"
            )
        if stands.oldest_due_on:
            print(
                f"  {counted(stands.days_past_due, 'day')} past due; the oldest was due on {stands.oldest_due_on}"
            )

    print_result(data, as_json, say)


def kpis(
    portfolio_code: PortfolioCode,
    date: Annotated[date | None, typer.Option(parser=parse_day, metavar="YYYY-MM-DD")] = None,
    check: Annotated[
        date | None,
        typer.Option(
            parser=parse_day,
            metavar="YYYY-MM-DD",
            help="Count the figures of this day again from the ledger alone, and compare.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Show the key figures of a closed day, and the roll-forward of its month to date; or prove those of a day."""
    if (date is None) == (check is None):
        raise typer.BadParameter("Give either --date or --check.")
    if check is not None:
        _check_figures(portfolio_code, check, as_json)
        return
    assert date is not None
    from app.api.managers.shapes import KpisShape
    from app.book.portfolios.service import get_portfolio
    from app.reporting.cohorts.queries import all_cohorts
    from app.reporting.kpis.definitions.catalog import DEFINITIONS
    from app.reporting.kpis.queries import bucket_flows, month_roll_forward, roll_matrix, snapshots
    from app.reporting.kpis.rules import Scale

    with reading(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code)
        rows = snapshots(session, id_of(portfolio), date, date)
        rolled = month_roll_forward(session, id_of(portfolio), date)
        matrix = roll_matrix(session, portfolio, date)
        flows = bucket_flows(session, portfolio, date)
        cohorts = all_cohorts(session, portfolio, date)
    if not rows:
        raise NotFound(
            f"{portfolio_code} has not closed {date}. "
            f"Close it with: desk day --date {date} --portfolio {portfolio_code}"
        )

    data = KpisShape.of(portfolio, date, rows, rolled, matrix, flows, cohorts).model_dump(mode="json")

    def say() -> None:
        for name, f in data["kpis"].items():
            value = "nothing yet" if f["value"] is None else f"{f['value']:.4%}"
            if f["value"] is not None and DEFINITIONS[name].scale is not Scale.PERCENT:
                value = f"{f['value'] * DEFINITIONS[name].scale.factor:.1f}"
            print(f"{name:<28}{value:>12}   {f['numerator']} / {f['denominator']}")
        print("roll-forward: " + ", ".join(f"{k} {v}" for k, v in data["roll_forward"].items()))
        print("As known when the day was closed or last restated; `desk aging` counts later entries too.")

    print_result(data, as_json, say)


def _check_figures(portfolio_code: str, on: date, as_json: bool) -> None:
    """Exit 1 with the figures that differ."""
    from app.book.portfolios.days import is_closed
    from app.book.portfolios.service import get_portfolio
    from app.core.kit.parallel import collect_garbage_seldom
    from app.reporting.kpis.family import Scope
    from app.reporting.kpis.proof.checking import check_day

    collect_garbage_seldom()
    with reading(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code)
        if not is_closed(session, portfolio, on):
            raise NotFound(f"{portfolio_code} has not closed {on}: there are no figures to check.")
        found = [str(each) for each in check_day(session, Scope(portfolio), on)]
    print_result(
        {"portfolio": portfolio_code, "business_date": str(on), "holds": not found, "differences": found},
        as_json,
        lambda: print("\n".join(found) or f"Every figure of {on} is what the ledger gives."),
    )
    if found:
        raise typer.Exit(1)


risk_app = typer.Typer(no_args_is_help=True)


@risk_app.command("train")
def train(portfolio_code: PortfolioCode, as_json: Json = False) -> None:
    """Train the break-risk model on everything known at the last closed day. Needs scikit-learn (the extra `risk`).

    It is used where it beats the base rate on a later period of the same portfolio; otherwise the base rate is.
    """
    from app.api.managers.risk import RiskModelShape
    from app.book.portfolios.service import get_portfolio
    from app.reporting.risk.service import train_risk_model

    with transaction(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code)
        version = train_risk_model(session, portfolio, by=BY, now=read_clock())
        data = RiskModelShape.of(version).model_dump(mode="json")

    def say() -> None:
        print(
            f"Version {data['version']} of {portfolio_code}, known through {data['through']}: {data['why']}"
        )
        print(
            "Offers and pages use this model from now on."
            if data["is_used"]
            else f"The base rate is used: {data['base_hazard']:.1%} of instalments break their agreement."
        )

    print_result(data, as_json, say)


@risk_app.command("show")
def show(
    portfolio_code: PortfolioCode,
    as_json: Json = False,
) -> None:
    """Show which break-risk model is used, and the last trainings."""
    from app.api.managers.risk import RiskShape
    from app.book.portfolios.service import get_portfolio
    from app.casework.risk.queries import risk_model, versions_of

    with reading(migrated_engine()) as session:
        portfolio = get_portfolio(session, portfolio_code)
        rows = versions_of(session, id_of(portfolio))
        data = RiskShape.of(portfolio, risk_model(session, id_of(portfolio)).label, rows).model_dump(
            mode="json"
        )

    def say() -> None:
        print(f"{portfolio_code} judges break risk by: {data['shown_as']}")
        for each in data["versions"]:
            print(f"  version {each['version']}, through {each['through']}: {each['why']}")

    print_result(data, as_json, say)


peers_app = typer.Typer(no_args_is_help=True)


@peers_app.callback()
def peers() -> None:
    """Rates of other banks, from public files: load one."""


@peers_app.command("load")
def load_peers_file(
    file: Annotated[
        Path, typer.Argument(help="CSV of the Philadelphia Fed (credit card balances) or of FRED.")
    ],
    as_json: Json = False,
) -> None:
    """Load a public file of card delinquency rates; all of it, or nothing."""
    from app.api.managers.peers import LoadedShape
    from app.reporting.peers.service import load_peers

    try:
        content = file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.", "file") from None
    with transaction(migrated_engine()) as session:
        loaded = load_peers(session, file.name, content, by=BY, now=read_clock())
        data = LoadedShape.of(loaded).model_dump(mode="json")

    def say() -> None:
        print(
            f"{data['name']}: {data['values']} values of {', '.join(data['series'])}, up to {data['as_of']}."
        )
        if data["left_out"]:
            print(f"{data['left_out']} columns have no definition here and were left out.")

    print_result(data, as_json, say)


export_app = typer.Typer(no_args_is_help=True)


@export_app.callback()
def exports() -> None:
    """Data for other programs."""


@export_app.command("analytics")
def export_analytics(
    to: Annotated[
        Path, typer.Option(help="Folder of the files: an empty one, or that of an earlier export.")
    ],
    portfolio_code: Annotated[
        str, typer.Option("--portfolio", help="One portfolio. Without it: every portfolio.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Write facts and figures as Parquet files, up to the last closed day. Needs pyarrow (the extra `analytics`).

    Run it again after a night: it adds what is new. docs/analytics.md lists the tables.
    """
    from sqlmodel import select

    from app.book.portfolios.models import Portfolio
    from app.book.portfolios.service import get_portfolio
    from app.reporting.analytics.service import export_analytics as export

    engine = migrated_engine()
    with reading(engine) as session:
        if portfolio_code:
            portfolios = [get_portfolio(session, portfolio_code)]
        else:
            portfolios = list(session.scalars(select(Portfolio).order_by(Portfolio.code)))
    found = {each.code: export(engine, each, to) for each in portfolios}

    def say() -> None:
        for code, exported in found.items():
            if exported is None:
                print(f"{code}: nothing new. No day was closed since the last export.")
            else:
                rows = ", ".join(f"{name} {number:,}" for name, number in exported.rows.items())
                print(f"{code} through {exported.through}: {rows}")

    data = {
        code: {"through": str(exported.through), "rows": exported.rows} if exported else None
        for code, exported in found.items()
    }
    print_result({"to": str(to), "portfolios": data}, as_json, say)
