"""The doctor: what is wrong with the set-up of this installation, before anything is sent. `desk doctor` prints it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlmodel import Session, col, select

from app.book.portfolios.models import Portfolio
from app.outreach.gate.places.coverage import coverage


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault of the set-up."""

    portfolio: str
    """Code of the portfolio."""
    check: str
    """Name of the check, for programs: `coverage`."""
    sentence: str
    """What is wrong, where, and what to do."""


def findings(session: Session) -> Sequence[Finding]:
    """All faults of all portfolios, in the order of their codes; empty when nothing is wrong."""
    found: list[Finding] = []
    for portfolio in session.scalars(select(Portfolio).order_by(col(Portfolio.code))):
        found.extend(findings_of(session, portfolio))
    return found


def findings_of(session: Session, portfolio: Portfolio) -> Sequence[Finding]:
    """The faults of one portfolio."""
    return list(_uncovered(session, portfolio))


def _uncovered(session: Session, portfolio: Portfolio) -> Iterator[Finding]:
    for each in coverage(session, portfolio):
        if each.covered:
            continue
        customers = "1 customer lives" if each.customers == 1 else f"{each.customers:,} customers live"
        yield Finding(
            portfolio.code,
            "coverage",
            f"{portfolio.code}: {customers} in {each.name}, and no pack covers {each.name}: nothing is sent to them. A"
            " manager adopts a pack on the page Contact rules, or with: desk portfolio adopt"
            f" {portfolio.code} {each.country} PACK --reason TEXT",
        )
