"""Strategies: save a version, put one live, roll back, start and end an experiment."""

from __future__ import annotations

from datetime import datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.errors import Invalid, NotFound
from app.outreach.strategy import service
from app.outreach.strategy.experiments import StopTerms
from app.outreach.strategy.models import Experiment
from app.outreach.strategy.service import Letters, end_experiment, put_live, rollback, save_version


def start_experiment(
    session: Session,
    portfolio: Portfolio,
    challenger: str,
    share_percent: int,
    letters: Letters,
    cases_wanted: int = 0,
    stop: StopTerms = StopTerms(),
    *,
    by: Actor,
    now: datetime,
) -> Experiment:
    """Give `share_percent` of the customers the version named `challenger`, from the next night on.
    Invalid, with its field, for an unknown version or a share that is out of range; Conflict while another runs."""
    try:
        version = service.version_named(session, portfolio, challenger)
    except NotFound as missing:
        raise Invalid(missing.message, "challenger") from None
    return service.start_experiment(
        session, portfolio, version, share_percent, letters, cases_wanted, stop, by=by, now=now
    )


def experiment_of(session: Session, portfolio: Portfolio, experiment_id: int) -> Experiment:
    """An experiment of this portfolio. NotFound if it is another portfolio's, or nobody's."""
    experiment = session.get(Experiment, experiment_id)
    if experiment is None or experiment.portfolio_id != portfolio.id:
        raise NotFound(f"There is no experiment {experiment_id} in portfolio {portfolio.code}.")
    return experiment


__all__ = [
    "Letters",
    "end_experiment",
    "experiment_of",
    "put_live",
    "rollback",
    "save_version",
    "start_experiment",
]
