"""The verb that trains a portfolio's break-risk model; `desk risk train` calls it after a closed day."""

from __future__ import annotations

import hashlib
from datetime import datetime

from sqlmodel import Session

from app.book.portfolios.days import last_closed
from app.book.portfolios.models import Portfolio
from app.casework.risk.events import RiskModelTrained
from app.casework.risk.models import RiskModelVersion
from app.casework.risk.queries import latest_version, outcomes_of
from app.core.actor import Actor
from app.core.errors import Conflict
from app.core.ids import id_of
from app.core.timeline.service import about_portfolio, lock_streams, portfolio_stream, record
from app.reporting.risk.training import train


def train_risk_model(session: Session, portfolio: Portfolio, *, by: Actor, now: datetime) -> RiskModelVersion:
    """Train on everything known at the last closed day, and keep the result as the next version.

    It is used where it beats the base rate on a later period; otherwise that base rate is. Conflict before the first
    closed day, and without scikit-learn."""
    through = last_closed(session, portfolio)
    if through is None:
        raise Conflict(
            f"No business day of portfolio {portfolio.code} is closed yet, so no outcome is known. "
            "Run `desk day` first."
        )
    found = train(outcomes_of(session, portfolio, through))
    lock_streams(session, [portfolio_stream(id_of(portfolio))])
    latest = latest_version(session, id_of(portfolio))
    card = found.card.to_json() if found.card else ""
    version = RiskModelVersion(
        portfolio_id=id_of(portfolio),
        version=latest.version + 1 if latest else 1,
        through=through,
        is_used=found.is_used,
        why=found.why,
        breaks=found.base.breaks,
        trials=found.base.trials,
        ended=found.base.ended,
        first_breaks=found.base.first_breaks,
        first_trials=found.base.first_trials,
        later_days=found.base.later_days,
        scorecard=card,
        findings=found.findings.to_json() if found.findings else "",
        trained_at=now,
        trained_by=by,
    )
    session.add(version)
    session.flush()
    digest = hashlib.sha256(card.encode()).hexdigest()
    trained = RiskModelTrained(version.version, version.is_used, version.why, digest)
    record(session, about_portfolio(id_of(portfolio), trained), by=by, now=now)
    return version
