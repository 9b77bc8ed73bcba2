"""The break-risk model of a portfolio: which one is used, and how it did on a later period."""

from __future__ import annotations

from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.api.deps import ApiManager, ReadSession, api_router
from app.api.fields import PortfolioCode
from app.api.shapes import Shape
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.casework.risk.models import RiskModelVersion
from app.casework.risk.queries import model_of, risk_model, versions_of
from app.core.ids import id_of
from app.reporting.risk.findings import FeatureFinding, TrainingFindings, read_findings

router = api_router("/portfolios/{code}/risk-models", tags=["portfolios"])


class BinShape(Shape):
    said: float
    came: float
    low: float = Field(description="Of the 95 % interval of `came`.")
    high: float
    instalments: int


class FeatureShape(Shape):
    feature: str
    coefficient: float = Field(description="On the standardised value; above 0 it speaks for a break.")
    drift: float = Field(description="Population stability index between training and later period.")
    by_language: float = Field(description="Share of its variance that the language explains.")
    by_country: float
    by_postcode: float
    left_out: bool = Field(description="A proxy of one of the three, and so no part of the model.")

    @classmethod
    def of(cls, found: FeatureFinding) -> Self:
        return cls(
            feature=found.feature,
            coefficient=found.coefficient,
            drift=found.drift,
            by_language=found.by_language,
            by_country=found.by_country,
            by_postcode=found.by_postcode,
            left_out=found.is_proxy,
        )


class TestShape(Shape):
    """The model on agreements later than those it was trained on."""

    trained_from: date
    tested_from: date
    trained_on: int = Field(description="Instalments.")
    tested_on: int
    calibrated_by: str
    brier: float
    base_brier: float
    gain: float = Field(description="Share by which the Brier score is below the base rate's.")
    slope: float
    ece: float
    reliability: list[BinShape]
    features: list[FeatureShape]

    @classmethod
    def of(cls, found: TrainingFindings) -> Self:
        measures = found.measures
        return cls(
            trained_from=found.trained_from,
            tested_from=found.tested_from,
            trained_on=found.trained_on,
            tested_on=measures.outcomes,
            calibrated_by=found.calibrated_by,
            brier=measures.brier,
            base_brier=measures.base_brier,
            gain=measures.gain,
            slope=measures.slope,
            ece=measures.ece,
            reliability=[
                BinShape(said=b.said, came=b.came, low=b.low, high=b.high, instalments=b.count)
                for b in measures.bins
            ],
            features=[FeatureShape.of(each) for each in found.features],
        )


class RiskModelShape(Shape):
    version: int
    through: date
    is_used: bool
    why: str
    base_hazard: float = Field(
        description="Chance that an instalment breaks its agreement, by the base rate."
    )
    instalments: int
    breaks: int
    agreements_ended: int
    trained_at: datetime
    trained_by: str
    test: TestShape | None = Field(description="null where too little history gave no model.")

    @classmethod
    def of(cls, row: RiskModelVersion) -> Self:
        findings = read_findings(row.findings)
        return cls(
            version=row.version,
            through=row.through,
            is_used=row.is_used,
            why=row.why,
            base_hazard=model_of(row).base.hazard,
            instalments=row.trials,
            breaks=row.breaks,
            agreements_ended=row.ended,
            trained_at=row.trained_at,
            trained_by=row.trained_by,
            test=TestShape.of(findings) if findings else None,
        )


class RiskShape(Shape):
    """The model of break risk in use, and the last trainings."""

    portfolio: str
    shown_as: str = Field(examples=["model 3", "base rate", "too little history"])
    versions: list[RiskModelShape] = Field(description="The latest first.")

    @classmethod
    def of(cls, portfolio: Portfolio, shown_as: str, rows: list[RiskModelVersion]) -> Self:
        return cls(
            portfolio=portfolio.code, shown_as=shown_as, versions=[RiskModelShape.of(row) for row in rows]
        )


@router.get("", summary="Show the break-risk models")
def list_risk_models(code: PortfolioCode, _caller: ApiManager, session: ReadSession) -> RiskShape:
    """The model that is used now and the last 20 trainings. `desk risk train` trains one."""
    portfolio = get_portfolio(session, code)
    rows = versions_of(session, id_of(portfolio))
    return RiskShape.of(portfolio, risk_model(session, id_of(portfolio)).label, rows)
