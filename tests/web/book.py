"""A small book with a week of life in it, for the managers' and the legal pages.

Anna fell past due lately and is written to, Bo is a month late and paid, which was posted a day too late,
Cai is more than ninety days late and nominated for the legal team, Dora has no mobile and is refused an SMS.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine
from sqlmodel import SQLModel, select

from app.casework.cases.models import CollectionsCase
from app.core.actor import SYSTEM
from app.core.database.engine import transaction
from app.core.ids import id_of
from app.legal.referrals.service import nominate
from app.outreach.outbox.dispatch import Accepted, SendResult, Uncertain
from tests import builders
from tests.builders import RecordingSender

Rows = dict[sa.Table, list[dict[str, Any]]]
FILLED_AT_BIRTH = {"timeline_kind"}
"""Tables to which the migration gives their rows."""

FIRST_ON = date(2026, 2, 26)
LAST_ON = date(2026, 3, 1)
RESTATED_ON = date(2026, 2, 27)


@dataclass
class Book:
    """Customer ids by name."""

    portfolio_id: int
    anna: int
    bo: int
    cai: int
    dora: int
    sender: RecordingSender


_LIVED: dict[tuple[str, tuple[SendResult, ...]], tuple[Rows, Book]] = {}


def lived_in(engine: Engine, *answers: SendResult) -> Book:
    """Days closed from FIRST_ON to LAST_ON, and what was due sent: the first night's at once, the last
    nights' to a provider that gives `answers` in turn. Lived once in each process, and copied row by row for the next
    test that asks for it in an empty database."""
    is_empty = not any(rows_of(engine).values())
    kind = (engine.dialect.name, answers)
    if is_empty and kind in _LIVED:
        rows, book = _LIVED[kind]
        put(engine, rows)
        return deepcopy(book)
    book = _live(engine, *answers)
    if is_empty:
        _LIVED[kind] = rows_of(engine), deepcopy(book)
    return book


def rows_of(engine: Engine) -> Rows:
    """Everything that was written to the database since it was made, as its tables have it."""
    with engine.connect() as connection:
        return {
            table: [dict(row) for row in connection.execute(table.select()).mappings()]
            for table in SQLModel.metadata.sorted_tables
            if table.name not in FILLED_AT_BIRTH
        }


def put(engine: Engine, rows: Rows) -> None:
    """Fill an empty database with them; what is added later gets ids after theirs."""
    with engine.begin() as connection:
        is_sqlite = engine.dialect.name == "sqlite"
        # Rows may name others that come after them.
        connection.exec_driver_sql(
            "PRAGMA defer_foreign_keys = ON" if is_sqlite else "SET LOCAL session_replication_role = replica"
        )
        for table, found in rows.items():
            if not found:
                continue
            connection.execute(table.insert(), found)
            if not is_sqlite and "id" in table.c:
                connection.exec_driver_sql(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), max(id)) FROM \"{table.name}\""
                )


def _live(engine: Engine, *answers: SendResult) -> Book:
    with transaction(engine) as session:
        portfolio = builders.portfolio(session)
        anna = builders.late_customer(session, portfolio, due_on=date(2026, 2, 25), full_name="Anna Berg")
        bo = builders.late_customer(session, portfolio, due_on=date(2026, 1, 20), full_name="Bo Chen")
        cai = builders.late_customer(session, portfolio, due_on=date(2025, 11, 20), full_name="Cai Dong")
        dora = builders.late_customer(
            session, portfolio, due_on=date(2026, 2, 25), full_name="Dora Egan", mobile=""
        )
        # Somebody who pays in time, so that rates are not all 100 %.
        early = builders.account(session, builders.customer(session, portfolio, full_name="Eva Fox"))
        builders.entry(session, early, builders.EntryKind.PURCHASE, 50_000, date(2026, 1, 5))
    builders.close_day(engine, FIRST_ON)
    with transaction(engine) as session:
        # The night nominates nobody to whom no letter went: somebody looked at this one.
        case = session.scalars(
            select(CollectionsCase).where(CollectionsCase.customer_id == cai.customer_id)
        ).one()
        nominate(session, case, "98 days past due", by=SYSTEM, now=builders.night_after(FIRST_ON))
    builders.deliver(engine, builders.at(RESTATED_ON, 12))
    builders.close_day(engine, date(2026, 2, 28))
    with transaction(engine) as session:
        bo = session.merge(bo)
        builders.payment(session, bo, 2_000, RESTATED_ON, posted_on=LAST_ON)
    builders.close_day(engine, LAST_ON)
    sender = builders.deliver(engine, builders.at(date(2026, 3, 2), 12), RecordingSender(list(answers)))
    return Book(id_of(portfolio), anna.customer_id, bo.customer_id, cai.customer_id, dora.customer_id, sender)


LOST = Uncertain("the answer was lost")
TAKEN = Accepted("SM123")
