"""The pages of search."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.find import page

ROUTERS: tuple[APIRouter, ...] = (page.router,)
