"""What the customer has of an agreement in writing: by which channel each letter goes, or why none may."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep
from app.casework.plans.models import Plan
from app.core.ids import id_of
from app.core.labels import CHANNEL_LABELS
from app.core.timeline.queries import events_of_customer
from app.core.vocabulary import Channel
from app.outreach.agreements.rules import ended_since
from app.outreach.gate.events import ContactRefused
from app.outreach.outbox.models import OutboxMessage
from app.outreach.outbox.rules import OutboxStatus
from app.outreach.planning.in_writing.rules import IN_WRITING, tells_all
from app.outreach.planning.in_writing.told import ON_ITS_WAY
from app.outreach.planning.models import DeferredLetter
from app.web.cases.tabs.states import state_of
from app.web.rendering import Tone
from app.web.timeline import PageReader, payload_in

REFUSALS_READ = 200
"""Refusals of the customer that are looked through for those of one agreement."""
LEAVES = (OutboxStatus.QUEUED, OutboxStatus.CLAIMED)


@dataclass(frozen=True, slots=True)
class WrittenLine:
    """A letter of an agreement by one channel."""

    letter: str
    channel: str
    state: str
    tone: Tone
    detail: str


def written_lines(session: Session, plan: Plan, reader: PageReader) -> list[WrittenLine]:
    """The letters of an agreement, the latest first: those that nothing may carry, those that wait, those that left."""
    lines = list(_waiting(session, plan, reader))
    told: set[tuple[CaseStep, Channel]] = set()
    for step, row in _messages(session, plan):
        channel = Channel(row.destination.value)
        if row.status in ON_ITS_WAY:
            told.add((step, channel))
        lines.append(_line(row, channel, reader, ended_since(step.step, plan.status)))
    told.update((row.case_step, Channel(row.channel or Channel.EMAIL)) for row in _kept(session, plan))
    return [*_refused(session, plan, told, reader), *lines]


def _line(row: OutboxMessage, channel: Channel, reader: PageReader, ended: str) -> WrittenLine:
    state, tone = state_of(row.status, row.console_only)
    if row.sent_at is not None:
        detail = reader.instant(row.sent_at)
    elif row.status in LEAVES:
        state = "Will not leave" if ended else state
        detail = ended or f"leaves from {reader.instant(row.not_before)}"
    else:
        detail = row.error
    return WrittenLine(_named(row.letter), CHANNEL_LABELS[channel], state, tone, reader.plain(detail))


def _waiting(session: Session, plan: Plan, reader: PageReader) -> Iterator[WrittenLine]:
    for row in _kept(session, plan):
        way = CHANNEL_LABELS[row.channel] if row.channel else "E-mail or letter"
        yield WrittenLine(_named(row.letter), way, "Waits", "neutral", f"until {reader.instant(row.until)}")


def _refused(
    session: Session, plan: Plan, told: set[tuple[CaseStep, Channel]], reader: PageReader
) -> Iterator[WrittenLine]:
    """The newest refusal by each channel of the letters of which nothing that tells everything left or waits."""
    events, _ = events_of_customer(
        session, plan.customer_id, kinds=(ContactRefused.KIND,), limit=REFUSALS_READ
    )
    seen: set[tuple[CaseStep, Channel | None]] = set()
    for event in events:
        payload = payload_in(event)
        said = payload.said if isinstance(payload, ContactRefused) else {}
        if said.get("plan") != plan.id or said.get("letter") not in IN_WRITING.get(str(said.get("step")), ()):
            continue
        step = CaseStep(
            plan.case_id, said["step"], said.get("occurrence", 1), id_of(plan), None, said.get("instalment")
        )
        if any((step, channel) in told for channel in tells_all(step.step, plan.kind)):
            continue
        if (step, event.channel) in seen or event.channel is None:
            continue
        seen.add((step, event.channel))
        details = list(dict.fromkeys(str(reason["detail"]) for reason in said.get("reasons", ())))
        why = " and ".join(details[:2])
        yield WrittenLine(
            _named(said["letter"]), CHANNEL_LABELS[event.channel], "May not go", "bad", reader.plain(why)
        )


def _messages(session: Session, plan: Plan) -> Sequence[tuple[CaseStep, OutboxMessage]]:
    query = (
        select(PlannedContact, OutboxMessage)
        .join(OutboxMessage, col(OutboxMessage.contact_id) == PlannedContact.id)
        .where(PlannedContact.plan_id == plan.id, col(PlannedContact.step).in_(list(IN_WRITING)))
        .order_by(col(OutboxMessage.id).desc())
    )
    return [(contact.case_step, row) for contact, row in session.execute(query)]


def _kept(session: Session, plan: Plan) -> Sequence[DeferredLetter]:
    query = select(DeferredLetter).where(DeferredLetter.plan_id == plan.id)
    return session.scalars(query.order_by(sa.desc("id"))).all()


def _named(letter: str) -> str:
    words = letter.replace("_", " ")
    return words[:1].upper() + words[1:]
