"""Events of a portfolio."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app.book.portfolios.rules import CollectorKind
from app.core.timeline.payload import Payload


@dataclass(frozen=True, slots=True)
class PortfolioAdded(Payload):
    KIND = "portfolio.added"

    code: str
    currency: str
    pack: str
    collector: CollectorKind


@dataclass(frozen=True, slots=True)
class PortfolioSet(Payload):
    """Settings that were changed, by name, as people type them."""

    KIND = "portfolio.set"

    was: Mapping[str, str]
    now: Mapping[str, str]
