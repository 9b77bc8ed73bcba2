"""A task for one colleague stands in that colleague's worklist, on whosever case it is, and in nobody else's."""

from __future__ import annotations

from datetime import date, timedelta

from sqlalchemy.engine import Engine

from app.actions.assignment import assign_case
from app.core.actor import SYSTEM, Actor
from app.core.database.engine import transaction
from app.core.staff import service as staff
from app.core.staff.rules import Role
from app.worklist.books import books_at
from app.worklist.queries import queue_page, section_counts
from app.worklist.rows import rows_of
from app.worklist.rules import Section
from tests import builders

ON = date(2026, 3, 20)
NOW = builders.at(ON)


def test_the_owner_of_a_taken_case_finds_it_among_their_tasks(engine: Engine) -> None:
    with transaction(engine) as session:
        for username, name in (("ben", "Ben"), ("mei", "Mei")):
            staff.add_user(session, username, name, Role.AGENT, "correct horse battery", by=SYSTEM, now=NOW)
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=30), on=ON, owner="ben")
        case.now_past_due_minor = 5_000
        assign_case(session, case, "mei", by=Actor.user("mei"), role=Role.AGENT, now=NOW)
        session.flush()
        books = books_at(session, NOW)
        told = {}
        for owner in ("ben", "mei", None):
            items, _ = queue_page(session, books, owner, (Section.TASK,), limit=10, now=NOW)
            told[owner] = [row.words for row in rows_of(session, books, items, NOW, owner=owner)]
        assert told == {
            "ben": ["Mei took this case from you"],
            "mei": [],
            None: ["For Ben: Mei took this case from you"],
        }
        counts = {owner: section_counts(session, books, owner, NOW) for owner in ("ben", "mei")}
        assert [counts["ben"][Section.TASK].cases, Section.NOTHING_PLANNED in counts["ben"]] == [1, False]
        assert sum(each.cases for each in counts["mei"].values()) == 1
