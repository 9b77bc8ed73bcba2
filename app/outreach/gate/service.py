"""Putting the gate's answers on record, what a customer allows and tells, and a portfolio's own rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import func
from sqlmodel import Session, col, select

from app.book.ledger.models import Account, Customer, Portfolio
from app.book.ledger.references import normal_reference
from app.casework.cases.standing import is_known, standing_now
from app.core.actor import Actor
from app.core.bulk import upsert
from app.core.clock import local_date
from app.core.errors import Conflict, Invalid, NotFound
from app.core.ids import id_of
from app.core.text import clean_text, refuse_card_number
from app.core.timeline.rules import Kind
from app.core.timeline.service import NewEvent, customer_stream, portfolio_stream, record
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.decisions import answer_data
from app.outreach.gate.facts import address_of, gather_facts
from app.outreach.gate.models import Consent, ContactPreference
from app.outreach.gate.pack_versions import keep_pack, pack_by_label
from app.policy.answers import Answer, Clearance, Reason, Refusals
from app.policy.composition import pack_of, packs_for
from app.policy.facts import Contact, PreferenceKind
from app.policy.overrides import check
from app.policy.packfile import shipped_packs
from app.policy.review import review, suit_objections
from app.policy.zones import is_place

__all__ = [
    "address_of", "answer_data", "customer_of_account", "explain", "gather_facts", "keep_pack", "may_sue",
    "open_preferences", "opt_out_of_all", "pack_by_label", "pack_of", "packs_for", "set_consent", "set_preference",
    "suits_barred", "tighten_portfolio",
]  # fmt: skip


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
    pack = packs_for(portfolio, customer)
    assert customer.id is not None
    facts = gather_facts(session, [customer], pack, now=at)[customer.id]
    answer = review(Contact(channel, purpose, address_of(customer, channel)), facts, pack, at)
    nothing = nothing_to_remind_of(session, portfolio, customer, at=at)
    return with_objection(answer, nothing) if nothing and purpose is Purpose.REMINDER else answer


NOTHING_OWED = "desk.nothing_owed"
"""Not a rule of a pack: whoever owes nothing is reminded of nothing, whatever the law would permit."""


def nothing_to_remind_of(
    session: Session, portfolio: Portfolio, customer: Customer, *, at: datetime
) -> Reason | None:
    """Why no reminder could say anything true at `at`, with everything posted until now; None = something is past due
    and owed, or no file has told of this customer's debt yet."""
    assert customer.id is not None
    if not is_known(session, customer.id):
        return None
    today = local_date(at, portfolio.timezone)
    if standing_now(session, portfolio, customer.id, today).past_due > 0:
        return None
    return Reason(
        NOTHING_OWED, "what is owed decides", "nothing is past due and owed", "house", verified=True
    )


def with_objection(answer: Answer, reason: Reason) -> Refusals:
    """The answer with one more reason, which does not lapse by itself."""
    others = () if isinstance(answer, Clearance) else answer.reasons
    return Refusals((reason, *others), answer.pack)


def may_sue(
    session: Session, portfolio: Portfolio, customer: Customer, *, at: datetime
) -> tuple[Reason, ...]:
    """Why this customer's debt may not be handed to a court at `at`: notices that still run, or a debt too old.
    Empty = nothing the packs know of stands in the way."""
    pack = packs_for(portfolio, customer)
    assert customer.id is not None
    return suit_objections(gather_facts(session, [customer], pack, now=at)[customer.id], pack, at)


def suits_barred(
    session: Session, portfolio: Portfolio, customers: Sequence[Customer], *, at: datetime
) -> dict[int, tuple[Reason, ...]]:
    """`may_sue` for many customers at once; by id, those only whose debt may not be handed to a court."""
    packs = {id_of(customer): packs_for(portfolio, customer) for customer in customers}
    facts = gather_facts(session, customers, packs, now=at)
    found = {i: suit_objections(facts[i], pack, at) for i, pack in packs.items()}
    return {i: reasons for i, reasons in found.items() if reasons}


