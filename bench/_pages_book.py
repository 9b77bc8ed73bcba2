"""Databases of `bench pages`: a portfolio with open cases, notes, calls, replies, messages and staff, kept under var/.

Building a million accounts takes minutes, so that a built database is used again as long as the schema in
alembic/versions stays as it is; a changed schema is added to it, or, where that fails, the database is built anew.
"""

from __future__ import annotations

import fcntl
import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from bench import _book as book
from bench._pages_copy import copy_book
from bench.day import CODE, desk
from tests import postgres

NOW = datetime(2026, 9, 16, 10, 30, tzinfo=UTC)
"""The moment at which pages are read: the morning after the last closed day, within every permitted hour."""
AGENTS = 20
FIRST = [
    "Anna",
    "Ben",
    "Carla",
    "David",
    "Emma",
    "François",
    "George",
    "Hannah",
    "Ivan",
    "José",
    "Karin",
    "Liam",
    "Marta",
    "Noël",
    "Olga",
    "Peter",
    "Renée",
    "Søren",
    "Tomás",
    "Ümit",
    "Vera",
    "William",
    "Zoë",
    "Łukasz",
    "Ingrid",
    "Pieter",
    "Siti",
    "Budi",
    "Astrid",
    "Jürgen",
]
LAST = [
    "Smith",
    "Jones",
    "Taylor",
    "Brown",
    "Williams",
    "Müller",
    "Schmidt",
    "García",
    "Martínez",
    "Núñez",
    "Østby",
    "Hansen",
    "Jansen",
    "De-Vries",
    "Bakker",
    "Novak",
    "Kowalski",
    "Łoś",
    "O'Brien",
    "MacDonald",
    "Okafor",
    "Mensah",
    "Santoso",
    "Wijaya",
    "Larsen",
    "Berg",
    "Lindqvist",
    "Åberg",
    "Dubois",
    "Lefèvre",
    "Moreau",
    "Rossi",
    "Ferrari",
    "Costa",
    "Silva",
    "Sousa",
    "Pereira",
    "Popescu",
    "Ionescu",
    "Yılmaz",
]
FAMILY = "陳林黃張李王吳劉蔡楊許鄭謝洪郭邱曾廖賴徐周葉蘇莊呂江何蕭羅高"
GIVEN = "家豪志明俊傑建宏淑芬美玲雅婷怡君子仁杰雄麗文心怡冠宇承恩佳穎宗翰詩涵柏翰欣妤品妍宥廷語彤浩宇依潔"
WORDS = [
    "asked for a new statement",
    "salary comes on the first",
    "lost her job in spring",
    "will ring back after work",
    "moved to Leeds",
    "husband pays the card",
    "wants the fee explained",
    "bank transfer is under way",
    "speaks little English",
    "prefers letters",
    "promised half next week",
    "told us of an illness",
    "thinks the amount is wrong",
]


def prepared(folder: Path, only: str, accounts: int, *, fresh: bool) -> Iterator[dict[str, str]]:
    """Databases that are filled and current, one after the other, by the name of their engine. Other measurements of
    the folder wait."""
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        filled = folder / f"sqlite-{accounts}"
        sqlite = f"sqlite:///{filled}/desk.db"
        if only != "postgresql":
            _make(filled, sqlite, accounts, fresh=fresh)
            yield {"SQLite": sqlite}
        if only != "sqlite":
            home = folder / f"postgresql-{accounts}"
            if fresh or not (home / "built").exists():
                shutil.rmtree(home, ignore_errors=True)
                _make(filled, sqlite, accounts, fresh=fresh and only == "postgresql")
            with _server(home) as url:
                _make_copy(home, sqlite, url)
                yield {"PostgreSQL": url}


def sessions(url: str) -> dict[str, str]:
    """A session cookie of an agent, a manager and a member of the legal team, by role; opened now."""
    from app.core.database.engine import make_engine, table_of, transaction
    from app.core.staff.models import StaffSession, User
    from app.core.staff.service import digest

    cookies: dict[str, str] = {}
    with transaction(make_engine(url)) as session:
        for role in ("agent", "manager", "legal"):
            token = cookies[role] = f"bench-{role}-{random.getrandbits(64):x}"
            user = session.scalars(sa.select(User).where(User.role == role).limit(1)).one()  # type: ignore[arg-type]
            session.execute(
                sa.insert(table_of(StaffSession)).values(
                    id=digest(token), user_id=user.id, csrf_token="bench", created_at=NOW, last_seen_at=NOW,
                    expires_at=NOW + timedelta(hours=10),
                )
            )  # fmt: skip
    return cookies


