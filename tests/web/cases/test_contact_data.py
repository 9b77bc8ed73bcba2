"""The page of contact data: each act of an agent, what is told beside its field, and whom to contact instead."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from app.book.customers.models import ContactPoint
from app.book.customers.rules import PointState
from app.book.ledger.models import Customer
from app.casework.holds.models import CaseHold
from app.casework.parties.models import ThirdParty
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.vocabulary import HoldKind
from tests import builders
from tests.web.desk import Browser, Desk

TODAY = date(2026, 3, 2)
PHONE = {"kind": "phone", "type": "home", "source": "customer"}
ADVISER = {"kind": "adviser", "name": "Rosa Vos", "may_be_told": "nothing"}


@pytest.fixture
def ben(sqlite_desk: Desk) -> Browser:
    return sqlite_desk.sign_in(Role.AGENT)


@pytest.fixture
def path(sqlite_desk: Desk) -> str:
    def write(session: Session) -> int:
        late = TODAY - timedelta(days=20)
        return id_of(builders.delinquent_case(session, due_on=late, on=TODAY - timedelta(days=1)))

    return f"/cases/{sqlite_desk.write(write)}"


def rows(desk: Desk) -> list[ContactPoint]:
    return desk.read(lambda session: list(session.scalars(select(ContactPoint).order_by(ContactPoint.id))))  # type: ignore[arg-type]


def test_numbers_are_added_closed_confirmed_and_chosen(sqlite_desk: Desk, ben: Browser, path: str) -> None:
    page = f"{path}/contact-data"
    assert ben.submit(f"{page}/points", **PHONE, value="０１０-5550 0126").status_code == 303
    [row] = rows(sqlite_desk)
    assert row.value == "+861055500126"
    assert "+861055500126" in ben.get(path).text, "the case page shows it with its verdict"
    assert ben.submit(f"{page}/points/{row.id}/bad", reason="a shop answers").status_code == 303
    assert rows(sqlite_desk)[0].state is PointState.BAD
    shown = ben.get(page).text
    assert "a shop answers" not in shown
    assert "this number or address is where they want no contact" in shown
    assert ben.submit(f"{page}/points/{row.id}/confirm", reason="the shop is hers").status_code == 303
    assert ben.submit(f"{page}/points/{row.id}/main", reason="she prefers it").status_code == 303
    holder = sqlite_desk.read(lambda session: session.scalars(select(Customer)).one())
    assert holder.mobile == "+861055500126"
    assert (
        ben.submit(
            f"{page}/points/phone/correct", **PHONE, value="010 5550 0127", reason="a digit"
        ).status_code
        == 303
    )
    assert ben.submit(f"{page}/points/phone/remove", reason="no longer hers").status_code == 303
    assert "no longer hers" in ben.get(page).text
    timeline = ben.get(path).text
    for title in ("Phone added", "Phone marked bad", "Phone confirmed", "Phone removed"):
        assert title in timeline


def test_what_is_wrong_stands_beside_its_field(sqlite_desk: Desk, ben: Browser, path: str) -> None:
    page = f"{path}/contact-data"
    answer = ben.submit(f"{page}/points", **PHONE, value="twelve", note="neighbour")
    assert answer.status_code == 422
    assert 'id="add-phone-value-error">The number is not a phone number.' in answer.text
    assert 'value="twelve"' in answer.text
    assert 'value="neighbour"' in answer.text
    unsaid = ben.submit(f"{page}/points/phone/bad", reason=" ")
    assert (unsaid.status_code, 'id="bad-phone-reason-error">Say why.' in unsaid.text) == (422, True)
    late = ben.submit(f"{page}/points", **PHONE, value="010 5550 0126", noted_on="2026-03-09")
    assert "This day has not come yet." in late.text
    town = ben.submit(
        f"{page}/points", kind="address", type="home", source="customer", address_line1="1 Quay"
    )
    assert 'id="add-address-city-error">Write the town.' in town.text
    assert rows(sqlite_desk) == []
    assert ben.submit(f"{page}/points/77/bad", reason="why").status_code == 404
    assert ben.get(f"{page}/points").headers["location"].endswith("/contact-data"), "after a reload"


def test_an_attorney_is_contacted_in_the_customers_place(sqlite_desk: Desk, ben: Browser, path: str) -> None:
    page = f"{path}/contact-data"
    firm = {"kind": "attorney", "name": "Lin Wei", "organisation": "Wei & Co", "phone": "010 5550 0199"}
    answer = ben.submit(f"{page}/third-parties", **firm, may_be_told="everything", reference="WL-9")
    assert answer.status_code == 303
    kinds = sqlite_desk.read(lambda session: [hold.kind for hold in session.scalars(select(CaseHold))])
    assert kinds == [HoldKind.ATTORNEY]
    for shown in (ben.get(page).text, ben.get(path).text):
        assert "attorney Lin Wei, Wei &amp; Co, +861055500199, their reference WL-9" in shown
    assert "Attorney on file" in ben.get(path).text


def test_a_relative_without_authority_is_told_nothing(sqlite_desk: Desk, ben: Browser, path: str) -> None:
    page = f"{path}/contact-data"
    ben.submit(f"{page}/third-parties", **ADVISER)
    assert "Say nothing of the debt to this person." in ben.get(page).text
    party = sqlite_desk.read(lambda session: session.scalars(select(ThirdParty)).one())
    contact = f"{page}/third-parties/{party.id}/contacts"
    assert ben.submit(contact, channel="call", way="out", note="asked for her new number").status_code == 303
    timeline = ben.get(path).text
    assert "Third-party contact: call to Rosa Vos" in timeline
    assert "may not be told of the debt" in timeline
    assert ben.submit(contact, channel="call", way="", note="x").status_code == 422
    assert ben.submit(f"{page}/third-parties/{party.id}/end", reason="moved away").status_code == 303
    assert "moved away" in ben.get(page).text


def test_an_authority_needs_its_day(sqlite_desk: Desk, ben: Browser, path: str) -> None:
    wanted = {**ADVISER, "may_be_told": "everything"}
    answer = ben.submit(f"{path}/contact-data/third-parties", **wanted)
    assert (answer.status_code, "Give the day from which the customer allows it." in answer.text) == (
        422,
        True,
    )
    assert 'value="Rosa Vos"' in answer.text
    assert sqlite_desk.read(lambda session: session.scalars(select(ThirdParty)).all()) == []


def test_a_language_that_the_customer_asked_for_stays(sqlite_desk: Desk, ben: Browser, path: str) -> None:
    holder = sqlite_desk.read(lambda session: session.scalars(select(Customer)).one())
    form = {
        "full_name": "Anna Li",
        "language": "zh-hant",
        "timezone": holder.timezone,
        "reason": "on the phone",
    }
    assert ben.submit(f"{path}/contact-data/person", **form, language_chosen="on").status_code == 303
    changed = sqlite_desk.read(lambda session: session.scalars(select(Customer)).one())
    assert (changed.full_name, changed.language, changed.language_chosen) == ("Anna Li", "zh-hant", True)
    wrong = ben.submit(f"{path}/contact-data/person", **{**form, "timezone": "Mars"})
    assert 'id="person-zone-error">' in wrong.text


def test_the_legal_team_reads_and_changes_nothing(sqlite_desk: Desk, path: str) -> None:
    lars = sqlite_desk.sign_in(Role.LEGAL)
    shown = lars.get(f"{path}/contact-data")
    assert (shown.status_code, "Mark bad" in shown.text) == (200, False)
    assert lars.submit(f"{path}/contact-data/points", **PHONE, value="010 5550 0126").status_code == 403
