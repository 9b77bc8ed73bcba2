"""The page behind the link of a satisfaction question: one question, five answers and a comment, without a sign-in.

A forwarded message gives another person the link. So the page names no customer and speaks of no debt, shows no comment
once it was sent, and opening it changes and counts nothing: mail scanners follow links, and nobody is watched."""

from __future__ import annotations

import hashlib
import tomllib
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session, select
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.people.satisfaction import answer_survey, decline_surveys, survey_door
from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.satisfaction.models import Survey
from app.casework.satisfaction.rules import HIGHEST, LONGEST_COMMENT, LOWEST, SurveyDoor
from app.core.errors import Conflict, Invalid, NotFound
from app.core.timeline.service import lock_customers
from app.http.context import Now, ports_of
from app.http.doors import callback
from app.http.rendering import render
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.inbound.reception import receive_from_page
from app.inbound.rules import Intent
from app.portal.limits import asks_too_often, changes_too_often
from app.portal.link import GONE, MAX_BODY, PREFIX, Fields
from app.portal.page import quietly

router = Router(prefix=PREFIX)
WORDS = Path(__file__).with_name("satisfaction.toml")
DONE = ("thanks", "declined", "closed", "choose", "too_long", "too_many")
"""The messages that the page may show after a form."""
SCORES = tuple(range(LOWEST, HIGHEST + 1))


@lru_cache
def satisfaction_words() -> Mapping[str, Mapping[str, str]]:
    """Language -> key -> words."""
    return tomllib.loads(WORDS.read_text(encoding="utf-8"))


def require_question(request: Request) -> None:
    """NotFound for an address that we did not make."""
    token = request.url.path.removeprefix(f"{PREFIX}/").partition("/")[0]
    if ports_of(request).catalog.links.read_question(token) is None:
        raise NotFound(GONE)


BY_QUESTION = [callback("an unguessable token that we made for this question", require_question)]


@router.get("/{token}/score", dependencies=BY_QUESTION)
def show_question(request: Request, token: str, session: ReadSession, now: Now, done: str = "") -> Response:
    survey = _survey_of(request, session, token)
    return _page(request, session, survey, token, done if done in DONE else "", now=now)


@router.post("/{token}/score", dependencies=BY_QUESTION, max_body_size=MAX_BODY)
def answer(request: Request, token: str, fields: Fields, session: WriteSession, now: Now) -> Response:
    """Keep the answer. A comment that may be a complaint goes to a person, who says whether it is one."""
    survey = _survey_of(request, session, token, lock=True)
    score, comment = str(fields.get("score") or ""), str(fields.get("comment") or "")
    customer = session.get_one(Customer, survey.customer_id)
    if changes_too_often(session, customer, now=now):
        return _back(token, "too_many")
    try:
        kept = answer_survey(session, survey, score, comment, now=now)
    except Conflict:
        return _back(token, "closed")
    except Invalid as wrong:
        why = "choose" if wrong.field == "score" else "too_long"
        return _page(request, session, survey, token, why, score, comment, status=422, now=now)
    if kept.may_be_complaint and not asks_too_often(session, customer, now=now):
        words = hashlib.sha256(kept.comment.encode()).hexdigest()[:16]
        receive_from_page(
            session, customer, survey.channel, Intent.COMPLAINT, kept.comment, f"survey:{survey.id}:{words}",
            ports_of(request).catalog, now=now,
        )  # fmt: skip
    return _back(token, "thanks")


@router.post("/{token}/score/never", dependencies=BY_QUESTION, max_body_size=MAX_BODY)
def never_again(request: Request, token: str, session: WriteSession, now: Now) -> Response:
    survey = _survey_of(request, session, token, lock=True)
    decline_surveys(session, survey, now=now)
    return _back(token, "declined")


def _survey_of(request: Request, session: Session, token: str, *, lock: bool = False) -> Survey:
    """The question of a link. A token we did not make and a question that is gone get the same answer."""
    link = ports_of(request).catalog.links.read_question(token)
    query = select(Survey)
    if link is not None:
        query = query.where(Survey.case_id == link.case_id, Survey.occurrence == link.occurrence)
    survey = session.scalars(query).first() if link is not None else None
    if link is None or survey is None or survey.contact_id is None:
        raise NotFound(GONE)
    if lock:
        lock_customers(session, [survey.customer_id])
        session.refresh(survey)
    if session.get_one(Customer, survey.customer_id).link_number != link.number:
        raise NotFound(GONE)  # replaced: links in earlier messages may be in other hands
    return survey


def _page(
    request: Request, session: Session, survey: Survey, token: str, done: str, score: str = "", comment: str = "",
    *, status: int = 200, now: datetime,
) -> Response:  # fmt: skip
    portfolio = session.get_one(Portfolio, survey.portfolio_id)
    words = satisfaction_words()
    chosen = words.get(survey.language, words["en"])
    said = {
        "sender": portfolio.agency or portfolio.creditor,
        "phone": portfolio.contact_phone,
        "email": portfolio.contact_email,
    }
    door = survey_door(session, survey, now=now)
    shown = render(
        request, "satisfaction.html", status,
        words={key: text.format_map(said) for key, text in chosen.items()},
        at=f"{PREFIX}/{token}/score", done=done, may_answer=door in (SurveyDoor.OPEN, SurveyDoor.CHANGEABLE),
        changes=door is SurveyDoor.CHANGEABLE, scores=SCORES, score=score,
        comment=comment, longest=LONGEST_COMMENT, phone=portfolio.contact_phone, email=portfolio.contact_email,
        declined=survey.declined_at is not None, answered=survey.answered_at is not None,
    )  # fmt: skip
    return quietly(shown)


def _back(token: str, done: str) -> Response:
    return quietly(RedirectResponse(f"{PREFIX}/{token}/score?done={done}", status_code=303))
