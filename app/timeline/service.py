"""Putting events on record, one or many, in the caller's transaction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.db import chunked, insert_rows, table_of, upsert
from app.timeline.models import Event, StreamHead
from app.timeline.rules import GENESIS, Channel, Kind, canonical, chain_hash


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event about to be recorded. `stream` as in `Event.stream`; `data` must be JSON-serialisable."""

    stream: str
    kind: Kind
    data: Mapping[str, Any] = field(default_factory=dict)
    customer_id: int | None = None
    case_id: int | None = None
    account_id: int | None = None
    channel: Channel | None = None
    at: datetime | None = None
    """When it happened, if not at the moment of recording."""


def customer_stream(customer_id: int) -> str:
    return f"customer:{customer_id}"


def portfolio_stream(portfolio_id: int) -> str:
    return f"portfolio:{portfolio_id}"


def staff_stream(user_id: int) -> str:
    return f"staff:{user_id}"


def record(session: Session, event: NewEvent, *, by: str, now: datetime) -> None:
    """Record one event; see `record_many`."""
    record_many(session, [event], by=by, now=now)


def record_many(session: Session, events: Sequence[NewEvent], *, by: str, now: datetime) -> None:
    """Record events in order, extending each stream's hash chain under a lock on its head."""
    for batch in chunked(events, 5000):
        heads = lock_streams(session, sorted({e.stream for e in batch}))
        rows = []
        for event in batch:
            seq, previous = heads[event.stream]
            at = event.at or now
            data = canonical(event.data)
            digest = chain_hash(previous, event.stream, seq + 1, event.kind.value, at, by, data)
            heads[event.stream] = (seq + 1, digest)
            rows.append(
                {
                    "stream": event.stream,
                    "seq": seq + 1,
                    "kind": event.kind,
                    "at": at,
                    "by": by,
                    "customer_id": event.customer_id,
                    "case_id": event.case_id,
                    "account_id": event.account_id,
                    "channel": event.channel,
                    "data": data,
                    "prev_hash": previous,
                    "hash": digest,
                }
            )
        insert_rows(session, Event, rows)
        _save_heads(session, heads)


def lock_customers(session: Session, customer_ids: Iterable[int]) -> None:
    """Wait until nobody else is deciding about these customers, and keep others waiting until this transaction
    ends. The lock is the one `record` takes anyway, so that there is one order of locks and not two."""
    lock_streams(session, sorted({customer_stream(customer_id) for customer_id in customer_ids}))


def lock_streams(session: Session, streams: Sequence[str]) -> dict[str, tuple[int, str]]:
    """Heads of `streams`, created where missing, locked in sorted order so that two writers cannot deadlock."""
    heads: dict[str, tuple[int, str]] = {}
    for names in chunked(streams, 500):
        fresh = [{"stream": name, "seq": 0, "hash": GENESIS} for name in names]
        session.execute(upsert(session, StreamHead).on_conflict_do_nothing(), fresh)
        query = (
            select(StreamHead.stream, StreamHead.seq, StreamHead.hash)
            .where(col(StreamHead.stream).in_(names))
            .order_by(StreamHead.stream)
            .with_for_update()
        )
        heads.update({stream: (seq, digest) for stream, seq, digest in session.execute(query)})
    return heads


def _save_heads(session: Session, heads: Mapping[str, tuple[int, str]]) -> None:
    table = table_of(StreamHead)
    statement = (
        sa.update(table)
        .where(table.c.stream == sa.bindparam("b_stream"))
        .values(seq=sa.bindparam("b_seq"), hash=sa.bindparam("b_hash"))
    )
    rows = [{"b_stream": name, "b_seq": seq, "b_hash": digest} for name, (seq, digest) in heads.items()]
    session.connection().execute(statement, rows)


def broken_links(events: Iterable[Event]) -> list[str]:
    """Streams (in `stream`, `seq` order) whose chain does not verify, each with the first bad sequence number."""
    last: dict[str, tuple[int, str]] = {}
    broken: dict[str, str] = {}
    for event in events:
        seq, previous = last.get(event.stream, (0, GENESIS))
        expected = chain_hash(
            previous, event.stream, event.seq, event.kind.value, event.at, event.by, event.data
        )
        if event.seq != seq + 1 or event.prev_hash != previous or event.hash != expected:
            broken.setdefault(event.stream, f"{event.stream} at {event.seq}")
        last[event.stream] = (event.seq, event.hash)
    return list(broken.values())
