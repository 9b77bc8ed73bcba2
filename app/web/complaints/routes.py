"""The pages and forms of complaints; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.complaints import acts, causes, complaint_page, of_case, register

ROUTERS: tuple[APIRouter, ...] = (
    causes.router,
    register.router,
    of_case.router,
    acts.router,
    complaint_page.router,
)
