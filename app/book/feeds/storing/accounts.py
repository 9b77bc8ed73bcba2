"""An accounts feed into the tables: customers and accounts that are new, and what changed of those we know.

A creditor's file is the word on contact data, limits, rates and cards: what it says otherwise than before is taken
over, with an event that has both values. Three things it may not change by itself: what a person typed, as long as the
file goes on saying what it said then (`ContactCorrection`); who holds an account and an account's status, which wait
for a manager (`ReportedChange`); and when an account was opened or placed, which is a conflict.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl
import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.book.customers.events import CustomerChanged
from app.book.customers.service import CONTACT
from app.book.customers.withheld import withheld_values, without_withheld
from app.book.feeds.cells import CONFLICT, Stored
from app.book.feeds.events import ChangeReported
from app.book.feeds.reading.dates import DATE_RULES
from app.book.feeds.reading.parsing import LINE, Batch
from app.book.feeds.storing.contacts import keep_replaced
from app.book.feeds.storing.dated import known_rows, refuse, within_days
from app.book.feeds.storing.known import KnownRows
from app.book.feeds.storing.names import index_new
from app.book.feeds.storing.tables import new_ids, write
from app.book.ledger.events import THE_FILE, AccountChanged
from app.book.ledger.models import Account, ContactCorrection, Customer, ReportedChange
from app.book.ledger.rules import AccountStatus, FeedKind, ReportedStatus, ReportedWhat
from app.book.names.service import Renamed, rename
from app.core.actor import Actor
from app.core.database.bulk import among, chunked
from app.core.database.engine import table_of
from app.core.timeline.service import NewEvent, about_customer, lock_customers, record_many
from app.core.types import JsonObject, Values

FED = ("card_last4", "product", "credit_limit_minor", "apr_millionths")
"""Fields of an account that a file changes."""
FIXED = ("opened_on", "placed_on")
_ACCOUNT = (*FED, *FIXED, "status", "customer_id")

_OPTIONAL = ("region", "timezone", "address_line2", "postcode", "mobile", "email")
"""Fields of a customer that are null where the file says nothing."""

By = dict[int, list[str]]
"""Names of fields by line."""


@dataclass
class Parts:
    """Rows of a batch by `reference`: `fresh` are not known, `leading` are known and the first of their reference in
    this load, with `<name>_known` beside each value, as far as they differ; `conflicts` (line -> names) say something
    else than an earlier row of the same load."""

    fresh: pl.DataFrame
    leading: pl.DataFrame
    conflicts: By = field(default_factory=dict)


def store_accounts(session: Session, book: KnownRows, batch: Batch, carefully: bool, *, by: Actor) -> Stored:
    """Store a batch in the caller's transaction. Raises Taken, with the transaction spoilt, where a reference is known
    and `carefully` is False."""
    assert batch.values is not None
    stored = Stored()
    batch = replace(
        batch, values=within_days(batch.values, DATE_RULES[FeedKind.ACCOUNTS], book, batch, stored)
    )
    assert batch.values is not None
    rows, refused, changed = _store_customers(session, book, batch, carefully, by)
    known = _known_accounts(session, book, rows) if carefully else None
    parts = _part(rows, known, _ACCOUNT, book.seen_accounts)
    again = f"{CONFLICT}this reference is already loaded with another"
    refused += [
        (line, "account_ref", f"{again} {', '.join(names)}") for line, names in parts.conflicts.items()
    ]
    if known is not None:
        reported = _Reported(session, book, by, known["id"].to_list())
        reported.withdraw(rows, known)
        refused += reported.take(parts.leading)
        changed |= _change_accounts(session, book, parts.leading, refused, by)
    fresh = parts.fresh.select(
        "reference",
        *[pl.col(name) for name in _ACCOUNT if name != "status"],
        pl.col("status").fill_null(AccountStatus.ACTIVE.value),
        pl.lit(book.portfolio_id).alias("portfolio_id"),
    )
    write(session, Account, fresh)
    book.saw(batch.values["customer_ref"], batch.values["reference"])
    lost = {line for line, _, _ in refused}
    changed -= lost | set(parts.fresh[LINE].to_list() if changed else ())
    refuse(stored, batch, refused)
    stored.loaded, stored.updated = fresh.height, len(changed)
    stored.unchanged = batch.values.height - fresh.height - len(changed) - len(lost)
    return stored


# --- customers ------------------------------------------------------------------------------------------------


def _store_customers(
    session: Session, book: KnownRows, batch: Batch, carefully: bool, by: Actor
) -> tuple[pl.DataFrame, list[tuple[int, str, str]], set[int]]:
    """Write new customers and what changed of known ones. Returns the rows that go on, with `customer_id`; those that
    do not, with the reason; and the lines of those that changed something."""
    assert batch.values is not None
    rows = batch.values.select(LINE, *CONTACT, reference="customer_ref")
    known = None
    if carefully:
        known = known_rows(session, Customer, book, rows["reference"], ("id", *CONTACT, "language_chosen"))
        # A language that the customer chose is not the file's to change.
        known = known.with_columns(language=pl.when("language_chosen").then(None).otherwise("language"))
    corrections = _corrections(session, book, known)
    parts = _part(rows, _as_fed(known, corrections), CONTACT, book.seen_customers)
    changed = _change_customers(session, book, parts.leading, corrections, by) if carefully else set()
    fresh = parts.fresh.drop(LINE).with_columns(
        new_ids(session, Customer, parts.fresh.height).alias("id"),
        *[pl.col(name).fill_null("") for name in _OPTIONAL],
        portfolio_id=pl.lit(book.portfolio_id),
    )
    write(session, Customer, fresh)
    index_new(session, fresh)
    ids = fresh.select("id", "reference")
    if known is not None:
        ids = pl.concat([ids, known.select("id", "reference")])
    again = f"{CONFLICT}another row of this file has the same customer with another"
    refused = [(line, names[0], f"{again} {', '.join(names)}") for line, names in parts.conflicts.items()]
    lines = list(parts.conflicts)
    going = batch.values.filter(~pl.col(LINE).is_in(lines)) if lines else batch.values
    ids = ids.rename({"reference": "customer_ref", "id": "customer_id"})
    return going.join(ids, on="customer_ref", how="left", maintain_order="left"), refused, changed


def _corrections(session: Session, book: KnownRows, known: pl.DataFrame | None) -> dict[tuple[int, str], str]:
    """Map (customer, field) -> what the file said when a person corrected it. They are few."""
    if known is None:
        return {}
    table, customer = table_of(ContactCorrection), table_of(Customer)
    query = (
        sa.select(table.c.customer_id, table.c.field, table.c.fed)
        .join(customer, customer.c.id == table.c.customer_id)
        .where(customer.c.portfolio_id == book.portfolio_id)
    )
    return {(row.customer_id, row.field): row.fed for row in session.connection().execute(query)}


def _as_fed(known: pl.DataFrame | None, corrections: Mapping[tuple[int, str], str]) -> pl.DataFrame | None:
    """Return known customers with the values the file gave last, so that only new values differ."""
    if known is None or not corrections:
        return known
    for name in {name for _, name in corrections}:
        fed = {customer: text for (customer, field), text in corrections.items() if field == name}
        said = pl.col("id").replace_strict(fed, default=None, return_dtype=pl.String)
        known = known.with_columns(pl.coalesce(said, name).alias(name))
    return known


def _change_customers(
    session: Session,
    book: KnownRows,
    leading: pl.DataFrame,
    corrections: Mapping[tuple[int, str], str],
    by: Actor,
) -> set[int]:
    """Take over what the file says anew of known customers, each with an event; the lines that did change something."""
    wanted = {
        row["id"]: (row[LINE], {name: row[name] for name in CONTACT if row[f"differs_{name}"]})
        for row in leading.iter_rows(named=True)
    }
    lock_customers(session, wanted)
    table = table_of(Customer)
    lines: set[int] = set()
    events: list[NewEvent] = []
    renamed: list[Renamed] = []
    replaced: list[tuple[Values, Values]] = []
    updates: dict[tuple[str, ...], list[JsonObject]] = {}
    for ids in chunked(wanted, 2000):
        withheld = withheld_values(session, ids)
        query = sa.select(table.c.id, *[table.c[name] for name in CONTACT])
        for row in session.connection().execute(query.where(among(session, table.c.id, ids))).mappings():
            line, said = wanted[row["id"]]
            new = {name: text for name, text in said.items() if text != row[name]}
            new = without_withheld(row["id"], dict(row), new, withheld) if withheld else new
            if not new:
                continue
            lines.add(line)
            updates.setdefault(tuple(new), []).append(
                {"b_id": row["id"], **{f"b_{n}": t for n, t in new.items()}}
            )
            replaced.append((dict(row), {**row, **new}))
            if "full_name" in new:
                renamed.append((row["id"], row["full_name"], new["full_name"]))
            changed = CustomerChanged({name: row[name] for name in new}, new, THE_FILE)
            events.append(about_customer(row["id"], changed))
    _update(session, Customer, updates)
    rename(session, renamed)
    keep_replaced(session, replaced, by=by, now=book.now)
    ended = [(id, name) for id, (_, said) in wanted.items() for name in said if (id, name) in corrections]
    for customer_id, name in ended:
        session.execute(
            sa.delete(ContactCorrection).where(
                col(ContactCorrection.customer_id) == customer_id, col(ContactCorrection.field) == name
            )
        )
    record_many(session, events, by=by, now=book.now)
    return lines


def _update(
    session: Session, model: type[Customer | Account], updates: Mapping[tuple[str, ...], list[JsonObject]]
) -> None:
    table = table_of(model)
    for names, rows in updates.items():
        values = {name: sa.bindparam(f"b_{name}", type_=table.c[name].type) for name in names}
        statement = sa.update(table).where(table.c.id == sa.bindparam("b_id")).values(values)
        session.connection().execute(statement, rows)


# --- accounts -------------------------------------------------------------------------------------------------


def _known_accounts(session: Session, book: KnownRows, rows: pl.DataFrame) -> pl.DataFrame:
    known = known_rows(session, Account, book, rows["reference"], ("id", *_ACCOUNT, "ended_on"))
    # A status that was decided here is not the file's to confirm.
    ours = pl.col("ended_on").is_not_null() | (pl.col("status") == AccountStatus.DORMANT.value)
    return known.with_columns(status=pl.when(ours).then(None).otherwise("status"))


def _change_accounts(
    session: Session, book: KnownRows, leading: pl.DataFrame, refused: list[tuple[int, str, str]], by: Actor
) -> set[int]:
    """Take over limits, rates and cards of accounts whose holder is not in question; other dates are conflicts."""
    lines: set[int] = set()
    events: list[NewEvent] = []
    updates: dict[tuple[str, ...], list[JsonObject]] = {}
    for row in leading.iter_rows(named=True):
        if fixed := [name for name in FIXED if row[f"differs_{name}"]]:
            names = ", ".join(fixed)
            refused.append(
                (row[LINE], "account_ref", f"{CONFLICT}this account is already loaded with another {names}")
            )
        new = {name: row[name] for name in FED if row[f"differs_{name}"]}
        if not new or row["differs_customer_id"]:
            continue
        lines.add(row[LINE])
        updates.setdefault(tuple(new), []).append(
            {"b_id": row["id"], **{f"b_{n}": v for n, v in new.items()}}
        )
        changed = AccountChanged({name: row[f"{name}_known"] for name in new}, new, THE_FILE)
        events.append(about_customer(row["customer_id"], changed, account_id=row["id"]))
    lock_customers(session, {event.customer_id for event in events if event.customer_id})
    _update(session, Account, updates)
    record_many(session, events, by=by, now=book.now)
    return lines


class _Reported:
    """Holders and statuses that a file reports, beside the changes of these accounts that wait or were refused. A
    file that gives every card another holder leaves as many waiting."""

    def __init__(self, session: Session, book: KnownRows, by: Actor, account_ids: Sequence[int]) -> None:
        self.session, self.book, self.by = session, book, by
        self.known: dict[tuple[int, ReportedWhat], ReportedChange] = {}
        open_ones = select(ReportedChange).where(
            col(ReportedChange.status).in_((ReportedStatus.WAITING, ReportedStatus.REFUSED))
        )
        for some in chunked(account_ids, 5000):
            query = open_ones.where(among(session, table_of(ReportedChange).c.account_id, some))
            for row in session.scalars(query.order_by(col(ReportedChange.id))):
                self.known[row.account_id, row.what] = row

    def withdraw(self, rows: pl.DataFrame, known: pl.DataFrame) -> None:
        """Withdraw an earlier report where this file agrees with our data again."""
        if not self.known:
            return
        accounts = {account_id for account_id, _ in self.known}
        said = rows.join(known.filter(pl.col("id").is_in(list(accounts))), on="reference", suffix="_known")
        for row in said.iter_rows(named=True):
            agrees = {
                ReportedWhat.HOLDER: row["customer_id"] == row["customer_id_known"],
                ReportedWhat.STATUS: row["status"] is not None and row["status"] == row["status_known"],
            }
            for what, same in agrees.items():
                change = self.known.get((row["id"], what))
                if same and change is not None:
                    change.status = ReportedStatus.WITHDRAWN
                    change.decided_at, change.decided_by = self.book.now, self.by
                    del self.known[(row["id"], what)]

    def take(self, leading: pl.DataFrame) -> list[tuple[int, str, str]]:
        """Ask a manager about new reports; returns the rows that wait, with the reason."""
        waiting: list[tuple[int, str, str]] = []
        events: list[NewEvent] = []
        asked = leading.filter(pl.col("differs_customer_id") | pl.col("differs_status"))
        holders = self._references(asked["customer_id"].to_list() + asked["customer_id_known"].to_list())
        for row in asked.iter_rows(named=True):
            for what, column in ((ReportedWhat.HOLDER, "customer_id"), (ReportedWhat.STATUS, "status")):
                if not row[f"differs_{column}"]:
                    continue
                said, was = row[column], row[f"{column}_known"]
                if what is ReportedWhat.HOLDER:
                    said, was = holders[said], holders[was]
                if self._is_refused(row["id"], what, said):
                    continue
                events += self._ask(row, what, said, was)
                name = "customer" if what is ReportedWhat.HOLDER else "status"
                where = "customer_ref" if what is ReportedWhat.HOLDER else "status"
                waiting.append(
                    (
                        row[LINE],
                        where,
                        f"{CONFLICT}the file says {name} {said}, here it is {was}; a manager decides",
                    )
                )
        record_many(self.session, events, by=self.by, now=self.book.now)
        return waiting

    def _is_refused(self, account_id: int, what: ReportedWhat, said: str) -> bool:
        change = self.known.get((account_id, what))
        return change is not None and change.status is ReportedStatus.REFUSED and change.value == said

    def _ask(self, row: Values, what: ReportedWhat, said: str, was: str) -> list[NewEvent]:
        known = self.known.get((row["id"], what))
        if known is not None and known.value == said:
            return []
        if known is not None:
            known.status, known.decided_at, known.decided_by = (
                ReportedStatus.WITHDRAWN,
                self.book.now,
                self.by,
            )
        change = ReportedChange(
            portfolio_id=self.book.portfolio_id, account_id=row["id"], what=what, value=said, was=was,
            reported_at=self.book.now,
        )  # fmt: skip
        self.session.add(change)
        self.known[(row["id"], what)] = change
        reported = ChangeReported(what, was, said)
        return [about_customer(row["customer_id_known"], reported, account_id=row["id"])]

    def _references(self, ids: Iterable[int]) -> dict[int, str]:
        found: dict[int, str] = {}
        for some in chunked(set(ids), 2000):
            query = sa.select(col(Customer.id), col(Customer.reference)).where(col(Customer.id).in_(some))
            found.update({id: reference for id, reference in self.session.execute(query) if id})
        return found


# --- known or new, the same or not ----------------------------------------------------------------------------


def _part(rows: pl.DataFrame, known: pl.DataFrame | None, compared: Sequence[str], seen: pl.Series) -> Parts:
    """Part the rows of a batch; `seen` has the hashes of the references of earlier batches."""
    is_first = rows["reference"].is_first_distinct()
    first = rows.filter(is_first) if not is_first.all() else rows
    parts = Parts(first, _compared(first.head(0), known, compared))
    if known is not None:
        is_known = first["reference"].is_in(known["reference"].implode())
        parts.fresh = first.filter(~is_known)
        leading = _compared(first.filter(is_known), known, compared)
        was_seen = leading["reference"].hash().is_in(seen.implode()) if seen.len() else pl.Series([False])
        if was_seen.any():
            parts.conflicts |= _names(leading.filter(was_seen), compared)
            leading = leading.filter(~was_seen)
        parts.leading = leading
    if not is_first.all():
        parts.conflicts |= _names(_compared(rows.filter(~is_first), first, compared), compared)
    return parts


def _compared(rows: pl.DataFrame, known: pl.DataFrame | None, compared: Sequence[str]) -> pl.DataFrame:
    """Those rows that differ from the known ones, with `<name>_known` and `differs_<name>`. A null says nothing."""
    if known is None:
        return rows.head(0).with_columns(
            *[pl.lit(None).alias(f"{name}_known") for name in compared],
            *[pl.lit(False).alias(f"differs_{name}") for name in compared],
        )
    pairs = rows.join(known, on="reference", how="inner", suffix="_known", maintain_order="left")
    differs = [
        (pl.col(name).is_not_null() & pl.col(name).ne_missing(pl.col(f"{name}_known"))).alias(
            f"differs_{name}"
        )
        if name not in _OURS_WHERE_NULL
        else (pl.col(name) != pl.col(f"{name}_known")).fill_null(False).alias(f"differs_{name}")
        for name in compared
    ]
    return pairs.filter(pl.any_horizontal(*differs)).with_columns(differs)


_OURS_WHERE_NULL = frozenset({"status", "language"})
"""Null among what is known: decided here, and not the file's to say."""


def _names(pairs: pl.DataFrame, compared: Sequence[str]) -> By:
    return {
        row[LINE]: [name for name in compared if row[f"differs_{name}"]]
        for row in pairs.iter_rows(named=True)
    }
