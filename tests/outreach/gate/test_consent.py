"""An opt-out closes the channels it names, and all of them where the customer wants no contact."""

from __future__ import annotations

from sqlalchemy.engine import Engine
from sqlmodel import select

from app.core.actor import Actor
from app.core.database.engine import transaction
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.consent import opt_out_of_all
from app.outreach.gate.explain import explain
from app.outreach.gate.models import Consent
from app.policy.answers import Refusals
from tests.outreach.gate.people import WEDNESDAY, american


def test_a_no_to_everything_closes_every_channel(engine: Engine) -> None:
    with transaction(engine) as session:
        portfolio, anna = american(session)
        opt_out_of_all(session, anna, source="said so on the phone", by=Actor.user("kim"), now=WEDNESDAY)
        rows = session.scalars(select(Consent).where(Consent.customer_id == anna.id)).all()
        assert {row.channel: row.allowed for row in rows} == dict.fromkeys(Channel, False)
        for channel in Channel:
            assert isinstance(
                explain(session, portfolio, anna, channel, Purpose.REMINDER, at=WEDNESDAY), Refusals
            )
