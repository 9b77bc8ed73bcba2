"""The end of an experiment by its own stop rule; the night asks before it plans contacts."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.ids import id_of
from app.outreach.strategy.experiments import EndReason
from app.outreach.strategy.ladders import running_experiment
from app.outreach.strategy.models import Experiment, StopRule
from app.outreach.strategy.service import end_experiment
from app.reporting.experiments.queries import compare_arms


def end_by_rule(
    session: Session, portfolio: Portfolio, on: date, *, by: Actor, now: datetime
) -> EndReason | None:
    """End the running experiment of the portfolio if a guardrail shows harm by its challenger, or its last day is over.

    Returns why it ended; None where none runs, or it goes on. `on` is the day that is being closed."""
    experiment = running_experiment(session, id_of(portfolio))
    if experiment is None:
        return None
    because = _because(session, portfolio, experiment, on)
    if because is not None:
        end_experiment(session, portfolio, experiment, because, by=by, now=now)
    return because


def _because(session: Session, portfolio: Portfolio, experiment: Experiment, on: date) -> EndReason | None:
    for result in compare_arms(session, experiment, on).guardrails:
        if result.is_harmful:
            return EndReason(result.guardrail.value)
    last_on = last_day(session, portfolio, experiment)
    return EndReason.LAST_DAY if on > last_on else None


def last_day(session: Session, portfolio: Portfolio, experiment: Experiment) -> date:
    """The last business day on which customers join."""
    rule = session.get_one(StopRule, experiment.id)
    return local_date(experiment.started_at, portfolio.timezone) + timedelta(days=rule.days - 1)
