"""Shapes of third parties, and of letters to them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field

from app.api.deps import Input
from app.api.fields import Day
from app.api.shapes import Shape
from app.casework.parties.models import ThirdParty
from app.casework.parties.rules import MayBeTold, PartyCheck, PartyKind
from app.core.ids import id_of
from app.core.text import Line, Paragraph
from app.core.vocabulary import Channel
from app.outreach.outbox.models import PartyLetter
from app.outreach.outbox.rules import Occasion, PartyLetterStatus


class PartyShape(Shape):
    """A third party. Numbers and addresses stay in the desk."""

    id: int
    kind: PartyKind
    name: str
    organisation: str
    reference: str
    country: str = Field(description="ISO 3166; empty = the customer's.")
    language: str
    timezone: str
    by_call: bool
    by_email: bool
    by_post: bool
    quiet_from: int | None = Field(
        description="Minutes after their midnight from which they want no contact."
    )
    quiet_until: int | None
    may_be_told: MayBeTold
    authority_from: date | None
    authority_until: date | None
    document_id: int | None
    proven: bool = Field(description="The paper that gives them authority is on file, where one is needed.")
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
            country=party.country,
            language=party.language,
            timezone=party.timezone,
            by_call=party.by_call,
            by_email=party.by_email,
            by_post=party.by_post,
            quiet_from=party.quiet_from,
            quiet_until=party.quiet_until,
            may_be_told=party.may_be_told,
            authority_from=party.authority_from,
            authority_until=party.authority_until,
            document_id=party.document_id,
            proven=party.is_proven,
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
    country: Annotated[
        Line, Field(max_length=2, description="Of their address, ISO 3166; empty = the customer's.")
    ] = ""
    language: Annotated[Line, Field(max_length=8, description="Empty = the customer's.")] = ""
    timezone: Annotated[Line, Field(max_length=60, description="IANA zone; empty = the customer's.")] = ""
    by_call: Annotated[bool, Field(description="They agree to be called.")] = True
    by_email: bool = True
    by_post: bool = True
    quiet_from: Annotated[
        int | None,
        Field(ge=0, le=1439, description="Minutes after their midnight from which they want no contact."),
    ] = None
    quiet_until: Annotated[int | None, Field(ge=0, le=1439)] = None
    authority_from: Day | None = None
    authority_until: Annotated[Day | None, Field(description="Last day; null = until it is withdrawn.")] = (
        None
    )
    document_id: Annotated[int | None, Field(ge=1, le=2**53, description="A document on file.")] = None
    note: Annotated[Line, Field(max_length=300)] = ""


class PartyContact(Input):
    channel: Annotated[Channel, Field(strict=False)]
    inbound: Annotated[bool, Field(description="They contacted us.")] = False
    reached: Annotated[
        bool, Field(description="They spoke, or were written to; false for a call that nobody answered.")
    ] = True
    note: Annotated[Paragraph, Field(min_length=1, max_length=4000)]


class ChangedPartyInput(NewPartyInput):
    """The third party as it is to stand; the kind stays."""

    reason: Annotated[Line, Field(min_length=1, max_length=200)]


class PartyIdentity(Input):
    asked: Annotated[
        list[Annotated[PartyCheck, Field(strict=False)]],
        Field(min_length=1, max_length=10, description="What was checked, never the answers."),
    ]


class PartyLetterShape(Shape):
    """What became of a letter to who stands in for the customer."""

    id: int
    occasion: Occasion
    party_id: int | None = Field(description="null = it goes to the estate.")
    status: PartyLetterStatus
    until: datetime | None = Field(
        description="Of a letter that waits: the gate is asked again from then on."
    )
    why: str

    @classmethod
    def of(cls, letter: PartyLetter) -> Self:
        return cls(
            id=id_of(letter),
            occasion=letter.occasion,
            party_id=letter.party_id,
            status=letter.status,
            until=letter.until,
            why=letter.why,
        )


class PartyReason(Input):
    reason: Annotated[Line, Field(min_length=1, max_length=200)]
