"""Third parties of a case's customer: listed, put on file, contacted, taken off."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Request
from pydantic import Field

from app.actions.people import parties as acts
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, Day, RowId
from app.api.shapes import Shape
from app.book.portfolios.days import local_today
from app.casework.parties.models import ThirdParty
from app.casework.parties.queries import parties_of
from app.casework.parties.rules import MayBeTold, PartyKind
from app.casework.parties.service import NewParty
from app.core.ids import id_of
from app.core.text import Line, Paragraph
from app.core.vocabulary import Channel
from app.http.context import Now, ports_of

router = api_router("/cases/{reference}", tags=["contacts"])


class PartyShape(Shape):
    """A third party. Numbers and addresses stay in the desk."""

    id: int
    kind: PartyKind
    name: str
    organisation: str
    reference: str
    may_be_told: MayBeTold
    authority_from: date | None
    authority_until: date | None
    document_id: int | None
    note: str
    added_at: datetime
    ended_at: datetime | None

    @classmethod
    def of(cls, party: ThirdParty) -> Self:
        return cls(
            id=id_of(party),
            kind=party.kind,
            name=party.name,
            organisation=party.organisation,
            reference=party.reference,
            may_be_told=party.may_be_told,
            authority_from=party.authority_from,
            authority_until=party.authority_until,
            document_id=party.document_id,
            note=party.note,
            added_at=party.created_at,
            ended_at=party.ended_at,
        )


class NewPartyInput(Input):
    kind: Annotated[PartyKind, Field(strict=False)]
    name: Annotated[Line, Field(min_length=1, max_length=200)]
    may_be_told: Annotated[MayBeTold, Field(strict=False)] = MayBeTold.NOTHING
    organisation: Annotated[Line, Field(max_length=200)] = ""
    reference: Annotated[Line, Field(max_length=60, description="Their own number of the matter.")] = ""
    phone: Annotated[Line, Field(max_length=40)] = ""
    email: Annotated[Line, Field(max_length=254)] = ""
    address: Annotated[Paragraph, Field(max_length=400)] = ""
    authority_from: Day | None = None
    authority_until: Annotated[Day | None, Field(description="Last day; null = until it is withdrawn.")] = (
        None
    )
    document_id: Annotated[int | None, Field(ge=1, le=2**53, description="A document on file.")] = None
    note: Annotated[Line, Field(max_length=300)] = ""


class PartyContact(Input):
    channel: Annotated[Channel, Field(strict=False)]
    inbound: Annotated[bool, Field(description="They contacted us.")] = False
    note: Annotated[Paragraph, Field(min_length=1, max_length=4000)]


class PartyReason(Input):
    reason: Annotated[Line, Field(min_length=1, max_length=200)]


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
