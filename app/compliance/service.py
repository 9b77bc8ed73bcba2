"""Gathering the facts the gate needs, putting its answers on record, and what a customer allows."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlmodel import Session, col, select

from app.cases.models import CaseHold
from app.cases.rules import CONVERSATIONS, CallResult
from app.cases.service import clean_text
from app.clock import local_instant
from app.compliance.models import Consent
from app.compliance.packfile import shipped_packs
from app.compliance.rules import (
    Answer,
    Clearance,
    Contact,
    ContactResult,
    Facts,
    Hold,
    Pack,
    PastContact,
    Reason,
    WaitUntil,
    review,
)
from app.db import chunked, table_of, upsert
from app.errors import NotFound
from app.ledger.models import Account, Customer, Portfolio
from app.timeline.models import Event
from app.timeline.rules import Channel, Kind, Purpose, instant_text
from app.timeline.service import NewEvent, customer_stream, record

COUNTED = (Kind.CONTACT_SENT, Kind.CALL_LOGGED)
"""Events that caps and gaps count: whatever a provider accepted, and every call that was made by hand."""


def pack_of(portfolio: Portfolio) -> Pack:
    try:
        return shipped_packs()[portfolio.pack]
    except KeyError:
        known = ", ".join(shipped_packs())
        raise NotFound(
            f"portfolio {portfolio.code} names policy pack {portfolio.pack!r}; known are {known}"
        ) from None


def address_of(customer: Customer, channel: Channel) -> str:
    """Where this channel reaches the customer; '' = nowhere."""
    if channel in (Channel.SMS, Channel.CALL):
        return customer.mobile
    if channel is Channel.EMAIL:
        return customer.email
    if not (customer.address_line1 and customer.city):
        return ""
    place = " ".join(filter(None, (customer.postcode, customer.city)))
    lines = (customer.full_name, customer.address_line1, customer.address_line2, place, customer.country)
    return "\n".join(filter(None, lines))


def gather_facts(
    session: Session,
    customers: Sequence[Customer],
    pack: Pack,
    *,
    now: datetime,
    reserved: Mapping[int, Sequence[PastContact]] | None = None,
) -> dict[int, Facts]:
    """Facts by customer id, for many customers at once. `reserved` are contacts not made yet that must count
    already (queued or being sent)."""
    ids = [c.id for c in customers if c.id is not None]
    consents, opted_out = _consents(session, ids)
    holds = _holds(session, customers)
    history = _history(session, ids, now - timedelta(days=pack.longest_window_days))
    facts = {}
    for customer in customers:
        assert customer.id is not None
        past = history.get(customer.id, []) + list((reserved or {}).get(customer.id, ()))
        facts[customer.id] = Facts(
            timezones=(customer.timezone,) if customer.timezone else (),
            consent=consents.get(customer.id, {}),
            opted_out_at=opted_out.get(customer.id, {}),
            holds=tuple(holds.get(customer.id, ())),
            history=tuple(sorted(past, key=lambda contact: contact.at)),
        )
    return facts


def _consents(
    session: Session, ids: Sequence[int]
) -> tuple[dict[int, dict[Channel, bool]], dict[int, dict[Channel, datetime]]]:
    allowed: dict[int, dict[Channel, bool]] = {}
    opted_out: dict[int, dict[Channel, datetime]] = {}
    for some in chunked(ids, 5000):
        for row in session.scalars(select(Consent).where(col(Consent.customer_id).in_(some))):
            allowed.setdefault(row.customer_id, {})[row.channel] = row.allowed
            if not row.allowed:
                opted_out.setdefault(row.customer_id, {})[row.channel] = row.at
    return allowed, opted_out


def _holds(session: Session, customers: Sequence[Customer]) -> dict[int, list[Hold]]:
    """Open holds. A hold's date is a local one: it lapses when that day begins where the customer lives."""
    zones = {c.id: c.timezone or "UTC" for c in customers}
    holds: dict[int, list[Hold]] = {}
    for some in chunked(list(zones), 5000):
        query = select(CaseHold).where(col(CaseHold.customer_id).in_(some), col(CaseHold.ended_at).is_(None))
        for row in session.scalars(query):
            until = local_instant(row.until, 0, 0, zones[row.customer_id])
            holds.setdefault(row.customer_id, []).append(Hold(row.kind, row.started_at, until))
    return holds


