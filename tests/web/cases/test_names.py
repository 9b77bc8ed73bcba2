"""Names in every script: a name that is written from right to left does not turn the words beside it."""

from __future__ import annotations

from datetime import date
from html.parser import HTMLParser

import pytest
from sqlmodel import Session

from app.book.customers.service import change_contact
from app.book.ledger.models import Customer
from app.core.actor import Actor
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.text import isolated
from tests import builders
from tests.web.desk import NOW, Desk

ALONE = {"bdi", "title", "option", "textarea", "strong", "blockquote", "h1", "h2"}
"""Elements that isolate a name, or that hold nothing else."""
VOID = {"input", "meta", "link", "br", "hr", "img"}


class Names(HTMLParser):
    """Collects each text that holds `name` beside other words, with no element of its own around it."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name, self.path, self.mixed = name, list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.path.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self.path:
            while self.path.pop() != tag:
                pass

    def handle_data(self, data: str) -> None:
        data = data.replace(isolated(self.name), "")
        if data.strip().startswith("Say nothing"):
            return  # the call script is a letter: its words carry no mark-up
        if (
            self.name in data
            and data.strip() != self.name
            and "bdi" not in self.path
            and self.path[-1] not in ALONE
        ):
            self.mixed.append(data.strip())


@pytest.mark.parametrize("name", ["محمد الأحمد", "שרה כהן"])
def test_a_name_written_from_the_right_stands_alone(sqlite_desk: Desk, name: str) -> None:
    def add(session: Session) -> int:
        case = builders.delinquent_case(session, due_on=date(2026, 2, 1), on=date(2026, 3, 1), owner="ben")
        customer = session.get_one(Customer, case.customer_id)
        told = {"full_name": name}
        change_contact(session, customer, told, "passport", by=Actor.user("ben"), now=NOW)
        return id_of(case)

    case_id = sqlite_desk.write(add)
    ben, mei = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    ben.submit(
        f"/cases/{case_id}/settlements/request", amount="600.00", due_on="2026-03-12", reason="Lost the job"
    )
    pages = (
        "/worklist?owner=all&state=all", f"/cases/{case_id}", f"/cases/{case_id}/contacts", "/approvals", "/accounts/1",
        f"/cases/{case_id}/contact-data", f"/find?q={name.split()[0]}",
    )  # fmt: skip
    for path in pages:
        found = Names(name)
        text = mei.get(path).text
        assert name in text, path
        found.feed(text)
        assert found.mixed == [], path


def test_a_name_in_a_message_is_isolated_by_characters() -> None:
    assert isolated("Anna Berg") == "Anna Berg"
    assert isolated("محمد") == "\u2068محمد\u2069"
