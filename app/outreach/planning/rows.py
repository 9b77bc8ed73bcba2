"""Rows of cleared contacts: contacts, messages, call tasks, decisions on record, and places on the ladder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlmodel import Session

from app.casework.cases.models import CallTask
from app.casework.contacts.models import PlannedContact
from app.casework.contacts.rules import CaseStep
from app.casework.knowledge.rules import ArticleLine
from app.casework.plans.models import Plan
from app.core.actor import Actor
from app.core.database.bulk import array_text, bulk_write, instant_speller, new_ids
from app.core.timeline.service import Heads, NewEvent
from app.core.types import Cells
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.contact_cases import CaseRow, ContactCase
from app.outreach.gate.decisions import DecisionEntry, record_decisions
from app.outreach.letters.letter import InstalmentLine
from app.outreach.outbox.models import OutboxMessage
from app.policy.facts import Contact


@dataclass(frozen=True, slots=True)
class LetterRequest:
    """A letter for one case out of the ladder's turn."""

    contact_case: ContactCase
    letter: str
    purpose: Purpose
    channels: Sequence[Channel]
    step: CaseStep
    """With a channel, the contact for which it is written once."""
    plan: Plan | None = None
    figures: Mapping[str, str | tuple[InstalmentLine, ...] | tuple[ArticleLine, ...]] = field(
        default_factory=dict
    )
    """Values that its event adds to those of the letter, by name."""
    about: Mapping[str, object] = field(default_factory=dict)
    """Data recorded with the answers, beside step and letter."""
    instead_of: ReplacedMessage | None = None
    """The message by the same channel in whose place this one is written."""


class ReplacedMessage(NamedTuple):
    """A message that was withheld, and in whose place another one of the same contact is written."""

    message_id: int
    contact_id: int


@dataclass(slots=True)
class ClearedContact:
    """A contact that the gate cleared: a message, or a call."""

    step: CaseStep
    asked: Contact
    decision: DecisionEntry
    message: Cells | None
    """As `LetterWriter` words it; None = a call."""
    instead_of: ReplacedMessage | None


CONTACT_COLUMNS = (
    "id", "case_id", "step", "occurrence", "plan_id", "hold_id", "instalment", "channel", "purpose", "letter",
    "decision_id", "created_at",
)  # fmt: skip


MESSAGE_COLUMNS = (
    "id", "contact_id", "instead_of_id", "destination", "portfolio_id", "customer_id", "case_id", "purpose", "letter",
    "template_version", "language", "address", "subject", "text", "html", "enclosed", "context", "past_due_minor",
    "answer_by", "clearance", "business_date", "status", "not_before", "not_after", "claimed_by", "attempts",
    "attempt_id", "provider_ref", "error", "created_at",
)  # fmt: skip


CALL_TASK_COLUMNS = ("case_id", "contact_id", "due_on", "created_at", "result")


def write_contacts(
    session: Session,
    cleared: Sequence[ClearedContact],
    told: Sequence[DecisionEntry | NewEvent],
    *,
    on: date,
    by: Actor,
    now: datetime,
    locked: Heads | None,
) -> None:
    """Write contacts, messages, call tasks and the answers of the gate, each with the ids of the others."""
    fresh = [each for each in cleared if each.instead_of is None]
    worded = [each for each in cleared if each.message is not None]
    contact_ids = dict(zip(map(id, fresh), new_ids(session, PlannedContact, len(fresh)), strict=True))
    for each in cleared:
        if each.instead_of is not None:
            contact_ids[id(each)] = each.instead_of.contact_id
    message_ids = new_ids(session, OutboxMessage, len(worded))
    for number, each in zip(message_ids, worded, strict=True):
        each.decision.name_message(number)
    event_ids = record_decisions(session, told, by=by, now=now, locked=locked)
    decision_ids = dict(zip(map(id, told), event_ids, strict=True))
    at = instant_speller(session)(now)
    contacts = [
        (
            contact_ids[id(each)], *each.step.values, str(each.asked.channel), str(each.asked.purpose),
            each.asked.letter, decision_ids[id(each.decision)], at,
        )
        for each in fresh
    ]  # fmt: skip
    bulk_write(session, PlannedContact, CONTACT_COLUMNS, contacts)
    messages = [
        (number, contact_ids[id(each)], each.instead_of and each.instead_of.message_id, *each.message)
        for number, each in zip(message_ids, worded, strict=True)
        if each.message is not None
    ]
    bulk_write(session, OutboxMessage, MESSAGE_COLUMNS, messages)
    due_on = (on + timedelta(days=1)).isoformat()
    calls = [
        (each.step.case_id, contact_ids[id(each)], due_on, at, "") for each in cleared if each.message is None
    ]
    bulk_write(session, CallTask, CALL_TASK_COLUMNS, calls)


def move_cases(session: Session, moved: Sequence[CaseRow]) -> None:
    """Write back the places of the cases on their ladders."""
    if not moved:
        return
    connection = session.connection()
    if connection.dialect.name == "sqlite":
        rows = [
            (
                case.step_day,
                case.occurrence,
                case.next_contact_on and case.next_contact_on.isoformat(),
                case.segment,
                case.id,
            )
            for case in moved
        ]
        connection.exec_driver_sql(
            "UPDATE collections_case SET step_day = ?, occurrence = ?, next_contact_on = ?, segment = ? WHERE id = ?",
            rows,
        )
        return
    connection.exec_driver_sql(
        "UPDATE collections_case SET step_day = new.step_day, occurrence = new.occurrence, "
        "next_contact_on = new.next_contact_on, segment = new.segment "
        "FROM unnest(%s::bigint[], %s::int[], %s::int[], %s::date[], %s::text[]) "
        "AS new(id, step_day, occurrence, next_contact_on, segment) WHERE collections_case.id = new.id",
        (
            array_text([case.id for case in moved]),
            array_text([case.step_day for case in moved]),
            array_text([case.occurrence for case in moved]),
            array_text([str(on) if (on := case.next_contact_on) else None for case in moved]),
            array_text([case.segment for case in moved]),
        ),
    )