def _history(session: Session, ids: Sequence[int], since: datetime) -> dict[int, list[PastContact]]:
    event = table_of(Event)
    history: dict[int, list[PastContact]] = {}
    for some in chunked(ids, 5000):
        query = (
            sa.select(event.c.customer_id, event.c.kind, event.c.at, event.c.channel, event.c.data)
            .where(event.c.customer_id.in_(some), event.c.kind.in_(COUNTED), event.c.at >= since)
            .order_by(event.c.at)
        )
        for customer_id, kind, at, channel, text in session.connection().execute(query):
            data = json.loads(text)
            result = ContactResult.PLACED
            if kind is Kind.CALL_LOGGED and CallResult(data["result"]) in CONVERSATIONS:
                result = ContactResult.ANSWERED
            address = data.get("number") or data.get("to") or ""
            history.setdefault(customer_id, []).append(PastContact(at, channel, result, address))
    return history


def record_answer(
    case_id: int | None, customer_id: int, contact: Contact, answer: Answer, **about: Any
) -> NewEvent:
    """The answer as an event, with every reason; `about` says what the contact was for (letter, step, key)."""
    kind = Kind.CONTACT_REFUSED
    if isinstance(answer, Clearance):
        kind = Kind.CONTACT_CLEARED
    elif isinstance(answer, WaitUntil):
        kind = Kind.CONTACT_WAITING
    data = {"purpose": contact.purpose.value, **about, **answer_data(answer)}
    return NewEvent(
        customer_stream(customer_id),
        kind,
        data,
        customer_id=customer_id,
        case_id=case_id,
        channel=contact.channel,
    )


def answer_data(answer: Answer) -> dict[str, Any]:
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


def reason_data(reason: Reason) -> dict[str, Any]:
    return {
        "rule": reason.rule,
        "citation": reason.citation,
        "detail": reason.detail,
        "force": reason.force,
        "verified": reason.verified,
        "until": instant_text(reason.until) if reason.until else None,
        "figures": dict(reason.figures),
    }


def explain(
    session: Session,
    portfolio: Portfolio,
    customer: Customer,
    channel: Channel,
    purpose: Purpose,
    *,
    at: datetime,
) -> Answer:
    """What the gate would say at `at`; nothing is sent and nothing recorded."""
    pack = pack_of(portfolio)
    assert customer.id is not None
    facts = gather_facts(session, [customer], pack, now=at)[customer.id]
    return review(Contact(channel, purpose, address_of(customer, channel)), facts, pack, at)


def customer_of_account(session: Session, account_ref: str) -> tuple[Portfolio, Customer]:
    """The customer an account belongs to. NotFound if there is none, or in several portfolios."""
    accounts = session.scalars(select(Account).where(Account.reference == account_ref)).all()
    if len(accounts) != 1:
        what = "no account" if not accounts else "more than one portfolio has an account"
        raise NotFound(f"{what} {account_ref!r}")
    account = accounts[0]
    return session.get_one(Portfolio, account.portfolio_id), session.get_one(Customer, account.customer_id)


def set_consent(
    session: Session,
    customer: Customer,
    channel: Channel,
    *,
    allowed: bool,
    source: str,
    case_id: int | None = None,
    by: str,
    now: datetime,
) -> None:
    """Remember that the customer allows or refuses a channel; the gate obeys from this moment."""
    source = clean_text(source, "source", required=False, at_most=120)
    insert = upsert(session, Consent)
    values = {"allowed": allowed, "source": source, "at": now}
    session.execute(
        insert.values(customer_id=customer.id, channel=channel, **values).on_conflict_do_update(
            index_elements=["customer_id", "channel"], set_=values
        )
    )
    assert customer.id is not None
    event = NewEvent(
        customer_stream(customer.id),
        Kind.CONSENT_CHANGED,
        {"allowed": allowed, "source": source},
        customer_id=customer.id,
        case_id=case_id,
        channel=channel,
    )
    record(session, event, by=by, now=now)
