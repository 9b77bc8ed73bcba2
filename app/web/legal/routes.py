"""The pages of the legal team; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.legal import bundles, court_dates, exports, referrals

ROUTERS: tuple[APIRouter, ...] = (
    court_dates.router,
    referrals.router,
    bundles.router,
    exports.router,
)
