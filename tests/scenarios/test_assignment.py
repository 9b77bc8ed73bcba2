"""Who works which case, night after night: language, capacity, a leave with its cover. A paragraph a day."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.assignment import hand_over_case
from app.actions.staffing.team import NewAbilities, end_absence, plan_absence, set_abilities
from app.casework.assignment.events import CaseCovered, CaseReturned
from app.casework.assignment.rules import CareSkill
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import Role
from app.worklist.books import books_at
from app.worklist.queries import queue_page
from app.worklist.rules import Section
from app.worklist.team import TeamMember, team_at
from tests import builders

MEI = Actor.user("mei")
ON = date(2026, 3, 20)
NO_SKILLS = NewAbilities(None, (), (), ())


def staff(session: Session, *names: str, role: Role = Role.AGENT) -> None:
    for name in names:
        session.add(
            User(
                username=name,
                display_name=name.title(),
                role=role,
                password_hash="-",
                created_at=builders.NOW,
            )
        )
    session.flush()


def user_id(session: Session, name: str) -> int:
    return id_of(session.scalars(select(User).where(User.username == name)).one())


def late(session: Session, *languages: str) -> None:
    book = builders.portfolio(session)
    for language in languages:
        builders.late_customer(session, book, due_on=ON - timedelta(days=10), language=language)


def owners(engine: Engine) -> list[str]:
    with transaction(engine) as session:
        return list(session.scalars(select(CollectionsCase.owner).order_by(CollectionsCase.id)))  # type: ignore[arg-type]


def member(session: Session, name: str, on: date) -> TeamMember:
    return next(each for each in team_at(session, morning(on)).members if each.user.username == name)


def morning(on: date) -> datetime:
    return builders.at(on, 9)


def test_language_and_capacity_and_what_is_left_for_the_manager(engine: Engine) -> None:
    """Three Chinese-speaking customers and two others; Wei speaks Chinese and has room for two, Ann for one."""
    with transaction(engine) as session:
        staff(session, "ann", "wei")
        late(session, "zh", "en", "zh-Hans", "en", "zh")
        set_abilities(session, user_id(session, "ann"), NewAbilities(1, (), (), ()), by=MEI, now=builders.NOW)
        speaks = NewAbilities(2, ["zh", "ZH-hant"], ["Gold"], [CareSkill.COMPLAINTS])
        set_abilities(session, user_id(session, "wei"), speaks, by=MEI, now=builders.NOW)
    builders.close_day(engine, ON)
    assert owners(engine) == ["wei", "ann", "wei", "", ""]

    # The manager sees who is full and what is left, and gives Ann room for another: the next night fills it.
    with transaction(engine) as session:
        team = team_at(session, morning(ON))
        assert team.unassigned == 2
        assert all(each.is_full and not each.over_by for each in team.members)
        set_abilities(session, user_id(session, "ann"), NewAbilities(2, (), (), ()), by=MEI, now=builders.NOW)
    builders.close_day(engine, ON + timedelta(days=1))
    assert owners(engine) == ["wei", "ann", "wei", "ann", ""]


def test_a_leave_its_cover_and_the_return(engine: Engine) -> None:
    """Ann has two cases and goes on leave for three days; Bob covers."""
    leave = (ON + timedelta(days=2), ON + timedelta(days=4))
    with transaction(engine) as session:
        staff(session, "ann")
        late(session, "en", "en")
    builders.close_day(engine, ON)
    with transaction(engine) as session:
        staff(session, "bob", "cat")
        case = session.scalars(select(CollectionsCase).order_by(CollectionsCase.id)).first()  # type: ignore[arg-type]
        assert case is not None
        case.callback_at = builders.at(leave[0], 11)
        hand_over_case(session, case, "bob", "Look", by=MEI, role=Role.MANAGER, now=morning(ON))
        hand_over_case(session, case, "ann", "For Ann", by=MEI, role=Role.MANAGER, now=morning(ON))
        plan_absence(session, user_id(session, "ann"), *leave, "bob", by=MEI, now=morning(ON))

    # The day before, nothing has moved.
    builders.close_day(engine, ON + timedelta(days=0))
    assert owners(engine) == ["ann", "ann"]

    # On the first day of leave the cases are Bob's; the callback and the task for Ann in person are on his list.
    builders.close_day(engine, leave[0] - timedelta(days=1))
    assert owners(engine) == ["bob", "bob"]
    with transaction(engine) as session:
        bob, now = member(session, "bob", leave[0]), builders.at(leave[0], 12)
        assert (bob.cases, bob.covered) == (2, 2)
        assert member(session, "ann", leave[0]).away is not None
        books = books_at(session, now)
        for section, found in ((Section.CALLBACK_DUE, 1), (Section.TASK, 0)):
            items, _ = queue_page(session, books, "bob", [section], limit=9, now=now)
            assert len(items) == found, section
        session.scalars(
            select(CollectionsCase).where(CollectionsCase.callback_at.is_not(None))
        ).one().callback_at = None  # type: ignore[union-attr]
    with transaction(engine) as session:
        items, _ = queue_page(session, books, "bob", [Section.TASK], limit=9, now=now)
        assert len(items) == 1, "the task that names Ann"

    # Bob is absent from the next day, too: Cat covers for both, and the cases stay Ann's.
    with transaction(engine) as session:
        days = (leave[0] + timedelta(days=1), leave[0] + timedelta(days=1))
        plan_absence(session, user_id(session, "bob"), *days, "cat", by=MEI, now=morning(leave[0]))
    builders.close_day(engine, leave[0])
    assert owners(engine) == ["cat", "cat"]

    # Bob is back: he covers again. A case that is handed to Cat meanwhile is hers for good.
    builders.close_day(engine, leave[0] + timedelta(days=1))
    assert owners(engine) == ["bob", "bob"]
    with transaction(engine) as session:
        case = session.scalars(select(CollectionsCase).order_by(CollectionsCase.id)).first()  # type: ignore[arg-type]
        assert case is not None
        hand_over_case(session, case, "cat", "Yours now", by=MEI, role=Role.MANAGER, now=morning(leave[1]))

    # After the last day the other returns by itself, and every step is on record.
    builders.close_day(engine, leave[1])
    assert owners(engine) == ["cat", "ann"]
    with transaction(engine) as session:
        assert len(builders.events(session, CaseCovered.KIND)) == 6
        assert [each["owner"] for each in builders.events(session, CaseReturned.KIND)] == ["ann"]
    builders.close_day(engine, leave[1] + timedelta(days=1))
    assert owners(engine) == ["cat", "ann"]


def test_an_absence_of_today_moves_the_cases_at_once_and_so_does_its_end(engine: Engine) -> None:
    """Ann is ill this morning. At noon she is back after all."""
    with transaction(engine) as session:
        staff(session, "ann")
        late(session, "en")
    builders.close_day(engine, ON)
    today = ON + timedelta(days=1)
    with transaction(engine) as session:
        staff(session, "bob")
        ann = user_id(session, "ann")
        absence = plan_absence(session, ann, today, today, "bob", by=MEI, now=morning(today))
        number = id_of(absence)
        with pytest.raises(Conflict, match="already"):
            plan_absence(session, ann, today, today, "bob", by=MEI, now=morning(today))
        for first, last, cover, field in (
            (today, ON, "bob", "last_on"),
            (today - timedelta(days=9), today - timedelta(days=8), "bob", "last_on"),
            (today, today + timedelta(days=367), "bob", "last_on"),
            (today + timedelta(days=9), today + timedelta(days=9), "ann", "cover"),
            (today + timedelta(days=9), today + timedelta(days=9), "nobody", "cover"),
        ):
            with pytest.raises(Invalid) as refused:
                plan_absence(session, ann, first, last, cover, by=MEI, now=morning(today))
            assert refused.value.field == field
    assert owners(engine) == ["bob"]
    with transaction(engine) as session:
        end_absence(session, number, by=MEI, now=builders.at(today, 12))
        with pytest.raises(Conflict):
            end_absence(session, number, by=MEI, now=builders.at(today, 12))
    assert owners(engine) == ["ann"]


def test_abilities_that_are_none_are_refused_beside_their_field(sqlite_engine: Engine) -> None:
    with transaction(sqlite_engine) as session:
        staff(session, "ann")
        ann = user_id(session, "ann")
        for wanted, field in (
            (NewAbilities(-1, (), (), ()), "most_cases"),
            (NewAbilities(None, ["klingon-of-old"], (), ()), "languages"),
            (NewAbilities(None, (), ["x" * 61], ()), "products"),
        ):
            with pytest.raises(Invalid) as refused:
                set_abilities(session, ann, wanted, by=MEI, now=builders.NOW)
            assert refused.value.field == field
        assert set_abilities(session, ann, NO_SKILLS, by=MEI, now=builders.NOW).most_cases is None
