"""Transports: how the messages to one destination are rechecked and handed to its provider."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Protocol

from sqlalchemy.engine import Engine
from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import case_reference
from app.core.clock import Clock
from app.core.timeline.service import Heads
from app.core.vocabulary import Channel
from app.outreach.delivery.moves import Postpone, Withhold, record_results
from app.outreach.delivery.recheck import ClearedMessage, recheck_any
from app.outreach.gate.contact_cases import ContactCase
from app.outreach.gate.facts import address_of
from app.outreach.letters.rendering import heading
from app.outreach.outbox.dispatch import AsyncSender, Dispatch, Sender, SendResult
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import Destination, Pace
from app.outreach.planning.letterhead import LetterCatalog
from app.outreach.planning.wording import message_context

ProviderRequest = Callable[[], SendResult | Awaitable[SendResult]]
"""The request to the provider: a coroutine function, or else one that runs in a thread of its own."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A claimed message that passed a recheck without a lock. It is committed as `sending` only while case and customer
    are still as in the contact case."""

    row: OutboxMessage
    """As it was read, with the id of the coming attempt; in no session."""
    request: ProviderRequest
    not_after: datetime
    contact_case: ContactCase


class Transport(Protocol):
    """Serves one destination."""

    @property
    def repeatable(self) -> bool:
        """The receiver recognises a repetition, so an attempt that was cut off may be made again."""
        ...

    @property
    def in_flight(self) -> int:
        """Number of requests that may be made at once."""
        ...

    @property
    def pace(self) -> Pace | None:
        """Messages that each line may hand over in a second; None = no limit."""
        ...

    @property
    def lines(self) -> tuple[str, ...]:
        """Our own numbers or names that messages leave from."""
        ...

    def line(self, row: OutboxMessage) -> str:
        """Name the line that this message leaves from."""
        ...

    def recheck_without_lock(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[Candidate | None]:
        """Recheck the rows, all of different customers and in no session, without a lock and writing nothing. None
        where something stands in the way, or always: then `recheck_under_lock` decides."""
        ...

    def recheck_under_lock(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[ProviderRequest | Withhold | Postpone]:
        """Recheck the rows, all of different customers, under lock, and say what to request for each. Sends nothing
        itself."""
        ...

    def record_results(
        self,
        session: Session,
        finished: Sequence[tuple[OutboxMessage, SendResult]],
        heads: Heads,
        *,
        now: datetime,
    ) -> None:
        """Put the results on record, in the transaction that moves the rows. `heads` are those of the customers'
        streams, as they were locked."""
        ...

    async def disconnect(self) -> None:
        """Close the connections kept open for the running event loop; there are no more requests from it for now."""
        ...


@dataclass(frozen=True, slots=True)
class DeliveryJob:
    """One worker serving one destination, as long as something is due to it."""

    engine: Engine
    destination: Destination
    transport: Transport
    worker: str
    clock: Clock
    batch: int
    """Rows that are claimed together."""
    lease: timedelta


@dataclass(frozen=True)
class ContactTransport:
    """Serves sms, email and post: asks the gate again at the moment of delivery."""

    sender: Sender | AsyncSender
    catalog: LetterCatalog
    in_flight: int = 1
    pace: Pace | None = None
    lines: tuple[str, ...] = ("",)
    """Our own numbers to send from: each customer's number always hears from the same one."""
    repeatable: bool = False

    def line(self, row: OutboxMessage) -> str:
        return self.lines[zlib.crc32(row.address.encode()) % len(self.lines)]

    def recheck_without_lock(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[Candidate | None]:
        found: list[Candidate | None] = []
        for row, portfolio, verdict in recheck_any(session, rows, self.catalog, now=now, lock=False):
            if isinstance(verdict, ClearedMessage):
                request = self._request(row, portfolio, verdict)
                found.append(Candidate(row, request, verdict.clearance.not_after, verdict.contact_case))
            else:
                found.append(None)
        return found

    def recheck_under_lock(
        self, session: Session, rows: Sequence[OutboxMessage], *, now: datetime
    ) -> list[ProviderRequest | Withhold | Postpone]:
        return [
            self._request(row, portfolio, verdict) if isinstance(verdict, ClearedMessage) else verdict
            for row, portfolio, verdict in recheck_any(session, rows, self.catalog, now=now, lock=True)
        ]

    def _request(self, row: OutboxMessage, portfolio: Portfolio, cleared: ClearedMessage) -> ProviderRequest:
        row.not_after = cleared.clearance.not_after
        dispatch = dispatch_of(row, portfolio, cleared.contact_case, self.catalog, self.line(row))
        return partial(self.sender.send, dispatch)

    def record_results(
        self,
        session: Session,
        finished: Sequence[tuple[OutboxMessage, SendResult]],
        heads: Heads,
        *,
        now: datetime,
    ) -> None:
        record_results(session, finished, heads, now=now)

    async def disconnect(self) -> None:
        if isinstance(self.sender, AsyncSender):
            await self.sender.disconnect()


def dispatch_of(
    row: OutboxMessage,
    portfolio: Portfolio,
    contact_case: ContactCase,
    catalog: LetterCatalog,
    line: str = "",
) -> Dispatch:
    """The message as an adapter gets it; the row carries its attempt id already."""
    channel = Channel(row.destination.value)
    dispatch = Dispatch(
        key=row.reference,
        attempt_id=row.attempt_id,
        channel=channel,
        to=row.address,
        recipient_name=contact_case.customer.full_name,
        language=row.language,
        letter=row.letter,
        text=row.text,
        business_date=row.business_date,
        sender_name=portfolio.agency or portfolio.creditor,
        subject=row.subject,
        html=row.html,
        reference=case_reference(row.case_id),
        unsubscribe_url=catalog.links.url(
            row.customer_id, channel, contact_case.customer.link_number, on=row.business_date
        ),
        status_callback_url=f"{catalog.links.public_url}/hooks/twilio/status?attempt={row.attempt_id}",
        line=line,
        not_after=row.not_after,
        context=message_context(row),
        large_print=contact_case.large_print,
    )
    if not row.enclosed:
        return dispatch
    paper = replace(
        dispatch,
        channel=Channel.POST,
        to=address_of(contact_case.customer, Channel.POST) or contact_case.customer.country,
        text=row.enclosed,
        subject=heading(row.enclosed),
        html="",
    )
    return replace(dispatch, enclosed=paper)
