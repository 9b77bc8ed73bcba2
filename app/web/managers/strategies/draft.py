"""A draft of a strategy: the fields of the editor's form, and the page that shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from app.book.portfolios.models import Portfolio
from app.outreach.strategy import ladders, service
from app.outreach.strategy.conditions import ASKABLE, Shape
from app.outreach.strategy.file.problems import BadStrategy, Place, Problem
from app.outreach.strategy.file.reading import read_strategy
from app.outreach.strategy.service import LetterForms
from app.web.managers.strategies.words import LadderWords, ladders_of, letters_of
from app.web.rendering import Page, page


class StrategyDraft(BaseModel):
    """The editor's form: every field is text."""

    portfolio: str = ""
    code: str = ""
    text: str = ""
    note: str = ""
    do: str = "check"
    """`check`, `save`, or `step:PLACE`, `put:PLACE`, `drop:PLACE` for one step."""
    id: str = ""
    day: str = ""
    action: str = ""
    letter: str = ""
    purpose: str = ""
    task: str = ""
    channels: list[str] = []
    otherwise: list[str] = []
    fact: list[str] = []
    op: list[str] = []
    value: list[str] = []
    wait_step: str = ""
    wait_days: str = ""
    wait_moment: str = ""


@dataclass(frozen=True, slots=True)
class EditorPage(Page):
    template = "managers/strategies/edit.html"
    book: Portfolio
    draft: StrategyDraft
    shown: Sequence[LadderWords]
    problems: Sequence[Problem]
    wrong: Mapping[Place, Sequence[Problem]]
    errors: Mapping[str, str]
    letters: Mapping[str, LetterForms]
    askable: Mapping[str, tuple[Shape, str]]


def editor_page(
    request: Request,
    portfolio: Portfolio,
    draft: StrategyDraft,
    errors: Mapping[str, str] | None = None,
    *,
    status: int = 200,
) -> Response:
    """The text, its problems, and the ladders as they are understood."""
    problems: Sequence[Problem] = ()
    shown: list[LadderWords] = []
    try:
        shown = ladders_of(
            request, read_strategy(draft.code or "draft", draft.text, ladders.terms_of(portfolio)), portfolio
        )
        service.understand(portfolio, draft.code or "draft", draft.text, letters_of(request))
    except BadStrategy as bad:
        problems = bad.problems
    wrong: dict[Place, list[Problem]] = {}
    for problem in problems:
        wrong.setdefault(problem.place, []).append(problem)
    return page(
        request,
        EditorPage(
            book=portfolio,
            draft=draft,
            shown=shown,
            problems=problems,
            wrong=wrong,
            errors=errors or {},
            letters=letters_of(request),
            askable=ASKABLE,
        ),
        status,
    )


def with_text(draft: StrategyDraft, text: str) -> StrategyDraft:
    return StrategyDraft(portfolio=draft.portfolio, code=draft.code, text=text, note=draft.note)
