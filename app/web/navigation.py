"""The navigation: its areas and their entries, the roles of each, and the work that waits behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import Session
from starlette.requests import Request

from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import ReportedChange, Waiver
from app.book.ledger.rules import ReportedStatus, UnmatchedStatus, WaiverStatus
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalStatus
from app.casework.complaints.models import ComplaintRedress
from app.casework.complaints.rules import RedressStatus
from app.casework.correspondence.models import InboundMessage
from app.casework.escalations.models import Escalation
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.database.together import Reads
from app.core.staff.rules import (
    ADMINISTRATION,
    CASE_READING,
    CASEWORK,
    LEGAL_WORK,
    MANAGEMENT,
    SWITCHING,
    Role,
    Staff,
)
from app.core.types import Values
from app.http.interface import marked
from app.inbound.bounces.models import MailNotice
from app.operations.alerts.models import Alert
from app.web.due_callbacks import DueCallback, due_query, due_values


class Area(StrEnum):
    """A job of the people who use the product; the entries of the navigation stand under the job they serve."""

    WORK = marked("Work")
    CUSTOMERS = marked("Customers")
    LEGAL = marked("Legal")
    REPORTING = marked("Reporting")
    SET_UP = marked("Set-up")


@dataclass(frozen=True, slots=True)
class NavItem:
    path: str
    label: str
    icon: str
    roles: tuple[Role, ...]
    also: str = ""
    """A further address whose pages belong to the entry."""

    def holds(self, path: str) -> bool:
        """Whether a page stands at the entry or below it."""
        return any(path == own or path.startswith(f"{own}/") for own in (self.path, self.also) if own)


NAV: Mapping[Area, tuple[NavItem, ...]] = {
    Area.WORK: (
        NavItem("/worklist", marked("Worklist"), "list", CASEWORK),
        NavItem("/my-customers", marked("My customers"), "people", CASEWORK),
        NavItem("/replies", marked("Replies"), "message", CASEWORK),
        NavItem("/approvals", marked("Approvals"), "check", CASEWORK),
        NavItem("/escalations", marked("Escalations"), "bell", CASEWORK),
        NavItem("/disputes", marked("Disputes"), "scale", CASEWORK),
        NavItem("/complaints", marked("Complaints"), "message", CASEWORK),
        NavItem("/hand-overs", marked("Hand-overs"), "inbox", CASEWORK),
        NavItem("/unmatched", marked("Unmatched"), "inbox", CASEWORK),
        NavItem("/reported-changes", marked("Reported changes"), "inbox", MANAGEMENT),
        NavItem("/team", marked("Team"), "people", MANAGEMENT, also="/moves"),
        NavItem("/alerts", marked("Alerts"), "bell", SWITCHING),
    ),
    Area.CUSTOMERS: (
        NavItem("/find", marked("Find a customer"), "search", CASE_READING),
        NavItem("/accounts", marked("Accounts"), "card", CASE_READING),
        NavItem("/advisers", marked("Debt advisers"), "people", CASEWORK),
        NavItem("/knowledge", marked("Knowledge base"), "file", CASE_READING),
        NavItem("/suppressed", marked("Suppressed"), "shield", MANAGEMENT),
    ),
    Area.LEGAL: (NavItem("/legal", marked("Referrals"), "scale", (*LEGAL_WORK, *MANAGEMENT)),),
    Area.REPORTING: (
        NavItem("/morning", marked("Morning"), "clock", MANAGEMENT),
        NavItem("/dashboard", marked("Dashboard"), "chart", MANAGEMENT, also="/figures"),
        NavItem("/trends", marked("Trends"), "chart", MANAGEMENT),
        NavItem("/returns", marked("Regulatory returns"), "file", MANAGEMENT),
        NavItem("/contacts", marked("Contacts & refusals"), "shield", MANAGEMENT),
        NavItem("/outbox", marked("Outbox"), "send", MANAGEMENT),
        NavItem("/duties", marked("Letters owed"), "file", MANAGEMENT),
        NavItem("/people", marked("Figures of people"), "people", CASEWORK),
        NavItem("/satisfaction", marked("Satisfaction"), "message", MANAGEMENT),
        NavItem("/forecast", marked("Expected cash"), "chart", MANAGEMENT),
        NavItem("/peers", marked("Peers"), "chart", MANAGEMENT),
        NavItem("/risk", marked("Break risk"), "chart", MANAGEMENT),
    ),
    Area.SET_UP: (
        NavItem("/feeds", marked("Feeds"), "upload", MANAGEMENT),
        NavItem("/contact-rules", marked("Contact rules"), "shield", MANAGEMENT),
        NavItem("/strategies", marked("Strategies"), "ladder", CASE_READING),
        NavItem("/digests", marked("Digests"), "send", MANAGEMENT),
        NavItem("/thresholds", marked("Thresholds"), "bell", MANAGEMENT),
        NavItem("/simulations", marked("Simulations"), "clock", MANAGEMENT),
        NavItem("/letters", marked("Letters"), "file", (Role.AGENT, Role.MANAGER, Role.ADMIN)),
        NavItem("/results", marked("Call results"), "phone", CASE_READING),
        NavItem("/outbox/sending", marked("Sending"), "send", ADMINISTRATION),
        NavItem("/admin/staff", marked("Staff"), "people", ADMINISTRATION),
        NavItem("/admin/tokens", marked("API tokens"), "key", ADMINISTRATION),
    ),
}
"""In the order shown. An entry appears once its page exists and the reader's role may open it."""
HOME = {Role.AGENT: "/worklist", Role.MANAGER: "/morning", Role.LEGAL: "/legal", Role.ADMIN: "/admin/staff"}