# --- building -----------------------------------------------------------------------------------------------------


def _make(home: Path, url: str, accounts: int, *, fresh: bool) -> None:
    built = home / "built"
    if fresh or not built.exists():
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir(parents=True)
        started = time.perf_counter()
        _build(url, accounts)
        built.write_text(json.dumps({"accounts": accounts}))
        print(f"    built in {time.perf_counter() - started:.0f} s", flush=True)
    _add_new_schema(url)


def _make_copy(home: Path, source: str, url: str) -> None:
    """Fill the PostgreSQL database with the book that SQLite has."""
    built = home / "built"
    if not built.exists():
        started = time.perf_counter()
        desk(url, "migrate")
        rows = copy_book(source, url)
        built.touch()
        print(f"    copied {rows:,} rows in {time.perf_counter() - started:.0f} s", flush=True)
    _add_new_schema(url)


def _build(url: str, accounts: int) -> None:
    on = book.business_day()
    desk(url, "migrate")
    desk(
        url, "portfolio", "add", CODE, "--currency", book.CURRENCY, "--timezone", book.TIMEZONE,
        "--policy", book.PACK, "--contact-phone", "+442079460000", "--contact-email", "cards@bank.example",
    )  # fmt: skip
    with tempfile.TemporaryDirectory(dir=book_folder(), prefix="bench-") as name:
        folder = Path(name)
        book.write_feeds(folder, accounts=accounts, statements=3, entries=6)
        _rename(folder / "accounts.csv")
        for kind in ("accounts", "statements", "transactions", "payments"):
            run = desk(url, "feed", "load", kind, str(folder / f"{kind}.csv"), "--portfolio", CODE, "--json")
            print(f"    loaded {run.printed['loaded']:>10,} {kind:<13}{run.seconds:>7.1f} s", flush=True)
    _add_staff(url)
    run = desk(url, "day", "--date", str(on), "--portfolio", CODE, "--json")
    print(f"    closed {on} in {run.seconds:.0f} s", flush=True)
    _add_work(url)


def book_folder() -> Path:
    folder = Path(__file__).resolve().parent.parent / "var"
    folder.mkdir(exist_ok=True)
    return folder


