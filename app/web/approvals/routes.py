"""The pages and forms of requests; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.approvals import asking, decisions, inbox, offers

ROUTERS: tuple[APIRouter, ...] = (
    inbox.router,
    decisions.router,
    asking.router,
    offers.router,
)
