"""A Monday with two people ill: their cases are spread over three colleagues, one case changes meanwhile, a move is
taken back, and the people come back. A paragraph a step."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, col, select

from app.actions.staffing.choice import CaseChoice, chosen_cases
from app.actions.staffing.moves import confirm_move, prepare_move, undo_move
from app.actions.staffing.team import NewAbilities, end_absence, plan_absence, set_abilities
from app.casework.assignment.events import CaseMoved, CaseMoveUndone
from app.casework.assignment.models import CaseMove, StaffAbsence
from app.casework.assignment.move_list import list_moves
from app.casework.assignment.move_queries import view_move
from app.casework.assignment.stays import MoveState, StayReason
from app.casework.cases.models import CollectionsCase, case_reference
from app.casework.presence.models import OpenPage
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.errors import Conflict, Invalid
from app.core.ids import id_of
from app.core.staff.models import User
from app.core.staff.rules import Role
from tests import builders

MEI = Actor.user("mei")
MONDAY = date(2026, 3, 23)
CASES = 24


def at(hour: int, minute: int = 0, days: int = 0) -> datetime:
    return builders.at(MONDAY + timedelta(days=days), hour, minute)


def owners(session: Session) -> list[tuple[str, str]]:
    cases = session.scalars(select(CollectionsCase).order_by(col(CollectionsCase.id)))
    return [(case.owner, case.covered_for) for case in cases]


def number(session: Session, name: str) -> int:
    return id_of(session.scalars(select(User).where(User.username == name)).one())


def desk_with_cases(engine: Engine, *, cases: int = CASES) -> None:
    """Ann and Ben have the cases, half each; Cat, Dan and Eve have none."""
    with transaction(engine) as session:
        for name in ("ann", "ben", "cat", "dan", "eve"):
            user = User(
                username=name, display_name=name.title(), role=Role.AGENT, password_hash="-", created_at=at(1)
            )
            session.add(user)
        session.flush()
        book = builders.portfolio(session)
        for n in range(cases):
            builders.late_customer(
                session,
                book,
                due_on=MONDAY - timedelta(days=20),
                language="zh-Hans" if n % 12 == 0 else "en",
            )
    builders.close_day(engine, MONDAY - timedelta(days=1))
    with transaction(engine) as session:
        for n, case in enumerate(session.scalars(select(CollectionsCase).order_by(col(CollectionsCase.id)))):
            case.owner = "ann" if n % 2 == 0 else "ben"


def test_two_people_are_ill_on_a_monday(engine: Engine) -> None:
    desk_with_cases(engine)

    # Cat may have ten cases: she covers for twelve of Ann's only for a reason, and Ben's come on top of it.
    with transaction(engine) as session:
        set_abilities(session, number(session, "cat"), NewAbilities(10, ["zh"], (), ()), by=MEI, now=at(8))
        ann, ben = number(session, "ann"), number(session, "ben")
        with pytest.raises(Invalid, match="12 open cases, 2 more than the 10") as refused:
            plan_absence(session, ann, MONDAY, MONDAY + timedelta(days=2), "cat", by=MEI, now=at(8))
        assert refused.value.field == "over_reason"
        for who in (ann, ben):
            plan_absence(
                session,
                who,
                MONDAY,
                MONDAY + timedelta(days=2),
                "cat",
                over_reason="Spread at once",
                by=MEI,
                now=at(8),
            )
        assert {owner for owner, _ in owners(session)} == {"cat"}

    # The manager spreads Ann's over Dan and Eve until she is back. Nobody of them speaks Chinese, but Cat does.
    with transaction(engine) as session:
        wanted = CaseChoice(person="ann")
        with pytest.raises(Invalid, match="absent today") as refused:
            prepare_move(session, wanted, ["ben"], returns=True, by=MEI, now=at(8, 5))
        assert refused.value.field == "receivers"
        move = prepare_move(session, wanted, ["dan", "eve"], returns=True, by=MEI, now=at(8, 5))
        view, move_id = view_move(session, move), id_of(move)
        assert [(each.username, each.before, each.gets, each.after) for each in view.receivers] == [
            ("dan", 0, 5, 5), ("eve", 0, 5, 5),
        ]  # fmt: skip
        assert view.givers == {"cat": 10}
        assert view.sums[0].cases == 10
        assert view.sums[0].balance_minor == sum(line.balance_minor for line in view.going)
        assert [line.why for line in view.of(MoveState.STAYS)] == [(StayReason.LANGUAGE,)] * 2
        assert {owner for owner, _ in owners(session)} == {"cat"}, "a preview moves nothing"

    # Before she confirms, Cat is on the telephone about one of them, and another is Dan's already.
    with transaction(engine) as session:
        called, taken = (line.case_id for line in view.going[:2])
        page = OpenPage(case_id=called, username="cat", seen_at=at(8, 9), calling_since=at(8, 8))
        session.add(page)
        session.get_one(CollectionsCase, taken).owner = "dan"
    with transaction(engine) as session, pytest.raises(Invalid, match="Say why"):
        confirm_move(session, move_id, " ", by=MEI, now=at(8, 10))
    with transaction(engine) as session:
        confirm_move(session, move_id, "Ann is ill", by=MEI, now=at(8, 10))
    with transaction(engine) as session:
        view = view_move(session, session.get_one(CaseMove, move_id))
        changed = {line.case_id: line.why for line in view.of(MoveState.CHANGED)}
        assert changed == {called: (StayReason.CALL,), taken: (StayReason.OWNER,)}
        moved = {line.case_id for line in view.of(MoveState.MOVED)}
        assert len(moved) == 8
        told = builders.events(session, CaseMoved.KIND)
        assert {(each["reason"], each["covered_for"], each["move"]) for each in told} == {
            ("Ann is ill", "ann", move_id)
        }
        assert [(each.cases, each.left) for each in list_moves(session, limit=9)] == [(8, 2)]
        with pytest.raises(Conflict, match="confirmed already"):
            confirm_move(session, move_id, "Ann is ill", by=MEI, now=at(8, 11))
        assert len(builders.events(session, CaseMoved.KIND)) == 8

    # The night leaves the spread cases where the manager wanted them.
    builders.close_day(engine, MONDAY)
    with transaction(engine) as session:
        held = {session.get_one(CollectionsCase, case_id).owner for case_id in moved}
        assert held == {"dan", "eve"}

    # On Tuesday she takes it back: all but the one that Dan gave on since.
    with transaction(engine) as session:
        given = min(moved)
        case = session.get_one(CollectionsCase, given)
        case.owner, case.covered_for = "ben", ""
    with transaction(engine) as session:
        undo_move(session, move_id, by=MEI, now=at(8, 9, days=1))
        view = view_move(session, session.get_one(CaseMove, move_id))
        assert [line.case_id for line in view.of(MoveState.KEPT)] == [given]
        assert len(view.of(MoveState.RESTORED)) == 7
        assert len(builders.events(session, CaseMoveUndone.KIND)) == 7
        with pytest.raises(Conflict):
            undo_move(session, move_id, by=MEI, now=at(8, 9, days=1))

    # A second move is too old to be taken back after a day, and a preview is too old after an hour.
    with transaction(engine) as session:
        move = prepare_move(
            session, CaseChoice(person="ann"), ["eve"], returns=True, by=MEI, now=at(9, 0, days=1)
        )
        again = id_of(move)
        with pytest.raises(Conflict, match="older than an hour"):
            confirm_move(session, again, "Ann is ill", by=MEI, now=at(10, 1, days=1))
        confirm_move(session, again, "Ann is ill", by=MEI, now=at(10, 0, days=1))
        with pytest.raises(Conflict, match="older than a day"):
            undo_move(session, again, by=MEI, now=at(10, 1, days=2))

    # Ann is back early: what was spread returns to her at once.
    with transaction(engine) as session:
        absence = session.scalars(select(StaffAbsence).where(StaffAbsence.user_id == ann)).one()
        end_absence(session, id_of(absence), by=MEI, now=at(12, days=1))
        assert sum(owner == "ann" for owner, _ in owners(session)) == 11
        assert not any(covered == "ann" for _, covered in owners(session))


def test_what_a_manager_can_choose(sqlite_engine: Engine) -> None:
    desk_with_cases(sqlite_engine, cases=6)
    with transaction(sqlite_engine) as session:
        first = session.scalars(select(CollectionsCase).order_by(col(CollectionsCase.id))).first()
        assert first is not None
        first.callback_at = at(7)
        session.flush()
        balance = first.now_balance_minor

        def chosen(**choice: object) -> list[int]:
            return chosen_cases(session, CaseChoice(**choice), at(9))  # type: ignore[arg-type]

        assert len(chosen(person="ann")) == 3
        assert len(chosen(language="zh")) == 1
        assert chosen(state="callback") == [first.id]
        assert len(chosen(untouched_days=5)) == 6
        assert len(chosen(bucket="1-29", at_most=2)) == 2
        assert len(chosen(balance_from=str(balance // 100))) >= 1
        assert chosen(references=(case_reference(2), "c-1")) == [2, 1]
        for choice, field in (
            ({}, "person"),
            ({"person": "nobody-here"}, "person"),
            ({"portfolio": "NONE"}, "portfolio"),
            ({"bucket": "1000+"}, "bucket"),
            ({"state": "nowhere"}, "state"),
            ({"balance_from": "much"}, "balance_from"),
            ({"untouched_days": 0}, "untouched_days"),
            ({"at_most": 0, "person": "ann"}, "at_most"),
            ({"references": ("C-99",)}, "references"),
            ({"references": ("C-1",), "person": "ann"}, "references"),
            ({"language": "nb"}, "person"),
        ):
            with pytest.raises(Invalid) as refused:
                chosen(**choice)
            assert refused.value.field == field, choice


def test_a_move_for_good_asks_twice_about_an_agents_own_customers(sqlite_engine: Engine) -> None:
    desk_with_cases(sqlite_engine, cases=4)
    with transaction(sqlite_engine) as session:
        first = session.scalars(select(CollectionsCase).order_by(col(CollectionsCase.id))).first()
        assert first is not None
        first.callback_at = at(15)
    with transaction(sqlite_engine) as session:
        move = prepare_move(session, CaseChoice(person="ann"), ["eve"], by=MEI, now=at(9))
        assert [line.why for line in view_move(session, move).of(MoveState.STAYS)] == [(StayReason.RELATION,)]
        with pytest.raises(Invalid) as refused:
            prepare_move(
                session, CaseChoice(person="ann"), ["eve"], overruled=[StayReason.CALL], by=MEI, now=at(9)
            )
        assert refused.value.field == "overruled"
        move = prepare_move(
            session, CaseChoice(person="ann"), ["eve"], overruled=[StayReason.RELATION], by=MEI, now=at(9)
        )
        confirm_move(session, id_of(move), "New teams", by=MEI, now=at(9))
        undo_move(session, id_of(move), by=MEI, now=at(9, 30))
    with transaction(sqlite_engine) as session:
        assert sorted(owners(session)) == [("ann", ""), ("ann", ""), ("ben", ""), ("ben", "")]
        prepare_move(session, CaseChoice(person="ann"), ["eve"], by=MEI, now=at(9, 31, days=1))
        assert len(session.scalars(select(CaseMove)).all()) == 2, (
            "previews nobody confirmed are gone after a day"
        )
