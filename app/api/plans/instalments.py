"""Instalments of an agreement: what came for each, and their agreed changes."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Self

from fastapi import Path, Request
from pydantic import Field
from sqlmodel import Session

from app.actions.approvals.asking import ask_approval
from app.actions.plans.earlier_money import earlier_money
from app.actions.plans.instalments import move_instalment, skip_instalment
from app.api.approvals.shapes import ApprovalShape
from app.api.cases.lookup import case_named
from app.api.deps import ApiCaseReader, ApiCaseWorker, Input, OnceSession, ReadSession, api_router
from app.api.fields import CaseRef, Day, PlanRef, plan_id_of
from app.api.shapes import Money, Shape
from app.book.portfolios.models import Portfolio
from app.casework.approvals.rules import AskSkip
from app.casework.plans.limits import Grantor
from app.casework.plans.models import Plan
from app.casework.plans.queries import find_plan, plan_of
from app.casework.plans.tracking.payments import progress_of
from app.casework.plans.tracking.progress import InstalmentProgress, InstalmentState, PlanProgress
from app.core.clock import local_date
from app.core.ids import id_of
from app.core.money import to_decimal_string
from app.core.text import Paragraph
from app.http.context import Now, ports_of

router = api_router("/cases/{reference}/plans/{plan}", tags=["agreements"])

Number = Annotated[int, Path(ge=0, le=1000, description="Number of the instalment; 0 is the down payment.")]


class InstalmentProgressShape(Shape):
    """One instalment and what came for it."""

    n: int = Field(description="0 is the down payment.")
    due_on: date
    agreed_on: date = Field(description="Due date as first agreed; another one where it was moved.")
    amount: Money = Field(description="As agreed.")
    due: Money = Field(description="What falls due: skipped amounts fall due with the last instalment.")
    paid: Money
    short: Money
    state: InstalmentState
    paid_on: date | None
    grace_until: date = Field(description="The last day on which it can still be paid.")

    @classmethod
    def of(cls, line: InstalmentProgress, currency: str) -> Self:
        return cls(
            n=line.n,
            due_on=line.due_on,
            agreed_on=line.agreed_on,
            amount=to_decimal_string(line.amount, currency),
            due=to_decimal_string(line.due, currency),
            paid=to_decimal_string(line.paid, currency),
            short=to_decimal_string(line.short, currency),
            state=line.state,
            paid_on=line.paid_on,
            grace_until=line.grace_until,
        )


class PlanProgressShape(Shape):
    """An agreement as it stands now, with every payment until this moment."""

    reference: str = Field(examples=["P-000003"])
    currency: str
    on: date
    total: Money
    paid: Money
    left: Money
    overdue: Money = Field(description="What fell due and is missing.")
    beyond: Money = Field(description="What came beyond all instalments.")
    earlier: Money = Field(
        description="Paid before the agreement was offered and posted after that: it lowers the debt, and pays nothing "
        "of the agreement."
    )
    percent_done: int = Field(description="Share of the total that is paid, rounded down.")
    next_instalment: int | None = Field(description="Number of the instalment that is wanted next.")
    instalments: list[InstalmentProgressShape]

    @classmethod
    def of(cls, plan: Plan, standing: PlanProgress, earlier_minor: int, currency: str) -> Self:
        return cls(
            reference=plan.reference,
            currency=currency,
            on=standing.on,
            total=to_decimal_string(standing.total, currency),
            paid=to_decimal_string(standing.paid, currency),
            left=to_decimal_string(standing.left, currency),
            overdue=to_decimal_string(standing.overdue, currency),
            beyond=to_decimal_string(standing.beyond, currency),
            earlier=to_decimal_string(earlier_minor, currency),
            percent_done=standing.percent_done,
            next_instalment=standing.next.n if standing.next else None,
            instalments=[InstalmentProgressShape.of(line, currency) for line in standing.instalments],
        )


@router.get("/progress", summary="Show what came for each instalment")
def get_progress(
    reference: CaseRef, plan: PlanRef, _caller: ApiCaseReader, session: ReadSession, now: Now
) -> PlanProgressShape:
    """Payments matched to instalments: those that named one by its reference first, the rest to the oldest that is
    short. An ended agreement is shown as it stood when it ended."""
    return _progress(session, find_plan(session, case_named(session, reference), plan_id_of(plan)), now)


class NewDate(Input):
    due_on: Annotated[Day, Field(description="The new day, not before today and before the next instalment.")]
    reason: Annotated[Paragraph, Field(max_length=300)] = ""


@router.post("/instalments/{n}/move", summary="Move the due date of an instalment")
def post_move(
    request: Request,
    reference: CaseRef,
    plan: PlanRef,
    n: Number,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewDate,
) -> PlanProgressShape:
    """Agree on another day for one instalment; the agreement goes on. As often a month, and by as many days, as the
    portfolio permits."""
    found = plan_of(session, case_named(session, reference, lock=True), plan_id_of(plan))
    move_instalment(
        session, found, n, body.due_on, ports_of(request).catalog, body.reason, by=caller.by, now=now
    )
    return _progress(session, found, now)


class NewSkip(Input):
    reason: Annotated[Paragraph, Field(max_length=300)] = ""


@router.post("/instalments/{n}/skip", summary="Skip an instalment as agreed")
def post_skip(
    request: Request,
    reference: CaseRef,
    plan: PlanRef,
    n: Number,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewSkip,
) -> PlanProgressShape:
    """Skip one instalment, as often as the agreement says and the caller may grant beyond it in a year, and never two
    in a row. Its amount falls due with the last instalment."""
    found = plan_of(session, case_named(session, reference, lock=True), plan_id_of(plan))
    grantor = Grantor(caller.by, caller.role)
    skip_instalment(session, found, n, ports_of(request).catalog, body.reason, grantor=grantor, now=now)
    return _progress(session, found, now)


class NewSkipRequest(Input):
    reason: Annotated[Paragraph, Field(min_length=1, max_length=300, description="For the manager.")]


@router.post(
    "/instalments/{n}/skip/request", status_code=201, summary="Ask a manager to let an instalment be skipped"
)
def post_skip_request(
    reference: CaseRef,
    plan: PlanRef,
    n: Number,
    caller: ApiCaseWorker,
    session: OnceSession,
    now: Now,
    body: NewSkipRequest,
) -> ApprovalShape:
    """For a skip beyond what the agreement says and the caller may grant in a year. Approving it skips the
    instalment."""
    case = case_named(session, reference, lock=True)
    ask = AskSkip(plan_id_of(plan), n)
    made = ask_approval(session, case, ask, body.reason, by=caller.by, role=caller.role, now=now)
    return ApprovalShape.of(session.get_one(Portfolio, case.portfolio_id), made)


def _progress(session: Session, plan: Plan, now: Now) -> PlanProgressShape:
    portfolio = session.get_one(Portfolio, plan.portfolio_id)
    today = local_date(now, portfolio.timezone)
    earlier = earlier_money(session, [id_of(plan)]).get(id_of(plan), 0)
    return PlanProgressShape.of(plan, progress_of(session, plan, today), earlier, portfolio.currency)
