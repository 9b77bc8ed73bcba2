"""Support needs of a case's customer: listed, recorded, kept, ended; shown outside casework for a reason."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from fastapi import Request
from pydantic import Field

from app.actions.holds import end_treatment
from app.actions.people import support_needs as acts
from app.api.cases.lookup import case_named
from app.api.cases.shapes import HoldShape
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, Day, RowId
from app.api.shapes import Shape
from app.casework.support_needs.catalog import label_of, support_needs
from app.casework.support_needs.models import SupportNeed
from app.casework.support_needs.queries import needs_of, seen_by
from app.casework.support_needs.rules import Audience, Basis, ToldBy, effect_words
from app.casework.support_needs.service import NewNeed
from app.core.errors import Invalid
from app.core.ids import id_of
from app.core.staff.rules import CASEWORK
from app.core.text import Line
from app.http.context import Now, ports_of

router = api_router("/cases/{reference}", tags=["contacts"])


class NeedShape(Shape):
    """What a customer needs from us, and what that does. Never why."""

    id: int
    code: str
    label: str
    note: str
    basis: Basis
    told_by: ToldBy
    audience: Audience
    review_on: date
    effects: list[str] = Field(description="What it does, in words.")
    script: list[str] = Field(description="What a colleague does in a call.")
    recorded_at: datetime
    by: str
    ended_at: datetime | None
    end_reason: str

    @classmethod
    def of(cls, row: SupportNeed) -> Self:
        need = support_needs().get(row.code)
        return cls(
            id=id_of(row),
            code=row.code,
            label=label_of(row.code),
            note=row.note,
            basis=row.basis,
            told_by=row.told_by,
            audience=row.audience,
            review_on=row.review_on,
            effects=[effect_words(effect) for effect in need.effects] if need else [],
            script=list(need.script) if need else [],
            recorded_at=row.created_at,
            by=row.by,
            ended_at=row.ended_at,
            end_reason=row.end_reason,
        )


class NewNeedInput(Input):
    code: Annotated[Line, Field(max_length=40, examples=["large_print"])]
    basis: Annotated[Basis, Field(strict=False)]
    told_by: Annotated[ToldBy, Field(strict=False)]
    note: Annotated[Line, Field(max_length=120, description="The support in a few words; no illness.")] = ""
    audience: Annotated[
        Audience | None, Field(strict=False, description="null = as the list of needs has it.")
    ] = None
    review_on: Annotated[Day | None, Field(description="null = as the list of needs has it.")] = None
    places: Annotated[
        list[Annotated[str, Field(max_length=20)]],
        Field(max_length=20, description="Keys of the contact points that are withheld with it."),
    ] = []
    question_id: Annotated[
        int | None,
        Field(ge=1, le=2**53, description="The question whose words this takes up; it is answered."),
    ] = None


class NeedReview(Input):
    basis: Annotated[
        Basis | None, Field(strict=False, description="The customer has said so now; null = as before.")
    ] = None
    review_on: Annotated[Day | None, Field(description="null = as the list of needs has it.")] = None


class NeedReason(Input):
    reason: Annotated[Line, Field(min_length=1, max_length=200)]


class TreatmentEnd(NeedReason):
    treated_until: Annotated[Day, Field(description="Last day of the treatment.")]


@router.get("/support-needs", summary="List a customer's support needs")
def list_support_needs(reference: CaseRef, caller: ApiCaseReader, session: ReadSession) -> Page[NeedShape]:
    """Those that this role may see: open ones first, then those that ended. The legal team sees none here."""
    case = case_named(session, reference)
    seen = seen_by(needs_of(session, case.customer_id), caller.role, caller.by)
    return Page(items=[NeedShape.of(row) for row in (*seen.open, *seen.ended)])


@router.post("/support-needs", status_code=201, summary="Record a support need")
def post_support_need(
    reference: CaseRef,
    request: Request,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewNeedInput,
) -> NeedShape:
    """It acts at once: preferences and holds that the gate obeys, letters in large print, places that are withheld."""
    case = case_named(session, reference, lock=True)
    new = NewNeed(body.code, body.basis, body.told_by, body.note, body.audience, body.review_on)
    letters = ports_of(request).catalog
    row = acts.record_need(
        session, case, new, letters, places=body.places, question_id=body.question_id, by=caller.by, now=now
    )
    return NeedShape.of(row)


@router.post("/support-needs/{need_id}/review", summary="Keep a support need")
def post_support_need_review(
    reference: CaseRef,
    need_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NeedReview,
) -> NeedShape:
    """A person looked at it; what another person told is confirmed with the customer by `basis`."""
    case = case_named(session, reference, lock=True)
    row = acts.keep_support_need(
        session, case, need_id, basis=body.basis, review_on=body.review_on, by=caller.by,
        role=caller.role, now=now,
    )  # fmt: skip
    return NeedShape.of(row)


@router.post("/support-needs/{need_id}/end", summary="End a support need")
def post_support_need_end(
    reference: CaseRef,
    need_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NeedReason,
) -> NeedShape:
    """All that it placed ends with it, and nothing else."""
    case = case_named(session, reference, lock=True)
    row = acts.end_need(session, case, need_id, body.reason, by=caller.by, role=caller.role, now=now)
    return NeedShape.of(row)


@router.post("/support-needs/disclosure", summary="Show support needs for a reason")
def post_support_need_disclosure(
    reference: CaseRef, caller: ApiCaseReader, session: OnceSession, now: Now, body: NeedReason
) -> Page[NeedShape]:
    """For who works no case: the open needs once. That they were shown, to whom and why is put on record."""
    case = case_named(session, reference, lock=True)
    if caller.role in CASEWORK:
        raise Invalid("Your role reads support needs by the list. Nothing is to be disclosed.")
    shown = acts.disclose_needs(session, case, body.reason, by=caller.by, now=now)
    return Page(items=[NeedShape.of(row) for row in shown])


@router.post("/holds/{hold_id}/treatment", summary="Enter the end of a crisis treatment")
def post_hold_treatment(
    reference: CaseRef,
    hold_id: RowId,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: TreatmentEnd,
) -> HoldShape:
    """The moratorium gets its end by law; days count again and the case comes back to the queue after it."""
    case = case_named(session, reference, lock=True)
    hold = acts.seen_hold(session, case, hold_id, caller.role, caller.by)
    end_treatment(session, hold, body.treated_until, body.reason, by=caller.by, now=now)
    return HoldShape.of(hold)
