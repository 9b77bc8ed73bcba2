"""The pages and forms of debt advisers; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.advisers import addresses, files, lumps, page

ROUTERS: tuple[APIRouter, ...] = (page.router, addresses.router, files.router, lumps.router)
