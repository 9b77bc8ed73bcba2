"""From the worklist to an accepted plan with the keyboard alone, in a real browser; and what no request can grant."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

import pytest
import uvicorn
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.casework.approvals.models import ApprovalRequest
from app.casework.negotiation.record.models import Negotiation, NegotiationOffer
from app.casework.negotiation.record.rules import OfferStatus
from app.casework.plans.models import Plan
from app.casework.plans.rules import Acceptance, PlanStatus
from app.core.ids import id_of
from app.core.settings import Settings
from app.core.staff.rules import Role
from tests import builders
from tests.web.axe import assert_fits_and_is_accessible
from tests.web.desk import NOW, PASSWORD, Desk

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

MOST_KEYS = 12
"""Keys beside the numbers, from the worklist to the accepted plan."""


def late_case(session: Session) -> int:
    """A case of ben's, to be called: 400.00 past due, 1,800.00 owed."""
    made = builders.delinquent_case(
        session, due_on=date(2026, 1, 15), on=date(2026, 3, 1), owner="ben", minimum=40_000, balance=180_000
    )
    builders.call_task(session, made, due_on=date(2026, 3, 2))
    return id_of(made)


@pytest.fixture
def served(sqlite_engine: Engine, free_port: int) -> Iterator[tuple[Desk, int]]:
    settings = Settings.model_validate(
        {"secret_key": "s" * 40, "public_url": f"http://127.0.0.1:{free_port}", "log_level": "ERROR"}
    )
    desk = Desk(sqlite_engine, settings=settings)
    desk.sign_in(Role.AGENT)
    case_id = desk.write(late_case)
    server = uvicorn.Server(uvicorn.Config(desk.app, port=free_port, log_level="error", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield desk, case_id
    server.should_exit = True
    thread.join(10)


class Keyboard:
    """A keyboard that counts its keys; numbers are what the customer says, and are not counted."""

    def __init__(self, tab: Page) -> None:
        self.tab, self.pressed = tab, list[str]()

    def press(self, key: str) -> None:
        self.pressed.append(key)
        self.tab.keyboard.press(key)

    def numbers(self, digits: str) -> None:
        self.tab.keyboard.type(digits)


def sign_in(desk: Desk, browser: Browser) -> Page:
    tab = browser.new_context(
        base_url=desk.settings.public_url, viewport={"width": 1366, "height": 768}, locale="en-US"
    ).new_page()
    tab.set_default_timeout(20_000)
    tab.goto("/login")
    tab.fill("#f-username", "ben")
    tab.fill("#f-password", PASSWORD)
    tab.press("#f-password", "Enter")
    tab.wait_for_url(lambda url: "/login" not in url)
    return tab


def test_from_the_worklist_to_an_accepted_plan_by_keyboard(
    served: tuple[Desk, int], browser: Browser
) -> None:
    desk, case_id = served
    tab = sign_in(desk, browser)
    tab.goto("/worklist")
    keys = Keyboard(tab)
    keys.press("x")
    tab.wait_for_url(f"**/cases/{case_id}*")
    keys.press("g")
    tab.wait_for_selector("#deal-pay:focus")
    keys.numbers("150")
    tab.wait_for_selector("input[data-pick='1']", state="attached")  # the offers come as the figure is typed
    keys.press("Tab")
    keys.numbers("03052026")
    keys.press("Enter")
    tab.wait_for_url("**/negotiate#deal-list")
    tab.wait_for_selector("input[data-pick='1'][value^='o']", state="attached")
    keys.press("1")
    tab.wait_for_selector("#agree-read-back:focus")
    assert "Read back: “You pay CN¥" in tab.inner_text("[data-say]")
    assert tab.evaluate(
        "document.querySelector('.deal-buttons .primary').getBoundingClientRect().bottom < innerHeight"
    )
    keys.press("Space")
    keys.press("Enter")
    tab.wait_for_url(f"**/cases/{case_id}/plans/*")
    assert "accepted" in tab.inner_text(".flash")
    assert len(keys.pressed) <= MOST_KEYS, keys.pressed
    [plan] = desk.read(lambda session: session.scalars(select(Plan)).all())
    assert (plan.status, plan.acceptance) == (PlanStatus.ACTIVE, Acceptance.PHONE)
    assert "by bank transfer" in plan.acceptance_words
    assert "Read back, and they said yes." in plan.acceptance_words
    offers = desk.read(lambda session: session.scalars(select(NegotiationOffer)).all())
    assert [offer.plan_id for offer in offers if offer.status is OfferStatus.ACCEPTED] == [plan.id]
    assert not [offer for offer in offers if offer.status is OfferStatus.SHOWN]
    assert_fits_and_is_accessible(tab)


def test_what_is_typed_but_not_sent_comes_back(served: tuple[Desk, int], browser: Browser) -> None:
    desk, case_id = served
    tab = sign_in(desk, browser)
    tab.goto(f"/cases/{case_id}/negotiate")
    assert_fits_and_is_accessible(tab)
    tab.set_viewport_size({"width": 1366, "height": 768})
    tab.fill("#deal-pay", "75")
    tab.wait_for_selector("#deal-list .why-list, #deal-list table", state="attached")
    tab.wait_for_timeout(1200)
    tab.goto(f"/cases/{case_id}")
    tab.goto(f"/cases/{case_id}/negotiate")
    tab.wait_for_selector("#deal-ask .draft")
    assert tab.input_value("#deal-pay") == "75"
    assert desk.read(lambda session: session.scalars(select(Negotiation)).all()) == []
    assert_fits_and_is_accessible(tab)


def test_a_crafted_request_grants_nothing_beyond_ones_authority(served: tuple[Desk, int]) -> None:
    desk, case_id = served
    ben = desk.sign_in(Role.AGENT)
    path = f"/cases/{case_id}/negotiate"
    # Of a household with little to pay the long plan is longer than an agent may grant.
    said = {"pay": "60", "payday": "2026-03-05", "often": "monthly"}
    assert ben.submit(path, **said).status_code == 303
    offers = desk.read(lambda session: session.scalars(select(NegotiationOffer)).all())
    beyond = [offer for offer in offers if offer.may_grant in ("manager", "two")]
    assert beyond, [(offer.kind, offer.may_grant, offer.reason) for offer in offers]
    agreed = {"acceptance": "phone", "pays_by": "card", "read_back": "on"}
    for offer in beyond:
        refused = ben.submit(f"{path}/accept", option=f"o{offer.id}", **agreed)
        assert refused.status_code == 422
        assert "beyond what you may grant alone" in refused.text
    for option in ("o999999", "0" * 12, "oo", "", "o1 or 1=1"):
        assert ben.submit(f"{path}/accept", option=option, **said, **agreed).status_code in (404, 422), option
    assert desk.read(lambda session: session.scalars(select(Plan)).all()) == []
    assert desk.read(lambda session: session.scalars(select(ApprovalRequest)).all()) == []
    offer = beyond[0]
    assert ben.submit(f"{path}/ask", option=f"o{offer.id}", reason="").status_code == 422
    sent = ben.submit(f"{path}/ask", option=f"o{offer.id}", reason="They keep what they promise")
    assert sent.headers["location"] == f"/cases/{case_id}"
    [asked] = desk.read(lambda session: session.scalars(select(ApprovalRequest)).all())
    assert asked.reason == "They keep what they promise"
    assert desk.read(lambda session: session.scalars(select(Plan)).all()) == []
    mei = desk.sign_in(Role.MANAGER)
    assert "They keep what they promise" in mei.get("/approvals").text


def test_no_telephone_acceptance_without_reading_back(served: tuple[Desk, int]) -> None:
    desk, case_id = served
    ben = desk.sign_in(Role.AGENT)
    path = f"/cases/{case_id}/negotiate"
    ben.submit(path, pay="150", payday=(NOW.date() + timedelta(days=3)).isoformat(), often="monthly")
    offers = desk.read(lambda session: session.scalars(select(NegotiationOffer)).all())
    own = next(offer for offer in offers if offer.may_grant == "agent")
    refused = ben.submit(f"{path}/accept", option=f"o{own.id}", acceptance="phone", pays_by="card")
    assert refused.status_code == 422
    assert "Read the dates and amounts back" in refused.text
    assert f'value="o{own.id}" form="deal-close" checked' in refused.text
    done = ben.submit(f"{path}/accept", option=f"o{own.id}", acceptance="writing", pays_by="card")
    assert "/plans/" in done.headers["location"]
    assert ben.submit(f"{path}/refuse", option=f"o{own.id}", refusal="Too much").status_code == 409


def test_an_offer_that_is_sent_is_accepted_with_its_plan(served: tuple[Desk, int]) -> None:
    desk, case_id = served
    ben = desk.sign_in(Role.AGENT)
    path = f"/cases/{case_id}/negotiate"
    ben.submit(path, pay="150", payday="2026-03-05", often="monthly")
    offers = desk.read(lambda session: session.scalars(select(NegotiationOffer)).all())
    kinds = {"long_plan", "short_plan"}
    own = next(offer for offer in offers if offer.may_grant == "agent" and offer.kind.value in kinds)
    sent = ben.submit(f"{path}/offer", option=f"o{own.id}")
    assert "/plans/" in sent.headers["location"]
    assert "Waits for the customer" in ben.get(sent.headers["location"]).text
    assert ben.submit(f"{path}/offer", option=f"o{own.id}").status_code == 409
    agreed = {"acceptance": "writing", "pays_by": "card"}
    assert ben.submit(f"{sent.headers['location']}/accept", **agreed).status_code == 303
    [plan] = desk.read(lambda session: session.scalars(select(Plan)).all())
    after = desk.read(lambda session: session.get_one(NegotiationOffer, own.id))
    assert (plan.status, after.status, after.plan_id) == (PlanStatus.ACTIVE, OfferStatus.ACCEPTED, plan.id)
