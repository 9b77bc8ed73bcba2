"""The pages and forms of accounts, feeds and payments; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.accounts import (
    account_list,
    account_page,
    account_tabs,
    entries,
    statements,
    status,
    unmatched,
)
from app.web.accounts.feeds import feeds, loads, reported, uploads

ROUTERS: tuple[APIRouter, ...] = (
    account_list.router,
    account_page.router,
    account_tabs.router,
    entries.router,
    status.router,
    statements.router,
    unmatched.router,
    reported.router,
    uploads.router,
    feeds.router,
    loads.router,
)
