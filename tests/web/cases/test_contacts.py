"""Contacts and refusals: counts, rules, single answers, and the export."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest

from app.core.clock import local_instant
from app.core.staff.rules import Role
from app.core.vocabulary import Channel
from app.outreach.gate import queries
from app.outreach.gate.events import ContactCleared, ContactRefused, ContactWaiting
from app.outreach.gate.queries import Period
from app.outreach.outbox.events import ContactSent, ContactUnknown
from tests import builders
from tests.builders import ZONE, events
from tests.web import book
from tests.web.book import LOST, TAKEN, lived_in
from tests.web.desk import NOW, Browser, Desk


@pytest.fixture
def lived(desk: Desk) -> book.Book:
    return lived_in(desk.engine, LOST, TAKEN)


@pytest.fixture
def manager(desk: Desk, lived: book.Book) -> Browser:
    return desk.sign_in(Role.MANAGER)


def period(days: int = 30) -> Period:
    return Period(NOW - timedelta(days=days), NOW)


def test_only_managers_open_it_and_an_empty_desk_says_why_it_is_empty(sqlite_desk: Desk) -> None:
    for role in Role:
        answer = sqlite_desk.sign_in(role).get("/contacts")
        assert answer.status_code == (200 if role is Role.MANAGER else 403), role
        assert (role is not Role.MANAGER) or "Nothing was decided" in answer.text


def test_counts_are_those_on_record(desk: Desk, manager: Browser, lived: book.Book) -> None:
    found = desk.read(lambda session: queries.counts(session, period()))
    kinds = {
        "cleared": ContactCleared.KIND,
        "refused": ContactRefused.KIND,
        "waiting": ContactWaiting.KIND,
        "sent": ContactSent.KIND,
        "unknown": ContactUnknown.KIND,
    }
    for name, kind in kinds.items():
        on_record = desk.read(lambda session, kind=kind: len(events(session, kind)))
        assert sum(n for (decision, _), n in found.items() if decision == name) == on_record, name
    assert found["refused", Channel.SMS] >= 1
    page = manager.get("/contacts").text
    assert "Refusals by rule" in page
    assert "desk.no_address" in page
    assert "no address on file for SMS" in page
    assert "built into the desk" in page


def test_lists_filter_by_decision_channel_and_rule(manager: Browser, lived: book.Book) -> None:
    def rows(query: str) -> list[dict[str, str]]:
        return list(
            csv.DictReader(
                io.StringIO(manager.get(f"/contacts?format=csv&{query}").text.removeprefix("\ufeff"))
            )
        )

    everything = rows("")
    assert {row["decision"] for row in everything} >= {"cleared", "refused", "sent", "unknown"}
    refused = rows("decision=refused&channel=sms")
    assert {(row["customer"], row["rules"]) for row in refused} == {("Dora Egan", "desk.no_address")}
    assert rows("rule=desk.no_address") == [r for r in everything if "desk.no_address" in r["rules"]]
    assert rows("rule=desk.no_addres") == []
    assert rows("rule=%25") == []  # a wildcard of LIKE is no wildcard here
    assert "No decision matches" in manager.get("/contacts?rule=no.such.rule").text


def test_a_decision_links_to_its_case(manager: Browser, lived: book.Book) -> None:
    page = manager.get("/contacts?decision=refused").text
    assert 'href="/cases/' in page
    assert "Dora Egan" in page
    assert "Pack <code>cn@" in page
    rules = re.findall(r"<summary>([^<]+)</summary>", page)
    assert rules
    assert not any(re.search(r"_|\w\.\w", rule) for rule in rules), (
        rules
    )  # words; ids stand beside the citations


def test_pages_follow_each_other_without_a_gap(desk: Desk, lived: book.Book) -> None:
    def walk(size: int) -> list[int]:
        seen: list[int] = []
        after = None
        while True:
            some = desk.read(lambda s, after=after: queries.decisions(s, period(), after=after, limit=size))
            seen += [decision.event_id for decision in some]
            if len(some) < size:
                return seen
            after = [some[-1].at.isoformat(), some[-1].event_id]

    whole = walk(1000)
    assert len(whole) > 4
    assert walk(2) == whole
    assert len(set(whole)) == len(whole)


def test_the_period_is_bounded_and_ends_where_the_record_ends(manager: Browser, lived: book.Book) -> None:
    assert 'name="last"' in manager.get("/contacts").text
    assert 'value="2026-03-02"' in manager.get("/contacts").text
    for query in (
        "first=2020-01-01&last=2026-03-01",
        "first=2026-03-01&last=2026-02-01",
        "first=yesterday",
        "last=9999-12-31",
    ):
        assert manager.get(f"/contacts?{query}").status_code == 422, query
    assert "Nothing was decided" in manager.get("/contacts?first=2026-01-01&last=2026-01-31").text


def test_too_many_objections_are_said_to_be_too_many(desk: Desk, lived: book.Book) -> None:
    counted = desk.read(lambda session: queries.rule_counts(session, period(), limit=1))
    assert not counted.all_read
    assert desk.read(lambda session: queries.rule_counts(session, period())).all_read


def test_another_portfolio_is_left_out(desk: Desk, manager: Browser, lived: book.Book) -> None:
    desk.write(lambda session: builders.portfolio(session, "OTHER"))
    assert "Dora Egan" in manager.get("/contacts?portfolio=CARDS").text
    assert "Dora Egan" not in manager.get("/contacts?portfolio=OTHER&first=2026-02-20&last=2026-03-02").text
    assert manager.get("/contacts?portfolio=NOPE").status_code == 404


def test_what_is_withheld_at_delivery_counts_with_its_reason(desk: Desk) -> None:
    lived, manager = lived_in(desk.engine), desk.sign_in(Role.MANAGER)
    night = builders.night_after(book.LAST_ON)

    def stale_message(session: builders.Session) -> None:
        case = session.scalars(
            builders.select(builders.CollectionsCase).where(
                builders.CollectionsCase.customer_id == lived.anna
            )
        ).one()
        builders.queued_message(session, case, on=book.LAST_ON, step="again", address="+8613900000000")

    desk.write(stale_message)
    builders.deliver(desk.engine, night + timedelta(hours=10))
    start = local_instant(book.FIRST_ON, 0, 0, ZONE)
    span = Period(start, NOW + timedelta(days=1))
    rules = desk.read(lambda session: queries.rule_counts(session, span)).rules
    assert {r.rule: r.withheld for r in rules}["desk.no_longer_true"] == 2  # and Bo, who has paid since
    page = manager.get("/contacts?decision=withheld").text
    assert "address has changed" in page
