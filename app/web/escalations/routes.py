"""The pages and forms of escalations; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.escalations import acts, queue

ROUTERS: tuple[APIRouter, ...] = (queue.router, acts.router)
