"""Third parties of a case's customer: listed, put on file, contacted, taken off."""

from __future__ import annotations

from fastapi import Request

from app.actions.people import parties as acts
from app.actions.people import party_letters as letter_acts
from app.api.cases.lookup import case_named
from app.api.cases.people.party_shapes import (
    ChangedPartyInput,
    NewPartyInput,
    PartyContact,
    PartyIdentity,
    PartyLetterShape,
    PartyReason,
    PartyShape,
)
from app.api.deps import ApiCaseReader, ApiCaseWorker, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, RowId
from app.book.portfolios.days import local_today
from app.casework.parties.queries import get_party, parties_of
from app.casework.parties.told import NewParty
from app.http.context import Now, ports_of

router = api_router("/cases/{reference}", tags=["contacts"])


@router.get("/third-parties", summary="List a customer's third parties")
def list_third_parties(reference: CaseRef, _caller: ApiCaseReader, session: ReadSession) -> Page[PartyShape]:
    """Those who stand first, then those who were taken off."""
    case = case_named(session, reference)
    return Page(items=[PartyShape.of(party) for party in parties_of(session, case.customer_id)])


@router.post("/third-parties", summary="Put a third party on file")
def post_third_party(
    reference: CaseRef,
    request: Request,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewPartyInput,
) -> PartyShape:
    """An attorney or executor stops every contact with the customer at once, by a hold that a person ends."""
    case = case_named(session, reference, lock=True)
    today = local_today(session, case.portfolio_id, now)
    letters = ports_of(request).catalog
    new = NewParty(**body.model_dump())
    added = acts.add_party(session, case, new, letters, today=today, by=caller.by, now=now)
    return PartyShape.of(added.party)


@router.post("/third-parties/{party_id}/contacts", summary="Log a contact with a third party")
def post_third_party_contact(
    reference: CaseRef,
    party_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: PartyContact,
) -> PartyShape:
    """It is no contact with the customer and counts toward none of their limits."""
    case = case_named(session, reference, lock=True)
    today = local_today(session, case.portfolio_id, now)
    party = acts.log_party_contact(
        session,
        case,
        party_id,
        body.channel,
        body.note,
        inbound=body.inbound,
        reached=body.reached,
        today=today,
        by=caller.by,
        now=now,
    )
    return PartyShape.of(party)


@router.post("/third-parties/{party_id}/end", summary="Take a third party off")
def post_third_party_end(
    reference: CaseRef,
    party_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: PartyReason,
) -> PartyShape:
    """They may be told nothing from now on. A hold that came with them stays until a person ends it."""
    case = case_named(session, reference, lock=True)
    return PartyShape.of(acts.end_party(session, case, party_id, body.reason, by=caller.by, now=now))


@router.post("/third-parties/{party_id}/correct", summary="Put a third party's data or authority right")
def post_third_party_correct(
    reference: CaseRef,
    party_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: ChangedPartyInput,
) -> PartyShape:
    """Every field is taken as given. A letter that waits for the address before is withheld."""
    case = case_named(session, reference, lock=True)
    given = body.model_dump()
    reason = given.pop("reason")
    acts.correct_party(session, case, party_id, NewParty(**given), reason, by=caller.by, now=now)
    return PartyShape.of(get_party(session, case.customer_id, party_id))


@router.post("/third-parties/{party_id}/identity", summary="Record how a third party was identified")
def post_third_party_identity(
    reference: CaseRef,
    party_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: PartyIdentity,
) -> PartyShape:
    """Amounts are told on the telephone only after this."""
    case = case_named(session, reference, lock=True)
    return PartyShape.of(acts.identify_party(session, case, party_id, body.asked, by=caller.by, now=now))


@router.post("/third-parties/{party_id}/letter", summary="Write to who stands in for the customer")
def post_third_party_letter(
    reference: CaseRef,
    party_id: RowId,
    request: Request,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
) -> PartyLetterShape:
    """The executor is told what the estate owes, others who act for the customer what is past due; once a day at
    most."""
    case = case_named(session, reference, lock=True)
    letters = ports_of(request).catalog
    return PartyLetterShape.of(
        letter_acts.write_to_party(session, case, party_id, letters, by=caller.by, now=now)
    )


@router.post("/estate-enquiry", summary="Ask the estate who administers it")
def post_estate_enquiry(
    reference: CaseRef, request: Request, caller: ApiCaseWorker, session: OnceSession, now: Now
) -> PartyLetterShape:
    """A letter to the last address of a customer who died, once. It says nothing of a debt."""
    case = case_named(session, reference, lock=True)
    letters = ports_of(request).catalog
    return PartyLetterShape.of(letter_acts.ask_the_estate(session, case, letters, by=caller.by, now=now))