def customer_of_account(
    session: Session, account_ref: str, portfolio: str = ""
) -> tuple[Portfolio, Customer]:
    """The customer an account belongs to. NotFound if there is none, or several portfolios have it and none is
    named."""
    query = select(Account, Portfolio).join(Portfolio, col(Portfolio.id) == Account.portfolio_id)
    if portfolio:
        query = query.where(Portfolio.code == portfolio)
    query, normal = query.order_by(col(Portfolio.code)), normal_reference(account_ref)
    found = session.execute(query.where(col(Account.reference).in_((account_ref, normal)))).all()
    if not found:
        in_capitals = func.upper(col(Account.reference)) == normal.upper()
        found = session.execute(query.where(in_capitals)).all()
    if len(found) != 1:
        raise NotFound(_not_one_account(account_ref, portfolio, [(a.reference, b.code) for a, b in found]))
    account, book = found[0]
    return book, session.get_one(Customer, account.customer_id)


def _not_one_account(account_ref: str, portfolio: str, found: Sequence[tuple[str, str]]) -> str:
    """Why a reference names no single account; `found` are (reference, portfolio) of those that it may name."""
    if not found:
        return f"There is no account {account_ref!r}{f' in portfolio {portfolio}' if portfolio else ''}."
    codes = list(dict.fromkeys(code for _, code in found))
    if len(codes) > 1:
        return f"Several portfolios have an account {account_ref!r} ({', '.join(codes)}). Say which with --portfolio."
    names = ", ".join(sorted(reference for reference, _ in found))
    return f"{account_ref!r} could be any of {names}. Write its letters as the account has them."


