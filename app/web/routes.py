"""Staff's pages, area by area."""

from __future__ import annotations

from fastapi import APIRouter

from app.web import unsent
from app.web.accounts import routes as accounts
from app.web.admin import routes as admin
from app.web.advisers import routes as advisers
from app.web.approvals import routes as approvals
from app.web.cases import routes as cases
from app.web.complaints import routes as complaints
from app.web.escalations import routes as escalations
from app.web.find import routes as find
from app.web.knowledge import routes as knowledge
from app.web.legal import routes as legal
from app.web.managers import routes as managers
from app.web.worklist import routes as worklist

PAGES: tuple[APIRouter, ...] = (
    *cases.ROUTERS,
    *worklist.ROUTERS,
    *find.ROUTERS,
    *approvals.ROUTERS,
    *escalations.ROUTERS,
    *complaints.ROUTERS,
    *accounts.ROUTERS,
    *advisers.ROUTERS,
    *knowledge.ROUTERS,
    *legal.ROUTERS,
    *managers.ROUTERS,
    *admin.ROUTERS,
    unsent.router,
)
"""The pages that are opened most come first: a request is compared with the routes one after the other."""
