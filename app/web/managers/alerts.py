"""Alerts: open ones with advice, and those that have ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from app.http.doors import Switcher
from app.http.interface import marked
from app.http.routes import Router
from app.http.transactions import ReadSession
from app.operations.alerts.models import Alert
from app.operations.alerts.rules import ALERT_ADVICE, ALERT_TITLES, AlertKind
from app.operations.alerts.service import ended_alerts, open_alerts
from app.web.lists import Column
from app.web.rendering import Page, page

router = Router(prefix="/alerts")

COLUMNS = [
    Column(marked("Alert")),
    Column(marked("About")),
    Column(marked("First seen")),
    Column(marked("Over since")),
    Column(marked("Times")),
]


@dataclass(frozen=True, slots=True)
class AlertsPage(Page):
    template = "managers/alerts.html"
    open: Sequence[Alert]
    ended: Sequence[Alert]
    columns: Sequence[Column]
    titles: Mapping[AlertKind, str]
    advice: Mapping[AlertKind, str]
    tells: bool


@router.get("")
def alerts(request: Request, _staff: Switcher, session: ReadSession) -> Response:
    settings = request.app.state.settings
    return page(
        request,
        AlertsPage(
            open=open_alerts(session),
            ended=ended_alerts(session),
            columns=COLUMNS,
            titles=ALERT_TITLES,
            advice=ALERT_ADVICE,
            tells=bool(settings.alert_email or settings.alert_url.get_secret_value()),
        ),
    )
