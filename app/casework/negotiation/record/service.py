"""Verbs of negotiations: record an answer of the solver, and what becomes of each offer. Row and event together, in the
caller's transaction; the caller holds the customer's lock."""

from __future__ import annotations

from datetime import date, datetime

import sqlalchemy as sa
from sqlmodel import Session, col

from app.casework.cases.models import CollectionsCase
from app.casework.cases.service import about_case
from app.casework.negotiation.facts import NotOffered, Option, Solution, SolverFacts
from app.casework.negotiation.options import SOLVER_VERSION
from app.casework.negotiation.record.chances import KeptChance, chance_text
from app.casework.negotiation.record.events import (
    Negotiated,
    OfferCountered,
    OfferEvent,
    OfferRefused,
    OfferTaken,
)
from app.casework.negotiation.record.models import Negotiation, NegotiationOffer
from app.casework.negotiation.record.rules import STANDING, OfferStatus, expires_on, require_standing
from app.core.actor import Actor
from app.core.database.bulk import chunked
from app.core.database.engine import table_of
from app.core.database.rows import Query
from app.core.ids import id_of
from app.core.kit.frozen_json import digest_of, to_json
from app.core.staff.rules import Role
from app.core.text import clean_reason
from app.core.timeline.models import Event
from app.core.timeline.service import record


def store_negotiation(
    session: Session,
    case: CollectionsCase,
    facts: SolverFacts,
    chance: KeptChance,
    solution: Solution,
    *,
    role: Role,
    by: Actor,
    now: datetime,
) -> Negotiation:
    """Put an answer of the solver on record: every offer shown, and every kind not offered with its reason."""
    row = Negotiation(
        portfolio_id=case.portfolio_id,
        case_id=id_of(case),
        customer_id=case.customer_id,
        at=now,
        by=by,
        role=role.value,
        facts=to_json(facts),
        chance=chance_text(chance),
        chance_version=chance.version,
        solver_version=SOLVER_VERSION,
        digest=digest_of(solution),
    )
    session.add(row)
    session.flush()
    session.add_all(
        _shown(row, option, rank, facts.today, by=by, now=now)
        for rank, option in enumerate(solution.options, start=1)
    )
    session.add_all(_refused(row, reason, by=by, now=now) for reason in solution.not_offered)
    session.flush()
    told = Negotiated(
        id_of(row),
        tuple(option.kind.value for option in solution.options),
        tuple(reason.kind.value for reason in solution.not_offered),
    )
    record(session, about_case(case, told), by=by, now=now)
    return row


def store_counter(
    session: Session,
    case: CollectionsCase,
    negotiation: Negotiation,
    judged: Option | NotOffered,
    total_minor: int,
    *,
    today: date,
    by: Actor,
    now: datetime,
) -> NegotiationOffer:
    """Put the customer's own figures on record: an offer that can be taken, or the reason why it cannot be made."""
    if isinstance(judged, Option):
        row = _shown(negotiation, judged, 0, today, by=by, now=now)
        row.status = OfferStatus.COUNTERED
    else:
        row = _refused(negotiation, judged, by=by, now=now)
        row.total_cost_minor = total_minor
    row.countered = True
    session.add(row)
    session.flush()
    told = OfferCountered(id_of(negotiation), id_of(row), row.kind, total_minor, row.reason)
    record(session, about_case(case, told), by=by, now=now)
    return row


def refuse(
    session: Session,
    case: CollectionsCase,
    offer: NegotiationOffer,
    reason: str,
    *,
    today: date,
    by: Actor,
    now: datetime,
) -> None:
    """The customer does not want an offer. Conflict where it does not stand any more."""
    require_standing(offer.status, offer.expires_on, today)
    offer.reason = clean_reason(reason, "reason", at_most=500)
    _end(session, case, offer, OfferStatus.REFUSED, OfferRefused, by=by, now=now)


