"""A case changes hands: the colleague gets the note, and the owner is told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.assignment import assign_case, hand_over_case
from app.casework.cases.models import CollectionsCase
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.errors import DeskError, Forbidden
from app.core.staff import service as staff
from app.core.staff.rules import Role
from app.outreach.strategy.models import StrategyTask
from app.outreach.strategy.queries import has_task, has_task_of, next_tasks
from tests import builders

ON = date(2026, 3, 20)
NOW = builders.at(ON)
BEN, MEI = Actor.user("ben"), Actor.user("mei")


@pytest.fixture
def case_id(sqlite_engine: Engine) -> int:
    """A case of Ben's."""
    with transaction(sqlite_engine) as session:
        for username, name in (("ben", "Ben"), ("mei", "Mei"), ("jonas", "Jonas")):
            staff.add_user(session, username, name, Role.AGENT, "correct horse battery", by=SYSTEM, now=NOW)
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=30), on=ON, owner="ben")
        assert case.id is not None
        return case.id


def tasks(session: Session) -> list[tuple[str, str]]:
    return [(row.for_username, row.text) for row in session.scalars(select(StrategyTask))]


def test_an_agent_hands_a_case_over_with_a_note(sqlite_engine: Engine, case_id: int) -> None:
    with transaction(sqlite_engine) as session:
        case = session.get_one(CollectionsCase, case_id)
        hand_over_case(session, case, "mei", "Speaks Dutch,\nas you do", by=BEN, role=Role.AGENT, now=NOW)
        assert case.owner == "mei"
        assert tasks(session) == [("mei", "Handed over by Ben: Speaks Dutch, as you do")]
        [told] = builders.events(session, "case.handed_over")
        assert (told["owner"], told["was"]) == ("mei", "ben")
        found = [
            list(session.scalars(select(CollectionsCase.id).where(condition)))
            for condition in (has_task_of("mei"), has_task_of("jonas"), has_task(), has_task("mei"))
        ]
        assert found == [[case_id], [], [], [case_id]]
        assert (next_tasks(session, [case_id]), len(next_tasks(session, [case_id], "mei"))) == ({}, 1)


def test_a_case_of_another_goes_through_a_manager(sqlite_engine: Engine, case_id: int) -> None:
    with transaction(sqlite_engine) as session:
        case = session.get_one(CollectionsCase, case_id)
        with pytest.raises(Forbidden, match="with Ben"):
            hand_over_case(session, case, "jonas", "n", by=MEI, role=Role.AGENT, now=NOW)
        hand_over_case(session, case, "jonas", "n", by=MEI, role=Role.MANAGER, now=NOW)
        assert tasks(session) == [
            ("jonas", "Handed over by Mei: n"),
            ("ben", "Mei gave this case of yours to Jonas"),
        ]


@pytest.mark.parametrize(
    ("to", "note", "field"), [("ben", "n", "to"), ("nobody", "n", "to"), ("mei", " ", "note")]
)
def test_what_a_hand_over_needs(sqlite_engine: Engine, case_id: int, to: str, note: str, field: str) -> None:
    with transaction(sqlite_engine) as session:
        case = session.get_one(CollectionsCase, case_id)
        with pytest.raises(DeskError) as refused:
            hand_over_case(session, case, to, note, by=BEN, role=Role.AGENT, now=NOW)
        assert refused.value.field == field


def test_the_owner_is_told_that_a_case_was_taken(sqlite_engine: Engine, case_id: int) -> None:
    with transaction(sqlite_engine) as session:
        case = session.get_one(CollectionsCase, case_id)
        assign_case(session, case, "mei", by=MEI, role=Role.AGENT, now=NOW)
        assign_case(session, case, "ben", by=BEN, role=Role.AGENT, now=NOW)
        assign_case(session, case, "mei", by=MEI, role=Role.AGENT, now=NOW)
        assert tasks(session) == [
            ("ben", "Mei took this case from you"),
            ("mei", "Ben took this case from you"),
            ("ben", "Mei took this case from you"),
        ]
        assert len(builders.events(session, "case.assigned")) == 3
