"""The worklist: the right case first, every filter, every page, and nothing slower because there is more of it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import Session

from app.actions.holds import place_hold
from app.book.ledger.models import Account, Customer
from app.casework.cases.models import CollectionsCase
from app.core.actor import Actor
from app.core.staff.rules import Role
from app.core.vocabulary import HoldKind
from app.http.cursors import encode_cursor
from app.outreach.strategy.models import StrategyTask
from app.web.worklist import worklist
from tests import builders
from tests.agreements import promise_to_pay
from tests.builders import catalog, delinquent_case, portfolio
from tests.web.desk import NOW, Browser, Desk

TODAY = date(2026, 3, 2)
CLOSED = TODAY - timedelta(days=1)


def make_case(desk: Desk, name: str, *, days: int = 20, owner: str = "ben", **changes: Any) -> int:
    """An open case of a customer of this name, `days` past due at the desk's present day (no day is closed)."""

    def write(session: Session) -> int:
        made = delinquent_case(
            session, due_on=TODAY - timedelta(days=days), on=TODAY, **{"owner": owner, **changes}
        )
        session.get_one(Customer, made.customer_id).full_name = name
        assert made.id is not None
        return made.id

    return desk.write(write)


def on_case(desk: Desk, case_id: int, verb: Any) -> None:
    desk.write(lambda session: verb(session, session.get_one(CollectionsCase, case_id)))


def names_on(page: str) -> list[str]:
    return re.findall(r'<th scope="row"><a href="/cases/\d+"[^>]*><bdi>([^<]*)</bdi></a>', page)


def get(browser: Browser, query: str = "") -> str:
    answer = browser.get(f"/worklist{query}")
    assert answer.status_code == 200, answer.text[:300]
    return answer.text


@contextmanager
def statements(desk: Desk) -> Iterator[list[str]]:
    said: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        said.append(statement)

    sa.event.listen(desk.engine, "before_cursor_execute", note)
    yield said
    sa.event.remove(desk.engine, "before_cursor_execute", note)


# --- order --------------------------------------------------------------------------------------------------


def test_all_open_cases_by_urgency_due_callbacks_first(desk: Desk) -> None:
    make_case(desk, "Low", priority=10)
    make_case(desk, "High", priority=80)
    make_case(desk, "Later today", priority=20, callback_at=NOW + timedelta(hours=1))
    make_case(desk, "Just due", priority=1, callback_at=NOW - timedelta(minutes=5))
    make_case(desk, "Long due", priority=0, callback_at=NOW - timedelta(hours=5))
    page = get(desk.sign_in(Role.AGENT), "?state=all")
    assert names_on(page) == ["Long due", "Just due", "High", "Later today", "Low"]
    assert "5 min late" in page


@pytest.mark.parametrize("sort", ["urgency", "reference", "name", "past_due", "days", "owner"])
def test_pages_show_every_case_once_in_each_order(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, sort: str
) -> None:
    monkeypatch.setattr(worklist, "PAGE", 3)
    for n in range(10):
        due = {"callback_at": NOW - timedelta(hours=n % 2 + 1)} if n % 4 == 0 else {}
        owner = ("ben", "mei", "")[n % 3]
        figures = {"days": 10 + n % 3, "priority": n % 2, "minimum": 1000 + n % 2}
        make_case(desk, f"Name {n % 3}-{n}", owner=owner, **figures, **due)
    ben = desk.sign_in(Role.AGENT)
    orders = []
    for sign in ("", "-"):
        seen, query = [], f"?owner=all&state=all&sort={sign}{sort}"
        while query:
            page = get(ben, query)
            seen += names_on(page)
            following = re.search(r'href="/worklist(\?[^"]*cursor=[^"]*)" rel="next"', page)
            query = following[1].replace("&amp;", "&") if following else ""
        assert len(seen) == 10
        assert len(set(seen)) == 10
        orders.append(seen)
    assert orders[0] != orders[1]


def test_most_days_past_due_first(sqlite_desk: Desk) -> None:
    for days in (5, 95, 40):
        make_case(sqlite_desk, f"{days} days", days=days)
    assert names_on(get(sqlite_desk.sign_in(Role.AGENT), "?state=all&sort=-days")) == [
        "95 days",
        "40 days",
        "5 days",
    ]


