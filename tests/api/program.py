"""A program that calls the API of a desk on a test database, and a small book for it to work on."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from httpx2 import Response
from sqlmodel import Session, select

from app.book.ledger.models import Account
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.staff.rules import Role
from app.legal.bundle.models import Bundle
from app.legal.bundle.service import Seal, build_bundle
from app.legal.referrals.models import Referral
from app.legal.referrals.service import nominate
from tests import builders
from tests.legal.builders import KEY, no_page
from tests.web.desk import NOW, Desk

TODAY = date(2026, 3, 2)
"""The desk's clock in the book's time zone."""
CARD = "4111 1111 1111 1111"
ROOT = "/api/v1"


@dataclass
class Program:
    """`program.get("/cases")` as a manager; `as_(Role.AGENT)` is another program with another role."""

    desk: Desk
    role: Role = Role.MANAGER
    name: str = field(init=False)
    headers: dict[str, str] = field(init=False)
    keys: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        self.name = f"{self.role.value} program"
        self.headers = self.desk.token(self.role, self.name)
        self.client = self.desk.anonymous()

    @property
    def by(self) -> str:
        """How this program is named on the timeline."""
        return f"token:{self.name}"

    def as_(self, role: Role) -> Program:
        return Program(self.desk, role)

    def get(self, path: str, headers: dict[str, str] | None = None, **query: Any) -> Response:
        given = {name.rstrip("_"): value for name, value in query.items()}
        return self.client.get(ROOT + path, params=given, headers={**self.headers, **(headers or {})})

    def patch(self, path: str, body: Any = None) -> Response:
        return self.client.patch(ROOT + path, json=body, headers=self.headers)

    def post(self, path: str, body: Any = None, *, key: str = "") -> Response:
        headers = {**self.headers, "idempotency-key": key or f"key-{next(self.keys)}"}
        return self.client.post(ROOT + path, json=body, headers=headers)

    def pages(self, path: str, **query: Any) -> Iterator[list[dict[str, Any]]]:
        """Every page of a list."""
        cursor = None
        while True:
            page = self.get(path, **query, **({"cursor": cursor} if cursor else {})).json()
            yield page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return

    def events(self, *kinds: str) -> list[dict[str, Any]]:
        return self.desk.read(lambda session: builders.events(session, *kinds))


def fields(answer: Response) -> list[str]:
    """The fields a refusal names, after checking that it is a problem document."""
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    body = answer.json()
    assert (body["status"], body["type"]) == (answer.status_code, "about:blank")
    return [error["field"] for error in body.get("errors", [])]


def late_case(desk: Desk, **changes: Any) -> CollectionsCase:
    """An open case in yuan: 50.00 past due since 10 February, 1,000.00 owed."""
    about = {"due_on": date(2026, 2, 10), "on": date(2026, 3, 1), **changes}
    return desk.write(lambda session: builders.delinquent_case(session, **about))


def account_of(desk: Desk, case: CollectionsCase) -> Account:
    query = select(Account).where(Account.customer_id == case.customer_id)
    return desk.read(lambda session: session.scalars(query).one())


def nominated(desk: Desk, case: CollectionsCase, by: str = "user:ben") -> Referral:
    return desk.write(lambda session: nominate(session, _own(session, case), "moved away", by=by, now=NOW))


def sealed(desk: Desk, case: CollectionsCase) -> Bundle:
    """A bundle, incomplete as the case is."""
    return desk.write(
        lambda session: build_bundle(
            session,
            _own(session, case),
            Seal(KEY, no_page),
            incomplete_reason="for the test",
            by=Actor.user("lars"),
            now=desk.clock.now(),
        )
    )


def _own(session: Session, case: CollectionsCase) -> CollectionsCase:
    return session.get_one(CollectionsCase, case.id)
