"""My customers by page, file and API: what is next, promised, held and needed, as far as the reader may know it."""

from __future__ import annotations

from datetime import timedelta

from sqlmodel import Session, select

from app.book.delinquency.service import Now
from app.book.ledger.models import Customer
from app.casework.cases.models import CollectionsCase
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.rules import Audience, Basis, ToldBy
from app.core.actor import SYSTEM
from app.core.ids import id_of
from app.core.staff.rules import Role
from app.core.staff.tokens import issue_token
from app.worklist.mine.customers import MinimumDue, minimum_of
from tests import builders
from tests.api.program import Program
from tests.web.desk import NOW, Desk

TODAY = NOW.date()


def two_cases(desk: Desk) -> None:
    """Ben has two customers: one with a callback and a need, the other with a need that managers alone see."""
    desk.sign_in(Role.AGENT)

    def add(session: Session) -> None:
        first = builders.delinquent_case(session, due_on=TODAY - timedelta(days=20), on=TODAY, owner="ben")
        second = builders.delinquent_case(session, due_on=TODAY - timedelta(days=40), on=TODAY, owner="ben")
        session.get_one(Customer, first.customer_id).full_name = "Anna First"
        session.get_one(Customer, second.customer_id).full_name = "Bob Second"
        first.callback_at = NOW + timedelta(days=2)
        for case, code, audience in (
            (first, "large_print", Audience.CASEWORK), (second, "no_evening_calls", Audience.MANAGERS),
        ):  # fmt: skip
            session.add(
                SupportNeed(
                    customer_id=case.customer_id,
                    case_id=id_of(case),
                    code=code,
                    audience=audience,
                    basis=Basis.UNCONFIRMED,
                    told_by=ToldBy.CUSTOMER,
                    review_on=TODAY,
                    created_at=NOW,
                    by="user:mei",
                )  # fmt: skip
            )

    desk.write(add)


def test_the_page_and_the_file(desk: Desk) -> None:
    two_cases(desk)
    ben, mei = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER)
    page = ben.get("/my-customers").text
    assert page.index("Bob Second") < page.index("Anna First"), "most days past due first"
    assert "Large print" in page
    assert "Need withheld" in page
    assert "2 rows" in page
    by_name = ben.get("/my-customers?sort=name").text
    assert by_name.index("Anna First") < by_name.index("Bob Second")
    assert "Bob Second" not in ben.get("/my-customers?q=Anna").text
    assert "No customer matches" in ben.get("/my-customers?person=mei&q=nobody").text
    assert "Anna First" not in mei.get("/my-customers").text
    assert "Need withheld" not in mei.get("/my-customers?person=ben").text
    file = ben.get("/my-customers?format=csv").text
    assert "large_print" in file
    assert "no_evening_calls" not in file
    assert desk.sign_in(Role.LEGAL).get("/my-customers").status_code == 403


def test_the_api_tells_the_same(desk: Desk) -> None:
    two_cases(desk)
    agent = Program(desk, Role.AGENT)
    assert agent.get("/worklist/customers", owner="ben").status_code == 403, "nobody answers for it"
    token = desk.write(
        lambda session: issue_token(session, "bens", Role.AGENT, owner="ben", by=SYSTEM, now=NOW)
    )
    agent.headers = {"authorization": f"Bearer {token}"}
    assert agent.get("/worklist/customers", owner="mei").status_code == 403
    assert len(Program(desk).get("/worklist/customers", owner="ben").json()["items"]) == 2
    found = agent.get("/worklist/customers", owner="ben", sort="name").json()["items"]
    assert [(each["work"]["customer"], each["needs"], each["needs_withheld"]) for each in found] == [
        ("Anna First", ["large_print"], 0), ("Bob Second", [], 1),
    ]  # fmt: skip
    assert agent.get("/worklist/customers", owner="ben", sort="luck").status_code == 422
    first = agent.get("/worklist/customers", owner="ben", limit=1).json()
    rest = agent.get("/worklist/customers", owner="ben", limit=1, cursor=first["next_cursor"]).json()
    assert rest["next_cursor"] is None
    owners = desk.read(lambda session: {case.owner for case in session.scalars(select(CollectionsCase))})
    assert owners == {"ben"}


def test_the_minimum_that_falls_due_first() -> None:
    soon, later = TODAY + timedelta(days=3), TODAY + timedelta(days=9)
    one = Now(0, 0, None, minimums=((TODAY, soon, 500), (TODAY, later, 900)))
    other = Now(0, 0, None, minimums=((TODAY, soon, 70),))
    assert minimum_of([one, other]) == MinimumDue(570, soon)
    assert minimum_of([Now(0, 0, None)]) is None