def accept(
    session: Session,
    case: CollectionsCase,
    offer: NegotiationOffer,
    plan_id: int,
    *,
    by: Actor,
    now: datetime,
) -> None:
    """The offer became a plan; no other offer of the case stands beside it."""
    offer.plan_id = plan_id
    _end(session, case, offer, OfferStatus.ACCEPTED, OfferTaken, by=by, now=now)
    table = table_of(NegotiationOffer)
    session.execute(
        sa.update(NegotiationOffer)
        .where(table.c.case_id == id_of(case), table.c.status.in_(STANDING))
        .values(status=OfferStatus.EXPIRED, ended_at=now, ended_by=by, reason="Another offer was accepted.")
    )


def expire_shown_offers(
    session: Session,
    portfolio_id: int,
    on: date,
    *,
    but: Query | None = None,
    by: Actor,
    now: datetime,
) -> int:
    """Expire, at the end of `on`, offers whose price held until then, `but` not those of these ids. Returns how
    many."""
    statement = (
        sa.update(NegotiationOffer)
        .where(
            col(NegotiationOffer.portfolio_id) == portfolio_id,
            col(NegotiationOffer.status).in_(STANDING),
            col(NegotiationOffer.expires_on) <= on,
            sa.true() if but is None else col(NegotiationOffer.id).not_in(but),
        )
        .values(status=OfferStatus.EXPIRED, ended_at=now, ended_by=by)
        .execution_options(synchronize_session=False, preserve_rowcount=True)
    )
    return session.connection().execute(statement).rowcount


def delete_negotiations(session: Session, portfolio_id: int, since: datetime) -> int:
    """Delete negotiations older than `since` of customers to whom nothing has happened since. Returns how many."""
    table, offer, event = table_of(Negotiation), table_of(NegotiationOffer), table_of(Event)
    lately = sa.exists().where(event.c.customer_id == table.c.customer_id, event.c.at >= since)
    old = sa.select(table.c.id).where(table.c.portfolio_id == portfolio_id, table.c.at < since, ~lately)
    ids = session.scalars(old).all()
    for some in chunked(ids, 5000):
        session.execute(sa.delete(offer).where(offer.c.negotiation_id.in_(some)))
        session.execute(sa.delete(table).where(table.c.id.in_(some)))
    return len(ids)


def _end(
    session: Session,
    case: CollectionsCase,
    offer: NegotiationOffer,
    status: OfferStatus,
    kind: type[OfferEvent],
    *,
    by: Actor,
    now: datetime,
) -> None:
    offer.status, offer.ended_at, offer.ended_by = status, now, by
    session.flush()
    told = kind(offer.negotiation_id, id_of(offer), offer.kind, offer.total_cost_minor, offer.reason)
    record(session, about_case(case, told), by=by, now=now)


def _shown(
    row: Negotiation, option: Option, rank: int, today: date, *, by: Actor, now: datetime
) -> NegotiationOffer:
    return NegotiationOffer(
        negotiation_id=id_of(row),
        portfolio_id=row.portfolio_id,
        case_id=row.case_id,
        kind=option.kind,
        rank=rank,
        status=OfferStatus.SHOWN,
        terms=to_json(option),
        total_cost_minor=option.total_cost_minor,
        waived_minor=option.waived_minor,
        expected_kept_minor=option.expected_kept_minor,
        chance_kept=option.chance_kept,
        may_grant=option.may_grant,
        expires_on=expires_on(option, today),
        made_at=now,
        made_by=by,
    )


def _refused(row: Negotiation, reason: NotOffered, *, by: Actor, now: datetime) -> NegotiationOffer:
    return NegotiationOffer(
        negotiation_id=id_of(row),
        portfolio_id=row.portfolio_id,
        case_id=row.case_id,
        kind=reason.kind,
        rank=0,
        status=OfferStatus.NOT_OFFERED,
        reason=reason.why[:500],
        rule=reason.rule[:120],
        citation=reason.citation[:300],
        made_at=now,
        made_by=by,
    )
