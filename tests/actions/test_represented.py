"""An attorney on file stops contact with the customer, whichever state their case is in."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from sqlalchemy.engine import Engine
from sqlmodel import select

from app.actions.people.parties import add_party, correct_party
from app.casework.cases.rules import CaseStatus
from app.casework.holds.models import CaseHold
from app.casework.parties.events import ThirdPartyChanged
from app.casework.parties.rules import PartyKind
from app.casework.parties.told import NewParty
from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.timeline.models import Event
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


def test_how_an_attorney_is_reached_stays_out_of_what_nobody_can_change(sqlite_engine: Engine) -> None:
    by = Actor.user("ben")
    with transaction(sqlite_engine) as session:
        case = builders.delinquent_case(session, due_on=date(2026, 2, 18), on=ON)
        firm = NewParty(PartyKind.ATTORNEY, "Ada Stone", email="ada@stone.example", address="1 Quay Street")
        party = add_party(session, case, firm, builders.catalog(), today=ON, by=by, now=NOW).party
        moved = replace(firm, organisation="Stone & Co", email="ada@new.example", address="2 Hill Road")
        says = correct_party(session, case, id_of(party), moved, "they moved", by=by, now=NOW)
        assert set(says) == {"organisation", "email", "address"}
        [told] = builders.events(session, ThirdPartyChanged.KIND)
        assert (told["to"], told["reached_by"]) == ({"organisation": "Stone & Co"}, ["email", "address"])
        data = " ".join(session.scalars(select(Event.data)))
        assert not any(each in data for each in ("stone.example", "new.example", "Quay", "Hill Road"))
