"""Synthetic portfolio of any size, as feed files for the measurements. The same size gives the same files.

Nine in ten cardholders pay in time, one in twenty late, one in thirty-three stops paying for good, the rest pay a
part. Billing days are spread over 28 days of the month: each night one cycle in 28 closes and one falls due.
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import polars as pl

LAST_CLOSING = date(2026, 8, 1)
"""The month of the last statements; a longer history begins earlier."""
CURRENCY = "GBP"
TIMEZONE = "Europe/London"
PACK = "uk"
DUE_AFTER = 25
"""Days from closing to due date."""
CHUNK = 100_000


def write_feeds(
    folder: Path, *, accounts: int, statements: int = 6, entries: int = 12, stopped: int = 3
) -> None:
    """Write accounts.csv, statements.csv, transactions.csv and payments.csv; `entries` for each account, half of them
    payments. Statements close month by month, the last one in the month before `business_day`'s. `stopped`: cardholders
    in a hundred who stop paying; the more of them, the fewer pay in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    names = ("accounts", "statements", "transactions", "payments")
    files = {name: (folder / f"{name}.csv").open("wb") for name in names}
    try:
        for first in range(0, accounts, CHUNK):
            book = _accounts(range(first, min(first + CHUNK, accounts)), stopped)
            months = pl.DataFrame({"month": range(statements)}, schema={"month": pl.Int64})
            cycles = _cycles(book, months, statements)
            for name, frame in {
                "accounts": _account_rows(book),
                "statements": _statement_rows(cycles),
                "transactions": _purchases(cycles, entries // 2),
                "payments": _payments(cycles, entries // 2),
            }.items():
                frame.write_csv(files[name], include_header=first == 0)
    finally:
        for handle in files.values():
            handle.close()


def business_day() -> date:
    """Return the day to close: the middle of the month after the last statements."""
    return date(2026, 9, 15)


def write_night(folder: Path, on: date, *, accounts: int) -> None:
    """Write the files of one night: payments of 3 % of the accounts, statements of the cycle that closes on `on`."""
    folder.mkdir(parents=True, exist_ok=True)
    book = _accounts(range(accounts))
    paying = book.filter(pl.col("n") % 33 == 7).select(
        payment_ref=pl.lit(f"NIGHT{on:%m%d}-") + pl.col("n").cast(pl.String),
        account_ref="account_ref",
        paid_on=pl.lit(on.isoformat()),
        amount=pl.lit("25.00"),
        method=pl.lit("transfer"),
    )
    paying.write_csv(folder / "payments.csv")
    closing = book.filter(pl.col("cycle") == on.day).select(
        statement_ref=pl.lit(f"NIGHT{on:%m%d}-") + pl.col("n").cast(pl.String),
        account_ref="account_ref",
        closing_on=pl.lit(on.isoformat()),
        due_on=pl.lit((on + timedelta(days=DUE_AFTER)).isoformat()),
        balance=pl.lit("600.00"),
        minimum_due=pl.lit("25.00"),
    )
    closing.write_csv(folder / "statements.csv")


def _closing(day: int, months_before: int) -> date:
    months = LAST_CLOSING.year * 12 + LAST_CLOSING.month - 1 - months_before
    return date(months // 12, months % 12 + 1, day)


def _accounts(numbers: range, stopped: int = 3) -> pl.DataFrame:
    n = pl.col("n")
    habit = (n * 7919) % 100
    return pl.DataFrame({"n": numbers}, schema={"n": pl.Int64}).with_columns(
        account_ref=pl.lit("A") + n.cast(pl.String).str.zfill(8),
        cycle=n % 28 + 1,
        minimum=25 + n % 40,
        habit=pl.when(habit < 93 - stopped)
        .then(pl.lit("in time"))
        .when(habit < 98 - stopped)
        .then(pl.lit("late"))
        .when(habit < 98)
        .then(pl.lit("stopped"))
        .otherwise(pl.lit("part")),
    )


def _cycles(book: pl.DataFrame, months: pl.DataFrame, statements: int) -> pl.DataFrame:
    calendar = pl.DataFrame(
        [
            (month, day, _closing(day, statements - 1 - month))
            for month in range(statements)
            for day in range(1, 29)
        ],
        schema={"month": pl.Int64, "cycle": pl.Int64, "closing_on": pl.Date},
        orient="row",
    )
    return (
        book.join(months, how="cross")
        .join(calendar, on=["month", "cycle"])
        .with_columns(
            due_on=pl.col("closing_on") + pl.duration(days=DUE_AFTER),
            # A cardholder who stops paying does so one to six statements before the end.
            is_missed=(pl.col("habit") == "stopped") & (pl.col("month") >= statements - 1 - pl.col("n") % 6),
        )
        .sort("n", "month")
    )


def _account_rows(book: pl.DataFrame) -> pl.DataFrame:
    n = pl.col("n")
    number = n.cast(pl.String)
    return book.select(
        account_ref="account_ref",
        customer_ref=pl.lit("C") + number.str.zfill(8),
        full_name=pl.lit("Robin Example ") + number,
        language=pl.lit("en"),
        country=pl.lit("GB"),
        timezone=pl.lit(TIMEZONE),
        address_line1=number + pl.lit(" Harbour Road"),
        city=pl.lit("Leeds"),
        postcode=pl.lit("LS1 4AP"),
        mobile=pl.lit("+447") + (400_000_000 + n).cast(pl.String),
        email=pl.lit("robin") + number + pl.lit("@example.org"),
        card_last4=(n % 10_000).cast(pl.String).str.zfill(4),
        product=pl.lit("Classic"),
        currency=pl.lit(CURRENCY),
        credit_limit=pl.lit("3000.00"),
        apr=pl.lit("0.2290"),
        opened_on=pl.lit("2020-05-04"),
    )


def _statement_rows(cycles: pl.DataFrame) -> pl.DataFrame:
    return cycles.select(
        statement_ref=pl.lit("S")
        + pl.col("n").cast(pl.String)
        + pl.lit("-")
        + pl.col("month").cast(pl.String),
        account_ref="account_ref",
        closing_on="closing_on",
        due_on="due_on",
        balance=(200 + pl.col("month") * 60).cast(pl.String) + pl.lit(".00"),
        minimum_due=pl.col("minimum").cast(pl.String) + pl.lit(".00"),
    )


def _several(cycles: pl.DataFrame, wanted: int) -> pl.DataFrame:
    """Return `wanted` rows of each account from its cycles, several of a cycle if necessary."""
    months = cycles["month"].n_unique()
    each = pl.DataFrame({"nth": range(-(-wanted // months))}, schema={"nth": pl.Int64})
    rows = cycles.join(each, how="cross").filter(pl.col("nth") * months + pl.col("month") < wanted)
    return rows.with_columns(
        row=pl.col("n").cast(pl.String)
        + pl.lit("-")
        + pl.col("month").cast(pl.String)
        + pl.lit("-")
        + pl.col("nth").cast(pl.String)
    )


def _purchases(cycles: pl.DataFrame, wanted: int) -> pl.DataFrame:
    return _several(cycles, wanted).select(
        transaction_ref=pl.lit("T") + pl.col("row"),
        account_ref="account_ref",
        posted_on=pl.col("closing_on") - pl.duration(days=3 + pl.col("n") % 20),
        kind=pl.lit("purchase"),
        amount=(60 + pl.col("n") % 90).cast(pl.String) + pl.lit(".35"),
        description=pl.lit("card purchase"),
    )


def _payments(cycles: pl.DataFrame, wanted: int) -> pl.DataFrame:
    """Return the payments; a missed month has one of a penny before closing, so all accounts have as many rows."""
    habit = pl.col("habit")
    days = pl.when(pl.col("is_missed")).then(-2).when(habit == "late").then(DUE_AFTER + 9).otherwise(11)
    amount = (
        pl.when(pl.col("is_missed"))
        .then(pl.lit("0.01"))
        .when(habit == "part")
        .then((pl.col("minimum") - 5).cast(pl.String) + pl.lit(".00"))
        .otherwise(pl.col("minimum").cast(pl.String) + pl.lit(".00"))
    )
    return _several(cycles, wanted).select(
        payment_ref=pl.lit("P") + pl.col("row"),
        account_ref="account_ref",
        paid_on=pl.col("closing_on") + pl.duration(days=days),
        amount=amount,
        method=pl.lit("direct debit"),
    )