@pytest.mark.parametrize(
    "position",
    [["x", 1, 1], [None, 1, 1], [1, 1, 1], ["2026-01-01T00:00:00+00:00", 2**70, 1], [1] * 5, ["x"] * 5],
)
def test_a_page_link_written_by_hand_is_refused_in_words(sqlite_desk: Desk, position: list[Any]) -> None:
    answer = sqlite_desk.sign_in(Role.AGENT).get(f"/worklist?cursor={encode_cursor(*position)}")
    assert answer.status_code == 422
    assert "start again from the first page" in answer.text


# --- filters and counts -------------------------------------------------------------------------------------


def test_agents_see_their_own_cases_unless_they_ask_for_others(desk: Desk) -> None:
    make_case(desk, "Mine")
    make_case(desk, "Of mei", owner="mei")
    make_case(desk, "Of nobody", owner="")
    ben, mei = desk.sign_in(Role.AGENT), desk.sign_in(Role.MANAGER)
    assert names_on(get(ben, "?state=all")) == ["Mine"]
    assert names_on(get(ben, "?state=all&owner=nobody")) == ["Of nobody"]
    assert set(names_on(get(ben, "?state=all&owner=all"))) == {"Mine", "Of mei", "Of nobody"}
    assert len(names_on(get(mei, "?state=all"))) == 3
    assert "Mei Lin Chen" in get(ben, "?state=all&owner=all")
    assert "Owner" not in get(ben, "?state=all").partition("<table")[2], "one's own list needs no owner"


def test_filters_and_counts_agree(desk: Desk) -> None:
    make_case(desk, "Plain", days=5)
    held = make_case(desk, "Held", days=35)
    promised = make_case(desk, "Promised", days=65)
    make_case(desk, "Broken", days=200, broken_promises=2)
    called = make_case(desk, "Called", days=29)
    asked = make_case(desk, "Asked", days=90)
    make_case(desk, "Tonight", days=30, callback_at=NOW + timedelta(hours=2))
    make_case(desk, "Next week", days=89, callback_at=NOW + timedelta(days=6))

    on_case(
        desk,
        held,
        lambda s, c: place_hold(
            s,
            c,
            HoldKind.HARDSHIP,
            "lost his job",
            date(2026, 4, 1),
            catalog(),
            by=Actor.user("ben"),
            now=NOW,
        ),
    )
    on_case(
        desk,
        promised,
        lambda s, c: promise_to_pay(
            s, c, 2_000, date(2026, 3, 4), by=Actor.user("ben"), today=TODAY, now=NOW
        ),
    )
    desk.write(lambda s: builders.call_task(s, s.get_one(CollectionsCase, called), due_on=TODAY))
    for n, text in enumerate(("Ask for the payslip", "Look at it again")):
        desk.write(
            lambda s, n=n, text=text: s.add(
                StrategyTask(
                    case_id=asked,
                    step=f"t{n}",
                    text=text,
                    due_on=TODAY + timedelta(days=n),
                    created_at=NOW,
                )
            )
        )
    ben = desk.sign_in(Role.AGENT)
    expected = {
        "state=task": {"Asked"},
        "state=hold": {"Held"},
        "state=plan": {"Promised"},
        "state=broken": {"Broken"},
        "state=call": {"Called"},
        "state=callback": {"Tonight"},
        "state=week": {"Promised"},
        "state=today": set(),
        "state=later": {"Next week"},
        "state=rest": {"Plain", "Broken"},
        "": {"Asked", "Called", "Tonight"},
        "bucket=1-29": {"Called"},
        "state=all&bucket=1-29": {"Plain", "Called"},
        "state=all&bucket=30-59": {"Held", "Tonight"},
        "state=all&bucket=60-89": {"Promised", "Next week"},
        "state=all&bucket=180%2B": {"Broken"},
        "state=all&bucket=nonsense": set(),
    }
    for query, names in expected.items():
        assert set(names_on(get(ben, f"?{query}"))) == names, query
    page = get(ben)
    counts = {label: int(n) for n, label in re.findall(r"<strong>(\d+)</strong> ([^<]+)</a>", page)}
    assert counts == {"call": 1, "other task": 1}
    assert "1 callback later today" in page
    resting = text_of(page.partition('class="queue-resting"')[2])
    assert "Nothing to do today (5)" in resting
    for words in (
        "on hold 1 from Apr 1, 2026",
        "promise or plan active 1 from Mar 4, 2026",
        "call later 1",
        "no action planned 2",
    ):
        assert words in resting, words
    everything = text_of(get(ben, "?state=all"))
    for words in (
        "On hold until Apr 1 hardship hold",
        "Promise due Mar 4",
        "Ask for the payslip",
        "Callback 7:00",
        "Next automatic step: tonight",
    ):
        assert words in everything, words


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_search_finds_by_case_name_and_account(desk: Desk) -> None:
    wanted = make_case(desk, "Zhāng_100% Wěi")
    make_case(desk, "Somebody Else")
    reference = desk.read(
        lambda s: s.scalars(
            sa.select(Account.reference)
            .join(CollectionsCase, CollectionsCase.customer_id == Account.customer_id)
            .where(CollectionsCase.id == wanted)
        ).one()
    )
    ben = desk.sign_in(Role.AGENT)
    whose = desk.read(
        lambda s: s.scalars(
            sa.select(Customer)
            .join(CollectionsCase, CollectionsCase.customer_id == Customer.id)
            .where(CollectionsCase.id == wanted)
        ).one()
    )
    mobile = whose.mobile.lstrip("+")
    by_person = (whose.reference.lower(), mobile[-9:], f"0{mobile[-9:]}", f"%2B{mobile}", whose.email.upper())
    by_reference = (reference, reference.lower(), f"%20{reference}")
    for text in (f"C-{wanted:06d}", f"c-{wanted}", "wěi", "_100%25", *by_reference, *by_person):
        assert names_on(get(ben, f"?q={text}")) == ["Zhāng_100% Wěi"], text
    assert names_on(get(ben, "?q=%25%25")) == []
    assert "No open case matches" in get(ben, "?q=no%00body")


