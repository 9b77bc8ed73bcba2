"""Record events, one or many, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlmodel import Session

from app.core.actor import Actor
from app.core.database.bulk import (
    among_named,
    array_text,
    bulk_write,
    chunked,
    instant_speller,
    listed,
    new_ids,
    upsert,
)
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.timeline.models import Event, StreamHead
from app.core.timeline.payload import Payload
from app.core.timeline.rules import GENESIS, canonical, chain_hash
from app.core.timeline.words import index_words, spoken
from app.core.vocabulary import Channel


@dataclass(
    slots=True
)  # not frozen, which would take four times as long: a night has one for each contact and more
class NewEvent:
    """An event about to be recorded. `stream` as in `Event.stream`."""

    stream: str
    payload: Payload
    customer_id: int | None = None
    case_id: int | None = None
    account_id: int | None = None
    channel: Channel | None = None
    at: datetime | None = None
    """When it happened, if not at the moment of recording."""


def about_customer(
    customer_id: int,
    payload: Payload,
    *,
    case_id: int | None = None,
    account_id: int | None = None,
    channel: Channel | None = None,
    at: datetime | None = None,
) -> NewEvent:
    """An event of a customer's story, and of one of their cases or accounts where it is about that."""
    return NewEvent(
        customer_stream(customer_id),
        payload,
        customer_id=customer_id,
        case_id=case_id,
        account_id=account_id,
        channel=channel,
        at=at,
    )


def about_portfolio(portfolio_id: int, payload: Payload) -> NewEvent:
    return NewEvent(portfolio_stream(portfolio_id), payload)


def about_staff(user_id: int, payload: Payload) -> NewEvent:
    return NewEvent(staff_stream(user_id), payload)


def customer_stream(customer_id: int) -> str:
    return f"customer:{customer_id}"


def portfolio_stream(portfolio_id: int) -> str:
    return f"portfolio:{portfolio_id}"


def staff_stream(user_id: int) -> str:
    return f"staff:{user_id}"


def record(session: Session, event: NewEvent, *, by: Actor, now: datetime) -> None:
    """Record one event; see `record_many`."""
    record_many(session, [event], by=by, now=now)


Heads = dict[str, tuple[int, str]]
"""By stream: sequence number and hash of its last event."""


def record_many(
    session: Session, events: Sequence[NewEvent], *, by: Actor, now: datetime, locked: Heads | None = None
) -> list[int]:
    """Record events in order, extending each stream's hash chain under a lock on its head; their ids, in order.
    `locked`: the heads of all their streams, where this transaction has them from `lock_streams`; it is kept up to
    date."""
    ids: list[int] = []
    spelled = instant_speller(session)
    for batch in chunked(events, 5000):
        streams = {event.stream for event in batch}
        heads = lock_streams(session, streams) if locked is None else {name: locked[name] for name in streams}
        numbers = new_ids(session, Event, len(batch))
        rows = []
        for number, event in zip(numbers, batch, strict=True):
            seq, previous = heads[event.stream]
            at, kind, data = event.at or now, event.payload.KIND, canonical(event.payload.data())
            digest = chain_hash(previous, event.stream, seq + 1, kind, at, by, data)
            heads[event.stream] = (seq + 1, digest)
            rows.append(
                (
                    number, event.stream, seq + 1, kind, spelled(at), by,
                    event.customer_id, event.case_id, event.account_id,
                    event.channel and str(event.channel), data, previous, digest,
                )
            )  # fmt: skip
        bulk_write(session, Event, _EVENT, rows)
        index_words(
            session,
            [(n, spoken(e.payload)) for n, e in zip(numbers, batch, strict=True) if e.payload.WORDS],
        )
        _save_heads(session, heads)
        if locked is not None:
            locked.update(heads)
        ids += numbers
    return ids


_EVENT = (
    "id", "stream", "seq", "kind", "at", "by", "customer_id", "case_id", "account_id", "channel", "data",
    "prev_hash", "hash",
)  # fmt: skip


def lock_customers(session: Session, customer_ids: Iterable[int]) -> Heads:
    """Lock these customers until this transaction ends, and return the heads of their streams. The lock is the one
    `record` takes anyway, so that there is one order of locks and not two."""
    return lock_streams(session, {customer_stream(customer_id) for customer_id in customer_ids})


def lock_streams(session: Session, streams: Iterable[str]) -> Heads:
    """Heads of `streams`, created where missing, locked in sorted order so that two writers cannot deadlock."""
    names = sorted(set(streams))
    if not names:
        session.flush()  # as `read_heads` does
        return {}
    heads = read_heads(session, names, lock=True)
    missing = [name for name in names if name not in heads]
    if missing:
        fresh = [{"stream": name, "seq": 0, "hash": GENESIS} for name in missing]
        session.execute(upsert(session, StreamHead).on_conflict_do_nothing(), fresh)
        heads.update(read_heads(session, missing, lock=True))
    return heads


def read_heads(session: Session, names: Sequence[str], *, lock: bool = False) -> Heads:
    """(sequence number, hash) of the last event of each of these streams that has one."""
    session.flush()  # after locking a customer, rows are read past the objects in the session
    connection = session.connection()
    dialect = connection.dialect.name
    found = connection.execute(_heads(dialect, lock), {"names": listed(dialect, names)})
    return {stream: (seq, digest) for stream, seq, digest in found}


@cache
def _heads(dialect: str, lock: bool) -> Query:
    head = table_of(StreamHead)
    query = sa.select(head.c.stream, head.c.seq, head.c.hash).where(
        among_named(dialect, head.c.stream, "names")
    )
    return query.order_by(head.c.stream).with_for_update() if lock else query.order_by(head.c.stream)


def _save_heads(session: Session, heads: Mapping[str, tuple[int, str]]) -> None:
    connection = session.connection()
    rows = [(seq, digest, stream) for stream, (seq, digest) in heads.items()]
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("UPDATE timeline_head SET seq = ?, hash = ? WHERE stream = ?", rows)
        return
    connection.exec_driver_sql(
        "UPDATE timeline_head SET seq = new.seq, hash = new.hash "
        "FROM unnest(%s::int[], %s::text[], %s::text[]) AS new(seq, hash, stream) "
        "WHERE timeline_head.stream = new.stream",
        tuple(array_text(column) for column in zip(*rows, strict=True)),
    )


def broken_links(events: Iterable[Event]) -> list[str]:
    """Streams (in `stream`, `seq` order) whose chain does not verify, each with the first bad sequence number."""
    last: dict[str, tuple[int, str]] = {}
    broken: dict[str, str] = {}
    for event in events:
        seq, previous = last.get(event.stream, (0, GENESIS))
        expected = chain_hash(previous, event.stream, event.seq, event.kind, event.at, event.by, event.data)
        if event.seq != seq + 1 or event.prev_hash != previous or event.hash != expected:
            broken.setdefault(event.stream, f"{event.stream} at {event.seq}")
        last[event.stream] = (event.seq, event.hash)
    return list(broken.values())
