"""An attorney on file stops contact with the customer, whichever state their case is in."""

from __future__ import annotations

from datetime import date

from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.people.parties import add_party
from app.casework.cases.rules import CaseStatus
from app.casework.holds.models import CaseHold
from app.casework.parties.rules import PartyKind
from app.casework.parties.told import NewParty
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.vocabulary import HoldKind
from tests import builders

ON = date(2026, 3, 20)
NOW = builders.at(ON)


def test_an_attorney_named_between_two_cases_stops_the_letters_of_the_next(sqlite_engine: Engine) -> None:
    """The next case opens by itself at night, and nobody would look at the third parties before its first letter."""
    with transaction(sqlite_engine) as session:
        case = builders.delinquent_case(session, due_on=date(2026, 2, 18), on=ON)
        case.status, case.closed_on = CaseStatus.CLOSED, ON
        session.flush()
        firm = NewParty(PartyKind.ATTORNEY, "Ada Stone", organisation="Stone & Partners")
        added = add_party(session, case, firm, builders.catalog(), today=ON, by=Actor.user("ben"), now=NOW)
        assert added.placed is not None
        [hold] = session.scalars(select(CaseHold))
        assert (hold.kind, hold.customer_id) == (HoldKind.ATTORNEY, case.customer_id)
