"""Decisions on record: the request, the gate's answer, and the replay of both.

The answer with its reasons and figures is an event. The facts of that moment are kept beside it, because they have to
be forgotten one day. The event cannot be changed, so it holds only their SHA-256.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import NamedTuple

import sqlalchemy as sa
from pydantic import TypeAdapter
from sqlmodel import Session

from app.core.actor import Actor
from app.core.database.bulk import bulk_write, chunked, instant_speller
from app.core.database.engine import table_of
from app.core.errors import Conflict, NotFound
from app.core.timeline.models import DecisionFacts, Event
from app.core.timeline.rules import canonical, instant_text
from app.core.timeline.service import Heads, NewEvent, about_customer, record_many
from app.core.types import JsonObject
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.events import (
    ContactCleared,
    ContactRefused,
    ContactWaiting,
    ContactWithheld,
    FactsForgotten,
    GateAnswer,
)
from app.outreach.gate.pack_versions import pack_by_label
from app.policy.answers import Answer, Clearance, Reason, WaitUntil
from app.policy.facts import Contact, Facts
from app.policy.pack import Pack
from app.policy.review import review, review_within


@dataclass(frozen=True, slots=True)
class ReviewRequest:
    """Everything the gate is told for one review, but for the pack."""

    contact: Contact
    facts: Facts
    at: datetime
    until: datetime | None = None
    """It may leave until then (`review_within`); None = it was about that moment only (`review`)."""

    def answer(self, pack: Pack) -> Answer:
        if self.until is None:
            return review(self.contact, self.facts, pack, self.at)
        return review_within(self.contact, self.facts, pack, self.at, self.until)


@cache
def _adapter() -> TypeAdapter[ReviewRequest]:
    return TypeAdapter(ReviewRequest)


def request_text(asked: ReviewRequest) -> str:
    """The request as JSON, without its default values."""
    return _adapter().serializer.to_json(asked, exclude_defaults=True).decode()


def read_request(text: str) -> ReviewRequest:
    return _adapter().validate_json(text)


class DecisionEntry(NamedTuple):
    """An answer to be recorded, and the facts it is based on."""

    event: NewEvent
    pack: str
    facts: str
    """`request_text` of the question."""

    def name_message(self, message_id: int) -> None:
        """Say on record which message the answer is about, once its number is known."""
        assert isinstance(self.event.payload, GateAnswer)
        self.event.payload = self.event.payload.with_message(message_id)


_ANSWERS: Mapping[str, type[GateAnswer]] = {
    "clear": ContactCleared,
    "wait": ContactWaiting,
    "refuse": ContactRefused,
}


def decision_entry(
    case_id: int | None,
    customer_id: int,
    asked: ReviewRequest,
    answer: Answer,
    *,
    facts: str = "",
    withheld: bool = False,
    **about: object,
) -> DecisionEntry:
    """The answer as an event, with every reason; `about` says what the contact was for (letter, step, key, strategy).
    `facts` is `request_text(asked)`, where it is known already; `withheld` where it was given at the
    moment of delivery."""
    contact, answered, facts = asked.contact, answer_data(answer), facts or request_text(asked)
    payload = (ContactWithheld if withheld else _ANSWERS[answered["decision"]])(
        {
            "purpose": str(contact.purpose),
            **about,
            **answered,
            "facts_sha256": hashlib.sha256(facts.encode()).hexdigest(),
        }
    )
    event = about_customer(customer_id, payload, case_id=case_id, channel=contact.channel)
    return DecisionEntry(event, answer.pack, facts)


def record_decisions(
    session: Session,
    told: Sequence[DecisionEntry | NewEvent],
    *,
    by: Actor,
    now: datetime,
    locked: Heads | None = None,
) -> list[int]:
    """Record answers, and other events between them, in order; returns the events' ids. `locked` as `record_many` has
    it."""
    events = [each.event if isinstance(each, DecisionEntry) else each for each in told]
    ids = record_many(session, events, by=by, now=now, locked=locked)
    at = instant_speller(session)(now)
    rows = [
        (event_id, each.pack, at, each.facts)
        for event_id, each in zip(ids, told, strict=True)
        if isinstance(each, DecisionEntry)
    ]
    bulk_write(session, DecisionFacts, ("event_id", "pack", "at", "facts"), rows)
    return ids


# --- as data --------------------------------------------------------------------------------------------------


def answer_data(answer: Answer) -> JsonObject:
    """An answer as JSON-ready data: decision, pack, window or reasons."""
    if isinstance(answer, Clearance):
        return {
            "decision": "clear",
            "pack": answer.pack,
            "not_before": instant_text(answer.not_before),
            "not_after": instant_text(answer.not_after),
            "reasons": [],
        }
    reasons = [reason_data(reason) for reason in answer.reasons]
    if isinstance(answer, WaitUntil):
        return {
            "decision": "wait",
            "pack": answer.pack,
            "not_before": instant_text(answer.at),
            "reasons": reasons,
        }
    return {"decision": "refuse", "pack": answer.pack, "not_before": None, "reasons": reasons}


def answer_text(answer: Answer) -> str:
    """`answer_data` as canonical JSON."""
    if isinstance(answer, Clearance):
        return _clearance_text(answer.pack, answer.not_before, answer.not_after)
    return canonical(answer_data(answer))


@lru_cache(maxsize=1000)
def _clearance_text(pack: str, not_before: datetime, not_after: datetime) -> str:
    # The text does not name the contact, so a night's clearances are one of a few.
    any_contact = Contact(Channel.SMS, Purpose.REMINDER, "")
    return canonical(answer_data(Clearance(any_contact, not_before, not_after, pack)))


def reason_data(reason: Reason) -> JsonObject:
    return {
        "rule": reason.rule,
        "citation": reason.citation,
        "detail": reason.detail,
        "force": reason.force,
        "verified": reason.verified,
        "until": instant_text(reason.until) if reason.until else None,
        "figures": dict(reason.figures),
    }


ANSWER_KEYS = ("decision", "pack", "not_before", "not_after", "reasons")


# --- replay ----------------------------------------------------------------------------------------------


DECISION_KINDS = (*(answer.KIND for answer in _ANSWERS.values()), ContactWithheld.KIND)


@dataclass(frozen=True, slots=True)
class Replay:
    """An answer on record, and the one that the same pack gives to the same question now."""

    event_id: int
    at: datetime
    recorded: JsonObject
    again: JsonObject

    @property
    def same(self) -> bool:
        return self.recorded == self.again

    @property
    def differences(self) -> dict[str, tuple[object, object]]:
        """Fields that differ: name -> (on record, now)."""
        return {
            name: (self.recorded.get(name), self.again.get(name))
            for name in ANSWER_KEYS
            if self.recorded.get(name) != self.again.get(name)
        }


def replay(session: Session, event_id: int) -> Replay:
    """Review the same request again, under that day's pack. NotFound if there is no such decision, or its
    facts are not kept any more; Conflict if they are not those that were recorded."""
    event = session.get(Event, event_id)
    if event is None or event.kind not in DECISION_KINDS:
        raise NotFound(f"There is no decision {event_id}.")
    data = json.loads(event.data)
    if "facts_sha256" not in data:
        raise NotFound(
            f"Decision {event_id} has no facts: the gate did not make it, or it is older than their record."
        )
    kept = session.get(DecisionFacts, event_id)
    if kept is None:
        raise NotFound(f"The facts of decision {event_id} are not kept any more.")
    if hashlib.sha256(kept.facts.encode()).hexdigest() != data["facts_sha256"]:
        raise Conflict(f"The facts of decision {event_id} are not those it was made on.")
    answer = read_request(kept.facts).answer(pack_by_label(session, data["pack"]))
    again = json.loads(canonical(answer_data(answer)))
    recorded = {name: data[name] for name in ANSWER_KEYS if name in data}
    return Replay(event_id, event.at, recorded, again)


# --- retention ------------------------------------------------------------------------------------------------


def forget_facts(session: Session, *, by: Actor, now: datetime, at_most: int = 50_000) -> int:
    """Delete the facts of decisions whose pack lets us keep them no longer: nothing has happened to the customer for so
    many years. The events stay, and their chain holds; the deletion is on record itself. Returns how many; ask again
    while it is `at_most`."""
    facts, event, later = table_of(DecisionFacts), table_of(Event), table_of(Event).alias()
    forgotten: dict[str, JsonObject] = {}
    left = at_most
    for label in session.scalars(sa.select(facts.c.pack).distinct().where(facts.c.at < years_before(now, 1))):
        retention = pack_by_label(session, label).retention
        if retention is None:
            continue
        since = years_before(now, retention.years)
        lately = sa.exists().where(later.c.customer_id == event.c.customer_id, later.c.at >= since)
        old = (
            sa.select(facts.c.event_id)
            .join(event, event.c.id == facts.c.event_id)
            .where(facts.c.pack == label, facts.c.at < since, ~lately)
            .limit(left)
        )
        ids = session.scalars(old).all()
        for some in chunked(ids, 5000):
            session.execute(sa.delete(facts).where(facts.c.event_id.in_(some)))
        left -= len(ids)
        if ids:
            forgotten[label] = {"decisions": len(ids), "older_than": instant_text(since)}
    if forgotten:
        told = NewEvent("retention", FactsForgotten(forgotten))
        record_many(session, [told], by=by, now=now)
    return at_most - left


def years_before(now: datetime, years: int) -> datetime:
    """The same day so many years ago; of 29 February, the 28th."""
    try:
        return now.replace(year=now.year - years)
    except ValueError:
        return now.replace(year=now.year - years, day=28)
