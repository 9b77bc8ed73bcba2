"""The pages of the knowledge base; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.knowledge import article, browse, editor, searched

ROUTERS: tuple[APIRouter, ...] = (browse.router, article.router, editor.router, searched.router)