def set_consent(
    session: Session,
    customer: Customer,
    channel: Channel,
    *,
    allowed: bool,
    source: str,
    case_id: int | None = None,
    by: Actor,
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


def consents_of(session: Session, customer_id: int) -> list[Consent]:
    """What the customer said about each channel, in the order of the channels; none where they said nothing."""
    found = session.scalars(select(Consent).where(Consent.customer_id == customer_id))
    return sorted(found, key=lambda consent: list(Channel).index(consent.channel))


def opt_out_of_all(
    session: Session, customer: Customer, *, source: str, case_id: int | None = None, by: Actor, now: datetime
) -> None:
    """The customer wants no contact on any channel, said in whatever way: no channel is left open."""
    for channel in Channel:
        set_consent(session, customer, channel, allowed=False, source=source, case_id=case_id, by=by, now=now)


def set_preference(
    session: Session,
    customer: Customer,
    kind: PreferenceKind,
    *,
    channel: Channel | None = None,
    weekdays: Sequence[int] = (),
    start_minute: int = 0,
    end_minute: int = 1440,
    address: str = "",
    timezone: str = "",
    until: date | None = None,
    source: str,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPreference:
    """Remember a time or place that does not suit the customer, or where they say they live.

    Minutes are after local midnight; `weekdays` Monday = 0, none = all; `address` as it is on file; `until` the last
    local date. A new time zone takes the place of the one told before. Invalid names the field that is wrong.
    """
    source = clean_text(source, "source", required=False, at_most=120)
    # One mobile number in ten passes for a card number; those on file were looked at when they came.
    if address != customer.mobile:
        refuse_card_number(address, "address")
    _check_preference(kind, weekdays, start_minute, end_minute, address, timezone)
    assert customer.id is not None
    if kind is PreferenceKind.TIMEZONE:
        _end_told_zones(session, customer.id, now)
    row = ContactPreference(
        customer_id=customer.id,
        kind=kind,
        channel=channel,
        weekdays=",".join(str(day) for day in sorted(set(weekdays))),
        start_minute=start_minute,
        end_minute=end_minute,
        address=address,
        timezone=timezone,
        until=until,
        source=source,
        created_at=now,
        by=by,
    )
    session.add(row)
    session.flush()
    told = {
        "preference": row.id,
        "kind": kind.value,
        "weekdays": row.weekdays,
        "until": until,
        "source": source,
    }
    if kind is PreferenceKind.TIME:
        told |= {"start_minute": start_minute, "end_minute": end_minute}
    if kind is PreferenceKind.TIMEZONE:
        told |= {"timezone": timezone}
    event = NewEvent(
        customer_stream(customer.id),
        Kind.PREFERENCE_SET,
        told,
        customer_id=customer.id,
        case_id=case_id,
        channel=channel,
    )
    record(session, event, by=by, now=now)
    return row


def rest_address(
    session: Session,
    customer: Customer,
    address: str,
    *,
    source: str,
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> ContactPreference | None:
    """Use a number or address on no channel until a person confirms it: somebody else was reached there. The rest that
    is in force already, where there is one; None without an address."""
    if not address:
        return None
    for told in open_preferences(session, id_of(customer)):
        at_all = told.kind is PreferenceKind.PLACE and told.channel is None and told.until is None
        if at_all and told.address == address:
            return told
    return set_preference(
        session,
        customer,
        PreferenceKind.PLACE,
        address=address,
        source=source,
        case_id=case_id,
        by=by,
        now=now,
    )


def _check_preference(
    kind: PreferenceKind, weekdays: Sequence[int], start: int, end: int, address: str, timezone: str
) -> None:
    if any(day not in range(7) for day in weekdays):
        raise Invalid("weekdays are 0 (Monday) to 6", "weekdays")
    if not 0 <= start < end <= 1440:
        raise Invalid("the time must begin before it ends, on one day", "start_minute")
    needs_address = kind in (PreferenceKind.PLACE, PreferenceKind.WORKPLACE)
    if needs_address and not address:
        raise Invalid("name the number or address", "address")
    if kind is PreferenceKind.TIMEZONE and not is_place(timezone):
        raise Invalid(f"Unknown time zone {timezone!r}: name a place, such as America/Chicago.", "timezone")


def _end_told_zones(session: Session, customer_id: int, now: datetime) -> None:
    query = select(ContactPreference).where(
        ContactPreference.customer_id == customer_id,
        ContactPreference.kind == PreferenceKind.TIMEZONE,
        col(ContactPreference.ended_at).is_(None),
    )
    for row in session.scalars(query):
        row.ended_at = now


def open_preferences(session: Session, customer_id: int) -> list[ContactPreference]:
    """What the customer told and has not taken back, oldest first."""
    query = select(ContactPreference).where(
        ContactPreference.customer_id == customer_id, col(ContactPreference.ended_at).is_(None)
    )
    return list(session.scalars(query.order_by(col(ContactPreference.id))))


def end_preference(
    session: Session,
    row: ContactPreference,
    *,
    reason: str = "",
    case_id: int | None = None,
    by: Actor,
    now: datetime,
) -> None:
    """The customer takes back what they told, or a person confirms an address. Conflict if they did so before."""
    reason = clean_text(reason, "reason", required=False, at_most=500)
    if row.ended_at is not None:
        raise Conflict("this preference has ended already")
    row.ended_at = now
    event = NewEvent(
        customer_stream(row.customer_id),
        Kind.PREFERENCE_ENDED,
        {"preference": row.id, "kind": row.kind.value} | ({"reason": reason} if reason else {}),
        customer_id=row.customer_id,
        case_id=case_id,
        channel=row.channel,
    )
    record(session, event, by=by, now=now)


def tighten_portfolio(
    session: Session, portfolio: Portfolio, text: str, *, by: Actor, now: datetime
) -> list[str]:
    """Put the portfolio's own contact rules (TOML, docs/packs.md) in the place of those it had; '' takes them away.
    Returns the ids of the rules. BadPack for what is wrong, and for anything looser than a pack's rule."""
    text = text.strip()
    ids = check(text, [rule for pack in shipped_packs().values() for rule in pack.rules]) if text else []
    portfolio.tightening = text
    assert portfolio.id is not None
    data = {"rules": ids, "text": text, "pack": pack_of(portfolio).label}
    record(session, NewEvent(portfolio_stream(portfolio.id), Kind.PORTFOLIO_TIGHTENED, data), by=by, now=now)
    return ids
