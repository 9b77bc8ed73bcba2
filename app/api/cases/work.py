"""Working a case: its owner, its callback, the strategy's tasks and the links to the customer's own pages."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Self

from pydantic import Field
from sqlmodel import col, select

from app.actions.assignment import assign_case, finish_case_task, forget_callback, hand_over_case
from app.actions.identity import confirm_identity
from app.actions.preferences import replace_links
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, Page, ReadSession, api_router
from app.api.fields import CaseRef, RowId
from app.api.shapes import Shape
from app.book.ledger.models import Customer
from app.casework.cases.identity import IdentityQuestion
from app.casework.presence.queries import viewers_of
from app.core.ids import id_of
from app.core.text import Line, Paragraph
from app.http.context import Now
from app.outreach.strategy.models import StrategyTask

router = api_router("/cases/{reference}", tags=["cases"])


class NewOwner(Input):
    owner: Annotated[Line, Field(max_length=64, description="User name; empty = nobody.")]
    seen_owner: Annotated[
        Line | None, Field(max_length=64, description="Refuse if the case is no longer with this user.")
    ] = None


class OwnerShape(Shape):
    case: str = Field(examples=["C-000012"])
    owner: str


@router.post("/owner", summary="Give a case to a member of staff")
def post_owner(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewOwner
) -> OwnerShape:
    """Assign the case. Only a manager gives it to another person, so an agent's token may not."""
    case = case_named(session, reference, lock=True)
    assign_case(
        session, case, body.owner, seen_owner=body.seen_owner, by=caller.by, role=caller.role, now=now
    )
    return OwnerShape(case=case.reference, owner=case.owner)


class NewHandOver(Input):
    to: Annotated[Line, Field(min_length=1, max_length=64, description="User name of the colleague.")]
    note: Annotated[Paragraph, Field(min_length=1, max_length=500, description="What they have to know.")]


@router.post("/hand-over", summary="Hand a case over to a colleague")
def post_hand_over_of_case(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewHandOver
) -> OwnerShape:
    """The colleague owns the case from now on and gets the note as a task. An agent's token hands over only a case
    without an owner; a manager's any."""
    case = case_named(session, reference, lock=True)
    hand_over_case(session, case, body.to, body.note, by=caller.by, role=caller.role, now=now)
    return OwnerShape(case=case.reference, owner=case.owner)


class ViewerShape(Shape):
    """A member of staff who has the case open now."""

    username: str
    calling_since: datetime | None = Field(description="null: looking, not on the telephone.")


@router.get("/viewers", summary="List who has a case open")
def list_viewers(
    reference: CaseRef, _caller: ApiCaseReader, session: ReadSession, now: Now
) -> Page[ViewerShape]:
    """List the people who have the case open in a browser at this moment, and who is on the telephone about it."""
    case_id = id_of(case_named(session, reference))
    viewers = viewers_of(session, [case_id], now).get(case_id, [])
    return Page(items=[ViewerShape(username=v.username, calling_since=v.calling_since) for v in viewers])


class NewReason(Input):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=300)]


class NewIdentityCheck(Input):
    asked: Annotated[
        list[Annotated[IdentityQuestion, Field(strict=False)]], Field(min_length=1, max_length=4)
    ]


class IdentityShape(Shape):
    case: str = Field(examples=["C-000012"])
    asked: list[IdentityQuestion]


@router.post("/identity-checks", summary="Record an identity check")
def post_identity_check(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewIdentityCheck
) -> IdentityShape:
    """Record which questions the person on the telephone was asked, never the answers."""
    case = case_named(session, reference, lock=True)
    confirm_identity(session, case, body.asked, by=caller.by, now=now)
    return IdentityShape(case=case.reference, asked=body.asked)


class CallbackShape(Shape):
    case: str = Field(examples=["C-000012"])
    callback_at: datetime | None


@router.post("/callback/cancellation", summary="Cancel a callback")
def post_callback_cancellation(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now, body: NewReason
) -> CallbackShape:
    """The customer is not called back at the time that was agreed. A new callback comes with a call (`/calls`)."""
    case = case_named(session, reference, lock=True)
    forget_callback(session, case, body.reason, by=caller.by, now=now)
    return CallbackShape(case=case.reference, callback_at=case.callback_at)


class TaskShape(Shape):
    """A task that the strategy sets for a person."""

    id: int
    step: str
    text: str
    due_on: date
    done_at: datetime | None
    done_by: str

    @classmethod
    def of(cls, task: StrategyTask) -> Self:
        return cls(
            id=id_of(task),
            step=task.step,
            text=task.text,
            due_on=task.due_on,
            done_at=task.done_at,
            done_by=task.done_by,
        )


@router.get("/tasks", summary="List a case's tasks")
def list_tasks(reference: CaseRef, _caller: ApiCaseReader, session: ReadSession) -> Page[TaskShape]:
    """Tasks that the strategy set, the oldest first, done ones too."""
    case = case_named(session, reference)
    query = select(StrategyTask).where(StrategyTask.case_id == case.id).order_by(col(StrategyTask.id))
    return Page(items=[TaskShape.of(task) for task in session.scalars(query)])


@router.post("/tasks/{task_id}/done", summary="Mark a task as done")
def post_task_done(
    reference: CaseRef, task_id: RowId, caller: ApiCaseWorker, session: OnceSession, now: Now
) -> TaskShape:
    """Mark a task of the strategy as done."""
    case = case_named(session, reference, lock=True)
    return TaskShape.of(finish_case_task(session, case, task_id, by=caller.by, now=now))


class LinksShape(Shape):
    customer_ref: str
    links_from: int = Field(description="Number of the links that work fully from now on.")


@router.post("/links/replacement", summary="Replace the links to a customer's own pages")
def post_links_replacement(
    reference: CaseRef, caller: ApiCaseWorker, session: OnceSession, now: Now
) -> LinksShape:
    """Replace links that another person holds: links in earlier messages only stop messages from now on."""
    case = case_named(session, reference, lock=True)
    customer = session.get_one(Customer, case.customer_id)
    replace_links(session, customer, by=caller.by, now=now)
    return LinksShape(customer_ref=customer.reference, links_from=customer.link_number)
