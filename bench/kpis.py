"""Key figures of a night: refresh and snapshot against a full recomputation by DuckDB, in the same run.

    python -m bench.kpis                      both databases, 1,000,000 accounts with 12 entries each
    python -m bench.kpis --accounts 20000 --only sqlite

A portfolio is loaded and its days are closed by the product, in processes of their own (as `bench.day` does). Measured:
the stage `kpis` of a usual night; the same figures from nothing (`rebuild`); and DuckDB, which computes them from
entries, spells and movements in memory. The three must agree to the cent.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from datetime import date, timedelta
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import duckdb  # noqa: E402
import polars as pl  # noqa: E402
import sqlalchemy as sa  # noqa: E402
from sqlmodel import Session  # noqa: E402

from app.book.portfolios.service import get_portfolio  # noqa: E402
from app.core.database.engine import make_engine, reading  # noqa: E402
from app.core.dates import month_start  # noqa: E402
from app.core.ids import id_of  # noqa: E402
from app.reporting.kpis.definitions.catalog import FAMILIES  # noqa: E402
from app.reporting.kpis.family import Scope  # noqa: E402
from app.reporting.kpis.measuring import measured_figures  # noqa: E402
from app.reporting.kpis.queries import latest_versions  # noqa: E402
from app.reporting.kpis.slices import KEPT  # noqa: E402
from app.reporting.kpis.wide import rebuild_standings  # noqa: E402
from bench import _book as book  # noqa: E402
from bench.day import CODE, close, databases, prepare  # noqa: E402

LIMITS = {"PostgreSQL": (1.0, 6.0), "SQLite": (1.5, 8.0)}
"""Night and rebuild, in times of DuckDB."""
Sums = dict[tuple[str, str, str], tuple[int, int]]
TABLES = {
    "account": "id, customer_id, opened_on, ended_on, status",
    "ledger_entry": "account_id, effective_on, amount_minor",
    "spell": "account_id, from_on, to_on, bucket, oldest_due_on, past_due_minor",
    "past_due_movement": 'account_id, "on", kind, amount_minor',
    "account_slice": "account_id, from_on, to_on, slice_id",
    "kpi_slice": "id, product, agent, team, strategy, arm, placement, segment",
}
READ = 500_000


def copied(url: str) -> duckdb.DuckDBPyConnection:
    """The tables in DuckDB, in memory."""
    duck = duckdb.connect()
    duck.execute("SET threads = 2")
    engine = make_engine(url)
    with (
        tempfile.TemporaryDirectory(dir=ROOT / "var", prefix="bench-") as folder,
        engine.connect() as connection,
    ):
        for table, columns in TABLES.items():
            cursor = connection.connection.cursor()
            cursor.execute(f"SELECT {columns} FROM {table}")
            names = [each.strip(' "') for each in columns.split(",")]
            days = [name for name in names if name == "on" or name.endswith("_on")]
            files = []
            while rows := cursor.fetchmany(READ):
                frame = pl.DataFrame(rows, schema=names, orient="row", infer_schema_length=None)
                frame = frame.with_columns(pl.col(name).cast(pl.String).str.to_date() for name in days)
                files.append(f"{folder}/{table}-{len(files)}.parquet")
                frame.write_parquet(files[-1])
            if not files:
                raise SystemExit(f"{table} is empty: there is nothing to measure")
            duck.execute(f"CREATE TABLE {table} AS FROM read_parquet('{folder}/{table}-*.parquet')")
    engine.dispose()
    return duck


def recomputed(duck: duckdb.DuckDBPyConnection, on: date) -> Sums:
    """The figures of accounts and their slices, from entries, spells and movements."""
    members = ", ".join(each.value for each in KEPT)
    sets = ", ".join(f"({each})" for each in ("bucket", *(each.value for each in KEPT)))
    duck.execute(f"CREATE OR REPLACE TEMP TABLE things AS {_SQL}", {
        "on": on, "then": month_start(on) - timedelta(days=1), "month": month_start(on),
        "month_1": on - timedelta(days=29),
        "month_0": on - timedelta(days=30),
    })  # fmt: skip
    query = f"""
        SELECT kpi, bucket, {members}, grouping(bucket), {", ".join(f"grouping({each.value})" for each in KEPT)},
               sum(numerator), sum(denominator)
        FROM things GROUP BY GROUPING SETS ({", ".join(f"(kpi, {each[1:]}" for each in sets.split(", "))}, (kpi))
    """
    dimensions = ["bucket", *(each.value for each in KEPT)]
    found: Sums = {}
    for kpi, *cells in duck.execute(query).fetchall():
        names, outside, sums = cells[:8], cells[8:16], cells[16:]
        at = [n for n, is_out in enumerate(outside) if not is_out]
        key = (kpi, dimensions[at[0]], names[at[0]]) if at else (kpi, "", "")
        found[key] = (int(sums[0]), int(sums[1]))
    return found


_SQL = """
    WITH stands AS (
        SELECT a.id AS account_id, a.opened_on, a.status, a.ended_on,
               coalesce(e.now, 0) AS balance, coalesce(e.then, 0) AS balance_then,
               coalesce(s.bucket, 'current') AS bucket, s.oldest_due_on, coalesce(t.bucket, 'current') AS bucket_then
        FROM account a
        LEFT JOIN (
            SELECT account_id, sum(amount_minor) AS now,
                   sum(amount_minor) FILTER (effective_on <= $then) AS then
            FROM ledger_entry WHERE effective_on <= $on GROUP BY account_id
        ) e ON e.account_id = a.id
        LEFT JOIN spell s ON s.account_id = a.id AND s.from_on <= $on AND (s.to_on IS NULL OR s.to_on > $on)
        LEFT JOIN spell t ON t.account_id = a.id AND t.from_on <= $then AND (t.to_on IS NULL OR t.to_on > $then)
    ), counted AS (
        SELECT *, greatest(balance, 0) AS owed FROM stands
        WHERE opened_on <= $on AND NOT (status = 'charged_off' AND (ended_on IS NULL OR ended_on <= $on))
    ), flow AS (
        SELECT *, CASE WHEN ended_on <= $on THEN status ELSE bucket END AS goes_to FROM stands
        WHERE opened_on <= $then AND NOT (status = 'charged_off' AND (ended_on IS NULL OR ended_on <= $then))
          AND (ended_on IS NULL OR ended_on > $then)
    ), ranked AS (
        SELECT *, list_position(['current', '1-29', '30-59', '60-89', '90-119', '120-149', '150-179', '180+',
                                 'charged_off'], bucket_then) AS rank_then,
               CASE WHEN goes_to = 'sold' THEN 9 ELSE coalesce(list_position(
                   ['current', '1-29', '30-59', '60-89', '90-119', '120-149', '150-179', '180+', 'charged_off'],
                   goes_to), 0) END AS rank_now
        FROM flow
    ), facts AS (
        SELECT 'overdue_rate_accounts_' || n AS kpi, account_id, bucket,
               CASE WHEN oldest_due_on <= $on - n THEN 1 ELSE 0 END AS numerator, 1 AS denominator
        FROM counted, (SELECT unnest([1, 30, 60, 90]) AS n)
        UNION ALL
        SELECT 'overdue_rate_balance_' || n, account_id, bucket,
               CASE WHEN oldest_due_on <= $on - n THEN owed ELSE 0 END, owed
        FROM counted, (SELECT unnest([1, 30, 60, 90]) AS n)
        UNION ALL
        SELECT 'roll_rate', account_id, bucket_then, (rank_now > rank_then)::INT, 1 FROM ranked WHERE rank_then > 1
        UNION ALL
        SELECT 'roll_rate_balance', account_id, bucket_then,
               CASE WHEN rank_now > rank_then THEN balance_then ELSE 0 END, balance_then
        FROM ranked WHERE rank_then > 1
        UNION ALL
        SELECT 'cure_rate', account_id, bucket_then, (goes_to IN ('current', 'paid'))::INT, 1
        FROM ranked WHERE rank_then > 1
        UNION ALL
        SELECT 'cure_rate_balance', account_id, bucket_then,
               CASE WHEN goes_to IN ('current', 'paid') THEN balance_then ELSE 0 END, balance_then
        FROM ranked WHERE rank_then > 1
        UNION ALL
        SELECT 'roll_matrix', account_id, bucket_then, 1, 1 FROM flow
        UNION ALL
        SELECT 'roll_matrix_balance', account_id, bucket_then, balance_then, balance_then FROM flow
        UNION ALL
        SELECT w.kpi, m.account_id, coalesce(s.bucket, 'current'),
               CASE WHEN m.kind = 'paid' THEN m.amount_minor ELSE 0 END,
               CASE WHEN m.kind = 'fell_past_due' THEN m.amount_minor ELSE 0 END
        FROM (VALUES ('recovery_rate', $month), ('recovery_rate_30d', $month_1)) w(kpi, first_on)
        JOIN past_due_movement m ON m."on" BETWEEN w.first_on AND $on
        LEFT JOIN spell s ON s.account_id = m.account_id AND s.from_on < w.first_on
            AND (s.to_on IS NULL OR s.to_on >= w.first_on)
        UNION ALL
        SELECT w.kpi, s.account_id, s.bucket, 0, s.past_due_minor
        FROM (VALUES ('recovery_rate', $month), ('recovery_rate_30d', $month_1)) w(kpi, first_on)
        JOIN spell s ON s.from_on < w.first_on AND (s.to_on IS NULL OR s.to_on >= w.first_on)
        UNION ALL
        SELECT 'overdue_repayment_rate', s.account_id, st.bucket,
               (EXISTS (FROM spell e WHERE e.account_id = s.account_id AND e.to_on > $month_0 AND e.to_on <= $on
                        AND NOT EXISTS (FROM spell n WHERE n.account_id = e.account_id AND n.from_on = e.to_on)
                        AND NOT (st.status IN ('charged_off', 'sold') AND st.ended_on = e.to_on)))::INT, 1
        FROM spell s JOIN stands st ON st.account_id = s.account_id
        WHERE s.from_on = $month_0
          AND NOT EXISTS (FROM spell b
              WHERE b.account_id = s.account_id AND b.to_on = s.from_on AND b.from_on < s.from_on)
    )
    SELECT f.kpi, f.bucket, k.product, k.agent, k.team, k.strategy, k.arm, k.placement, k.segment,
           f.numerator, f.denominator
    FROM facts f
    JOIN account_slice l ON l.account_id = f.account_id AND l.from_on <= $on AND (l.to_on IS NULL OR l.to_on > $on)
    JOIN kpi_slice k ON k.id = l.slice_id
