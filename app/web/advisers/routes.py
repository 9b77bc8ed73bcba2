"""The pages and forms of debt advisers; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.advisers import files, lumps, page

ROUTERS: tuple[APIRouter, ...] = (page.router, files.router, lumps.router)
