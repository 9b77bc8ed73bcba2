"""The pages of daily work; a new one is a line here."""

from __future__ import annotations

from fastapi import APIRouter

from app.web.worklist import callbacks, mine, moves, questions, replies, saved, worklist

ROUTERS: tuple[APIRouter, ...] = (
    worklist.router,
    moves.router,
    saved.router,
    mine.router,
    callbacks.router,
    replies.router,
    questions.router,
)
