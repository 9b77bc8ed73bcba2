"""Decisions of the gate about a case, their outcomes, and any decision asked again."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Literal, Self

from pydantic import Field
from sqlmodel import col, select

from app.api.cases.answer_shapes import AnswerShape, ReasonShape
from app.api.deps import ApiCaseReader, Page, ReadSession, api_router
from app.api.fields import CaseRef, Cursor, Limit, RowId, after, case_id_of, page_of
from app.api.shapes import Shape
from app.casework.cases.queries import get_case
from app.casework.support_needs.sight import sight_of
from app.core.errors import Forbidden, NotFound
from app.core.ids import id_of
from app.core.staff.rules import CASEWORK
from app.core.timeline.models import Event
from app.core.types import JsonObject
from app.core.vocabulary import Channel, Purpose
from app.outreach.gate.decisions import replay
from app.outreach.gate.events import impersonal_reasons
from app.outreach.gate.queries import DECISION_OF, DECISIONS

router = api_router("/cases/{reference}/decisions", tags=["contacts"])

Name = Literal[
    "cleared", "waiting", "refused", "withheld", "sent", "simulated", "delivered", "failed", "unknown"
]


class DecisionShape(Shape):
    """An answer of the gate, or the result of a contact that it cleared. Addresses stay in the desk."""

    id: int
    at: datetime
    decision: Name
    channel: Channel | None
    purpose: Purpose | None
    letter: str
    step: str = Field(description="Of the strategy; empty for what a person began.")
    strategy: str = Field(examples=["standard@3"])
    pack: str = Field(description="Code and version of the policy pack that was asked; empty for an outcome.")
    not_before: str | None
    not_after: str | None
    reasons: list[ReasonShape]
    detail: str = Field(description="Why, in words, where it was not a rule of a pack.")
    by: str

    @classmethod
    def of(cls, event: Event, *, works: bool) -> Self:
        """`works`: the caller works cases, and reads why a customer is left alone."""
        data: JsonObject = json.loads(event.data)
        reasons = data.get("reasons") or []
        return cls.model_validate(
            {
                **{name: data.get(name, "") for name in ("letter", "step", "strategy", "pack")},
                **{name: data.get(name) for name in ("purpose", "not_before", "not_after")},
                "id": event.id,
                "at": event.at,
                "decision": DECISION_OF[event.kind],
                "channel": event.channel,
                "reasons": reasons if works else impersonal_reasons(reasons),
                "detail": data.get("reason") or data.get("error") or data.get("detail") or "",
                "by": event.by,
            }
        )


class ReplayShape(Shape):
    """An answer on record, and the one the same question gets under the same pack now."""

    id: int
    at: datetime
    same: bool
    recorded: AnswerShape
    again: AnswerShape


@router.get("", summary="List a case's decisions")
def list_decisions(
    reference: CaseRef,
    caller: ApiCaseReader,
    session: ReadSession,
    decision: Name | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> Page[DecisionShape]:
    """Every answer of the gate with all its reasons and figures, and every outcome, oldest first."""
    case = get_case(session, case_id_of(reference))
    kinds = DECISIONS[decision] if decision else tuple(DECISION_OF)
    query = select(Event).where(
        Event.case_id == case.id, col(Event.kind).in_(kinds), col(Event.id) > after(cursor)
    )
    rows = session.scalars(query.order_by(col(Event.id)).limit(limit + 1)).all()
    shown, next_cursor = page_of(rows, limit, lambda event: id_of(event))
    works = caller.role in CASEWORK
    return Page(items=[DecisionShape.of(event, works=works) for event in shown], next_cursor=next_cursor)


@router.get("/{decision_id}/replay", summary="Ask the gate again")
def get_decision_replay(
    reference: CaseRef, decision_id: RowId, caller: ApiCaseReader, session: ReadSession
) -> ReplayShape:
    """The gate's answer on record, and the answer it gives now to the same question, under the pack of that day. 404
    where the facts are not kept any more."""
    case = get_case(session, case_id_of(reference))
    event = session.get(Event, decision_id)
    if event is None or event.case_id != case.id:
        raise NotFound(f"Case {case.reference} has no decision {decision_id}. Take one of its list.")
    if not sight_of(session, case.customer_id, caller.role, caller.by).sees(event.kind, event.data):
        raise Forbidden(
            "This decision is for the people who work the case: it tells what the customer needs."
        )
    found = replay(session, decision_id)
    return ReplayShape(
        id=found.event_id,
        at=found.at,
        same=found.same,
        recorded=AnswerShape.model_validate(found.recorded),
        again=AnswerShape.model_validate(found.again),
    )
