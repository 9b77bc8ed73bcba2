"""The portfolio of the agent's day: cards in Taiwan, worked by Ben (agent) and Mei (manager) at 17:00 in Taipei."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property

from httpx2 import Response
from sqlalchemy.engine import Engine
from sqlmodel import Session, select

from app.book.ledger.models import Account, Customer
from app.casework.cases.models import CollectionsCase
from app.casework.correspondence.models import InboundMessage
from app.core.database.engine import transaction
from app.core.staff.rules import Role
from app.inbound.phrases.phrasebook import shipped_phrases
from app.inbound.reception import receive
from app.inbound.rules import Arrived
from tests import builders
from tests.web.book import Rows, put, rows_of
from tests.web.desk import NOW, Browser, Desk

TODAY = date(2026, 3, 2)
YESTERDAY = TODAY - timedelta(days=1)
ZONE = "Asia/Taipei"
LAI, HUANG, LU = "賴仁傑", "黃明宏", "呂勝雄"
"""35, 127 and 3 days past due with 1,151, 8,200 and 2,786 dollars."""
DEBTS = {LAI: (35, 1_151, 9_643), HUANG: (127, 8_200, 48_000), LU: (3, 2_786, 79_597)}
NUMBER = "+8869120000"


@dataclass
class Formosa:
    desk: Desk

    @cached_property
    def ben(self) -> Browser:
        return self.desk.sign_in(Role.AGENT)

    @cached_property
    def mei(self) -> Browser:
        return self.desk.sign_in(Role.MANAGER)

    def later(self, **time: float) -> None:
        """Let time pass; who comes back signs in again."""
        self.desk.clock.advance(timedelta(**time))
        for name in ("ben", "mei"):
            self.__dict__.pop(name, None)

    def case(self, name: str) -> int:
        query = select(CollectionsCase.id).join(Customer).where(Customer.full_name == name)
        return self.desk.read(lambda session: session.scalars(query).one()) or 0

    def account(self, name: str) -> int:
        query = select(Account.id).join(Customer).where(Customer.full_name == name)
        return self.desk.read(lambda session: session.scalars(query).one()) or 0

    def text(self, path: str, browser: Browser | None = None, **headers: str) -> str:
        """The words of a page, without its tags."""
        answer = (browser or self.ben).get(path, headers=headers)
        assert answer.status_code == 200, answer.text[:300]
        return words(answer)

    def case_text(self, name: str, query: str = "") -> str:
        return self.text(f"/cases/{self.case(name)}{query}")

    def send(self, name: str, path: str, browser: Browser | None = None, **fields: object) -> str:
        """Send a form of a case; return what the next page says at its top."""
        browser = browser or self.ben
        return flash(browser, browser.submit(f"/cases/{self.case(name)}/{path}", **fields))

    def refused(self, name: str, path: str, browser: Browser | None = None, **fields: object) -> str:
        """Send a form of a case that is not taken; return the words of the page."""
        answer = (browser or self.ben).submit(f"/cases/{self.case(name)}/{path}", **fields)
        assert answer.status_code in (409, 422), answer.text[-2000:]
        return words(answer)

    def verdicts(self, name: str) -> set[str]:
        """What the gate of the case page answers, on all numbers and addresses together."""
        page = self.ben.get(f"/cases/{self.case(name)}").text
        return set(re.findall(r'data-verdict="(\w+)"', page))

    def move(self, name: str, zone: str) -> None:
        """The customer lives in another time zone."""

        def write(session: Session) -> None:
            session.scalars(select(Customer).where(Customer.full_name == name)).one().timezone = zone

        self.desk.write(write)

    def pay(self, name: str, amount: int, browser: Browser | None = None) -> None:
        """Post a payment of today on the account page, after a second look."""
        browser, path = browser or self.ben, f"/accounts/{self.account(name)}/post"
        confirmed(browser, path, kind="payment", amount=str(amount), effective_on=TODAY.isoformat())

    def write_in(self, text: str, name: str = "", sid: str = "SM1") -> InboundMessage | None:
        """An SMS of this customer; without a name, of a number that is not on file."""

        def write(session: Session) -> InboundMessage | None:
            mobile = "+886999111222"
            if name:
                mobile = session.scalars(select(Customer.mobile).where(Customer.full_name == name)).one()
            arrived = Arrived(sid, mobile, "+88621555000", text)
            return receive(session, arrived, shipped_phrases(), builders.catalog(), now=NOW)

        return self.desk.write(write)


def words(answer: Response) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split()).replace(" :", ":").replace(" ,", ",")


def flash(browser: Browser, answer: Response) -> str:
    assert answer.status_code == 303, words(answer)[-2000:]
    page = browser.get(answer.headers["location"].partition("#")[0]).text
    found = re.search(r'class="notice flash"[^>]*>([^<]*)<', page)
    return found[1] if found else ""


def confirmed(browser: Browser, path: str, **fields: object) -> str:
    """Send a form of the account page, look at what it changes, and confirm."""
    looked = browser.submit(path, **fields)
    assert looked.status_code == 200, words(looked)[-2000:]
    hidden = dict(
        re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', looked.text.partition("<main")[2])
    )
    del hidden["csrf_token"]
    return flash(browser, browser.submit(path, **hidden))


_LIVED: dict[str, Rows] = {}


def formosa(engine: Engine) -> Formosa:
    """Three customers whose cases were opened last night; lived once a process, then copied row by row."""
    kind = engine.dialect.name
    if kind not in _LIVED:
        _live(engine)
        _LIVED[kind] = rows_of(engine)
    else:
        put(engine, _LIVED[kind])
    return Formosa(Desk(engine))


def _live(engine: Engine) -> None:
    with transaction(engine) as session:
        made = builders.portfolio(
            session, creditor="Formosa Card Bank", currency="TWD", timezone=ZONE, pack="tw",
            waive_limit_minor=1_000,
        )  # fmt: skip
        for n, (name, (days, minimum, balance)) in enumerate(DEBTS.items()):
            builders.late_customer(
                session, made, due_on=TODAY - timedelta(days=days), minimum=minimum, balance=balance,
                full_name=name, mobile=f"{NUMBER}{n:02d}", country="TW", timezone=ZONE,
            )  # fmt: skip
    builders.close_day(engine, YESTERDAY)


def reference_of(day: Formosa, name: str) -> str:
    return day.desk.read(lambda session: session.get_one(Account, day.account(name)).reference)
