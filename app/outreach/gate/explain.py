"""Explanations: the gate's answer about a contact or a lawsuit, with nothing recorded."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlmodel import Session

from app.book.ledger.models import Customer
from app.book.portfolios.models import Portfolio
from app.casework.cases.debt import (
    debt_now,
    is_known,
)
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.facts import address_of, gather_facts
from app.policy.answers import Answer, Clearance, Reason, Refusals
from app.policy.composition import packs_for
from app.policy.facts import Contact
from app.policy.review import review, suit_objections


def explain(
    session: Session,
    portfolio: Portfolio,
    customer: Customer,
    channel: Channel,
    purpose: Purpose,
    *,
    at: datetime,
) -> Answer:
    """The gate's answer at `at`; nothing is sent and nothing recorded."""
    pack = packs_for(portfolio, customer)
    facts = gather_facts(session, [customer], pack, now=at)[id_of(customer)]
    answer = review(Contact(channel, purpose, address_of(customer, channel)), facts, pack, at)
    nothing = nothing_to_remind_of(session, portfolio, customer, at=at)
    return with_objection(answer, nothing) if nothing and purpose is Purpose.REMINDER else answer


NOTHING_OWED = "desk.nothing_owed"
"""Not a rule of a pack: a customer who owes nothing is reminded of nothing, although the law would permit it."""


def nothing_to_remind_of(
    session: Session, portfolio: Portfolio, customer: Customer, *, at: datetime
) -> Reason | None:
    """Reason why no reminder would be true at `at`, with everything posted until now; None = something is past due and
    owed, or no file has brought this customer's debt yet."""
    if not is_known(session, id_of(customer)):
        return None
    today = local_date(at, portfolio.timezone)
    if debt_now(session, portfolio, id_of(customer), today).past_due > 0:
        return None
    return nothing_owed()


def nothing_owed() -> Reason:
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
    """Reason why this customer's debt may not be handed to a court at `at`: notices that still run, or a debt too old.
    Empty = no rule of the packs stands in the way."""
    pack = packs_for(portfolio, customer)
    return suit_objections(gather_facts(session, [customer], pack, now=at)[id_of(customer)], pack, at)


def suits_barred(
    session: Session, portfolio: Portfolio, customers: Sequence[Customer], *, at: datetime
) -> dict[int, tuple[Reason, ...]]:
    """`may_sue` for many customers at once; by id, only those whose debt may not be handed to a court."""
    packs = {id_of(customer): packs_for(portfolio, customer) for customer in customers}
    facts = gather_facts(session, customers, packs, now=at)
    found = {i: suit_objections(facts[i], pack, at) for i, pack in packs.items()}
    return {i: reasons for i, reasons in found.items() if reasons}