def test_a_portfolio_of_another_currency_stands_apart(sqlite_desk: Desk) -> None:
    make_case(sqlite_desk, "Anna")
    sqlite_desk.write(lambda s: portfolio(s, "TWO", currency="KWD"))
    ben = sqlite_desk.sign_in(Role.AGENT)
    assert names_on(get(ben, "?state=all&portfolio=CARDS")) == ["Anna"]
    assert names_on(get(ben, "?state=all&portfolio=TWO")) == []


def test_empty_lists_say_what_to_do_next(sqlite_desk: Desk) -> None:
    ben, mei = sqlite_desk.sign_in(Role.AGENT), sqlite_desk.sign_in(Role.MANAGER)
    assert "Show unassigned cases" in get(ben)
    assert "close the day" in get(mei)
    make_case(sqlite_desk, "Anna")
    assert "Nothing to do now" in get(ben)
    assert "Show all open cases" in get(ben, "?bucket=30-59")


# --- safe and quick -----------------------------------------------------------------------------------------


def test_hostile_names_are_text_on_the_page_and_disarmed_in_the_file(desk: Desk) -> None:
    make_case(desk, "<script>alert(1)</script>")
    make_case(desk, '=HYPERLINK("http://evil")', priority=9)
    ben = desk.sign_in(Role.AGENT)
    page = get(ben, "?state=all")
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    answer = ben.get("/worklist?format=csv&state=all")
    assert answer.headers["content-disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["customer"] for row in rows] == [
        '\'=HYPERLINK("http://evil")',
        "<script>alert(1)</script>",
    ]
    assert rows[0]["past_due"] == "50.00"
    assert rows[0]["days_past_due"] == "20"


def test_the_file_holds_what_is_selected(sqlite_desk: Desk) -> None:
    make_case(sqlite_desk, "Early", days=5)
    make_case(sqlite_desk, "Late", days=100)
    answer = sqlite_desk.sign_in(Role.AGENT).get("/worklist?format=csv&state=all&bucket=90-119")
    assert [row["customer"] for row in csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")))] == [
        "Late"
    ]


def test_more_rows_take_no_more_statements(sqlite_desk: Desk) -> None:
    ben = sqlite_desk.sign_in(Role.AGENT)
    make_case(sqlite_desk, "First")
    with statements(sqlite_desk) as few:
        get(ben, "?state=all")
    for n in range(12):
        make_case(sqlite_desk, f"More {n}")
    with statements(sqlite_desk) as many:
        get(ben, "?state=all")
    assert len(many) == len(few)
