"""The navigation: its entries, their roles, and the work that waits behind each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import sqlalchemy as sa
from sqlmodel import Session

from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import ReportedChange, Waiver
from app.book.ledger.rules import ReportedStatus, UnmatchedStatus, WaiverStatus
from app.book.portfolios.models import Portfolio
from app.casework.approvals.models import ApprovalRequest
from app.casework.approvals.rules import ApprovalStatus
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.staff.rules import (
    ADMINISTRATION,
    CASE_READING,
    CASEWORK,
    LEGAL_WORK,
    MANAGEMENT,
    SWITCHING,
    Role,
)
from app.core.types import Values
from app.http.interface import marked
from app.inbound.bounces.models import MailNotice
from app.inbound.models import InboundMessage
from app.operations.alerts.models import Alert
from app.web.due_callbacks import due_parts


@dataclass(frozen=True, slots=True)
class NavItem:
    path: str
    label: str
    icon: str
    roles: tuple[Role, ...]


NAV = (
    NavItem("/worklist", marked("Worklist"), "list", CASEWORK),
    NavItem("/accounts", marked("Accounts"), "card", CASE_READING),
    NavItem("/replies", marked("Replies"), "message", CASEWORK),
    NavItem("/unmatched", marked("Unmatched"), "inbox", CASEWORK),
    NavItem("/advisers", marked("Debt advisers"), "people", CASEWORK),
    NavItem("/approvals", marked("Approvals"), "check", CASEWORK),
    NavItem("/reported-changes", marked("Reported changes"), "inbox", MANAGEMENT),
    NavItem("/legal", marked("Legal"), "scale", (*LEGAL_WORK, *MANAGEMENT)),
    NavItem("/dashboard", marked("Dashboard"), "chart", MANAGEMENT),
    NavItem("/feeds", marked("Feeds"), "upload", MANAGEMENT),
    NavItem("/contacts", marked("Contacts & refusals"), "shield", MANAGEMENT),
    NavItem("/strategies", marked("Strategies"), "ladder", CASE_READING),
    NavItem("/risk", marked("Break risk"), "chart", MANAGEMENT),
    NavItem("/results", marked("Call results"), "phone", CASE_READING),
    NavItem("/letters", marked("Letters"), "file", (Role.AGENT, Role.MANAGER, Role.ADMIN)),
    NavItem("/simulations", marked("Simulations"), "clock", MANAGEMENT),
    NavItem("/outbox", marked("Outbox"), "send", MANAGEMENT),
    NavItem("/suppressed", marked("Suppressed"), "inbox", MANAGEMENT),
    NavItem("/outbox/sending", marked("Sending"), "send", ADMINISTRATION),
    NavItem("/alerts", marked("Alerts"), "bell", SWITCHING),
    NavItem("/admin/staff", marked("Staff"), "people", ADMINISTRATION),
    NavItem("/admin/tokens", marked("API tokens"), "key", ADMINISTRATION),
)
"""In the order shown. An entry appears once its page exists and the reader's role may open it."""
HOME = {Role.AGENT: "/worklist", Role.MANAGER: "/dashboard", Role.LEGAL: "/legal", Role.ADMIN: "/admin/staff"}


def navigation(role: Role, paths: frozenset[str]) -> list[NavItem]:
    return [item for item in NAV if role in item.roles and item.path in paths]


def waiting_counts(session: Session, role: Role, bar: Values) -> Values:
    """Count the work that waits behind each entry of the navigation, by path; and what the bar of callbacks asks with
    the parameters `bar`, by its name, in the same statement."""
    names, query = _counting(role)
    if query is None:
        return {}
    return dict(zip(names, session.connection().execute(query, bar).one(), strict=True))


@lru_cache
def _counting(role: Role) -> tuple[tuple[str, ...], Query | None]:
    """Built once for each role: every page asks it."""
    counts: dict[str, Query] = dict(due_parts(role))
    if role in CASEWORK:
        message = table_of(InboundMessage)
        unread = sa.select(sa.func.count()).select_from(message).where(message.c.reviewed_at.is_(None))
        counts["/replies"] = unread
        counts["/unmatched"] = _waiting(UnmatchedPayment, UnmatchedStatus.WAITING)
    if role in MANAGEMENT:
        counts["/reported-changes"] = _waiting(ReportedChange, ReportedStatus.WAITING)
        requests = _waiting(ApprovalRequest, ApprovalStatus.REQUESTED).scalar_subquery()
        counts["/approvals"] = sa.select(
            requests + _waiting(Waiver, WaiverStatus.REQUESTED).scalar_subquery()
        )
        notice = table_of(MailNotice)
        counts["/suppressed"] = sa.select(sa.func.count()).where(notice.c.decided_at.is_(None))
    if role in SWITCHING:
        alert = table_of(Alert)
        counts["/alerts"] = sa.select(sa.func.count()).where(alert.c.ended_at.is_(None))
    if not counts:
        return (), None
    return tuple(counts), sa.select(*(query.scalar_subquery() for query in counts.values()))


def _waiting(
    model: type[UnmatchedPayment] | type[Waiver] | type[ReportedChange] | type[ApprovalRequest], status: str
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
    entries = navigation(role, paths)
    return entries[0].path if entries else "/account"
