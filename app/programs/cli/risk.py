"""`desk risk`: the model of break risk."""

from __future__ import annotations

import typer

from app.core.database.engine import reading, transaction
from app.core.ids import id_of
from app.programs.cli.base import BY, Json, PortfolioCode, migrated_engine, print_result, read_clock

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