def _rename(path: Path) -> None:
    """Give the accounts names of people: three in four Latin, many of them of one family; one in four Chinese."""
    frame = pl.read_csv(path, infer_schema=False).with_row_index("row")
    row = pl.col("row").cast(pl.Int64)

    def pick(words: str | list[str], by: pl.Expr) -> pl.Expr:
        return pl.lit(pl.Series(list(words))).gather(by % len(words))

    latin = pick(FIRST, row * 7 // 3) + pl.lit(" ") + pick(LAST, row * 31 // 7)
    chinese = pick(FAMILY, row * 13 // 5) + pick(GIVEN, row * 17 // 3) + pick(GIVEN, row * 29 // 11)
    named = pl.when(row % 4 == 3).then(chinese).otherwise(latin)
    frame.with_columns(full_name=named).drop("row").write_csv(path)


def _add_staff(url: str) -> None:
    from app.core.actor import SYSTEM
    from app.core.database.engine import make_engine, transaction
    from app.core.staff.rules import Role
    from app.core.staff.service import add_user

    roles = [*[Role.AGENT] * AGENTS, Role.MANAGER, Role.LEGAL, Role.ADMIN]
    with transaction(make_engine(url)) as session:
        for n, role in enumerate(roles):
            add_user(session, f"staff{n}", f"Colleague {n}", role, f"long enough {n:04}", by=SYSTEM, now=NOW)


def _add_work(url: str) -> None:
    """What people and customers did since: messages left, notes were written, calls made, replies came."""
    from app.casework.cases.events import CallLogged, NoteAdded
    from app.casework.cases.models import CollectionsCase
    from app.casework.results.rules import CallResult
    from app.core.actor import Actor
    from app.core.database.bulk import refresh_statistics
    from app.core.database.engine import make_engine, table_of, transaction
    from app.core.migration.schema import metadata
    from app.core.timeline.service import about_customer, record_many

    engine, case = make_engine(url), table_of(CollectionsCase)
    by, drawn = Actor.user("staff0"), random.Random(7)
    with transaction(engine) as session:
        query = sa.select(case.c.id, case.c.customer_id).where(case.c.status == "open").order_by(case.c.id)
        cases = [(row[0], row[1]) for row in session.execute(query)]
        chosen = cases[::2]
        events = []
        for case_id, customer_id in chosen:
            at = NOW - timedelta(hours=drawn.randint(1, 800))
            note, call = (
                NoteAdded(drawn.choice(WORDS)),
                CallLogged(CallResult.NO_ANSWER, drawn.choice(WORDS), ""),
            )
            events += [about_customer(customer_id, one, case_id=case_id, at=at) for one in (note, call)]
        record_many(session, events, by=by, now=NOW)
        _add_replies(session, cases[::10], drawn)
        session.execute(
            sa.text("UPDATE outbox_message SET status = 'sent', sent_at = created_at, finished_at = created_at "
                    "WHERE status = 'queued' AND id % 3 > 0")
        )  # fmt: skip
        session.execute(sa.text("UPDATE collections_case SET owner = 'staff' || (id % 20) WHERE id % 5 < 4"))
    tables = metadata().tables
    print(f"    {len(cases):,} open cases, {len(events):,} notes and calls", flush=True)
    refresh_statistics(engine, *[model for model in _models() if table_of(model).name in tables])


def _models() -> list[type]:
    from sqlmodel import SQLModel

    return [each.class_ for each in SQLModel._sa_registry.mappers]  # type: ignore[attr-defined]


def _add_replies(session, cases, drawn) -> None:  # type: ignore[no-untyped-def]
    from app.casework.correspondence.events import MessageReceived
    from app.casework.correspondence.models import InboundMatch, InboundMessage
    from app.core.actor import SYSTEM
    from app.core.database.bulk import new_ids
    from app.core.database.engine import table_of
    from app.core.timeline.service import about_customer, record_many
    from app.inbound.rules import InboundSource

    ids = new_ids(session, InboundMessage, len(cases))
    messages, matches, events = [], [], []
    for number, (case_id, customer_id) in zip(ids, cases, strict=True):
        at, body = NOW - timedelta(hours=drawn.randint(1, 300)), drawn.choice(WORDS)
        reviewed = at + timedelta(minutes=5) if number % 50 else None
        messages.append(
            {"id": number, "source": InboundSource.SMS, "provider_ref": f"SM{number}", "sender": f"+4474{number:08}",
             "body": body, "received_at": at, "interpreted_at": at, "reviewed_at": reviewed,
             "reviewed_by": "user:staff0" if reviewed else ""}
        )  # fmt: skip
        matches.append(
            {
                "message_id": number,
                "customer_id": customer_id,
                "case_id": case_id,
                "created_at": at,
                "by": "system",
            }
        )
        received = MessageReceived(number, InboundSource.SMS, f"+4474{number:08}", body, ())
        events.append(about_customer(customer_id, received, case_id=case_id, at=at))
    session.execute(sa.insert(table_of(InboundMessage)).values(recipient="", masked=False, media=0, intents="",
                    matched="", keyword=False, provider_said=""), messages)  # fmt: skip
    session.execute(sa.insert(table_of(InboundMatch)), matches)
    record_many(session, events, by=SYSTEM, now=NOW)


# --- keeping a built database current -----------------------------------------------------------------------------


def _add_new_schema(url: str) -> None:
    """Add tables, columns and indexes that came into the schema after this database was built."""
    from alembic.autogenerate import produce_migrations
    from alembic.migration import MigrationContext
    from alembic.operations import Operations
    from alembic.operations.ops import AddColumnOp, CreateTableOp, ModifyTableOps

    from app.core.database.engine import make_engine
    from app.core.migration import schema

    engine = make_engine(url)
    with engine.begin() as connection:
        context = MigrationContext.configure(connection, opts=schema.options())
        operations = Operations(context)
        wanted = produce_migrations(context, schema.metadata()).upgrade_ops
        for each in wanted.ops if wanted else ():
            for op in each.ops if isinstance(each, ModifyTableOps) else [each]:
                if isinstance(op, AddColumnOp):
                    op.column = _with_default(op.column)
                if isinstance(op, AddColumnOp | CreateTableOp):
                    operations.invoke(op)
                    print(
                        f"    added {type(op).__name__.removesuffix('Op')} of {getattr(op, 'table_name', '')}"
                    )
        known = sa.inspect(connection)
        for table in schema.metadata().tables.values():
            missing = {each.name for each in table.indexes} - {
                each["name"] for each in known.get_indexes(table.name)
            }
            for index in table.indexes:
                connection.execute(sa.schema.CreateIndex(index, if_not_exists=True))
            if missing:
                connection.exec_driver_sql(f'ANALYZE "{table.name}"')
        schema._add_event_kinds(connection)
    _fill(engine)
    engine.dispose()


def _fill(engine: sa.Engine) -> None:
    """Rows that a book built by an older version lacks."""
    from sqlmodel import Session, select

    from app.book.ledger.models import Customer
    from app.book.names.models import CustomerName
    from app.book.names.service import index_all
    from app.book.portfolios.days import last_closed
    from app.book.portfolios.service import get_portfolio
    from app.core.database.bulk import refresh_statistics
    from app.core.database.engine import transaction
    from app.core.timeline.models import TimelineWord
    from app.core.timeline.words import index_events
    from app.reporting.kpis.buckets import keep_buckets

    with Session(engine) as session:
        filled = session.scalar(select(CustomerName.customer_id).limit(1)) is not None
    with transaction(engine) as session:
        if not filled:
            print(f"    indexed {index_all(session):,} names, {index_events(session):,} texts", flush=True)
        portfolio = get_portfolio(session, CODE)
        keep_buckets(session, portfolio, last_closed(session, portfolio) or book.business_day(), now=NOW)
    if not filled:
        refresh_statistics(engine, CustomerName, TimelineWord, Customer)


def _with_default(column: sa.Column[object]) -> sa.Column[object]:
    """A column that old rows can be given: without its foreign key, and with a default where it takes no NULL."""
    default = column.server_default
    if not column.nullable and default is None:
        numeric = isinstance(column.type, sa.Integer | sa.BigInteger | sa.Boolean)
        default = sa.text("0" if numeric else "''")  # type: ignore[assignment]
    return sa.Column(column.name, column.type, nullable=column.nullable, server_default=default)  # type: ignore[arg-type]


# --- a PostgreSQL whose files stay --------------------------------------------------------------------------------


@contextmanager
def _server(home: Path) -> Iterator[str]:
    """Run a PostgreSQL on `home`, which keeps its data; its database is called `desk`."""
    binaries = postgres.find_binaries()
    if os.getuid() == 0 and not postgres._open_to_all(binaries):
        copied = home / "bin"
        kept = next(copied.glob("*/pginstall/bin"), None)
        binaries = kept or postgres._copy_binaries(binaries, copied)
    data, socket = home / "data", Path(tempfile.mkdtemp(prefix="desk-bench-"))
    os.chmod(socket, 0o777)
    first = not data.exists()
    if first:
        data.mkdir(mode=0o700, parents=True)
        if os.getuid() == 0:
            os.chown(data, postgres.NOBODY, postgres.NOBODY)
        initdb = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        initdb += [
            "--no-sync",
            "--no-instructions",
            "--locale=C",
            "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8",
        ]
        subprocess.run(initdb, check=True, preexec_fn=postgres._as_server, stdout=subprocess.DEVNULL)
    (data / "postmaster.pid").unlink(missing_ok=True)
    settings = {**postgres.OPTIONS, **postgres.AS_IN_PRODUCTION}
    command = [str(binaries / "postgres"), "-D", str(data), "-k", str(socket)]
    for name, value in settings.items():
        command += ["-c", f"{name}={value}"]
    with open(home / "log", "wb") as log:
        server = subprocess.Popen(command, preexec_fn=postgres._as_server, stdout=log, stderr=log, cwd="/")
    try:
        postgres._until_ready(server, data / "postmaster.pid")
        admin = f"postgresql://postgres@/postgres?host={socket}"
        if first:
            import psycopg

            with psycopg.connect(admin, autocommit=True) as connection:
                connection.execute("CREATE DATABASE desk TEMPLATE template0")
        yield admin.replace("/postgres?", "/desk?")
    finally:
        server.send_signal(signal.SIGINT)  # ends its connections, and writes a checkpoint
        server.wait()
        shutil.rmtree(socket, ignore_errors=True)
