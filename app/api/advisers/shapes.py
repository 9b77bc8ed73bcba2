"""Advisers, proposals and lump payments as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Self

from pydantic import Field

from app.actions.advisers.addresses import KnownAddress
from app.actions.advisers.proposals import Weighed
from app.api.shapes import Money, Shape
from app.casework.advisers.models import Adviser, AdviserFile, AdviserReject, LumpPart, LumpPayment
from app.casework.advisers.queries import Client
from app.casework.advisers.rules import PartStatus, ProposalStatus
from app.casework.plans.rules import Cadence, PlanKind
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.vocabulary import Channel
from app.policy.facts import Suppression


class AdviserShape(Shape):
    """An adviser organisation."""

    code: str
    name: str
    authorisation: str
    email: str
    address: str
    by_post: bool = Field(description="It wants letters, not e-mail.")
    ended_at: datetime | None

    @classmethod
    def of(cls, row: Adviser) -> Self:
        return cls(
            code=row.code,
            name=row.name,
            authorisation=row.authorisation,
            email=row.email,
            address=row.address,
            by_post=row.by_post,
            ended_at=row.ended_at,
        )


class AddressShape(Shape):
    """An e-mail or postal address of an adviser."""

    channel: Channel
    address: str
    closed_since: datetime | None = Field(description="Nothing is sent there since then; null = it is used.")
    reason: Suppression | None
    detail: str

    @classmethod
    def of(cls, known: KnownAddress) -> Self:
        closed = known.closed
        return cls(
            channel=known.channel,
            address=known.address,
            closed_since=closed.since if closed else None,
            reason=closed.reason if closed else None,
            detail=closed.detail if closed else "",
        )


class ClientShape(Shape):
    """A customer for whom an adviser stands on file."""

    case: str | None
    reference: str = Field(description="The adviser's own number of the customer.")
    authority_from: date | None
    authority_until: date | None
    in_force: bool

    @classmethod
    def of(cls, client: Client, today: date) -> Self:
        return cls(
            case=client.case.reference if client.case else None,
            reference=client.reference,
            authority_from=client.party.authority_from,
            authority_until=client.party.authority_until,
            in_force=client.party.knows_on(today),
        )


class RejectShape(Shape):
    """A fault of a line that was not taken."""

    line: int
    reference: str
    field: str
    reason: str

    @classmethod
    def of(cls, row: AdviserReject) -> Self:
        return cls(line=row.line, reference=row.reference, field=row.field, reason=row.reason)


class FileShape(Shape):
    """A file of proposals, and what became of its lines."""

    id: int
    name: str
    read: int
    loaded: int
    unchanged: int
    rejected: int
    loaded_at: datetime
    proposed: int = Field(description="Proposals that wait for a decision.")
    accepted: int
    declined: int
    rejects: list[RejectShape]

    @classmethod
    def of(
        cls, row: AdviserFile, progress: dict[ProposalStatus, int], rejects: Sequence[AdviserReject]
    ) -> Self:
        return cls(
            id=id_of(row),
            name=row.name,
            read=row.read,
            loaded=row.loaded,
            unchanged=row.unchanged,
            rejected=row.rejected,
            loaded_at=row.loaded_at,
            proposed=progress[ProposalStatus.PROPOSED],
            accepted=progress[ProposalStatus.ACCEPTED],
            declined=progress[ProposalStatus.DECLINED],
            rejects=[RejectShape.of(each) for each in rejects],
        )


class ProposalShape(Shape):
    """A plan that an adviser proposes for one customer."""

    id: int
    line: int
    case: str
    status: ProposalStatus
    kind: PlanKind
    amount: Money = Field(description="Each payment.")
    cadence: Cadence
    first_due_on: date
    total: Money | None = Field(description="null = everything that is owed.")
    currency: str
    our_share: Money | None = Field(description="Our pro-rata share a month by its statement.")
    is_simple: bool = Field(description="It may be accepted with the others.")
    hindrance: str = Field(description="Why it cannot be accepted now.")
    beyond: str = Field(description="Why this token may not accept it alone.")
    doubts: list[str]
    plan: str | None
    why: str

    @classmethod
    def of(cls, weighed: Weighed, currency: str) -> Self:
        row = weighed.row
        share, total = weighed.share_minor, row.total_minor
        return cls(
            id=id_of(row),
            line=row.line,
            case=weighed.case.reference,
            status=row.status,
            kind=row.kind,
            amount=to_decimal_string(row.amount_minor, currency),
            cadence=row.cadence,
            first_due_on=row.first_due_on,
            total=None if total is None else to_decimal_string(total, currency),
            currency=currency,
            our_share=None if share is None else to_decimal_string(share, currency),
            is_simple=weighed.is_simple,
            hindrance=weighed.hindrance,
            beyond=weighed.beyond,
            doubts=[each.text for each in weighed.doubts],
            plan=None if row.plan_id is None else f"P-{row.plan_id:06d}",
            why=row.why,
        )


class LeftShape(Shape):
    """A proposal that is decided by itself, and why."""

    id: int
    line: int
    why: str


class BulkShape(Shape):
    accepted: list[str] = Field(description="References of the plans.")
    left: list[LeftShape]


class PartShape(Shape):
    """One part of a lump payment."""

    line: int
    reference: str
    amount: Money = Field(description="0 where it could not be read.")
    status: PartStatus
    why: str

    @classmethod
    def of(cls, part: LumpPart, currency: str) -> Self:
        return cls(
            line=part.n,
            reference=part.reference,
            amount=to_decimal_string(part.amount_minor, currency),
            status=part.status,
            why=part.why,
        )


class LumpShape(Shape):
    """A lump payment. Posted and waiting parts together are the whole of it."""

    id: int
    reference: str
    paid_on: date
    amount: Money
    currency: str
    posted: Money
    waiting: Money
    reversed_at: datetime | None
    parts: list[PartShape]

    @classmethod
    def of(cls, lump: LumpPayment, parts: Sequence[LumpPart], currency: str) -> Self:
        def total(status: PartStatus) -> str:
            return to_decimal_string(
                sum(part.amount_minor for part in parts if part.status is status), currency
            )

        return cls(
            id=id_of(lump),
            reference=lump.reference,
            paid_on=lump.paid_on,
            amount=to_decimal_string(lump.amount_minor, currency),
            currency=currency,
            posted=total(PartStatus.POSTED),
            waiting=total(PartStatus.WAITING),
            reversed_at=lump.reversed_at,
            parts=[PartShape.of(part, currency) for part in parts],
        )
