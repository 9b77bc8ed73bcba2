"""Ten processes clear contacts for one customer at the same moment, and no cap is ever exceeded."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable
from datetime import date, timedelta

import pytest
from sqlalchemy.engine import Engine
from sqlmodel import col, select

from app.book.portfolios.service import get_portfolio
from app.casework.cases.models import CollectionsCase
from app.core.database.engine import make_engine, retrying, transaction
from app.core.ids import id_of
from app.core.timeline.models import DecisionFacts
from app.core.timeline.service import lock_customers
from app.core.vocabulary import Channel
from app.outreach.gate.contact_cases import load_contact_cases
from app.outreach.gate.events import ContactCleared, ContactWaiting
from app.outreach.planning.service import plan_contacts
from app.policy.composition import pack_of
from app.policy.facts import ContactResult, Facts, PastContact
from tests import builders

ON = date(2026, 3, 13)
WORKERS = 10


def at_once(work: Callable[[int], object], *, processes: int) -> None:
    """Run `work(n)` in as many processes, all let go at the same moment; each must end well."""
    waiting, gate = os.pipe()
    children = []
    for n in range(processes):
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.close(gate)
                os.read(waiting, 1)  # returns when the parent closes its end
                work(n)
                status = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(status)
        children.append(pid)
    os.close(waiting)
    os.close(gate)
    assert [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children] == [0] * processes


@pytest.mark.parametrize(("channels", "days_late"), [("one channel", 3), ("two channels", 33)])
def test_ten_processes_clearing_for_one_customer_take_no_slot_twice(
    engine: Engine, database_url: str, channels: str, days_late: int
) -> None:
    """One written reminder a day is allowed. The ladder begins anew for each process, so that each has a message of
    its own to send and no key stops it."""
    builders.catalog()
    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=days_late), on=ON)

    def clear(n: int) -> None:
        own = make_engine(database_url)

        def night() -> None:
            with transaction(own) as session:
                lock_customers(session, [case.customer_id])
                mine = session.get_one(CollectionsCase, case.id)
                mine.occurrence, mine.step_day, mine.next_contact_on = n + 1, 0, ON
                session.flush()
                plan_contacts(
                    session, get_portfolio(session, builders.BOOK), [id_of(mine)], builders.catalog(),
                    on=ON, now=builders.night_after(ON),
                )  # fmt: skip

        retrying(night, attempts=10)

    at_once(clear, processes=WORKERS)
    assert len(builders.messages(engine)) == 1
    with transaction(engine) as session:
        cleared = builders.events(session, ContactCleared.KIND)
        waiting = builders.events(session, ContactWaiting.KIND)
        assert (len(cleared), len(waiting)) == (1, WORKERS * (2 if days_late == 33 else 1) - 1)
        assert {r["rule"] for w in waiting for r in w["reasons"]} >= {"house.messages_day"}
        kept = session.scalars(select(col(DecisionFacts.event_id))).all()
        assert len(kept) == len(cleared) + len(waiting), "what each was told is on record"


def test_what_is_queued_counts_until_it_is_too_old_to_leave(engine: Engine) -> None:
    def history(days_later: int) -> Facts:
        with transaction(engine) as session:
            book = get_portfolio(session, builders.BOOK)
            later = builders.night_after(ON + timedelta(days=days_later))
            [contact_case] = load_contact_cases(session, book, [id_of(case)], now=later)
            assert contact_case.pack is pack_of(book)
            return contact_case.facts

    with transaction(engine) as session:
        case = builders.delinquent_case(session, due_on=ON - timedelta(days=3), on=ON)
        message = builders.queued_message(session, case, on=ON)
    night = builders.night_after(ON)
    assert history(0).history == (PastContact(night, Channel.SMS, ContactResult.PLACED, message.address),), (
        "a message that is only reserved counts as if it had been sent"
    )
    assert len(history(2).history) == 1
    assert history(3).history == (), "it will be withheld, and must not hold back others"
