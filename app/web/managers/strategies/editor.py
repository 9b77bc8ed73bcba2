"""The editor of strategies.

It keeps nothing on the server: the form carries the text being worked on, which becomes a version when it is saved.
"""

from __future__ import annotations

from typing import Annotated

from fastapi import File, Form, UploadFile
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import Response

from app.actions.strategies import save_version
from app.book.portfolios.models import Portfolio
from app.book.portfolios.service import get_portfolio
from app.core.actor import Actor
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.text import sentence
from app.http.context import Now
from app.http.cursors import RowQuery
from app.http.doors import Manager
from app.http.routes import Router
from app.http.security import MB
from app.http.transactions import ReadSession, WriteSession
from app.outreach.strategy import ladders
from app.outreach.strategy.file.problems import BadStrategy
from app.outreach.strategy.file.reading import LONGEST_TEXT
from app.web.managers.strategies.draft import StrategyDraft, editor_page
from app.web.managers.strategies.step_form import change_step, place_of
from app.web.managers.strategies.words import find_version, letters_of
from app.web.rendering import redirect

router = Router(prefix="/strategies")


@router.get("/edit")
def edit(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: str = "",
    base: RowQuery = 0,
) -> Response:
    """The editor, with the text of a version (`base`) or of the live one."""
    if base:
        version, book = find_version(session, base)
        draft = StrategyDraft(portfolio=book.code, code=version.code, text=version.text)
    else:
        book = get_portfolio(session, portfolio)
        live = ladders.live_version(session, id_of(book))
        code = live.code if live else book.strategy
        draft = StrategyDraft(
            portfolio=book.code, code=code, text=live.text if live else ladders.shipped_text(code)
        )
    return editor_page(request, book, draft)


@router.post("/import", max_body_size=MB)
def import_file(
    request: Request,
    _staff: Manager,
    session: ReadSession,
    portfolio: Annotated[str, Form()],
    code: Annotated[str, Form()],
    file: Annotated[UploadFile, File()],
) -> Response:
    """A TOML file into the editor; it is a version once it is saved there."""
    book = get_portfolio(session, portfolio)
    try:
        text = file.file.read(4 * LONGEST_TEXT).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid("This file is not UTF-8 text.", "file") from None
    return editor_page(
        request, book, StrategyDraft(portfolio=book.code, code=code.strip() or book.strategy, text=text)
    )


@router.post("/edit", max_body_size=MB)
def work(
    request: Request,
    staff: Manager,
    session: WriteSession,
    now: Now,
    draft: Annotated[StrategyDraft, Form()],
) -> Response:
    """Check the text, change one step of it, or save it as a version."""
    portfolio = get_portfolio(session, draft.portfolio)
    verb, _, where = draft.do.partition(":")
    if verb == "save":
        return _save(request, session, staff.by, portfolio, draft, now)
    if verb in ("step", "put", "drop"):
        return change_step(request, portfolio, draft, verb, place_of(where))
    return editor_page(request, portfolio, draft)


def _save(
    request: Request, session: Session, by: Actor, portfolio: Portfolio, draft: StrategyDraft, now: Now
) -> Response:
    try:
        version = save_version(
            session,
            portfolio,
            draft.code.strip(),
            draft.text,
            letters_of(request),
            draft.note,
            by=by,
            now=now,
        )
    except BadStrategy:
        return editor_page(request, portfolio, draft, status=422)
    except Invalid as refused:
        return editor_page(
            request, portfolio, draft, {refused.field or "": sentence(refused.message)}, status=422
        )
    said = f"Saved as {version.ref}. It changes nothing until it is put live."
    return redirect(request, f"/strategies/versions/{version.id}", said)
