"""Ladders: the strategy that a portfolio's cases go by today, its own or the shipped one, and a challenger."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session, col, select

from app.book.delinquency.days import bucket_labels
from app.book.delinquency.service import edges_of
from app.book.portfolios.models import Portfolio
from app.core.errors import NotFound
from app.core.ids import id_of
from app.outreach.strategy.conditions import CaseFacts
from app.outreach.strategy.experiments import Arm, arm_of
from app.outreach.strategy.file.problems import IDENTIFIER
from app.outreach.strategy.file.reading import Terms, read_strategy
from app.outreach.strategy.models import Experiment, LiveStrategy, StrategyVersion
from app.outreach.strategy.rules import Ladder, Strategy

SHIPPED = Path(__file__).parent


def terms_of(portfolio: Portfolio) -> Terms:
    return Terms(portfolio.currency, tuple(bucket_labels(edges_of(portfolio))))


@lru_cache
def shipped_text(code: str) -> str:
    """The text of the shipped strategy `code`. NotFound if there is none."""
    path = SHIPPED / f"{code}.toml"
    if not IDENTIFIER.fullmatch(code) or not path.is_file():
        raise NotFound(f"There is no shipped strategy {code!r}.")
    return path.read_text(encoding="utf-8")


@lru_cache(maxsize=256)
def read_cached(code: str, text: str, terms: Terms) -> Strategy:
    return read_strategy(code, text, terms)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class NamedStrategy:
    """A strategy, and its name in the record."""

    ref: str
    """`code@number`, or `code@shipped:` and the beginning of the text's SHA-256 before a portfolio has its own."""
    strategy: Strategy


@dataclass(frozen=True, slots=True)
class ChosenLadder:
    """The ladder of one case, and the strategy it belongs to."""

    ref: str
    ladder: Ladder


@dataclass(frozen=True, slots=True)
class Ladders:
    """A portfolio's live strategy and, while an experiment runs, its challenger; loaded once a stage."""

    live: NamedStrategy
    experiment_id: int | None = None
    challenger: NamedStrategy | None = None
    share_percent: int = 0

    @property
    def strategies(self) -> tuple[NamedStrategy, ...]:
        return (self.live, self.challenger) if self.challenger else (self.live,)

    @property
    def needs(self) -> frozenset[str]:
        """Facts to gather before the strategies can decide about a case."""
        return frozenset().union(*(side.strategy.needs for side in self.strategies))

    @property
    def legal_day(self) -> int | None:
        return min((s.strategy.legal_day for s in self.strategies if s.strategy.legal_day), default=None)

    def arm(self, customer_id: int) -> Arm:
        if self.experiment_id is None:
            return Arm.CHAMPION
        return arm_of(self.experiment_id, customer_id, self.share_percent)

    def of(self, customer_id: int, facts: CaseFacts) -> ChosenLadder:
        """The ladder for this customer's case. The same whenever it is asked, as long as the facts are."""
        side = self.live
        if self.challenger is not None and self.arm(customer_id) is Arm.CHALLENGER:
            side = self.challenger
        return ChosenLadder(side.ref, side.strategy.ladder_for(facts))


def load_ladders(session: Session, portfolio: Portfolio) -> Ladders:
    """Load the ladders that are live now. A portfolio without a strategy of its own goes by the shipped one."""
    live = live_version(session, id_of(portfolio))
    if live is None:
        return Ladders(shipped_side(portfolio))
    experiment = running_experiment(session, id_of(portfolio))
    if experiment is None:
        return Ladders(side_of(portfolio, live))
    challenger = session.get_one(StrategyVersion, experiment.challenger_id)
    return Ladders(
        side_of(portfolio, live), experiment.id, side_of(portfolio, challenger), experiment.share_percent
    )


def shipped_side(portfolio: Portfolio) -> NamedStrategy:
    text = shipped_text(portfolio.strategy)
    strategy = read_cached(portfolio.strategy, text, terms_of(portfolio))
    return NamedStrategy(f"{portfolio.strategy}@shipped:{digest(text)[:8]}", strategy)


def side_of(portfolio: Portfolio, version: StrategyVersion) -> NamedStrategy:
    """BadStrategy if a change of the portfolio (its buckets) left the text without a meaning."""
    return NamedStrategy(version.ref, read_cached(version.code, version.text, terms_of(portfolio)))


def live_version(session: Session, portfolio_id: int) -> StrategyVersion | None:
    now_live = select(LiveStrategy.version_id).where(
        LiveStrategy.portfolio_id == portfolio_id, col(LiveStrategy.ended_at).is_(None)
    )
    return session.scalar(select(StrategyVersion).where(col(StrategyVersion.id).in_(now_live)))


def running_experiment(session: Session, portfolio_id: int) -> Experiment | None:
    return session.scalar(
        select(Experiment).where(Experiment.portfolio_id == portfolio_id, col(Experiment.ended_at).is_(None))
    )
