"""Portfolios and key figures as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import date
from itertools import groupby
from typing import Self

from pydantic import Field

from app.api.shapes import Money, Shape
from app.book.delinquency.days import bucket_labels
from app.book.delinquency.queries import RollForward as Roll
from app.book.delinquency.service import edges_of
from app.book.portfolios.models import Portfolio
from app.book.portfolios.rules import CollectorKind, DelinquencySource
from app.casework.cases.models import case_reference
from app.core.money import to_decimal_string
from app.outreach.duties.queries import OwedLetter
from app.outreach.gate.places.coverage import CountryCover
from app.policy.kinds.duty import DutyEvent
from app.reporting.cohorts.rules import CURVES, Cohort, Curve, Point
from app.reporting.kpis.definitions.catalog import DEFINITIONS
from app.reporting.kpis.models import KpiSnapshot
from app.reporting.kpis.queries import Matrix
from app.reporting.kpis.rules import BucketFlow, Figure, Unit


class CountryCoverShape(Shape):
    """One country of a portfolio's customers."""

    country: str = Field(description="ISO 3166-1 alpha-2.")
    name: str
    customers: int
    packs: list[str] = Field(
        description="Packs that hold there; empty = none covers it, and nothing is sent."
    )
    adopted: bool = Field(description="A manager adopted the pack, which is another country's.")

    @classmethod
    def of(cls, cover: CountryCover) -> Self:
        return cls(
            country=cover.country,
            name=cover.name,
            customers=cover.customers,
            packs=list(cover.packs),
            adopted=cover.adopted,
        )


class ContactRulesShape(Shape):
    """The rules that hold for a portfolio's customers, by country."""

    portfolio: str
    policy_pack: str = Field(description="The portfolio's own, which holds for every customer.")
    countries: list[CountryCoverShape]
    findings: list[str] = Field(description="What is wrong with the set-up, and what to do.")


class DutyShape(Shape):
    """A letter that the law wants within some days of an event."""

    case: str
    customer: str
    rule: str
    citation: str
    verified: bool
    event: DutyEvent
    letter: str = Field(description="Name of the letter that the desk writes.")
    arose_on: date
    due_on: date = Field(description="Last day on which it leaves in time.")
    overdue: bool

    @classmethod
    def of(cls, owed: OwedLetter, today: date) -> Self:
        duty = owed.duty
        return cls(
            case=case_reference(duty.case_id),
            customer=owed.customer_name,
            rule=duty.rule,
            citation=duty.citation,
            verified=duty.verified,
            event=duty.event,
            letter=duty.letter,
            arose_on=duty.arose_on,
            due_on=duty.due_on,
            overdue=owed.is_overdue(today),
        )


class PortfolioShape(Shape):
    """Accounts of one creditor, worked under one set of rules."""

    code: str
    creditor: str
    collector: CollectorKind
    currency: str
    timezone: str
    policy_pack: str
    strategy: str
    source: DelinquencySource
    buckets: list[str]
    last_business_date: date | None = Field(
        description="The last day that was closed, null before the first."
    )

    @classmethod
    def of(cls, portfolio: Portfolio, last_business_date: date | None) -> Self:
        return cls(
            code=portfolio.code,
            creditor=portfolio.creditor,
            collector=portfolio.collector,
            currency=portfolio.currency,
            timezone=portfolio.timezone,
            policy_pack=portfolio.pack,
            strategy=portfolio.strategy,
            source=portfolio.source,
            buckets=bucket_labels(edges_of(portfolio)),
            last_business_date=last_business_date,
        )


class KpiShape(Shape):
    """A key figure: money as decimal strings, counts as numbers; the value is null where nothing can be divided."""

    numerator: Money | int
    denominator: Money | int
    value: float | None
    definition: str


class RollForwardShape(Shape):
    """start + fell_past_due - paid - adjusted = end, for the month to date."""

    start: Money
    fell_past_due: Money
    paid: Money
    adjusted: Money
    end: Money


class BucketFlowShape(Shape):
    """opening + fell + moved_in - moved_out - cured - paid - adjusted = closing, of the month to date."""

    opening: Money
    fell: Money
    moved_in: Money
    moved_out: Money
    cured: Money
    """Payments on accounts that are current now."""
    paid: Money
    """Payments on accounts that are still past due."""
    adjusted: Money
    closing: Money


