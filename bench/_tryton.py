"""Tryton's side of `bench dunning`; runs in Tryton's own environment, not in ours.

    python _tryton.py prepare FOLDER DATE            an empty company with one overdue line, preparing.sqlite
    python -O _tryton.py measure FOLDER DATE COUNT   copy it to overdue.sqlite with COUNT such lines; print the seconds

The company, its chart of accounts, the procedure and the first line are made through Tryton's own client. The
other lines are copies of that one in SQL, each with a party of its own, because Tryton makes them more slowly than it
duns them. The timed code is Tryton's, unmodified; `-O` removes its assertions, one of which compares all lines for
each line and would make it several times slower.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import sqlite3
import sys
import time
from decimal import Decimal
from pathlib import Path

LEVELS = (5, 20, 40)
"""Days overdue, of Tryton's own scenario."""
FIRST_ID = 1_000_000


class Stopwatch:
    def __init__(self) -> None:
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def read(self) -> tuple[float, float]:
        """Return seconds by the clock and of the processor since the start."""
        return time.perf_counter() - self._wall, time.process_time() - self._processor


def main() -> None:
    verb, folder, on = sys.argv[1], Path(sys.argv[2]), dt.date.fromisoformat(sys.argv[3])
    os.environ["TRYTOND_DATABASE_URI"] = "sqlite://"
    os.environ["TRYTOND_DATABASE__PATH"] = str(folder)
    if verb == "prepare":
        prepare(on)
    else:
        print(json.dumps(measure(folder, on, int(sys.argv[4]))))


def prepare(on: dt.date) -> None:
    os.environ["DB_NAME"] = "preparing"
    from proteus import Model
    from trytond.modules.account.tests.tools import create_chart, create_fiscalyear, get_accounts
    from trytond.modules.company.tests.tools import create_company
    from trytond.tests.tools import activate_modules

    activate_modules("account_dunning", create_company, create_chart)
    year = create_fiscalyear(today=on)
    year.click("create_period")
    procedure = Model.get("account.dunning.procedure")(name="Three levels")
    for number, days in enumerate(LEVELS, start=1):
        level = procedure.levels.new()
        level.sequence, level.overdue = number, dt.timedelta(days)
    procedure.save()
    customer = Model.get("party.party")(name="Robin Example", dunning_procedure=procedure)
    customer.save()
    accounts = get_accounts()
    [journal] = Model.get("account.journal").find([("code", "=", "REV")])
    move = Model.get("account.move")(period=year.periods[0], journal=journal)
    move.date = move.period.start_date
    earned, owed = move.lines.new(), move.lines.new()
    earned.account, earned.credit = accounts["revenue"], Decimal(100)
    owed.account, owed.debit = accounts["receivable"], Decimal(100)
    owed.party, owed.maturity_date = customer, on - dt.timedelta(LEVELS[0])
    move.save()


def measure(folder: Path, on: dt.date, count: int) -> dict[str, object]:
    name = f"lines{count}"
    shutil.copyfile(folder / "overdue.sqlite", folder / f"{name}.sqlite")
    multiply(folder / f"{name}.sqlite", on, count)
    from trytond.pool import Pool
    from trytond.transaction import Transaction

    Pool.start()
    pool = Pool(name)
    with Transaction().start(name, 0):
        pool.init()
    with Transaction().start(name, 1):
        context = pool.get("res.user").get_preferences(context_only=True)
    dunning = pool.get("account.dunning")

    decide = Stopwatch()
    with Transaction().start(name, 1, context=context) as transaction:
        dunning.generate_dunnings(date=on)
        transaction.commit()
    decided = decide.read()
    with Transaction().start(name, 1, context=context) as transaction:
        dunning.process(dunning.search([("state", "=", "draft")]))
        transaction.commit()
    whole = decide.read()
    with Transaction().start(name, 1, context=context, readonly=True):
        found = dunning.search([("state", "=", "waiting")], count=True)
    return {"dunnings": found, "decide": decided, "whole": whole}


def multiply(path: Path, on: dt.date, count: int) -> None:
    """Copy the overdue line to `count` lines, 5 to 89 days overdue, and update the planner's statistics."""
    database = sqlite3.connect(path)
    tables = ("party_party", "party_party_dunning_procedure", "account_move")
    party, procedure, move = (_last(database, table) for table in tables)
    earned, owed = (row[0] for row in database.execute("SELECT id FROM account_move_line ORDER BY id"))
    fresh, odd, even = f"{FIRST_ID} + n", f"{FIRST_ID} + 2 * n", f"{FIRST_ID} + 2 * n + 1"
    matured = f"date('{on}', '-' || (5 + n % 85) || ' days')"
    for table, row, changes in (
        ("party_party", party, {"id": fresh, "code": "'D' || n", "code_alnum": "NULL", "code_digit": "NULL"}),
        ("party_party_dunning_procedure", procedure, {"id": fresh, "party": fresh}),
        ("account_move", move, {"id": fresh}),
        ("account_move_line", earned, {"id": odd, "move": fresh}),
        ("account_move_line", owed, {"id": even, "move": fresh, "party": fresh, "maturity_date": matured}),
    ):
        names = [column[1] for column in database.execute(f"PRAGMA table_info({table})")]
        values = [changes.get(name, f'"{name}"') for name in names]
        quoted = ", ".join(f'"{name}"' for name in names)
        database.execute(
            "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < ?) "
            f"INSERT INTO {table} ({quoted}) SELECT {', '.join(values)} FROM {table}, numbers WHERE id = ?",
            (count - 1, row),
        )
    database.commit()
    database.execute("ANALYZE")
    database.commit()
    database.close()


def _last(database: sqlite3.Connection, table: str) -> int:
    [[number]] = database.execute(f"SELECT max(id) FROM {table}")
    return int(number)


if __name__ == "__main__":
    main()