"""


def rebuilt(session: Session, on: date) -> Sums:
    """Everything from nothing: the wide rows, then all figures."""
    portfolio = get_portfolio(session, CODE)
    rebuild_standings(session, portfolio, on)
    found = measured_figures(session, FAMILIES, Scope(portfolio, on), on)
    return {key: (figure.numerator, figure.denominator) for key, figure in found.items()}


def measure(name: str, url: str, accounts: int) -> bool:
    on = book.business_day()
    prepare(url, accounts, 6, 12)
    _, stages = close(url, on)
    engine = make_engine(url)
    with reading(engine) as session:
        stored = {
            key: (numerator, denominator)
            for key, (_, numerator, denominator) in latest_versions(
                session, id_of(get_portfolio(session, CODE)), on
            ).items()
        }
    with Session(engine) as session:
        session.execute(sa.text("SELECT 1"))
        started = time.perf_counter()
        again = rebuilt(session, on)
        rebuild = time.perf_counter() - started
        session.rollback()
    duck = copied(url)
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        reference = recomputed(duck, on)
        seconds.append(time.perf_counter() - started)
    base = min(seconds)
    wrong = differences(reference, stored) + differences(reference, again)
    for line in wrong[:10]:
        print("    DIFFERS", line)
    limits = LIMITS[name]
    print(
        f"    DuckDB, full recomputation           {base:>8.2f} s  (of {', '.join(f'{s:.2f}' for s in seconds)})"
    )
    fine = not wrong
    for what, taken, limit in (
        ("night: refresh and snapshot", stages["kpis"], limits[0]),
        ("rebuild", rebuild, limits[1]),
    ):
        word = "ok" if taken <= limit * base else "TOO MUCH"
        fine = fine and word == "ok"
        print(f"    {what:<36}{taken:>9.2f} s  {taken / base:>5.2f} times, limit {limit}  {word}", flush=True)
    print(
        f"    {len(reference):,} figures and slices agree to the cent"
        if not wrong
        else f"    {len(wrong)} differ"
    )
    return fine


def differences(reference: Sums, found: Sums) -> list[str]:
    """Figures and slices that are not what DuckDB gives."""
    lines = []
    for key, pair in reference.items():
        if found.get(key, (0, 0)) != pair:
            lines.append(f"{key}: DuckDB {pair}, here {found.get(key)}")
    return lines


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--accounts", type=int, default=1_000_000)
    parser.add_argument("--only", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    (ROOT / "var").mkdir(exist_ok=True)
    fine = True
    with databases(given.only) as urls:
        for name, url in urls.items():
            print(f"  {name}, {given.accounts:,} accounts, 12 entries each", flush=True)
            fine &= measure(name, url, given.accounts)
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
