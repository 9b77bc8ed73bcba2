"""Snapshot: one portfolio as it is now, copied into a SQLite file of its own.

One transaction reads everything, so that the copy is one moment of the portfolio. The source is never written to. Rows
that belong to no portfolio, or that no day looks at, are not copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import Engine
from sqlalchemy.schema import CreateIndex, CreateTable

from app.book.portfolios.models import Portfolio
from app.core.database.engine import UtcDateTime, table_of

CHUNK = 5000

LEFT_BEHIND = {
    # Users, sign-ins and machines: a simulation has no users.
    "staff_session", "login_attempt", "api_token", "api_idempotency", "sent_form", "form_draft", "case_view",
    "heartbeat", "sending_pace", "print_batch", "saved_view",
    # Indexes of the search.
    "customer_name", "timeline_word",
    # Files, documents and evidence that no day reads.
    "feed_load", "contact_correction", "reported_change", "alert", "alert_notice",
    "unmatched_payment", "payer_account", "bank_transaction",
    "waiver", "plan_waiver", "plan_re_age", "approval_request", "bundle", "case_document", "document_content",
    "decision_facts", "simulation_run", "mail_notice", "negotiation", "offer",
    "household_statement", "household_figure", "household_debt", "affordability_answer", "guideline",
    "guideline_line", "adviser", "adviser_client", "adviser_file", "adviser_reject", "adviser_proposal", "lump_payment",
    "lump_part", "closed_party_address", "withheld_place", "hardship_request",
    "help_offer", "desk_hand_over", "conduct_record", "case_move", "case_move_line", "escalation",
    "hardship_document", "peer_file", "peer_value", "kpi_restatement_entry",
    "threshold", "digest_recipient", "digest", "frozen_return", "frozen_return_cell", "frozen_return_line",
    "dispute_evidence", "timeline_day", "time_stamp",
    "legal_report", "legal_question",
    # Messages of customers; their effects stand in rows of their own.
    "inbound_match", "inbound_message", "inbound_answer", "case_question",
    # Articles: what was sent stands in the messages.
    "knowledge_article", "knowledge_version", "knowledge_word", "knowledge_use", "knowledge_rating", "knowledge_miss",
}  # fmt: skip

BLANKED = {"staff_user": ("password_hash",)}
"""Columns that are not copied."""

Speller = Callable[[object], object]
Wanted = Callable[[sa.Table, int], sa.ColumnElement[bool]]


def copy_portfolio(
    source: Engine, portfolio_id: int, target: Engine, progress: Callable[[float], None]
) -> None:
    """Create the tables in the empty SQLite database `target` and fill them; `progress` is told the share done."""
    from app.core.migration import schema  # alembic is heavy, and only this needs it

    metadata = schema.metadata()
    with _snapshot(source) as reader, target.connect() as writer:
        # The rows obeyed these keys where they come from; indexes are made quicker once than row by row.
        _set(writer, foreign_keys="OFF", ignore_check_constraints="ON", journal_mode="OFF")
        for number, table in enumerate(metadata.sorted_tables):
            writer.execute(CreateTable(table))
            if table.name not in LEFT_BEHIND:
                progress(number / len(metadata.tables))
                _copy_table(reader, writer, table, _where(table, portfolio_id))
            for index in table.indexes:
                writer.execute(CreateIndex(index))
        progress(1.0)
        # Otherwise the planner knows nothing of tables this size; a sample is as good as reading every index.
        writer.exec_driver_sql("PRAGMA analysis_limit=1000")
        writer.exec_driver_sql("ANALYZE")
        writer.commit()
        _set(writer, foreign_keys="ON", ignore_check_constraints="OFF", journal_mode="WAL")


def _set(writer: sa.Connection, **pragmas: str) -> None:
    """Outside a transaction, where SQLite heeds it."""
    cursor = writer.connection.cursor()
    for name, value in pragmas.items():
        cursor.execute(f"PRAGMA {name}={value}")


@contextmanager
def _snapshot(source: Engine) -> Iterator[sa.Connection]:
    """A transaction that only reads and sees one moment of the database throughout."""
    options: dict[str, object] = {"desk_read": True}
    if source.dialect.name == "postgresql":
        options.update(isolation_level="REPEATABLE READ", postgresql_readonly=True)
    with source.connect() as connection:
        connection.execution_options(**options)
        with connection.begin():
            yield connection


def _copy_table(
    reader: sa.Connection, writer: sa.Connection, table: sa.Table, where: sa.ColumnElement[bool] | None
) -> None:
    """The wanted rows as the source's driver has them, spelt as SQLite wants them."""
    blanked = BLANKED.get(table.name, ())
    columns = [
        sa.literal_column("''") if column.name in blanked else sa.type_coerce(column, sa.types.NullType())
        for column in table.columns
    ]
    query = sa.select(*columns).select_from(table).execution_options(yield_per=CHUNK)
    if where is not None:
        query = query.where(where)
    key = list(table.primary_key.columns)
    spellers = _spellers(reader, table)
    names = ", ".join(f'"{column.name}"' for column in table.columns)
    marks = ", ".join("?" * len(table.columns))
    insert = f'INSERT INTO "{table.name}" ({names}) VALUES ({marks})'  # noqa: S608 - names of our models
    for rows in reader.execute(query.order_by(*key)).partitions():
        writer.exec_driver_sql(insert, [_spelt(row, spellers) for row in rows])


