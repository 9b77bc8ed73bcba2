"""The pages of managers; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.managers import (
    alerts,
    contact_rules,
    contacts,
    duties,
    letters,
    outbox,
    result_codes,
    simulations,
    suppression,
)
from app.web.managers.digests import recipients, thresholds
from app.web.managers.figures import behind, dashboard, figure_rows, forecast, peers, people, risk
from app.web.managers.morning import page as morning
from app.web.managers.moves import acts as move_acts
from app.web.managers.moves import form as move_form
from app.web.managers.moves import listing as move_listing
from app.web.managers.moves import pages as move_pages
from app.web.managers.returns import drawn as returns
from app.web.managers.returns import frozen as frozen_returns
from app.web.managers.satisfaction import page as satisfaction
from app.web.managers.strategies import control, editor, experiments, versions
from app.web.managers.team import page as team
from app.web.managers.trends import classes, cohorts, flow, roll_forward, trends

ROUTERS: tuple[APIRouter, ...] = (
    morning.router,
    dashboard.router,
    trends.router,
    flow.router,
    roll_forward.router,
    cohorts.router,
    classes.router,
    frozen_returns.router,
    returns.router,
    figure_rows.router,
    behind.router,
    contacts.router,
    contact_rules.router,
    duties.router,
    versions.router,
    editor.router,
    experiments.router,
    control.router,
    result_codes.router,
    risk.router,
    people.router,
    forecast.router,
    peers.router,
    satisfaction.router,
    team.router,
    move_acts.router,
    move_listing.router,
    move_form.router,
    move_pages.router,
    letters.router,
    simulations.router,
    outbox.router,
    suppression.router,
    alerts.router,
    recipients.router,
    thresholds.router,
)