class CohortPoint(Shape):
    """A cohort at a month end, or at the day that is asked for; money as decimal strings, accounts as numbers."""

    months: int
    """Calendar months since the month of the cohort."""
    on: date
    numerator: Money | int
    denominator: Money | int
    value: float | None

    @classmethod
    def of(cls, portfolio: Portfolio, curve: Curve, point: Point) -> Self:
        def shown(number: int) -> str | int:
            return number if CURVES[curve].late_days else to_decimal_string(number, portfolio.currency)

        return cls(
            months=point.months,
            on=point.on,
            numerator=shown(point.numerator),
            denominator=shown(point.denominator),
            value=point.value,
        )


class RollCell(Shape):
    """A cell of the roll-rate matrix: the accounts, and their balance at the last month end."""

    accounts: int
    balance: Money


class KpiDay(Shape):
    business_date: date
    kpis: dict[str, KpiShape]


class KpiSeries(Shape):
    """The closed days of a stretch of time, oldest first, each with its current figures."""

    portfolio: str
    currency: str
    days: list[KpiDay]

    @classmethod
    def of(cls, portfolio: Portfolio, rows: Iterable[KpiSnapshot]) -> Self:
        """`rows` by date."""
        days = [
            KpiDay(business_date=on, kpis=_figures(portfolio, of_day))
            for on, of_day in groupby(rows, key=lambda row: row.business_date)
        ]
        return cls(portfolio=portfolio.code, currency=portfolio.currency, days=days)


class KpisShape(Shape):
    """The key figures of a closed day, and the roll-forward of its month to date."""

    portfolio: str
    business_date: date
    currency: str
    kpis: dict[str, KpiShape]
    roll_forward: RollForwardShape
    roll_forward_by_bucket: dict[str, BucketFlowShape]
    """By the bucket in which accounts stood at the last month end; `current` were not past due then."""
    cohorts: dict[str, dict[str, list[CohortPoint]]]
    """Curve -> month of the cohort -> its points: `liquidation` by month of placement, `charge-off` by month of
    charge-off, `late-30`, `late-60` and `late-90` by month of placement or else of opening."""
    roll_matrix: dict[str, dict[str, RollCell]]
    """Bucket at the last month end before the month -> bucket on the day -> accounts, and their balance as of then. An
    account that ended since stands in its end, such as `charged_off`."""

    @classmethod
    def of(
        cls,
        portfolio: Portfolio,
        on: date,
        rows: Iterable[KpiSnapshot],
        rolled: Roll,
        matrix: Matrix,
        flows: Mapping[str, BucketFlow],
        cohorts: Mapping[Curve, Sequence[Cohort]],
    ) -> Self:
        def money(row: Roll | BucketFlow) -> dict[str, str]:
            return {name: to_decimal_string(minor, portfolio.currency) for name, minor in asdict(row).items()}

        return cls(
            portfolio=portfolio.code,
            business_date=on,
            currency=portfolio.currency,
            kpis=_figures(portfolio, rows),
            roll_forward=RollForwardShape(**money(rolled)),
            roll_forward_by_bucket={bucket: BucketFlowShape(**money(flow)) for bucket, flow in flows.items()},
            cohorts={
                curve.value: {
                    each.month: [CohortPoint.of(portfolio, curve, point) for point in each.points]
                    for each in found
                }
                for curve, found in cohorts.items()
            },
            roll_matrix={
                then: {
                    now: RollCell(accounts=n, balance=to_decimal_string(minor, portfolio.currency))
                    for now, (n, minor) in cells.items()
                }
                for then, cells in matrix.items()
            },
        )


def _figures(portfolio: Portfolio, rows: Iterable[KpiSnapshot]) -> dict[str, KpiShape]:
    """The whole portfolio's figures by name; slices are left out."""
    figures = {}
    for row in rows:
        if row.dimension:
            continue
        meaning = DEFINITIONS.get(row.kpi)
        if meaning is None or not meaning.is_tile:
            continue

        def shown(minor: int, unit: Unit = meaning.unit) -> str | int:
            return to_decimal_string(minor, portfolio.currency) if unit is Unit.MONEY else minor

        figures[row.kpi] = KpiShape(
            numerator=shown(row.numerator),
            denominator=shown(row.denominator),
            value=Figure(row.kpi, row.numerator, row.denominator).value,
            definition=f"{meaning.formula} (v{row.definition})",
        )
    return figures
