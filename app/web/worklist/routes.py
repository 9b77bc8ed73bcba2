"""The pages of daily work; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.worklist import replies, worklist

ROUTERS: tuple[APIRouter, ...] = (
    worklist.router,
    replies.router,
)
