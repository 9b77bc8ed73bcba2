"""The negotiation page: reasons in the reader's figures, and offers again once one was agreed on or refused."""

from __future__ import annotations

import re
from collections import Counter
from datetime import date

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.casework.negotiation.record.models import NegotiationOffer
from app.casework.plans.models import Plan
from app.casework.plans.rules import PlanStatus
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


def test_an_offer_takes_the_place_of_the_agreement_that_the_page_named(desk: Desk) -> None:
    ben, mei, case_id = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER), desk.write(late_case)
    path = f"/cases/{case_id}/negotiate"
    ben.submit(path, **SAID)
    [first, *_] = desk.read(own_offers)
    assert mei.submit(f"/cases/{case_id}/promise", amount="400", due_on="2026-03-06").status_code == 303
    [promise] = desk.read(lambda session: session.scalars(select(Plan)).all())
    for end, said in [("accept", AGREED), ("offer", {}), ("ask", {"reason": "They wish it"})]:
        refused = ben.submit(f"{path}/{end}", option=f"o{first}", **said)
        assert refused.status_code == 422
        assert f"{promise.reference} began after this page was opened" in refused.text
        assert f'name="plan" value="{promise.id}"' in refused.text, "it is named now"
    assert desk.read(lambda session: len(session.scalars(select(Plan)).all())) == 1
    page = ben.get(path).text
    assert f"Renegotiate {promise.reference}" in page
    assert "CN¥0.00 of CN¥400.00 paid" in page
    done = ben.submit(f"{path}/accept", option=f"o{first}", plan=promise.id, **AGREED)
    assert done.status_code == 303, done.text
    plans = desk.read(lambda session: session.scalars(select(Plan).order_by(Plan.id)).all())  # type: ignore[arg-type]
    assert [plan.status for plan in plans] == [PlanStatus.CANCELLED, PlanStatus.ACTIVE]
    assert plans[1].supersedes_id == promise.id
    assert f"{plans[1].reference}</a> took its place" in ben.get(f"/cases/{case_id}/plans/{promise.id}").text


def test_an_offer_says_that_it_was_sent(sqlite_desk: Desk) -> None:
    ben, case_id = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.write(late_case)
    path = f"/cases/{case_id}/negotiate"
    ben.submit(path, **SAID)
    assert "Sent in writing" not in ben.get(path).text
    [first, *_] = sqlite_desk.read(own_offers)
    assert ben.submit(f"{path}/offer", option=f"o{first}").status_code == 303
    assert "Sent in writing" in ben.get(path).text


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
