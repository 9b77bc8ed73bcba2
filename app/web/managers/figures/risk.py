"""Break risk: which model a portfolio uses, how well it said what came, what moves it, and what has drifted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlmodel import col, select
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.risk.features import FEATURE_LABELS
from app.casework.risk.measures import Bin
from app.casework.risk.models import RiskModelVersion
from app.casework.risk.queries import risk_model, versions_of
from app.casework.risk.rules import RiskModel
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.types import JsonObject
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.reporting.risk.findings import TrainingFindings, read_findings
from app.web.managers.figures.dashboard_charts import chart_spec
from app.web.rendering import Page, page

router = Router(prefix="/risk")


@dataclass(frozen=True, slots=True)
class RiskPage(Page):
    template = "managers/risk.html"
    portfolio: Portfolio
    portfolios: Sequence[Portfolio]
    model: RiskModel
    versions: Sequence[RiskModelVersion]
    shown: RiskModelVersion | None
    findings: TrainingFindings | None
    """Of the version shown; None where too little history gave none."""
    chart: JsonObject | None
    labels: Mapping[str, str]


@router.get("")
def break_risk(
    request: Request, _staff: Manager, session: ReadSession, portfolio: str = "", version: int = 0
) -> Response:
    """`?version=` looks at an earlier training."""
    portfolios = session.scalars(select(Portfolio).order_by(col(Portfolio.code))).all()
    if not portfolios:
        raise NotFound("There is no portfolio yet. Open one with `desk portfolio add`.")
    chosen = get_portfolio(session, portfolio) if portfolio else portfolios[0]
    versions = versions_of(session, id_of(chosen))
    shown = next((each for each in versions if each.version == version), None) if version else None
    if version and shown is None:
        raise NotFound(f"Portfolio {chosen.code} has no version {version} of its break-risk model.")
    shown = shown or next(iter(versions), None)
    findings = read_findings(shown.findings) if shown else None
    return page(
        request,
        RiskPage(
            portfolio=chosen,
            portfolios=portfolios,
            model=risk_model(session, id_of(chosen)),
            versions=versions,
            shown=shown,
            findings=findings,
            labels=FEATURE_LABELS,
            chart=_reliability(findings.measures.bins) if findings else None,
        ),
    )


def _reliability(bins: Sequence[Bin]) -> JsonObject:
    """The reliability plot: predicted against observed, bin by bin, with intervals; on the diagonal both agree."""
    lines = {
        "Predicted": [each.said for each in bins],
        "Actual": [each.came for each in bins],
        "Interval, from": [each.low for each in bins],
        "Interval, to": [each.high for each in bins],
    }
    return chart_spec("line", [f"{n} of {len(bins)}" for n in range(1, len(bins) + 1)], "percent", lines)
