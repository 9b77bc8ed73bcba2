"""The team: its people with cases, capacity and skills; absences and their covers."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from pydantic import Field
from sqlmodel import Session

from app.actions.staffing.team import (
    LONGEST_SKILL,
    MOST_SKILLS,
    NewAbilities,
    end_absence,
    plan_absence,
    set_abilities,
)
from app.api.deps import ApiManager, Input, OnceSession, ReadSession, api_router
from app.api.fields import Day, RowId
from app.api.shapes import Shape
from app.casework.assignment.models import StaffAbsence
from app.casework.assignment.rules import MOST_CASES, CareSkill
from app.core.errors import NotFound
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.text import Line
from app.http.context import Now
from app.worklist.team import TeamMember, team_at

router = api_router("/team", tags=["team"])

Language = Annotated[Line, Field(min_length=2, max_length=35, description="Code of a language: `zh`.")]
Product = Annotated[Line, Field(min_length=1, max_length=LONGEST_SKILL, description="As on the accounts.")]


class AbsenceShape(Shape):
    id: int
    first_on: date
    last_on: date
    cover: str = Field(description="User name of who works the cases meanwhile.")
    ended: bool = Field(description="It was called off, or ended before its last day.")
    over_reason: str = Field(description="Why the cover got more cases than their capacity; empty = not so.")

    @classmethod
    def of(cls, row: StaffAbsence, cover: str) -> Self:
        return cls(
            id=id_of(row),
            first_on=row.first_on,
            last_on=row.last_on,
            cover=cover,
            ended=row.ended_at is not None,
            over_reason=row.over_reason,
        )


class MemberShape(Shape):
    id: int
    username: str
    name: str
    team: str
    cases: int = Field(description="Open cases that they work, covered ones among them.")
    covered: int = Field(description="Those of them that are an absent colleague's.")
    most_cases: int | None = Field(description="Capacity; null = no limit.")
    overdue_tasks: int
    languages: list[str]
    products: list[str]
    care: list[CareSkill]
    absent: bool = Field(description="Absent today.")
    absences: list[AbsenceShape] = Field(description="That last today or come later.")

    @classmethod
    def of(cls, member: TeamMember) -> Self:
        return cls(
            id=id_of(member.user),
            username=member.user.username,
            name=member.user.display_name,
            team=member.user.team,
            cases=member.cases,
            covered=member.covered,
            most_cases=member.can.most_cases,
            overdue_tasks=member.overdue_tasks,
            languages=sorted(member.can.languages),
            products=sorted(member.can.products),
            care=sorted(member.can.care),
            absent=member.away is not None,
            absences=[AbsenceShape.of(each.row, each.cover) for each in member.absences],
        )


class TeamShape(Shape):
    members: list[MemberShape]
    unassigned: int = Field(description="Open cases without an owner.")


@router.get("", summary="Get the team")
def get_team(_caller: ApiManager, session: ReadSession, now: Now) -> TeamShape:
    """Active people who work cases, each with open cases, capacity, overdue tasks, skills and absences."""
    team = team_at(session, now)
    return TeamShape(members=[MemberShape.of(each) for each in team.members], unassigned=team.unassigned)


class AbilitiesInput(Input):
    most_cases: Annotated[int | None, Field(ge=0, le=MOST_CASES, description="None = no limit.")] = None
    languages: Annotated[list[Language], Field(max_length=MOST_SKILLS)] = []
    products: Annotated[list[Product], Field(max_length=MOST_SKILLS)] = []
    care: Annotated[list[Annotated[CareSkill, Field(strict=False)]], Field(max_length=len(CareSkill))] = []


@router.post("/{user_id}/abilities", summary="Set skills and capacity of a person")
def post_abilities(
    user_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: AbilitiesInput
) -> MemberShape:
    """In place of what was set before. The next night assigns cases by it."""
    wanted = NewAbilities(body.most_cases, body.languages, body.products, body.care)
    set_abilities(session, user_id, wanted, by=caller.by, now=now)
    return _member(session, user_id, now)


class NewAbsence(Input):
    first_on: Day
    last_on: Day
    cover: Annotated[Line, Field(min_length=1, max_length=64, description="User name of a colleague.")]
    over_reason: Annotated[
        Line, Field(max_length=200, description="Asked where the cover would go beyond their capacity.")
    ] = ""


@router.post("/{user_id}/absences", status_code=201, summary="Plan an absence of a person")
def post_absence(
    user_id: RowId, caller: ApiManager, session: OnceSession, now: Now, body: NewAbsence
) -> AbsenceShape:
    """Both days included. The cover has the person's cases, tasks and callbacks meanwhile."""
    row = plan_absence(
        session,
        user_id,
        body.first_on,
        body.last_on,
        body.cover,
        over_reason=body.over_reason,
        by=caller.by,
        now=now,
    )
    return AbsenceShape.of(row, body.cover)


@router.post("/absences/{absence_id}/end", summary="End an absence")
def post_end(absence_id: RowId, caller: ApiManager, session: OnceSession, now: Now) -> AbsenceShape:
    """Call it off, or end it before its last day: the cases return at once."""
    row = end_absence(session, absence_id, by=caller.by, now=now)
    return AbsenceShape.of(row, session.get_one(User, row.cover_id).username)


def _member(session: Session, user_id: int, now: Now) -> MemberShape:
    found = next((each for each in team_at(session, now).members if each.user.id == user_id), None)
    if found is None:
        raise NotFound(f"There is no active member of staff {user_id} who works cases.")
    return MemberShape.of(found)