@dataclass(frozen=True, slots=True)
class NavArea:
    """An area as one reader sees it."""

    label: str
    items: Sequence[NavItem]


@lru_cache
def navigation(role: Role, paths: frozenset[str]) -> Sequence[NavArea]:
    """The areas in which a role has work, each with its entries."""
    found = []
    for area, entries in NAV.items():
        items = [item for item in entries if role in item.roles and item.path in paths]
        if items:
            found.append(NavArea(area.value, items))
    return found


def current_entry(path: str, areas: Sequence[NavArea]) -> str:
    """The path of the entry to which a page belongs, the nearest one; '' where it belongs to none."""
    holding = [item.path for area in areas for item in area.items if item.holds(path)]
    return max(holding, key=len, default="")


@dataclass(frozen=True, slots=True)
class Frame:
    """The frame of a page: everything shown around it."""

    waiting: Values
    """The work that waits behind each entry of the navigation, by path."""
    callback: DueCallback | None
    house_zone: str
    """The time zone for times of no portfolio: the portfolios' where all share one, otherwise UTC."""


def read_frame(request: Request, session: Session, staff: Staff, now: datetime) -> Frame:
    """Everything that the frame shows, in one statement."""
    reads = _frame_reads(staff.role)
    found = reads.reads.fetch(
        session, **(due_values(request, staff, now) if reads.callback is not None else {})
    )
    zones = found[reads.zones]
    due = found[reads.callback] if reads.callback is not None else ()
    return Frame(
        waiting={path: found[part][0][0] for path, part in reads.counts.items()},
        callback=next((DueCallback(*row) for row in due), None),
        house_zone=zones[0].timezone if len(zones) == 1 else "UTC",
    )


class _FrameReads:
    """The reads of the frame for one role."""

    def __init__(self, role: Role) -> None:
        self.reads = Reads()
        zones = sa.select(table_of(Portfolio).c.timezone).distinct().limit(2)
        self.zones = self.reads.rows(zones)
        self.callback = self.reads.rows(due_query()) if role in CASEWORK else None
        self.counts = {path: self.reads.rows(query) for path, query in _counting(role).items()}


@lru_cache
def _frame_reads(role: Role) -> _FrameReads:
    return _FrameReads(role)


def _counting(role: Role) -> dict[str, Query]:
    counts: dict[str, Query] = {}
    if role in CASEWORK:
        message = table_of(InboundMessage)
        unread = sa.select(sa.func.count()).select_from(message).where(message.c.reviewed_at.is_(None))
        counts["/replies"] = unread
        counts["/unmatched"] = _waiting(UnmatchedPayment, UnmatchedStatus.WAITING)
    if role in MANAGEMENT:
        counts["/reported-changes"] = _waiting(ReportedChange, ReportedStatus.WAITING)
        requests = _waiting(ApprovalRequest, ApprovalStatus.REQUESTED).scalar_subquery()
        counts["/approvals"] = sa.select(
            requests
            + _waiting(Waiver, WaiverStatus.REQUESTED).scalar_subquery()
            + _waiting(ComplaintRedress, RedressStatus.REQUESTED).scalar_subquery()
        )
        escalation = table_of(Escalation)
        counts["/escalations"] = (
            sa.select(sa.func.count()).select_from(escalation).where(escalation.c.ended_at.is_(None))
        )
        notice = table_of(MailNotice)
        counts["/suppressed"] = sa.select(sa.func.count()).where(notice.c.decided_at.is_(None))
    if role in SWITCHING:
        alert = table_of(Alert)
        counts["/alerts"] = sa.select(sa.func.count()).where(alert.c.ended_at.is_(None))
    return counts


def _waiting(
    model: type[UnmatchedPayment | Waiver | ReportedChange | ApprovalRequest | ComplaintRedress], status: str
) -> sa.Select[int]:
    table = table_of(model)
    portfolios = sa.select(table_of(Portfolio).c.id)  # the index begins with the portfolio
    return (
        sa.select(sa.func.count())
        .select_from(table)
        .where(table.c.portfolio_id.in_(portfolios), table.c.status == status)
    )


def home_path(role: Role, paths: frozenset[str]) -> str:
    """The first page of a role; the account page while that page is not built."""
    if HOME[role] in paths:
        return HOME[role]
    areas = navigation(role, paths)
    return areas[0].items[0].path if areas else "/account"
