"""The public series that our rates are compared with: source, definition, and our figure of the same definition. Pure.

Sources: Federal Reserve Bank of Philadelphia, Large Bank Credit Card and Mortgage Data (FR Y-14M; banks of USD 100
billion and more), quarterly CSV; Federal Reserve Board, charge-off and delinquency rates, through FRED of the Federal
Reserve Bank of St. Louis.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum


class PeerSource(StrEnum):
    PHILADELPHIA = "philadelphia"
    FRED = "fred"


SOURCE_LABELS: Mapping[PeerSource, str] = {
    PeerSource.PHILADELPHIA: "Federal Reserve Bank of Philadelphia, Large Bank Credit Card Data (FR Y-14M)",
    PeerSource.FRED: "FRED, Federal Reserve Bank of St. Louis",
}


@dataclass(frozen=True, slots=True)
class PeerSeries:
    """One public series of a percentage by quarter."""

    code: str
    source: PeerSource
    column: str
    """Header of its column in the file."""
    title: str
    definition: str
    kpi: str
    """Our key figure of the same definition."""


_LARGE = "banks with USD 100 billion of assets or more, end of quarter, not seasonally adjusted"


def _philadelphia() -> Iterable[PeerSeries]:
    for days in (30, 60, 90):
        for what, header in (("balance", "Balances"), ("accounts", "Accounts")):
            counted = "card balances" if what == "balance" else "card accounts"
            yield PeerSeries(
                f"philadelphia_{what}_{days}",
                PeerSource.PHILADELPHIA,
                f"{days}+ Days Past Due Rates: {header} Based",
                f"Large banks, {days}+ days by {what}",
                f"share of {counted} that are {days} or more days past due; {_LARGE}",
                f"overdue_rate_{what}_{days}",
            )


def _fred() -> Iterable[PeerSeries]:
    delinquent = (
        "card loans 30 or more days past due or not accruing, of all card loans at the end of the quarter"
    )
    for code, who, adjusted in (
        ("DRCCLACBS", "all commercial banks", "seasonally adjusted"),
        ("DRCCLACBN", "all commercial banks", "not seasonally adjusted"),
        ("DRCCLT100S", "the 100 largest banks", "seasonally adjusted"),
        ("DRCCLOBS", "banks other than the 100 largest", "seasonally adjusted"),
    ):
        yield PeerSeries(
            code, PeerSource.FRED, code, f"Card delinquency, {who}", f"{delinquent}; {who}, {adjusted}",
            "overdue_rate_balance_30",
        )  # fmt: skip
    for days in (30, 60):
        code = f"RCCCBBALDPD{days}P"
        yield PeerSeries(
            code, PeerSource.FRED, code, f"Large banks, {days}+ days by balance (through FRED)",
            f"share of card balances that are {days} or more days past due; {_LARGE}",
            f"overdue_rate_balance_{days}",
        )  # fmt: skip


SERIES: Mapping[str, PeerSeries] = {each.code: each for each in (*_philadelphia(), *_fred())}
COMPARED = tuple(dict.fromkeys(each.kpi for each in SERIES.values()))
"""Our key figures that have a peer, in order."""


@dataclass(frozen=True, slots=True)
class PeerPoint:
    """The value of one series at the end of one quarter, in millionths (3.35 % = 33,500)."""

    series: str
    on: date
    millionths: int


@dataclass(frozen=True, slots=True)
class BandPoint:
    """Peers at the end of one quarter: lowest and highest of the series that are known then."""

    on: date
    low: float
    high: float


def band(points: Iterable[PeerPoint]) -> list[BandPoint]:
    """By quarter, oldest first; ratios."""
    by_quarter: dict[date, list[int]] = defaultdict(list)
    for point in points:
        by_quarter[point.on].append(point.millionths)
    return [BandPoint(on, min(v) / 1e6, max(v) / 1e6) for on, v in sorted(by_quarter.items())]


def quarter_end(year: int, quarter: int) -> date:
    """The last day of a quarter, 1 to 4. ValueError for any other."""
    if not 1 <= quarter <= 4:
        raise ValueError("a quarter is 1, 2, 3 or 4")
    first_after = date(year + 1, 1, 1) if quarter == 4 else date(year, 3 * quarter + 1, 1)
    return first_after - timedelta(days=1)


def place(own: float | None, peers: BandPoint | None) -> str:
    """The place of our rate among its peers, in words; empty where one of the two is missing."""
    if own is None or peers is None:
        return ""
    if own < peers.low:
        return "below the peers"
    return "above the peers" if own > peers.high else "within the peers"
