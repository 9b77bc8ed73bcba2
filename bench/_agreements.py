"""A portfolio of live agreements, and the nights that assess them; part `assess` of `negotiation`.

Every agreement has twelve instalments, thirty days apart, and half a year behind it. On a usual night a thirtieth falls
due, a tenth of the accounts changed, one in five of those due is late and one in 150 breaks. On the night after, every
account changed, as where interest is posted daily: all agreements are looked at. Then the reminders of the next day are
found and written: of what is due in three days, on the day, and in grace. On the last night a tenth of all agreements
got its last payment, and is kept. At the end all agreements are taken to be broken a month before, and one customer in
a hundred has a payment posted on the day: the night looks for those that were made in time.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine
from sqlmodel import Session, select

from app.book.delinquency.models import AccountState
from app.book.ledger.models import Account, Entry, LedgerChange
from app.book.ledger.rules import EntryKind
from app.book.portfolios.models import Portfolio
from app.casework.plans.models import Plan, PlanInstalment
from app.casework.plans.restoration.queries import paid_late
from app.casework.plans.rules import PlanKind, PlanStatus
from app.casework.plans.tracking.assessment import assess_due
from app.core.database.engine import make_engine, reading, table_of, transaction
from app.core.ids import id_of
from app.core.kit.parallel import collect_garbage_seldom
from app.core.migration import schema
from app.operations.day.letters import remind_of_agreements
from app.operations.day.work import Day
from app.outreach.planning.instalments.reminders import reminders_of_night
from tests import builders, postgres

START = date(2026, 1, 5)
OFFSET = 195
ON = START + timedelta(days=OFFSET)
GRACE = 3
AMOUNT = 10_000
SECONDS = 10.0
FOLDER = Path(__file__).resolve().parent.parent / "var" / "bench" / "negotiation"

LATEST = f"({OFFSET} - ({OFFSET} - i.n % 30) % 30)"
"""Days from START to the last due date of agreement n that is not after ON."""
AGE = f"(({OFFSET} - i.n % 30) % 30)"
MISSING = f"({AGE} <= 4 AND (i.n / 30) % 5 = 0)"
"""The last instalment was not paid: it is due, in grace, or its grace ended."""


def measure_assessment(count: int, databases: list[str]) -> bool:
    passed = []
    for name in databases:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        with _database(name) as url:
            engine = make_engine(url)
            _fill(engine, count)
            collect_garbage_seldom()  # as `desk day` does
            passed.append(_night(engine, name, count, ON, "a usual night"))
            with engine.begin() as connection:
                connection.execute(
                    sa.update(table_of(AccountState)).values(folded_through=ON + timedelta(days=1))
                )
            passed.append(_night(engine, name, count, ON + timedelta(days=1), "every account changed"))
            passed.append(_reminders(engine, name, count, ON + timedelta(days=1)))
            _pay_the_last(engine, ON + timedelta(days=2))
            passed.append(_night(engine, name, count, ON + timedelta(days=2), "a tenth of them is kept"))
            passed.append(_paid_late(engine, name, ON + timedelta(days=3)))
            engine.dispose()
    return all(passed)


def _night(engine: Engine, name: str, count: int, on: date, what: str) -> bool:
    scan = min(_bare_scan(engine, on) for _ in range(2))
    started, busy = time.perf_counter(), time.process_time()
    with transaction(engine) as session:
        portfolio = session.scalars(select(Portfolio)).one()
        counts = assess_due(session, portfolio, on, now=builders.night_after(on))
    seconds, busy = time.perf_counter() - started, time.process_time() - busy
    said = ", ".join(f"{number:,} {word.replace('_', ' ')}" for word, number in counts.items())
    print(
        f"{'PASS' if seconds <= SECONDS else 'FAIL'} assess on {name}, {what}: {count:,} live agreements in "
        f"{seconds:.1f} s, at most {SECONDS:.0f}, {busy:.1f} s of it the processor's ({said}); "
        f"{seconds / scan:.1f} times the bare scan of the same rows "
        f"({scan:.2f} s)",
        flush=True,
    )
    return seconds <= SECONDS


def _reminders(engine: Engine, name: str, count: int, on: date) -> bool:
    """The reminders of a night as its stage finds and writes them, and the finding again once all are written."""
    day = night_of(engine, on)
    found, first = _timed(lambda: _found(day))
    written, second = _timed(lambda: remind_of_agreements(day))
    again, third = _timed(lambda: _found(day))
    passed = max(first, third) <= SECONDS
    print(
        f"{'PASS' if passed else 'FAIL'} reminders on {name}: {found:,} found among {count:,} live agreements in "
        f"{first:.1f} s and, once written, {again:,} in {third:.1f} s, each at most {SECONDS:.0f}; {written:,} found "
        f"and written in {second:.1f} s, {written / second:,.0f} a second",
        flush=True,
    )
    return passed


def _paid_late(engine: Engine, name: str, on: date) -> bool:
    """The payments that were posted late, among those of all customers with a broken agreement."""
    plan, entry = table_of(Plan), table_of(Entry)
    broken = {"status": PlanStatus.BROKEN, "ended_on": on - timedelta(days=30), "broken_instalment": 1}
    with engine.begin() as connection:
        count = connection.execute(sa.update(plan).values(**broken)).rowcount
        columns = [column.name for column in entry.columns]
        given = {
            "id": entry.c.id + 100_000_000,
            "reference": entry.c.reference + "-LATE",
            "effective_on": sa.literal(on - timedelta(days=60), sa.Date),
            "posted_on": sa.literal(on, sa.Date),
        }
        last = sa.select(sa.func.max(entry.c.id)).group_by(entry.c.account_id)
        rows = sa.select(*(given.get(each, entry.c[each]) for each in columns))
        rows = rows.where(entry.c.id.in_(last), entry.c.account_id % 100 == 0)
        connection.execute(sa.insert(entry).from_select(columns, rows))
    if name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")
    with reading(engine) as session:
        portfolio = session.scalars(select(Portfolio)).one()
        found, seconds = _timed(lambda: len(paid_late(session, id_of(portfolio), on, on)))
    passed = seconds <= SECONDS
    print(
        f"{'PASS' if passed else 'FAIL'} late payments on {name}: {found:,} found among {count:,} broken agreements in "
        f"{seconds:.1f} s, at most {SECONDS:.0f}",
        flush=True,
    )
    return passed


def night_of(engine: Engine, on: date) -> Day:
    with reading(engine) as session:
        portfolio = session.scalars(select(Portfolio)).one()
    now = builders.night_after(on)
    return Day(engine, portfolio, on, now, builders.catalog(), now)


def _found(day: Day) -> int:
    with reading(day.engine) as session:
        return len(reminders_of_night(session, day.portfolio, day.on))


def _timed(work: Callable[[], int]) -> tuple[int, float]:
    started = time.perf_counter()
    found = work()
    return found, time.perf_counter() - started


def _pay_the_last(engine: Engine, on: date) -> None:
    """Let every tenth agreement end with what it has paid, so that the night of `on` finds it kept."""
    plan, part = table_of(Plan), table_of(PlanInstalment)
    tenth = sa.select(plan.c.id).where(plan.c.status == PlanStatus.ACTIVE, plan.c.id % 10 == 0)
    ended = sa.and_(part.c.plan_id.in_(tenth), part.c.due_on >= on - timedelta(days=GRACE + 2))
    with engine.begin() as connection:
        connection.execute(sa.delete(part).where(ended))
        connection.execute(sa.update(plan).where(plan.c.id.in_(tenth)).values(assess_on=on))


def _bare_scan(engine: Engine, on: date) -> float:
    """Seconds of one statement that reads what a judgement needs: of each agreement what fell due and what came."""
    plan, part, entry, account = table_of(Plan), table_of(PlanInstalment), table_of(Entry), table_of(Account)
    due = (
        sa.select(sa.func.sum(part.c.amount_minor))
        .where(part.c.plan_id == plan.c.id, part.c.due_on <= on)
        .scalar_subquery()
    )
    came = (
        sa.select(sa.func.sum(entry.c.amount_minor))
        .join(account, account.c.id == entry.c.account_id)
        .where(
            account.c.customer_id == plan.c.customer_id,
            entry.c.kind == EntryKind.PAYMENT,
            entry.c.effective_on >= plan.c.accepted_on,
            entry.c.effective_on <= on,
        )
        .scalar_subquery()
    )
    started = time.perf_counter()
    with engine.connect() as connection:
        connection.execute(sa.select(plan.c.id, due, came).where(plan.c.status == PlanStatus.ACTIVE)).all()
    return time.perf_counter() - started


# --- the portfolio --------------------------------------------------------------------------------------------


def _fill(engine: Engine, count: int) -> None:
    """Write one agreement with the code of the desk, and copy its rows in the database."""
    schema.upgrade(engine)
    with transaction(engine) as session:
        ids = _first(session)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE bench_i (n bigint PRIMARY KEY)")
        connection.exec_driver_sql(
            "INSERT INTO bench_i WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c "  # noqa: S608
            f"WHERE n < {max(count - 1, 12)}) SELECT n FROM c"
        )
        first = f"{ids['due']}"
        day = _day_of(connection)
        own = {"reference": "t.reference || '-' || i.n", "id": "t.id + i.n"}
        _copy(connection, "customer", own, count)
        _copy(connection, "account", {**own, "customer_id": "t.customer_id + i.n"}, count)
        folded = f"CASE WHEN i.n % 10 = 0 THEN {day(str(OFFSET))} ELSE {day(str(OFFSET - 20))} END"
        state = {"account_id": "t.account_id + i.n", "folded_through": folded, "balance_minor": "500000"}
        _copy(connection, "account_state", state, count)
        _copy(
            connection, "collections_case", {"id": "t.id + i.n", "customer_id": "t.customer_id + i.n"}, count
        )
        own = {"id": "t.id + i.n", "case_id": "t.case_id + i.n", "customer_id": "t.customer_id + i.n"}
        _copy(connection, "plan", {**own, "assess_on": _assess_on(day)}, count)
        part = {"plan_id": "t.plan_id + i.n", "n": "k.n", "due_on": day("i.n % 30 + 30 * (k.n - 1)")}
        _copy(connection, "plan_instalment", part, count, f"t.plan_id = {first}")
        paid = {
            "id": "1000000 + i.n * 12 + k.n", "account_id": "t.account_id + i.n",
            "reference": "'P' || i.n || '-' || k.n",
            "effective_on": day("i.n % 30 + 30 * (k.n - 1)"), "posted_on": day("i.n % 30 + 30 * (k.n - 1)"),
        }  # fmt: skip
        limit = f"i.n % 30 + 30 * (k.n - 1) <= {LATEST} - CASE WHEN {MISSING} THEN 1 ELSE 0 END"
        _copy(connection, "ledger_entry", paid, count, f"t.kind = 'payment' AND {limit}")
    if engine.dialect.name == "postgresql":
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.exec_driver_sql("ANALYZE")


def _first(session: Session) -> Mapping[str, int]:
    """The agreement that is copied: number 0, whose payments and instalments the copies replace."""
    case = builders.delinquent_case(session, due_on=START - timedelta(days=20), on=START, balance=2_000_000)
    card = session.scalars(select(Account)).one()
    plan = Plan(
        portfolio_id=case.portfolio_id, case_id=id_of(case), customer_id=case.customer_id,
        kind=PlanKind.INSTALMENTS, status=PlanStatus.ACTIVE, total_minor=12 * AMOUNT,
        offered_at=builders.at(START), offered_by="bench", accepted_on=START, assess_on=ON, grace_days=GRACE,
    )  # fmt: skip
    session.add(plan)
    session.flush()
    session.add(PlanInstalment(plan_id=id_of(plan), n=1, due_on=ON, amount_minor=AMOUNT))
    builders.payment(session, card, AMOUNT, START)
    session.execute(sa.delete(table_of(LedgerChange)))
    session.flush()
    return {"due": id_of(plan)}


def _day_of(connection: Connection) -> object:
    if connection.dialect.name == "postgresql":
        return lambda days: f"(DATE '{START}' + ({days})::int)"
    return lambda days: f"date('{START}', '+' || ({days}) || ' days')"


def _assess_on(day: object) -> str:
    """As the night before left it."""
    assert callable(day)
    return (
        f"CASE WHEN {MISSING} AND {AGE} >= 2 THEN {day(f'{LATEST} + {GRACE}')} "
        f"WHEN {MISSING} OR {AGE} = 0 THEN {day(LATEST)} ELSE {day(f'{LATEST} + 30')} END"
    )


def _copy(
    connection: Connection, table: str, given: Mapping[str, str], count: int, where: str = "1 = 1"
) -> None:
    """Copy the one row of a table `count` - 1 times, or twelve times as often where `given` speaks of `k`."""
    columns = [column["name"] for column in sa.inspect(connection).get_columns(table)]
    values = ", ".join(given.get(name, f't."{name}"') for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    twelve = " CROSS JOIN bench_i k" if any("k.n" in each for each in given.values()) else ""
    which = f"{where} AND i.n < {count}" + (" AND k.n <= 12" if twelve else "")
    connection.exec_driver_sql(
        f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}" t CROSS JOIN bench_i i{twelve} '  # noqa: S608
        f"WHERE {which}".replace("%", "%%" if connection.dialect.name == "postgresql" else "%")
    )


@contextmanager
def _database(name: str) -> Iterator[str]:
    if name == "sqlite":
        yield f"sqlite:///{FOLDER}/desk.db"
        return
    with postgres.running(
        f"negotiation{os.getpid()}", "main", lambda _url: None, postgres.AS_IN_PRODUCTION
    ) as server:
        yield server.url(server.create(migrated=False))
