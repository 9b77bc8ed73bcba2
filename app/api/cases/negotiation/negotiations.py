"""Negotiations: find offers, judge the customer's own figures, refuse and take offers, replay the answer."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path, Request
from sqlmodel import Session

from app.actions.agreements import Agreement
from app.actions.negotiation.negotiating import counter_offer, negotiate, preview_offers, refuse_offer
from app.actions.negotiation.sending import send_offer
from app.actions.negotiation.taking import take_offer
from app.api.cases.agreement_shapes import AgreementShape, PlanShape
from app.api.cases.lookup import case_named
from app.api.cases.negotiation.bodies import NewCounter, NewNegotiation, NewRefusal, NewTaking
from app.api.cases.negotiation.shapes import (
    NegotiationOfferShape,
    NegotiationShape,
    ReplayShape,
    SolutionShape,
    TakenShape,
)
from app.api.deps import ApiCaseReader, ApiCaseWorker, OnceSession, Page, ReadSession, api_router
from app.api.fields import MAX_ID, CaseRef, RowId, naming
from app.book.portfolios.models import Portfolio
from app.casework.cases.models import CollectionsCase
from app.casework.negotiation.record.models import Negotiation
from app.casework.negotiation.record.queries import (
    negotiation_of,
    negotiations_of,
    offer_of,
    offers_of,
    standing_offers,
)
from app.casework.negotiation.record.replay import replay
from app.casework.plans.queries import instalments_of
from app.core.clock import local_date
from app.core.ids import id_of
from app.http.context import Now, ports_of

router = api_router("/cases/{reference}", tags=["negotiation"])

_SAID = {"payday_on": "next_on", "payday_cadence": "cadence", "payday_days_after": "days_after"}
"""Names that an answer on affordability gives its values -> members of the body."""
OfferId = Annotated[int, Path(ge=1, le=MAX_ID, description="Id of the offer.")]


@router.post("/negotiations", status_code=201, summary="Find the offers that a case can be made")
def post_negotiation(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewNegotiation
) -> NegotiationShape:
    """Offers that the household can pay, that the law, the limits and this token's authority permit, the best first;
    and for each kind without one the reason. All of it is put on record; until an offer expires its price holds."""
    case, portfolio = _case(session, reference, lock=True)
    said = body.said.answer(portfolio) if body.said else None
    with naming(**_SAID):
        made = negotiate(session, case, said, by=caller.by, role=caller.role, now=now)
    return _negotiation(session, made.negotiation, portfolio)


@router.post("/negotiations/preview", summary="See the offers; nothing is recorded")
def post_negotiation_preview(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewNegotiation
) -> SolutionShape:
    """The same answer as figures change during a call. No price holds."""
    case, portfolio = _case(session, reference)
    said = body.said.answer(portfolio) if body.said else None
    return SolutionShape.of(
        preview_offers(session, case, said, role=caller.role, now=now), portfolio.currency
    )


@router.get("/negotiations", summary="List a case's negotiations")
def list_negotiations(
    reference: CaseRef, _caller: ApiCaseReader, session: ReadSession
) -> Page[NegotiationShape]:
    """The latest twenty, the latest first, each with its offers."""
    case, portfolio = _case(session, reference)
    rows = negotiations_of(session, id_of(case))
    offers = offers_of(session, [id_of(row) for row in rows])
    return Page(items=[NegotiationShape.of(row, offers[id_of(row)], portfolio) for row in rows])


@router.get("/negotiations/{negotiation_id}", summary="Read a negotiation")
def get_negotiation(
    reference: CaseRef, negotiation_id: RowId, _caller: ApiCaseReader, session: ReadSession
) -> NegotiationShape:
    """The negotiation: who asked, when, and every offer with its state; the kinds not offered come last."""
    case, portfolio = _case(session, reference)
    return _negotiation(session, negotiation_of(session, case, negotiation_id), portfolio)


@router.get("/negotiations/{negotiation_id}/replay", summary="Replay a negotiation")
def get_replay(
    reference: CaseRef, negotiation_id: RowId, _caller: ApiCaseReader, session: ReadSession
) -> ReplayShape:
    """The stored facts are solved again; `is_same` says whether the answer is the one on record."""
    case, portfolio = _case(session, reference)
    return ReplayShape.of(replay(negotiation_of(session, case, negotiation_id)), portfolio.currency)


@router.post(
    "/negotiations/{negotiation_id}/counters", status_code=201, summary="Judge the customer's own figures"
)
def post_counter(
    reference: CaseRef,
    negotiation_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewCounter,
) -> NegotiationOfferShape:
    """An offer that can be taken, or `not_offered` with the reason. Either is put on record."""
    case, portfolio = _case(session, reference, lock=True)
    made = counter_offer(
        session, case, negotiation_id, body.counter(portfolio), by=caller.by, role=caller.role, now=now
    )
    return NegotiationOfferShape.of(made, portfolio.currency)


@router.get("/offers", summary="List the offers that can be taken")
def list_offers(
    reference: CaseRef, _caller: ApiCaseReader, session: ReadSession, now: Now
) -> Page[NegotiationOfferShape]:
    """Offers of the case whose price holds today, the latest first."""
    case, portfolio = _case(session, reference)
    rows = standing_offers(session, id_of(case), local_date(now, portfolio.timezone))
    return Page(items=[NegotiationOfferShape.of(row, portfolio.currency) for row in rows])


@router.post("/offers/{offer_id}/refusal", summary="Refuse an offer")
def post_refusal(
    reference: CaseRef,
    offer_id: OfferId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewRefusal,
) -> NegotiationOfferShape:
    """The customer does not want it; the reason is kept for the next call."""
    case, portfolio = _case(session, reference, lock=True)
    row = refuse_offer(session, case, offer_id, body.reason, by=caller.by, now=now)
    return NegotiationOfferShape.of(row, portfolio.currency)


@router.post("/offers/{offer_id}/acceptance", summary="Take an offer")
def post_taking(
    request: Request,
    reference: CaseRef,
    offer_id: OfferId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewTaking,
) -> TakenShape:
    """Agree on it at the price that was shown; a plan that runs is replaced. Beyond this token's authority a request
    goes to the managers instead (`request_id`); once it is approved, taking the offer again agrees on it."""
    case, portfolio = _case(session, reference, lock=True)
    taken = take_offer(
        session,
        case,
        offer_id,
        ports_of(request).catalog,
        body.agreed(),
        reason=body.reason,
        by=caller.by,
        role=caller.role,
        now=now,
    )
    return TakenShape(
        offer=NegotiationOfferShape.of(taken.offer, portfolio.currency),
        agreement=_agreement(session, portfolio, taken.agreement) if taken.agreement else None,
        request_id=taken.offer.request_id,
    )


@router.post("/offers/{offer_id}/sending", status_code=201, summary="Send an offer in writing")
def post_sending(
    request: Request,
    reference: CaseRef,
    offer_id: OfferId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
) -> NegotiationOfferShape:
    """Offer it at the price that was shown; it waits for the customer's answer. Within this token's authority."""
    case, portfolio = _case(session, reference, lock=True)
    catalog = ports_of(request).catalog
    send_offer(session, case, offer_id, catalog, by=caller.by, role=caller.role, now=now)
    return NegotiationOfferShape.of(offer_of(session, case, offer_id), portfolio.currency)


def _case(session: Session, reference: str, *, lock: bool = False) -> tuple[CollectionsCase, Portfolio]:
    case = case_named(session, reference, lock=lock)
    return case, session.get_one(Portfolio, case.portfolio_id)


def _negotiation(session: Session, row: Negotiation, portfolio: Portfolio) -> NegotiationShape:
    return NegotiationShape.of(row, offers_of(session, [id_of(row)])[id_of(row)], portfolio)


def _agreement(session: Session, portfolio: Portfolio, made: Agreement) -> AgreementShape:
    parts = instalments_of(session, [id_of(made.plan)])[id_of(made.plan)]
    return AgreementShape.with_answers(PlanShape.of(portfolio, made.plan, parts), made.confirmations)
