"""The negotiation page: reasons in the reader's figures, and offers again once one was agreed on or refused."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.casework.negotiation.record.models import NegotiationOffer
from app.core.ids import id_of
from app.core.staff.rules import Role
from tests import builders
from tests.web.desk import Desk

AGREED = {"acceptance": "phone", "pays_by": "bank transfer", "read_back": "on"}
SAID = {"pay": "150", "payday": "2026-03-05", "often": "monthly"}


@pytest.fixture
def desk(engine: Engine) -> Desk:
    return Desk(engine)


def late_case(session: Session) -> int:
    """400.00 past due, 1,800.00 owed."""
    made = builders.delinquent_case(
        session, due_on=date(2026, 1, 15), on=date(2026, 3, 1), owner="ben", minimum=40_000, balance=180_000
    )
    return id_of(made)


def own_offers(session: Session) -> list[int]:
    """Offers that an agent may grant alone."""
    rows = session.scalars(select(NegotiationOffer).order_by(NegotiationOffer.rank))  # type: ignore[arg-type]
    return [id_of(row) for row in rows if row.may_grant == "agent"]


def test_reasons_have_the_readers_figures_and_keep_to_what_was_said(desk: Desk) -> None:
    ben, case_id = desk.sign_in(Role.AGENT), desk.write(late_case)
    path = f"/cases/{case_id}/negotiate/preview"
    page = ben.submit(path, pay="0", at_once="400").text
    assert "CN¥400.00 that is past due at once" in page
    assert "CNY" not in page
    proposed = ben.submit(path, **SAID, c_kind="long_plan", c_each="150", c_payments="2").text
    assert "2 × CN¥150.00 is CN¥300.00 in all. What comes closest is" in proposed
    assert "after its costs" not in ben.submit(path, pay="0").text


def test_an_agreement_leaves_offers_to_renegotiate(desk: Desk) -> None:
    ben, case_id = desk.sign_in(Role.AGENT), desk.write(late_case)
    path = f"/cases/{case_id}/negotiate"
    ben.submit(path, **SAID)
    [first, *_] = desk.read(own_offers)
    done = ben.submit(f"{path}/accept", option=f"o{first}", **AGREED)
    assert "/plans/" in done.headers["location"]
    page = ben.get(path).text
    assert "No offer is possible now" not in page
    assert 'name="option"' in page


def test_refused_offers_leave_a_next_step(desk: Desk) -> None:
    ben, case_id = desk.sign_in(Role.AGENT), desk.write(late_case)
    path = f"/cases/{case_id}/negotiate"
    ben.submit(path, **SAID)
    for offer in desk.read(lambda session: [id_of(row) for row in session.scalars(select(NegotiationOffer))]):
        ben.submit(f"{path}/refuse", option=f"o{offer}", refusal="Too much")
    page = ben.get(path).text
    assert "Change a figure to find others" in page


def test_each_key_of_the_case_does_one_thing(desk: Desk) -> None:
    ben, case_id = desk.sign_in(Role.AGENT), desk.write(late_case)
    keys = Counter(re.findall(r'data-key="(.)"', ben.get(f"/cases/{case_id}").text))
    assert [key for key, times in keys.items() if times > 1] == []
