"""Signing in, one's own account, and the administration of staff and tokens; a new page is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.admin import drafts, login, users

ROUTERS: tuple[APIRouter, ...] = (
    login.router,
    users.router,
    drafts.router,
)
