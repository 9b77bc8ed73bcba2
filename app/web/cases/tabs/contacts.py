"""The tab "Contacts": what people said and did, payments, promises, and one line for each message with its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlalchemy as sa

from app.book.ledger.models import Account, Entry
from app.book.ledger.rules import PAYS_DUES, EntryKind
from app.casework.correspondence.models import InboundMatch, InboundMessage
from app.core.clock import local_date
from app.core.database.engine import table_of
from app.core.database.together import Found, Reads
from app.core.labels import CHANNEL_LABELS
from app.core.timeline.models import Event
from app.core.timeline.payload import kinds_under
from app.core.timeline.presenting import TimelineEntry, TimelineFilter
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import BY_CHANNEL, Destination
from app.web.cases.case_file import CaseFile
from app.web.cases.tabs.states import state_of
from app.web.timeline import PageReader, TimelinePresenter, fold

EVENTS, MESSAGES, CREDITS = 20, 12, 8
LINES = 20
OWN_EVENTS = (TimelineFilter.PEOPLE, TimelineFilter.PLANS, TimelineFilter.HOLDS)


class ContactReads:
    """The reads of the tab, sent as one statement."""

    def __init__(self) -> None:
        reads = self.reads = Reads()
        customer = sa.bindparam("customer_id", type_=sa.BigInteger)
        event, entry, account = table_of(Event), table_of(Entry), table_of(Account)
        kinds = sorted({kind for shown in OWN_EVENTS for kind in kinds_under(shown)})
        self.events = reads.all(
            Event,
            event.c.customer_id == customer,
            event.c.kind.in_(kinds),
            order_by=event.c.id.desc(),
            limit=EVENTS,
        )
        self.credits = reads.all(
            Entry,
            entry.c.account_id.in_(sa.select(account.c.id).where(account.c.customer_id == customer)),
            entry.c.kind.in_((*PAYS_DUES, EntryKind.REVERSAL)),
            entry.c.source.startswith("feed:"),  # those posted by hand have their own event
            order_by=entry.c.id.desc(),
            limit=CREDITS,
        )
        message, inbound, match = table_of(OutboxMessage), table_of(InboundMessage), table_of(InboundMatch)
        self.messages = reads.rows(
            sa.select(
                message.c.id, message.c.destination, message.c.letter, message.c.status, message.c.sent_at,
                message.c.created_at, message.c.console_only, message.c.recipient,
            )
            .where(message.c.customer_id == customer, message.c.destination != Destination.LEGAL_DESK)
            .order_by(message.c.id.desc())
            .limit(MESSAGES)
        )  # fmt: skip
        self.replies = reads.rows(
            sa.select(inbound.c.id, inbound.c.received_at, inbound.c.body)
            .join(match, match.c.message_id == inbound.c.id)
            .where(match.c.customer_id == customer)
            .order_by(inbound.c.id.desc())
            .limit(MESSAGES)
        )


_READS: list[ContactReads] = []


def contact_reads() -> ContactReads:
    """Made with the first page, when every package has said which events it records."""
    if not _READS:
        _READS.append(ContactReads())
    return _READS[0]


@dataclass(frozen=True, slots=True)
class ContactsTab:
    lines: Sequence[TimelineEntry]


def contacts_tab(file: CaseFile, found: Found, reader: PageReader) -> ContactsTab:
    """`found` has the reads of `contact_reads`."""
    reads = contact_reads()
    presenter, zone = TimelinePresenter(reader), file.portfolio.timezone
    lines: list[tuple[Any, TimelineEntry]] = []
    for event, times in fold(found[reads.events]):
        lines.append((_key(local_date(event.at, zone), event.at), presenter.present(event, times)))
    for entry in found[reads.credits]:
        lines.append((_key(entry.effective_on, None), presenter.present_credit(entry)))
    for row in found[reads.messages]:
        at = row.sent_at or row.created_at
        label, tone = state_of(row.status, row.console_only)
        channel = CHANNEL_LABELS[BY_CHANNEL[row.destination].value]
        channel = f"{channel} to {row.recipient}" if row.recipient else channel
        title = f"{channel}: {row.letter.replace('_', ' ')}, {label.lower()}"
        lines.append((_key(local_date(at, zone), at), TimelineEntry(title, tone=tone, at=at)))
    for row in found[reads.replies]:
        words = TimelineEntry("They wrote", tone="info", quoted=row.body[:200], at=row.received_at)
        lines.append((_key(local_date(row.received_at, zone), row.received_at), words))
    return ContactsTab([line for _, line in sorted(lines, key=lambda pair: pair[0], reverse=True)][:LINES])


def _key(on: date, at: datetime | None) -> tuple[date, datetime]:
    return on, at or datetime(on.year, on.month, on.day, tzinfo=UTC)
