"""Ended numbers and third parties are forgotten when their customer's record is, and those in use never."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.actions.negotiation.negotiating import negotiate
from app.actions.people.contact_data import add_point, remove_point
from app.actions.people.household import record_answer, record_statement
from app.actions.people.parties import add_party, end_party
from app.actions.people.retention import (
    forget_advice,
    forget_negotiations,
    forget_people,
    forget_statements,
)
from app.book.customers.contact_points import NewPoint
from app.book.customers.models import ContactPoint
from app.book.customers.rules import PointKind, PointType
from app.book.feeds.models import UnmatchedPayment
from app.book.ledger.models import Account, Customer
from app.book.ledger.rules import UnmatchedStatus
from app.casework.advisers.events import AdvisersForgotten
from app.casework.advisers.models import (
    Adviser,
    AdviserClient,
    AdviserFile,
    AdviserProposal,
    AdviserReject,
    LumpPart,
    LumpPayment,
)
from app.casework.advisers.rules import PartStatus
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.household.events import HouseholdsForgotten
from app.casework.negotiation.household.models import HouseholdFigure, HouseholdStatement
from app.casework.negotiation.household.rules import Debt, Figure, Household
from app.casework.negotiation.household.service import Answer
from app.casework.negotiation.record.events import NegotiationsForgotten
from app.casework.negotiation.record.models import Negotiation, NegotiationOffer
from app.casework.parties.events import PeopleForgotten
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import PartyKind
from app.casework.parties.told import NewParty
from app.casework.plans.rules import Cadence, PlanKind
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


SENT = (AdviserFile, AdviserReject, AdviserProposal, LumpPayment, LumpPart, AdviserClient)


def advice(session: Session, case: CollectionsCase) -> UnmatchedPayment:
    """A file with a proposal and a fault, and a lump payment of two parts. Returns the part that waits."""
    at = {"by": "user:ben", "loaded_at": builders.NOW, "posted_at": builders.NOW, "created_at": builders.NOW}
    adviser = Adviser.model_validate({"code": "HELP", "name": "Help", **at})
    carer = NewParty(PartyKind.CARER, "Help")
    party = add_party(session, case, carer, builders.catalog(), today=TODAY, **BEN).party
    end_party(session, case, id_of(party), "it closed", **BEN)
    session.add(adviser)
    waiting = UnmatchedPayment(
        portfolio_id=case.portfolio_id,
        reference="L/1.2",
        paid_on=TODAY,
        amount_minor=5,
        received_at=builders.NOW,
    )
    session.add(waiting)
    session.flush()
    of = {"adviser_id": adviser.id, "portfolio_id": case.portfolio_id, **at}
    file = AdviserFile.model_validate({**of, "name": "plans.json", "sha256": "0"})
    lump = LumpPayment.model_validate(
        {**of, "reference": "L", "paid_on": TODAY, "amount_minor": 10, "sha256": "0"}
    )
    session.add_all((file, lump))
    session.flush()
    account = session.scalars(select(Account)).one()
    session.add_all(
        (
            AdviserClient(party_id=id_of(party), adviser_id=id_of(adviser), customer_id=case.customer_id),
            AdviserReject(file_id=id_of(file), n=1, line=2, field="amount", reason="none"),
            AdviserProposal(
                file_id=id_of(file), adviser_id=id_of(adviser), portfolio_id=case.portfolio_id, case_id=id_of(case),
                customer_id=case.customer_id, line=1, digest="0", kind=PlanKind.INSTALMENTS, amount_minor=5,
                cadence=Cadence.MONTHLY, first_due_on=TODAY,
            ),
            LumpPart(
                lump_id=id_of(lump), n=1, reference="A", amount_minor=5, status=PartStatus.POSTED,
                account_id=id_of(account),
            ),
            LumpPart(
                lump_id=id_of(lump), n=2, reference="B", amount_minor=5, status=PartStatus.WAITING,
                unmatched_id=id_of(waiting),
            ),
        )
    )  # fmt: skip
    session.flush()
    return waiting


@pytest.mark.parametrize("happened", [False, True])
def test_what_advisers_sent_goes_after_the_same_time(engine: Engine, happened: bool) -> None:
    years = max(pack.retention.years for pack in shipped_packs().values() if pack.retention)
    later = builders.NOW.replace(year=builders.NOW.year + years) + timedelta(days=1)
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=TODAY - timedelta(days=20), on=TODAY)
        waiting = advice(session, case)
        assert forget_advice(session, by=SYSTEM, now=later - timedelta(days=2)) == 0, "not a day too early"
        if happened:
            record_answer(session, case, Answer(600), by=Actor.user("ben"), now=later - timedelta(days=30))

        def left() -> list[int]:
            return [len(session.scalars(select(model)).all()) for model in SENT]

        assert forget_advice(session, by=SYSTEM, now=later) == (0 if happened else 3)
        assert left() == ([1, 0, 1, 1, 2, 1] if happened else [0, 0, 0, 1, 2, 0]), (
            "a part of the payment waits"
        )
        waiting.status = UnmatchedStatus.RETURNED
        session.flush()
        assert forget_advice(session, by=SYSTEM, now=later) == (0 if happened else 1)
        assert left()[3:5] == ([1, 2] if happened else [0, 0])
        told = builders.events(session, AdvisersForgotten.KIND)
        assert [(each["files"], each["proposals"], each["lumps"], each["clients"]) for each in told] == (
            [] if happened else [(1, 1, 0, 1), (0, 0, 1, 0)]
        )
        assert forget_people(session, by=SYSTEM, now=later) == (0 if happened else 1), (
            "the third party goes too"
        )