def _spellers(reader: sa.Connection, table: sa.Table) -> Mapping[int, Speller]:
    """Position -> how SQLite spells a value, for columns where the source's driver gives something else."""
    if reader.dialect.name == "sqlite":
        return {}
    dialect = sqlite.dialect()
    found = {}
    for position, column in enumerate(table.columns):
        if isinstance(column.type, UtcDateTime | sa.Date | sa.DateTime):
            processor = column.type.dialect_impl(dialect).bind_processor(dialect)
            assert processor is not None
            found[position] = processor
    return found


def _spelt(row: Iterable[object], spellers: Mapping[int, Speller]) -> tuple[object, ...]:
    if not spellers:
        return tuple(row)
    values = list(row)
    for position, spell in spellers.items():
        values[position] = spell(values[position])
    return tuple(values)


# --- whose rows -------------------------------------------------------------------------------------------------


def _where(table: sa.Table, portfolio_id: int) -> sa.ColumnElement[bool] | None:
    """Condition for the rows of a table that belong to the portfolio; None = all rows. LookupError for a table that is
    not listed."""
    if table.name == table_of(Portfolio).name:
        return table.c.id == portfolio_id
    if table.name in SHARED:
        return None
    if table.name in BY_PARENT:
        return BY_PARENT[table.name](table, portfolio_id)
    if "portfolio_id" in table.c:
        return table.c.portfolio_id == portfolio_id
    for column, parent in (("customer_id", "customer"), ("case_id", "collections_case")):
        if column in table.c:
            return table.c[column].in_(_ids(table, parent, portfolio_id))
    raise LookupError(
        f"Table {table.name} is unknown to the simulation. Say in snapshot.py which of its rows a simulation needs."
    )


def _ids(table: sa.Table, parent: str, portfolio_id: int) -> sa.Select[int]:
    owner = table.metadata.tables[parent]
    return sa.select(owner.c.id).where(owner.c.portfolio_id == portfolio_id)


def _events(table: sa.Table, portfolio_id: int) -> sa.ColumnElement[bool]:
    theirs = table.c.customer_id.in_(_ids(table, "customer", portfolio_id))
    return sa.or_(theirs, table.c.stream == f"portfolio:{portfolio_id}")


def _heads(table: sa.Table, portfolio_id: int) -> sa.ColumnElement[bool]:
    customer = table.metadata.tables["customer"]
    streams = sa.select(sa.literal("customer:") + sa.cast(customer.c.id, sa.Text)).where(
        customer.c.portfolio_id == portfolio_id
    )
    return sa.or_(table.c.stream.in_(streams), table.c.stream == f"portfolio:{portfolio_id}")


def _of_plans(table: sa.Table, portfolio_id: int) -> sa.ColumnElement[bool]:
    return table.c.plan_id.in_(_ids(table, "plan", portfolio_id))


def _of_entries(table: sa.Table, portfolio_id: int) -> sa.ColumnElement[bool]:
    return table.c.entry_id.in_(_ids(table, "ledger_entry", portfolio_id))


def _of_experiments(table: sa.Table, portfolio_id: int) -> sa.ColumnElement[bool]:
    return table.c.experiment_id.in_(_ids(table, "strategy_experiment", portfolio_id))


def _suppressed(table: sa.Table, portfolio_id: int) -> sa.ColumnElement[bool]:
    customer = table.metadata.tables["customer"]
    theirs = customer.c.portfolio_id == portfolio_id
    return sa.or_(
        table.c.address.in_(sa.select(customer.c.mobile).where(theirs)),
        table.c.address.in_(sa.select(sa.func.lower(customer.c.email)).where(theirs)),
    )


SHARED = {
    "staff_user",
    "staff_skill",
    "staff_absence",
    "timeline_kind",
    "channel_stop",
    "policy_pack_version",
}
"""Small tables that hold no cardholder's data."""

BY_PARENT: Mapping[str, Wanted] = {
    "timeline_event": _events,
    "timeline_head": _heads,
    "instalment_payment": _of_plans,
    "plan_account": _of_plans,
    "plan_change": _of_plans,
    "plan_instalment": _of_plans,
    "strategy_stop_rule": _of_experiments,
    "suppressed_address": _suppressed,
    "same_money": _of_entries,
}
