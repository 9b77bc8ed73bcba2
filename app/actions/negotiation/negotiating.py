"""Negotiation: which offers a case can be made, what the customer proposes, and what becomes of each offer.

The solver is told everything as of this moment (`app/casework/negotiation/gathering.py`) and its whole answer is put on
record, also the kinds that are not offered and why. Until an offer expires its price holds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session

from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.facts import NotOffered, Option, Solution, SolverFacts
from app.casework.negotiation.gathering import gather_facts
from app.casework.negotiation.household.affordability import Said
from app.casework.negotiation.household.queries import affordability_of
from app.casework.negotiation.household.service import Answer, check_answer, store_answer
from app.casework.negotiation.options import judge_counter, solve
from app.casework.negotiation.record import service
from app.casework.negotiation.record.chances import KeptChance, chance_from
from app.casework.negotiation.record.models import Negotiation, NegotiationOffer
from app.casework.negotiation.record.queries import negotiation_of, offer_of
from app.casework.negotiation.solver.counter import Counter
from app.casework.risk.queries import chance_for
from app.core.actor import Actor
from app.core.clock import local_date
from app.core.errors import Forbidden, Invalid
from app.core.staff.rules import CASEWORK, Role
from app.core.timeline.service import lock_customers


@dataclass(frozen=True, slots=True)
class Negotiated:
    """A negotiation on record, and the solver's answer."""

    negotiation: Negotiation
    solution: Solution


def negotiate(
    session: Session,
    case: CollectionsCase,
    said: Answer | None = None,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> Negotiated:
    """Find the offers that this person may make, and put them on record with the reasons against all others. `said`:
    what the customer says now that they can pay, and when they are paid; it is recorded too."""
    lock_customers(session, [case.customer_id])
    today = _today(session, case, now)
    if said is not None:
        store_answer(session, case, said, by=by, today=today, now=now)
    facts, chance = (
        _facts(session, case, None, role=role, today=today, now=now),
        _chance(session, case, today),
    )
    solution = solve(facts, chance)
    row = service.store_negotiation(session, case, facts, chance, solution, role=role, by=by, now=now)
    return Negotiated(row, solution)


def preview_offers(
    session: Session, case: CollectionsCase, said: Answer | None, *, role: Role, now: datetime
) -> Solution:
    """The same answer, as figures are typed: nothing is recorded, and no price holds. Invalid as `negotiate` is."""
    today = _today(session, case, now)
    if said is not None:
        check_answer(said, today)
    facts = _facts(session, case, said, role=role, today=today, now=now)
    return solve(facts, _chance(session, case, today))


def chance_version(session: Session, case: CollectionsCase, *, now: datetime) -> str:
    """Which chances a negotiation of this case would use now."""
    return _chance(session, case, _today(session, case, now)).version


def preview_counter(
    session: Session,
    case: CollectionsCase,
    said: Answer | None,
    counter: Counter,
    *,
    role: Role,
    now: datetime,
) -> Option | NotOffered:
    """The answer that `counter_offer` would give to the figures typed so far. Records nothing."""
    today = _today(session, case, now)
    check_counter(counter, today)
    facts = _facts(session, case, said, role=role, today=today, now=now)
    return judge_counter(facts, counter, _chance(session, case, today))


def counter_offer(
    session: Session,
    case: CollectionsCase,
    negotiation_id: int,
    counter: Counter,
    *,
    by: Actor,
    role: Role,
    now: datetime,
) -> NegotiationOffer:
    """Judge the customer's own figures with the facts of this moment, and put the answer on record: an offer that can
    be taken, or the reason why it cannot be made."""
    lock_customers(session, [case.customer_id])
    negotiation = negotiation_of(session, case, negotiation_id)
    today = _today(session, case, now)
    check_counter(counter, today)
    facts = _facts(session, case, None, role=role, today=today, now=now)
    judged: Option | NotOffered = judge_counter(facts, counter, _chance(session, case, today))
    total = judged.total_cost_minor if isinstance(judged, Option) else counter.payment_minor
    return service.store_counter(session, case, negotiation, judged, total, today=today, by=by, now=now)


def refuse_offer(
    session: Session, case: CollectionsCase, offer_id: int, reason: str, *, by: Actor, now: datetime
) -> NegotiationOffer:
    """The customer does not want an offer; the reason helps the next call. Conflict where it stands no more."""
    lock_customers(session, [case.customer_id])
    offer = offer_of(session, case, offer_id)
    service.refuse(session, case, offer, reason, today=_today(session, case, now), by=by, now=now)
    return offer


def check_counter(counter: Counter, today: date) -> None:
    """Invalid, with its field, for figures that make no proposal."""
    if counter.payment_minor <= 0:
        raise Invalid("The payment must be positive. Enter what the customer would pay each time.", "payment")
    if counter.down_payment_minor < 0:
        raise Invalid("The down payment cannot be negative. Enter 0 for none.", "down_payment")
    if counter.payments is not None and counter.payments < 1:
        raise Invalid("There is at least one payment.", "payments")
    if counter.first_on is not None and counter.first_on < today:
        raise Invalid("The first payment cannot be due in the past.", "first_on")


def _facts(
    session: Session,
    case: CollectionsCase,
    said: Answer | None,
    *,
    role: Role,
    today: date,
    now: datetime,
) -> SolverFacts:
    if role not in CASEWORK:
        raise Forbidden("Your role may not negotiate. Ask an agent or a manager.")
    words = None if said is None else Said(today, now, said.monthly_minor, said.once_minor, said.payday)
    able = affordability_of(session, case.customer_id, today=today, said=words)
    return gather_facts(session, case, able, role=role, today=today)


def _chance(session: Session, case: CollectionsCase, today: date) -> KeptChance:
    portfolio = session.get_one(Portfolio, case.portfolio_id)
    return chance_from(chance_for(session, portfolio, case.customer_id, today))


def _today(session: Session, case: CollectionsCase, now: datetime) -> date:
    return local_date(now, session.get_one(Portfolio, case.portfolio_id).timezone)
