"""Migration 0045 on rows of before: consents get a keyed hash, instalments the amount that was agreed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Customer
from app.casework.plans.models import PlanChange
from app.casework.plans.queries import instalments_of
from app.casework.plans.rules import InstalmentChange
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.core.migration import schema
from app.core.settings import get_settings
from app.core.vocabulary import Channel
from app.outreach.gate.consent import is_for_another
from app.outreach.gate.models import Consent
from tests import builders
from tests.outreach.agreements.made import agreement

ON = date(2026, 3, 16)


@pytest.fixture
def secret(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DESK_SECRET_KEY", "s" * 40)
    get_settings.cache_clear()
    yield
    monkeypatch.undo()
    get_settings.cache_clear()


def plain(address: str) -> str:
    return hashlib.sha256(address.lower().encode()).hexdigest()[:32]


GIVEN = {
    "the number on file": (Channel.SMS, plain("+886900000001")),
    "the address on file": (Channel.EMAIL, plain("anna@example.org")),
    "an earlier number": (Channel.SMS, plain("+886900000002")),
    "no number": (Channel.SMS, "none"),
    "none in particular": (Channel.SMS, ""),
}


def test_a_consent_holds_after_it_for_the_number_that_it_held_for(secret: None, engine: Engine) -> None:
    with transaction(engine) as session:
        book = builders.portfolio(session)
        who = {}
        for name, (channel, _) in GIVEN.items():
            customer = builders.customer(session, book, mobile="+886900000001", email="Anna@example.org")
            who[name] = id_of(customer)
            session.add(
                Consent(
                    customer_id=who[name], channel=channel, allowed=True, source="form", at=builders.at(ON)
                )
            )
    schema.downgrade(engine, "0042")
    with engine.begin() as connection:
        for name, (_, given_for) in GIVEN.items():
            connection.execute(
                sa.text("UPDATE consent SET given_for = :value WHERE customer_id = :id"),
                {"value": given_for, "id": who[name]},
            )
    schema.upgrade(engine)
    for _ in range(2):
        with Session(engine) as session:
            found = {each.customer_id: each for each in session.scalars(select(Consent))}
            held = {
                name: not is_for_another(
                    found[who[name]].given_for, session.get_one(Customer, who[name]), GIVEN[name][0]
                )
                for name in GIVEN
            }
            kept = {name: found[who[name]].given_for for name in GIVEN}
        assert [name for name, holds in held.items() if holds] == [
            "the number on file", "the address on file", "none in particular",
        ]  # fmt: skip
        assert not {given_for for _, given_for in GIVEN.values() if len(given_for) == 32} & {*kept.values()}
        assert (kept["an earlier number"], kept["no number"]) == ("earlier", "none")
        schema.downgrade(engine, "0042")
        schema.upgrade(engine)


def test_it_wants_the_secret_only_where_a_number_was_kept(engine: Engine) -> None:
    with transaction(engine) as session:
        customer = builders.customer(session, builders.portfolio(session))
        row = Consent(
            customer_id=id_of(customer), channel=Channel.SMS, allowed=True, source="form", at=builders.at(ON)
        )
        session.add(row)
    schema.downgrade(engine, "0042")
    schema.upgrade(engine)
    schema.downgrade(engine, "0042")
    with engine.begin() as connection:
        connection.execute(
            sa.text("UPDATE consent SET given_for = :value"), {"value": plain("+886900000001")}
        )
        connection.execute(sa.text("UPDATE customer SET mobile = '+886900000001'"))
    with pytest.raises(SystemExit, match="DESK_SECRET_KEY"):
        schema.upgrade(engine)


def test_the_last_instalment_keeps_what_was_agreed(engine: Engine) -> None:
    with transaction(engine) as session:
        builders.portfolio(session)
        case = builders.delinquent_case(session, due_on=date(2026, 3, 1), on=ON)
        parts = [(date(2026, month, 1), 2_500) for month in (4, 5, 6)]
        plan_id = id_of(agreement(session, case, parts, accepted_on=ON))
        for interest in (70, -20):
            session.add(
                PlanChange(
                    plan_id=plan_id, n=1, change=InstalmentChange.MOVED, from_on=parts[0][0],
                    to_on=parts[0][0], interest_minor=interest, by="user:ann", at=builders.at(ON),
                )
            )  # fmt: skip
    schema.downgrade(engine, "0042")
    schema.upgrade(engine)
    with Session(engine) as session:
        agreed = [part.agreed for part in instalments_of(session, [plan_id])[plan_id]]
    assert agreed == [None, None, 2_450]
