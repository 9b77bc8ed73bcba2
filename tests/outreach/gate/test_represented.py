"""Who acts for a customer is a fact of the gate where a rule asks for it, if they can be written to."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.actions.advisers.addresses import mark_wrong
from app.actions.advisers.clients import NewAuthority, add_client, end_adviser
from app.actions.people.parties import end_party
from app.book.ledger.models import Customer
from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyKind
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.explain import explain
from app.policy.answers import Clearance, Refusals
from app.policy.facts import Representation
from app.web.cases.reads import read_case
from tests import builders
from tests.outreach.advised import ADDRESS, ANN, CATALOG, EMAIL, NOW, ON, the_adviser
from tests.outreach.gate.people import facts_of

NOON = builders.at(ON, 12, zone="Europe/London")
UK = {"country": "GB", "timezone": "Europe/London", "postcode": "LS2 7EW", "address_line1": "9 Mill Road"}


def told_less(_session: Session, party: ThirdParty) -> None:
    party.may_be_told = MayBeTold.LIMITED


def expired(_session: Session, party: ThirdParty) -> None:
    party.authority_until = ON - timedelta(days=1)


def not_yet(_session: Session, party: ThirdParty) -> None:
    party.authority_from = ON + timedelta(days=1)


def ended(session: Session, party: ThirdParty) -> None:
    case = session.get_one(CollectionsCase, 1)
    end_party(session, case, id_of(party), "withdrawn", by=ANN, now=NOW)


def organisation_ended(session: Session, _party: ThirdParty) -> None:
    end_adviser(session, the_adviser(session), "closed", by=ANN, now=NOW)


def unreachable(session: Session, _party: ThirdParty) -> None:
    for address in (EMAIL, ADDRESS):
        mark_wrong(session, the_adviser(session), address, "wrong", by=ANN, now=NOW)


def at_home(session: Session, party: ThirdParty) -> None:
    mark_wrong(session, the_adviser(session), EMAIL, "wrong", by=ANN, now=NOW)
    party.address = "9, Mill Road\nLeeds LS27EW"


def executor(_session: Session, party: ThirdParty) -> None:
    party.kind = PartyKind.EXECUTOR


CHANGES: list[Callable[[Session, ThirdParty], None]] = [
    told_less, expired, not_yet, ended, organisation_ended, unreachable, at_home, executor,
]  # fmt: skip


def test_in_the_united_kingdom_reminders_stop_while_an_adviser_can_be_written_to(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.portfolio(session, pack="uk", currency="GBP", timezone="Europe/London")
        case = builders.delinquent_case(session, due_on=date(2026, 3, 1), on=ON)
        who = session.get_one(Customer, case.customer_id)
        for name, value in UK.items():
            setattr(who, name, value)
        help_ = the_adviser(session, address=ADDRESS)
        party = add_client(session, help_, case, NewAuthority(date(2026, 3, 1)), CATALOG, by=ANN, now=NOW)
        who_id, party_id, case_id = id_of(who), id_of(party), id_of(case)
    with transaction(engine) as session:
        book = get_portfolio(session, builders.BOOK)

        def answers(purpose: Purpose = Purpose.REMINDER) -> list[object]:
            person = session.get_one(Customer, who_id)
            return [explain(session, book, person, each, purpose, at=NOON) for each in Channel]

        for answer in answers():
            assert isinstance(answer, Refusals)
            assert [reason.rule for reason in answer.reasons] == ["uk.represented"]
            assert "CONC 7.12.2R(4)" in answer.reasons[0].citation
        for purpose in (Purpose.CONFIRMATION, Purpose.NOTICE):
            assert all(isinstance(answer, Clearance) for answer in answers(purpose))
        for change in CHANGES:
            with session.begin_nested() as savepoint:
                change(session, session.get_one(ThirdParty, party_id))
                session.flush()
                assert all(isinstance(answer, Clearance) for answer in answers()), change.__name__
                savepoint.rollback()
            session.expire_all()
        facts = facts_of(session, book, session.get_one(Customer, who_id), NOON)
        assert facts.represented == Representation(
            "adviser", builders.at(date(2026, 3, 1), 0, zone="Europe/London")
        )
        assert read_case(session, case_id, NOON).facts.represented == facts.represented
