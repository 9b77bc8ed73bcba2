"""The team: who has how many cases and how much room, skills, absences and their covers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated

from fastapi import Form
from sqlmodel import Session
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from app.actions.staffing.team import NewAbilities, end_absence, plan_absence, set_abilities
from app.casework.assignment.rules import CARE_LABELS, CareSkill
from app.core.errors import Conflict, DeskError, Invalid, NotFound
from app.core.text import sentence
from app.http.context import Now
from app.http.cursors import RowId
from app.http.doors import Manager
from app.http.routes import Router
from app.http.transactions import ReadSession, WriteSession
from app.web.forms import Typed
from app.web.lists import Column
from app.web.rendering import Page, page, redirect
from app.worklist.team import Team, TeamMember, team_at

router = Router(prefix="/team")
COLUMNS = [
    Column("Person"), Column("Team"), Column("Open cases", numeric=True), Column("At most", numeric=True),
    Column("Overdue tasks", numeric=True), Column("Skills"), Column("Absence"),
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class TeamPage(Page):
    template = "managers/team/team.html"
    team: Team
    columns: Sequence[Column]
    names: Mapping[str, str]
    care: Mapping[CareSkill, str]


@dataclass(frozen=True, slots=True)
class MemberPage(Page):
    template = "managers/team/member.html"
    member: TeamMember
    names: Mapping[str, str]
    colleagues: Sequence[tuple[str, str]]
    care: Mapping[CareSkill, str]
    typed: Mapping[str, str]
    errors: Mapping[str, str]
    form: str
    """The form that was refused: `abilities`, `absences`; '' = none."""


@router.get("")
def team(request: Request, _staff: Manager, session: ReadSession, now: Now) -> Response:
    found = team_at(session, now)
    names = {each.user.username: each.user.display_name for each in found.members}
    return page(request, TeamPage(team=found, columns=COLUMNS, names=names, care=CARE_LABELS))


@router.get("/{user_id}")
def member(request: Request, user_id: RowId, _staff: Manager, session: ReadSession, now: Now) -> Response:
    return _page(request, session, user_id, now)


@router.get("/{user_id}/{form}")
def after_a_refusal(user_id: RowId, form: str, _staff: Manager) -> Response:  # noqa: ARG001
    """A refused form is shown at its own address; after a reload the person is found again."""
    return RedirectResponse(f"/team/{user_id}", status_code=303)


class AbilitiesForm(Typed):
    most_cases: str = ""
    languages: str = ""
    products: str = ""
    complaints: str = ""
    support_needs: str = ""


@router.post("/{user_id}/abilities")
def abilities(
    request: Request,
    user_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[AbilitiesForm, Form()],
) -> Response:
    def act() -> str:
        values = typed.values()
        wanted = NewAbilities(
            most_cases=_count(typed.most_cases),
            languages=typed.languages.replace(",", " ").split(),
            products=typed.products.split(","),
            care=[skill for skill in CareSkill if values[skill.value]],
        )
        user = set_abilities(session, user_id, wanted, by=staff.by, now=now)
        return f"{user.display_name} is saved. The next night assigns cases by it."

    return _send(request, session, user_id, "abilities", typed, act, now)


def _count(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise Invalid("Write a whole number, or nothing for no limit.", "most_cases")
    return int(text)


class AbsenceForm(Typed):
    first_on: str = ""
    last_on: str = ""
    cover: str = ""
    over_reason: str = ""


@router.post("/{user_id}/absences")
def absence(
    request: Request,
    user_id: RowId,
    staff: Manager,
    session: WriteSession,
    now: Now,
    typed: Annotated[AbsenceForm, Form()],
) -> Response:
    def act() -> str:
        first, last = _day(typed.first_on, "first_on"), _day(typed.last_on, "last_on")
        plan_absence(
            session, user_id, first, last, typed.cover, over_reason=typed.over_reason, by=staff.by, now=now
        )
        return (
            "The absence is planned. The cases go to the cover on its first day, and return after its last."
        )

    return _send(request, session, user_id, "absences", typed, act, now)


def _day(text: str, name: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise Invalid("Choose a date.", name) from None


@router.post("/absences/{absence_id}/end")
def end(request: Request, absence_id: RowId, staff: Manager, session: WriteSession, now: Now) -> Response:
    ended = end_absence(session, absence_id, by=staff.by, now=now)
    return redirect(request, f"/team/{ended.user_id}", "The absence is ended; the cases are back.")


def _send(
    request: Request,
    session: Session,
    user_id: int,
    form: str,
    typed: Typed,
    act: Callable[[], str],
    now: Now,
) -> Response:
    try:
        with session.begin_nested():
            said = act()
    except (Invalid, Conflict) as refused:
        return _page(request, session, user_id, now, form, typed.values(), refused)
    return redirect(request, f"/team/{user_id}", said)


def _page(
    request: Request,
    session: Session,
    user_id: int,
    now: Now,
    form: str = "",
    typed: Mapping[str, str] | None = None,
    refused: DeskError | None = None,
) -> Response:
    found = team_at(session, now)
    shown = next((each for each in found.members if each.user.id == user_id), None)
    if shown is None:
        raise NotFound(f"There is no active member of staff {user_id} who works cases.")
    names = {each.user.username: each.user.display_name for each in found.members}
    errors = {getattr(refused, "field", None) or "": sentence(refused.message)} if refused else {}
    return page(
        request,
        MemberPage(
            member=shown,
            names=names,
            colleagues=[("", "Choose"), *((n, d) for n, d in names.items() if n != shown.user.username)],
            care=CARE_LABELS,
            typed=typed or {},
            errors=errors,
            form=form,
        ),
        refused.status if refused else 200,
    )
