"""Ended numbers and third parties are forgotten when their customer's record is, and those in use never."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.household import record_answer, record_statement
from app.actions.negotiation.negotiating import negotiate
from app.actions.people.contact_data import add_point, remove_point
from app.actions.people.parties import add_party, end_party
from app.actions.people.retention import forget_negotiations, forget_people, forget_statements
from app.book.customers.contact_points import NewPoint
from app.book.customers.models import ContactPoint
from app.book.customers.rules import PointKind, PointType
from app.book.ledger.models import Customer
from app.casework.negotiation.household.events import HouseholdsForgotten
from app.casework.negotiation.household.models import HouseholdFigure, HouseholdStatement
from app.casework.negotiation.household.rules import Debt, Figure, Household
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.record.events import NegotiationsForgotten
from app.casework.negotiation.record.models import Negotiation, NegotiationOffer
from app.casework.parties.events import PeopleForgotten
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import PartyKind
from app.casework.parties.service import NewParty
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.policy.packfile import shipped_packs
from tests import builders

BEN = {"by": Actor.user("ben"), "now": builders.NOW}
TODAY = builders.NOW.date()


def rows(session: Session) -> tuple[int, int]:
    return len(session.scalars(select(ContactPoint)).all()), len(session.scalars(select(ThirdParty)).all())


@pytest.mark.parametrize("happened", [False, True])
def test_what_ended_goes_after_the_longest_retention(engine: Engine, happened: bool) -> None:
    years = max(pack.retention.years for pack in shipped_packs().values() if pack.retention)
    later = builders.NOW.replace(year=builders.NOW.year + years) + timedelta(days=1)
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=TODAY - timedelta(days=20), on=TODAY)
        anna = session.get_one(Customer, case.customer_id)
        for number in ("010 5550 0126", "010 5550 0127"):
            row = add_point(session, anna, NewPoint(PointKind.PHONE, PointType.HOME, number), **BEN)
        remove_point(session, anna, str(row.id), "not hers", **BEN)
        carer = NewParty(PartyKind.CARER, "Rosa Vos")
        added = [
            add_party(session, case, carer, builders.catalog(), today=TODAY, **BEN).party for _ in range(2)
        ]
        end_party(session, case, id_of(added[0]), "moved away", **BEN)
        assert rows(session) == (2, 2)
        assert forget_people(session, by=SYSTEM, now=later - timedelta(days=2)) == 0, "not a day too early"
        if happened:
            newer = later - timedelta(days=30)
            add_party(session, case, carer, builders.catalog(), today=TODAY, by=Actor.user("ben"), now=newer)
        assert forget_people(session, by=SYSTEM, now=later) == (0 if happened else 2)
        assert rows(session) == ((2, 3) if happened else (1, 1)), "those in use stay"
        told = builders.events(session, PeopleForgotten.KIND)
        assert [(each["contact_points"], each["third_parties"]) for each in told] == (
            [] if happened else [(1, 1)]
        )


@pytest.mark.parametrize("happened", [False, True])
def test_negotiations_go_after_the_same_time(engine: Engine, happened: bool) -> None:
    years = max(pack.retention.years for pack in shipped_packs().values() if pack.retention)
    later = builders.NOW.replace(year=builders.NOW.year + years) + timedelta(days=1)
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=TODAY - timedelta(days=20), on=TODAY)
        negotiate(session, case, Answer(500), role=Role.AGENT, **BEN)
        assert forget_negotiations(session, by=SYSTEM, now=later - timedelta(days=2)) == 0, (
            "not a day too early"
        )
        if happened:
            newer = later - timedelta(days=30)
            record_answer(session, case, Answer(600), by=Actor.user("ben"), now=newer)
        assert forget_negotiations(session, by=SYSTEM, now=later) == (0 if happened else 1)
        left = [len(session.scalars(select(model)).all()) for model in (Negotiation, NegotiationOffer)]
        assert (left == [0, 0]) is not happened
        told = builders.events(session, NegotiationsForgotten.KIND)
        assert [each["negotiations"] for each in told] == ([] if happened else [1])


@pytest.mark.parametrize("happened", [False, True])
def test_household_statements_go_after_the_same_time(engine: Engine, happened: bool) -> None:
    years = max(pack.retention.years for pack in shipped_packs().values() if pack.retention)
    later = builders.NOW.replace(year=builders.NOW.year + years) + timedelta(days=1)
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=TODAY - timedelta(days=20), on=TODAY)
        told = Household(TODAY, "cn", "CNY", figures=(Figure("rent", 5),), debts=(Debt("Other Bank", 5),))
        for _ in range(2):
            record_statement(session, case, told, **BEN)
            record_answer(session, case, Answer(500), **BEN)
        assert forget_statements(session, by=SYSTEM, now=later - timedelta(days=2)) == 0, (
            "not a day too early"
        )
        if happened:
            record_answer(session, case, Answer(600), by=Actor.user("ben"), now=later - timedelta(days=30))
        assert forget_statements(session, by=SYSTEM, now=later) == (3 if happened else 4)
        left = [len(session.scalars(select(model)).all()) for model in (HouseholdStatement, HouseholdFigure)]
        assert left == ([1, 1] if happened else [0, 0]), "the newest of a customer whose record is kept stays"
        told_of = builders.events(session, HouseholdsForgotten.KIND)
        assert [(each["statements"], each["answers"]) for each in told_of] == [(1, 2) if happened else (2, 2)]
