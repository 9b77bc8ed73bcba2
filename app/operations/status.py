"""State of the installation, as `desk status` prints it: portfolios and their last closed day, workers, sending."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, select

from app.book.ledger.queries import portfolio_overview
from app.book.portfolios.models import Portfolio
from app.core.settings import Settings
from app.core.text import counted
from app.operations.alerts.rules import ALERT_TITLES
from app.operations.alerts.service import open_alerts
from app.operations.day.runs import day_due
from app.operations.doctor import findings
from app.outreach.outbox.queries import WorkerStatus, channel_stops, counts, workers
from app.outreach.outbox.rules import OutboxStatus, unreachable


@dataclass(frozen=True, slots=True)
class PortfolioStatus:
    code: str
    accounts: int
    last_closed_on: date | None
    due_on: date
    """The latest business day that is over and may be closed."""
    reachable: bool = True
    """It tells customers where to answer; otherwise no letter leaves."""

    @property
    def days_behind(self) -> int | None:
        """None for a portfolio that has closed no day yet."""
        return None if self.last_closed_on is None else max(0, (self.due_on - self.last_closed_on).days)


@dataclass(frozen=True, slots=True)
class Status:
    portfolios: list[PortfolioStatus]
    workers: list[WorkerStatus]
    """Workers seen within the last day, the latest first."""
    adapters: dict[str, str]
    outbox: dict[str, dict[str, int]]
    """Messages by channel and status."""
    stopped: dict[str, str]
    """Reason by channel that is switched off."""
    alerts: list[str]
    """Open alerts."""
    attention: list[str]
    """Actions for a person, one sentence each; empty when all is well."""


def read_status(session: Session, settings: Settings, *, now: datetime) -> Status:
    """The state of this installation as its database tells it."""
    portfolios = _portfolios(session, settings, now)
    seen = workers(session, now)
    outbox: dict[str, dict[str, int]] = {}
    for (status, destination), n in counts(session).items():
        outbox.setdefault(destination.value, {})[status.value] = n
    stopped = {destination.value: stop.reason for destination, stop in channel_stops(session).items()}
    alerts = [f"{ALERT_TITLES[each.kind]}: {each.subject}. {each.detail}" for each in open_alerts(session)]
    return Status(
        portfolios=portfolios,
        workers=seen,
        adapters={"sms": settings.sms.value, "email": settings.email.value, "post": settings.post.value},
        outbox=outbox,
        stopped=stopped,
        alerts=alerts,
        attention=alerts
        + _attention(portfolios, seen, outbox, stopped)
        + [finding.sentence for finding in findings(session, today=now.date())],
    )


def _portfolios(session: Session, settings: Settings, now: datetime) -> list[PortfolioStatus]:
    zones = {each.code: each for each in session.scalars(select(Portfolio))}
    return [
        PortfolioStatus(
            each.code,
            each.accounts,
            each.last_closed_on,
            day_due(zones[each.code], now, settings.night_hour),
            bool(zones[each.code].contact_phone or zones[each.code].contact_email),
        )
        for each in portfolio_overview(session)
    ]


def _attention(
    portfolios: list[PortfolioStatus],
    seen: list[WorkerStatus],
    outbox: dict[str, dict[str, int]],
    stopped: dict[str, str],
) -> list[str]:
    found = []
    if not portfolios:
        found.append("There is no portfolio. Open one with: desk portfolio add")
    for each in portfolios:
        if not each.accounts:
            found.append(
                f"{each.code} has no accounts yet. Load them with: "
                f"desk feed load accounts FILE --portfolio {each.code}"
            )
        elif each.last_closed_on is None:
            found.append(
                f"{each.code} has closed no day yet. Close the first with: "
                f"desk day --portfolio {each.code} --date {each.due_on}"
            )
        elif each.days_behind:
            found.append(f"{each.code} is {counted(each.days_behind, 'day')} behind: {each.due_on} is over.")
    if not any(each.alive for each in seen):
        found.append(
            "No worker is running: nothing is sent and no night is closed. Start one with: desk jobs"
        )
    for destination, reason in stopped.items():
        found.append(f"Sending by {destination} is stopped: {reason}")
    unknown = sum(by_status.get(OutboxStatus.UNKNOWN.value, 0) for by_status in outbox.values())
    if unknown:
        found.append(
            f"{counted(unknown, 'message')} may or may not have left. A person decides on the page Outbox."
        )
    found += [unreachable(each.code) for each in portfolios if not each.reachable]
    return found
