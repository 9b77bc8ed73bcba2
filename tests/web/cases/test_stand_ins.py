"""An agent puts an executor on file, proves them, checks who calls, and writes to them, all on the page."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from sqlmodel import Session, select

from app.actions.documents import add_document
from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.documents.rules import DocumentKind
from app.casework.parties.models import ThirdParty
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.outreach.outbox.models import OutboxMessage
from tests import builders
from tests.web.desk import NOW, Browser, Desk

TODAY = date(2026, 3, 2)
HEIR = {
    "kind": "executor", "name": "Rosa Vale", "may_be_told": "everything", "email": "rosa@vale.example",
    "phone": "+8613911112222", "by_call": "on", "by_email": "on", "by_post": "on",
}  # fmt: skip


@pytest.fixture
def ben(desk: Desk) -> Browser:
    return desk.sign_in(Role.AGENT)


def make_case(desk: Desk) -> int:
    def write(session: Session) -> int:
        return id_of(
            builders.delinquent_case(
                session, due_on=TODAY - timedelta(days=20), on=TODAY - timedelta(days=1), owner="ben"
            )
        )

    return desk.write(write)


def test_an_executor_is_proven_identified_and_written_to(desk: Desk, ben: Browser) -> None:
    number = make_case(desk)
    page = f"/cases/{number}/contact-data"
    said = ben.submit(f"{page}/third-parties", **HEIR)
    assert said.status_code == 303
    shown = ben.get(page).text
    assert "Unproven." in shown
    assert "Ask who administers the estate" in shown, "the estate may be asked while nobody is proven"
    assert "Send this letter" in shown
    assert "condolences" in shown

    def paper(session: Session) -> int:
        case = session.get_one(CollectionsCase, number)
        return id_of(
            add_document(
                session, case, DocumentKind.AUTHORITY, "grant.pdf", b"%PDF-1.4 x", dated_on=TODAY, by=Actor.user("ben"),
                now=NOW,
            )
        )  # fmt: skip

    document = desk.write(paper)
    party = desk.read(lambda session: id_of(session.scalars(select(ThirdParty)).one()))
    of_them = f"{page}/third-parties/{party}"
    assert (
        ben.submit(f"{of_them}/correct", **HEIR, document_id=str(document), reason="grant").status_code == 303
    )
    shown = ben.get(page).text
    assert "Unproven." not in shown
    assert "Write to them" in shown
    assert "Identity checked" not in shown.replace(">Identity checked</button>", "")

    refused = ben.submit(f"{of_them}/identity")
    assert refused.status_code == 422
    assert "A name alone tells nobody apart." in refused.text
    assert ben.submit(f"{of_them}/identity", asked="reference").status_code == 303
    assert "Identity checked" in ben.get(page).text.replace(">Identity checked</button>", "")

    assert ben.submit(f"{of_them}/letter").status_code == 303
    row = desk.read(lambda session: session.scalars(select(OutboxMessage)).one())
    assert (row.letter, row.address, row.recipient) == ("estate_letter", "rosa@vale.example", "Rosa Vale")
    assert "The letter is queued." in ben.get(page).text
    again = ben.submit(f"{of_them}/letter")
    assert "not written twice" in again.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"phone": "12"}, "The number"),
        ({"email": "rosa"}, "The e-mail address"),
        ({"authority_until": "2026-03-01"}, "This authority has ended already."),
        ({"country": "XX"}, "is not an ISO 3166 country code"),
        ({"timezone": "Mars/Base"}, "The time zone"),
        ({"language": "english!"}, "Write the language as a code"),
        ({"quiet_from": "20:00"}, "Give both hours, or neither."),
        ({"quiet_from": "late", "quiet_until": "08:00"}, "Write a time such as 20:30."),
        ({"may_be_told": "everything", "kind": "employer"}, "An employer is told nothing of the debt."),
    ],
)
def test_what_is_wrong_stands_beside_its_field(
    desk: Desk, ben: Browser, changes: dict[str, str], words: str
) -> None:
    page = f"/cases/{make_case(desk)}/contact-data"
    refused = ben.submit(f"{page}/third-parties", **{**HEIR, **changes})
    assert refused.status_code == 422
    assert words in refused.text
    assert desk.read(lambda session: session.scalars(select(ThirdParty)).all()) == []


def test_a_former_name_is_kept_shown_and_found(desk: Desk, ben: Browser) -> None:
    number = make_case(desk)
    page = f"/cases/{number}/contact-data"
    before = desk.read(lambda session: session.scalars(select(Customer)).one().full_name)
    for name in (
        "Anneliese Marriedname",
        before,
        "Anneliese Marriedname",
    ):  # changed, changed back, and again
        changed = ben.submit(f"{page}/person", full_name=name, language="en", timezone="", reason="marriage")
        assert changed.status_code == 303
    shown = ben.get(page).text
    assert shown.count(f"<bdi>{before}</bdi>") >= 2
    for name in (before, "Anneliese"):
        assert "Anneliese Marriedname" in ben.get(f"/find?q={name}").text
